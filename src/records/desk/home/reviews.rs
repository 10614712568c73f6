//! Reviews and evaluations, on the catalog of a home.

use jiff::{Timestamp, ToSpan};
use retrocall_ledger::DeedKind;
use uuid::Uuid;

use super::{
    super::{
        DeskRole, NotDone, Person,
        review::{ReviewOutcome, Reviewed, Reviews, SkipReason, Turn},
    },
    Answer, HomeDesk,
    act::{Act, Step, anchor, has_happened, still_kept},
    notes::took_part,
    parsed, queue, rules,
};
use crate::{
    PurposeKind, policies,
    policy::Anchor,
    rows::{self, Connection, Row},
    text,
};

const REVIEWER: &[DeskRole] = &[DeskRole::Reviewer];

/// What ends a review, whoever did it.
const OVER: &[Anchor] =
    &[Anchor::NothingFound, Anchor::PrivateCall, Anchor::Unheard, Anchor::Objected, Anchor::AgentLeft];

/// Months after which teaching material is looked at again, unless an earlier day is named when it is approved.
const TRAINING_REVIEW_MONTHS: i32 = 12;

impl Reviews for HomeDesk {
    fn next(&self, who: &Person, skip: Option<SkipReason>, now: Timestamp) -> Result<Option<Turn>, NotDone> {
        if let Some(reason) = skip {
            let act = Act { text: Some(reason.as_str()), ..Act::new(who, DeedKind::Skipped) };
            self.act(act, now, async |rows, act| pass_over(rows, act, reason, now).await)?;
        }
        self.act(Act::new(who, DeedKind::HandedOut), now, async |rows, act| hand_out(rows, act, now).await)
    }

    fn review(&self, who: &Person, id: &str, outcome: &ReviewOutcome, now: Timestamp) -> Result<Reviewed, NotDone> {
        let mut act = Act::new(who, DeedKind::Reviewed);
        if let ReviewOutcome::LearningMoment { note, .. } = outcome {
            act.text = Some(note);
        }
        self.act(act, now, async |rows, act| review(rows, act, id, outcome, now).await)
    }

    fn propose_training(&self, who: &Person, id: &str, reason: &str, now: Timestamp) -> Result<String, NotDone> {
        const NO_MOMENT: NotDone = NotDone::Conflict(
            "only a learning moment becomes teaching material: note one first with `retrocall review ID --learning-moment NOTE`",
        );
        let new = Uuid::now_v7();
        let act = Act { matter: Some(new), text: Some(reason), ..Act::new(who, DeedKind::PurposeProposed) };
        self.act(act, now, async |rows, act| {
            let recording = act.about(rows, id).await?;
            act.needs(REVIEWER)?;
            still_kept(&recording)?;
            if !has_happened(rows, id, PurposeKind::Quality, &[Anchor::LearningMoment]).await? {
                return Err(NO_MOMENT.into());
            }
            not_over(rows, id, now).await?;
            let training = PurposeKind::Training;
            let select = rows::query(include_str!("../../sql/desk/open_proposal.sql")).bind(id).bind(training.as_str());
            if select.fetch_optional(&mut *rows).await?.is_some() {
                return Err(NotDone::Conflict("it is proposed already: another person approves it").into());
            }
            let review_on = policies::desk_day(rows, now).await?.saturating_add(TRAINING_REVIEW_MONTHS.months());
            let insert = rows::query(include_str!("../../sql/desk/insert_proposal.sql"))
                .bind(new.to_string())
                .bind(id)
                .bind(training.as_str())
                .bind(reason)
                .bind(training.basis())
                .bind(text::day(review_on))
                .bind(act.author())
                .bind(&who.name)
                .bind(text::time(now));
            insert.execute(rows).await?;
            Ok(new.to_string())
        })
    }

    fn evaluated(&self, who: &Person, agent: &str, now: Timestamp) -> Result<u64, NotDone> {
        let act = Act { agent: Some(agent), ..Act::new(who, DeedKind::EvaluationHeld) };
        self.act(act, now, async |rows, act| {
            act.needs(REVIEWER)?;
            note_event(rows, act, agent, Anchor::EvaluationHeld, now).await?;
            let held =
                rows::query(include_str!("../../sql/desk/anchor_evaluation.sql")).bind(agent).bind(text::time(now));
            Ok(held.execute(rows).await?.rows_affected())
        })
    }

    fn agent_left(&self, who: &Person, agent: &str, now: Timestamp) -> Result<u64, NotDone> {
        let act = Act { agent: Some(agent), ..Act::new(who, DeedKind::AgentLeft) };
        self.act(act, now, async |rows, act| {
            act.needs(&[DeskRole::Reviewer, DeskRole::Administrator])?;
            note_event(rows, act, agent, Anchor::AgentLeft, now).await?;
            let left = rows::query(include_str!("../../sql/desk/anchor_leaving.sql")).bind(agent).bind(text::time(now));
            for row in left.fetch_all(rows).await? {
                act.follows.push((DeedKind::QualityEnded, row.try_get("recording")?));
            }
            Ok(act.follows.len() as u64)
        })
    }
}

