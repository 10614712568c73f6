//! How much more memory this process can get: from the machine, and from its control groups (a container, a unit of systemd).
//!
//! Belongs here: reading limits. Does not: asking for memory, locking it.
//!
//! The kernel promises any amount, and ends the process when it can't keep the promise. So the engine looks before it promises audio a place.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// Left for the rest of the process and for pages that the kernel keeps for it: code, connections, files being written.
const LEFT_BYTES: u64 = 32 << 20;
/// A limit above this is no limit: version 1 writes the largest number of pages for none.
const NO_LIMIT_BYTES: u64 = 1 << 60;

/// The memory that this process can still get, and its limit.
///
/// ```
/// use retrocall_core::memory::Headroom;
///
/// if let Some(headroom) = Headroom::look()
///     && headroom.bytes < 64 << 20
/// {
///     eprintln!("{headroom}: {}", headroom.how_to_raise());
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headroom {
    /// Bytes that can be had now.
    pub bytes: u64,
    /// The tightest limit.
    pub limit: Limit,
}

/// A limit on the memory of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// The machine.
    Machine {
        /// Its memory.
        bytes: u64,
    },
    /// A control group.
    Group {
        /// The file with the limit.
        file: PathBuf,
        /// The limit of all its processes together.
        bytes: u64,
    },
}

impl Headroom {
    /// The least that machine and groups give. None if the system does not say.
    pub fn look() -> Option<Headroom> {
        Headroom::look_with(&|path| fs::read_to_string(path).ok())
    }

    fn look_with(read: &dyn Fn(&Path) -> Option<String>) -> Option<Headroom> {
        groups(read).into_iter().chain(machine(read)).min_by_key(|headroom| headroom.bytes)
    }

    /// How to get more, in words for people.
    pub fn how_to_raise(&self) -> &'static str {
        match self.limit {
            Limit::Machine { .. } => "end what else uses memory there",
            Limit::Group { .. } => "raise it (MemoryMax= in the systemd unit, `--memory` of the container)",
        }
    }
}

impl fmt::Display for Headroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.bytes >> 20;
        match &self.limit {
            Limit::Machine { bytes } => write!(f, "of the machine's {} MiB {left} MiB can be had now", bytes >> 20),
            Limit::Group { file, bytes } => {
                write!(f, "of the {} MiB that {} allows {left} MiB can be had now", bytes >> 20, file.display())
            }
        }
    }
}

fn machine(read: &dyn Fn(&Path) -> Option<String>) -> Option<Headroom> {
    let text = read(Path::new("/proc/meminfo"))?;
    let kib = |name: &str| text.lines().find_map(|line| number(line.strip_prefix(name)?.strip_prefix(':')?));
    let (total, available) = (kib("MemTotal")? << 10, kib("MemAvailable").or_else(|| kib("MemFree"))? << 10);
    Some(Headroom { bytes: available.saturating_sub(LEFT_BYTES), limit: Limit::Machine { bytes: total } })
}

fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// A version of the kernel's control groups: its files.
struct Version {
    limits: &'static [&'static str],
    used: &'static str,
    /// Counts of used pages that the kernel takes back when asked for more.
    reclaimable: [&'static str; 2],
}

const FIRST: Version = Version {
    limits: &["memory.limit_in_bytes"],
    used: "memory.usage_in_bytes",
    reclaimable: ["total_inactive_file", "total_active_file"],
};
const SECOND: Version = Version {
    limits: &["memory.max", "memory.high"],
    used: "memory.current",
    reclaimable: ["inactive_file", "active_file"],
};

/// The headroom in each group, from the innermost outwards, in both versions: a machine may have both at once.
fn groups(read: &dyn Fn(&Path) -> Option<String>) -> Vec<Headroom> {
    let (Some(own), Some(mounts)) = (read(Path::new("/proc/self/cgroup")), read(Path::new("/proc/self/mountinfo")))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for line in own.lines() {
        // `4:memory:/path`, or `0::/path` in the second version.
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let version = match controllers {
            "" => &SECOND,
            _ if controllers.split(',').any(|name| name == "memory") => &FIRST,
            _ => continue,
        };
        for mount in mounts.lines().filter_map(|line| Mount::read(line, version)) {
            for folder in mount.folders(path) {
                found.extend(version.limits.iter().filter_map(|limit| headroom_of(read, &folder, version, limit)));
            }
        }
    }
    found
}

fn headroom_of(
    read: &dyn Fn(&Path) -> Option<String>,
    folder: &Path,
    version: &Version,
    limit: &str,
) -> Option<Headroom> {
    let file = folder.join(limit);
    let bytes = number(&read(&file)?).filter(|bytes| *bytes < NO_LIMIT_BYTES)?;
    let used = number(&read(&folder.join(version.used))?)?;
    let stat = read(&folder.join("memory.stat")).unwrap_or_default();
    let reclaimable = |name: &&str| stat.lines().find_map(|line| number(line.strip_prefix(*name)?.strip_prefix(' ')?));
    let reclaimable: u64 = version.reclaimable.iter().filter_map(reclaimable).sum();
    let left = bytes.saturating_sub(used.saturating_sub(reclaimable)).saturating_sub(LEFT_BYTES);
    Some(Headroom { bytes: left, limit: Limit::Group { file, bytes } })
}

