//! Power cuts at every step of a desk's commits, and every state that the disk may be in then.
//!
//! A scene is played once; the simulated disk writes down its steps, and who was told what between them. Then, for every step, the power
//! is cut before it: a few of the states that this can leave are rebuilt (nothing survives that was not synced; everything does; one
//! sector is torn; and some at random), recovery runs on each, is itself cut somewhere, and runs again. What must be true then is in
//! `judge`.
//!
//! `RETROCALL_SEED` says and tries the same again (but the threads take their turns as they like), `RETROCALL_STATES` tries more than the usual number of random ones for each step.

mod judge;
mod scene;

use std::{
    env,
    io::{self, Write},
    sync::atomic::{AtomicUsize, Ordering},
};

use judge::Judge;
use scene::{Kind, Played, Scene, USUAL};

use crate::{
    desk::{Asked, PATIENCE, full},
    sim::{Random, Survives},
};
use retrocall::words::{Clock as _, SystemClock};

/// Random states that are tried for each step, besides the three that are always.
const RANDOM_STATES: usize = 2;
/// What is left after a cut, at its best, its worst, and torn.
const CERTAIN_STATES: [Survives; 3] = [Survives::Nothing, Survives::Everything, Survives::Torn];

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

fn seed() -> u64 {
    number("RETROCALL_SEED").unwrap_or_else(|| SystemClock.wall().as_nanosecond() as u64)
}

/// How much was tried.
#[derive(Default)]
struct Tried {
    steps: usize,
    states: usize,
    /// The first few states that were wrong, in words.
    wrong: Vec<String>,
    wrong_states: usize,
}

impl Tried {
    fn note(&mut self, place: impl Fn() -> String, result: Result<(), String>) {
        self.states += 1;
        if let Err(what) = result {
            self.wrong_states += 1;
            if self.wrong.len() < 5 {
                self.wrong.push(format!("{}: {what}", place()));
            }
        }
    }

    /// Says how much was tried, past the test program's capture, and fails if anything was wrong.
    fn finish(self, name: &str, seed: u64) {
        let Tried { steps, states, wrong_states, wrong } = self;
        let line = format!("{name}: {steps} steps, {states} states, {wrong_states} wrong, seed {seed}");
        let _ = writeln!(io::stderr(), "{line}");
        assert_eq!(wrong_states, 0, "{line}\n{}", wrong.join("\n"));
    }
}

/// Cuts the power before every step, and after the last.
fn cut_everywhere(played: &Played, seed: u64, tried: &mut Tried) {
    cut_before_one_step_in(1, played, seed, tried);
}

/// Cuts the power before one step in so many, at random; before every one in the long campaign.
fn cut_before_one_step_in(steps_each: usize, played: &Played, seed: u64, tried: &mut Tried) {
    let mut random = Random(seed);
    let campaign = number("RETROCALL_STATES").map(|states| states as usize);
    let (states, steps_each) = campaign.map_or((RANDOM_STATES, steps_each), |states| (states, 1));
    let mut platter = played.before.clone();
    let mut judge = Judge::new(played);
    for number in 0..=played.log.len() {
        let kinds = if random.below(steps_each) == 0 { &CERTAIN_STATES[..] } else { &[] };
        let states = if kinds.is_empty() { 0 } else { states };
        for survives in kinds.iter().copied().chain(std::iter::repeat_n(Survives::Some, states)) {
            let place = |recovery| format!("{} step {number}, {survives:?}, {recovery}", played.name);
            let left = platter.left(survives, &mut random);
            let (result, steps) = judge.recovered(&left);
            tried.note(|| place("recovered".to_owned()), result);
            // The same with the power cut once more, somewhere in the recovery.
            let cut = random.below(steps.len() + 1);
            let mut again = left;
            steps[..cut].iter().for_each(|step| again.apply(step));
            let survives_again =
                [Survives::Nothing, Survives::Everything, Survives::Torn, Survives::Some][random.below(4)];
            let (result, _) = judge.recovered(&again.left(survives_again, &mut random));
            tried.note(|| place(format!("cut at its step {cut}, {survives_again:?}")), result);
        }
        let Some(step) = played.log.get(number) else { break };
        platter.apply(step);
        if let Err(what) = judge.hear(step, &platter) {
            tried.note(|| format!("{} step {number}", played.name), Err(what));
        }
        tried.steps += 1;
    }
}

