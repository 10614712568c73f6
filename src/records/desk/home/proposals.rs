//! Proposals of purposes, on the catalog of a home.

use std::{collections::HashMap, path::Path};

use jiff::{Span, Timestamp, civil::Date};
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person, RecordingEntry,
        proposal::{Approved, Completion, NewPurpose, PURPOSE_REVIEW_DAYS_MAX, ProposalEntry, Proposals, is_training},
    },
    Answer, HomeDesk,
    act::{Act, OFFICER, Step, Stop, anchor, still_kept},
    batch,
    disclosure::files,
    maybe,
    notes::took_part,
    parsed, unreadable,
};
use crate::{
    PurposeKind, policies,
    policy::Anchor,
    rows::{self, Connection, Row},
    text,
};
use retrocall_file::RealDisk;
use retrocall_words::book::{Marks, Silence, SilenceKind};

/// Who may ask for another purpose, and see what was asked for.
const ASKING: &[DeskRole] = &[DeskRole::Reviewer, DeskRole::CaseHandler, DeskRole::PrivacyOfficer];
/// Who is told whose call it was.
const BY_NAME: &[DeskRole] = &[DeskRole::CaseHandler, DeskRole::PrivacyOfficer];
const LISTENERS: &[DeskRole] = &[DeskRole::Reviewer, DeskRole::PrivacyOfficer];

const NO_PROPOSAL: NotDone = NotDone::Absent("there is no such proposal: `retrocall purpose list` shows them");
const IS_DECIDED: NotDone = NotDone::Conflict("this proposal was decided before");
const TWO_PEOPLE: NotDone = NotDone::Conflict(
    "two people decide, and somebody else than who proposed it or said yes is the second; the owner of the home is one person, whoever they act for: \
     the second one decides on the page \"Decisions\" (`retrocall web`)",
);
const OWN_SESSION: NotDone = NotDone::Conflict(
    "the agent answers this in their own session, nobody else for them: on the page \"My calls\" (`retrocall web`)",
);
const EACH_PRESSER: NotDone = NotDone::Conflict(
    "who pressed can't be judged by it: each agent who pressed confirms this first, in their own session, on the page \"My calls\" (`retrocall web`); \
     `retrocall purpose add --help` lists the purposes by which no agent is judged",
);
const TOO_LATE_A_REVIEW: NotDone =
    NotDone::Conflict("another purpose is looked at again within 90 days: name an earlier day with --review");

impl Proposals for HomeDesk {
    fn propose_purpose(
        &self,
        who: &Person,
        recording: &str,
        purpose: &NewPurpose,
        now: Timestamp,
    ) -> Result<String, NotDone> {
        let new = Uuid::now_v7();
        let act = Act { matter: Some(new), text: Some(&purpose.reason), ..Act::new(who, DeedKind::PurposeProposed) };
        self.act(act, now, async |rows, act| {
            let found = act.about(rows, recording).await?;
            act.needs(ASKING)?;
            still_kept(&found)?;
            if is_training(&purpose.purpose) {
                return Err(NotDone::Conflict(
                    "teaching material is proposed by a reviewer: `retrocall review ID --promote-to-training REASON`",
                )
                .into());
            }
            let today = policies::desk_day(rows, now).await?;
            if purpose.review_on > today.saturating_add(Span::new().days(PURPOSE_REVIEW_DAYS_MAX)) {
                return Err(TOO_LATE_A_REVIEW.into());
            }
            if purpose.review_on <= today {
                return Err(NotDone::Conflict("the day on which it is looked at again lies in the past").into());
            }
            let insert = rows::query(include_str!("../../sql/rights/insert_purpose_proposal.sql"))
                .bind(new.to_string())
                .bind(recording)
                .bind(&purpose.purpose)
                .bind(&purpose.reason)
                .bind(&purpose.basis)
                .bind(&purpose.compatibility)
                .bind(&purpose.until)
                .bind(text::day(purpose.review_on))
                .bind(purpose.informed_on.map(text::day))
                .bind(act.author())
                .bind(&who.name)
                .bind(text::time(now));
            insert.execute(rows).await?;
            Ok(new.to_string())
        })
    }

