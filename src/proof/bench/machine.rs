//! The machine: its parts, its load, and a process's share of it.

use std::{fs, path::Path, time::Duration};

use nix::{
    sys::{resource, statfs::statfs},
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use retrocall_words::{Clock as _, SystemClock};
use serde::Serialize;

/// The machine of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// When it began, RFC 3339, UTC.
    pub at: String,
    /// Version of retrocall.
    pub version: &'static str,
    /// Whether this program was built with optimisation. Without it no figure means anything.
    pub optimised: bool,
    /// The processor's name.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// The kernel.
    pub kernel: String,
    /// The kind of memory that holds audio here.
    pub memory_kind: String,
    /// The file system of this run's recordings and temporary files.
    pub disk: String,
    /// The load average of a minute before the run.
    pub load_before: f64,
    /// The same after it.
    pub load_after: f64,
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value after `key` in lines of `key: value`.
fn field(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

impl Machine {
    pub(super) fn look() -> Machine {
        let memory_kib: u64 = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse().ok())
            .unwrap_or_default();
        let load_before = load();
        Machine {
            at: SystemClock.wall().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            version: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory_kib * 1024,
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            memory_kind: kind(),
            disk: file_system(&std::env::temp_dir()),
            load_before,
            load_after: load_before,
        }
    }
}

/// The kind of memory that would hold live audio.
fn kind() -> String {
    let buffer = retrocall_core::memory::LockedBuffer::new(1, true);
    buffer.map_or_else(|error| error.to_string(), |buffer| buffer.kind().to_string())
}

/// The kind of a folder's file system (statfs(2)); its number if it has no name here.
fn file_system(folder: &Path) -> String {
    const NAMES: [(i64, &str); 6] = [
        (0xef53, "ext4"),
        (0x5846_5342, "xfs"),
        (0x9123_683e, "btrfs"),
        (0x0102_1994, "tmpfs (memory, no disk: set TMPDIR)"),
        (0x794c_7630, "overlayfs"),
        (0x2fc1_2fc1, "zfs"),
    ];
    let Ok(found) = statfs(folder) else { return "unknown".to_owned() };
    #[allow(clippy::unnecessary_cast)] // Its width differs from platform to platform.
    let number = found.filesystem_type().0 as i64;
    NAMES.iter().find(|(known, _)| *known == number).map_or(format!("{number:#x}"), |(_, name)| (*name).to_owned())
}

/// The load average of the last minute.
pub(super) fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

/// Raises the limit on open files as far as the system allows: a rival needs a file for each call, a softphone a socket.
pub(super) fn raise_open_files() {
    if let Ok((_, hard)) = resource::getrlimit(resource::Resource::RLIMIT_NOFILE) {
        let _ = resource::setrlimit(resource::Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// How many files this process may have open.
pub(super) fn open_files_max() -> usize {
    resource::getrlimit(resource::Resource::RLIMIT_NOFILE).map_or(1_024, |(soft, _)| soft as usize)
}

/// Processor time of all threads of a process. Zero if there is no such process.
pub(super) fn process_cpu(pid: u32) -> Duration {
    let clock = i32::try_from(pid).ok().and_then(|pid| clock_getcpuclockid(Pid::from_raw(pid)).ok());
    clock.map(told).unwrap_or_default()
}

/// Processor time of the calling thread.
pub(super) fn thread_cpu() -> Duration {
    told(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn told(clock: ClockId) -> Duration {
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

/// Bytes of a process that are in memory.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    let status = read(&format!("/proc/{pid}/status"));
    let kib = field(&status, "VmRSS").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
