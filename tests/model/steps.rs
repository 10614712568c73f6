//! The steps of the model: what sweeps do, what people do, and what happens to machines.

use stateright::{Model, Property};

use crate::{
    action::{Action, Who, spend, when},
    desk::{Catalog, Cover, Desk, Disk, Life, Limits, Restoring, Step, Sweeper},
    rules::{GOES, PROPERTIES, Rule},
};

/// The model, with one rule broken or none.
#[derive(Debug, Clone, Copy)]
pub struct Deaths {
    pub broken: Option<Rule>,
    pub limits: Limits,
}

impl Model for Deaths {
    type State = Desk;
    type Action = Action;

    fn init_states(&self) -> Vec<Desk> {
        vec![Desk::new(self.limits)]
    }

    fn actions(&self, _: &Desk, actions: &mut Vec<Action>) {
        actions.extend(Action::OTHERS);
        let of = |who| Action::OF_SWEEPER.into_iter().map(move |action| action(who));
        actions.extend((0..2).flat_map(of));
    }

    fn next_state(&self, before: &Desk, action: Action) -> Option<Desk> {
        let mut desk = *before;
        let is_possible = match action {
            Action::PurposeEnds
            | Action::NoteHold
            | Action::SetHold
            | Action::ReleaseHold
            | Action::NoteRelease
            | Action::OpenRequest
            | Action::AnswerRequest => self.deed(&mut desk, action),
            Action::LeaseAndFind(who)
            | Action::BeginDeleting(who)
            | Action::Unlink(who)
            | Action::SyncAndVerify(who)
            | Action::BuryInFile(who)
            | Action::BuryInCatalog(who)
            | Action::EndWithReceipt(who)
            | Action::EndRun(who) => self.sweep(&mut desk, who, action),
            Action::LeaseExpires | Action::Kill(_) | Action::PowerCut { .. } | Action::Start | Action::Stop => {
                self.machine(&mut desk, action)
            }
            Action::BackUp
            | Action::CopyFiles
            | Action::LoseCatalog
            | Action::CopyOlderCatalog
            | Action::LoseHome
            | Action::PutFileBack => outside(&mut desk, action),
            Action::BeginRestore { .. } | Action::RestoreFiles | Action::ReplaceCatalog | Action::EndRestore => {
                self.restore(&mut desk, action)
            }
        };
        (is_possible == Some(()) && desk != *before).then_some(desk)
    }

    fn properties(&self) -> Vec<Property<Deaths>> {
        fn holds<const PLACE: usize>(_: &Deaths, desk: &Desk) -> bool {
            PROPERTIES[PLACE].1(desk)
        }
        let name = |place: usize| PROPERTIES[place].0;
        let is_gone: fn(&Deaths, &Desk) -> bool = |_, desk| desk.seen.receipt && desk.catalog.life == Life::Gone;
        vec![
            Property::sometimes(GOES, is_gone),
            Property::always(name(0), holds::<0>),
            Property::always(name(1), holds::<1>),
            Property::always(name(2), holds::<2>),
            Property::always(name(3), holds::<3>),
            Property::always(name(4), holds::<4>),
        ]
    }
}

