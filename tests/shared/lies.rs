//! What a client can write into shared memory that it should not, and what it is told.

use retrocall::{
    audio::Leg,
    client::ClientError,
    protocol::{Ask, ErrorCode, SharedLayout},
};

use super::{SharedLine, desk::Desk};

/// A call whose client does this to its memory: what the engine says before it closes the connection.
fn told(desk: &Desk, lie: impl Fn(&SharedLine)) -> (ErrorCode, String) {
    let mut call = SharedLine::begin(desk, "liar", 8_000, None);
    call.push(Leg::Agent, 0, &[7; 160]);
    lie(&call);
    loop {
        match call.line.client.next_event(super::desk::PATIENCE) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the engine did not notice"),
            Err(ClientError::Refused { error, text }) => return (error, text),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn whoever_lies_in_shared_memory_is_told_so_and_loses_the_connection() {
    let desk = Desk::open(&["--one-in", "0"]);
    let slot = |call: &SharedLine, number: u64, position: u64, samples: u64| {
        let (memory, layout) = call.legs[0].memory();
        let at = layout.slot(Leg::Agent, number);
        memory.store(at, position);
        memory.store(at + 8, samples);
        memory.store(SharedLayout::written(Leg::Agent), number + 1);
    };
    for count in [34, 1 << 32, u64::MAX, u64::MAX / 2] {
        let (error, text) = told(&desk, |call| {
            call.legs[1].memory().0.store(SharedLayout::written(Leg::Customer), count);
        });
        assert_eq!(error, ErrorCode::SharedMemory, "{text}");
        assert!(text.contains("Customer") && text.contains("32 slots"), "{text}");
    }
    for samples in [0, 161, 1 << 32, u64::MAX] {
        let (error, text) = told(&desk, |call| slot(call, 1, 160, samples));
        assert_eq!(error, ErrorCode::SharedMemory, "{text}");
        assert!(text.contains("1 to 160"), "{text}");
    }
    for position in [8_000_000, u64::MAX - 1, u64::MAX] {
        let (error, text) = told(&desk, |call| slot(call, 1, position, 160));
        assert_eq!(error, ErrorCode::Position, "{text}");
    }
    // What only the engine writes can be overwritten as well: it is not read.
    let mut call = SharedLine::begin(&desk, "liar", 8_000, None);
    let (memory, _) = call.legs[0].memory();
    memory.write(0, &[0xff; 64]);
    call.push(Leg::Agent, 0, &[7; 160]);
    assert_eq!(call.line.accepted(Ask::Mask).at, Some(160));
    desk.stop();
}
