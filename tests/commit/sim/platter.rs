//! What is on the simulated disk, what of it a power cut may take, and what is left then.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::Step;

/// What a disk writes at once, at best.
const SECTOR: usize = 512;
/// What a file has before its audio: text, of which two letters can look like a sample.
const PREFIX: usize = 4_096;
type Bytes = Arc<[u8; SECTOR]>;
pub(super) type Id = usize;
const ROOT: Id = 0;

/// Numbers that look random and come again with their seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Where the audio of a recording begins.
pub fn audio_at(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"data").map(|at| at + 8)
}

/// Which of the states that a power cut can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Nothing that was not synced.
    Nothing,
    /// Everything, as after `kill -9`.
    Everything,
    /// Everything, but one sector is torn.
    Torn,
    /// Anything.
    Some,
}

#[derive(Clone)]
struct Sector {
    /// The last one is what whoever reads it sees.
    versions: Vec<Bytes>,
    /// Written since the last sync, good or not.
    is_dirty: bool,
}

#[derive(Clone)]
pub(super) struct File {
    sectors: Vec<Sector>,
    /// The last one is what whoever asks is told.
    lengths: Vec<usize>,
    pub(super) names: usize,
}

#[derive(Clone)]
enum NameChange {
    Add(OsString, Id),
    Move(OsString, OsString),
    Remove(OsString),
}

#[derive(Clone, Default)]
pub(super) struct Folder {
    durable: BTreeMap<OsString, Id>,
    changes: Vec<NameChange>,
}

#[derive(Clone)]
enum Node {
    File(File),
    Folder(Folder),
}

/// All that is on the disk, and all that may or may not be there after a power cut.
#[derive(Clone)]
pub struct Platter {
    nodes: Vec<Node>,
}

impl Default for Platter {
    fn default() -> Platter {
        Platter { nodes: vec![Node::Folder(Folder::default())] }
    }
}

impl File {
    fn new() -> File {
        File { sectors: Vec::new(), lengths: vec![0], names: 1 }
    }

    pub(super) fn length(&self) -> usize {
        *self.lengths.last().expect("never empty")
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if bytes.is_empty() {
            return;
        }
        while self.sectors.len() * SECTOR < end {
            self.sectors.push(Sector { versions: vec![Arc::new([0; SECTOR])], is_dirty: false });
        }
        for number in at / SECTOR..end.div_ceil(SECTOR) {
            let sector = &mut self.sectors[number];
            let start = number * SECTOR;
            let (from, to) = (at.max(start), end.min(start + SECTOR));
            let mut new = **sector.versions.last().expect("never empty");
            new[from - start..to - start].copy_from_slice(&bytes[from - at..to - at]);
            sector.versions.push(Arc::new(new));
            sector.is_dirty = true;
        }
        if end > self.length() {
            self.lengths.push(end);
        }
    }

    fn set_length(&mut self, length: usize) {
        let old = self.length();
        if length < old {
            self.write(length, &vec![0; old - length]);
        }
        self.lengths.push(length);
    }

    fn sync(&mut self) {
        for sector in self.sectors.iter_mut().filter(|sector| sector.is_dirty) {
            sector.versions.drain(..sector.versions.len() - 1);
            sector.is_dirty = false;
        }
        self.lengths.drain(..self.lengths.len() - 1);
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.assembled(self.length(), |sector| **sector.versions.last().expect("never empty"))
    }

    fn assembled(&self, length: usize, mut choose: impl FnMut(&Sector) -> [u8; SECTOR]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length.next_multiple_of(SECTOR));
        for sector in self.sectors.iter().take(length.div_ceil(SECTOR)) {
            bytes.extend(choose(sector));
        }
        bytes.resize(length, 0);
        bytes
    }

    /// What a power cut leaves.
    fn left(&self, survives: Survives, random: &mut Random) -> Vec<u8> {
        let first = *self.lengths.first().expect("never empty");
        let newest = |sector: &Sector| **sector.versions.last().expect("never empty");
        match survives {
            Survives::Nothing => self.assembled(first, |sector| *sector.versions[0]),
            Survives::Everything => self.bytes(),
            Survives::Torn => {
                let unsure = self.sectors.iter().filter(|sector| sector.versions.len() > 1).count();
                let (mut left, byte) = (random.below(unsure), random.below(SECTOR));
                self.assembled(self.length(), |sector| {
                    if sector.versions.len() > 1 {
                        if left == 0 {
                            left = usize::MAX;
                            return torn(sector, byte);
                        }
                        left -= 1;
                    }
                    newest(sector)
                })
            }
            Survives::Some => {
                let (shortest, longest) = (self.lengths.iter().min(), self.lengths.iter().max());
                let (shortest, longest) = (*shortest.expect("never empty"), *longest.expect("never empty"));
                let length = match random.below(3) {
                    0 => self.lengths[random.below(self.lengths.len())],
                    1 => shortest + random.below(longest - shortest + 1),
                    _ => self.length(),
                };
                self.assembled(length, |sector| match (sector.versions.len(), random.below(8)) {
                    (1, _) => newest(sector),
                    (_, 0) => torn(sector, random.below(SECTOR)),
                    (versions, _) => *sector.versions[random.below(versions)],
                })
            }
        }
    }
}

