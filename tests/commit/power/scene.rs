//! A desk on a simulated disk: calls that are spoken, recorded, erased and finished, and what their people were told.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use retrocall::{
    audio::Leg,
    commit::{Commits, Disk, Progress},
    protocol::{Label, Reason},
    words::SystemClock,
};

use crate::{
    desk::{Asked, Call, PATIENCE, Recording, full, part_of, switch},
    following::erase_last,
    sim::{Platter, Random, SimDisk, Step, audio_at},
};

pub const RECORDINGS: &str = "/desk/recordings";
/// Samples from here on are of a card: they are erased, or of a call that nobody selected. Nothing else has them.
pub const CARD: i16 = 0x7000;
/// How many of them each card has to itself.
const CARD_VALUES: i16 = 0x0100;

/// What somebody was told, or began to do, at that point of the disk's steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// All that was spoken so far is synced: so many samples of each leg.
    Synced { call: usize, legs: [usize; 2] },
    /// An erase begins; from here on it may be done in part.
    Erasing { call: usize, from: usize, to: usize },
    /// It is answered.
    Erased { call: usize, from: usize, to: usize, card: Option<i16> },
    /// The recording is durable.
    Durable { call: usize },
}

/// What was really said in a call.
pub struct Truth {
    pub label: Label,
    /// The reasons it may end with.
    pub reasons: Vec<Reason>,
    pub wav: PathBuf,
    /// Before anything was erased.
    pub spoken: [Vec<i16>; 2],
    pub end: usize,
}

/// What is tried besides the usual.
#[derive(Clone, Copy)]
pub struct Kind {
    pub words: &'static str,
    pub disk: fn(SimDisk<Told>) -> SimDisk<Told>,
    /// The most samples of each leg in one file.
    pub part_samples_max: u64,
}

pub const USUAL: Kind = Kind { words: "", disk: |disk| disk, part_samples_max: u64::MAX };

/// A scene that is over.
pub struct Played {
    pub name: String,
    pub kind: Kind,
    pub before: Platter,
    pub log: Vec<Step<Told>>,
    pub truths: Vec<Truth>,
}

struct Actor {
    call: Call,
    recording: Option<Recording>,
    reasons: Vec<Reason>,
    spoken: [Vec<i16>; 2],
    card: Option<i16>,
    /// Frames at the beginning that were dropped before the commit.
    first: usize,
}

/// A scene that is being played.
pub struct Scene {
    name: String,
    kind: Kind,
    disk: SimDisk<Told>,
    before: Platter,
    commits: Commits,
    actors: Vec<Actor>,
    random: Random,
    cards: i16,
}

impl Scene {
    pub fn new(name: &str, seed: u64, rule: impl Fn(usize, Asked) -> io::Result<()> + Send + Sync + 'static) -> Scene {
        Scene::on(name, seed, USUAL, rule)
    }

