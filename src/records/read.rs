//! Reads rows as lists, for the engine's start and for commands that run without an engine.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    thread,
};

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::Serialize;

use super::{PurposeKind, Trouble, customer::in_one_form, file, numbers::Highest, purposes::due_at, text};
use crate::rows::{self, Connection, Readable, Row};
use retrocall_words::{
    CallId, Country, Customer, Direction, Facts, Informed, Reason, Word,
    book::{CutOff, LeftBehind, LegStretch, Marks, Outcome, Participant, RecordingState, Silence, Skipped, Unfinished},
};

/// How many days are asked for their last number: more than the file of numbers remembers.
const DAYS_ASKED: i64 = 100;
/// How many days before the open period a call may have begun that another one continues: people talk over midnight.
const CUT_OFF_DAYS: i64 = 1;

/// A recording in a list; the customer's number is never in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recording {
    /// The recording's id; none until the catalog knows it.
    pub id: Option<String>,
    /// The call it is of.
    pub call: CallId,
    /// Whose call it was when it began.
    pub agent: String,
    /// Who talked for the desk, in their order.
    pub agents: Vec<Participant>,
    /// Who first pressed record; none if nobody did, or while it is being written.
    pub pressed_by: Option<String>,
    /// When the call began.
    pub start: Timestamp,
    /// Its length; none while it is being written.
    pub seconds: Option<f64>,
    /// Samples a second.
    pub rate: u64,
    /// The path of its first file; none while it is being written.
    pub path: Option<PathBuf>,
    /// All its files, in their order: more than one if it is longer than a WAV file can be.
    pub parts: Vec<PathBuf>,
    /// Gaps: stretches of a leg for which no audio came, in seconds of the call.
    pub gaps: Vec<LegStretch>,
    /// Stretches that somebody silenced.
    pub masks: Vec<Silence>,
    /// Stretches of a leg whose audio came and was lost.
    pub lost: Vec<LegStretch>,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Why it exists.
    pub purposes: Vec<PurposeKind>,
    /// When its last purpose is no longer in force; none while one of them waits for an event, or before it has any.
    pub due: Option<Timestamp>,
    /// Its state on disk.
    pub state: RecordingState,
    /// The size of its files; none while it is being written.
    pub bytes: Option<u64>,
    /// The call that was cut off and that this one continues.
    pub continues: Option<CallId>,
}

/// The ledger's row of a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRow {
    /// The id.
    pub call: CallId,
    /// The day (UTC) whose numbers it belongs to.
    pub day: Date,
    /// Its number on that day; none if only its recording is known.
    pub sequence: Option<u64>,
    /// Who talked for the desk when it began.
    pub agent: String,
    /// Who called whom.
    pub direction: Direction,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// How long it was.
    pub seconds: Option<f64>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was selected.
    pub reasons: Vec<Reason>,
    /// Whether it was private.
    pub private: bool,
    /// Whether the customer objected.
    pub objected: bool,
    /// Places where samples were missing.
    pub gaps: u64,
    /// How much was missing there.
    pub gap_seconds: f64,
    /// Frames that came late or twice.
    pub late_frames: u64,
    /// Frames of which samples were lost because memory was full.
    pub lost_frames: u64,
    /// Whether it was cut off without a hangup.
    pub cut_off: bool,
    /// The call that was cut off and that this one continues. Such a call is not drawn again.
    pub continues: Option<CallId>,
    /// How the customer was informed; none if nobody said.
    pub informed: Option<Informed>,
    /// Whether it was on a line that is never captured.
    pub exempt: bool,
}

impl CallRow {
    /// What was announced of it.
    pub fn facts(&self) -> Facts {
        let CallRow { direction, continues, informed, .. } = *self;
        Facts { agent: self.agent.clone(), direction, continues, informed }
    }
}

