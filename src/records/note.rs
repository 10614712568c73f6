//! What the catalog does with a note on its way: whether it must not be lost, and a form that every column and file takes.

use std::path::{Path, PathBuf};

use super::text::finite;
use retrocall_words::book::Note;

/// Whether it belongs to a recording: no file says all of it.
pub(super) fn is_of_recording(note: &Note) -> bool {
    matches!(note, Note::Selected(_) | Note::Kept(_))
}

/// The same note, with its files from the home folder on.
pub(super) fn below(mut note: Note, home: &Path) -> Note {
    let below = |path: &mut PathBuf| {
        if let Ok(inside) = path.strip_prefix(home) {
            *path = inside.to_owned();
        }
    };
    match &mut note {
        Note::Selected(begun) => below(&mut begun.path),
        Note::Kept(kept) => kept.parts.iter_mut().for_each(|part| below(&mut part.path)),
        Note::Begun(_) | Note::Ended(_) | Note::Skipped(_) => {}
    }
    note
}

/// The same note with numbers that a column takes: a note that no file could ever take would hold up all that follow it.
pub(super) fn made_fit(mut note: Note) -> Note {
    match &mut note {
        Note::Begun(_) | Note::Selected(_) | Note::Skipped(_) => {}
        Note::Ended(ended) => {
            ended.seconds = ended.seconds.map(finite);
            ended.gap_seconds = finite(ended.gap_seconds);
            ended.mask_seconds = finite(ended.mask_seconds);
        }
        Note::Kept(kept) => {
            kept.seconds = finite(kept.seconds);
            kept.first_seconds = finite(kept.first_seconds);
        }
    }
    note
}
