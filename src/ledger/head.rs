//! Heads: the signed state of a segment at a day's end (C2SP `tlog-checkpoint`), and the independent read that comes before each.
//!
//! Belongs here: what a head says, how it is made and read. Does not: when, and where it is kept.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use jiff::civil::Date;

use crate::{
    hash::{Frontier, Hash, Malformed},
    line::Line,
    names::{Month, Site},
    note::{NoteError, Signer, Verifier},
};

/// What origins and keys of ours begin with.
const PRODUCT: &str = "retrocall/";

/// A day and the hash of its seed.
pub type Commitment = (Date, Hash);

/// The name of a site's key.
pub fn key_name(site: &Site) -> String {
    format!("{PRODUCT}{site}")
}

/// The site whose key this is.
///
/// # Errors
/// If its name is not that of a site's key.
pub fn site_of(key: &Verifier) -> Result<Site, Malformed> {
    key.name().strip_prefix(PRODUCT).ok_or(Malformed("the name of a site's key"))?.parse()
}

/// The site that is named after this very key: nobody else can have a key for it. None if it is named otherwise.
pub fn site_of_itself(key: &Verifier) -> Option<Site> {
    site_of(key).ok().filter(|site| *site == Site::of_key(&key.public()))
}

/// The state of a segment at a day's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose it is.
    pub site: Site,
    /// The segment.
    pub segment: Month,
    /// How many of its rows it covers.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The day whose end it is.
    pub day: Date,
    /// Before a month: the hashes of its days' seeds.
    pub commitments: Vec<Commitment>,
}

impl Head {
    /// The head over rows that were read back from where they are stored. There is no other way to one that can be signed.
    pub fn new(read: &Reread, day: Date, commitments: Vec<Commitment>) -> Head {
        let (site, segment) = (read.site.clone(), read.segment);
        Head { site, segment, size: read.frontier.size(), root: read.frontier.root(), day, commitments }
    }

    /// Signs it: the text of its file. The same head and key always give the same text.
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.to_string())
    }

    /// Reads a head that this key signed.
    ///
    /// # Errors
    /// If it did not, or if what it signed is no head.
    pub fn open(note: &str, key: &Verifier) -> Result<Head, NoteError> {
        Head::read(key.open(note)?).ok_or(NoteError::Malformed)
    }

    fn read(text: &str) -> Option<Head> {
        let mut lines = text.lines();
        let (site, segment) = lines.next()?.strip_prefix(PRODUCT)?.split_once('/')?;
        let size = lines.next()?.parse().ok()?;
        let root: [u8; 32] = BASE64.decode(lines.next()?).ok()?.try_into().ok()?;
        let day = lines.next()?.strip_prefix("day ")?.parse().ok()?;
        let commitment = |line: &str| {
            let (day, hash) = line.strip_prefix("seed ")?.split_once(' ')?;
            Some((day.parse().ok()?, hash.parse().ok()?))
        };
        let commitments = lines.map(commitment).collect::<Option<_>>()?;
        let (site, segment) = (site.parse().ok()?, segment.parse().ok()?);
        let head = Head { site, segment, size, root: Hash::from_bytes(root), day, commitments };
        // A size with a leading zero, or a day in another form.
        (head.to_string() == text).then_some(head)
    }
}

impl fmt::Display for Head {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { site, segment, size, root, day, commitments } = self;
        writeln!(f, "{PRODUCT}{site}/{segment}\n{size}\n{}\nday {day}", BASE64.encode(root.as_bytes()))?;
        commitments.iter().try_for_each(|(day, hash)| writeln!(f, "seed {day} {hash}"))
    }
}

/// A segment as it was read back from where it is stored, and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    site: Site,
    segment: Month,
    frontier: Frontier,
    last: Hash,
}

/// The first row that is not as it was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowWrong(pub u64);

impl fmt::Display for RowWrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} of the ledger does not follow from the one before: run `retrocall ledger verify`", self.0)
    }
}

impl std::error::Error for RowWrong {}

impl Reread {
    /// Reads a segment from its first row on, and knows nothing of the chain that wrote it.
    ///
    /// # Errors
    /// If a row is not this segment's next one.
    pub fn new<T: AsRef<str>>(
        site: &Site,
        segment: Month,
        rows: impl IntoIterator<Item = T>,
    ) -> Result<Reread, RowWrong> {
        let none = Reread { site: site.clone(), segment, frontier: Frontier::default(), last: Hash::NONE };
        none.and_then(rows)
    }

