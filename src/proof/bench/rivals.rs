//! Rivals: others that take frames, a leg at a time, as our ring does.

use std::{
    fs::File,
    hint::black_box,
    io::{self, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

use crossbeam::queue::ArrayQueue;
use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Producer, Split},
};

use super::{
    machine::open_files_max,
    sounds::{FRAME_SAMPLES, Frame},
};
use retrocall_core::{
    memory::Arena,
    ring::{LegWriter, Ring},
};
use retrocall_words::audio::Leg;

/// Takes the frames of many legs.
pub trait Holder {
    /// Announces the legs whose frames come with one read of a socket, so that memory can be fetched for several at once. It is measured too.
    fn expect(&mut self, _legs: &mut dyn Iterator<Item = usize>) {}

    /// Takes a frame of a leg. Only this is measured.
    fn hold(&mut self, leg: usize, frame: Frame<'_>);

    /// Makes room for as many more frames as it was made for, in every leg.
    fn make_room(&mut self);
}

/// A rival.
pub struct Rival {
    /// Its name, as in `push/1/rtrb`.
    pub name: &'static str,
    /// Makes one for this many legs, with room for this many frames in each.
    pub make: fn(legs: usize, frames: usize) -> io::Result<Box<dyn Holder>>,
}

/// The rivals that the product has built in.
pub(super) const BUILT_IN: &[Rival] = &[
    Rival { name: "nothing", make: |_, _| Ok(Box::new(Nothing)) },
    Rival { name: "memcpy", make: |legs, frames| Ok(Box::new(Memcpy::new(legs, frames))) },
    Rival { name: "ringbuf", make: |legs, frames| Ok(Box::new(Ringbuf::new(legs, frames))) },
    Rival { name: "crossbeam", make: |legs, frames| Ok(Box::new(Crossbeam::new(legs, frames))) },
    Rival { name: "write", make: |legs, _| Ok(Box::new(Files::new(legs)?)) },
];

/// Does nothing: shows what the machine itself adds to a measurement.
struct Nothing;

impl Holder for Nothing {
    fn hold(&mut self, _leg: usize, frame: Frame<'_>) {
        black_box(frame.samples);
    }

    fn make_room(&mut self) {}
}

/// A plain copy into its own memory.
struct Memcpy {
    legs: Vec<Box<[i16]>>,
    at: Vec<usize>,
}

impl Memcpy {
    fn new(legs: usize, frames: usize) -> Memcpy {
        Memcpy { legs: (0..legs).map(|_| vec![1; frames * FRAME_SAMPLES].into()).collect(), at: vec![0; legs] }
    }
}

impl Holder for Memcpy {
    fn hold(&mut self, leg: usize, frame: Frame<'_>) {
        let at = self.at[leg];
        let to = &mut self.legs[leg][at..at + FRAME_SAMPLES];
        to.copy_from_slice(frame.samples);
        black_box(to);
        self.at[leg] = at + FRAME_SAMPLES;
    }

    fn make_room(&mut self) {
        self.at.fill(0);
    }
}

/// `ringbuf`: samples, copied in one go.
struct Ringbuf(Vec<(HeapProd<i16>, HeapCons<i16>)>);

impl Ringbuf {
    fn new(legs: usize, frames: usize) -> Ringbuf {
        Ringbuf((0..legs).map(|_| HeapRb::new(frames * FRAME_SAMPLES).split()).collect())
    }
}

impl Holder for Ringbuf {
    fn hold(&mut self, leg: usize, frame: Frame<'_>) {
        let taken = self.0[leg].0.push_slice(frame.samples);
        debug_assert_eq!(taken, FRAME_SAMPLES);
    }

    fn make_room(&mut self) {
        for (_, taker) in &mut self.0 {
            taker.clear();
        }
    }
}

/// `crossbeam`'s `ArrayQueue`: whole frames.
struct Crossbeam(Vec<ArrayQueue<[i16; FRAME_SAMPLES]>>);

impl Crossbeam {
    fn new(legs: usize, frames: usize) -> Crossbeam {
        Crossbeam((0..legs).map(|_| ArrayQueue::new(frames)).collect())
    }
}

impl Holder for Crossbeam {
    fn hold(&mut self, leg: usize, frame: Frame<'_>) {
        let taken = self.0[leg].push(*frame.samples);
        debug_assert!(taken.is_ok());
    }

    fn make_room(&mut self) {
        self.0.iter().for_each(|queue| while queue.pop().is_some() {});
    }
}

/// Record-everything: `write(2)` to the call's file, which goes to the page cache. One system call a frame.
pub(super) struct Files(Vec<File>);

impl Files {
    fn new(legs: usize) -> io::Result<Files> {
        // With fewer open files than calls, some share one.
        let files = legs.div_ceil(2).min(open_files_max().saturating_sub(256)).max(1);
        Ok(Files((0..files).map(|_| tempfile::tempfile()).collect::<io::Result<_>>()?))
    }

    /// A file for each call, named by its number.
    pub(super) fn in_folder(folder: &Path, calls: usize) -> io::Result<Files> {
        Ok(Files((0..calls).map(|call| File::create_new(folder.join(call.to_string()))).collect::<io::Result<_>>()?))
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }
}

impl Holder for Files {
    fn hold(&mut self, leg: usize, frame: Frame<'_>) {
        let file = leg / 2 % self.0.len();
        // A full disk would make this quick: that must not pass for a rival.
        self.0[file].write_all(frame.bytes).expect("room on the disk for the files of a rival");
    }

    fn make_room(&mut self) {
        for file in &mut self.0 {
            file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).expect("a file of our own can be cut");
        }
    }
}

/// Ours: the ring of each call, as the thread that reads sockets uses it.
pub(super) struct Rings {
    rings: Vec<Arc<Ring>>,
    writers: Vec<LegWriter>,
}

impl Rings {
    /// Rings for this many legs, two to a call.
    pub(super) fn new(arena: &Arc<Arena>, legs: usize) -> Rings {
        let mut rings = Rings { rings: Vec::new(), writers: Vec::new() };
        while rings.writers.len() < legs {
            let (ring, writers) = Ring::new(Arc::clone(arena));
            rings.rings.push(ring);
            rings.writers.extend(writers);
        }
        rings
    }

    /// Frames with samples that were lost for want of memory.
    pub(super) fn lost_frames(&self) -> u64 {
        self.rings.iter().flat_map(|ring| Leg::ALL.map(|leg| ring.counts(leg).lost_frames)).sum()
    }

    /// Bytes held by all of them.
    pub(super) fn held_bytes(&self) -> usize {
        self.rings.iter().map(|ring| ring.held_bytes()).sum()
    }
}

impl Holder for Rings {
    fn expect(&mut self, legs: &mut dyn Iterator<Item = usize>) {
        legs.for_each(|leg| self.writers[leg].expect_frame());
    }

    fn hold(&mut self, leg: usize, frame: Frame<'_>) {
        let writer = &mut self.writers[leg];
        writer.provision(FRAME_SAMPLES);
        writer.push(writer.position(), frame.samples);
    }

    /// Drops and wipes the oldest, as in a call that is longer than its limit.
    fn make_room(&mut self) {
        for ring in &self.rings {
            ring.drop_before(ring.end());
        }
    }
}
