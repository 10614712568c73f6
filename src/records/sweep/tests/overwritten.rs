//! After "overwritten" nothing of what was deleted is in any file of the home.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{
    super::*,
    home::{clock, day, keep, one, outside, sweep},
};
use crate::rows::{self, Connection, SqliteOptions};
use retrocall_words::Reason;

/// Digits of the customer's number, as they stand in every form of it.
const NUMBER: &[u8] = b"31201234567";
const NOTE: &str = "she mentioned her illness";

/// A recording with a note, deleted: out of reach.
fn deleted() -> (TempDir, std::sync::Arc<retrocall_words::TestClock>, String) {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let call = keep(home.path(), &clock, &[Reason::Sample]);
    // Beside others, so that its rows share pages with what stays.
    for _ in 0..40 {
        keep(home.path(), &clock, &[Reason::OnDemand]);
    }
    outside(home.path(), async |rows| {
        let insert = "INSERT INTO notes (id, recording, purpose, author, text, written_at)
                      SELECT 'note', id, 'quality', 'hanna', 'she mentioned her illness', '2026-11-24T10:00:00.000000Z' FROM recordings
                      WHERE reasons = 'sample'";
        rows.execute(insert).await.expect("a note");
        // Which stay, and are of somebody else.
        rows.execute("UPDATE recordings SET customer = '+4930', customer_form = '+4930' WHERE reasons <> 'sample'")
            .await
            .expect("others");
        rows.execute("UPDATE recordings SET ends_at = '2026-12-09T09:00:00.000000Z' WHERE reasons <> 'sample'")
            .await
            .expect("others");
    });
    day(&clock, 15);
    assert_eq!(sweep(home.path(), &clock).gone, 1);
    (home, clock, format!("audio of {call}"))
}

/// The files of the home that hold any of this.
fn holding(home: &Path, audio: &str) -> Vec<std::path::PathBuf> {
    let mut folders = vec![home.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("a file");
            let has = |text: &[u8]| bytes.windows(text.len()).any(|some| some == text);
            if [NUMBER, NOTE.as_bytes(), audio.as_bytes()].into_iter().any(has) {
                found.push(path);
            }
        }
    }
    found
}

fn overwritten_at(home: &Path) -> Option<String> {
    one(home, "SELECT overwritten_at FROM receipts WHERE overwritten_at IS NOT NULL")
}

#[test]
fn once_a_receipt_says_overwritten_no_byte_of_number_note_or_audio_is_in_the_home() {
    let (home, clock, audio) = deleted();
    let home = home.path();
    assert_eq!(overwritten_at(home), None);
    assert_eq!(overwrite(home, clock.wall()), Ok(Overwriting::Done(1)));
    assert!(overwritten_at(home).is_some());
    assert_eq!(holding(home, &audio), Vec::<std::path::PathBuf>::new());
    assert_eq!(overwrite(home, clock.wall()), Ok(Overwriting::Nothing));
    let rows = outside(home, async |rows| {
        rows::query_scalar::<i64>("SELECT COUNT(*) FROM recordings WHERE life = 'kept'").fetch_one(rows).await
    });
    assert_eq!(rows.expect("a count"), 40, "what stays is there");
}

#[test]
fn while_somebody_reads_since_before_it_is_not_overwritten_and_it_is_when_they_let_go() {
    let (home, clock, audio) = deleted();
    let home = home.path();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut reader = runtime.block_on(async {
        let options = SqliteOptions::of(&home.join("catalog.sqlite")).read_only();
        let mut reader = Connection::Sqlite(options.connect().expect("a catalog"));
        reader.execute("BEGIN").await.expect("begun");
        rows::query("SELECT COUNT(*) FROM calls").fetch_one(&mut reader).await.expect("read");
        reader
    });
    // Something that the reader does not see, so that the log has more than it reads.
    outside(home, async |rows| rows.execute("UPDATE leases SET holder = 'x'").await.expect("a change"));
    assert_eq!(overwrite(home, clock.wall()), Ok(Overwriting::Read));
    assert_eq!(overwritten_at(home), None);
    runtime.block_on(async {
        reader.execute("ROLLBACK").await.expect("let go");
        reader.close().await.expect("closed");
    });
    assert_eq!(overwrite(home, clock.wall()), Ok(Overwriting::Done(1)));
    assert_eq!(holding(home, &audio), Vec::<std::path::PathBuf>::new());
}

#[test]
fn while_a_copy_of_rows_lies_beside_the_catalog_nothing_is_called_overwritten() {
    let (home, clock, _) = deleted();
    let aside = home.path().join("unwritten.jsonl.damaged");
    fs::write(&aside, "+31201234567").expect("a file");
    assert_eq!(overwrite(home.path(), clock.wall()), Ok(Overwriting::Copied(aside.clone())));
    fs::remove_file(aside).expect("it goes");
    assert_eq!(overwrite(home.path(), clock.wall()), Ok(Overwriting::Done(1)));
}

#[test]
fn a_deleted_recording_whose_file_comes_back_is_deleted_again_and_nobody_registers_it() {
    let (home, clock) = (TempDir::new().expect("a folder"), clock());
    let call = keep(home.path(), &clock, &[Reason::Sample]);
    let path = home.path().join(format!("recordings/2026/11/24/{call}.wav"));
    let bytes = fs::read(&path).expect("a file");
    day(&clock, 15);
    assert_eq!(sweep(home.path(), &clock).gone, 1);
    fs::write(&path, bytes).expect("it comes back");
    let returned = remove_returned(home.path(), clock.wall()).expect("a look");
    assert_eq!((returned.removed, returned.failed), (vec![path.clone()], Vec::new()));
    assert!(!path.exists());
    assert_eq!(remove_returned(home.path(), clock.wall()), Ok(Returned::default()));
    let said = "SELECT COUNT(*) || '' FROM ledger_rows WHERE text LIKE '%\"deed\":\"deleted\"%'";
    assert_eq!(one(home.path(), said).as_deref(), Some("2"), "each time has its row");
}