/// All recordings that are kept or being written, the newest last. Needs no engine; without a catalog there are none.
pub fn recordings(home: &Path) -> Result<Vec<Recording>, Trouble> {
    read(home, async |rows, columns| {
        // Recordings first: their rows in other tables are written with them, so a later query finds those.
        let select = rows::query(
            "SELECT id, call, agent, began_at, seconds, rate, path, reasons, state, bytes, marks, continues FROM recordings
             WHERE life NOT IN ('gone', 'delivered') ORDER BY began_at, id",
        );
        let found = select.fetch_all(&mut *rows).await.map_err(|error| columns.refused(&error))?;
        let select = rows::query(
            "SELECT purposes.recording, purposes.purpose, recordings.ends_at,
                    EXISTS (SELECT 1 FROM anchors WHERE anchors.recording = purposes.recording
                            AND anchors.purpose = purposes.purpose AND anchors.about = purposes.about) AS is_anchored
             FROM purposes JOIN recordings ON recordings.id = purposes.recording
             ORDER BY purposes.recording, purposes.purpose, purposes.about",
        );
        let mut purposes: HashMap<String, Vec<(PurposeKind, Option<Timestamp>)>> = HashMap::new();
        for row in select.fetch_all(&mut *rows).await.map_err(|error| columns.refused(&error))? {
            let of = purposes.entry(columns.get(&row, "recording")?).or_default();
            let purpose = columns.word(&row, "purpose")?;
            let waits: bool = columns.get(&row, "is_anchored")?;
            of.push((purpose, due_at(purpose, columns.maybe(&row, "ends_at")?).filter(|_| !waits)));
        }
        let mut agents = participants(rows, columns).await?;
        let mut parts = parts(rows, columns).await?;
        let each = found.iter().map(|row| {
            let mut recording = recording(row, columns, &mut purposes)?;
            let id: &str = columns.get(row, "id")?;
            recording.agents = agents.remove(id).unwrap_or_default();
            if recording.path.is_some() {
                recording.parts = parts.remove(id).unwrap_or_default();
            }
            Ok(recording)
        });
        each.collect()
    })
}

/// The participants of each recording.
async fn participants(
    rows: &mut Connection,
    columns: &Columns<'_>,
) -> Result<HashMap<String, Vec<Participant>>, Trouble> {
    let select = rows::query(
        "SELECT recording, agent, from_seconds, to_seconds FROM participants ORDER BY recording, from_seconds",
    );
    let mut all: HashMap<String, Vec<Participant>> = HashMap::new();
    for row in select.fetch_all(rows).await.map_err(|error| columns.refused(&error))? {
        let participant = Participant {
            agent: columns.get(&row, "agent")?,
            from_seconds: columns.get(&row, "from_seconds")?,
            to_seconds: columns.get(&row, "to_seconds")?,
        };
        all.entry(columns.get(&row, "recording")?).or_default().push(participant);
    }
    Ok(all)
}

/// The files of each recording.
async fn parts(rows: &mut Connection, columns: &Columns<'_>) -> Result<HashMap<String, Vec<PathBuf>>, Trouble> {
    let select = rows::query("SELECT recording, path FROM parts ORDER BY recording, part");
    let mut all: HashMap<String, Vec<PathBuf>> = HashMap::new();
    for row in select.fetch_all(rows).await.map_err(|error| columns.refused(&error))? {
        let path = columns.home.join(columns.get::<String>(&row, "path")?);
        all.entry(columns.get(&row, "recording")?).or_default().push(path);
    }
    Ok(all)
}

fn recording(
    row: &Row,
    columns: &Columns,
    purposes: &mut HashMap<String, Vec<(PurposeKind, Option<Timestamp>)>>,
) -> Result<Recording, Trouble> {
    let id: String = columns.get(row, "id")?;
    let purposes = purposes.remove(&id).unwrap_or_default();
    // A purpose that a case needs as well has two rows.
    let mut kinds: Vec<PurposeKind> = purposes.iter().map(|(purpose, _)| *purpose).collect();
    kinds.dedup();
    // The latest end counts; one without a date is later than any.
    let dates: Option<Vec<Timestamp>> = purposes.iter().map(|(_, due)| *due).collect();
    let state = columns.word(row, "state")?;
    let path = columns.home.join(columns.get::<String>(row, "path")?);
    // An older engine wrote less of them.
    let marks: Marks = serde_json::from_str(columns.get(row, "marks")?).unwrap_or_default();
    Ok(Recording {
        agents: Vec::new(),
        parts: Vec::new(),
        pressed_by: marks.record.into_iter().next().map(|(_, agent)| agent),
        gaps: marks.gaps,
        masks: marks.masks,
        lost: marks.lost,
        call: columns.parsed(row, "call")?,
        agent: columns.get(row, "agent")?,
        start: columns.parsed(row, "began_at")?,
        seconds: columns.get(row, "seconds")?,
        rate: columns.count(row, "rate")?.ok_or_else(|| columns.unreadable("rate"))?,
        path: (state != RecordingState::Committing).then_some(path),
        reasons: columns.reasons(row)?,
        purposes: kinds,
        due: dates.and_then(|dates| dates.into_iter().max()),
        state,
        bytes: columns.count(row, "bytes")?,
        continues: columns.maybe(row, "continues")?,
        id: Some(id),
    })
}

