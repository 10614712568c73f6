//! A desk's settings: `retrocall.toml` in the home folder, every value with a default.
//!
//! Belongs here: names, defaults, units, ranges, and words for errors. Does not: what the values do, flags.
#![forbid(unsafe_code)]

mod database;
mod error;
mod keys;
mod phone_keys;
mod units;

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use retrocall_words::{Country, Informed, Verb};
use serde::Deserialize;

pub use database::{DatabaseAddress, StoreAddress};
pub use error::SettingsError;
pub use keys::{Key, KeyCombo, parse_keys};
pub use phone_keys::{PHONE_KEYS_MAX, PhoneKeys};
use retrocall_words as words;
use retrocall_words::{
    NameError, Practice,
    audio::g711::Law,
    retention::{Calendar, Periods},
};
pub use units::{parse_audiosocket, parse_duration, parse_memory, parse_metrics, parse_size, parse_web};

/// The file's name in the home folder.
pub const SETTINGS_FILE: &str = "retrocall.toml";
/// The socket's name in the home folder.
pub const SOCKET_FILE: &str = "engine.sock";

/// A desk's settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// One call in this many is sampled; 0: none.
    #[serde(deserialize_with = "units::one_in")]
    pub one_in: u32,
    /// Bytes of memory for live calls; if unset, the engine decides.
    #[serde(deserialize_with = "units::memory")]
    pub memory: Option<u64>,
    /// Whether the engine may hold audio in memory that can be swapped out.
    pub allow_unlocked: bool,
    /// The engine refuses to start below this level; `allow_unlocked` overrides it.
    pub guarantee: Level,
    /// A longer call loses its oldest audio.
    #[serde(deserialize_with = "units::duration_within::<_, 1, 86_400>")]
    pub max_call: Duration,
    /// How long after hangup the agent can still press record.
    #[serde(deserialize_with = "units::duration_within::<_, 0, 60>")]
    pub after_hangup: Duration,
    /// How long a lost connection may stay away before the engine hangs up.
    #[serde(deserialize_with = "units::duration_within::<_, 0, 3_600>")]
    pub grace: Duration,
    /// How long a stop waits for the disk to take the selected calls.
    #[serde(deserialize_with = "units::duration_within::<_, 1, 3_600>")]
    pub stop_wait: Duration,
    /// Whether the agent's leg is held while the customer is on hold.
    pub keep_agent_on_hold: bool,
    /// Whether a customer's objection also forbids recording on demand.
    pub objection_covers_record: bool,
    /// How customers were informed, where the announcement of a call does not say it.
    #[serde(deserialize_with = "units::informed")]
    pub informed: Informed,
    /// Lines of which nothing is ever held: customers' numbers in any spelling, and names, of customers or agents, as they are given.
    #[serde(deserialize_with = "units::lines")]
    pub never_capture: Vec<String>,
    /// Keys of the phone that keep the call, pressed on the agent's leg. If unset, none do.
    #[serde(deserialize_with = "units::phone_keys")]
    pub record_keys: Option<PhoneKeys>,
    /// Keys of the phone by which customers object, pressed on their leg. If unset, none do.
    #[serde(deserialize_with = "units::phone_keys")]
    pub object_keys: Option<PhoneKeys>,
    /// The country of customers' numbers that name none.
    #[serde(deserialize_with = "units::country")]
    pub country: Country,
    /// The local socket; a relative path counts from the home folder.
    pub socket: Option<PathBuf>,
    /// The group that may use the socket besides the engine's owner.
    pub socket_group: Option<String>,
    /// The agent of each user of the operating system. A user who is not listed is the agent of the same name.
    #[serde(deserialize_with = "units::agents_by_user")]
    pub users: BTreeMap<String, String>,
    /// How many calls can be live at once.
    #[serde(deserialize_with = "units::count_within::<_, 1, 1_000_000>")]
    pub calls_max: usize,
    /// How many calls of one user can be live at once.
    #[serde(deserialize_with = "units::count_within::<_, 1, 1_000_000>")]
    pub calls_per_user: usize,
    /// How many calls one user can begin or offer in a second, in the long run.
    #[serde(deserialize_with = "units::count_within::<_, 1, 100_000>")]
    pub begins_per_second: usize,
    /// How many connections can be open at once.
    #[serde(deserialize_with = "units::count_within::<_, 1, 1_000_000>")]
    pub connections_max: usize,
    /// How many connections of one user can be open at once.
    #[serde(deserialize_with = "units::count_within::<_, 1, 1_000_000>")]
    pub connections_per_user: usize,
    /// Bytes of unread answers and events, of all connections together.
    #[serde(deserialize_with = "units::size_within::<_, { 1 << 20 }, { 1 << 40 }>")]
    pub queued_max: usize,
    /// Bytes of unread answers and events, of one user's connections.
    #[serde(deserialize_with = "units::size_within::<_, { 64 << 10 }, { 1 << 40 }>")]
    pub queued_per_user: usize,
    /// Percent of `calls_max`, `connections_max` and `queued_max` that only the engine's owner gets.
    #[serde(deserialize_with = "units::count_within::<_, 0, 90>")]
    pub owner_reserve_percent: usize,
    /// Threads that take in audio; if unset, the engine decides.
    #[serde(deserialize_with = "units::some_count_within::<_, 1, 256>")]
    pub intake_threads: Option<usize>,
    /// Threads that write recordings.
    #[serde(deserialize_with = "units::count_within::<_, 1, 64>")]
    pub commit_threads: usize,
    /// Where the metrics are shown: a loopback address with its port. If unset, nowhere.
    #[serde(deserialize_with = "units::metrics")]
    pub metrics: Option<SocketAddr>,
    /// Where the engine listens for AudioSocket: an address with its port. Without it and `audiosocket_socket`, nowhere.
    #[serde(deserialize_with = "units::audiosocket")]
    pub audiosocket: Option<SocketAddr>,
    /// A Unix socket for AudioSocket; a relative path counts from the home folder.
    pub audiosocket_socket: Option<PathBuf>,
    /// Whether `audiosocket` may be an address that other machines reach.
    pub audiosocket_remote: bool,
    /// The law of G.711 that is labelled as linear samples; if unset, such a leg is not held.
    pub audiosocket_g711: Option<Law>,
    /// A leg that sends nothing for this long has ended, and its connection is closed.
    #[serde(deserialize_with = "units::duration_within::<_, 1, 86_400>")]
    pub audiosocket_idle: Duration,
    /// The agent of an unannounced call over AudioSocket.
    #[serde(deserialize_with = "units::agent")]
    pub audiosocket_agent: String,
    /// The agents of such calls, by the first eight characters of their UUIDs.
    #[serde(deserialize_with = "units::agents_by_prefix")]
    pub audiosocket_agents: BTreeMap<String, String>,
    /// How many calls of the sample can be heard in a week; what lies beyond two weeks of it goes unheard. Without it none goes before its time.
    #[serde(deserialize_with = "units::some_count_within::<_, 1, 100_000>")]
    pub review_per_week: Option<usize>,
    /// The agent's keys.
    pub hotkey: HotkeySettings,
    /// What the papers say of those who answer for the recordings.
    pub papers: PaperSettings,
    /// The pages.
    pub web: WebSettings,
    /// Where `retrocall web` finds the records, on a server of PostgreSQL. Without it: in the home folder.
    pub database: Option<DatabaseAddress>,
    /// Where a centre has the recordings of its sites; with `database`. Without it this is no centre.
    pub store: Option<StoreAddress>,
    /// What the centre that this home has joined may do here.
    pub centre: CentreSettings,
    /// How long what is kept.
    pub retention: Periods,
    /// By which days that counts.
    pub calendar: Calendar,
}