    pub fn on(
        name: &str,
        seed: u64,
        kind: Kind,
        rule: impl Fn(usize, Asked) -> io::Result<()> + Send + Sync + 'static,
    ) -> Scene {
        let home = SimDisk::<Told>::of(Platter::default());
        home.create_dir_all("/desk".as_ref()).expect("a home");
        let before = home.look(Platter::clone);
        let disk = (kind.disk)(SimDisk::with(before.clone(), rule));
        let commits =
            Commits::start(Arc::new(disk.clone()), RECORDINGS.into(), 2, true, Arc::new(SystemClock)).expect("threads");
        let commits = commits.with_parts_of(kind.part_samples_max);
        Scene { name: name.to_owned(), kind, disk, before, commits, actors: Vec::new(), random: Random(seed), cards: 0 }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn disk(&self) -> &SimDisk<Told> {
        &self.disk
    }

    pub fn commits(&self) -> &Commits {
        &self.commits
    }

    /// A call of an agent begins.
    pub fn call(&mut self, agent: &str) -> usize {
        let mut call = Call::new(8_000);
        call.label.call.facts.agent = agent.to_owned();
        let (reasons, spoken) = (call.label.reasons.clone(), [Vec::new(), Vec::new()]);
        self.actors.push(Actor { call, recording: None, reasons, spoken, card: None, first: 0 });
        self.actors.len() - 1
    }

    /// So many samples of one leg: never silence, never a card.
    pub fn speak_one(&mut self, call: usize, leg: Leg, samples: usize) {
        let words: Vec<i16> = (0..samples).map(|_| ((self.random.next() % 0x6000) as i16 - 0x3000) | 1).collect();
        self.say(call, leg, &words);
    }

    pub fn speak(&mut self, call: usize, samples: usize) {
        Leg::ALL.into_iter().for_each(|leg| self.speak_one(call, leg, samples));
    }

    /// The number of a card, which nothing else sounds like.
    pub fn card(&mut self, call: usize, samples: usize) {
        let card = CARD + CARD_VALUES * self.cards;
        self.cards += 1;
        self.actors[call].card = Some(card);
        for leg in Leg::ALL {
            let digits: Vec<i16> =
                (0..samples).map(|_| card + (self.random.next() % CARD_VALUES as u64) as i16).collect();
            self.say(call, leg, &digits);
        }
    }

    fn say(&mut self, call: usize, leg: Leg, samples: &[i16]) {
        let actor = &mut self.actors[call];
        samples.chunks(160).for_each(|frame| actor.call.push(leg, frame));
        actor.spoken[leg.index()].extend(samples);
    }

    /// The oldest audio of a call that was too long.
    pub fn drop_before(&mut self, call: usize, position: usize) {
        let actor = &mut self.actors[call];
        actor.first = actor.call.ring.drop_before(position as u64) as usize;
    }

    pub fn record(&mut self, call: usize) {
        let (disk, commits) = (self.disk.clone(), &self.commits);
        let recording = Recording::begin(commits, &self.actors[call].call, move |progress| {
            if let Progress::Durable(_) = progress {
                disk.tell(Told::Durable { call });
            }
        });
        self.actors[call].recording = Some(recording);
    }

    /// A call of the sample: it is selected after its end.
    pub fn sample(&mut self, call: usize) {
        let actor = &mut self.actors[call];
        (actor.call.label.reasons, actor.reasons) = (vec![Reason::Sample], vec![Reason::Sample]);
        self.record(call);
        self.finish(call);
    }

    /// It was drawn as well, which its file says only after its end.
    pub fn drawn_too(&mut self, call: usize) {
        self.actors[call].reasons.push(Reason::Sample);
    }

    pub fn finish(&mut self, call: usize) {
        let actor = &self.actors[call];
        actor.recording().handle.finish(actor.call.end(), actor.reasons.clone());
    }

    /// Waits until a power cut can't take anything of what was said so far.
    pub fn wait_until_synced(&mut self, call: usize) {
        let actor = &self.actors[call];
        let expected: Vec<u8> =
            actor.call.expected()[2 * actor.first..].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.disk.wait_until("what is said is synced", |now, _| {
            let mut audio = Vec::new();
            let parts = (1..).map(|part| part_of(&actor.recording().wav, part).with_added_extension("part"));
            for part in parts.take_while(|part| now.exists(part)) {
                let bytes = now.synced(&part).filter(|_| now.has_durable_name(&part)).unwrap_or_default();
                audio.extend_from_slice(audio_at(&bytes).map_or(&[][..], |at| &bytes[at..]));
            }
            audio == expected
        });
        let legs = actor.call.pushed.each_ref().map(Vec::len);
        self.disk.tell(Told::Synced { call, legs });
    }

    /// The same on a disk that may fail: waits only until the commit has done something since now.
    pub fn wait_until_told(&mut self, call: usize) {
        self.actors[call].recording().rewrite(u64::MAX);
    }

    /// Waits until so many recordings were told as durable.
    pub fn wait_until_durable(&self, recordings: usize) {
        let is_durable = |step: &&Step<Told>| matches!(step, Step::Told(Told::Durable { .. }));
        self.disk.wait_until("the calls that ended are durable", |_, log| {
            log.iter().filter(is_durable).count() == recordings
        });
    }

    pub fn wait_for_trouble(&self, call: usize) {
        self.actors[call].recording().trouble();
    }

    /// Begins to erase. Whoever waits for the answer gets it from what is returned.
    pub fn begin_erase(&mut self, call: usize, samples: usize) -> mpsc::Receiver<()> {
        let actor = &mut self.actors[call];
        let (end, card, disk) = (actor.call.end() as usize, actor.card.take(), self.disk.clone());
        let (from, to) = (end - samples, end);
        disk.tell(Told::Erasing { call, from, to });
        assert_eq!(erase_last(&mut actor.call, samples as u64) as usize, from);
        let (tell, told) = mpsc::channel();
        let in_time = actor.recording().handle.rewrite(from as u64, move || {
            disk.tell(Told::Erased { call, from, to, card });
            tell.send(()).expect("the test waits");
        });
        assert!(in_time, "the call goes on");
        told
    }

    pub fn erase_last(&mut self, call: usize, samples: usize) {
        let told = self.begin_erase(call, samples);
        told.recv_timeout(PATIENCE).expect("it is erased");
    }

    /// The power is cut for good.
    pub fn played(self) -> Played {
        drop(self.commits);
        let truth = |actor: Actor| {
            let recording = actor.recording?;
            let (end, label, reasons) = (actor.call.end() as usize, actor.call.label.clone(), actor.reasons);
            Some(Truth { label, reasons, wav: recording.wav, spoken: actor.spoken, end })
        };
        // Those that were never recorded come last, so that the others keep their numbers.
        let truths = self.actors.into_iter().map_while(truth).collect();
        Played { name: self.name, kind: self.kind, before: self.before, log: self.disk.take_log(), truths }
    }
}

impl Actor {
    fn recording(&self) -> &Recording {
        self.recording.as_ref().expect("it is recorded")
    }
}

/// A desk with a bit of everything.
pub fn mixed(seed: u64, kind: Kind) -> Played {
    let (is_full, rule) = switch(false);
    let mut scene = Scene::on(&format!("mixed{}", kind.words), seed, kind, move |_, asked| {
        let takes_room = matches!(asked, Asked::Write(_) | Asked::Create | Asked::Folder);
        if takes_room && rule.load(Ordering::SeqCst) { Err(full()) } else { Ok(()) }
    });
    // Recorded from its beginning to the end of the scene; one of the sample; one in which nobody said a word.
    let pressed = scene.call("anna");
    scene.speak(pressed, 1_000);
    scene.record(pressed);
    let silent = scene.call("bert");
    scene.record(silent);
    scene.finish(silent);
    let sampled = scene.call("carol");
    scene.speak(sampled, 17_500);
    scene.sample(sampled);
    // The customer's audio comes late.
    let lagging = scene.call("dirk");
    scene.speak_one(lagging, Leg::Agent, 1_500);
    scene.speak_one(lagging, Leg::Customer, 300);
    scene.record(lagging);
    // A card is said, written and erased again. Its agent's name is so long that the prefix has two sectors.
    let erased = scene.call(&"\u{1f3a7}".repeat(64));
    scene.speak(erased, 900);
    scene.card(erased, 500);
    scene.record(erased);
    scene.wait_until_synced(erased);
    scene.erase_last(erased, 600);
    scene.speak(erased, 400);
    scene.drawn_too(erased);
    scene.speak_one(lagging, Leg::Customer, 800);
    scene.speak_one(lagging, Leg::Agent, 500);
    scene.wait_until_synced(lagging);
    scene.speak(pressed, 700);
    scene.wait_until_synced(pressed);
    // A call whose oldest audio was dropped.
    let long = scene.call("emma");
    scene.speak(long, 2_500);
    scene.drop_before(long, 1_111);
    scene.record(long);
    scene.drawn_too(long);
    scene.finish(long);
    scene.wait_until_synced(erased);
    let late = full_for_a_while(&mut scene, &is_full, pressed, erased);
    scene.wait_until_synced(late);
    for call in [late, lagging, erased] {
        scene.finish(call);
    }
    // The power fails while these two are live.
    scene.speak(pressed, 500);
    scene.wait_until_synced(pressed);
    let live = scene.call("gina");
    scene.speak(live, 400);
    scene.record(live);
    scene.wait_until_synced(live);
    scene.speak(live, 200);
    scene.wait_until_told(live);
    // Nobody selected this one.
    let unselected = scene.call("hugo");
    scene.card(unselected, 1_000);
    scene.wait_until_durable(6);
    scene.played()
}

/// The disk is full for a while: one call begins to be recorded, one is erased, the others go on.
fn full_for_a_while(scene: &mut Scene, is_full: &AtomicBool, pressed: usize, erased: usize) -> usize {
    is_full.store(true, Ordering::SeqCst);
    scene.speak(pressed, 300);
    scene.card(erased, 200);
    let late = scene.call("frank");
    scene.speak(late, 600);
    scene.record(late);
    let told = scene.begin_erase(erased, 300);
    for call in [pressed, erased, late] {
        scene.wait_for_trouble(call);
    }
    is_full.store(false, Ordering::SeqCst);
    told.recv_timeout(PATIENCE).expect("it is erased");
    late
}
