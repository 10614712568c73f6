//! What must be true once the engine runs again.

use std::{
    collections::{HashMap, HashSet},
    fmt, fs,
    path::PathBuf,
    time::Duration,
};

use retrocall::{
    audio::Leg,
    catalog::{self, Recording, RecordingState},
    protocol::{CallId, Reason},
};

use crate::{
    desk::{Desk, Home, Sound, wait_for},
    load::{Heard, Line},
    plan::Plan,
};

/// What was said up to so long before the kill must be there.
const PROMISE: Duration = Duration::from_secs(1);
/// Every so many samples one window is searched for.
const GRID: u64 = 64;

/// What is known of one call.
struct Story {
    plan: Plan,
    sent: Vec<(Duration, u64)>,
    pressing: bool,
    pressed: Option<Duration>,
    erasing: Vec<(u64, u64)>,
    erased: Vec<(u64, u64)>,
    /// The last one is open while it goes on.
    masked: Vec<(u64, u64)>,
    private: bool,
    ending: bool,
    end: Option<u64>,
    kept: bool,
}

fn stories(seed: u64, said: &[Line]) -> HashMap<CallId, Story> {
    let mut stories: HashMap<CallId, Story> = HashMap::new();
    for Line { at, heard } in said {
        match heard {
            Heard::Up => {}
            Heard::Begun { number, call } => {
                let plan = Plan::of(seed, *number);
                stories.insert(*call, Story::new(plan));
            }
            Heard::Sent { call, upto } => of(&mut stories, call).sent.push((*at, *upto)),
            Heard::Pressing { call } => of(&mut stories, call).pressing = true,
            Heard::Pressed { call } => of(&mut stories, call).pressed = Some(*at),
            Heard::Erasing { call, from, to } => of(&mut stories, call).erasing.push((*from, *to)),
            Heard::Erased { call, from, to } => of(&mut stories, call).erased.push((*from, *to)),
            Heard::Masked { call, from } => of(&mut stories, call).masked.push((*from, u64::MAX)),
            Heard::Unmasked { call, to } => of(&mut stories, call).masked.last_mut().expect("a mask").1 = *to,
            Heard::Private { call } => of(&mut stories, call).private = true,
            Heard::Ending { call } => of(&mut stories, call).ending = true,
            Heard::Ended { call, end } => of(&mut stories, call).end = Some(*end),
            Heard::Kept { call } => of(&mut stories, call).kept = true,
        }
    }
    stories
}

/// The story of a call that has begun.
fn of<'a>(stories: &'a mut HashMap<CallId, Story>, call: &CallId) -> &'a mut Story {
    stories.get_mut(call).expect("it has begun")
}

impl Story {
    fn new(plan: Plan) -> Story {
        Story {
            plan,
            sent: vec![],
            pressing: false,
            pressed: None,
            erasing: vec![],
            erased: vec![],
            masked: vec![],
            private: false,
            ending: false,
            end: None,
            kept: false,
        }
    }

    /// How much had been said by then.
    fn said_by(&self, at: Duration) -> u64 {
        self.sent.iter().filter(|(sent_at, _)| *sent_at <= at).map(|(_, upto)| *upto).max().unwrap_or(0)
    }

    /// More than was ever sent: what was on its way when the engine was killed was not said to be.
    fn longest(&self) -> u64 {
        self.sent.last().map_or(self.plan.backlog, |(_, upto)| *upto) + 2 * u64::from(self.plan.rate)
    }
}

/// What was tried so far, and how near it came to what was promised.
#[derive(Default)]
pub struct Tally {
    calls: usize,
    pressed: usize,
    /// Pressed so long before the kill that they must be there.
    promised: usize,
    complete: usize,
    incomplete: usize,
    sampled: usize,
    /// Pressed in the last second, and nothing had reached the disk.
    too_late: usize,
    erased: usize,
    windows: usize,
    bytes_searched: u64,
    /// The most that was missing before a kill.
    missing_max: Duration,
    /// Files that were searched, by their length.
    known: HashMap<PathBuf, u64>,
}

impl Tally {
    pub fn new_home(&mut self) {
        self.known.clear();
    }

