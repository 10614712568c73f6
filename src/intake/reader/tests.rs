//! The reading thread with real sockets, and its path of a frame under the allocation guard.

use std::io::Write;

use assert_no_alloc::assert_no_alloc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    super::{orders::ORDERS_MAX, pulse::Pulse},
    *,
};
use retrocall_client::{
    client::{PushResult, SharedLeg},
    protocol::{AudioHead, SharedLayout, audio_message, control_message},
};
use retrocall_core::ring::Ring;
use retrocall_words::{
    FrameError, SystemClock,
    audio::{Codec, Rate},
};

fn arena() -> Arc<Arena> {
    let arena = Arc::new(Arena::new(4 << 20, true).expect("memory for a test"));
    while arena.fault_in_ahead() > 0 {}
    arena
}

fn line(arena: &Arc<Arena>, channel: u32, codec: Codec) -> (Arc<Ring>, Box<Line>) {
    let (ring, writers) = Ring::new(Arc::clone(arena));
    let rate = Rate::new(8_000).expect("a rate");
    let line = Line::new(CallId::new(), channel, writers, (codec, rate), SystemClock.now(), 480_000);
    (ring, Box::new(line))
}

fn frame(number: u64, to: &mut Vec<u8>) {
    let samples: Vec<u8> = (0..160).flat_map(|i| (100 * number as i16 + i).to_le_bytes()).collect();
    audio_message(Leg::Agent, AudioHead { channel: 0, position: number * 160 }, &samples, to);
}

/// A thread with one connection that carries one call.
struct Scene {
    arena: Arc<Arena>,
    reader: Reader,
    client: UnixStream,
    inbox: UnboundedReceiver<Inbound>,
    ring: Arc<Ring>,
}

fn scene() -> Scene {
    let arena = arena();
    let fault_in = FaultIn::start(&arena).expect("a thread");
    let reader = Reader::start(0, Arc::clone(&arena), fault_in, Arc::new(SystemClock), true).expect("a thread");
    let (client, server) = UnixStream::pair().expect("sockets");
    server.set_nonblocking(true).expect("a socket");
    let (sender, inbox) = unbounded_channel();
    let (ring, line) = line(&arena, 0, Codec::Pcm16);
    reader.adopt(1, Arc::new(server), sender);
    reader.carry(1, line);
    Scene { arena, reader, client, inbox, ring }
}

impl Scene {
    fn next(&mut self) -> Inbound {
        self.inbox.blocking_recv().expect("the thread lives")
    }

    fn control(&mut self) -> String {
        match self.next() {
            Inbound::Control(json) => String::from_utf8(json).expect("text"),
            _ => panic!("a control message was sent"),
        }
    }
}

#[test]
fn however_a_stream_is_split_its_messages_take_effect_in_their_order() {
    let mut bytes = Vec::new();
    frame(0, &mut bytes);
    control_message(b"first", &mut bytes);
    let first_control = bytes.len();
    frame(1, &mut bytes);
    frame(2, &mut bytes);
    control_message(b"second", &mut bytes);
    control_message(b"third", &mut bytes);
    for split in 1..bytes.len() {
        let mut scene = scene();
        let (head, tail) = bytes.split_at(split);
        scene.client.write_all(head).expect("sent");
        // The second part comes when the first control has been seen, if it was in the first part.
        if split < first_control {
            scene.client.write_all(tail).expect("sent");
        }
        assert_eq!(scene.control(), "first");
        assert_eq!(scene.ring.end(), 160, "frames behind a control message wait until it has taken effect");
        if split >= first_control {
            scene.client.write_all(tail).expect("sent");
        }
        scene.reader.go_on(1);
        assert_eq!(scene.control(), "second");
        assert_eq!(scene.ring.end(), 480);
        scene.reader.go_on(1);
        assert_eq!(scene.control(), "third");
        scene.reader.go_on(1);
        let mut out = vec![0; 480];
        scene.ring.reader().read(Leg::Agent, 0, &mut out);
        assert!(out.iter().enumerate().all(|(i, sample)| *sample == (100 * (i / 160) + i % 160) as i16));
        drop(scene.client);
        let Inbound::Gone { fault: None, lines, .. } = scene.inbox.blocking_recv().expect("the thread lives") else {
            panic!("the end of a connection is no fault")
        };
        assert_eq!(lines.len(), 1);
        drop(lines);
        scene.ring.wipe();
        assert_eq!(scene.arena.held_bytes(), 0, "nothing of the connection is left in the arena");
    }
}

