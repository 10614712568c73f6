//! The reading thread's work without its thread: one stream after the other, piece by piece, through a real socket or shared memory.
//!
//! For the fuzz targets, which can't wait for a thread at every input. It does everything through the thread's own functions.

use super::*;
use retrocall_client::{client::SharedLeg, protocol::SharedLayout};
use retrocall_core::{
    memory::Arena,
    ring::{LegCounts, LegWriter, Ring},
};
use retrocall_words::{
    SystemClock,
    audio::{Codec, Rate},
};

/// Memory for the calls of a stream; every input gives all of it back.
const ARENA_BYTES: usize = 4 << 20;
/// How far ahead a position may be: little, so that whatever comes the calls stay short.
const AHEAD_SAMPLES: u64 = 2_000;
const ID: ConnectionId = 1;

/// A reading thread that does nothing of its own accord.
pub struct ByHand {
    thread: ReaderThread<'static>,
    arena: &'static Arc<Arena>,
}

/// What was made of a stream.
#[derive(Debug, PartialEq)]
pub struct StreamResult {
    /// The control messages.
    pub controls: Vec<Vec<u8>>,
    /// What the client did wrong.
    pub fault: Option<(ErrorCode, String)>,
    /// How many frames it was told were dropped.
    pub refused: u64,
    /// Of every leg: the samples it holds, and the counts.
    pub legs: Vec<(Vec<i16>, LegCounts)>,
}

impl ByHand {
    /// The one for this process: its memory is never given back.
    pub fn new() -> Result<ByHand, ReaderError> {
        let arena: &'static Arc<Arena> = Box::leak(Box::new(Arc::new(Arena::new(ARENA_BYTES, true)?)));
        while arena.fault_in_ahead() > 0 {}
        let thread = ReaderThread {
            arena,
            fault_in: FaultIn::start(arena)?,
            lookout: queue()?.1,
            connections: HashMap::new(),
            sharing: Vec::new(),
            collected: SystemClock.now(),
            clock: Arc::new(SystemClock),
            in_hand: None,
            buffers: Buffers::new(true)?,
        };
        Ok(ByHand { thread, arena })
    }

