//! The ledger and the draw: a chained record of every call and every deed, and a lottery that anybody can check.
//!
//! Belongs here: how rows, heads and draws are made, and how they are verified from outside. Does not: where they are stored (`records`), what time
//! it is, where seeds and keys lie. `docs/ledger.md` is the manual, enough to write another verifier from.
//!
//! ```
//! use jiff::civil::date;
//! use retrocall_ledger::{Chain, Deed, DeedKind, Head, Reread, Signer, Site, key_name};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let site: Site = "desk-1".parse()?;
//! // A row is stored in one transaction with the chain's state.
//! let (mut chain, first) = Chain::open(site.clone(), "2026-11".parse()?, None, "2026-11-28T08:00:00Z".parse()?);
//! let second = chain.append("2026-11-28T08:01:00Z".parse()?, &Deed::done(DeedKind::PolicyChanged).into());
//! let mut chain = Chain::resume(&chain.state())?;
//! # let _ = &mut chain;
//!
//! // At the day's end what is stored is read back, and signed.
//! let read = Reread::new(&site, chain.segment(), [first.text, second.text])?;
//! let signer = Signer::new(&key_name(&site), &[7; 32])?;
//! let file = Head::new(&read, date(2026, 11, 28), Vec::new()).sign(&signer);
//! assert_eq!(Head::open(&file, &signer.verifier())?.root, chain.root());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod calls;
mod canonical;
mod chain;
mod deed;
mod draw;
mod event;
mod hash;
mod head;
mod line;
mod names;
mod note;
mod verify;

pub use calls::{CallBegan, CallEnded, RecordingKept};
pub use chain::{Chain, Row, VERSION};
pub use deed::{Deed, DeedKind, DeedResult};
pub use draw::{CouncilNumber, DayKey, DrawValue, Seed};
pub use event::{
    ClockAccepted, ClockRefused, Event, Kind, MonthCommitted, NumberEntered, NumbersSkipped, Opening, PeriodEnd,
    PeriodOpened, Previous, SeedPublished, SegmentOpened, SiteOpened, Skipping,
};
pub use hash::{Frontier, Hash, Malformed};
pub use head::{Commitment, Head, Reread, RowWrong, key_name, site_of, site_of_itself};
pub use names::{ItemId, Moment, Month, Pseudonym, PseudonymKey, Site, TextDigest};
pub use note::{NoteError, Signer, Verifier};
pub use verify::{
    Answer, CallList, Comparison, Covered, Evidence, Exported, FAMILY_ERROR, Finding, FindingKind, FolderError,
    LotteryDay, MonthVerdict, Question, Report, RowId, SegmentFacts, Tail, Verdict, Verification, verify,
};
