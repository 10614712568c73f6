//! Copies that leave the home by a browser: the files of a recording that an officer has confirmed or disclosed, as they are, with what they say of
//! themselves; and their checksums.
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
use retrocall_file::samples::Source;
use retrocall_records::desk::{DeskRole, HomeDesk, Listening as _, Logins as _, Person, Requests as _, SoundFile};
use retrocall_words::audio::wipe;
use sha2::{Digest as _, Sha256};

use super::{
    answer::{Answer, Refusal},
    asked::Asked,
    look::request::may_be_fetched,
    pages::{Pages, Shared},
};

/// Bytes between two looks at who fetches.
const PIECE_BYTES: u64 = 256 * 1024;
/// The name of the file of checksums.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// A file on its way. A sweep waits until it is sent, or a minute.
struct Fetched {
    pages: Shared,
    secret: Arc<str>,
    file: Arc<dyn Source>,
}

/// A confirmed recording, once it is noted that it leaves the home.
pub(crate) async fn fetch(
    State(pages): State<Shared>,
    asked: Asked,
    Place((request, recording)): Place<(String, String)>,
) -> Answer<Response> {
    let who = asked.who()?;
    let files = pages.ask(move |desk, now| confirmed(desk, &who, (&request, &recording), now)).await?;
    sent(&pages, &asked, files).await
}

/// One of the files that leave, the first unless `part` names another; or, for `part=sums`, the checksums of all.
pub(crate) async fn sent(pages: &Shared, asked: &Asked, files: Vec<SoundFile>) -> Answer<Response> {
    let secret = asked.secret.clone().ok_or(Refusal::LogIn)?;
    let part = asked.query.get("part").unwrap_or("1");
    if part == "sums" {
        let shared = Arc::clone(pages);
        let sums = pages.ask(move |_, _| sums(&shared, &files)).await?;
        return Ok(attached(Body::from(sums), "text/plain; charset=utf-8", SUMS));
    }
    let number = part.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let one = number.and_then(|place| files.into_iter().nth(place)).ok_or(Refusal::NoSuchPage)?;
    let name = name_of(&one);
    let shared = Arc::clone(pages);
    let (file, bytes) = pages.ask(move |_, _| opened(&shared, &one)).await?;
    let fetched = Arc::new(Fetched { pages: Arc::clone(pages), secret, file });
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
    let mut response = attached(Body::from_stream(pieces), "audio/wav", &name);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    Ok(response)
}

/// What a browser saves under this name.
pub(crate) fn attached(body: Body, kind: &'static str, name: &str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Names of ours have no quotes.
    let named = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.insert(header::CONTENT_DISPOSITION, named.unwrap_or(HeaderValue::from_static("attachment")));
    response
}

/// The name of a file that leaves: its own, or that of its recording and its place in it.
fn name_of(file: &SoundFile) -> String {
    match file {
        SoundFile::OnDisk(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        SoundFile::InStore(parts) => {
            let mut names = parts.first().map_or("", |(place, _)| place).rsplit('/');
            let number = names.next().and_then(|part| part.split('.').next()).unwrap_or("1");
            let recording = names.next().unwrap_or("recording");
            format!("{recording}.{number}.wav")
        }
    }
}

/// The hashes of files, as `sha256sum --check` reads them.
fn sums(pages: &Pages, files: &[SoundFile]) -> Answer<String> {
    let mut sums = String::new();
    let mut piece = vec![0; PIECE_BYTES as usize];
    for one in files {
        let (file, bytes) = opened(pages, one)?;
        let mut sum = Sha256::new();
        let mut at = 0;
        while at < bytes {
            let length = PIECE_BYTES.min(bytes - at);
            let read = &mut piece[..length as usize];
            file.read_exact_at(read, at).map_err(|error| unreadable(one, &error))?;
            sum.update(&read);
            at += length;
        }
        let digits: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        sums += &format!("{digits}  {}\n", name_of(one));
    }
    wipe(&mut piece);
    Ok(sums)
}

fn confirmed(
    desk: &HomeDesk,
    who: &Person,
    (request, recording): (&str, &str),
    now: jiff::Timestamp,
) -> Answer<Vec<SoundFile>> {
    let found = desk.request(who, request)?;
    let one = found.recordings.iter().find(|one| one.recording == recording).ok_or(Refusal::NoSuchPage)?;
    if found.outcome.is_some() || !may_be_fetched(found.kind, one) {
        return Err(Refusal::NoSuchPage);
    }
    Ok(desk.sound(who, recording, now)?.parts)
}

/// One on this disk stays locked until it is dropped: a sweep waits until it is sent, or a minute.
#[derive(Debug)]
struct Held(Flock<File>);

impl Source for Held {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, piece: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_exact_at(piece, at)
    }
}

fn opened(pages: &Pages, file: &SoundFile) -> Answer<(Arc<dyn Source>, u64)> {
    if let SoundFile::OnDisk(path) = file {
        let (held, bytes) = locked(path).map_err(|error| unreadable(file, &error))?;
        return Ok((Arc::new(Held(held)), bytes));
    }
    let source = pages.source(file)?;
    let bytes = source.bytes().map_err(|error| unreadable(file, &error))?;
    Ok((source, bytes))
}

fn unreadable(file: &SoundFile, error: &io::Error) -> Refusal {
    tracing::warn!(file = name_of(file), "a recording can't be read: {error}");
    Refusal::Unreadable
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
