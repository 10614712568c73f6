//! `retrocall`, whose `bench` has a rival more: `rtrb`, which the product does not depend on.

use std::{io, process::ExitCode};

use retrocall::bench::{FRAME_SAMPLES, Frame, Holder, Rival};
use rtrb::{Consumer, Producer, RingBuffer};

const RIVALS: &[Rival] = &[Rival { name: "rtrb", make }];

/// `rtrb`: samples, copied in one go.
struct Rtrb(Vec<(Producer<i16>, Consumer<i16>)>);

fn make(legs: usize, frames: usize) -> io::Result<Box<dyn Holder>> {
    Ok(Box::new(Rtrb((0..legs).map(|_| RingBuffer::new(frames * FRAME_SAMPLES)).collect())))
}

impl Holder for Rtrb {
    fn hold(&mut self, leg: usize, frame: Frame<'_>) {
        let taken = self.0[leg].0.push_entire_slice(frame.samples);
        debug_assert!(taken.is_ok());
    }

    fn make_room(&mut self) {
        for (_, consumer) in &mut self.0 {
            if let Ok(all) = consumer.read_chunk(consumer.slots()) {
                all.commit_all();
            }
        }
    }
}

fn main() -> ExitCode {
    retrocall::cli::main_with(RIVALS)
}
