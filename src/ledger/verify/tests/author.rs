//! A desk that writes a ledger, honestly or not.

use std::{fs, path::Path};

use jiff::{SignedDuration, Timestamp, civil::Date};
use retrocall_words::{
    Direction, Informed, Origin, Reason,
    book::{Outcome, RecordingState},
};
use uuid::Uuid;

use super::super::{Evidence, Exported, Report, Verification};
use crate::{
    calls::{CallBegan, CallEnded, RecordingKept},
    chain::Chain,
    deed::{Deed, DeedKind},
    draw::{CouncilNumber, DayKey, DrawValue, Seed},
    event::{
        Event, MonthCommitted, NumberEntered, NumbersSkipped, Opening, PeriodEnd, PeriodOpened, SeedPublished,
        SiteOpened, Skipping,
    },
    head::{Commitment, Head, Reread, key_name},
    names::{ItemId, Month, PseudonymKey, Site},
    note::Signer,
};

pub const ONE_IN: u32 = 10;
pub const AGENTS: u64 = 20;
const KEY: PseudonymKey = PseudonymKey::from_bytes([6; 32]);

/// What is done to the draw by whoever runs the engine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rig {
    None,
    /// The draw is at 1 in 5, and the row says 1 in 10.
    OtherN,
    /// Half of the drawn calls are made private.
    PrivateDrawn,
    /// Numbers that would be drawn go to dummies while one agent calls.
    Dummies,
    /// Of two numbers one agent gets the one that is drawn.
    OneAgentMore,
    /// Numbers that would be drawn are skipped while one agent calls.
    Skip,
    /// The second of the queue is heard first.
    OutOfOrder,
    /// No rig: now and then somebody hears a call by its id on its own day, and it stays for its learning moment.
    HeardEarly,
    /// No rig: after a restore, calls are known from their recordings alone.
    Adopted,
    /// The last day's seed is another than was promised.
    OtherSeed,
    /// The council gives no number.
    NoNumber,
}

/// Numbers that look random and are the same in every run (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn uuid(&mut self) -> String {
        Uuid::from_u128(u128::from(self.next()) << 64 | u128::from(self.next())).to_string()
    }
}

/// A ledger as it is stored and exported.
#[derive(Clone)]
pub struct Ledger {
    pub segments: Vec<(Month, Vec<String>)>,
    pub heads: Vec<(String, String)>,
}

pub fn signer() -> Signer {
    Signer::new(&key_name(&site()), &[8; 32]).expect("a name")
}

fn site() -> Site {
    "desk-1".parse().expect("a site")
}

impl Ledger {
    pub fn verify(&self, evidence: Evidence) -> Report {
        let evidence = Evidence { heads: self.heads.clone(), ..evidence };
        let mut verification = Verification::new(&signer().verifier(), evidence).expect("a site's key");
        for (segment, rows) in &self.segments {
            rows.iter().for_each(|row| verification.row(*segment, row));
        }
        verification.finish()
    }

    pub fn export(&self, folder: &Path) {
        let exported = Exported { folder: folder.to_owned() };
        fs::create_dir_all(folder.join("segments")).expect("a folder");
        fs::create_dir_all(folder.join("heads")).expect("a folder");
        fs::write(exported.key(), format!("{}\n", signer().verifier())).expect("a file");
        for (segment, rows) in &self.segments {
            fs::write(exported.segment(*segment), rows.iter().map(|row| format!("{row}\n")).collect::<String>())
                .expect("a file");
        }
        for (day, note) in &self.heads {
            fs::write(exported.head(day.parse().expect("a day")), note).expect("a file");
        }
    }
}

/// A desk while it writes.
pub struct Desk {
    pub random: Random,
    rig: Rig,
    chain: Chain,
    ledger: Ledger,
    at: Timestamp,
    seeds: Vec<Seed>,
    number: Option<CouncilNumber>,
    queue: Vec<(DrawValue, ItemId)>,
    period: u64,
}

fn day(number: usize) -> Date {
    Date::constant(2026, 12, 1).checked_add(jiff::Span::new().days(number as i64)).expect("a day")
}