    /// Reads on: the rows that follow those that were read.
    ///
    /// # Errors
    /// If a row is not this segment's next one.
    pub fn and_then<T: AsRef<str>>(mut self, rows: impl IntoIterator<Item = T>) -> Result<Reread, RowWrong> {
        let name = self.segment.to_string();
        for text in rows {
            let (index, text) = (self.frontier.size(), text.as_ref());
            let wrong = RowWrong(index);
            let line = Line::read(text).ok_or(wrong)?;
            let is_next = line.row == index && line.site == self.site.as_str() && line.segment == name;
            // The first row names the segment before, which is another read's matter.
            if !is_next || index > 0 && line.prev != self.last {
                return Err(wrong);
            }
            self.last = Hash::of_row(text);
            self.frontier.push(self.last);
        }
        Ok(self)
    }

    /// Whose it is.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Which segment it is.
    pub fn segment(&self) -> Month {
        self.segment
    }

    /// How many rows there are.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The hash of the last one.
    pub fn last(&self) -> Hash {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::Chain,
        deed::{Deed, DeedKind},
    };

    fn rows(count: usize) -> (Chain, Vec<String>) {
        let at = "2026-11-28T09:30:00Z".parse().expect("a time");
        let (site, segment) = ("desk-1".parse().expect("a site"), "2026-11".parse().expect("a month"));
        let (mut chain, first) = Chain::open(site, segment, None, at);
        let mut rows = vec![first.text];
        rows.extend((1..count).map(|_| chain.append(at, &Deed::done(DeedKind::Played).into()).text));
        (chain, rows)
    }

    fn head(count: usize) -> Head {
        let (chain, rows) = rows(count);
        let read = Reread::new(chain.site(), chain.segment(), &rows).expect("whole");
        let day = "2026-11-28".parse().expect("a day");
        Head::new(&read, day, vec![("2026-12-01".parse().expect("a day"), Hash::of(b"x"))])
    }

    fn signer() -> Signer {
        Signer::new(&key_name(&"desk-1".parse().expect("a site")), &[1; 32]).expect("a name")
    }

    #[test]
    fn an_independent_read_comes_to_the_root_of_the_chain() {
        for count in 1..40 {
            let (chain, rows) = rows(count);
            let read = Reread::new(chain.site(), chain.segment(), &rows).expect("whole");
            assert_eq!((read.size(), read.root(), read.last()), (chain.size(), chain.root(), chain.last()));
        }
    }

    #[test]
    fn no_head_is_made_over_rows_that_are_not_as_they_were_appended() {
        let (chain, rows) = rows(10);
        let wrong_at = |rows: &[String]| Reread::new(chain.site(), chain.segment(), rows).map_err(|wrong| wrong.0);
        let mut changed = rows.clone();
        changed[4] = changed[4].replace("played", "noted");
        assert_eq!(wrong_at(&changed), Err(5));
        let mut removed = rows.clone();
        removed.remove(4);
        assert_eq!(wrong_at(&removed), Err(4));
        let mut swapped = rows.clone();
        swapped.swap(4, 5);
        assert_eq!(wrong_at(&swapped), Err(4));
        let mut broken = rows;
        broken[4] = broken[4].replace(':', ": ");
        assert_eq!(wrong_at(&broken), Err(4));
    }

    #[test]
    fn a_head_comes_back_from_its_file_and_two_signatures_of_one_are_the_same() {
        let (head, signer) = (head(5), signer());
        let file = head.sign(&signer);
        assert_eq!(file, head.sign(&signer));
        assert_eq!(Head::open(&file, &signer.verifier()).as_ref(), Ok(&head));
        let lines: Vec<_> = file.lines().collect();
        assert_eq!(lines[..2], ["retrocall/desk-1/2026-11", "5"]);
        assert_eq!(lines[3], "day 2026-11-28");
        assert_eq!(lines[4], format!("seed 2026-12-01 {}", Hash::of(b"x")));
        assert!(lines[6].starts_with("— retrocall/desk-1 "), "{file}");
        assert_eq!(site_of(&signer.verifier()).map(|site| site.to_string()), Ok("desk-1".to_owned()));
    }

    #[test]
    fn a_head_that_was_changed_or_is_another_keys_is_refused() {
        let (file, signer) = (head(5).sign(&signer()), signer());
        assert_eq!(Head::open(&file.replacen('5', "6", 1), &signer.verifier()), Err(NoteError::Forged));
        let other = Signer::new("retrocall/desk-1", &[2; 32]).expect("a name");
        assert_eq!(Head::open(&file, &other.verifier()), Err(NoteError::NotSigned));
        for text in ["x\n5\nAAAA\n", "retrocall/desk-1/2026-11\n05\n", "retrocall/desk-1/2026-11\n5\nAAAA\nday x\n"] {
            assert_eq!(Head::open(&signer.sign(text), &signer.verifier()), Err(NoteError::Malformed), "{text}");
        }
    }
}