async fn note_event(rows: &mut Connection, act: &Act<'_>, agent: &str, event: Anchor, now: Timestamp) -> Step {
    let insert = rows::query(include_str!("../../sql/desk/insert_agent_event.sql"))
        .bind(Uuid::now_v7().to_string())
        .bind(agent)
        .bind(event.as_str())
        .bind(text::time(now))
        .bind(act.author());
    insert.execute(rows).await?;
    Ok(())
}

/// What a person may listen to now.
struct ToHear {
    /// The review that they have open.
    open: Option<Row>,
    /// The call whose turn it is.
    waits: Option<Row>,
    /// How many wait, this one included.
    waiting: u64,
}

/// A call whose time in the sample is over is not among these, though something else may keep it.
async fn turn(rows: &mut Connection, author: &str, now: Timestamp) -> Answer<ToHear> {
    let policy = policies::written(rows).await?;
    let still = |found: Vec<Row>| -> Answer<Vec<Row>> {
        let mut still = Vec::new();
        for row in found {
            if rules::may_be_heard(&row, &policy, now)? {
                still.push(row);
            }
        }
        Ok(still)
    };
    let open = rows::query(include_str!("../../sql/desk/open_review.sql")).bind(author);
    let open = still(open.fetch_all(&mut *rows).await?)?.into_iter().next();
    let waits = rows::query(include_str!("../../sql/desk/turn.sql")).bind(author);
    let waits = still(waits.fetch_all(&mut *rows).await?)?;
    let waiting = waits.len() as u64;
    Ok(ToHear { open, waits: waits.into_iter().next(), waiting })
}

/// The review that somebody has open.
pub(super) async fn at_hand(rows: &mut Connection, author: &str, now: Timestamp) -> Answer<Option<Turn>> {
    let ToHear { open, waiting, .. } = turn(rows, author, now).await?;
    open.map(|open| as_turn(&open, open.try_get("review")?, waiting)).transpose()
}

fn as_turn(row: &Row, review: String, waiting: u64) -> Answer<Turn> {
    Ok(Turn {
        recording: row.try_get("id")?,
        review,
        start: parsed(row, "began_at")?,
        seconds: row.try_get("seconds")?,
        waiting,
    })
}

/// What can't be heard in time any more is in nobody's turn, and the ledger says so first.
async fn leave_queue(rows: &mut Connection, act: &mut Act<'_>, now: Timestamp) -> Step {
    let over = queue::leave(rows, now).await?;
    act.precedes.extend(over.into_iter().map(|recording| (DeedKind::QualityEnded, recording)));
    Ok(())
}

async fn pass_over(rows: &mut Connection, act: &mut Act<'_>, reason: SkipReason, now: Timestamp) -> Step {
    act.needs(REVIEWER)?;
    leave_queue(rows, act, now).await?;
    act.in_turn = Some(true);
    match turn(rows, act.author(), now).await? {
        ToHear { open: Some(open), .. } => {
            act.recording = Some(open.try_get("id")?);
            let decide = rows::query(include_str!("../../sql/desk/decide_review.sql"))
                .bind(open.try_get::<&str, _>("review")?)
                .bind("skipped")
                .bind(reason.as_str())
                .bind(text::time(now));
            decide.execute(rows).await?;
        }
        ToHear { waits: Some(waits), .. } => {
            let recording: String = waits.try_get("id")?;
            let (skipped, id) = (Some("skipped"), Uuid::now_v7());
            insert_review(rows, act, &recording, (id, true, skipped, Some(reason)), now).await?;
            act.recording = Some(recording);
        }
        ToHear { .. } => act.is_nothing = true,
    }
    Ok(())
}

async fn hand_out(rows: &mut Connection, act: &mut Act<'_>, now: Timestamp) -> Step<Option<Turn>> {
    act.needs(REVIEWER)?;
    leave_queue(rows, act, now).await?;
    let ToHear { open, waits, waiting } = turn(rows, act.author(), now).await?;
    if let Some(open) = open {
        act.is_nothing = true;
        return Ok(Some(as_turn(&open, open.try_get("review")?, waiting)?));
    }
    let Some(waits) = waits else {
        act.is_nothing = true;
        return Ok(None);
    };
    let new = Uuid::now_v7();
    let turn = as_turn(&waits, new.to_string(), waiting - 1)?;
    insert_review(rows, act, &turn.recording, (new, true, None, None), now).await?;
    anchor(rows, (&turn.recording, PurposeKind::Quality, ""), (Anchor::Opened, now, None)).await?;
    (act.recording, act.in_turn) = (Some(turn.recording.clone()), Some(true));
    Ok(Some(turn))
}

async fn insert_review(
    rows: &mut Connection,
    act: &Act<'_>,
    recording: &str,
    (id, in_order, outcome, skip): (Uuid, bool, Option<&str>, Option<SkipReason>),
    now: Timestamp,
) -> Step {
    let insert = rows::query(include_str!("../../sql/desk/insert_review.sql"))
        .bind(id.to_string())
        .bind(recording)
        .bind(act.author())
        .bind(text::time(now))
        .bind(in_order)
        .bind(outcome)
        .bind(skip.map(SkipReason::as_str))
        .bind(outcome.map(|_| text::time(now)));
    insert.execute(rows).await?;
    Ok(())
}

