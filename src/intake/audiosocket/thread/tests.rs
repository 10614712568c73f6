//! A tap with a clock of its own: where samples end up, whenever they come and however they are split.

use std::{
    io::{ErrorKind, Read},
    os::unix::net::{UnixDatagram, UnixStream},
};

use assert_no_alloc::assert_no_alloc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    super::{tap::Oddity, wire::REST_BYTES_MAX},
    *,
};
use crate::switchboard::Origin;
use retrocall_core::ring::Ring;
use retrocall_words::{
    SystemClock,
    audio::{Leg, Rate, g711::Law},
};

const ID: [u8; 19] = [1, 0, 16, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8];

/// A leg of a call that begins with its first frame.
struct Scene {
    arena: Arc<Arena>,
    tap: Tap<'static>,
    peer: UnixDatagram,
    inbox: UnboundedReceiver<Report>,
    ring: Option<Arc<Ring>>,
    law: Option<Law>,
    bytes: LockedBuffer,
    samples: LockedSamples,
    began: Instant,
}

fn scene(law: Option<Law>) -> Scene {
    let arena: &'static Arc<Arena> =
        Box::leak(Box::new(Arc::new(Arena::new(1 << 20, true).expect("memory for a test"))));
    while arena.fault_in_ahead() > 0 {}
    // Datagrams keep what was one write apart from what was two.
    let (peer, ours) = UnixDatagram::pair().expect("sockets");
    ours.set_nonblocking(true).expect("a socket");
    let (reports, inbox) = unbounded_channel();
    let began = SystemClock.now();
    Scene {
        arena: Arc::clone(arena),
        tap: Tap::new(1, ours.into(), reports, arena, began),
        peer,
        inbox,
        ring: None,
        law,
        bytes: LockedBuffer::new(BUFFER_BYTES, true).expect("a buffer"),
        samples: LockedSamples::new(FRAME_SAMPLES_MAX, true).expect("a buffer"),
        began,
    }
}

impl Scene {
    /// As the thread does it, `ms` after the begin.
    fn use_bytes(&mut self, ms: u64, bytes: &[u8], end: Option<End>) {
        let (looked, filled) = self.tap.take_waiting(&mut self.bytes);
        self.bytes[filled..filled + bytes.len()].copy_from_slice(bytes);
        let filled = filled + bytes.len();
        let now = self.began + Duration::from_millis(ms);
        let catch = Catch { came: !bytes.is_empty(), unread_bytes: 0, end };
        self.tap.use_bytes(&self.bytes[..filled], looked, catch, &mut self.samples, now);
        wipe(&mut self.bytes[..filled]);
    }

    fn come(&mut self, ms: u64, bytes: &[u8]) {
        self.use_bytes(ms, bytes, None);
        if self.tap.is_asked() {
            let Ok(Report::Audio { rate, .. }) = self.inbox.try_recv() else { panic!("it asks which call it is") };
            let (ring, [writer, _]) = Ring::new(Arc::clone(&self.arena));
            self.ring = Some(ring);
            let vote = Origin::new(self.began + Duration::from_millis(ms)).vote();
            self.tap.answer(Some(Loan { writer: Box::new(writer), rate, vote }), self.law);
        }
    }

    /// The peer has closed; turns until all that came has its place.
    fn end(&mut self, ms: u64) -> Vec<i16> {
        self.use_bytes(ms, &[], Some(End::HangUp));
        for turn in 0..100 {
            if !self.tap.is_over() {
                self.use_bytes(ms + turn * 20, &[], None);
            }
        }
        assert!(self.tap.is_over() && self.samples.iter().all(|sample| *sample == 0), "nothing is left in the buffer");
        let ring = self.ring.as_ref().expect("there is a call");
        let mut samples = vec![0; ring.frontier(Leg::Agent) as usize];
        ring.reader().read(Leg::Agent, 0, &mut samples);
        samples
    }

    fn gaps(&self) -> u64 {
        self.ring.as_ref().expect("there is a call").counts(Leg::Agent).gaps
    }

    fn oddities(&mut self) -> Vec<Oddity> {
        let mut all = Vec::new();
        while let Ok(report) = self.inbox.try_recv() {
            all.extend(if let Report::Odd { oddity, .. } = report { Some(oddity) } else { None });
        }
        all
    }
}

fn message(type_byte: u8, payload: &[u8]) -> Vec<u8> {
    [&[type_byte][..], &(payload.len() as u16).to_be_bytes(), payload].concat()
}

/// Speech of a kind: never 0.
fn speech(samples: usize) -> Vec<i16> {
    (0..samples).map(|i| (i as i16).wrapping_mul(7_919) | 1).collect()
}

fn linear(samples: &[i16]) -> Vec<u8> {
    message(0x10, &samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>())
}

