//! Where the records lie: in the catalog of the home, or on a server, as a centre has them. There the engine's rows are put, once a day's calls have
//! ended: registering what engines deliver is not built yet.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use retrocall_records::{Address, Server, desk::AROUND_HOURS};
use retrocall_words::CallId;

use crate::cluster::{Cluster, execute, pour};

/// Where the records lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Home,
    Server,
}

/// A server with a database for the records.
pub struct Centre {
    url: String,
    _cluster: Cluster,
}

/// As times are written.
fn text(at: Timestamp) -> String {
    format!("{at:.6}")
}

impl Centre {
    /// One whose ledger goes on from where that of a home is.
    pub fn start(home: &Path) -> Centre {
        let cluster = Cluster::start(|url| Server::at(url).expect("an address").prepare().expect("tables"));
        let url = cluster.url("retrocall");
        let ledger = ["ledger_sites", "ledger_segments", "ledger_rows", "ledger_months"];
        pour(home, &url, &ledger.map(|table| (table, "TRUE".to_owned())));
        Centre { url, _cluster: cluster }
    }

    pub fn address(&self) -> Address {
        Address::Server(Server::at(&self.url).expect("an address"))
    }

    /// Takes over the calls that began since.
    pub fn take_calls(&self, home: &Path, since: Timestamp) {
        let began = format!("began_at >= '{}'", text(since));
        let of_recording = format!("recording IN (SELECT id FROM recordings WHERE {began})");
        let of_calls = ["calls", "recordings"].map(|table| (table, began.clone()));
        let belongings = ["participants", "parts", "purposes"].map(|table| (table, of_recording.clone()));
        pour(home, &self.url, &[of_calls.as_slice(), &belongings].concat());
    }

    /// Takes over which days are published.
    pub fn take_days(&self, home: &Path) {
        execute(&self.url, "DELETE FROM ledger_periods");
        pour(home, &self.url, &[("ledger_periods", "TRUE".to_owned())]);
    }

    /// A recording belongs to the open requests that ask for it, as it does where the engine registers it.
    pub fn join(&self, call: CallId, (began, ended): (Timestamp, Timestamp)) {
        let hour = SignedDuration::from_hours(AROUND_HOURS);
        let values = [call.to_string(), text(began - hour), text(ended + hour)];
        let join = include_str!("../../src/records/sql/rights/join_requests.sql");
        let join = values
            .iter()
            .enumerate()
            .fold(join.to_owned(), |join, (at, value)| join.replace(&format!("${}", at + 1), &format!("'{value}'")));
        execute(&self.url, &join);
    }
}
