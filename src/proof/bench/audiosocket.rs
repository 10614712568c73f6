//! Legs over AudioSocket, beside a bare `epoll` echo with the same connections, frames and phases, and so the same work for the kernel.
//!
//! Both take turns in one run. The figures compare processor time: of all threads of the engine, and of the echo's only one.

use std::{
    collections::HashMap,
    fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    unistd::gettid,
};

use super::{
    Bench, Figure, Trouble,
    calls::status,
    load,
    machine::process_cpu,
    sounds::{FRAME_SAMPLES, Talk},
};
use retrocall_client::client::Client;
use retrocall_intake::wire::Kind;
use retrocall_words::{Clock as _, SystemClock};

/// Two for each call.
const LEGS: usize = 200;
const TICK: Duration = Duration::from_millis(20);
/// Bytes of a message with a frame.
const MESSAGE_BYTES: usize = 3 + 2 * FRAME_SAMPLES;
/// How long a leg has been there before it counts: by then both sides know its kind.
const SETTLE: Duration = Duration::from_secs(1);

/// Legs that talk in real time, each at a moment of its own within 20 ms, like the channels of a PBX.
struct Legs {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Legs {
    fn connect(address: SocketAddr) -> Result<Legs, Trouble> {
        let connect = |leg: usize| {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            let uuid = uuid::Uuid::from_u128(leg as u128 + (1 << 64));
            stream.write_all(&[&[1, 0, 16][..], uuid.as_bytes()].concat())?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        let streams = (0..LEGS).map(connect).collect::<Result<Vec<_>, std::io::Error>>().map_err(Trouble::new)?;
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            move || talk(streams, &sent, &stop)
        });
        Ok(Legs { sent, stop, thread: Some(thread) })
    }

    fn sent_frames(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }
}

impl Drop for Legs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn talk(mut streams: Vec<TcpStream>, sent: &AtomicU64, stop: &AtomicBool) {
    let words = Talk::new();
    let mut heard = [0; 16 * 1_024];
    let mut message = [0; MESSAGE_BYTES];
    message[..3].copy_from_slice(&Kind::SLIN8.silence()[..3]);
    let began = SystemClock.now();
    for tick in 0.. {
        for (leg, stream) in streams.iter_mut().enumerate() {
            let due = began + TICK * tick + TICK * leg as u32 / LEGS as u32;
            thread::sleep(SystemClock.until(due));
            if stop.load(Ordering::Acquire) {
                return;
            }
            // Reads replies, to make room for more.
            let _ = stream.read(&mut heard);
            message[3..].copy_from_slice(words.frame(leg, tick as usize).bytes);
            if stream.write_all(&message).is_ok() {
                sent.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

/// Reads once and writes once for each arrival: the least that a program with these connections can do.
struct Echo {
    address: SocketAddr,
    thread_id: i32,
}

impl Echo {
    /// Lives as long as this process: without connections it does nothing.
    fn start() -> Result<Echo, Trouble> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(Trouble::new)?;
        let address = listener.local_addr().map_err(Trouble::new)?;
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let _ = tell.send(gettid().as_raw());
            if let Err(error) = echo(&listener) {
                tracing::error!("the echo that AudioSocket is compared with has ended: {error}");
            }
        });
        let thread_id = told.recv().map_err(Trouble::new)?;
        Ok(Echo { address, thread_id })
    }

    /// Its processor time so far (proc(5), `schedstat`).
    fn cpu(&self) -> Duration {
        let told = fs::read_to_string(format!("/proc/self/task/{}/schedstat", self.thread_id)).unwrap_or_default();
        Duration::from_nanos(told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default())
    }
}

fn echo(listener: &TcpListener) -> Result<(), std::io::Error> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(listener.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
    let (mut streams, mut next) = (HashMap::new(), 1);
    let mut events = [EpollEvent::empty(); 256];
    let mut bytes = vec![0; 64 * 1_024];
    loop {
        let ready = epoll.wait(&mut events, EpollTimeout::NONE)?;
        for event in &events[..ready] {
            if event.data() == 0 {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                epoll.add(stream.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, next))?;
                streams.insert(next, stream);
                next += 1;
            } else if let Some(stream) = streams.get_mut(&event.data()) {
                let came = match stream.read(&mut bytes) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                    came => came.unwrap_or_default(),
                };
                if came == 0 {
                    streams.remove(&event.data());
                } else {
                    // A peer that does not read gets less.
                    let _ = stream.write(&bytes[..came]);
                }
            }
        }
    }
}

/// Runs the legs at this address until the processor time of their server is known for enough frames. Returns the time of a frame.
fn frame_cost(address: SocketAddr, seconds: f64, cpu: impl Fn() -> Duration) -> Result<(Duration, u64), Trouble> {
    let legs = Legs::connect(address)?;
    thread::sleep(SETTLE);
    let (before, sent_before) = (cpu(), legs.sent_frames());
    thread::sleep(Duration::from_secs_f64(seconds));
    let (took, sent) = (cpu() - before, legs.sent_frames() - sent_before);
    Ok((took / (sent.max(1) as u32), sent))
}

/// The price of a leg's frame, beside the echo.
pub(super) fn audiosocket(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let (rounds, seconds) = bench.pick((3, 2.0), (5, 4.0));
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(Trouble::new)?;
    let spoken = rounds as f64 * (seconds + 2.0 * SETTLE.as_secs_f64());
    let engine = load::engine_with(bench, LEGS / 2, spoken, &format!("audiosocket = \"{address}\"\n"))?;
    let echo = Echo::start()?;
    let mut costs = Vec::new();
    for _ in 0..rounds {
        let (theirs, _) = frame_cost(echo.address, seconds, || echo.cpu())?;
        let (ours, sent) = frame_cost(address, seconds, || process_cpu(engine.pid()))?;
        costs.push((ours.as_secs_f64() / theirs.as_secs_f64(), ours, theirs, sent as f64 / seconds));
    }
    costs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (times, ours, theirs, frames_per_second) = costs[costs.len() / 2];
    let lost = status(&mut Client::connect(&engine.socket())?)?.totals.lost_frames;
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    bench.figure(Figure::new("audiosocket/times-echo", times, "x").at_most(1.3).note(format!(
        "processor time for a frame of one of {LEGS} legs, all threads of the engine beside an `epoll` echo of the same frames in the \
         same run; the middle one of {rounds} rounds, {:.2} to {:.2}",
        costs[0].0,
        costs[costs.len() - 1].0
    )));
    bench.figure(Figure::new("audiosocket/frame", us(ours), "us").note(format!(
        "and 20 ms of silence sent for it, two at a time; {:.3} cores for {LEGS} legs",
        us(ours) * frames_per_second / 1e6
    )));
    bench.figure(Figure::new("audiosocket/frame/echo", us(theirs), "us").note("one read and one write"));
    bench.figure(Figure::new("audiosocket/lost", lost as f64, "frames").at_most(0.0));
    Ok(())
}