#[test]
fn a_client_whose_messages_have_no_borders_is_told_why_and_its_calls_come_back() {
    let cases: [(&[u8], ErrorCode); 5] = [
        (b"GET / HTTP/1.1\r\n\r\n", ErrorCode::NotRetrocall),
        (b"RC\x07\x01\0\0\0\0", ErrorCode::Version),
        (b"RC\x01\x07\0\0\0\0", ErrorCode::Kind),
        (b"RC\x01\x01\xff\xff\xff\x7f", ErrorCode::TooLong),
        (b"RC\x01\x02\x01\0\x10\0", ErrorCode::TooLong),
    ];
    for (bytes, expected) in cases {
        let mut scene = scene();
        scene.client.write_all(bytes).expect("sent");
        let Inbound::Gone { fault: Some((code, text)), lines, .. } = scene.next() else { panic!("{expected:?}") };
        assert_eq!((code, lines.len()), (expected, 1), "{text}");
    }
}

#[test]
fn a_wrong_frame_costs_itself_alone_and_it_is_told_whose_it_was_and_what_was_expected() {
    let audio = |channel, position, samples: &[u8]| {
        let mut bytes = Vec::new();
        audio_message(Leg::Agent, AudioHead { channel, position }, samples, &mut bytes);
        bytes
    };
    let too_long = vec![1; 600_000];
    let head_alone = b"RC\x01\x02\x05\0\0\0\0\0\0\0\0".to_vec();
    for (bytes, error, channel, position, expected) in [
        (audio(0, 1 << 60, &[0; 320]), FrameError::Position, Some(0), Some(1 << 60), Some(160)),
        (audio(0, u64::MAX, &[0; 320]), FrameError::Position, Some(0), Some(u64::MAX), Some(160)),
        (audio(9, 0, &[0; 320]), FrameError::Channel, Some(9), Some(0), None),
        (audio(u32::MAX, 7, &[0; 320]), FrameError::Channel, Some(u32::MAX), Some(7), None),
        (audio(0, 160, &[0; 321]), FrameError::Samples, Some(0), Some(160), Some(160)),
        (audio(0, 160, &[]), FrameError::Samples, Some(0), Some(160), Some(160)),
        (audio(0, 160, &too_long), FrameError::TooLong, Some(0), Some(160), Some(160)),
        (head_alone, FrameError::Samples, None, None, None),
    ] {
        let mut scene = scene();
        let mut all = Vec::new();
        frame(0, &mut all);
        all.extend(bytes);
        frame(1, &mut all);
        control_message(b"next", &mut all);
        scene.client.write_all(&all).expect("sent");
        let Inbound::Refused(report) = scene.next() else { panic!("{error:?} is told") };
        assert_eq!((report.frame.error, report.frame.channel, report.frame.leg), (error, channel, Leg::Agent));
        assert_eq!((report.frame.position, report.frame.expected), (position, expected));
        assert_eq!((report.frames, report.is_first, report.call.is_some()), (1, true, expected.is_some()));
        assert_eq!(scene.control(), "next");
        let counts = scene.ring.counts(Leg::Agent);
        assert_eq!((scene.ring.end(), counts.frames, counts.gaps), (320, 2, 0), "{error:?}");
        assert_eq!(counts.refused_frames, u64::from(expected.is_some()));
    }
}

