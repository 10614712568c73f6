//! What an officer decides about a request, as pages and programs send it: one word, at most one recording, and at most one text.
//!
//! Belongs here: from what was sent to the desk's verb. Does not: who may, what follows (the verbs).

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};
use retrocall_records::desk::{
    Entered, Erasures as _, HomeDesk, NotDone, Orders as _, Person, RequestKind, Requests as _, Subject,
};
use retrocall_words::{Country, Customer, Word as _, name, retention::Calendar};

use super::answer::{Answer, Refusal};

/// Characters of a text.
const TEXT_CHARS_MAX: usize = 4_000;

retrocall_words::words! {
    /// What can be decided.
    pub enum Deed {
        /// A recording is theirs; the text says how identity was checked.
        Confirm = "confirm",
        /// A recording is not theirs; the text says why.
        Exclude = "exclude",
        /// The answer takes longer; the text says why.
        Extend = "extend",
        /// No copy is given; the text is the ground.
        Refuse = "refuse",
        /// One recording is erased, or all that wait; the text, if there is one, says how identity was checked.
        Grant = "grant",
        /// One recording is not erased, or none of those that wait; the text is the ground.
        Keep = "keep",
        /// The confirmed ones leave the home; the text says where to.
        Export = "export",
        /// It waits for a site no longer; the text says why.
        LetGo = "let-go",
        /// The answer was sent.
        Answered = "answered",
    }
}

/// What was sent.
pub(crate) struct Decision {
    pub deed: Deed,
    pub recording: Option<String>,
    /// Of a centre.
    pub site: Option<String>,
    pub text: Option<String>,
}

impl Decision {
    /// Reads what was sent: nothing is taken that says nothing, or too much.
    pub(crate) fn read(deed: Option<&str>, recording: Option<String>, text: Option<&str>) -> Answer<Decision> {
        let deed = deed.and_then(Deed::read).ok_or(Refusal::Incomplete)?;
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            return Err(Refusal::TooLong(TEXT_CHARS_MAX));
        }
        let text = text.map(|text| text.replace("\r\n", "\n").replace('\0', ""));
        Ok(Decision { deed, recording: recording.filter(|id| !id.is_empty()), site: None, text })
    }

    /// The same, about a site.
    pub(crate) fn about(self, site: Option<String>) -> Decision {
        Decision { site: site.filter(|id| !id.is_empty()), ..self }
    }

    /// Does it.
    pub(crate) fn carry_out(&self, desk: &HomeDesk, who: &Person, request: &str, now: Timestamp) -> Answer<()> {
        let recording = self.recording.as_deref();
        let one = || recording.ok_or(Refusal::Incomplete);
        let text = || self.text.as_deref().ok_or(Refusal::Incomplete);
        match self.deed {
            Deed::Confirm => desk.confirm(who, request, one()?, text()?, now)?,
            Deed::Exclude => desk.exclude(who, request, one()?, text()?, now)?,
            Deed::Extend => desk.extend(who, request, text()?, now)?,
            Deed::Refuse => desk.refuse(who, request, text()?, now)?,
            Deed::Grant => drop(desk.grant_erasure(who, request, recording, self.text.as_deref(), now)?),
            Deed::Keep => drop(desk.refuse_erasure(who, request, recording, text()?, now)?),
            Deed::Export => drop(desk.exporting(who, request, text()?, now)?),
            Deed::LetGo => {
                let site = self.site.as_deref().ok_or(Refusal::Incomplete)?;
                desk.let_go(who, request, site, text()?, now)?;
            }
            Deed::Answered => drop(desk.answered(who, request, now)?),
        }
        Ok(())
    }
}

/// A request that is to be entered, as it was typed.
#[derive(Default)]
pub(crate) struct Typed<'a> {
    pub kind: Option<&'a str>,
    pub customer: Option<&'a str>,
    pub agent: Option<&'a str>,
    pub around: Option<&'a str>,
    pub recording: Option<&'a str>,
    pub received_on: Option<&'a str>,
    pub reason: Option<&'a str>,
}

/// A request that is to be entered.
pub(crate) struct NewRequest {
    pub kind: RequestKind,
    of: Subject,
    received_on: Date,
    reason: Option<String>,
}

