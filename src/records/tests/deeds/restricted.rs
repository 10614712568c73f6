//! What is the officer's alone because nobody said that its case is still needed (D11), and what needs the yes of each who pressed (D8).

use super::*;
use crate::desk::{
    Approved, Completion, Filter, Listening as _, NewPurpose, Proposals as _, Restricting as _, Use, UseKind,
};

beside_each_home! {
    d11_a_case_without_an_answer_is_the_officers_alone_until_somebody_says_that_it_is_needed,
    d11_an_answer_does_not_lift_what_an_objection_restricts_nor_the_officers_decision_what_waits_for_an_answer,
    d8_each_agent_who_pressed_says_yes_and_no_other_word_for_it_gets_around_that,
}

fn day(days: i64) -> Timestamp {
    hour(24 * days)
}

fn to_listen() -> Use {
    Use { kind: UseKind::Play, why: "to listen".into(), of: None }
}

fn d11_a_case_without_an_answer_is_the_officers_alone_until_somebody_says_that_it_is_needed() {
    let closed = Closed::with(1);
    let (desk, id) = (&closed.desk, closed.pressed.as_str());
    let case = desk.open_case(&tom(), id, hour(0)).unwrap();
    let listed =
        |who: &Person| desk.list(who, &Filter::default(), None).unwrap().recordings.iter().any(|one| one.id == id);
    assert_eq!(desk.restrict_unanswered(day(89)), Ok(vec![]));
    desk.used(&tom(), id, &to_listen(), day(89)).unwrap();

    // Nobody hears it from the moment on at which the answer is late, and the next sweep hides it.
    assert_eq!(desk.used(&tom(), id, &to_listen(), day(91)), Err(NotDone::Unknown));
    assert_eq!(desk.sound(&tom(), id, day(91)), Err(NotDone::Unknown));
    assert_eq!(desk.restrict_unanswered(day(91)), Ok(vec![id.to_owned()]));
    assert_eq!(desk.restrict_unanswered(day(91)), Ok(vec![]), "it is already");
    for who in [tom(), anna(), hanna()] {
        assert_eq!(desk.story(&who, id), Err(NotDone::Unknown));
        assert_eq!(desk.used(&who, id, &to_listen(), day(92)), Err(NotDone::Unknown));
        assert!(!listed(&who), "{}", who.name);
    }
    assert_eq!(desk.dismiss(&tom(), id, "by mistake", day(92)), Err(NotDone::Unknown));
    let of_case = |who: &Person| desk.all_cases(who).unwrap().remove(0).recordings;
    assert_eq!((of_case(&tom()), of_case(&olga())), (vec![], vec![id.to_owned()]));
    assert_eq!(desk.story(&olga(), id).unwrap().recording.life, Life::Restricted);
    desk.used(&olga(), id, &to_listen(), day(92)).unwrap();

    desk.still_needed(&tom(), &case, day(100)).unwrap();
    desk.used(&tom(), id, &to_listen(), day(100)).unwrap();
    assert_eq!((listed(&tom()), of_case(&tom())), (true, vec![id.to_owned()]));
    assert_eq!(desk.restrict_unanswered(day(100)), Ok(vec![]));

    // The same once more, and the officer's decision lifts it: the case is closed.
    assert_eq!(desk.restrict_unanswered(day(191)), Ok(vec![id.to_owned()]));
    desk.close_case(&olga(), &case, "settled", None, day(192)).unwrap();
    desk.used(&tom(), id, &to_listen(), day(193)).unwrap();
    let deeds = closed.deeds();
    let by_rule = deeds.iter().filter(|deed| deed["by"].is_null()).map(|deed| deed["deed"].as_str().unwrap());
    let found: Vec<_> = by_rule.filter(|deed| deed.contains("restricted")).collect();
    assert_eq!(found, ["restricted", "unrestricted", "restricted", "unrestricted"]);
    assert_eq!(closed.found(), []);
}

