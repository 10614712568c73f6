//! The steps of the model: what people, the link and the centre do, and what happens to machines.

use stateright::{Model, Property};

use crate::{
    action::{Action, spend, when},
    rules::{CLOSES, GOES, PROPERTIES, Rule},
    state::{Answer, Database, Limits, Machines, Object, Order, Process, Row, Sweep, Upload, Who},
};

/// The model, with one rule broken or none.
#[derive(Debug, Clone, Copy)]
pub struct Desk {
    pub broken: Option<Rule>,
    pub limits: Limits,
}

impl Model for Desk {
    type State = Machines;
    type Action = Action;

    fn init_states(&self) -> Vec<Machines> {
        vec![Machines::new(self.limits)]
    }

    fn actions(&self, _: &Machines, actions: &mut Vec<Action>) {
        actions.extend(Action::OTHERS);
        let of = |who| Action::OF_PROCESS.into_iter().map(move |action| action(who));
        actions.extend((0..self.limits.processes).flat_map(of));
    }

    fn next_state(&self, before: &Machines, action: Action) -> Option<Machines> {
        let mut all = *before;
        let is_possible = match action {
            Action::PurposeEnds
            | Action::NoteHold
            | Action::GiveHold
            | Action::ReleaseHold
            | Action::NoteRelease
            | Action::NoteErasure
            | Action::GiveErasure
            | Action::CloseRequest => self.deed(&mut all, action),
            Action::Offer(_)
            | Action::HearAnswer
            | Action::RemoveCopy
            | Action::FetchOrders
            | Action::Confirm
            | Action::SweepHome => self.link(&mut all, action),
            Action::BeginUpload(who)
            | Action::PutObject { who, .. }
            | Action::Register(who)
            | Action::ReadBack(who) => self.delivery(&mut all, who, action),
            Action::LeaseAndFind(who)
            | Action::BeginDeleting(who)
            | Action::Bury(who)
            | Action::RemoveObject(who)
            | Action::EndWithReceipt(who) => self.sweep(&mut all, who, action),
            _ => self.machine(&mut all, action),
        };
        (is_possible == Some(()) && all != *before).then_some(all)
    }

    fn properties(&self) -> Vec<Property<Desk>> {
        fn holds<const PLACE: usize>(_: &Desk, all: &Machines) -> bool {
            PROPERTIES[PLACE].1(all)
        }
        let name = |place: usize| PROPERTIES[place].0;
        let goes: fn(&Desk, &Machines) -> bool =
            |_, all| all.seen.receipt && !all.site.has_file && all.site.is_delivered;
        vec![
            Property::always(name(0), holds::<0>),
            Property::always(name(1), holds::<1>),
            Property::always(name(2), holds::<2>),
            Property::always(name(3), holds::<3>),
            Property::always(name(4), holds::<4>),
            Property::always(name(5), holds::<5>),
            Property::always(name(6), holds::<6>),
            Property::sometimes(GOES, goes),
            Property::sometimes(CLOSES, |_, all: &Machines| all.seen.is_closed),
        ]
    }
}