    /// Looks at everything after a kill and a start.
    pub fn judge(&mut self, desk: &Desk, seed: u64, said: &[Line], killed_at: Duration) -> Result<(), String> {
        let ran = desk.run(&["check", "--json"]);
        if ran.code != 0 {
            return Err(format!("check: {}", ran.stdout));
        }
        if let Some(part) =
            desk.audio_files().into_iter().find(|path| path.extension().is_some_and(|end| end == "part"))
        {
            return Err(format!("{} is left", part.display()));
        }
        // What was recovered is registered by the engine's catalog thread, behind its start.
        let rows = wait_for("every recovered recording's row", || {
            let rows = catalog::recordings(desk.path()).expect("a catalog");
            Some(rows).filter(|rows| rows.iter().all(|row| row.state != RecordingState::Committing))
        });
        let rows: HashMap<CallId, Recording> = rows.into_iter().map(|row| (row.call, row)).collect();
        let stories = stories(seed, said);
        let mut forbidden = HashSet::new();
        for (call, story) in &stories {
            self.calls += 1;
            self.call(story, rows.get(call), killed_at, &mut forbidden)
                .map_err(|wrong| format!("call {call}: {wrong}"))?;
        }
        self.windows += forbidden.len();
        self.search(desk, &forbidden)
    }

    fn call(
        &mut self,
        story: &Story,
        row: Option<&Recording>,
        killed_at: Duration,
        forbidden: &mut HashSet<u64>,
    ) -> Result<(), String> {
        let rate = u64::from(story.plan.rate);
        let promised =
            story.pressed.filter(|at| *at + PROMISE <= killed_at).map(|_| story.said_by(killed_at - PROMISE));
        self.pressed += usize::from(story.pressed.is_some());
        self.promised += usize::from(promised.is_some());
        let Some(row) = row else {
            if let Some(promised) = promised {
                return Err(format!(
                    "it was pressed, {promised} samples were said a second before the kill, and it is lost"
                ));
            }
            self.too_late += usize::from(story.pressed.is_some());
            if !story.pressing {
                add_windows(&story.plan, 0, story.longest(), forbidden);
            }
            return Ok(());
        };
        let is_sample = row.reasons.contains(&Reason::Sample);
        match (story.pressing, is_sample) {
            (false, false) => return Err("nobody selected it, and it is kept".to_owned()),
            (false, true) if !story.ending => return Err("a call of the sample is kept before its end".to_owned()),
            (_, true) if story.private => return Err("a private call is kept".to_owned()),
            (false, true) => self.sampled += 1,
            (true, _) => {}
        }
        let sound = Sound::of_recording(row.path.as_ref().expect("a file"));
        let samples = sound.len() as u64;
        let is_cut = row.state == RecordingState::Incomplete;
        right(story, &sound, if is_cut { promised.unwrap_or(0) } else { u64::MAX })?;
        match row.state {
            RecordingState::Complete if story.end.is_none_or(|end| end == samples) && story.ending => {
                self.complete += 1
            }
            RecordingState::Incomplete if !story.kept => self.incomplete += 1,
            state => {
                return Err(format!(
                    "it is {state:?} with {samples} samples, of {:?}, kept: {}",
                    story.end, story.kept
                ));
            }
        }
        if let Some(promised) = promised.filter(|promised| *promised > samples) {
            return Err(format!(
                "it has {samples} samples, and {promised} were said a second before the kill: {:.3} s more are missing",
                (promised - samples) as f64 / rate as f64
            ));
        }
        if promised.is_some() && story.end.is_none() {
            let covered = story.sent.iter().find(|(_, upto)| *upto > samples).map(|(at, _)| *at);
            self.missing_max = self.missing_max.max(covered.map_or(Duration::ZERO, |at| killed_at.saturating_sub(at)));
        }
        self.erased += story.erased.len();
        for (from, to) in story.erased.iter().chain(&story.masked) {
            add_windows(&story.plan, *from, (*to).min(story.longest()), forbidden);
        }
        Ok(())
    }

    /// No window of what may not be there is in any file of the home.
    fn search(&mut self, home: &Home, forbidden: &HashSet<u64>) -> Result<(), String> {
        // Most places are told apart by this, which fits into the processor.
        let mut likely = vec![0u64; 1 << 16];
        let place = |word: u64| {
            let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42;
            ((hash >> 6) as usize, 1u64 << (hash & 63))
        };
        for word in forbidden {
            let (at, bit) = place(*word);
            likely[at] |= bit;
        }
        for path in home.files() {
            let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            // A recording that was searched is not written again; anything else may be.
            let length = Some(bytes.len() as u64);
            if path.extension().is_some_and(|end| end == "wav")
                && self.known.insert(path.clone(), bytes.len() as u64) == length
            {
                continue;
            }
            self.bytes_searched += bytes.len() as u64;
            for eight in bytes.windows(8) {
                let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
                let (at, bit) = place(word);
                if likely[at] & bit != 0 && forbidden.contains(&word) {
                    return Err(format!("audio that may not be there is in {}", path.display()));
                }
            }
        }
        Ok(())
    }

