//! Processes of other users of the machine, who connect to an engine.
//!
//! Belongs here: a desk that others may reach, and connections of theirs. Does not: what they may do.

use std::{
    env,
    fs::{self, Permissions},
    io::{IoSlice, Read, Write, stdin},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::socket::{ControlMessage, MsgFlags, sendmsg},
    unistd::{Group, User},
};
use retrocall::shared::receive;

use crate::{
    desk::{Desk, Home, PATIENCE},
    rig::Raw,
    skip,
};

/// Tells this test program that it is another user's process: the socket that it is to connect to.
const SOCKET: &str = "RETROCALL_TEST_SOCKET";
/// Users that every Linux has, and the agents that they are at the desk.
const USERS: [(&str, &str); 4] = [("nobody", "mallory"), ("daemon", "bert"), ("bin", "carl"), ("sys", "dora")];
/// A user who has nothing to do with the desk.
const STRANGER: &str = "games";
/// The group of the desk.
const GROUP: &str = "nogroup";

/// The other end: this very program, run as another user. For each byte that it is sent it connects, and hands the connection over: the engine
/// sees who connected, and goes on seeing that.
#[test]
#[ignore = "the process of another user, run by the tests that need one"]
fn a_process_of_another_user() {
    let Some(socket) = env::var_os(SOCKET) else { return };
    let line = UnixStream::from(stdin().as_fd().try_clone_to_owned().expect("standard input"));
    while (&line).read(&mut [0]).is_ok_and(|read| read == 1) {
        let connection = UnixStream::connect(Path::new(&socket)).expect("a connection");
        let (byte, raw) = ([IoSlice::new(b"c")], [connection.as_raw_fd()]);
        sendmsg::<()>(line.as_raw_fd(), &byte, &[ControlMessage::ScmRights(&raw)], MsgFlags::empty(), None)
            .expect("it is handed over");
    }
}

/// A desk whose socket other users may reach.
pub struct OpenDesk {
    pub desk: Desk,
    program: PathBuf,
    /// The group of the desk.
    pub gid: u32,
}

impl OpenDesk {
    /// None if this can't be tested here.
    pub fn open(settings: &str, flags: &[&str]) -> Option<OpenDesk> {
        OpenDesk::open_under(|_| Vec::new(), settings, flags)
    }

    /// The same with a program before the engine's own, like `env`, and its arguments.
    pub fn open_under(before: impl FnOnce(&Home) -> Vec<String>, settings: &str, flags: &[&str]) -> Option<OpenDesk> {
        if !skip::is_root("a process of another user") {
            return None;
        }
        let Some(group) = Group::from_name(GROUP).expect("groups") else {
            skip::skip("no group nogroup on this system");
            return None;
        };
        let users: String = USERS.iter().map(|(user, agent)| format!("{user} = \"{agent}\"\n")).collect();
        let settings = format!("socket_group = \"{GROUP}\"\n{settings}\n[users]\n{users}");
        let home = Home::with_settings(&settings);
        let before = before(&home);
        let desk = home.start_under(&before.iter().map(String::as_str).collect::<Vec<_>>(), flags);
        // The way to the home is not the engine's to open, and the program may lie where others can't read it.
        let above = desk.path().parent().expect("a folder above").to_owned();
        fs::set_permissions(&above, Permissions::from_mode(0o711)).expect("modes");
        let program = above.join("visitor");
        fs::copy(env::current_exe().expect("this program"), &program).expect("a copy");
        Some(OpenDesk { desk, program, gid: group.gid.as_raw() })
    }

    /// The process of the user who is this agent.
    pub fn visitor(&self, agent: &str) -> Visitor {
        let (user, _) = USERS.iter().find(|(_, of)| *of == agent).expect("an agent of the desk");
        self.process(user, self.gid)
    }

    /// The process of a user who is not in the desk's group.
    pub fn stranger(&self) -> Visitor {
        self.process(STRANGER, u32::MAX - 1)
    }

    fn process(&self, user: &str, gid: u32) -> Visitor {
        let user = User::from_name(user).expect("users").unwrap_or_else(|| panic!("no user {user}"));
        let (line, theirs) = UnixStream::pair().expect("a pair");
        line.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut command = Command::new(&self.program);
        command.args(["--ignored", "--exact", "visitors::a_process_of_another_user", "--nocapture"]);
        command
            .env_clear()
            .env(SOCKET, self.desk.socket())
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.stdin(OwnedFd::from(theirs)).uid(user.uid.as_raw()).gid(gid);
        Visitor { process: command.spawn().expect("a process"), line }
    }
}

/// Another user's process.
pub struct Visitor {
    process: Child,
    line: UnixStream,
}

impl Visitor {
    /// A connection of that user's, on which nothing was heard yet; none if the system lets it have none.
    fn stream(&self) -> Option<UnixStream> {
        (&self.line).write_all(b"c").expect("it is asked");
        let mut descriptors: Vec<OwnedFd> = Vec::new();
        receive(&self.line, &mut [0], &mut descriptors).expect("it answers, or ends");
        let stream = UnixStream::from(descriptors.pop()?);
        for timeout in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            timeout(&stream, Some(PATIENCE)).expect("a timeout");
        }
        Some(stream)
    }

    /// Whether the system lets that user connect.
    pub fn is_let_in(&self) -> bool {
        self.stream().is_some()
    }

    /// A connection of that user's, which was not greeted yet.
    pub fn bare(&self) -> Raw {
        Raw::from_stream(self.stream().expect("a connection"))
    }

    /// A connection of that user's.
    pub fn connect(&self) -> Raw {
        let mut raw = self.bare();
        let hello = raw.next().expect("a greeting");
        assert_eq!(hello["event"], "hello", "{hello}");
        raw
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
