//! `cargo bench`: the parts one by one, each against itself from run to run. What they add up to, and against whom: `retrocall bench`.

use std::{hint::black_box, io::Cursor, path::Path, sync::Arc, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use retrocall::{
    audio::{Leg, g711::Law},
    client::WavSource,
    memory::{Arena, LockedBuffer, Need, SegmentId, wipe},
    proof::Sound,
    ring::{LegWriter, Ring},
};

/// 20 ms at 8 kHz.
const FRAME: usize = 160;
/// Frames of a leg in one go: what a second has.
const FRAMES: usize = 50;

/// What is said, by how it packs.
const KINDS: [(&str, &str); 4] =
    [("noise", "talk-8k.wav"), ("clean", "desk-02.wav"), ("from-g711", "desk-11.wav"), ("codes", "ulaw-8k.wav")];

fn sound(file: &str) -> Sound {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(file);
    let bytes = std::fs::read(&path).expect("the fixtures are there");
    Sound::of(WavSource::new(Cursor::new(bytes)).expect("a call")).expect("a call")
}

/// All of it faulted in.
fn arena(bytes: usize) -> Arc<Arena> {
    let arena = Arena::new(bytes, true).expect("memory");
    let taken: Vec<SegmentId> = std::iter::from_fn(|| arena.take(Need::Selected)).collect();
    taken.into_iter().for_each(|segment| arena.give_back(segment));
    Arc::new(arena)
}

fn say(writer: &mut LegWriter, sound: &Sound, frames: usize) {
    for frame in 0..frames {
        let from = frame * FRAME % (sound.samples() - FRAME);
        writer.provision(FRAME);
        let at = writer.position();
        match &sound.codes {
            Some((law, codes)) => writer.push_codes(at, *law, &codes[0][from..from + FRAME]),
            None => writer.push(at, &sound.legs[0][from..from + FRAME]),
        }
    }
}

fn push(c: &mut Criterion) {
    let arena = arena(64 << 20);
    let mut group = c.benchmark_group("push");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (kind, file) in KINDS {
        let sound = sound(file);
        group.bench_function(BenchmarkId::from_parameter(kind), |b| {
            let (ring, [mut agent, _customer]) = Ring::new(Arc::clone(&arena));
            b.iter_batched(
                || ring.drop_before(ring.end()),
                |_| say(&mut agent, &sound, FRAMES),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn read_back(c: &mut Criterion) {
    let arena = arena(64 << 20);
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (kind, file) in KINDS {
        let (ring, [mut agent, _customer]) = Ring::new(Arc::clone(&arena));
        say(&mut agent, &sound(file), 60 * FRAMES);
        let (mut reader, mut out, mut at) = (ring.reader(), [0; FRAME * FRAMES], 0);
        group.bench_function(BenchmarkId::from_parameter(kind), |b| {
            b.iter(|| {
                reader.read(Leg::Agent, at, &mut out);
                at = (at + out.len() as u64) % (59 * out.len() as u64);
                black_box(&out);
            });
        });
    }
    group.finish();
}

fn wiping(c: &mut Criterion) {
    let arena = arena(64 << 20);
    let talk = sound("talk-8k.wav");
    let mut group = c.benchmark_group("wipe");
    for minutes in [1, 10] {
        let fill = || {
            let (ring, [mut agent, _customer]) = Ring::new(Arc::clone(&arena));
            say(&mut agent, &talk, minutes * 60 * FRAMES);
            ring
        };
        let bytes = fill().held_bytes();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("ring", format!("{minutes}min")), |b| {
            b.iter_batched(fill, |ring| ring.wipe(), BatchSize::PerIteration);
        });
        let mut buffer = LockedBuffer::new(bytes, true).expect("memory");
        group.bench_function(BenchmarkId::new("memset", format!("{minutes}min")), |b| {
            b.iter(|| wipe(&mut buffer[..bytes]));
        });
    }
    group.finish();
}

fn g711(c: &mut Criterion) {
    let codes: Vec<u8> = (0..=255).collect();
    let mut group = c.benchmark_group("g711");
    group.throughput(Throughput::Elements(codes.len() as u64));
    for (name, law) in [("mu", Law::Mu), ("a", Law::A)] {
        let samples: Vec<i16> = codes.iter().map(|code| law.linear(*code)).collect();
        group.bench_function(BenchmarkId::new("linear", name), |b| {
            b.iter(|| black_box(&codes).iter().map(|code| i64::from(law.linear(*code))).sum::<i64>());
        });
        group.bench_function(BenchmarkId::new("found-again", name), |b| {
            let mut ranks = [0; 256];
            b.iter(|| law.ranks_of_linear(black_box(&samples), black_box(&mut ranks)));
        });
    }
    group.finish();
}

criterion_group! {
    name = parts;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = push, read_back, wiping, g711
}
criterion_main!(parts);