impl Desk {
    /// A site that opens at the end of November, promises December's seeds, hands out a head, and is given the council's number.
    pub fn new(rig: Rig, seed: u64) -> Desk {
        let at: Timestamp = "2026-11-28T08:00:00Z".parse().expect("a time");
        let (chain, row) = Chain::open(site(), Month::at(at), None, at);
        let mut random = Random(seed);
        let mut bytes = || [0; 4].map(|_| random.next().to_be_bytes()).concat().try_into().expect("32 bytes");
        let seeds: Vec<_> = (0..31).map(|_| Seed::from_bytes(bytes())).collect();
        let number = (rig != Rig::NoNumber).then(|| "123456789012".parse().expect("a number"));
        let ledger = Ledger { segments: vec![(Month::at(at), vec![row.text])], heads: Vec::new() };
        let mut desk = Desk { random, rig, chain, ledger, at, seeds, number, queue: Vec::new(), period: 0 };
        desk.add(SiteOpened { why: Opening::NewHome, before: None });
        let commitments: Vec<Commitment> =
            desk.seeds.iter().enumerate().map(|(number, seed)| (day(number), seed.commitment())).collect();
        let hashes = commitments.iter().map(|(_, hash)| *hash).collect();
        desk.add(MonthCommitted { month: Month::of(day(0)), from: day(0), commitments: hashes });
        desk.seal(commitments);
        let number = desk.number.clone();
        desk.add(NumberEntered { month: Month::of(day(0)), number });
        desk
    }

    fn add(&mut self, event: impl Into<Event>) {
        self.at += SignedDuration::from_millis(1_234);
        let row = self.chain.append(self.at, &event.into());
        self.ledger.segments.last_mut().expect("a segment").1.push(row.text);
    }

    fn seal(&mut self, commitments: Vec<Commitment>) {
        let rows = &self.ledger.segments.last().expect("a segment").1;
        let read = Reread::new(self.chain.site(), self.chain.segment(), rows).expect("whole");
        let day = retrocall_words::book::day_of(self.at);
        let head = Head::new(&read, day, commitments).sign(&signer());
        self.ledger.heads.push((day.to_string(), head));
    }

    /// A month's days with so many calls each, heard in the order of their draw.
    pub fn month(mut self, days: usize, calls: u64) -> Ledger {
        self.at = "2026-11-30T23:59:00Z".parse().expect("a time");
        self.seal(Vec::new());
        self.at = "2026-12-01T00:00:00Z".parse().expect("a time");
        let (chain, row) = Chain::open(site(), Month::at(self.at), Some(self.chain.as_previous()), self.at);
        self.chain = chain;
        self.ledger.segments.push((Month::at(self.at), vec![row.text]));
        for number in 0..days {
            self.at = format!("{}T00:00:00Z", day(number)).parse().expect("a time");
            self.day(number, calls, number + 1 == days);
        }
        self.ledger
    }

    fn day(&mut self, number: usize, calls: u64, is_last: bool) {
        let is_other = self.rig == Rig::OtherSeed && is_last;
        let seed = if is_other { Seed::from_bytes([3; 32]) } else { self.seeds[number].clone() };
        self.period += 1;
        let (period, first) = (self.period, 1);
        let commitment = seed.commitment();
        let council = self.number.clone();
        self.add(PeriodOpened { period, day: day(number), first, one_in: ONE_IN, commitment, council });
        let key = DayKey::new(&seed, self.number.as_ref());
        let draw = |number: u64| key.draw(&site(), period, number);
        let mut next = 1;
        if number == 1 {
            self.add(NumbersSkipped { period, first: 1, last: 64, why: Skipping::UncleanStart });
            next = 65;
        }
        for _ in 0..calls {
            let agent = self.random.below(AGENTS);
            let is_one = agent == 0;
            if is_one && self.rig == Rig::Dummies && draw(next).is_drawn(ONE_IN) {
                let other = 1 + self.random.below(AGENTS - 1);
                self.call(period, next, draw(next), other, Some(2_000));
                next += 1;
            }
            if is_one && self.rig == Rig::Skip && draw(next).is_drawn(ONE_IN) {
                self.add(NumbersSkipped { period, first: next, last: next, why: Skipping::UncleanStart });
                next += 1;
            }
            if is_one && self.rig == Rig::OneAgentMore {
                let other = 1 + self.random.below(AGENTS - 1);
                let takes_second = draw(next + 1).is_drawn(ONE_IN);
                let (own, others) = if takes_second { (next + 1, next) } else { (next, next + 1) };
                self.call(period, own, draw(own), agent, None);
                self.call(period, others, draw(others), other, None);
                next += 2;
            } else {
                self.call(period, next, draw(next), agent, None);
                next += 1;
            }
        }
        if self.rig == Rig::Adopted {
            self.adopted();
        }
        self.add(SeedPublished { day: day(number), seed, periods: vec![PeriodEnd { period, last: next - 1 }] });
        self.listen();
        self.seal(Vec::new());
    }