#[test]
fn a_control_message_that_is_too_long_is_passed_over_in_its_place() {
    let mut scene = scene();
    let mut bytes = Vec::new();
    control_message(b"first", &mut bytes);
    control_message(&vec![b' '; 500_000], &mut bytes);
    frame(0, &mut bytes);
    control_message(b"last", &mut bytes);
    let mut client = scene.client.try_clone().expect("a socket");
    let sending = thread::spawn(move || client.write_all(&bytes).expect("sent"));
    assert_eq!(scene.control(), "first");
    scene.reader.go_on(1);
    assert!(matches!(scene.next(), Inbound::TooLong(500_000)));
    scene.reader.go_on(1);
    assert_eq!((scene.control().as_str(), scene.ring.end()), ("last", 160));
    sending.join().expect("it is sent");
}

#[test]
fn positions_alone_never_carry_a_leg_away_and_frames_that_follow_one_another_always_fit() {
    let arena = arena();
    let mut samples = LockedSamples::new(FRAME_SAMPLES_MAX, true).expect("memory for a test");
    // No time passes.
    let (_ring, mut line) = line(&arena, 0, Codec::Ulaw);
    let now = SystemClock.now();
    for number in 1..=60u64 {
        line.frame(Leg::Agent, number * 59 * 8_000, &[1; 20], &mut samples, now);
    }
    assert_eq!(line.writers[0].position(), 59 * 8_000 + 20, "the first one fits, all others are further away");
    assert_eq!(line.writers[0].ring().counts(Leg::Agent).refused_frames, 59);
    // The same frame again and again is no time that passes either.
    for number in 0..1_000u64 {
        line.frame(Leg::Agent, number / 500 * 61 * 8_000, &[1; 20], &mut samples, now);
    }
    assert!(line.writers[0].position() <= 60 * 8_000 + 1_021 * 20);
    // An hour at once, one leg far behind the other.
    let (ring, mut line) = self::line(&arena, 1, Codec::Ulaw);
    for leg in Leg::ALL {
        for number in 0..180_000 {
            assert!(line.frame(leg, number * 160, &[0xff; 160], &mut samples, now).is_some());
        }
    }
    // And a leg that first speaks when the other has spoken for an hour.
    let (late, mut late_line) = self::line(&arena, 2, Codec::Ulaw);
    for number in 0..180_000 {
        late_line.frame(Leg::Agent, number * 160, &[0xff; 160], &mut samples, now);
    }
    assert!(late_line.frame(Leg::Customer, 3_600 * 8_000, &[1; 160], &mut samples, now).is_some());
    for ring in [ring, late] {
        assert_eq!(Leg::ALL.map(|leg| ring.counts(leg).refused_frames), [0, 0]);
    }
}

#[test]
fn calls_that_have_ended_leave_nothing_behind_on_their_connection() {
    let arena = arena();
    let mut lines = Lines::default();
    for channel in 0..10_000 {
        lines.add(line(&arena, channel, Codec::Pcm16).1);
        // The first one goes on, and a few of the last.
        if channel > 4 {
            assert!(lines.remove(channel - 4).is_some());
        }
    }
    assert_eq!(lines.len(), 5);
    assert!(lines.get(0).is_some() && lines.get(9_999).is_some() && lines.get(5_000).is_none());
    assert!(lines.remove(5_000).is_none(), "no channel is given twice");
    let channels: Vec<u32> = lines.into_all().map(|line| line.channel).collect();
    assert_eq!(channels.len(), 5);
}

#[test]
fn a_frame_for_a_call_that_has_ended_is_dropped_and_never_reaches_another_call() {
    let mut scene = scene();
    let (other_ring, other) = line(&scene.arena, 1, Codec::Pcm16);
    scene.reader.release(1, 0);
    scene.reader.carry(1, other);
    assert!(matches!(scene.next(), Inbound::Released(_)));
    let mut bytes = Vec::new();
    frame(0, &mut bytes);
    control_message(b"end", &mut bytes);
    scene.client.write_all(&bytes).expect("sent");
    assert_eq!(scene.control(), "end");
    assert_eq!((scene.ring.end(), other_ring.end()), (0, 0));
}