/// What the centre that a home has joined may do there: a table of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CentreSettings {
    /// The controls of live calls that it may carry, for the agents whose calls they are.
    #[serde(deserialize_with = "units::may")]
    pub may: Vec<Verb>,
}

impl Default for CentreSettings {
    /// All but the one that takes a whole call away.
    fn default() -> CentreSettings {
        CentreSettings { may: vec![Verb::Record, Verb::Copy, Verb::Mask, Verb::Object] }
    }
}

/// What `retrocall paperwork` says of those who answer for the recordings: a table of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaperSettings {
    /// The name of the controller.
    pub controller: Option<String>,
    /// How to reach them.
    pub contact: Option<String>,
    /// How to reach the privacy officer.
    pub officer: Option<String>,
    /// Where the notice for customers is published.
    pub page: Option<String>,
}

/// How `retrocall web` serves the pages: a table of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSettings {
    /// Where it listens: on loopback alone, unless there is a certificate.
    #[serde(deserialize_with = "units::web")]
    pub listen: SocketAddr,
    /// The TLS certificate in PEM, with those between it and one that browsers know; under the home folder, or an absolute path.
    pub certificate: Option<PathBuf>,
    /// Its key in PEM.
    pub key: Option<PathBuf>,
    /// By which names browsers come, besides those of this machine; with TLS, left out, by any.
    pub names: Vec<String>,
    /// How long somebody stays logged in without a click.
    #[serde(deserialize_with = "units::duration_within::<_, 60, 86_400>")]
    pub idle: Duration,
    /// How long somebody stays logged in.
    #[serde(deserialize_with = "units::duration_within::<_, 300, 604_800>")]
    pub session: Duration,
}