    pub fn assert_that_something_was_tried(&self) {
        assert!(self.calls > 0 && self.pressed > 0 && self.windows > 0, "{self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls, {} pressed, {} of them over a second before the kill and all of these recovered; {} recordings complete, \
             {} incomplete, {} of the sample alone; {} presses in the last second had nothing on disk yet; {} erases; {} windows \
             of audio that may not be there searched for in {} MB, none found; at most {} ms missing before a kill",
            self.calls,
            self.pressed,
            self.promised,
            self.complete,
            self.incomplete,
            self.sampled,
            self.too_late,
            self.erased,
            self.windows,
            self.bytes_searched / 1_000_000,
            self.missing_max.as_millis()
        )
    }
}

/// Every sample is what was said there, or silence where that was asked. At the end of a recording that was cut off, from `sure` on, one leg
/// may be behind the other: its last frame was on its way, and the file has silence there until it comes.
fn right(story: &Story, sound: &Sound, sure: u64) -> Result<(), String> {
    if sound.rate != story.plan.rate {
        return Err(format!("its rate is {}", sound.rate));
    }
    let is_in = |spans: &[(u64, u64)], at: u64| spans.iter().any(|(from, to)| (*from..*to).contains(&at));
    for leg in Leg::ALL {
        let samples = &sound.legs[leg.index()];
        let behind = samples.iter().rposition(|sample| *sample != 0).map_or(0, |last| last as u64 + 1).max(sure);
        for (at, got) in (0..).zip(samples) {
            let said = story.plan.sample(leg, at);
            let is_right = if is_in(&story.masked, at) || is_in(&story.erased, at) {
                *got == 0
            } else {
                *got == said || *got == 0 && (at >= behind || is_in(&story.erasing, at))
            };
            if !is_right {
                return Err(format!("sample {at} of the {leg:?} is {got}, and {said} was said"));
            }
        }
    }
    Ok(())
}

/// Four samples of a leg, and two of both: either takes eight bytes.
fn add_windows(plan: &Plan, from: u64, to: u64, windows: &mut HashSet<u64>) {
    let word = |four: [i16; 4]| four.iter().rev().fold(0, |word, sample| word << 16 | u64::from(*sample as u16));
    for at in (from..to.saturating_sub(4)).step_by(GRID as usize) {
        let [agent, customer] = Leg::ALL.map(|leg| [0, 1, 2, 3].map(|more| plan.sample(leg, at + more)));
        windows.extend([word(agent), word(customer), word([agent[0], customer[0], agent[1], customer[1]])]);
    }
}

/// Plants what may not be there, and sees it found.
pub fn tests_itself() {
    let (home, plan) = (Home::new(), Plan::of(1, 2));
    let heard = |legs: [Vec<i16>; 2]| Sound { rate: plan.rate, legs };
    let mut sound = heard(Leg::ALL.map(|leg| (0..8_000).map(|at| plan.sample(leg, at)).collect()));
    let mut forbidden = HashSet::new();
    add_windows(&plan, 0, 8_000, &mut forbidden);
    assert_eq!(Tally::default().search(&home, &forbidden), Ok(()));
    let mono: Vec<u8> = sound.legs[0][1_000..1_100].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    for (name, before) in [("catalog.sqlite-wal", 0), ("core", 1_001)] {
        let path = home.path().join(name);
        fs::write(&path, [vec![0x55; before], mono.clone()].concat()).expect("a file");
        assert!(Tally::default().search(&home, &forbidden).is_err(), "{name}");
        fs::remove_file(path).expect("it is there");
    }
    sound.save(&home.path().join("kept.wav"));
    assert!(Tally::default().search(&home, &forbidden).is_err(), "a recording");
    let mut story = Story::new(Plan::of(1, 2));
    assert_eq!(right(&story, &sound, u64::MAX), Ok(()));
    story.erased.push((500, 600));
    assert!(right(&story, &sound, u64::MAX).is_err(), "what was erased is there");
    story.erasing = std::mem::take(&mut story.erased);
    assert_eq!(right(&story, &sound, u64::MAX), Ok(()), "nobody said that it was erased");
    sound.legs[1][7_900..].fill(0);
    assert_eq!(right(&story, &sound, 7_900), Ok(()), "a leg that was behind at the end");
    assert!(right(&story, &sound, 7_901).is_err() && right(&story, &sound, u64::MAX).is_err(), "and had to be there");
    sound.legs[0][7_999] ^= 1;
    assert!(right(&story, &sound, 0).is_err(), "a wrong sample");
}