    /// A connection with a call of each codec, whose client sends `pieces` (each shorter than what a socket takes) and leaves. A control
    /// message that begins with `e` and the digit of a channel ends that call.
    ///
    /// # Panics
    /// If anything is left in the arena afterwards, or in the buffers, or if the system has no socket.
    pub fn hear<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) -> StreamResult {
        use std::io::Write;
        let (mut client, server) = UnixStream::pair().expect("a pair of sockets");
        server.set_nonblocking(true).expect("a socket");
        let (inbox, mut inbound) = tokio::sync::mpsc::unbounded_channel();
        let mut lines = Lines::default();
        let mut rings = Vec::new();
        // No time passes: what is too far ahead is so in every run.
        let began = SystemClock.now() + Duration::from_secs(86_400);
        let rate = Rate::new(Rate::MIN_HZ).expect("a rate");
        for (channel, codec) in (0..).zip(Codec::ALL) {
            let (ring, writers) = Ring::new(Arc::clone(self.arena));
            rings.push(ring);
            lines.add(Box::new(line(channel, writers, codec, rate, began, None)));
        }
        let stash = Stash::new(self.arena);
        self.thread.connections.insert(ID, Connection { lines, ..Connection::new(Arc::new(server), inbox, stash) });
        self.thread.read_on(ID);
        let (mut controls, mut fault, mut refused) = (Vec::new(), None, 0);
        for piece in pieces.map(Some).chain([None]) {
            match piece {
                // Whoever was at fault is disconnected, and hears of it when writing.
                Some(piece) => drop(client.write_all(piece)),
                None => client.shutdown(std::net::Shutdown::Write).expect("a socket"),
            }
            // A read takes no more than this where control messages come; what a piece ends with may wait behind one of them.
            for _ in 0..piece.map_or(0, <[u8]>::len).div_ceil(CONTROL_READ_BYTES) + 2 {
                self.thread.read(ID, true);
                while let Ok(told) = inbound.try_recv() {
                    match told {
                        Inbound::Control(json) => {
                            refused += self.obey(&json);
                            controls.push(json);
                            self.thread.read_on(ID);
                        }
                        Inbound::TooLong(bytes) => {
                            controls.push(bytes.to_string().into_bytes());
                            self.thread.read_on(ID);
                        }
                        Inbound::Refused(report) => refused += report.frames,
                        Inbound::Suspect(..) => {}
                        Inbound::Gone { fault: why, mut lines } => {
                            fault = why;
                            refused += lines.last_strays(SystemClock.now()).map_or(0, |report| report.frames);
                            refused += lines.into_all().map(|mut line| rest_of(&mut line)).sum::<u64>();
                        }
                        Inbound::Released(mut line) => refused += rest_of(&mut line),
                    }
                }
            }
        }
        assert!(self.thread.connections.is_empty(), "whoever leaves is gone");
        let buffers = &self.thread.buffers;
        assert!(buffers.samples.iter().all(|sample| *sample == 0), "no sample stays in the buffer");
        let legs = rings.iter().flat_map(|ring| Leg::ALL.map(|leg| leg_of(ring, leg))).collect();
        for ring in rings {
            ring.wipe();
        }
        assert_eq!(self.arena.held_bytes(), 0, "nothing stays in the arena");
        StreamResult { controls, fault, refused, legs }
    }

    /// A call whose client does this to the memory that it shares, twelve bytes a step: a number of four bytes that says where, or, with its
    /// highest bits set, that it is collected now; and one of eight, which is written there. Returns what the client did wrong, and how
    /// long each leg has become.
    ///
    /// # Panics
    /// If anything is left in the arena afterwards, or in the buffers, or if the system has no memory to share.
    pub fn collect(&mut self, steps: &[u8]) -> (Option<(ErrorCode, String)>, [u64; 2]) {
        let rate = Rate::new(Rate::MIN_HZ).expect("a rate");
        let layout = SharedLayout::new(Codec::Pcm16, rate, 20);
        let made = SharedFrames::make(layout, &Allowance::new(usize::MAX), true);
        let (shared, descriptor) = made.ok().expect("memory to share");
        let [leg, _] = SharedLeg::map(&descriptor).expect("it is shared memory");
        let theirs = leg.memory().0;
        let (ring, writers) = Ring::new(Arc::clone(self.arena));
        let began = SystemClock.now() + Duration::from_secs(86_400);
        let mut line = line(0, writers, Codec::Pcm16, rate, began, Some(Box::new(shared)));
        let Buffers { frame, samples, .. } = &mut self.thread.buffers;
        let mut fault = None;
        for step in steps.chunks_exact(12) {
            let (place, number) = step.split_first_chunk::<4>().expect("twelve bytes");
            let (place, number) = (u32::from_le_bytes(*place), u64::from_le_bytes(number.try_into().expect("eight")));
            match place >> 30 {
                0 => theirs.store(place as usize % (theirs.bytes() / 8) * 8, number),
                1 => theirs.store(SharedLayout::written(Leg::Agent), number),
                2 => theirs.store(SharedLayout::written(Leg::Customer), number),
                _ => match line.collect(frame, samples, SystemClock.now()) {
                    Ok(_) => {}
                    Err(why) => {
                        fault = Some(Fault::from(why).to_event());
                        break;
                    }
                },
            }
        }
        assert!(samples.iter().all(|sample| *sample == 0) && frame.iter().all(|byte| *byte == 0), "nothing stays");
        drop(line);
        let lengths = Leg::ALL.map(|leg| ring.frontier(leg));
        ring.wipe();
        assert_eq!(self.arena.held_bytes(), 0, "nothing stays in the arena");
        (fault, lengths)
    }

    /// Ends the call that a control message names. Returns how many frames of it were dropped and not told yet.
    fn obey(&mut self, json: &[u8]) -> u64 {
        let [b'e', channel @ b'0'..=b'9', ..] = json else { return 0 };
        let connection = self.thread.connections.get_mut(&ID);
        let line = connection.and_then(|connection| connection.lines.remove(u32::from(channel - b'0')));
        line.map_or(0, |mut line| rest_of(&mut line))
    }
}

fn line(
    channel: u32,
    writers: [LegWriter; 2],
    codec: Codec,
    rate: Rate,
    began: Instant,
    shared: Option<Box<SharedFrames>>,
) -> Line {
    let mut line = Line::new(CallId::new(), channel, writers, (codec, rate), began, AHEAD_SAMPLES);
    line.shared = shared;
    line
}

/// How many dropped frames of a call are told when it is over.
fn rest_of(line: &mut Line) -> u64 {
    line.last_reports(SystemClock.now()).map(|report| report.frames).sum()
}

fn leg_of(ring: &Arc<Ring>, leg: Leg) -> (Vec<i16>, LegCounts) {
    let mut samples = vec![0; ring.frontier(leg) as usize];
    ring.reader().read(leg, 0, &mut samples);
    (samples, ring.counts(leg))
}