async fn review(
    rows: &mut Connection,
    act: &mut Act<'_>,
    id: &str,
    outcome: &ReviewOutcome,
    now: Timestamp,
) -> Step<Reviewed> {
    let recording = act.about(rows, id).await?;
    let (word, happened) = match outcome {
        ReviewOutcome::NoFinding => ("no-finding", Anchor::NothingFound),
        ReviewOutcome::LearningMoment { .. } => ("learning-moment", Anchor::LearningMoment),
        ReviewOutcome::PrivateCall => ("private-call", Anchor::PrivateCall),
    };
    let mut stays_for = recording.purposes.clone();
    stays_for.retain(|purpose| *purpose != PurposeKind::Quality);
    let is_reviewer = act.who.is(DeskRole::Reviewer);
    // An agent can say so of their own call, as long as nobody has reviewed it.
    if !is_reviewer && *outcome == ReviewOutcome::PrivateCall && took_part(rows, act.who, id).await? {
        act.kind = DeedKind::QualityEnded;
        still_kept(&recording)?;
        not_over(rows, id, now).await?;
        return match can_end(rows, id, &[OVER, &[Anchor::LearningMoment]].concat()).await? {
            true => {
                anchor(rows, (id, PurposeKind::Quality, ""), (happened, now, None)).await?;
                let (recording, agent) = (id.to_owned(), recording.agent);
                Ok(Reviewed { recording, agent, in_order: false, stays_for, note: None })
            }
            false => Err(NotDone::Conflict(
                "its review is over: object to its note with `retrocall note ID --object REASON`",
            )
            .into()),
        };
    }
    act.needs(REVIEWER)?;
    still_kept(&recording)?;
    if !recording.purposes.contains(&PurposeKind::Quality) {
        return Err(NotDone::Conflict("it is not in the sample, and only sampled calls are reviewed").into());
    }
    if !can_end(rows, id, OVER).await? {
        return Err(NotDone::Conflict("its review is over: nothing can be added any more").into());
    }
    not_over(rows, id, now).await?;
    let in_order = close_review(rows, act, id, word, now).await?;
    act.in_turn = Some(in_order);
    anchor(rows, (id, PurposeKind::Quality, ""), (happened, now, None)).await?;
    let note = match outcome {
        ReviewOutcome::LearningMoment { note, at_seconds } => {
            Some(insert_note(rows, act, id, (note, *at_seconds), now).await?)
        }
        _ => None,
    };
    Ok(Reviewed { recording: recording.id, agent: recording.agent, in_order, stays_for, note })
}

/// Refuses a sampled call whose time for listening is over, though something else keeps it.
async fn not_over(rows: &mut Connection, id: &str, now: Timestamp) -> Step {
    const OVER: NotDone = NotDone::Conflict(
        "its time in the sample is over, and it is kept for something else alone: listen to another with `retrocall review next`",
    );
    if rules::is_over(rows, id, PurposeKind::Quality, now).await? { Err(OVER.into()) } else { Ok(()) }
}

/// Whether nothing of these has ended the review.
async fn can_end(rows: &mut Connection, id: &str, over: &[Anchor]) -> Step<bool> {
    Ok(!has_happened(rows, id, PurposeKind::Quality, over).await?)
}

/// Writes the outcome into the review that is open, or into one of its own. Whether it was its turn.
async fn close_review(rows: &mut Connection, act: &Act<'_>, id: &str, word: &str, now: Timestamp) -> Step<bool> {
    let select = rows::query(include_str!("../../sql/desk/reviews_of.sql")).bind(id).bind(act.author());
    let mut in_order = false;
    for row in select.fetch_all(&mut *rows).await? {
        let outcome: Option<&str> = row.try_get("outcome")?;
        in_order |= outcome != Some("skipped") && row.try_get::<bool, _>("in_order")?;
        if outcome.is_none() {
            let decide = rows::query(include_str!("../../sql/desk/decide_review.sql"))
                .bind(row.try_get::<&str, _>("id")?)
                .bind(word)
                .bind(None::<&str>)
                .bind(text::time(now));
            decide.execute(rows).await?;
            return Ok(in_order);
        }
    }
    insert_review(rows, act, id, (Uuid::now_v7(), in_order, Some(word), None), now).await?;
    Ok(in_order)
}

async fn insert_note(
    rows: &mut Connection,
    act: &Act<'_>,
    recording: &str,
    (note, at_seconds): (&str, Option<f64>),
    now: Timestamp,
) -> Step<String> {
    let id = Uuid::now_v7().to_string();
    let insert = rows::query(include_str!("../../sql/desk/insert_note.sql"))
        .bind(&id)
        .bind(recording)
        .bind(PurposeKind::Quality.as_str())
        .bind(act.author())
        .bind(note)
        .bind(at_seconds.map(text::finite))
        .bind(text::time(now));
    insert.execute(rows).await?;
    Ok(id)
}