#[test]
fn the_path_of_a_frame_from_the_socket_allocates_nothing() {
    let arena = arena();
    let (_client, server) = UnixStream::pair().expect("sockets");
    let (inbox, _receiver) = unbounded_channel();
    let mut samples = LockedSamples::new(FRAME_SAMPLES_MAX, true).expect("memory for a test");
    for codec in Codec::ALL {
        let (ring, line) = line(&arena, 0, codec);
        let mut lines = Lines::default();
        lines.add(line);
        let stream = Arc::new(server.try_clone().expect("a socket"));
        let mut connection =
            Connection { paused: false, lines, ..Connection::new(stream, inbox.clone(), Stash::new(&arena)) };
        let mut bytes = Vec::new();
        let payload: Vec<u8> = (0..160 * codec.bytes_per_sample()).map(|i| (i * 31) as u8).collect();
        for number in 0..200 {
            for leg in Leg::ALL {
                audio_message(leg, AudioHead { channel: 0, position: number * 160 }, &payload, &mut bytes);
            }
        }
        let half = bytes.len() - 100;
        let now = SystemClock.now();
        let (used, stop) = assert_no_alloc(|| {
            let (used, stop) = connection.use_bytes(&bytes[..half], &mut samples, now);
            // The rest of the last message waits in the arena, and comes out again.
            assert!(connection.stash.put(&bytes[used..half], Need::Selected));
            (used, stop)
        });
        assert!(matches!(stop, Stop::More) && used < half);
        let mut rest = vec![0; bytes.len() - used];
        let waited = assert_no_alloc(|| connection.stash.take(&mut rest));
        assert_eq!(rest[..waited], bytes[used..half]);
        let (used, _) = assert_no_alloc(|| connection.use_bytes(&bytes[used..], &mut samples, now));
        assert!(used > 0);
        assert_eq!((ring.end(), ring.counts(Leg::Customer).frames), (32_000, 200));
        assert!(samples.iter().all(|sample| *sample == 0), "no audio stays in the buffer");
    }
}

/// A call of which frames come through shared memory, and its client's end.
fn shared_line(arena: &Arc<Arena>, channel: u32, codec: Codec) -> (Arc<Ring>, Box<Line>, [SharedLeg; 2]) {
    let (ring, mut line) = line(arena, channel, codec);
    let layout = SharedLayout::new(codec, Rate::new(8_000).expect("a rate"), 160);
    let made = SharedFrames::make(layout, &Allowance::new(1 << 20), true);
    let (shared, descriptor) = made.ok().expect("memory for a test");
    line.shared = Some(Box::new(shared));
    (ring, line, SharedLeg::map(&descriptor).expect("it was made for that"))
}

#[test]
fn what_waits_in_shared_memory_is_collected_and_wiped_and_allocates_nothing() {
    let arena = arena();
    let mut bytes = LockedBuffer::new(2 * FRAME_SAMPLES_MAX, true).expect("memory for a test");
    let mut samples = LockedSamples::new(FRAME_SAMPLES_MAX, true).expect("memory for a test");
    for codec in Codec::ALL {
        let (ring, mut line, mut legs) = shared_line(&arena, 0, codec);
        let payload: Vec<u8> = (0..160 * codec.bytes_per_sample()).map(|i| (i * 31) as u8 | 1).collect();
        for number in 0..100 {
            for leg in &mut legs {
                assert_eq!(assert_no_alloc(|| leg.push(number * 160, &payload)), PushResult::All);
            }
            if number % 20 == 19 {
                let now = SystemClock.now();
                assert_no_alloc(|| line.collect(&mut bytes, &mut samples, now)).expect("it is honest");
            }
        }
        assert_eq!((ring.end(), ring.counts(Leg::Customer).frames), (16_000, 100));
        assert!(samples.iter().all(|sample| *sample == 0) && bytes.iter().all(|byte| *byte == 0));
        let (memory, layout) = legs[0].memory();
        let (from, length) = layout.audio();
        let mut left = vec![1; length];
        memory.read(from, &mut left);
        assert!(left.iter().all(|byte| *byte == 0), "no audio stays in the memory");
    }
}

