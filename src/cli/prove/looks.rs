//! The searches of the engine's process: from within, and from outside.

use std::io;

use super::{Call, CallsInPlay, Check, Failure, Plan};
use retrocall_proof::{
    Needles,
    files::SearchResult,
    inside::{Asker, Look},
    process::{MemoryLook, Process},
};

/// How much of another process is read at once.
const PIECE_BYTES: usize = 256 * 1024;

fn ask(asker: &mut Asker, needles: &Needles) -> Result<Look, Failure> {
    asker.look(needles).map_err(|error| {
        Failure::new(format!("the private engine does not look at itself ({error})"), "see its log, engine.log")
    })
}

/// A search of memory passes only if all of it was read.
fn memory(check: Check, look: &MemoryLook) -> Check {
    let found_in = look.found_in.join(", ");
    let unread = look.unread.join(", ");
    check.and(look.unread.is_empty(), format!("not all of it could be read: {unread}")).noting(if found_in.is_empty() {
        String::new()
    } else {
        format!("found in {found_in}")
    })
}

/// While all calls are live: their sound is where it should be, and nowhere else.
pub(super) fn live(asker: &mut Asker, plan: &Plan) -> Result<Vec<Check>, Failure> {
    let live_call = plan.needles(plan.call("anna").live_forms());
    let look = ask(asker, &live_call)?;
    let mut checks = vec![Check::expecting(
        "live-call",
        "a live call, in the memory for calls",
        live_call.len(),
        look.locked,
        live_call.len(),
    )];

    let number = plan.needles([plan.customer.clone().into_bytes()]);
    let look = ask(asker, &number)?;
    let text = "a customer's number, in readable memory";
    checks.push(Check::expecting("live-text", text, number.len(), look.memory.looked, number.len()));

    let look = ask(asker, &plan.all)?;
    let readable = "readable memory, while calls are live";
    let check = Check::clean("live-memory", readable, plan.all.len(), look.memory.looked);
    checks.push(memory(check, &look.memory));

    let silenced = plan.needles(plan.calls.iter().flat_map(Call::silenced_forms));
    let look = ask(asker, &silenced)?;
    let what = "masked, held, erased or private audio";
    checks.push(Check::clean("live-silenced", what, silenced.len(), look.locked));
    Ok(checks)
}

/// After hangup: nothing is left of any call, kept or not.
pub(super) fn at_rest(
    asker: &mut Asker,
    plan: &Plan,
    playing: &CallsInPlay,
    rests: bool,
) -> Result<Vec<Check>, Failure> {
    let look = ask(asker, &plan.all)?;
    let windows = plan.all.len();
    let readable = Check::clean("memory", "readable memory, after hangup", windows, look.memory.looked);
    let locked = Check::clean("locked", "memory for calls, and audio buffers", windows, look.locked);
    let arena = match look.arena {
        Some(arena) => {
            let looked = SearchResult { places: arena.free, bytes: arena.free_bytes, found: arena.stained_words };
            Check::clean("arena", "free segments: words that are not zero", 0, looked)
                .and(arena.held == 0, format!("{} segments are still held after hangup", arena.held))
        }
        None => Check::failed("arena", "free segments: words that are not zero", "it does not come to rest"),
    };
    let stained = SearchResult {
        places: look.buffers.buffers,
        bytes: look.buffers.bytes,
        found: usize::try_from(look.buffers.stained_bytes).unwrap_or(usize::MAX),
    };
    let open = Check::clean("open-files", "open files, nameless ones too", windows, look.open.files)
        .and(look.open.unread.is_empty(), format!("can't be read: {}", look.open.unread.join(", ")))
        .noting(look.open.found_in.join(", "));
    let came = playing.look_at_what_came(&plan.all);
    let sockets = look.open.sockets.and(came);
    Ok(vec![
        memory(readable, &look.memory),
        locked.and(rests, "the engine still held memory, calls or commits long after hangup"),
        arena,
        Check::clean("buffers", "audio buffers: bytes that are not zero", 0, stained),
        open,
        Check::clean("sockets", "bytes in sockets, and all that was sent", windows, sockets),
    ])
}

/// From outside, as root or whoever may trace the engine.
pub(super) fn from_outside(pid: u32, plan: &Plan) -> Check {
    const CHECK: &str = "memory-root";
    const WHAT: &str = "readable memory, open files, from outside";
    let mut scratch = vec![0; PIECE_BYTES];
    let look = Process::other(pid).and_then(|process| {
        let memory = process.look_at_memory(&plan.all, &[], &mut scratch)?;
        Ok((memory, process.look_at_open(&plan.all, &mut scratch)?))
    });
    match look {
        Ok((read, open)) => memory(Check::clean(CHECK, WHAT, plan.all.len(), read.looked.and(open.files)), &read)
            .noting(open.found_in.join(", ")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Check::not_done(
            CHECK,
            WHAT,
            "the engine is closed to this user's other processes, as it should be; root can look",
        ),
        Err(error) => Check::failed(CHECK, WHAT, error.to_string()),
    }
}

/// The engine that was started after one failed with a live call.
pub(super) fn after_restart(asker: &mut Asker, plan: &Plan) -> Result<Check, Failure> {
    let look = ask(asker, &plan.all)?;
    let looked = look.memory.looked.and(look.locked);
    Ok(memory(Check::clean("restart", "memory of the engine started next", plan.all.len(), looked), &look.memory))
}