/// The calls whose recordings are of this customer: by the number as it was given, or by its normal form as dialled in `country`.
/// Needs no engine; without a catalog there are none.
pub fn of_customer(home: &Path, customer: &Customer, country: Country) -> Result<HashSet<CallId>, Trouble> {
    let form = in_one_form(customer, country);
    let calls = read(home, async |rows, columns| {
        let select = rows::query("SELECT call FROM recordings WHERE customer = $1 OR customer_form = $2");
        let select = select.bind(customer.number()).bind(form.as_ref().map(Customer::number));
        let found = select.fetch_all(&mut *rows).await.map_err(|error| columns.refused(&error))?;
        found.iter().map(|row| columns.parsed(row, "call")).collect()
    })?;
    Ok(calls.into_iter().collect())
}

/// Checks the whole file and lists the damage in SQLite's words, which name pages and tables, never their contents.
/// Needs no engine; without a catalog there is no damage.
pub fn damage(home: &Path) -> Result<Vec<String>, Trouble> {
    read(home, async |rows, columns| {
        let found = file::damage(rows).await.map_err(|error| columns.refused(&error))?;
        Ok(found)
    })
}

/// The ledger's rows, the newest last. Needs no engine; without a catalog there are none.
pub fn calls(home: &Path) -> Result<Vec<CallRow>, Trouble> {
    read(home, async |rows, columns| {
        let select = rows::query(
            "SELECT call, day, sequence, agent, direction, began_at, ended_at, seconds, outcome, reasons, private, objected, gaps,
                    gap_seconds, late_frames, lost_frames, cut_off, continues, informed, exempt
             FROM calls ORDER BY began_at, call",
        );
        let found = select.fetch_all(&mut *rows).await.map_err(|error| columns.refused(&error))?;
        found.iter().map(|row| call_row(row, columns)).collect()
    })
}

fn call_row(row: &Row, columns: &Columns) -> Result<CallRow, Trouble> {
    Ok(CallRow {
        call: columns.parsed(row, "call")?,
        day: columns.parsed(row, "day")?,
        sequence: columns.count(row, "sequence")?,
        agent: columns.get(row, "agent")?,
        direction: columns.word(row, "direction")?,
        start: columns.parsed(row, "began_at")?,
        end: columns.maybe(row, "ended_at")?,
        seconds: columns.get(row, "seconds")?,
        outcome: columns.word(row, "outcome")?,
        reasons: columns.reasons(row)?,
        private: columns.get(row, "private")?,
        objected: columns.get(row, "objected")?,
        gaps: columns.count(row, "gaps")?.unwrap_or(0),
        gap_seconds: columns.get(row, "gap_seconds")?,
        late_frames: columns.count(row, "late_frames")?.unwrap_or(0),
        lost_frames: columns.count(row, "lost_frames")?.unwrap_or(0),
        cut_off: columns.get(row, "cut_off")?,
        continues: columns.maybe(row, "continues")?,
        informed: columns.get::<Option<&str>>(row, "informed")?.and_then(Informed::read),
        exempt: columns.get(row, "exempt")?,
    })
}

/// Numbers without a call, or whose call has no row. Needs no engine; without a catalog there are none.
pub fn skipped_numbers(home: &Path) -> Result<Vec<Skipped>, Trouble> {
    read(home, async |rows, columns| {
        let select = rows::query("SELECT day, first, last FROM skipped_numbers ORDER BY day, first");
        let found = select.fetch_all(&mut *rows).await.map_err(|error| columns.refused(&error))?;
        let number = |row, column| columns.count(row, column)?.ok_or_else(|| columns.unreadable(column));
        let skipped = |row| {
            Ok(Skipped { day: columns.parsed(row, "day")?, first: number(row, "first")?, last: number(row, "last")? })
        };
        found.iter().map(skipped).collect()
    })
}

