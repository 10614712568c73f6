//! After "overwritten" nothing of what was deleted is in any file of the server.

use std::{process::Command, time::Duration};

use retrocall_words::{Clock as _, Reason};
use tempfile::TempDir;

use super::{
    super::{Overwriting, overwrite_at, recycle::overwrite_within},
    home::{clock, day, keep, one, outside, sweep},
};
use crate::{
    Address,
    tests::homes::{self, Kind, cluster},
};

/// Of nobody else in any test: all tests share the server.
const NUMBER: &str = "+493099988877";
const NOTE: &str = "he asked about his mortgage";

/// The files of the server that hold any of this, but those of other tests' databases.
fn holding(database: &str) -> String {
    let data = cluster().folder().join("data");
    // In Rust, without optimisation, looking through the log would take a minute.
    let mut grep = Command::new("grep");
    grep.args(["-rlaF", "-e", &NUMBER[1..], "-e", NOTE])
        .args(["global", "pg_wal", "pg_stat"].map(|folder| data.join(folder)));
    let found = grep.arg(data.join("base").join(database)).output().expect("grep");
    // Other tests make files of the log come and go meanwhile.
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[test]
fn once_a_receipt_says_overwritten_no_byte_of_number_or_note_is_in_the_servers_files() {
    homes::on(Kind::Postgres, || {
        let (folder, clock) = (TempDir::new().expect("a folder"), clock());
        let home = folder.path();
        keep(home, &clock, &[Reason::Sample]);
        for _ in 0..20 {
            keep(home, &clock, &[Reason::OnDemand]);
        }
        let Address::Server(server) = homes::address(home) else { panic!("it is on a server") };
        outside(home, async |rows| {
            let of = "UPDATE recordings SET customer = '+493099988877', customer_form = '+493099988877' WHERE reasons = 'sample';
                      INSERT INTO notes (id, recording, purpose, author, text, written_at)
                      SELECT 'note', id, 'quality', 'hanna', 'he asked about his mortgage', '2026-11-24T10:00:00.000000Z'
                      FROM recordings WHERE reasons = 'sample';
                      UPDATE recordings SET ends_at = '2026-12-09T09:00:00.000000Z' WHERE reasons <> 'sample';
                      ANALYZE";
            rows.execute(of).await.expect("what is to go");
        });
        let database = one(home, "SELECT CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database()")
            .expect("its number");
        day(&clock, 15);
        assert_eq!(sweep(home, &clock).gone, 1);
        assert!(!holding(&database).is_empty(), "deleted rows are still found");
        let overwritten_at = || one(home, "SELECT overwritten_at FROM receipts WHERE overwritten_at IS NOT NULL");

        // Somebody reads since before.
        outside(home, async |rows| {
            let mut reader = rows.begin_looking().await.expect("begun");
            crate::rows::query("SELECT COUNT(*) FROM notes").fetch_one(&mut reader).await.expect("read");
            let done = overwrite_within(&server, clock.wall(), Duration::from_millis(100));
            assert_eq!(done, Ok(Overwriting::Read));
        });
        assert_eq!(overwritten_at(), None);

        assert_eq!(overwrite_at(&server, clock.wall()), Ok(Overwriting::Done(1)));
        assert!(overwritten_at().is_some());
        assert_eq!(holding(&database), "");
        assert_eq!(overwrite_at(&server, clock.wall()), Ok(Overwriting::Nothing));
    });
}
