//! What the processes of a centre say to each other: notices through the database that they share (LISTEN, NOTIFY).
//!
//! Belongs here: saying and hearing, and how long a notice was on its way. Does not: what is said. It is never kept, no transaction is open while
//! somebody answers, and no customer's number is in it.
//!
//! A notice that is said while the database is away is lost: whoever hears that it is back says again what the others must know.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use retrocall_words::{Clock as _, SystemClock, afar::micros};
use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{sync::mpsc, time::sleep};
use tracing::warn;

use super::{
    Server,
    rows::{self, Connection},
};

/// Where processes speak.
const PROCESSES: &str = "retrocall_processes";
/// Where it is said that a site stands otherwise than before.
const SITES: &str = "retrocall_sites";
/// Bytes of a notice: PostgreSQL takes 8,000.
pub const NOTICE_BYTES_MAX: usize = 7_500;
/// Notices that wait to be said.
const WAITING_MAX: usize = 4_096;
/// Before the database is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// The server's clock, in microseconds: one clock for all processes.
const SAY: &str = "SELECT pg_notify($1, $2 || ' ' || CAST(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) AS text) || ' ' || $3)";
const CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)";

/// What a process hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It hears from here on. What was said before it has missed.
    Joined,
    /// Somebody, perhaps itself, has said this.
    Said {
        /// The words.
        text: String,
        /// How long they were on their way, if it was asked to measure that.
        way: Option<Duration>,
    },
    /// A site stands otherwise than before.
    Site(String),
}

struct Notice {
    since: Instant,
    is_timed: bool,
    text: String,
}

/// A process's way to the others. They hear no more of it when it is dropped.
pub struct Relay {
    notices: mpsc::Sender<Notice>,
}

