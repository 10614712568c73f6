//! The list of events: what happened, in the order of time, for whoever judges it. The checker reads it as it grows.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
};

use jiff::Timestamp;
use serde_json::{Value, json};

/// The list, in a file: a line of JSON each.
pub struct Events {
    path: PathBuf,
    file: BufWriter<File>,
    checker: Option<(Child, BufWriter<ChildStdin>)>,
}

/// The checker, to be started on a list.
pub fn checker(list: &Path) -> Command {
    let mut checker = Command::new("python3");
    checker.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/year/checker.py")).arg(list);
    checker
}

/// What the checker has said is wrong. None if nothing is.
pub fn wrong(said: &Output) -> Option<String> {
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    println!("{text}");
    (!said.status.success()).then_some(text)
}

impl Events {
    pub fn new(path: PathBuf) -> Events {
        let file = BufWriter::new(File::create(&path).expect("a file"));
        let mut checker = checker(Path::new("/dev/stdin"));
        let checker = checker.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut checker = checker.spawn().expect("python3, which `make setup` installs");
        let told = BufWriter::new(checker.stdin.take().expect("its input"));
        Events { path, file, checker: Some((checker, told)) }
    }

    /// Something happened; the fields say what is known of it.
    pub fn say(&mut self, at: Timestamp, event: &str, mut fields: Value) {
        fields["event"] = event.into();
        fields["at"] = json!(at.as_second());
        writeln!(self.file, "{fields}").expect("written");
        if let Some((_, told)) = &mut self.checker {
            // It reads no more once it has found enough.
            let _ = writeln!(told, "{fields}");
        }
    }

    /// What is wrong with all of it, as the checker says. None if nothing is.
    pub fn wrong(&mut self) -> Option<String> {
        let (checker, told) = self.checker.take().expect("it is asked once");
        drop(told);
        wrong(&checker.wait_with_output().expect("it ends"))
    }

    /// All that was said is in the file.
    pub fn flush(&mut self) -> &Path {
        self.file.flush().expect("written");
        &self.path
    }
}