const IN_STEPS: Kind = Kind { words: ", names in two steps", disk: |disk| disk.renaming_in_steps(), ..USUAL };
const IN_PARTS: Kind = Kind { words: ", recordings in several files", part_samples_max: 1_000, ..IN_STEPS };

fn cut_a_mixed_desk(steps_each: usize, kind: Kind) {
    let seed = seed();
    let mut tried = Tried::default();
    cut_before_one_step_in(steps_each, &scene::mixed(seed, kind), seed, &mut tried);
    assert!(tried.steps > 100, "the scene has fewer steps than it should: {}", tried.steps);
    tried.finish(&format!("a mixed desk, the power cut{}", kind.words), seed);
}

#[test]
fn whenever_the_power_is_cut_a_desk_gets_back_what_was_safe_and_nothing_that_was_erased() {
    cut_a_mixed_desk(1, USUAL);
}

#[test]
fn whenever_the_power_is_cut_a_disk_that_names_in_two_steps_gives_back_the_same() {
    cut_a_mixed_desk(1, IN_STEPS);
}

#[test]
fn whenever_the_power_is_cut_recordings_in_several_files_come_back_the_same() {
    // Its recordings have three times as many steps, which are three times as long.
    cut_a_mixed_desk(3, IN_PARTS);
}

/// One call, recorded while it goes on, with something erased.
fn short_scene(scene: &mut Scene) {
    let call = scene.call("anna");
    scene.speak(call, 700);
    scene.card(call, 300);
    scene.record(call);
    scene.wait_until_told(call);
    scene.erase_last(call, 400);
    scene.speak(call, 500);
    scene.finish(call);
}

#[test]
fn whichever_step_fails_once_and_whenever_the_power_is_cut_then_what_was_safe_is_there() {
    let seed = seed();
    let mut probe = Scene::new("probe", seed, |_, _| Ok(()));
    short_scene(&mut probe);
    assert!(probe.commits().wait_idle(PATIENCE));
    let steps = probe.disk().asked();
    // At the same time, because each one waits before it tries again.
    let scenes: Vec<_> = (0..steps + 3)
        .flat_map(|failing| {
            let fail: [fn() -> io::Error; 2] = [|| io::Error::other("a glitch"), full];
            fail.map(|error| (failing, error))
        })
        .map(|(failing, error)| {
            let rule = move |number, asked: Asked| match asked {
                // A disk that is full can still sync.
                Asked::SyncData | Asked::SyncDir if error().kind() == io::ErrorKind::StorageFull => Ok(()),
                _ if number == failing => Err(error()),
                _ => Ok(()),
            };
            let mut scene = Scene::new(&format!("{} at {failing}", error()), seed, rule);
            short_scene(&mut scene);
            scene
        })
        .collect();
    let mut tried = Tried::default();
    for scene in scenes {
        assert!(scene.commits().wait_idle(PATIENCE), "{} is not durable", scene.name());
        cut_everywhere(&scene.played(), seed, &mut tried);
    }
    tried.finish("a step that fails once, the power cut at every step", seed);
}

/// All that the file holds when the erase is answered is half of what comes before its audio.
#[test]
fn on_a_disk_that_is_full_before_the_first_sample_an_erase_has_nothing_to_wait_for() {
    let seed = seed();
    let writes = AtomicUsize::new(0);
    let mut scene = Scene::new("full at the first write", seed, move |_, asked| match asked {
        Asked::Write(_) if writes.fetch_add(1, Ordering::SeqCst) == 0 => Err(full()),
        _ => Ok(()),
    });
    let call = scene.call("anna");
    scene.speak(call, 700);
    scene.card(call, 300);
    scene.record(call);
    scene.wait_for_trouble(call);
    scene.erase_last(call, 400);
    scene.finish(call);
    assert!(scene.commits().wait_idle(PATIENCE), "it is not durable");
    let mut tried = Tried::default();
    cut_everywhere(&scene.played(), seed, &mut tried);
    tried.finish("full at the first write, the power cut at every step", seed);
}
