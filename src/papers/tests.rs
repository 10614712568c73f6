use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use retrocall_words::{
    Practice,
    retention::{Calendar, Period, Periods},
};

use super::*;
use crate::text::Texts;

/// A desk that samples one call in ten, with a key for the customer.
fn desk() -> Facts {
    let practice = Practice { one_in: 10, object_keys: Some("3".to_owned()), ..Practice::default() };
    let named = |text: &str| Some(text.to_owned());
    let controller = Controller {
        name: named("Example Ltd"),
        contact: named("desk@example.com"),
        officer: named("officer@example.com"),
        page: None,
    };
    Facts {
        periods: Periods::default(),
        calendar: Calendar::default(),
        practice,
        controller,
        in_force: InForce { version: 2, since: "2026-11-24".parse().ok() },
    }
}

fn letter(kind: LetterKind) -> Letter {
    let one = LetterRecording {
        start: "2026-11-24T09:00:00Z".parse().expect("a time"),
        seconds: Some(45.0),
        purposes: vec!["incident".to_owned(), "quality".to_owned()],
    };
    let day = |text: &str| text.parse::<Date>().expect("a day");
    Letter {
        kind,
        reference: "r-1".to_owned(),
        received_on: day("2026-11-25"),
        due_on: day("2026-12-25"),
        written_on: day("2026-12-01"),
        extension: Some("many recordings".to_owned()),
        ground: Some("it belongs to an open case".to_owned()),
        recordings: vec![one.clone()],
        refused: vec![one.clone()],
        deferred: vec![one.clone()],
        unnumbered: vec![one],
        recipients: vec!["the police".to_owned()],
    }
}

/// Every paper of a desk, as text.
fn papers(facts: &Facts, language: Language) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([
        ("notice".to_owned(), notice(facts, language).expect("a notice").markdown()),
        ("article-30".to_owned(), record(facts, language).paper(facts).markdown()),
        ("assessment".to_owned(), assessment(facts, language).markdown()),
        ("works-council".to_owned(), works_council(facts, language).markdown()),
        ("staff".to_owned(), staff(facts, language).markdown()),
    ]);
    for kind in LetterKind::ALL {
        all.insert(format!("letter {}", kind.as_str()), letter(kind).paper(facts, language).markdown());
    }
    all
}

/// The keys of a source's messages, with what stands behind each.
fn messages(source: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(" = ").filter(|(key, _)| !key.starts_with([' ', '}', '['])) {
            Some((key, text)) => all.push((key.to_owned(), text.to_owned())),
            None => {
                if let Some((_, text)) = all.last_mut() {
                    text.push('\n');
                    text.push_str(line);
                }
            }
        }
    }
    all
}

#[test]
fn both_languages_have_the_same_messages_and_all_can_be_said() {
    let keys = |language: Language| -> BTreeSet<String> {
        language.sources().iter().flat_map(|source| messages(source)).map(|(key, _)| key).collect()
    };
    assert_eq!(keys(Language::En), keys(Language::Nl));
    for language in Language::ALL {
        let texts = Texts::of(language);
        let mut values = facts::values(&desk(), language, &texts);
        let own = [
            "n",
            "name",
            "purpose",
            "basis",
            "rule",
            "ceiling",
            "reference",
            "received",
            "count",
            "ground",
            "start",
            "has_length",
            "length",
            "kept_for",
            "recipients",
            "reason",
            "due",
        ];
        own.into_iter().for_each(|name| values.set(name, "x"));
        for key in keys(language) {
            texts.said(&key, &values).unwrap_or_else(|error| panic!("{language:?}: {error}"));
        }
        let said: Vec<String> = papers(&desk(), language).into_values().collect();
        for key in keys(language) {
            assert!(said.iter().all(|text| !text.lines().any(|line| line == key)), "{key} is printed as its key");
        }
    }
}

/// A figure in a text would stay when the policy changes.
#[test]
fn no_message_has_a_figure_of_its_own_but_articles_of_law() {
    let numbers = [
        "three", "four", "six", "seven", "nine", "ten", "twelve", "thirteen", "fourteen", "thirty", "ninety", "drie",
        "vier", "zes", "zeven", "negen", "tien", "twaalf", "dertien", "veertien", "dertig", "negentig",
    ];
    for language in Language::ALL {
        for (key, text) in language.sources().iter().flat_map(|source| messages(source)) {
            // What stands in braces has no figures, the names of variants and articles of law do.
            let mut plain = String::new();
            for word in text.split_whitespace() {
                let is_law = plain.trim_end().ends_with("article") || plain.trim_end().ends_with("artikel");
                if !is_law && !word.trim_start_matches('*').starts_with('[') {
                    plain.push_str(word);
                }
                plain.push(' ');
            }
            assert!(!plain.contains(|c: char| c.is_ascii_digit()), "{key} has a figure: {text}");
            let words = plain.to_lowercase();
            let written = words.split(|c: char| !c.is_alphabetic()).find(|word| numbers.contains(word));
            assert_eq!(written, None, "{key}: {text}");
        }
    }
}