impl Default for WebSettings {
    fn default() -> WebSettings {
        WebSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            certificate: None,
            key: None,
            names: Vec::new(),
            idle: Duration::from_secs(30 * 60),
            session: Duration::from_secs(12 * 3_600),
        }
    }
}

/// The keys of `retrocall hotkey`: a table of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HotkeySettings {
    /// Records the call.
    #[serde(deserialize_with = "units::keys")]
    pub record: Option<KeyCombo>,
    /// Masks the call while it is held down.
    #[serde(deserialize_with = "units::keys")]
    pub mask: Option<KeyCombo>,
    /// Makes the call private.
    #[serde(deserialize_with = "units::keys")]
    pub private: Option<KeyCombo>,
    /// Whether a press is heard as well as seen.
    pub sound: bool,
    /// The address of the centre that carries presses. Without it: the engine beside.
    pub centre: Option<String>,
    /// The file with the token that is shown there; a relative path counts from the home folder.
    pub token: Option<PathBuf>,
}

/// The file with the token of a hotkey, unless another one is named.
pub const TOKEN_FILE: &str = "hotkey.token";

/// The key that records. The other buttons have no default, because they take audio away.
pub const RECORD_KEYS: &str = "ctrl+alt+r";

impl Default for HotkeySettings {
    fn default() -> HotkeySettings {
        let record = parse_keys(RECORD_KEYS).ok();
        HotkeySettings { record, mask: None, private: None, sound: false, centre: None, token: None }
    }
}

/// The level of protection of live audio. Each level includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The audio may be swapped to disk.
    Unlocked,
    /// The audio is in locked memory.
    Locked,
    /// The kernel keeps the audio threads from writing files, and other processes of this user from looking at them.
    Barred,
    /// The audio is out of reach of all other processes, even root's, and of hibernation.
    Secret,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Level::Unlocked => "unlocked",
            Level::Locked => "locked",
            Level::Barred => "barred",
            Level::Secret => "secret",
        })
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            one_in: 10,
            memory: None,
            allow_unlocked: false,
            guarantee: Level::Locked,
            max_call: Duration::from_secs(4 * 3600),
            after_hangup: Duration::ZERO,
            grace: Duration::from_secs(5),
            stop_wait: Duration::from_secs(60),
            keep_agent_on_hold: false,
            objection_covers_record: false,
            informed: Informed::default(),
            never_capture: Vec::new(),
            record_keys: None,
            object_keys: None,
            country: Country::default(),
            socket: None,
            socket_group: None,
            users: BTreeMap::new(),
            calls_max: 20_000,
            calls_per_user: 32,
            begins_per_second: 2,
            connections_max: 8_192,
            connections_per_user: 64,
            queued_max: 64 << 20,
            queued_per_user: 4 << 20,
            owner_reserve_percent: 10,
            intake_threads: None,
            commit_threads: 2,
            metrics: None,
            audiosocket: None,
            audiosocket_socket: None,
            audiosocket_remote: false,
            audiosocket_g711: None,
            audiosocket_idle: Duration::from_secs(600),
            audiosocket_agent: "audiosocket".to_owned(),
            audiosocket_agents: BTreeMap::new(),
            review_per_week: None,
            hotkey: HotkeySettings::default(),
            papers: PaperSettings::default(),
            web: WebSettings::default(),
            database: None,
            store: None,
            centre: CentreSettings::default(),
            retention: Periods::default(),
            calendar: Calendar::default(),
        }
    }
}