impl Desk {
    fn keeps(&self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    /// What people at the desk do.
    fn deed(&self, all: &mut Machines, action: Action) -> Option<()> {
        if action == Action::PurposeEnds {
            when(all.database.purpose)?;
            (all.database.purpose, all.seen.is_over) = (false, true);
            return Some(());
        }
        let is_of_hold =
            matches!(action, Action::NoteHold | Action::GiveHold | Action::ReleaseHold | Action::NoteRelease);
        when(!all.is_closed && if is_of_hold { all.left.has_holds } else { all.left.has_erasures })?;
        let is_late = matches!(all.database.row, Row::Deleting | Row::Gone) && self.keeps(Rule::RefusesOnceBegun);
        let (noted, database) = (self.keeps(Rule::NotesOrderFirst), &mut all.database);
        match (action, database.hold, database.erasure) {
            (Action::NoteHold, Order::NotYet, Order::NotYet) if noted && !is_late => {
                (database.hold, all.store.hold) = (Order::Noted, true);
            }
            (Action::GiveHold, Order::Noted, Order::NotYet) | (Action::GiveHold, Order::NotYet, Order::NotYet)
                if !is_late && noted == (database.hold == Order::Noted) =>
            {
                (database.hold, all.seen.was_promised) = (Order::Given, true);
            }
            (Action::ReleaseHold, Order::Given, _) => {
                database.hold = if self.keeps(Rule::NotesReleaseLast) { Order::Ending } else { Order::Over };
                (all.seen.was_promised, all.seen.was_promised_long_ago) = (false, false);
            }
            // A rule that is broken: what lies in the store says that it is released, and it is not yet.
            (Action::NoteRelease, Order::Given, _) if !self.keeps(Rule::NotesReleaseLast) => all.store.hold = false,
            (Action::NoteRelease, Order::Ending, _) => (database.hold, all.store.hold) = (Order::Over, false),
            // An erasure waits for holds.
            (Action::NoteErasure, Order::NotYet | Order::Over, Order::NotYet) if noted => {
                (database.erasure, all.store.erasure) = (Order::Noted, true);
            }
            (Action::GiveErasure, Order::NotYet | Order::Over, Order::Noted) => database.erasure = Order::Given,
            (Action::GiveErasure, Order::NotYet | Order::Over, Order::NotYet) if !noted => {
                database.erasure = Order::Given;
            }
            (Action::CloseRequest, _, Order::Given) => {
                let is_still = !matches!(database.row, Row::Stored | Row::Deleting);
                when(is_still && (database.is_confirmed || !self.keeps(Rule::ClosesWhenAllConfirmed)))?;
                (database.erasure, all.seen.is_closed) = (Order::Over, true);
            }
            _ => return None,
        }
        Some(())
    }

    /// What the link does, beside its engine.
    fn link(&self, all: &mut Machines, action: Action) -> Option<()> {
        let site = &mut all.site;
        match action {
            // Whether or not an answer to the one before is still on its way.
            Action::Offer(who) => {
                when(site.has_file && !site.is_delivered && all.centre[who].upload == Upload::None)?;
                spend(&mut all.left.offers)?;
                all.centre[who].upload = Upload::Received;
            }
            Action::HearAnswer => match all.answer? {
                Answer::Has => site.is_delivered = true,
                Answer::Gone => all.unlink(),
            },
            Action::RemoveCopy => {
                let was_sent = all.store.object != Object::None || all.database.row != Row::None;
                when(site.is_delivered || was_sent && !self.keeps(Rule::RemovesAfterAnswer))?;
                all.unlink();
            }
            Action::FetchOrders => {
                when(!all.is_closed)?;
                site.knows_hold = all.database.hold == Order::Given;
                site.knows_erasure |= all.database.erasure == Order::Given;
                site.is_fresh = true;
            }
            Action::Confirm => {
                // An order that the database does not know is no order of it.
                when(!all.is_closed && site.knows_erasure && all.database.erasure == Order::Given)?;
                when(!site.has_file || !self.keeps(Rule::ConfirmsAfterDoing))?;
                match all.database.row {
                    Row::Arriving { is_live: true, .. } => when(!self.keeps(Rule::CountsWhenNothingIsOnItsWay))?,
                    Row::Arriving { .. } if self.keeps(Rule::BuriesWhatNeverArrived) => {
                        (all.store.has_stone, all.database.row) = (true, Row::Gone);
                        all.remove_object();
                    }
                    _ => {}
                }
                all.database.is_confirmed = true;
            }
            Action::SweepHome => {
                when(site.has_file && !site.is_delivered && all.seen.is_over && !site.knows_hold)?;
                when(site.is_fresh || !self.keeps(Rule::SweepsUnderFreshOrders))?;
                all.unlink();
            }
            _ => return None,
        }
        Some(())
    }

    /// A delivery, in a process of the centre.
    fn delivery(&self, all: &mut Machines, who: Who, action: Action) -> Option<()> {
        let (at, row) = (all.centre[who].upload, all.database.row);
        let is_mine = row == Row::Arriving { to: who, is_live: true };
        let may_write = is_mine || !self.keeps(Rule::WatchesOwnClock) || !self.keeps(Rule::BeginsInDatabase);
        match (action, at) {
            (Action::BeginUpload(_), Upload::Received) => {
                when(!all.is_closed)?;
                let answer = match row {
                    Row::Deleting | Row::Gone if self.keeps(Rule::AnswersGone) => Some(Answer::Gone),
                    Row::Stored => Some(Answer::Has),
                    // To another process, which is still at it.
                    Row::Arriving { is_live: true, .. } => return None,
                    _ => None,
                };
                if answer.is_some() {
                    (all.answer, all.centre[who].upload) = (answer, Upload::None);
                    return Some(());
                }
                if self.keeps(Rule::BeginsInDatabase) {
                    all.database.row = Row::Arriving { to: who, is_live: true };
                }
                // Parts come from the link, one after the other: of what it does not have it sends none.
                all.centre[who].upload = if all.site.has_file { Upload::Begun } else { Upload::None };
            }
            (Action::PutObject { is_whole, .. }, Upload::Begun) => {
                if !may_write {
                    all.centre[who].upload = Upload::None;
                    return Some(());
                }
                if all.store.object == Object::None || !self.keeps(Rule::PutsIfAbsent) {
                    if !is_whole {
                        spend(&mut all.left.damages)?;
                        all.remove_object();
                    }
                    all.store.object = if is_whole { Object::Whole } else { Object::Damaged };
                } else {
                    when(is_whole)?;
                }
                all.centre[who].upload = Upload::Put;
            }
            (Action::ReadBack(_), Upload::Put) if self.keeps(Rule::ReadsBackFirst) => {
                let next = if all.store.object == Object::Whole { Upload::Registered } else { Upload::None };
                if next == Upload::None && may_write {
                    all.remove_object();
                }
                all.centre[who].upload = next;
            }
            (Action::ReadBack(_), Upload::Put) => all.centre[who].upload = Upload::Registered,
            (Action::Register(_), Upload::Registered) => self.register(all, who, is_mine)?,
            _ => return None,
        }
        Some(())
    }

    /// The last step of a delivery: what lies in the store gets its row.
    fn register(&self, all: &mut Machines, who: Who, is_mine: bool) -> Option<()> {
        when(!all.is_closed)?;
        all.centre[who].upload = Upload::None;
        let is_welcome = match all.database.row {
            Row::Deleting | Row::Gone => !self.keeps(Rule::AnswersGone),
            Row::Stored => true,
            Row::None | Row::Arriving { .. } => is_mine || !self.keeps(Rule::BeginsInDatabase),
        };
        if is_welcome {
            (all.database.row, all.answer) = (Row::Stored, Some(Answer::Has));
        }
        Some(())
    }

    /// One step of a clean-up, in a process of the centre.
    fn sweep(&self, all: &mut Machines, who: Who, action: Action) -> Option<()> {
        let Process { sweep: at, token, .. } = all.centre[who];
        let has_lease = all.database.lease.token == token && all.database.lease.is_live;
        let (may_write, may_touch) =
            (has_lease || !self.keeps(Rule::ChecksToken), has_lease || !self.keeps(Rule::WatchesOwnClock));
        let next = match (action, at) {
            (Action::LeaseAndFind(_), Sweep::Idle) => {
                let database = &mut all.database;
                let is_left = matches!(database.row, Row::Deleting);
                when(!all.is_closed && !database.lease.is_live && (database.is_due() || is_left))?;
                spend(&mut all.left.tokens)?;
                database.lease.token += 1;
                database.lease.is_live = true;
                all.centre[who].token = database.lease.token;
                if is_left { Sweep::Begun } else { Sweep::Doomed }
            }
            (Action::BeginDeleting(_), Sweep::Doomed) => {
                let is_due = all.database.is_due() || !self.keeps(Rule::AsksAgain) && all.database.row == Row::Stored;
                if may_write && is_due {
                    all.seen.stale_write |= !has_lease;
                    all.database.row = Row::Deleting;
                    Sweep::Begun
                } else {
                    Sweep::Idle
                }
            }
            (Action::Bury(_), Sweep::Begun) if self.keeps(Rule::BuriesFirst) => {
                all.store.has_stone |= may_touch;
                if may_touch { Sweep::Buried } else { Sweep::Idle }
            }
            (Action::RemoveObject(_), Sweep::Begun) if !self.keeps(Rule::BuriesFirst) => {
                all.remove_object();
                Sweep::Removed
            }
            (Action::RemoveObject(_), Sweep::Buried) => {
                if may_touch {
                    all.remove_object();
                }
                if may_touch { Sweep::Removed } else { Sweep::Idle }
            }
            (Action::EndWithReceipt(_), Sweep::Removed) => {
                if may_write && all.database.row == Row::Deleting {
                    all.seen.stale_write |= !has_lease;
                    (all.database.row, all.seen.receipt) = (Row::Gone, true);
                }
                Sweep::Idle
            }
            _ => return None,
        };
        all.centre[who].sweep = next;
        if next == Sweep::Idle && has_lease {
            all.database.lease.is_live = false;
        }
        Some(())
    }

    /// What happens to machines.
    fn machine(&self, all: &mut Machines, action: Action) -> Option<()> {
        match action {
            Action::LeaseExpires => {
                when(all.database.lease.is_live)?;
                spend(&mut all.left.expiries)?;
                all.database.lease.is_live = false;
            }
            Action::UploadExpires => {
                let Row::Arriving { to, is_live: true } = all.database.row else { return None };
                spend(&mut all.left.expiries)?;
                all.database.row = Row::Arriving { to, is_live: false };
            }
            Action::Kill(who) => {
                when(all.centre[who] != Process::IDLE)?;
                spend(&mut all.left.kills)?;
                all.centre[who] = Process::IDLE;
            }
            Action::DayPasses => {
                (all.site.is_fresh, all.seen.was_promised_long_ago) = (false, all.seen.was_promised);
            }
            Action::ForgetDelivery => {
                when(all.site.is_delivered && all.site.has_file)?;
                spend(&mut all.left.accidents)?;
                all.site.is_delivered = false;
            }
            // Its catalog as it was; the files beside it know what was erased.
            Action::RestoreHome => {
                spend(&mut all.left.accidents)?;
                (all.site.knows_hold, all.site.knows_erasure, all.site.is_fresh) = (false, false, false);
                all.site.is_delivered &= !all.site.has_file;
            }
            Action::BackUp => {
                when(all.left.restores > 0 && all.backup.is_none() && !all.is_closed)?;
                all.backup = Some(all.database);
            }
            Action::Restore => {
                let is_still = all.centre.iter().all(|process| *process == Process::IDLE);
                when(is_still && !all.database.lease.is_live || !self.keeps(Rule::RestoreWaits))?;
                spend(&mut all.left.restores)?;
                all.database = all.backup?;
                all.database.lease.is_live = false;
                all.is_closed = self.keeps(Rule::ClosesAfterRestore);
                if !all.is_closed {
                    return Some(());
                }
            }
            Action::Reconcile => {
                when(all.is_closed)?;
                self.reconcile(all);
                all.is_closed = false;
            }
            _ => return None,
        }
        Some(())
    }

    /// Brings a database that was restored up to what the store knows.
    fn reconcile(&self, all: &mut Machines) {
        let (store, Database { row, hold, erasure, .. }) = (all.store, &mut all.database);
        if store.has_stone && self.keeps(Rule::RestoreBuries) {
            // Its deletion goes on where it was: whether or not it had ended.
            *row = if store.object == Object::None { Row::Gone } else { Row::Deleting };
        } else {
            match *row {
                Row::None | Row::Arriving { .. } => {
                    let is_orphan = store.object == Object::Whole && self.keeps(Rule::AdoptsOrphans);
                    *row = if is_orphan { Row::Stored } else { Row::None };
                }
                _ => {}
            }
        }
        if *hold == Order::Noted {
            *hold = Order::NotYet;
        }
        if self.keeps(Rule::RestoreOrders) {
            if store.hold && *hold == Order::NotYet {
                *hold = Order::Given;
            }
            if store.erasure && matches!(erasure, Order::NotYet | Order::Noted) {
                *erasure = Order::Given;
            }
        }
    }
}