#[test]
fn what_a_client_pushed_before_it_died_is_taken_before_its_call_waits_for_another() {
    let mut scene = scene();
    let (ring, line, mut legs) = shared_line(&scene.arena, 1, Codec::Pcm16);
    scene.reader.carry(1, line);
    for number in 0..10 {
        assert_eq!(legs[0].push(number * 160, &[7; 320]), PushResult::All);
    }
    drop(scene.client);
    let Inbound::Gone { fault: None, lines, .. } = scene.inbox.blocking_recv().expect("the thread lives") else {
        panic!("the end of a connection is no fault")
    };
    assert_eq!((lines.len(), ring.end()), (2, 1_600));
    drop(lines);
    assert_eq!(legs[0].push(1_600, &[7; 320]), PushResult::Closed);
}

#[test]
fn the_pulse_is_felt_while_every_thread_answers_and_missed_when_one_does_not() {
    let scene = scene();
    // One whose thread is at nothing but something else: its orders are never taken.
    let (orders, mut stuck) = queue().expect("a descriptor");
    let silent = Arc::new(Reader { orders });
    let lively = Arc::new(scene.reader);
    let mut pulse = Pulse::of(&[Arc::clone(&lively)]);
    assert!(!pulse.has_beaten(), "nothing was asked for yet");
    let deadline = SystemClock.now() + Duration::from_secs(60);
    for _ in 0..3 {
        while !pulse.has_beaten() {
            assert!(SystemClock.now() < deadline, "a thread that lives gives its beat");
            thread::yield_now();
        }
    }
    let mut both = Pulse::of(&[lively, Arc::clone(&silent)]);
    assert!((0..100).all(|_| !both.has_beaten()));
    // It comes to its senses.
    assert!(stuck.next().is_none());
    assert_eq!(silent.beats(), 1, "it is asked once, and not again until it has answered");
    while !both.has_beaten() {
        assert!(SystemClock.now() < deadline, "all live again");
        assert!(stuck.next().is_none());
        thread::yield_now();
    }
    // Too many orders wait: that is no sign of life, and nobody waits for it.
    assert!(stuck.next().is_none());
    (0..ORDERS_MAX).for_each(|_| silent.close(1));
    assert!(!Pulse::of(&[Arc::clone(&silent)]).has_beaten() && !silent.ask_beat());
}

#[test]
fn a_thread_that_takes_in_audio_and_panics_costs_the_connection_that_it_was_at_and_no_other() {
    let mut scene = scene();
    let (mut other, server) = UnixStream::pair().expect("sockets");
    server.set_nonblocking(true).expect("a socket");
    let (sender, mut others_inbox) = unbounded_channel();
    scene.reader.adopt(2, Arc::new(server), sender);
    scene.reader.orders.order(Order::Fail { id: 1 });
    let Inbound::Gone { fault: Some((ErrorCode::EngineFault, _)), lines } = scene.next() else {
        panic!("its calls wait for another connection")
    };
    assert_eq!(lines.len(), 1);
    let mut message = Vec::new();
    control_message(b"still here", &mut message);
    other.write_all(&message).expect("sent");
    assert!(matches!(others_inbox.blocking_recv(), Some(Inbound::Control(json)) if json == b"still here"));
    let before = scene.reader.beats();
    assert!(scene.reader.ask_beat());
    while scene.reader.beats() == before {
        thread::yield_now();
    }
}
