//! What can happen in the model, one step at a time.

/// A sweeper: the engine's, or the command's.
pub type Who = usize;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// People at the desk.
    PurposeEnds,
    NoteHold,
    SetHold,
    ReleaseHold,
    NoteRelease,
    OpenRequest,
    AnswerRequest,
    /// A sweep, step by step.
    LeaseAndFind(Who),
    BeginDeleting(Who),
    Unlink(Who),
    SyncAndVerify(Who),
    BuryInFile(Who),
    BuryInCatalog(Who),
    EndWithReceipt(Who),
    EndRun(Who),
    /// Machines.
    LeaseExpires,
    Kill(Who),
    PowerCut {
        keeps_unsynced: bool,
    },
    Start,
    Stop,
    /// Backups, and accidents.
    BackUp,
    CopyFiles,
    LoseCatalog,
    CopyOlderCatalog,
    LoseHome,
    PutFileBack,
    /// A restore, step by step.
    BeginRestore {
        with_copy: bool,
    },
    RestoreFiles,
    ReplaceCatalog,
    EndRestore,
}

impl Action {
    pub const OTHERS: [Action; 23] = [
        Action::PurposeEnds,
        Action::NoteHold,
        Action::SetHold,
        Action::ReleaseHold,
        Action::NoteRelease,
        Action::OpenRequest,
        Action::AnswerRequest,
        Action::LeaseExpires,
        Action::PowerCut { keeps_unsynced: true },
        Action::PowerCut { keeps_unsynced: false },
        Action::Start,
        Action::Stop,
        Action::BackUp,
        Action::CopyFiles,
        Action::LoseCatalog,
        Action::CopyOlderCatalog,
        Action::LoseHome,
        Action::PutFileBack,
        Action::BeginRestore { with_copy: false },
        Action::BeginRestore { with_copy: true },
        Action::RestoreFiles,
        Action::ReplaceCatalog,
        Action::EndRestore,
    ];

    pub const OF_SWEEPER: [fn(Who) -> Action; 9] = [
        Action::LeaseAndFind,
        Action::BeginDeleting,
        Action::Unlink,
        Action::SyncAndVerify,
        Action::BuryInFile,
        Action::BuryInCatalog,
        Action::EndWithReceipt,
        Action::EndRun,
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