impl Relay {
    /// Hears and speaks on a thread of its own until it is dropped. `hear` must not wait.
    ///
    /// # Errors
    /// That there is no thread for it.
    pub fn begin(server: &Server, hear: impl Fn(Heard) + Send + Sync + 'static) -> io::Result<Relay> {
        let (notices, waiting) = mpsc::channel(WAITING_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let server = server.clone();
        let work = move || {
            let hearing = runtime.spawn(hear_all(server.clone(), Arc::new(hear)));
            runtime.block_on(say_all(server, waiting));
            hearing.abort();
        };
        thread::Builder::new().name("relay".into()).spawn(work)?;
        Ok(Relay { notices })
    }

    /// Says something to all processes, this one among them. With `is_timed` they are told how long it was on its way. False if too much waits.
    pub fn say(&self, text: String, is_timed: bool) -> bool {
        debug_assert!(text.len() <= NOTICE_BYTES_MAX, "a notice of {} bytes", text.len());
        self.notices.try_send(Notice { since: SystemClock.now(), is_timed, text }).is_ok()
    }
}

/// Says in a transaction that a site stands otherwise, to whoever has its socket. A home has no other processes.
pub(crate) async fn tell_of_site(rows: &mut Connection, site: &str) -> sqlx::Result<()> {
    if let Connection::Postgres(_) = rows {
        rows::query("SELECT CAST(pg_notify($1, $2) AS text) AS told").bind(SITES).bind(site).fetch_one(rows).await?;
    }
    Ok(())
}

async fn say_all(server: Server, mut waiting: mpsc::Receiver<Notice>) {
    let mut connection: Option<PgConnection> = None;
    while let Some(notice) = waiting.recv().await {
        let mut open = match connection.take() {
            Some(open) => open,
            None => match server.connect().await {
                Ok(open) => open,
                // It is lost, and so is what waits behind it: a press would be too old.
                Err(_) => {
                    sleep(AGAIN).await;
                    while waiting.try_recv().is_ok() {}
                    continue;
                }
            },
        };
        let Notice { since, is_timed, text } = notice;
        let waited = if is_timed { micros(SystemClock.since(since)).to_string() } else { "-".to_owned() };
        let said = sqlx::query(SAY).bind(PROCESSES).bind(waited).bind(text).execute(&mut open).await;
        match said {
            Ok(_) => connection = Some(open),
            Err(error) => warn!("the other processes of this centre can't be told something: {error}"),
        }
    }
    if let Some(open) = connection {
        let _ = open.close().await;
    }
}

async fn hear_all(server: Server, hear: Arc<dyn Fn(Heard) + Send + Sync>) {
    let mut told = None;
    loop {
        let mut hears = false;
        let lost = hear_until_lost(&server, &*hear, &mut hears).await;
        let why = lost.map_or_else(|error| error.to_string(), |()| "the connection was closed".to_owned());
        // Once, and again only once it was better meanwhile.
        if hears || told.as_ref() != Some(&why) {
            warn!("the other processes of this centre can't be heard: {why}; trying again");
            told = Some(why);
        }
        sleep(AGAIN).await;
    }
}

async fn hear_until_lost(server: &Server, hear: &(dyn Fn(Heard) + Send + Sync), hears: &mut bool) -> sqlx::Result<()> {
    // A pool of one, as the listener wants it.
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(server.options());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen_all([PROCESSES, SITES]).await?;
    *hears = true;
    hear(Heard::Joined);
    while let Some(notice) = listener.try_recv().await? {
        if notice.channel() == SITES {
            hear(Heard::Site(notice.payload().to_owned()));
            continue;
        }
        let mut parts = notice.payload().splitn(3, ' ');
        let (Some(waited), Some(said_us), Some(text)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let way = match (waited.parse::<u64>(), said_us.parse::<i64>()) {
            (Ok(waited_us), Ok(said_us)) => {
                let now_us: i64 = sqlx::query_scalar(CLOCK).fetch_one(&mut listener).await?;
                let way_us = u64::try_from(now_us.saturating_sub(said_us)).unwrap_or(0);
                Some(Duration::from_micros(waited_us.saturating_add(way_us)))
            }
            _ => None,
        };
        hear(Heard::Said { text: text.to_owned(), way });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::tests::homes::{cluster, server};

    const LONG: Duration = Duration::from_secs(60);

    /// A process, and what it hears.
    fn process(server: &Server) -> (Relay, Receiver<Heard>) {
        let (hears, heard) = channel();
        let relay = Relay::begin(server, move |one| drop(hears.send(one))).expect("a thread");
        assert_eq!(heard.recv_timeout(LONG), Ok(Heard::Joined));
        (relay, heard)
    }

    #[test]
    fn processes_hear_each_other_and_of_a_site_once_the_change_is_committed() {
        let server = server(&cluster().new_database("retrocall"));
        let ((one, at_one), (_two, at_two)) = (process(&server), process(&server));
        assert!(one.say("a word with blanks".to_owned(), false));
        let word = Heard::Said { text: "a word with blanks".to_owned(), way: None };
        assert_eq!([at_one.recv_timeout(LONG), at_two.recv_timeout(LONG)], [Ok(word.clone()), Ok(word)]);
        // Its way is measured by one clock, and so is how long it waited to be said.
        assert!(one.say("a press".to_owned(), true));
        let heard = at_two.recv_timeout(LONG).expect("it is heard");
        let Heard::Said { text, way: Some(way) } = heard else { panic!("{heard:?}") };
        assert!(text == "a press" && way < LONG, "{text}: {way:?}");
        // What is not committed nobody hears: what is said later comes before it.
        let runtime = server.runtime().expect("a runtime");
        runtime.block_on(async {
            let mut connection = server.open().await.expect("a server").expect("tables");
            let mut rows = connection.begin_writing().await.expect("a transaction");
            tell_of_site(&mut rows, "the site").await.expect("told");
            assert!(one.say("later".to_owned(), false));
            let later = Heard::Said { text: "later".to_owned(), way: None };
            assert_eq!(at_two.recv_timeout(LONG), Ok(later));
            rows.commit().await.expect("committed");
        });
        assert_eq!(at_two.recv_timeout(LONG), Ok(Heard::Site("the site".to_owned())));
    }
}
