//! The list of events: what happened, in the order of time, for whoever judges it.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde_json::{Value, json};

/// The list, in a file: a line of JSON each.
pub struct Events {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Events {
    pub fn new(path: PathBuf) -> Events {
        let file = BufWriter::new(File::create(&path).expect("a file"));
        Events { path, file }
    }

    /// Something happened; the fields say what is known of it.
    pub fn say(&mut self, at: Timestamp, event: &str, mut fields: Value) {
        fields["event"] = event.into();
        fields["at"] = json!(at.as_second());
        writeln!(self.file, "{fields}").expect("written");
    }

    /// All that was said is in the file.
    pub fn flush(&mut self) -> &Path {
        self.file.flush().expect("written");
        &self.path
    }
}