#[test]
fn the_path_of_a_frame_from_audiosocket_allocates_nothing_also_while_frames_wait() {
    let mut scene = scene(None);
    let spoken = speech(160 * 60);
    let frames: Vec<Vec<u8>> = spoken.chunks(160).map(linear).collect();
    scene.come(0, &[&ID[..], &frames[0]].concat());
    for (frame, bytes) in frames.iter().enumerate().skip(1) {
        // A pause in the middle: the frames behind it wait for a while.
        let ms = frame as u64 * 20 + if frame < 30 { 0 } else { 500 };
        assert_no_alloc(|| scene.use_bytes(ms, bytes, None));
    }
    let held = scene.end(2_000);
    assert_eq!((held.len(), scene.gaps()), (160 * 60 + 4_000, 1));
    assert!(held[..160 * 30] == spoken[..160 * 30] && held[160 * 30 + 4_000..] == spoken[160 * 30..]);
    assert_eq!(scene.ring.take().expect("a call").counts(Leg::Agent).frames, 60);
}

#[test]
fn however_a_leg_is_split_its_samples_are_the_same_also_when_it_ends_in_the_middle_of_a_frame() {
    let spoken = speech(3 * 40);
    let mut stream = ID.to_vec();
    spoken.chunks(40).for_each(|frame| {
        stream.extend(message(0x12, &linear(frame)[3..]));
        stream.extend(message(0x42, b"unknown"));
    });
    for cut in [0, 11, 12] {
        let stream = &stream[..stream.len() - 10 - cut];
        let whole = spoken.len() - cut.div_ceil(2);
        for split in 0..stream.len() {
            let mut scene = scene(None);
            scene.come(0, &stream[..split]);
            scene.come(1, &stream[split..]);
            assert_eq!(scene.end(2), spoken[..whole], "cut by {cut}, split at {split}");
        }
    }
    let mut scene = scene(None);
    stream.iter().for_each(|byte| scene.come(0, &[*byte]));
    assert_eq!(scene.end(0), spoken);
}

#[test]
fn codes_that_are_labelled_linear_are_decoded_by_the_setting_and_never_held_without_it() {
    let codes: Vec<u8> = (0..160 * 50u32).map(|i| (i * 31 + i / 160) as u8).collect();
    for law in [None, Some(Law::Mu), Some(Law::A)] {
        for ms_per_frame in [20, 0] {
            let mut scene = scene(law);
            scene.come(0, &ID);
            for (frame, codes) in codes.chunks(160).enumerate() {
                scene.come(frame as u64 * ms_per_frame, &message(0x10, codes));
            }
            let held = scene.end(50 * ms_per_frame);
            let expanded: Vec<i16> =
                law.into_iter().flat_map(|law| codes.iter().map(move |code| law.linear(*code))).collect();
            assert!(held == expanded, "{law:?}: {} samples", held.len());
            assert_eq!(scene.oddities(), if law.is_none() { vec![Oddity::Codes] } else { vec![] });
        }
    }
}

#[test]
fn linear_frames_of_10_ms_are_no_codes() {
    let spoken = speech(80 * 100);
    let mut scene = scene(Some(Law::Mu));
    scene.come(0, &ID);
    spoken.chunks(80).enumerate().for_each(|(frame, samples)| scene.come(frame as u64 * 10, &linear(samples)));
    assert_eq!(scene.end(1_000), spoken);
}

#[test]
fn keys_are_told_at_once_and_what_is_odd_is_told_once_and_closes_nothing() {
    let mut odd = scene(None);
    for _ in 0..3 {
        odd.come(0, &linear(&[1]));
    }
    assert_eq!(odd.oddities(), [Oddity::NoUuid]);
    let mut wide = scene(None);
    wide.come(0, &[&ID[..], &message(0x18, &[1; 400]), &message(0x17, &[1; 400]), &message(0x18, &[1; 400])].concat());
    assert_eq!(wide.oddities(), [Oddity::Rate(192_000)]);
    assert!(!wide.tap.is_over() && wide.tap.takes_more());
    let mut keys = scene(None);
    keys.come(0, &[&ID[..], &linear(&speech(160))].concat());
    keys.come(20, &[&message(0x11, &[1; 480])[..], b"\x03\0\x017\x03\0\x01x\x03\0\x01d"].concat());
    let Ok(Report::Odd { oddity: Oddity::OtherKind(12_000), .. }) = keys.inbox.try_recv() else {
        panic!("another rate")
    };
    for expected in ['7', 'D'] {
        let Ok(Report::Digit { digit, .. }) = keys.inbox.try_recv() else { panic!("a key") };
        assert_eq!(digit, expected);
    }
    // More than fingers can press is no reason to fill anybody's memory.
    keys.come(40, &b"\x03\0\x018".repeat(1_000));
    assert_eq!(std::iter::from_fn(|| keys.inbox.try_recv().ok()).count(), 32);
    assert_eq!(keys.end(60), speech(160));
}