/// Where the files of groups are mounted, and the topmost group there.
struct Mount {
    root: PathBuf,
    at: PathBuf,
}

impl Mount {
    /// Reads a line of `/proc/self/mountinfo` (proc(5)). None if it is no mount of this version.
    fn read(line: &str, version: &Version) -> Option<Mount> {
        let (front, back) = line.split_once(" - ")?;
        let mut back = back.split(' ');
        let (kind, options) = (back.next()?, back.nth(1)?);
        let is_it = match version.used == SECOND.used {
            true => kind == "cgroup2",
            false => kind == "cgroup" && options.split(',').any(|option| option == "memory"),
        };
        let mut front = front.split(' ').skip(3);
        let (root, at) = (front.next()?, front.next()?);
        is_it.then(|| Mount { root: root.into(), at: at.into() })
    }

    /// The folders of a group and of the groups around it. A group outside of this mount is taken for the topmost one: a container sees its own group
    /// so.
    fn folders(&self, group: &str) -> Vec<PathBuf> {
        let below = Path::new(group).strip_prefix(&self.root).unwrap_or(Path::new(""));
        below
            .ancestors()
            .map(|below| if below == Path::new("") { self.at.clone() } else { self.at.join(below) })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const MEMINFO: &str = "MemTotal:        8388608 kB\nMemFree:          102400 kB\nMemAvailable:    4194304 kB\n";

    fn look(files: &[(&str, &str)]) -> Option<Headroom> {
        let files: HashMap<&Path, &str> = files.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
        Headroom::look_with(&|path| files.get(path).map(|text| (*text).to_owned()))
    }

    fn group(file: &str, limit_mib: u64, left_mib: u64) -> Option<Headroom> {
        let limit = Limit::Group { file: file.into(), bytes: limit_mib << 20 };
        Some(Headroom { bytes: (left_mib << 20) - LEFT_BYTES, limit })
    }

    #[test]
    fn without_groups_the_machine_gives_what_it_has_free() {
        let expected = Headroom { bytes: (4 << 30) - LEFT_BYTES, limit: Limit::Machine { bytes: 8 << 30 } };
        assert_eq!(look(&[("/proc/meminfo", MEMINFO)]), Some(expected));
        assert_eq!(look(&[]), None);
    }

    #[test]
    fn the_narrowest_group_on_the_way_counts_less_what_is_used_there_and_can_not_be_reclaimed() {
        // The unit's own group has no limit, but the slice around it.
        let files = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "0::/desk.slice/retrocall.service\n"),
            ("/proc/self/mountinfo", "30 1 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"),
            ("/sys/fs/cgroup/desk.slice/retrocall.service/memory.max", "max\n"),
            ("/sys/fs/cgroup/desk.slice/retrocall.service/memory.high", "max\n"),
            ("/sys/fs/cgroup/desk.slice/retrocall.service/memory.current", "1048576\n"),
            ("/sys/fs/cgroup/desk.slice/memory.max", "1073741824\n"),
            ("/sys/fs/cgroup/desk.slice/memory.high", "536870912\n"),
            ("/sys/fs/cgroup/desk.slice/memory.current", "209715200\n"),
            ("/sys/fs/cgroup/desk.slice/memory.stat", "anon 5\ninactive_file 52428800\nactive_file 52428800\n"),
        ];
        assert_eq!(look(&files), group("/sys/fs/cgroup/desk.slice/memory.high", 512, 412));
    }

    #[test]
    fn a_container_of_the_first_version_sees_its_own_group_as_the_topmost() {
        let files = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "9:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n"),
            (
                "/proc/self/mountinfo",
                "40 1 0:30 /docker/abc /sys/fs/cgroup/memory ro master:5 - cgroup cgroup rw,memory\n\
                 41 1 0:31 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n",
            ),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "100663296\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "20971520\n"),
            ("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 10485760\ntotal_active_file 0\n"),
        ];
        assert_eq!(look(&files), group("/sys/fs/cgroup/memory/memory.limit_in_bytes", 96, 86));
        let without_limit: Vec<_> = files
            .into_iter()
            .map(|(path, text)| (path, if path.contains("limit") { "9223372036854771712\n" } else { text }))
            .collect();
        assert!(look(&without_limit).is_some_and(|headroom| matches!(headroom.limit, Limit::Machine { .. })));
    }

    #[test]
    fn what_there_is_and_how_to_have_more_is_said_for_people() {
        let headroom = group("/sys/fs/cgroup/memory.max", 96, 86).expect("headroom");
        assert_eq!(headroom.to_string(), "of the 96 MiB that /sys/fs/cgroup/memory.max allows 54 MiB can be had now");
        assert!(headroom.how_to_raise().contains("MemoryMax="));
    }
}