    fn approve(
        &self,
        who: &Person,
        proposal: &str,
        completion: &Completion,
        now: Timestamp,
    ) -> Result<Approved, NotDone> {
        self.act(Act::new(who, DeedKind::PurposeApproved), now, async |rows, act| {
            let (found, recording) = find_open(rows, act, proposal).await?;
            still_kept(&recording)?;
            match found.entry.purpose.as_str() {
                "training" => approve_training(rows, act, &found, now).await,
                _ => approve_other(rows, act, &found, completion, now).await,
            }
        })
    }

    fn refuse_proposal(&self, who: &Person, proposal: &str, why: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { text: Some(why), ..Act::new(who, DeedKind::PurposeRefused) };
        self.act(act, now, async |rows, act| {
            let (found, _) = find_open(rows, act, proposal).await?;
            // The no of the agent whose yes it needs is enough.
            if whose_answer(rows, act, &found).await?.is_none() {
                act.needs(LISTENERS)?;
            }
            let refuse = rows::query(include_str!("../../sql/rights/refuse_proposal.sql"));
            refuse.bind(&found.entry.proposal).bind(text::time(now)).execute(rows).await?;
            Ok(())
        })
    }

    fn end_purpose(&self, who: &Person, proposal: &str, why: &str, now: Timestamp) -> Result<(), NotDone> {
        let act = Act { text: Some(why), ..Act::new(who, DeedKind::PurposeEnded) };
        self.act(act, now, async |rows, act| {
            let (found, _) = find(rows, act, proposal).await?;
            act.needs(OFFICER)?;
            let about = found.entry.proposal.as_str();
            let purpose = (found.entry.recording.as_str(), PurposeKind::Other, about);
            if found.entry.approved_at.is_none() || !anchor(rows, purpose, (Anchor::Ended, now, None)).await? {
                return Err(NotDone::Conflict("nothing is kept for this proposal").into());
            }
            Ok(())
        })
    }

    fn silence(&self, who: &Person, recording: &str, span: (f64, f64), now: Timestamp) -> Result<(), NotDone> {
        let home = self.address.home().unwrap_or(Path::new("")).to_owned();
        self.act(Act::new(who, DeedKind::Silenced), now, async |rows, act| {
            let found = act.about(rows, recording).await?;
            act.needs(&[DeskRole::Reviewer])?;
            still_kept(&found)?;
            may_be_silenced(rows, &found).await?;
            let files = files(rows, &home, recording).await?;
            let mut marks = marks_of(rows, recording).await?;
            let (from_seconds, to_seconds) = span;
            marks.masks.push(Silence { kind: SilenceKind::Erased, from_seconds, to_seconds });
            let update = rows::query(include_str!("../../sql/rights/set_marks.sql"));
            update.bind(recording).bind(text::marks(&marks.bounded())).execute(&mut *rows).await?;
            // Last: what can't be silenced is not written down, and what is silenced twice is as silent.
            retrocall_file::silence(&RealDisk, &files, span).map_err(|error| {
                tracing::warn!(recording, "it can't be silenced: {error}");
                NotDone::Conflict("its file can't be changed: the log says why")
            })?;
            Ok(())
        })
    }

    fn proposals(&self, who: &Person) -> Result<Vec<ProposalEntry>, NotDone> {
        self.proposed(who, include_str!("../../sql/rights/proposals.sql"))
    }

    fn open_proposals(&self, who: &Person) -> Result<Vec<ProposalEntry>, NotDone> {
        self.proposed(who, include_str!("../../sql/rights/proposals_open.sql"))
    }

    fn purposes_in_force(&self, who: &Person) -> Result<Vec<ProposalEntry>, NotDone> {
        self.proposed(who, include_str!("../../sql/rights/proposals_in_force.sql"))
    }
}

