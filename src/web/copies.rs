//! Copies that leave the home by a browser: the files of a recording that an officer has confirmed, as they are, with what they say of themselves.
//!
//! Belongs here: pieces of files. Does not: who may have one and that it is noted (the desk's verbs), listening (`audio`).

use std::{
    fs::{File, OpenOptions},
    io,
    ops::Range,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{Path as Place, State},
    http::{HeaderValue, header},
    response::Response,
};
use nix::fcntl::{Flock, FlockArg, OFlag};
use retrocall_records::desk::{DeskRole, HomeDesk, Listening as _, Logins as _, Person, Requests as _};

use super::{
    answer::{Answer, Refusal},
    asked::Asked,
    look::request::may_be_fetched,
    pages::Shared,
};

/// Bytes between two looks at who fetches.
const PIECE_BYTES: u64 = 256 * 1024;

/// A file on its way. A sweep waits until it is sent, or a minute.
struct Fetched {
    pages: Shared,
    secret: Arc<str>,
    file: Flock<File>,
}

/// A confirmed recording, once it is noted that it leaves the home.
pub(crate) async fn fetch(
    State(pages): State<Shared>,
    asked: Asked,
    Place((request, recording)): Place<(String, String)>,
) -> Answer<Response> {
    let (who, secret) = (asked.who()?, asked.secret.clone().ok_or(Refusal::LogIn)?);
    let part = asked.query.get("part").map_or(Ok(1), str::parse::<usize>).map_err(|_| Refusal::NoSuchPage)?;
    let (file, bytes) = pages.ask(move |desk, now| open(desk, &who, (&request, &recording), part, now)).await?;
    let fetched = Arc::new(Fetched { pages, secret, file });
    let pieces =
        futures_util::stream::try_unfold((fetched, 0..bytes), async |(of, left): (Arc<Fetched>, Range<u64>)| {
            if left.is_empty() {
                return Ok(None);
            }
            let (reading, pages) = (Arc::clone(&of), Arc::clone(&of.pages));
            let (at, length) = (left.start, PIECE_BYTES.min(left.end - left.start));
            let piece = pages.ask(move |desk, now| reading.piece(desk, at, length, now)).await?;
            Ok::<_, io::Error>(Some((piece, (of, at + length..left.end))))
        });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    Ok(response)
}

fn open(
    desk: &HomeDesk,
    who: &Person,
    (request, recording): (&str, &str),
    part: usize,
    now: jiff::Timestamp,
) -> Answer<(Flock<File>, u64)> {
    let found = desk.request(who, request)?;
    let one = found.recordings.iter().find(|one| one.recording == recording).ok_or(Refusal::NoSuchPage)?;
    if found.outcome.is_some() || !may_be_fetched(found.kind, one) {
        return Err(Refusal::NoSuchPage);
    }
    let sound = desk.sound(who, recording, now)?;
    let path = part.checked_sub(1).and_then(|place| sound.parts.get(place)).ok_or(Refusal::NoSuchPage)?;
    locked(path).map_err(|error| {
        tracing::warn!(path = %path.display(), "a recording can't be read: {error}");
        Refusal::Unreadable
    })
}

fn locked(path: &Path) -> io::Result<(Flock<File>, u64)> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let bytes = file.metadata()?.len();
    let file = Flock::lock(file, FlockArg::LockSharedNonblock).map_err(|(_, error)| io::Error::from(error))?;
    Ok((file, bytes))
}

impl Fetched {
    /// The next piece, if whoever fetches still may.
    fn piece(&self, desk: &HomeDesk, at: u64, length: u64, now: jiff::Timestamp) -> io::Result<Vec<u8>> {
        let person = desk.logged_in(&self.secret, self.pages.rules.sessions, now).ok().flatten();
        if !person.is_some_and(|person| person.roles.contains(&DeskRole::PrivacyOfficer)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut piece, at)?;
        Ok(piece)
    }
}