impl NewRequest {
    /// Reads what was typed. Without a day it was received today.
    pub(crate) fn read(typed: &Typed<'_>, country: Country, calendar: &Calendar, now: Timestamp) -> Answer<NewRequest> {
        let kind = typed.kind.and_then(RequestKind::read).ok_or(Refusal::Incomplete)?;
        let today = calendar.day_of(now);
        let received_on = typed.received_on.map_or(Ok(today), str::parse).map_err(|_| Refusal::Incomplete)?;
        let reason = Decision::read(Some(Deed::Keep.as_str()), None, typed.reason)?.text;
        if kind == RequestKind::Erasure && reason.is_none() {
            return Err(Refusal::Incomplete);
        }
        Ok(NewRequest { kind, of: subject(kind, typed, country, calendar)?, received_on, reason })
    }

    /// Enters it.
    pub(crate) fn enter(&self, desk: &HomeDesk, who: &Person, now: Timestamp) -> Result<Entered, NotDone> {
        match self.kind {
            RequestKind::Access => desk.open_request(who, &self.of, self.received_on, now),
            RequestKind::Erasure => {
                let reason = self.reason.as_deref().unwrap_or_default();
                desk.erase(who, &self.of, reason, None, self.received_on, now)
            }
        }
    }
}

/// Whose recordings it is about: one of a number, an agent (at some time), or one recording.
fn subject(kind: RequestKind, typed: &Typed<'_>, country: Country, calendar: &Calendar) -> Answer<Subject> {
    let named = |text: &str| name(text).map_err(|_| Refusal::Incomplete);
    match (kind, typed.customer, typed.agent, typed.recording) {
        (_, Some(number), None, None) => Ok(Subject::of_customer(Customer::from(named(number)?), country)),
        // All that an agent ever said is never erased with one word.
        (RequestKind::Access, None, Some(agent), None) => {
            let agent = named(agent)?;
            let Some(around) = typed.around else { return Ok(Subject::Agent(agent)) };
            Ok(Subject::Around { agent, at: moment(around, calendar).ok_or(Refusal::Incomplete)? })
        }
        (RequestKind::Erasure, None, None, Some(id)) => Ok(Subject::Recording(id.to_owned())),
        _ => Err(Refusal::Incomplete),
    }
}

/// A time as the desk's clock shows it, or in RFC 3339.
pub(crate) fn moment(text: &str, calendar: &Calendar) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let local: DateTime = text.parse().ok()?;
    calendar.zone.rules().to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(typed: Typed<'_>) -> Answer<Subject> {
        let now = "2026-11-30T08:00:00Z".parse().expect("a time");
        NewRequest::read(&typed, Country::default(), &Calendar::default(), now).map(|request| request.of)
    }

    #[test]
    fn a_request_names_a_number_an_agent_or_a_recording_and_only_one_of_them() {
        let access = || Typed { kind: Some("access"), ..Typed::default() };
        let erasure = || Typed { kind: Some("erasure"), reason: Some("Asked by letter"), ..Typed::default() };
        let of_number = read(Typed { customer: Some("020 123 4567"), ..access() });
        assert_eq!(of_number, Ok(Subject::of_customer(Customer::from("020 123 4567".to_owned()), Country::default())));
        assert_eq!(read(Typed { agent: Some("anna"), ..access() }), Ok(Subject::Agent("anna".into())));
        let around = read(Typed { agent: Some("anna"), around: Some("2026-11-28T14:30"), ..access() });
        let at = "2026-11-28T13:30:00Z".parse().expect("a time");
        assert_eq!(around, Ok(Subject::Around { agent: "anna".into(), at }));
        assert_eq!(read(Typed { recording: Some("x"), ..erasure() }), Ok(Subject::Recording("x".into())));
        for wrong in [
            Typed::default(),
            access(),
            Typed { customer: Some("1"), agent: Some("anna"), ..access() },
            Typed { agent: Some("anna"), around: Some("yesterday"), ..access() },
            Typed { recording: Some("x"), ..access() },
            Typed { agent: Some("anna"), ..erasure() },
            Typed { customer: Some("020"), reason: None, ..erasure() },
            Typed { customer: Some("020"), received_on: Some("soon"), ..access() },
            Typed { customer: Some("02\u{202e}0"), ..access() },
        ] {
            assert_eq!(read(wrong), Err(Refusal::Incomplete));
        }
    }

    #[test]
    fn a_decision_is_one_of_the_words_and_says_something() {
        let of = |deed, text| Decision::read(Some(deed), Some(String::new()), text);
        assert!(
            of("confirm", Some(" asked back\r\n"))
                .is_ok_and(|read| read.text.as_deref() == Some("asked back") && read.recording.is_none())
        );
        assert!(matches!(of("burn", None), Err(Refusal::Incomplete)));
        assert!(matches!(of("refuse", Some(&*"a".repeat(5_000))), Err(Refusal::TooLong(_))));
    }
}