/// What an earlier run left: everything but the calls `of_this_run`. Calls that were live then and are not kept are noted as lost. `period`
/// is the day that labels the open period; the wall clock never turns it back.
pub(super) async fn start(
    connection: &mut Connection,
    path: &Path,
    of_this_run: &HashSet<CallId>,
    period: Date,
) -> Result<LeftBehind, Trouble> {
    let columns = Columns { path, home: Path::new("") };
    let failed = |error: sqlx::Error| columns.refused(&error);
    let mut transaction = connection.begin_writing().await.map_err(failed)?;
    let select = rows::query(
        "SELECT call, agent, began_at FROM calls
         WHERE outcome = 'live' AND NOT EXISTS (SELECT 1 FROM recordings WHERE recordings.call = calls.call)
         ORDER BY began_at, call",
    );
    let mut lost = unfinished(&select.fetch_all(&mut transaction).await.map_err(failed)?, &columns)?;
    lost.retain(|call| !of_this_run.contains(&call.call));
    for call in &lost {
        let update = rows::query("UPDATE calls SET outcome = 'lost', cut_off = TRUE WHERE call = $1")
            .bind(call.call.to_string());
        update.execute(&mut transaction).await.map_err(failed)?;
    }
    let select =
        rows::query("SELECT call, agent, began_at FROM recordings WHERE state = 'committing' ORDER BY began_at, call");
    let mut committing = unfinished(&select.fetch_all(&mut transaction).await.map_err(failed)?, &columns)?;
    committing.retain(|call| !of_this_run.contains(&call.call));
    let select =
        rows::query("SELECT call FROM recordings WHERE state <> 'committing' UNION SELECT call FROM tombstones");
    let found = select.fetch_all(&mut transaction).await.map_err(failed)?;
    let registered = found.iter().map(|row| columns.parsed(row, "call")).collect::<Result<_, _>>()?;
    let mut cut_off = cut_off(&mut transaction, &columns, period).await?;
    cut_off.retain(|call| !of_this_run.contains(&call.call));
    transaction.commit().await.map_err(failed)?;
    Ok(LeftBehind { lost, committing, cut_off, registered })
}

/// The calls that another one may continue: cut off, or live a moment ago; of the open period or the day before; not continued yet.
async fn cut_off(connection: &mut Connection, columns: &Columns<'_>, period: Date) -> Result<Vec<CutOff>, Trouble> {
    let since = period.saturating_sub(CUT_OFF_DAYS.days());
    let select = rows::query(
        "SELECT call, agent, private, objected,
                EXISTS (SELECT 1 FROM recordings WHERE recordings.call = calls.call
                        AND recordings.reasons LIKE '%' || $2 || '%') AS recording,
                EXISTS (SELECT 1 FROM recordings WHERE recordings.call = calls.call
                        AND recordings.reasons LIKE '%' || $3 || '%') AS wants_copy
         FROM calls
         WHERE (cut_off OR outcome = 'live') AND day >= $1
               AND NOT EXISTS (SELECT 1 FROM calls AS later WHERE later.continues = calls.call)
         ORDER BY began_at, call",
    );
    let [pressed, copy] = [Reason::OnDemand, Reason::Copy].map(Reason::as_str);
    let found = select.bind(text::day(since)).bind(pressed).bind(copy).fetch_all(connection).await;
    let one = |row: &Row| {
        Ok(CutOff {
            call: columns.parsed(row, "call")?,
            agent: columns.get(row, "agent")?,
            recording: columns.get(row, "recording")?,
            private: columns.get(row, "private")?,
            objected: columns.get(row, "objected")?,
            copy: columns.get(row, "wants_copy")?,
        })
    };
    found.map_err(|error| columns.refused(&error))?.iter().map(one).collect()
}

/// The last number of each day that the catalog knows, of a call or of a named hole.
pub(super) async fn last_numbers(connection: &mut Connection, path: &Path) -> Result<Highest, Trouble> {
    let columns = Columns { path, home: Path::new("") };
    let select = rows::query(
        "SELECT day, MAX(number) AS last
         FROM (SELECT day, sequence AS number FROM calls UNION ALL SELECT day, last AS number FROM skipped_numbers) AS known
         WHERE number IS NOT NULL GROUP BY day ORDER BY day DESC LIMIT $1",
    );
    let found = select.bind(DAYS_ASKED).fetch_all(connection).await.map_err(|error| columns.refused(&error))?;
    found.iter().map(|row| Ok((columns.parsed(row, "day")?, columns.count(row, "last")?.unwrap_or(0)))).collect()
}

