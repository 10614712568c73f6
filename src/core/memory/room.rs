//! How much memory there is to be had: of the machine, and of the control groups that this process is in (a container, a unit of systemd).
//!
//! Belongs here: reading limits. Does not: what is asked for, locking.
//!
//! The kernel promises any amount and, when it can't keep that, ends the process. So whoever promises audio a place looks first.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// What is left to the rest of the process, and to the pages that the kernel keeps for it: code, connections, files being written.
const LEFT_BYTES: u64 = 32 << 20;
/// A limit above this is none: version 1 writes the largest number of pages for it.
const NO_LIMIT_BYTES: u64 = 1 << 60;

/// How much memory there is, and what it is that gives no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Bytes that can be had now.
    pub bytes: u64,
    /// What gives no more than these.
    pub limit: Limit,
}

/// What gives no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// The machine, with so much memory in all.
    Machine {
        /// Bytes of the machine.
        bytes: u64,
    },
    /// A control group.
    Group {
        /// The file that says so.
        file: PathBuf,
        /// Bytes that all its processes may have.
        bytes: u64,
    },
}

impl Room {
    /// The least that any of them gives. None if the system does not say.
    pub fn look() -> Option<Room> {
        Room::look_with(&|path| fs::read_to_string(path).ok())
    }

    fn look_with(read: &dyn Fn(&Path) -> Option<String>) -> Option<Room> {
        groups(read).into_iter().chain(machine(read)).min_by_key(|room| room.bytes)
    }

    /// What to do for more.
    pub fn how_to_raise(&self) -> &'static str {
        match self.limit {
            Limit::Machine { .. } => "end what else uses memory there",
            Limit::Group { .. } => "raise it (MemoryMax= in the systemd unit, `--memory` of the container)",
        }
    }
}

impl fmt::Display for Room {
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

fn machine(read: &dyn Fn(&Path) -> Option<String>) -> Option<Room> {
    let text = read(Path::new("/proc/meminfo"))?;
    let kib = |name: &str| text.lines().find_map(|line| number(line.strip_prefix(name)?.strip_prefix(':')?));
    let (total, available) = (kib("MemTotal")? << 10, kib("MemAvailable").or_else(|| kib("MemFree"))? << 10);
    Some(Room { bytes: available.saturating_sub(LEFT_BYTES), limit: Limit::Machine { bytes: total } })
}

fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// A version of the kernel's control groups: its files.
struct Version {
    limits: &'static [&'static str],
    used: &'static str,
    /// Of what is used, the kernel takes back what these count.
    given_back: [&'static str; 2],
}

const FIRST: Version = Version {
    limits: &["memory.limit_in_bytes"],
    used: "memory.usage_in_bytes",
    given_back: ["total_inactive_file", "total_active_file"],
};
const SECOND: Version = Version {
    limits: &["memory.max", "memory.high"],
    used: "memory.current",
    given_back: ["inactive_file", "active_file"],
};

/// The rooms of all groups, from the innermost outwards, in both versions: a machine may have both at once.
fn groups(read: &dyn Fn(&Path) -> Option<String>) -> Vec<Room> {
    let (Some(own), Some(mounts)) = (read(Path::new("/proc/self/cgroup")), read(Path::new("/proc/self/mountinfo")))
    else {
        return Vec::new();
    };
    let mut rooms = Vec::new();
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
                rooms.extend(version.limits.iter().filter_map(|limit| room_of(read, &folder, version, limit)));
            }
        }
    }
    rooms
}

fn room_of(read: &dyn Fn(&Path) -> Option<String>, folder: &Path, version: &Version, limit: &str) -> Option<Room> {
    let file = folder.join(limit);
    let bytes = number(&read(&file)?).filter(|bytes| *bytes < NO_LIMIT_BYTES)?;
    let used = number(&read(&folder.join(version.used))?)?;
    let stat = read(&folder.join("memory.stat")).unwrap_or_default();
    let given_back = |name: &&str| stat.lines().find_map(|line| number(line.strip_prefix(*name)?.strip_prefix(' ')?));
    let given_back: u64 = version.given_back.iter().filter_map(given_back).sum();
    let left = bytes.saturating_sub(used.saturating_sub(given_back)).saturating_sub(LEFT_BYTES);
    Some(Room { bytes: left, limit: Limit::Group { file, bytes } })
}

/// Where the files of groups are, and which group is the topmost there.
struct Mount {
    root: PathBuf,
    at: PathBuf,
}

impl Mount {
    /// From a line of `/proc/self/mountinfo` (proc(5)), if it is one of this version.
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

    /// The folders of a group and of those around it. One that lies outside of what is mounted here is the topmost itself: a container sees
    /// its own group as that.
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

    fn look(files: &[(&str, &str)]) -> Option<Room> {
        let files: HashMap<&Path, &str> = files.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
        Room::look_with(&|path| files.get(path).map(|text| (*text).to_owned()))
    }

    fn group(file: &str, limit_mib: u64, left_mib: u64) -> Option<Room> {
        let limit = Limit::Group { file: file.into(), bytes: limit_mib << 20 };
        Some(Room { bytes: (left_mib << 20) - LEFT_BYTES, limit })
    }

    #[test]
    fn without_groups_the_machine_gives_what_it_has_free() {
        let expected = Room { bytes: (4 << 30) - LEFT_BYTES, limit: Limit::Machine { bytes: 8 << 30 } };
        assert_eq!(look(&[("/proc/meminfo", MEMINFO)]), Some(expected));
        assert_eq!(look(&[]), None);
    }

    #[test]
    fn the_narrowest_group_on_the_way_counts_less_what_is_used_there_and_can_not_be_given_back() {
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
        assert!(look(&without_limit).is_some_and(|room| matches!(room.limit, Limit::Machine { .. })));
    }

    #[test]
    fn what_there_is_and_how_to_have_more_is_said_for_people() {
        let room = group("/sys/fs/cgroup/memory.max", 96, 86).expect("a room");
        assert_eq!(room.to_string(), "of the 96 MiB that /sys/fs/cgroup/memory.max allows 54 MiB can be had now");
        assert!(room.how_to_raise().contains("MemoryMax="));
    }
}