#[test]
fn a_period_that_changes_changes_the_papers_that_say_it() {
    for language in Language::ALL {
        let before = papers(&desk(), language);
        for period in Period::ALL {
            if period.least() == period.most() {
                continue;
            }
            let other = if period.default() == period.least() { period.most() } else { period.least() };
            let facts = Facts { periods: Periods::default().with(period, other.into()).expect("in range"), ..desk() };
            let after = papers(&facts, language);
            let changed: Vec<&String> = before.keys().filter(|name| before[*name] != after[*name]).collect();
            assert!(!changed.is_empty(), "{} is in no paper ({language:?})", period.as_str());
            for name in changed {
                assert!(after[name].contains(&other.to_string()), "{name} does not say {other}");
            }
        }
    }
}

#[test]
fn a_setting_that_changes_changes_the_papers_that_say_it() {
    let of = |practice: Practice| Facts { practice, ..desk() };
    let usual = desk().practice;
    let changes = [
        of(Practice { one_in: 7, ..usual.clone() }),
        of(Practice { one_in: 0, ..usual.clone() }),
        of(Practice { after_hangup_s: 15, ..usual.clone() }),
        of(Practice { objection_covers_record: true, ..usual.clone() }),
        of(Practice { keep_agent_on_hold: true, ..usual.clone() }),
        of(Practice { object_keys: Some("5".to_owned()), ..usual.clone() }),
        of(Practice { review_per_week: Some(25), ..usual }),
    ];
    for language in Language::ALL {
        for changed in &changes {
            assert_ne!(papers(&desk(), language), papers(changed, language), "{changed:?}");
        }
        let after = papers(&changes[2], language);
        for name in ["notice", "assessment", "staff", "article-30"] {
            assert!(after[name].contains("15 second"), "{name} does not say how late a press may come");
        }
    }
}

#[test]
fn d12_the_spoken_notice_says_what_is_set_within_twenty_seconds() {
    let said = spoken(&desk(), Language::Nl).expect("a notice");
    assert_eq!(
        said,
        "Een op de 10 gesprekken bewaren wij voor coaching; toets 3 als u dat niet wilt. Bij onacceptabel gedrag kunnen wij het hele gesprek \
         bewaren, ook na toets 3. Zie …/opnames."
    );
    for language in Language::ALL {
        let seconds = reading_seconds(&spoken(&desk(), language).expect("a notice"));
        assert!((5.0..=SPOKEN_SECONDS_MAX).contains(&seconds), "{seconds} s");
    }
    let mut long = desk();
    long.controller.page = Some("www.example.com/".repeat(20));
    assert!(matches!(spoken(&long, Language::En), Err(SpokenError::TooLong(_))));
}

#[test]
fn the_spoken_notice_is_refused_while_its_key_is_not_wired() {
    let mut facts = desk();
    facts.practice.object_keys = None;
    assert_eq!(spoken(&facts, Language::En), Err(SpokenError::NoKey));
    assert!(notice(&facts, Language::En).is_err());
    let page = long_notice(&facts, Language::En).markdown();
    assert!(page.contains("Tell the agent during the call") && !page.contains("Press 3"), "{page}");
    // Without a sample there is nothing to press for.
    facts.practice.one_in = 0;
    assert!(!spoken(&facts, Language::En).expect("a notice").contains("press"));
}

#[test]
fn the_long_notice_has_the_criteria_of_each_purpose_and_says_that_every_call_is_in_memory() {
    let page = long_notice(&desk(), Language::En).markdown();
    for part in
        ["held in the memory", "14 days", "6 months", "7 working days", "72 hours", "3 months", "90 days", "24 months"]
    {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    let page = long_notice(&desk(), Language::Nl).markdown();
    for part in
        ["in het geheugen", "14 dagen", "6 maanden", "7 werkdagen", "72 uur", "3 maanden", "90 dagen", "24 maanden"]
    {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
}

#[test]
fn the_works_council_is_told_what_root_can_do_and_what_erasure_cannot_promise() {
    let sheet = works_council(&desk(), Language::En).markdown();
    for part in [
        "What root can do",
        "steer it",
        "What erasure can't promise",
        "encrypted volume",
        "One call in 10",
        "13 months",
    ] {
        assert!(sheet.contains(part), "{part} is missing in\n{sheet}");
    }
}

#[test]
fn what_the_settings_do_not_say_a_paper_says_is_missing() {
    let facts = Facts { controller: Controller::default(), ..desk() };
    let record = record(&facts, Language::En);
    assert_eq!(record.controller, "(not set: controller in [papers] of retrocall.toml)");
    assert_eq!(record.activities.len(), 7);
    assert!(record.paper(&facts).markdown().contains("not set: officer"));
}

#[test]
fn d16_d17_letters_say_what_was_found_what_was_refused_and_what_is_erased() {
    let said = |kind| letter(kind).paper(&desk(), Language::En).markdown();
    let copy = said(LetterKind::Copy);
    assert!(copy.contains("call of 2026-11-24 10:00, 45 seconds; kept for: Incident, Coaching sample"), "{copy}");
    assert!(said(LetterKind::NothingHeld).contains("hold none"));
    assert!(said(LetterKind::Refused).contains("The ground: it belongs to an open case"));
    let erased = said(LetterKind::Erased);
    for part in ["is erased too", "The ground: it belongs", "the police", "can't be promised"] {
        assert!(erased.contains(part), "{part} is missing in\n{erased}");
    }
    for kind in LetterKind::ALL {
        assert!(said(kind).contains("One recording was recovered after a fault without a number"), "in every answer");
    }
}