fn unfinished(rows: &[Row], columns: &Columns) -> Result<Vec<Unfinished>, Trouble> {
    let one = |row| {
        Ok(Unfinished {
            call: columns.parsed(row, "call")?,
            agent: columns.get(row, "agent")?,
            began_at: columns.parsed(row, "began_at")?,
        })
    };
    rows.iter().map(one).collect()
}

/// The numbers from this one on that the catalog knows, of calls and of named holes, as ranges.
pub(super) async fn numbers_from(
    connection: &mut Connection,
    path: &Path,
    day: Date,
    first: u64,
) -> Result<Vec<(u64, u64)>, Trouble> {
    let columns = Columns { path, home: Path::new("") };
    let select = rows::query(
        "SELECT sequence AS first, sequence AS last FROM calls WHERE day = $1 AND sequence >= $2
         UNION ALL SELECT first, last FROM skipped_numbers WHERE day = $1 AND last >= $2",
    );
    let select = select.bind(text::day(day)).bind(text::count(first));
    let found = select.fetch_all(connection).await.map_err(|error| columns.refused(&error))?;
    let number = |row, column| columns.count(row, column)?.ok_or_else(|| columns.unreadable(column));
    found.iter().map(|row| Ok((number(row, "first")?, number(row, "last")?))).collect()
}

/// Reads with its own connection on its own thread: the caller may be inside another runtime.
fn read<T: Send>(
    home: &Path,
    ask: impl AsyncFnOnce(&mut Connection, &Columns) -> Result<Vec<T>, Trouble> + Send,
) -> Result<Vec<T>, Trouble> {
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf());
    let path = file::path(&home);
    let no_thread = |error: std::io::Error| Trouble::NoThread { cause: error.to_string() };
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
        runtime.block_on(async {
            let Some(mut connection) = file::open_to_read(&path).await? else { return Ok(Vec::new()) };
            let answer = ask(&mut connection, &Columns { path: &path, home: &home }).await;
            // Nothing was written, so a failed close loses nothing.
            let _ = connection.close().await;
            answer
        })
    };
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("catalog-read".into()).spawn_scoped(scope, work).map_err(no_thread)?;
        match reader.join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Reads columns; an error names the column, never its contents.
struct Columns<'a> {
    path: &'a Path,
    home: &'a Path,
}

impl Columns<'_> {
    fn refused(&self, error: &sqlx::Error) -> Trouble {
        Trouble::of(self.path, error)
    }

    fn unreadable(&self, column: &str) -> Trouble {
        Trouble::unreadable(self.path, column)
    }

    fn get<'r, T: Readable<'r>>(&self, row: &'r Row, column: &str) -> Result<T, Trouble> {
        row.try_get(column).map_err(|_| self.unreadable(column))
    }

    fn parsed<T: std::str::FromStr>(&self, row: &Row, column: &str) -> Result<T, Trouble> {
        text::parse(self.get(row, column)?).ok_or_else(|| self.unreadable(column))
    }

    fn maybe<T: std::str::FromStr>(&self, row: &Row, column: &str) -> Result<Option<T>, Trouble> {
        match self.get::<Option<&str>>(row, column)? {
            None => Ok(None),
            Some(text) => text::parse(text).map(Some).ok_or_else(|| self.unreadable(column)),
        }
    }

    fn count(&self, row: &Row, column: &str) -> Result<Option<u64>, Trouble> {
        match self.get::<Option<i64>>(row, column)? {
            None => Ok(None),
            Some(count) => u64::try_from(count).map(Some).map_err(|_| self.unreadable(column)),
        }
    }

    fn word<T: Word>(&self, row: &Row, column: &str) -> Result<T, Trouble> {
        T::read(self.get(row, column)?).ok_or_else(|| self.unreadable(column))
    }

    fn reasons(&self, row: &Row) -> Result<Vec<Reason>, Trouble> {
        text::read_reasons(self.get(row, "reasons")?).ok_or_else(|| self.unreadable("reasons"))
    }
}