impl HomeDesk {
    fn proposed(&self, who: &Person, select: &'static str) -> Result<Vec<ProposalEntry>, NotDone> {
        if !ASKING.iter().any(|role| who.is(*role)) {
            return Err(NotDone::NotAllowed(ASKING));
        }
        let by_name = BY_NAME.iter().any(|role| who.is(*role));
        let found = self.ask(false, async |rows| {
            let mut all = Vec::new();
            for row in rows::query(select).fetch_all(&mut *rows).await? {
                // Each sees what is about recordings that they may know of.
                if super::one(rows, who, row.try_get("recording")?).await?.is_some() {
                    let mut entry = read(rows, &row).await?.entry;
                    if entry.judges() && !by_name {
                        // Whose call it was a reviewer is not told before the outcome.
                        (entry.agreed_by, entry.awaits) = (Vec::new(), Vec::new());
                    }
                    all.push(entry);
                }
            }
            Ok(all)
        });
        if matches!(found, Err(NotDone::Unknown)) { Ok(Vec::new()) } else { found }
    }
}

/// A proposal, whose hand wrote it, and in which accounts its agents said yes.
struct Proposal {
    entry: ProposalEntry,
    through: String,
    accounts: Vec<String>,
}

async fn find(rows: &mut Connection, act: &mut Act<'_>, proposal: &str) -> Step<(Proposal, RecordingEntry)> {
    let select = rows::query(include_str!("../../sql/rights/proposal.sql")).bind(proposal);
    let row = select.fetch_optional(&mut *rows).await?.ok_or(Stop::Absent(NO_PROPOSAL))?;
    let found = read(rows, &row).await?;
    act.matter = Uuid::parse_str(&found.entry.proposal).ok();
    let recording = act.about(rows, &found.entry.recording).await?;
    Ok((found, recording))
}

async fn find_open(rows: &mut Connection, act: &mut Act<'_>, proposal: &str) -> Step<(Proposal, RecordingEntry)> {
    let (found, recording) = find(rows, act, proposal).await?;
    if found.entry.is_open() { Ok((found, recording)) } else { Err(IS_DECIDED.into()) }
}

async fn read(rows: &mut Connection, row: &Row) -> Answer<Proposal> {
    let proposed_by: String = row.try_get("proposed_by")?;
    let through: Option<String> = row.try_get("proposed_through")?;
    let mut entry = ProposalEntry {
        proposal: row.try_get("id")?,
        recording: row.try_get("recording")?,
        purpose: row.try_get("purpose")?,
        reason: row.try_get("reason")?,
        basis: row.try_get("basis")?,
        compatibility: row.try_get("compatibility")?,
        until: row.try_get("ends_with")?,
        review_on: parsed::<Date>(row, "review_on")?,
        informed_on: maybe(row, "informed_on")?,
        proposed_by,
        proposed_at: parsed(row, "proposed_at")?,
        agreed_by: Vec::new(),
        awaits: Vec::new(),
        approved_by: row.try_get("approved_by")?,
        approved_at: maybe(row, "approved_at")?,
        refused_at: maybe(row, "refused_at")?,
    };
    let mut accounts = Vec::new();
    let select = rows::query(include_str!("../../sql/rights/agreements.sql")).bind(&entry.proposal);
    for row in select.fetch_all(&mut *rows).await? {
        entry.agreed_by.push(row.try_get("agent")?);
        accounts.push(row.try_get("account")?);
    }
    if entry.is_open() && entry.judges() {
        entry.awaits = pressers(rows, &entry.recording).await?;
        entry.awaits.retain(|agent| !entry.agreed_by.contains(agent));
    }
    Ok(Proposal { through: through.unwrap_or_else(|| entry.proposed_by.clone()), entry, accounts })
}

