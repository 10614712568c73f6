//! What can happen in the model, one step at a time.

use crate::state::Who;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// People at the desk.
    PurposeEnds,
    NoteHold,
    GiveHold,
    ReleaseHold,
    NoteRelease,
    NoteErasure,
    GiveErasure,
    CloseRequest,
    /// The link beside the engine.
    HearAnswer,
    RemoveCopy,
    FetchOrders,
    Confirm,
    SweepHome,
    Offer(Who),
    /// A delivery in the centre, step by step.
    BeginUpload(Who),
    PutObject {
        who: Who,
        is_whole: bool,
    },
    Register(Who),
    ReadBack(Who),
    /// A clean-up in the centre, step by step.
    LeaseAndFind(Who),
    BeginDeleting(Who),
    Bury(Who),
    RemoveObject(Who),
    EndWithReceipt(Who),
    /// Machines.
    LeaseExpires,
    UploadExpires,
    Kill(Who),
    DayPasses,
    ForgetDelivery,
    RestoreHome,
    BackUp,
    Restore,
    Reconcile,
}

impl Action {
    pub const OTHERS: [Action; 21] = [
        Action::PurposeEnds,
        Action::NoteHold,
        Action::GiveHold,
        Action::ReleaseHold,
        Action::NoteRelease,
        Action::NoteErasure,
        Action::GiveErasure,
        Action::CloseRequest,
        Action::HearAnswer,
        Action::RemoveCopy,
        Action::FetchOrders,
        Action::Confirm,
        Action::SweepHome,
        Action::LeaseExpires,
        Action::UploadExpires,
        Action::DayPasses,
        Action::ForgetDelivery,
        Action::RestoreHome,
        Action::BackUp,
        Action::Restore,
        Action::Reconcile,
    ];

    pub const OF_PROCESS: [fn(Who) -> Action; 12] = [
        Action::Offer,
        Action::BeginUpload,
        |who| Action::PutObject { who, is_whole: true },
        |who| Action::PutObject { who, is_whole: false },
        Action::Register,
        Action::ReadBack,
        Action::LeaseAndFind,
        Action::BeginDeleting,
        Action::Bury,
        Action::RemoveObject,
        Action::EndWithReceipt,
        Action::Kill,
    ];
}

/// Takes one from what is left. None if nothing is.
pub fn spend(left: &mut u8) -> Option<()> {
    *left = left.checked_sub(1)?;
    Some(())
}

pub fn when(is_so: bool) -> Option<()> {
    is_so.then_some(())
}