/// The newest version up to a byte, the one before it from there on.
fn torn(sector: &Sector, byte: usize) -> [u8; SECTOR] {
    let [.., old, new] = &sector.versions[..] else { unreachable!("only one that is unsure is torn") };
    let mut bytes = **old;
    bytes[..byte].copy_from_slice(&new[..byte]);
    bytes
}

impl Folder {
    fn names(&self, mut happened: impl FnMut() -> bool) -> BTreeMap<OsString, Id> {
        let mut names = self.durable.clone();
        for change in self.changes.iter().filter(|_| happened()) {
            match change {
                NameChange::Add(name, id) => drop(names.insert(name.clone(), *id)),
                NameChange::Remove(name) => drop(names.remove(name)),
                NameChange::Move(from, to) => {
                    if let Some(id) = names.remove(from) {
                        names.insert(to.clone(), id);
                    }
                }
            }
        }
        names
    }

    pub(super) fn now(&self) -> BTreeMap<OsString, Id> {
        self.names(|| true)
    }
}

impl Platter {
    pub fn apply<T>(&mut self, step: &Step<T>) {
        match step {
            Step::MakeFolder { folder, name, id } => self.add(*folder, name, *id, Node::Folder(Folder::default())),
            Step::Create { folder, name, id } => self.add(*folder, name, *id, Node::File(File::new())),
            Step::Write { id, at, bytes } => self.file_mut(*id).write(*at, bytes),
            Step::SetLength { id, length } => self.file_mut(*id).set_length(*length),
            Step::Sync { id } => self.file_mut(*id).sync(),
            // Whatever version it has, it is none that a later sync must write.
            Step::SyncFails { id } => self.file_mut(*id).sectors.iter_mut().for_each(|sector| sector.is_dirty = false),
            Step::Rename { folder, from, to } => {
                self.folder_mut(*folder).changes.push(NameChange::Move(from.clone(), to.clone()));
            }
            Step::Link { folder, id, name } => {
                self.file_mut(*id).names += 1;
                self.folder_mut(*folder).changes.push(NameChange::Add(name.clone(), *id));
            }
            Step::Remove { folder, name } => {
                let id = self.folder(*folder).now()[name];
                self.file_mut(id).names -= 1;
                self.folder_mut(*folder).changes.push(NameChange::Remove(name.clone()));
            }
            Step::SyncFolder { id } => {
                let folder = self.folder_mut(*id);
                (folder.durable, folder.changes) = (folder.now(), Vec::new());
            }
            Step::Told(_) => {}
        }
    }

    fn add(&mut self, folder: Id, name: &OsString, id: Id, node: Node) {
        assert_eq!(id, self.nodes.len());
        self.nodes.push(node);
        self.folder_mut(folder).changes.push(NameChange::Add(name.clone(), id));
    }

    pub(super) fn file(&self, id: Id) -> &File {
        match &self.nodes[id] {
            Node::File(file) => file,
            Node::Folder(_) => panic!("a folder is not written to"),
        }
    }

    fn file_mut(&mut self, id: Id) -> &mut File {
        match &mut self.nodes[id] {
            Node::File(file) => file,
            Node::Folder(_) => panic!("a folder is not written to"),
        }
    }

    pub(super) fn folder(&self, id: Id) -> &Folder {
        match &self.nodes[id] {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("a file has no names in it"),
        }
    }

    fn folder_mut(&mut self, id: Id) -> &mut Folder {
        match &mut self.nodes[id] {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("a file has no names in it"),
        }
    }

    /// The number that the next node gets.
    pub(super) fn next_id(&self) -> Id {
        self.nodes.len()
    }

    pub(super) fn is_folder(&self, id: Id) -> bool {
        matches!(self.nodes[id], Node::Folder(_))
    }