/// What is asked of an agent about recordings of theirs, answered or not.
pub(super) async fn asked(
    rows: &mut Connection,
    recordings: &[RecordingEntry],
    agent: &str,
) -> Answer<HashMap<String, Vec<ProposalEntry>>> {
    let ids: Vec<&str> = recordings.iter().map(|recording| &*recording.id).collect();
    let select = batch::about(include_str!("../../sql/rights/proposals_of.sql"), &ids);
    let mut asked: HashMap<String, Vec<ProposalEntry>> = HashMap::new();
    for row in select.fetch_all(&mut *rows).await? {
        let entry = read(rows, &row).await?.entry;
        let is_told = match entry.judges() {
            // Whoever presses sees the press;
            true => pressers(rows, &entry.recording).await?.iter().any(|presser| presser == agent),
            // that a call of today was drawn is told tomorrow.
            false => {
                recordings.iter().any(|one| one.id == entry.recording && one.purposes.contains(&PurposeKind::Quality))
            }
        };
        if is_told && (entry.judges() || entry.purpose == PurposeKind::Training.as_str()) {
            asked.entry(entry.recording.clone()).or_default().push(entry);
        }
    }
    Ok(asked)
}

/// Refuses whoever proposed it, or agreed as its agent, by whatever name they act.
fn is_another(act: &Act<'_>, found: &Proposal) -> Step {
    let entry = &found.entry;
    let is_same = act.author() == entry.proposed_by || act.who.name == found.through;
    // Nor is the agent who said yes the one who decides then.
    let is_same = is_same || found.accounts.iter().any(|account| account == act.author());
    if is_same { Err(TWO_PEOPLE.into()) } else { Ok(()) }
}

/// D6: its agent says yes, then another listener does.
async fn approve_training(
    rows: &mut Connection,
    act: &mut Act<'_>,
    found: &Proposal,
    now: Timestamp,
) -> Step<Approved> {
    let entry = &found.entry;
    if entry.agreed_by.is_empty()
        && let Some(agent) = whose_answer(rows, act, found).await?
    {
        agree(rows, act, (found, agent), now).await?;
        return Ok(Approved::Agreed);
    }
    act.needs(LISTENERS)?;
    if entry.agreed_by.is_empty() {
        return Err(NotDone::Conflict("its agent says yes first: `retrocall training approve ID --as AGENT`").into());
    }
    is_another(act, found)?;
    let select = rows::query(include_str!("../../sql/rights/has_listened.sql")).bind(&entry.recording);
    if select.bind(act.author()).fetch_optional(&mut *rows).await?.is_none() {
        return Err(NotDone::Conflict("a second listener approves it: listen first with `retrocall play ID`").into());
    }
    decide(rows, act, found, PurposeKind::Training, (Anchor::Promoted, now)).await
}

/// D18: two people, and everything that the decision rests on. D8: each of those whom it may judge has confirmed it themselves.
async fn approve_other(
    rows: &mut Connection,
    act: &mut Act<'_>,
    found: &Proposal,
    completion: &Completion,
    now: Timestamp,
) -> Step<Approved> {
    let entry = &found.entry;
    if !entry.awaits.is_empty() {
        if let Some(agent) = whose_answer(rows, act, found).await?
            && entry.awaits.iter().any(|awaited| awaited == agent)
        {
            agree(rows, act, (found, agent), now).await?;
            return Ok(Approved::Agreed);
        }
        act.needs(OFFICER)?;
        return Err(EACH_PRESSER.into());
    }
    act.needs(OFFICER)?;
    is_another(act, found)?;
    let compatibility = completion.compatibility.as_ref().or(entry.compatibility.as_ref());
    let informed_on = completion.informed_on.or(entry.informed_on);
    let (Some(compatibility), Some(informed_on)) = (compatibility, informed_on) else {
        return Err(NotDone::Conflict(
            "why it is compatible, and when the customer was informed, must be said: --compatibility TEXT, --informed DATE",
        )
        .into());
    };
    if informed_on > policies::desk_day(rows, now).await? {
        return Err(NotDone::Conflict("the customer is informed before it is approved").into());
    }
    let complete = rows::query(include_str!("../../sql/rights/complete_proposal.sql"))
        .bind(&entry.proposal)
        .bind(compatibility)
        .bind(text::day(informed_on));
    complete.execute(&mut *rows).await?;
    decide(rows, act, found, PurposeKind::Other, (Anchor::Decided, now)).await
}