impl Settings {
    /// Loads the settings of a home folder. Without a file they are the defaults.
    ///
    /// # Errors [`SettingsError`], with the file, the line and the reason.
    pub fn load(home: &Path) -> Result<Settings, SettingsError> {
        let file = home.join(SETTINGS_FILE);
        match fs::read_to_string(&file) {
            Ok(text) => Settings::parse(&text, &file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(cause) => Err(SettingsError::unreadable(&file, &cause)),
        }
    }

    /// Reads settings from `text`; errors name `file`.
    ///
    /// # Errors
    /// [`SettingsError`], as [`Settings::load`].
    pub fn parse(text: &str, file: &Path) -> Result<Settings, SettingsError> {
        toml::from_str(text).map_err(|error| SettingsError::from_toml(file, text, &error))
    }

    /// What the desk does beside how long it keeps things, as its papers say it.
    pub fn practice(&self) -> Practice {
        Practice {
            one_in: self.one_in,
            after_hangup_s: self.after_hangup.as_secs(),
            objection_covers_record: self.objection_covers_record,
            keep_agent_on_hold: self.keep_agent_on_hold,
            object_keys: self.object_keys.as_ref().map(ToString::to_string),
            review_per_week: self.review_per_week,
        }
    }

    /// The path of the engine's local socket.
    pub fn socket_path(&self, home: &Path) -> PathBuf {
        home.join(self.socket.as_deref().unwrap_or(Path::new(SOCKET_FILE)))
    }

    /// Checks settings that are right alone but may be wrong together.
    ///
    /// # Errors AudioSocket is open to other machines without `audiosocket_remote`, in words.
    pub fn check(&self) -> Result<(), String> {
        match self.audiosocket {
            Some(address) if !address.ip().is_loopback() && !self.audiosocket_remote => Err(format!(
                "audiosocket {address} can be reached from other machines, and AudioSocket has neither a password nor encryption: \
                 whoever reaches it can bring in calls for any agent, and live audio crosses the network in the clear; use a \
                 loopback address, like \"127.0.0.1:{}\", or set audiosocket_remote = true in retrocall.toml if that network is \
                 yours alone",
                address.port()
            )),
            _ => Ok(()),
        }
    }

    /// The files of the certificate of the pages, and of its key. None if they are served without.
    ///
    /// # Errors One of them is named and the other is not, in words.
    pub fn web_certificate(&self, home: &Path) -> Result<Option<[PathBuf; 2]>, String> {
        match (&self.web.certificate, &self.web.key) {
            (Some(certificate), Some(key)) => Ok(Some([certificate, key].map(|file| home.join(file)))),
            (None, None) => Ok(None),
            (Some(_), None) => Err("[web] names a certificate without its key: name key too".to_owned()),
            (None, Some(_)) => Err("[web] names a key without its certificate: name certificate too".to_owned()),
        }
    }

    /// The agent of a user of the operating system.
    ///
    /// # Errors [`NameError`] if no agent can have the user's name, and `users` names no other.
    pub fn agent_of(&self, user: &str) -> Result<String, NameError> {
        let name = words::name(user)?;
        Ok(self.users.get(&name).cloned().unwrap_or(name))
    }
}

#[cfg(test)]
mod tests;
