//! The context of every command: the home folder, its settings, the way to the engine.

use std::{
    env,
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User};

use super::Failure;
use retrocall_client::client::{Client, ClientError, Hello};
use retrocall_engine as engine;
use retrocall_settings::Settings;

/// The context of a command.
pub struct Context {
    home: PathBuf,
    /// Whether the user named the home folder. Then our advice must name it too.
    named: bool,
    json: bool,
}

impl Context {
    pub(super) fn new(home: Option<PathBuf>, json: bool) -> Result<Context, Failure> {
        let named = home.is_some();
        let home = match home {
            Some(home) => home,
            None => {
                default_home().ok_or_else(|| Failure::whole("there is no home folder; name one with --home DIR"))?
            }
        };
        let home = std::path::absolute(&home)
            .map_err(|error| Failure::new(format!("--home {} ({error})", home.display()), "name a folder"))?;
        engine::check_name(&home).map_err(Failure::whole)?;
        Ok(Context { home, named, json })
    }

    /// The home folder, as an absolute path.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Whether to print facts as JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// The settings of the home folder.
    ///
    /// # Errors
    /// [`Failure`] if the file is wrong.
    pub fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::load(&self.home)?)
    }

    /// Connects to the engine of the home folder.
    ///
    /// # Errors
    /// [`Failure`] that says how to start an engine if none runs.
    pub fn connect(&self) -> Result<Client, Failure> {
        let socket = self.settings()?.socket_path(&self.home);
        Client::connect(&socket).map_err(|error| self.client_failure(error))
    }

    /// How to type a command for this home folder.
    pub fn typed(&self, command: &str) -> String {
        match self.named {
            true => format!("retrocall --home {} {command}", quoted(&self.home)),
            false => format!("retrocall {command}"),
        }
    }

    /// The agent of a call: the named one, otherwise the user's own.
    ///
    /// # Errors [`Failure`] if the settings are wrong, or no agent can have this user's name.
    pub(super) fn agent(&self, named: Option<&String>, hello: &Hello) -> Result<String, Failure> {
        if let Some(agent) = named.or(hello.agent.as_ref()) {
            return Ok(agent.clone());
        }
        let user = user_name();
        self.settings()?
            .agent_of(&user)
            .map_err(|why| Failure::new(format!("the user's name {user} {why}"), "name the agent with --agent"))
    }

    pub(super) fn client_failure(&self, error: ClientError) -> Failure {
        match error {
            ClientError::NoEngine { .. } => Failure::whole(format!(
                "no engine runs under {}: start it with `{}`",
                self.home.display(),
                self.typed("run")
            )),
            other => Failure::whole(other),
        }
    }
}

/// A path, quoted for a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// The platform's data folder (XDG Base Directory Specification: ignore a relative path there).
fn default_home() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("retrocall"))
}

/// The name of the current user.
pub(super) fn user_name() -> String {
    let uid = Uid::effective();
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}