    /// What is at a path now.
    pub(super) fn find(&self, path: &Path) -> io::Result<Id> {
        let mut here = ROOT;
        for part in path.components() {
            match (part, &self.nodes[here]) {
                (Component::RootDir, _) => {}
                (Component::Normal(name), Node::Folder(folder)) => {
                    here = *folder.now().get(name).ok_or(ErrorKind::NotFound)?;
                }
                _ => return Err(ErrorKind::NotADirectory.into()),
            }
        }
        Ok(here)
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.find(path).is_ok()
    }

    /// The folder of a path, and the name in it.
    pub(super) fn place(&self, path: &Path) -> io::Result<(Id, OsString)> {
        let (folder, name) = (path.parent().ok_or(ErrorKind::InvalidInput)?, path.file_name());
        Ok((self.find(folder)?, name.ok_or(ErrorKind::InvalidInput)?.to_owned()))
    }

    /// What the file at a path holds, if a power cut can take nothing of that.
    pub fn synced(&self, path: &Path) -> Option<Vec<u8>> {
        let file = self.file(self.find(path).ok()?);
        let is_sure = file.sectors.iter().all(|sector| sector.versions.len() == 1) && file.lengths.len() == 1;
        is_sure.then(|| file.bytes())
    }

    /// Whether a power cut can't take the name of a file, or that of a folder above it.
    pub fn has_durable_name(&self, path: &Path) -> bool {
        path.ancestors().filter(|path| path.file_name().is_some()).all(|path| {
            let place = self.place(path).and_then(|(folder, name)| Ok((folder, name, self.find(path)?)));
            place.is_ok_and(|(folder, name, id)| {
                let folder = self.folder(folder);
                let changes = |change: &NameChange| match change {
                    NameChange::Add(changed, _) | NameChange::Remove(changed) => *changed == name,
                    NameChange::Move(from, to) => *from == name || *to == name,
                };
                folder.durable.get(&name) == Some(&id) && !folder.changes.iter().any(changes)
            })
        })
    }

    /// Whether any version of any sector of any file that ever was holds such a sample, behind the file's prefix. The prefix has its place also if
    /// a full disk took only half of it, without the head of the audio.
    pub fn holds(&self, is_such: impl Fn(i16) -> bool) -> bool {
        let files = self.nodes.iter().filter_map(|node| if let Node::File(file) = node { Some(file) } else { None });
        files.into_iter().any(|file| {
            assert!(
                audio_at(&file.bytes()).is_none_or(|at| at == PREFIX),
                "audio begins elsewhere than it is looked for"
            );
            file.sectors.iter().enumerate().any(|(number, sector)| {
                let from = PREFIX.saturating_sub(number * SECTOR).min(SECTOR);
                sector.versions.iter().any(|version| {
                    let mut samples = version[from..].chunks_exact(2);
                    samples.any(|sample| is_such(i16::from_le_bytes([sample[0], sample[1]])))
                })
            })
        })
    }

    /// A disk as a power cut now would leave it. Everything on it is durable.
    pub fn left(&self, survives: Survives, random: &mut Random) -> Platter {
        let mut left = Platter::default();
        self.leave_folder(ROOT, survives, random, &mut left, ROOT);
        left
    }

    fn leave_folder(&self, from: Id, survives: Survives, random: &mut Random, left: &mut Platter, to: Id) {
        let names = self.folder(from).names(|| match survives {
            Survives::Nothing => false,
            Survives::Everything | Survives::Torn => true,
            Survives::Some => random.below(2) == 0,
        });
        // A file with two names is one file.
        let mut copies = BTreeMap::new();
        for (name, id) in names {
            let new = left.nodes.len();
            if let Some(copy) = copies.get(&id) {
                left.folder_mut(to).durable.insert(name, *copy);
                left.file_mut(*copy).names += 1;
                continue;
            }
            copies.insert(id, new);
            left.folder_mut(to).durable.insert(name, new);
            match &self.nodes[id] {
                Node::Folder(_) => {
                    left.nodes.push(Node::Folder(Folder::default()));
                    self.leave_folder(id, survives, random, left, new);
                }
                Node::File(file) => {
                    let mut copy = File::new();
                    copy.write(0, &file.left(survives, random));
                    copy.sync();
                    left.nodes.push(Node::File(copy));
                }
            }
        }
    }

    /// Every file by its path.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![(ROOT, PathBuf::from("/"))];
        while let Some((folder, path)) = folders.pop() {
            for (name, id) in self.folder(folder).now() {
                match &self.nodes[id] {
                    Node::Folder(_) => folders.push((id, path.join(name))),
                    Node::File(file) => drop(files.insert(path.join(name), file.bytes())),
                }
            }
        }
        files
    }
}