    fn call(&mut self, period: u64, number: u64, draw: DrawValue, agent: u64, ms: Option<u64>) {
        let call = self.random.uuid().parse().expect("an id");
        let informed = if self.random.percent(3) { Informed::None } else { Informed::Tape };
        let agent = KEY.pseudonym(&format!("agent {agent}"));
        let began = CallBegan {
            call,
            period: Some(period),
            number: Some(number),
            agent,
            direction: Direction::Inbound,
            informed,
            exempt: false,
            continues: None,
        };
        self.add(began);
        let is_drawn = draw.is_drawn(if self.rig == Rig::OtherN { 5 } else { ONE_IN });
        let hides = self.rig == Rig::PrivateDrawn && is_drawn && self.random.percent(50);
        let private = (hides || self.random.percent(2)).then_some(Origin::AgentKey);
        let objected = self.random.percent(5).then_some(Origin::CustomerKey);
        let is_sampled = is_drawn && private.is_none() && objected.is_none() && informed != Informed::None;
        let is_pressed = self.random.percent(1);
        let reasons: Vec<_> = [(is_pressed, Reason::OnDemand), (is_sampled, Reason::Sample)]
            .into_iter()
            .filter_map(|(is_so, reason)| is_so.then_some(reason))
            .collect();
        let ms = ms.unwrap_or_else(|| 5_000 + self.random.below(600_000));
        self.add(CallEnded {
            call,
            outcome: if reasons.is_empty() { Outcome::Discarded } else { Outcome::Kept },
            reasons: reasons.clone(),
            draw: Some(draw),
            ms: Some(ms),
            unseen: false,
            private,
            objected,
            masked: None,
            gaps: 0,
            gap_ms: 0,
            mask_ms: 0,
            lost_frames: 0,
        });
        if !reasons.is_empty() {
            let recording: ItemId = self.random.uuid().parse().expect("an id");
            let is_early = self.rig == Rig::HeardEarly && self.random.percent(20);
            if is_sampled && !is_early {
                self.queue.push((draw, recording));
            }
            let state = RecordingState::Complete;
            self.add(RecordingKept { recording, call, reasons, sha256: None, parts: 1, ms, state });
            if is_sampled && is_early {
                let by = Some(KEY.pseudonym("rita"));
                let recording = Some(recording);
                self.add(Deed { recording, by, in_turn: Some(false), ..Deed::done(DeedKind::Reviewed) });
            }
        }
    }

    /// A sampled call that is known from its recording alone.
    fn adopted(&mut self) {
        let call = self.random.uuid().parse().expect("an id");
        let (reasons, ms, state) = (vec![Reason::Sample], 60_000, RecordingState::Complete);
        self.add(CallBegan {
            call,
            period: None,
            number: None,
            agent: KEY.pseudonym("agent 1"),
            direction: Direction::Inbound,
            informed: Informed::Tape,
            exempt: false,
            continues: None,
        });
        self.add(CallEnded {
            call,
            outcome: Outcome::Kept,
            reasons: reasons.clone(),
            draw: None,
            ms: Some(ms),
            unseen: true,
            private: None,
            objected: None,
            masked: None,
            gaps: 0,
            gap_ms: 0,
            mask_ms: 0,
            lost_frames: 0,
        });
        let recording = self.random.uuid().parse().expect("an id");
        self.add(RecordingKept { recording, call, reasons, sha256: None, parts: 1, ms, state });
    }

    /// Hears half of what waits, lets go of the last one.
    fn listen(&mut self) {
        self.queue.sort_unstable();
        if self.rig == Rig::OutOfOrder && self.queue.len() > 1 {
            self.queue.swap(0, 1);
        }
        let reviewer = Some(KEY.pseudonym("rita"));
        let heard: Vec<_> = self.queue.drain(..self.queue.len().div_ceil(2)).collect();
        for (_, recording) in heard {
            for deed in
                [DeedKind::HandedOut, DeedKind::Played, DeedKind::Reviewed, DeedKind::Deleting, DeedKind::Deleted]
            {
                let recording = Some(recording);
                self.add(Deed { recording, by: reviewer, in_turn: Some(true), ..Deed::done(deed) });
            }
        }
        self.queue.sort_unstable();
        if let Some((_, recording)) = self.queue.pop() {
            self.add(Deed { recording: Some(recording), ..Deed::done(DeedKind::LetGo) });
        }
    }
}