fn d11_an_answer_does_not_lift_what_an_objection_restricts_nor_the_officers_decision_what_waits_for_an_answer() {
    let closed = Closed::with(1);
    let (desk, both) = (&closed.desk, closed.both());
    let case = desk.open_case(&tom(), &both, hour(0)).unwrap();
    let note = desk.review(&hanna(), &both, &moment("asks twice"), hour(1)).unwrap().note.unwrap();
    let life = || desk.story(&olga(), &both).unwrap().recording.life;
    assert_eq!((desk.restrict_unanswered(day(91)), life()), (Ok(vec![]), Life::Kept), "the sample needs it as well");
    desk.reply(&anna(), &note, ReplyKind::Objection, "not so", day(92)).unwrap();
    desk.still_needed(&tom(), &case, day(93)).unwrap();
    assert_eq!((desk.restrict_unanswered(day(93)), life()), (Ok(vec![]), Life::Restricted), "the officer decides");
    // Upheld, only the case needs it: and nobody answers for that.
    desk.decide(&olga(), &note, Decision::Upheld, "it was not", day(193)).unwrap();
    assert_eq!(life(), Life::Restricted);
    // Whatever a restore brings back: the next sweep looks at what is restricted too.
    desk.still_needed(&olga(), &case, day(194)).unwrap();
    assert_eq!(life(), Life::Kept);
    execute(&closed.home, "UPDATE recordings SET life = 'restricted'");
    assert_eq!((desk.restrict_unanswered(day(195)), life()), (Ok(vec![]), Life::Kept));
}

fn d8_each_agent_who_pressed_says_yes_and_no_other_word_for_it_gets_around_that() {
    let closed = Closed::with(1);
    execute(
        &closed.home,
        r#"UPDATE recordings SET marks = '{"record":[[0.5,"anna"],[0.6,"bert"],[0.7,"anna"]]}' WHERE reasons = 'on-demand'"#,
    );
    let (desk, id, bert) = (&closed.desk, closed.pressed.as_str(), person("bert", &[DeskRole::Agent], Some("bert")));
    let new = |purpose: &str| NewPurpose {
        purpose: purpose.into(),
        reason: "the quarter".into(),
        basis: "legitimate interest".into(),
        until: "it was held".into(),
        review_on: day_of(day(60)),
        compatibility: Some("it is about the call".into()),
        informed_on: Some(day_of(hour(0))),
    };
    let whole = Completion::default();
    for word in ["evaluation", "appraisal", "Beoordelingsgesprek", "insurance claim about the agent"] {
        let proposal = desk.propose_purpose(&tom(), id, &new(word), hour(1)).unwrap();
        let awaits = |who: &Person| {
            let all = desk.proposals(who).unwrap();
            all.into_iter().find(|one| one.proposal == proposal).map(|one| one.awaits)
        };
        assert_eq!(awaits(&tom()).unwrap(), ["anna", "bert"]);
        assert!(matches!(desk.approve(&olga(), &proposal, &whole, hour(2)), Err(NotDone::Conflict(_))), "{word}");
        assert_eq!(desk.approve(&anna(), &proposal, &whole, hour(2)), Ok(Approved::Agreed));
        // One yes is not the other's.
        assert!(matches!(desk.approve(&olga(), &proposal, &whole, hour(3)), Err(NotDone::Conflict(_))), "{word}");
        assert!(matches!(desk.approve(&anna(), &proposal, &whole, hour(3)), Err(NotDone::NotAllowed(_))));
        assert_eq!(awaits(&tom()).unwrap(), ["bert"]);
        if word == "appraisal" {
            desk.refuse_proposal(&bert, &proposal, "no", hour(4)).unwrap();
            continue;
        }
        assert_eq!(desk.approve(&bert, &proposal, &whole, hour(4)), Ok(Approved::Agreed));
        assert_eq!(desk.approve(&olga(), &proposal, &whole, hour(5)), Ok(Approved::Decided));
    }
    // What judges nobody asks nobody, however it is written; teaching material has a way of its own, however it is written.
    for word in ["insurance-claim", " Insurance Claim", "legal_claim"] {
        let proposal = desk.propose_purpose(&tom(), id, &new(word), hour(6)).unwrap();
        assert_eq!(desk.approve(&olga(), &proposal, &whole, hour(7)), Ok(Approved::Decided), "{word}");
    }
    assert!(desk.propose_purpose(&tom(), id, &new(" Training"), hour(8)).is_err());
    assert_eq!(closed.found(), []);
}