#[test]
fn silence_is_sent_40_ms_with_one_write_in_the_kind_that_the_peer_speaks() {
    let mut scene = scene(None);
    let silences = Silences::new();
    let hears = |scene: &Scene| {
        let mut messages = [7; 16_000];
        let bytes = scene.peer.recv(&mut messages).expect("it was sent");
        let [one, other] = [&messages[..bytes / 2], &messages[bytes / 2..bytes]];
        assert_eq!(one, other);
        (one.len(), one[..4].to_vec(), one[3..].iter().all(|byte| *byte == 0))
    };
    // Connection 1 has its turn at once, and then after each 40 ms.
    for times in [1, 2, 1, 1] {
        scene.tap.send_silence(&silences, times);
    }
    for _ in 0..3 {
        assert_eq!(hears(&scene), (323, vec![0x10, 1, 0x40, 0], true));
    }
    scene.peer.set_nonblocking(true).expect("a socket");
    assert_eq!(scene.peer.recv(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    // Also above what is captured: it is the peer's own kind.
    for (type_byte, samples) in [(0x12, 320usize), (0x18, 3_840)] {
        scene.come(0, &[&ID[..], &message(type_byte, &[1; 4])].concat());
        scene.tap.send_silence(&silences, 2);
        let bytes = 2 * samples;
        assert_eq!(hears(&scene), (bytes + 3, vec![type_byte, (bytes >> 8) as u8, bytes as u8, 0], true));
    }
    // A peer that does not read is sent no more than fits, and is no worse off for it.
    scene.tap.send_silence(&silences, 10_000);
    assert!(!scene.tap.is_over());
}

#[test]
fn when_the_memory_is_full_frames_are_lost_and_the_next_message_is_found_again() {
    let mut scene = scene(None);
    let spoken = speech(160 * 100);
    let mut taken = Vec::new();
    while let Some(segment) = scene.arena.take(retrocall_core::memory::Need::Selected) {
        taken.push(segment);
    }
    scene.come(0, &[&ID[..], &linear(&spoken[..160])].concat());
    for frame in 1..40u64 {
        // Split within the head of a message, and within a sample.
        let bytes = linear(&spoken[frame as usize * 160..][..160]);
        scene.come(frame * 20, &bytes[..2]);
        scene.come(frame * 20, &bytes[2..200]);
        scene.come(frame * 20, &bytes[200..]);
    }
    assert_eq!(scene.oddities(), [Oddity::Memory]);
    taken.into_iter().for_each(|segment| scene.arena.give_back(segment));
    for frame in 40..100u64 {
        scene.come(frame * 20, &linear(&spoken[frame as usize * 160..][..160]));
    }
    let held = scene.end(2_000);
    assert!(held.ends_with(&spoken[41 * 160..100 * 160]), "all that came when there was room again");
    // What was lost before it was known what it is, nobody can place.
    assert!((84 * 160..=100 * 160).contains(&held.len()), "in its place: {}", held.len());
}

#[test]
fn a_thread_closes_after_the_peer_or_after_the_idle_limit_and_gives_its_beats() {
    let arena = Arc::new(Arena::new(1 << 20, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    let (reports, mut inbox) = unbounded_channel();
    let fault_in = FaultIn::start(&arena).expect("a thread");
    let limits = Limits { idle: Duration::from_millis(300), unnamed_max: 9, law: None };
    let taps = Taps::start(Arc::clone(&arena), fault_in, Arc::new(SystemClock), true, limits, reports);
    let taps = taps.expect("a thread");
    let (left, idle) = (UnixStream::pair().expect("sockets"), UnixStream::pair().expect("sockets"));
    for ours in [&left.1, &idle.1] {
        ours.set_nonblocking(true).expect("a socket");
    }
    taps.adopt(1, idle.1.into());
    drop(left.0);
    taps.adopt(2, left.1.into());
    let begin = SystemClock.now();
    let mut gone_after = || match inbox.blocking_recv() {
        Some(Report::Gone { named: false }) => SystemClock.since(begin),
        _ => panic!("a connection has ended, of which nothing was held"),
    };
    assert!(gone_after() <= gone_after());
    let mut heard = Vec::new();
    idle.0.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    (&idle.0).read_to_end(&mut heard).expect("it was closed after the idle limit");
    assert!(heard.len() >= 4 * 323 && heard.len() % 323 == 0, "silence until then: {} bytes", heard.len());
    assert!(taps.ask_beat());
    while taps.beats() == 0 {
        thread::yield_now();
    }
    assert_eq!(arena.held_bytes(), 0);
    drop(taps);
    assert!(inbox.blocking_recv().is_none(), "the thread has ended");
}

#[test]
fn a_rate_is_that_of_the_first_message_of_audio() {
    let mut scene = scene(None);
    scene.use_bytes(0, &[&ID[..], &message(0x15, &[1; 4])].concat(), None);
    let Ok(Report::Audio { rate, uuid, id: 1 }) = scene.inbox.try_recv() else { panic!("it asks which call it is") };
    assert_eq!((Some(rate), uuid.as_bytes()), (Rate::new(44_100), &ID[3..].try_into().expect("16 bytes")));
    assert!(REST_BYTES_MAX < ID.len());
}