/// The agent whose own yes a proposal needs, if this is such an agent: of teaching material one who took part (D6), of what may judge them each who
/// pressed (D8). Who would be judged answers in their own session: whoever acts for them is refused, also with their no.
async fn whose_answer<'a>(rows: &mut Connection, act: &Act<'a>, found: &Proposal) -> Step<Option<&'a str>> {
    let Some(agent) = act.who.agent.as_deref().filter(|_| act.who.is(DeskRole::Agent)) else { return Ok(None) };
    let entry = &found.entry;
    if entry.purpose == PurposeKind::Training.as_str() {
        return Ok(took_part(rows, act.who, &entry.recording).await?.then_some(agent));
    }
    if !entry.judges() || !pressers(rows, &entry.recording).await?.iter().any(|presser| presser == agent) {
        return Ok(None);
    }
    if act.who.on_behalf_of.is_some() { Err(OWN_SESSION.into()) } else { Ok(Some(agent)) }
}

/// Refuses to silence what is no teaching material, or is kept for something else too: what was said would be gone from there.
async fn may_be_silenced(rows: &mut Connection, found: &RecordingEntry) -> Step {
    let select = rows::query(include_str!("../../sql/rights/proposal.sql")).bind(&found.id);
    let proposed = select.fetch_optional(&mut *rows).await?;
    let is_teaching = match &proposed {
        Some(row) => row.try_get::<&str, _>("purpose")? == PurposeKind::Training.as_str(),
        None => false,
    };
    if !is_teaching {
        return Err(NotDone::Conflict(
            "only teaching material is silenced: propose it first with `retrocall review ID --promote-to-training REASON`",
        )
        .into());
    }
    let is_other = |kind: &PurposeKind| !matches!(kind, PurposeKind::Quality | PurposeKind::Training);
    let select = rows::query(include_str!("../../sql/rights/is_asked_for.sql")).bind(&found.id);
    if found.held || found.purposes.iter().any(is_other) || select.fetch_optional(rows).await?.is_some() {
        return Err(NotDone::Conflict("it is kept for something else too, and would be silent there as well").into());
    }
    Ok(())
}

async fn marks_of(rows: &mut Connection, recording: &str) -> Answer<Marks> {
    let row = rows::query(include_str!("../../sql/desk/marks.sql")).bind(recording).fetch_one(rows).await?;
    serde_json::from_str(row.try_get("marks")?).map_err(|_| unreadable("marks"))
}

/// The agents who pressed in this call: the first one first.
async fn pressers(rows: &mut Connection, recording: &str) -> Answer<Vec<String>> {
    let mut pressers: Vec<String> = Vec::new();
    for (_, agent) in marks_of(rows, recording).await?.record {
        if !pressers.contains(&agent) {
            pressers.push(agent);
        }
    }
    Ok(pressers)
}

async fn agree(rows: &mut Connection, act: &mut Act<'_>, (found, agent): (&Proposal, &str), now: Timestamp) -> Step {
    act.kind = DeedKind::PurposeAgreed;
    let agree = rows::query(include_str!("../../sql/rights/agree.sql"))
        .bind(&found.entry.proposal)
        .bind(agent)
        .bind(act.author())
        .bind(text::time(now));
    agree.execute(rows).await?;
    Ok(())
}

/// From now on the recording is kept for it, until its review.
async fn decide(
    rows: &mut Connection,
    act: &Act<'_>,
    found: &Proposal,
    kind: PurposeKind,
    (happened, now): (Anchor, Timestamp),
) -> Step<Approved> {
    let ProposalEntry { proposal, recording, basis, review_on, .. } = &found.entry;
    let approve = rows::query(include_str!("../../sql/rights/approve_proposal.sql"))
        .bind(proposal)
        .bind(act.author())
        .bind(text::time(now));
    approve.execute(&mut *rows).await?;
    let insert = rows::query(include_str!("../../sql/desk/insert_purpose.sql"))
        .bind(recording)
        .bind(kind.as_str())
        .bind(proposal)
        .bind(basis);
    insert.execute(&mut *rows).await?;
    anchor(rows, (recording, kind, proposal), (happened, now, Some(*review_on))).await?;
    Ok(Approved::Decided)
}