impl Deaths {
    fn keeps(&self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    /// Whether the catalog may be opened.
    fn is_reachable(desk: &Desk) -> bool {
        desk.has_catalog && !desk.is_marked
    }

    /// What somebody at the desk does, with a command or a page.
    fn deed(&self, desk: &mut Desk, action: Action) -> Option<()> {
        when(Deaths::is_reachable(desk) && desk.restoring.is_none() && !desk.seen.was_copied)?;
        let Desk { catalog, disk, seen, is_closed, .. } = desk;
        when(catalog.life == Life::Kept || catalog.life == Life::Deleting && !self.keeps(Rule::RefusesOnceBegun))?;
        match action {
            Action::PurposeEnds => catalog.purpose = false,
            // In the transaction of the hold, which a kill can still undo.
            Action::NoteHold if disk.hold != Cover::InForce => {
                when(catalog.hold == if self.keeps(Rule::NotesHoldFirst) { Cover::NotYet } else { Cover::InForce })?;
                disk.hold = Cover::InForce;
            }
            Action::SetHold if catalog.hold == Cover::NotYet => {
                when(disk.hold == Cover::InForce || !self.keeps(Rule::NotesHoldFirst))?;
                // In a home that is closed it may be set on what is dead: nothing brings that back.
                (catalog.hold, seen.was_promised) = (Cover::InForce, !*is_closed);
            }
            Action::ReleaseHold if catalog.hold == Cover::InForce => {
                (catalog.hold, seen.was_promised) = (Cover::Over, false);
            }
            Action::NoteRelease if disk.hold == Cover::InForce => {
                when(catalog.hold == if self.keeps(Rule::NotesReleaseLast) { Cover::Over } else { Cover::InForce })?;
                disk.hold = Cover::Over;
            }
            Action::OpenRequest if desk.left.has_requests && catalog.request == Cover::NotYet => {
                catalog.request = Cover::InForce;
            }
            Action::AnswerRequest if catalog.request == Cover::InForce => catalog.request = Cover::Over,
            _ => return None,
        }
        Some(())
    }

    /// One step of a sweep.
    fn sweep(&self, desk: &mut Desk, who: Who, action: Action) -> Option<()> {
        let at = desk.sweepers[who].step;
        match (action, at) {
            (Action::LeaseAndFind(_), Step::Idle) => self.lease_and_find(desk, who)?,
            // The next batch: there is none.
            (Action::EndRun(_), Step::Leased) => {
                let_go(desk, who);
                self.look(desk);
            }
            (Action::BeginDeleting(_), Step::Doomed) => {
                let begun = self.write(desk, who, |catalog| {
                    let is_due = catalog.is_due() || !self.keeps(Rule::AsksAgain) && catalog.life == Life::Kept;
                    if is_due {
                        catalog.life = Life::Deleting;
                    }
                    is_due
                });
                go_on(desk, who, begun, Step::Removing);
            }
            (Action::Unlink(_), Step::Removing) => {
                desk.unlink();
                desk.sweepers[who].step = Step::Unlinked;
            }
            (Action::SyncAndVerify(_), Step::Unlinked) => {
                if self.keeps(Rule::SyncsFolder) {
                    desk.disk.is_on_platter = desk.disk.is_named;
                }
                if desk.disk.is_named && self.keeps(Rule::VerifiesAbsence) {
                    let_go(desk, who);
                    return Some(());
                }
                // Whatever came back before is no excuse from here on.
                desk.seen.was_put_back = false;
                desk.sweepers[who].step = Step::Verified;
            }
            (Action::BuryInFile(_), Step::Verified) if self.keeps(Rule::BuriesFirst) => {
                desk.disk.has_stone = true;
                desk.sweepers[who].step = Step::Buried;
            }
            (Action::BuryInCatalog(_), Step::Buried) => {
                let noted = self.write(desk, who, |catalog| {
                    catalog.has_stone = true;
                    true
                });
                go_on(desk, who, noted, Step::Noted);
            }
            (Action::EndWithReceipt(_), Step::Noted) => self.end(desk, who, Step::Leased),
            (Action::EndWithReceipt(_), Step::Verified) if !self.keeps(Rule::BuriesFirst) => {
                self.end(desk, who, Step::Early);
            }
            (Action::BuryInFile(_), Step::Early) => {
                desk.disk.has_stone = true;
                desk.sweepers[who].step = Step::Leased;
            }
            _ => return None,
        }
        Some(())
    }

    /// Takes the lease and looks for what is to be done: a run that finds nothing leaves nothing.
    fn lease_and_find(&self, desk: &mut Desk, who: Who) -> Option<()> {
        // The first sweeper is the engine's.
        when(who == 1 || desk.is_up)?;
        // An older catalog is noticed by the engine; nobody sweeps before that has started.
        when(Deaths::is_reachable(desk) && !desk.is_closed && !desk.seen.was_copied)?;
        when(desk.restoring.is_none() || !self.keeps(Rule::RestoreWaitsForSweeps))?;
        when(!desk.catalog.lease.is_live && (desk.catalog.is_due() || desk.catalog.life == Life::Deleting))?;
        spend(&mut desk.left.tokens)?;
        let lease = &mut desk.catalog.lease;
        (lease.token, lease.is_live) = (lease.token + 1, true);
        let step = if desk.catalog.life == Life::Deleting { Step::Removing } else { Step::Doomed };
        desk.sweepers[who] = Sweeper { step, token: lease.token, is_stale: false };
        Some(())
    }

    /// A transaction of a sweep. None if it is refused.
    fn write(&self, desk: &mut Desk, who: Who, change: impl FnOnce(&mut Catalog) -> bool) -> Option<()> {
        let Sweeper { token, is_stale, .. } = desk.sweepers[who];
        if is_stale {
            // Into the catalog that was put aside: nobody sees it.
            return Some(());
        }
        when(desk.has_catalog)?;
        let has_lease = desk.catalog.lease.token == token && desk.catalog.lease.is_live;
        when(has_lease || !self.keeps(Rule::ChecksToken))?;
        when(change(&mut desk.catalog))?;
        desk.seen.stale_write |= !has_lease;
        Some(())
    }

    fn end(&self, desk: &mut Desk, who: Who, then: Step) {
        let ended = self.write(desk, who, |catalog| {
            if catalog.life == Life::Deleting {
                catalog.end();
            }
            true
        });
        desk.seen.receipt |= ended.is_some() && desk.catalog.life == Life::Gone;
        go_on(desk, who, ended, then);
    }

    fn machine(&self, desk: &mut Desk, action: Action) -> Option<()> {
        match action {
            Action::LeaseExpires => {
                when(desk.catalog.lease.is_live)?;
                // One whose holder is dead expires in any case.
                if desk.sweepers.iter().any(|sweeper| sweeper.token == desk.catalog.lease.token) {
                    spend(&mut desk.left.expiries)?;
                }
                desk.catalog.lease.is_live = false;
            }
            Action::Kill(who) => {
                when(desk.sweepers[who].step != Step::Idle)?;
                spend(&mut desk.left.cuts)?;
                desk.sweepers[who] = Sweeper::IDLE;
                desk.is_up &= who == 1;
            }
            Action::PowerCut { keeps_unsynced } => {
                when(!keeps_unsynced || desk.disk.is_named != desk.disk.is_on_platter)?;
                spend(&mut desk.left.cuts)?;
                if keeps_unsynced {
                    desk.disk.is_on_platter = desk.disk.is_named;
                } else {
                    desk.disk.is_named = desk.disk.is_on_platter;
                }
                (desk.is_up, desk.restoring, desk.sweepers) = (false, None, [Sweeper::IDLE; 2]);
            }
            Action::Start => {
                when(!desk.is_up && Deaths::is_reachable(desk) && desk.restoring.is_none())?;
                desk.is_up = true;
                self.start(desk);
            }
            // In the middle of a sweep that is a kill.
            Action::Stop => {
                when(desk.sweepers[0].step == Step::Idle)?;
                desk.is_up = false;
            }
            _ => return None,
        }
        Some(())
    }

    /// An engine meets its home.
    fn start(&self, desk: &mut Desk) {
        if desk.disk.has_stone && desk.catalog.life == Life::Kept {
            desk.catalog.end();
        }
        desk.is_closed |= desk.seen.was_copied && self.keeps(Rule::StartCloses);
        (desk.seen.was_copied, desk.disk.has_holds) = (false, true);
        self.look(desk);
    }

    /// Looks for the file of a recording that is gone: at the start, and after each sweep.
    fn look(&self, desk: &mut Desk) {
        if desk.catalog.life != Life::Gone {
            return;
        }
        if self.keeps(Rule::LooksForFiles) {
            desk.unlink();
            desk.disk.is_on_platter = false;
        }
        (desk.seen.receipt, desk.seen.was_put_back) = (true, false);
    }

    /// Brings the copy of a backup up to what is known to be deleted since.
    fn reconcile(&self, desk: &Desk, copy: &mut Catalog, with_copy: bool) {
        if copy.life != Life::Kept {
            return;
        }
        let replaced = desk.has_catalog.then_some(desk.catalog);
        let is_dead = desk.disk.has_stone
            || with_copy && desk.has_stone_outside
            || replaced.is_some_and(|replaced| replaced.has_stone);
        if is_dead && self.keeps(Rule::RestoreBuries) {
            copy.end();
        } else if replaced.is_some_and(|replaced| replaced.life == Life::Deleting)
            && self.keeps(Rule::RestoreGoesOnDeleting)
        {
            copy.go_on_deleting();
        } else if self.keeps(Rule::RestoreHolds) {
            // What the home knows comes later than any copy of it.
            let known = if desk.disk.hold == Cover::NotYet && with_copy { desk.hold_outside } else { desk.disk.hold };
            if known == Cover::InForce && copy.hold == Cover::NotYet {
                copy.hold = Cover::InForce;
            }
        }
    }

    fn restore(&self, desk: &mut Desk, action: Action) -> Option<()> {
        match (action, desk.restoring) {
            (Action::BeginRestore { with_copy }, None) => {
                let mut copy = desk.backup?;
                let is_swept = desk.sweepers.iter().any(|sweeper| sweeper.step != Step::Idle);
                when(!(desk.is_up || is_swept && self.keeps(Rule::RestoreWaitsForSweeps)))?;
                spend(&mut desk.left.restores)?;
                desk.is_marked = self.keeps(Rule::MarksRestore);
                self.reconcile(desk, &mut copy, with_copy);
                let is_known = with_copy || desk.disk.has_stone && desk.disk.has_holds;
                desk.restoring = Some(Restoring::Reconciled { copy, is_known, with_copy });
            }
            (Action::RestoreFiles, Some(Restoring::Reconciled { copy, is_known, with_copy })) => {
                desk.disk.has_stone |= copy.has_stone;
                if with_copy {
                    desk.disk.has_holds = true;
                    if desk.disk.hold == Cover::NotYet {
                        desk.disk.hold = desk.hold_outside;
                    }
                }
                desk.restoring = Some(Restoring::Buried { copy, is_known });
            }
            (Action::ReplaceCatalog, Some(Restoring::Buried { copy, is_known })) => {
                (desk.catalog, desk.has_catalog) = (copy, true);
                desk.sweepers.iter_mut().for_each(|sweeper| sweeper.is_stale = sweeper.step != Step::Idle);
                desk.restoring = Some(Restoring::Replaced { is_known });
            }
            (Action::EndRestore, Some(Restoring::Replaced { is_known })) => {
                desk.is_closed = !is_known && self.keeps(Rule::ClosesWithoutTombstones);
                (desk.is_marked, desk.restoring, desk.seen.was_copied) = (false, None, false);
            }
            _ => return None,
        }
        Some(())
    }
}

/// The run goes on, if what it wrote was taken; else it ends.
fn go_on(desk: &mut Desk, who: Who, written: Option<()>, step: Step) {
    match written {
        Some(()) => desk.sweepers[who].step = step,
        None => let_go(desk, who),
    }
}

/// The run ends, and lets the lease go if it still has it.
fn let_go(desk: &mut Desk, who: Who) {
    let Sweeper { token, is_stale, .. } = desk.sweepers[who];
    if !is_stale && desk.catalog.lease.token == token {
        desk.catalog.lease.is_live = false;
    }
    desk.sweepers[who] = Sweeper::IDLE;
}

/// What happens to the home from outside, and what is copied out of it.
fn outside(desk: &mut Desk, action: Action) -> Option<()> {
    let is_still =
        !desk.is_up && desk.restoring.is_none() && desk.sweepers.iter().all(|sweeper| sweeper.step == Step::Idle);
    match action {
        Action::BackUp => {
            when(desk.left.restores > 0 && desk.backup.is_none() && desk.has_catalog && !desk.is_marked)?;
            desk.backup = Some(desk.catalog);
        }
        Action::CopyFiles => {
            // Of a home that was lost nobody copies anything, nor of one that is closed.
            when(desk.left.restores > 0 && desk.disk.has_holds && !desk.is_closed)?;
            (desk.has_stone_outside, desk.hold_outside) = (desk.disk.has_stone, desk.disk.hold);
        }
        Action::LoseCatalog => {
            when(is_still && desk.backup.is_some())?;
            spend(&mut desk.left.accidents)?;
            (desk.has_catalog, desk.seen.disaster) = (false, true);
        }
        Action::CopyOlderCatalog => {
            // Into a home that was lost nothing leads back but a restore.
            when(is_still && desk.has_catalog)?;
            spend(&mut desk.left.accidents)?;
            (desk.catalog, desk.has_catalog, desk.seen.was_copied) = (desk.backup?, true, true);
            desk.seen.disaster = true;
        }
        // The copy outside is as new as the home: what was buried since the last copy is beyond help, and the manual says so.
        Action::LoseHome => {
            when(is_still && desk.backup.is_some())?;
            when(desk.has_stone_outside == desk.disk.has_stone && desk.hold_outside == desk.disk.hold)?;
            spend(&mut desk.left.accidents)?;
            (desk.has_catalog, desk.seen.disaster, desk.is_marked, desk.is_closed) = (false, true, false, false);
            desk.disk =
                Disk { is_named: false, is_on_platter: false, has_stone: false, has_holds: false, hold: Cover::NotYet };
        }
        Action::PutFileBack => {
            when(!desk.is_up && !desk.disk.is_named)?;
            spend(&mut desk.left.accidents)?;
            (desk.disk.is_named, desk.disk.is_on_platter, desk.seen.was_put_back) = (true, true, true);
        }
        _ => return None,
    }
    Some(())
}
