//! The sound of a recording, and its picture, for whoever has said that they listen.
//!
//! Belongs here: pieces of files, ranges, the folder of pictures. Does not: who may (the desk), what a file is made of (`file`).
//!
//! Before each piece it is looked at again who asks and what they may: a role that is taken away ends a download that is going on.

use std::{
    fs,
    io::{self, Write as _},
    ops::Range,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{Path as Place, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use parking_lot::Mutex;
use retrocall_file::{
    peaks,
    samples::{HEAD_BYTES, Samples},
};
use retrocall_records::{
    desk::{Desk as _, HomeDesk, Listening as _, Logins as _, NotDone, Person, Sound, SoundFile, Use, UseKind},
    peaks_paths,
};

use super::{
    answer::{Answer, Refusal, on_to},
    asked::{Asked, is_place},
    pages::{Pages, Shared},
    secret,
};

/// Bytes of sound between two looks at who asks: 4 s of a telephone call.
const PIECE_BYTES: u64 = 128 * 1024;
/// Characters of a reason.
const WHY_CHARS_MAX: usize = 400;

/// Why somebody listens who gives no reason. Pages leave it out.
pub(crate) const PLAIN_REASON: &str = "to listen";

/// Somebody is about to listen: it is noted, and only then there is something to hear.
pub(crate) async fn play(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let why = asked.form.text("why", WHY_CHARS_MAX)?.unwrap_or_else(|| PLAIN_REASON.to_owned());
    let how = Use { kind: UseKind::Play, why, of: asked.form.get("of").map(str::to_owned) };
    let recording = id.clone();
    pages
        .ask(move |desk, now| {
            // What can't be heard was not listened to.
            desk.sound(&who, &recording, now)?;
            desk.used(&who, &recording, &how, now)
        })
        .await?;
    pages.plays.begin(asked.browser(), &id);
    match asked.form.get("to").filter(|to| is_place(to)) {
        Some(to) => on_to(to),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// What somebody listens to, as long as they may.
struct Listener {
    pages: Shared,
    secret: Arc<str>,
    recording: String,
}

impl Listener {
    fn of(pages: &Shared, asked: &Asked, recording: &str) -> Answer<Listener> {
        let secret = asked.secret.clone().ok_or(Refusal::LogIn)?;
        if !pages.plays.goes_on(asked.browser(), recording) {
            return Err(Refusal::NotListening);
        }
        Ok(Listener { pages: Arc::clone(pages), secret, recording: recording.to_owned() })
    }

    /// The person, and the sound, as things are now.
    fn look(&self, desk: &HomeDesk, now: jiff::Timestamp) -> Result<(Person, Sound), Refusal> {
        let person = desk.logged_in(&self.secret, self.pages.rules.sessions, now)?.ok_or(Refusal::LogIn)?;
        let sound = desk.sound(&person, &self.recording, now)?;
        Ok((person, sound))
    }
}

/// The part of a recording that is asked for: the first one, unless `part` names another.
fn part<'a>(sound: &'a Sound, asked: &Asked) -> Answer<&'a SoundFile> {
    let number = asked.query.get("part").map_or(Ok(1), str::parse::<usize>).map_err(|_| Refusal::NoSuchPage)?;
    let found = number.checked_sub(1).and_then(|place| sound.parts.get(place));
    found.ok_or(Refusal::NoSuchPage)
}

fn opened(pages: &Pages, part: &SoundFile) -> Answer<Samples> {
    let source = pages.source(part)?;
    Samples::in_source(source).map_err(|error| refusal(part, &error))
}

/// A recording can't be read. The log says which.
fn refusal(part: &SoundFile, error: &io::Error) -> Refusal {
    if error.kind() == io::ErrorKind::NotFound {
        // It is being deleted, or was moved away: for `retrocall check`.
        return Refusal::NotDone(NotDone::TooLate);
    }
    match part {
        SoundFile::OnDisk(path) => tracing::warn!(path = %path.display(), "a recording can't be read: {error}"),
        SoundFile::InStore(parts) => {
            let place = parts.first().map_or("", |(place, _)| place);
            tracing::warn!(place, "a recording can't be read: {error}");
        }
    }
    Refusal::Unreadable
}

/// The sound, or the range of it that is asked for.
pub(crate) async fn sound(
    State(pages): State<Shared>,
    asked: Asked,
    Place(id): Place<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let listener = {
        let (asked, id, pages) = (asked.clone(), id.clone(), Arc::clone(&pages));
        // Who may not know of it is told so before they are told to say that they listen.
        let who = asked.who()?;
        pages.ask(move |desk, now| desk.sound(&who, &id, now).map(drop)).await?;
        Listener::of(&pages, &asked, &id_of(&asked))?
    };
    let looked = {
        let asked = asked.clone();
        pages
            .ask(move |desk, now| -> Answer<(Listener, Samples)> {
                let (_, sound) = listener.look(desk, now)?;
                let samples = opened(&listener.pages, part(&sound, &asked)?)?;
                Ok((listener, samples))
            })
            .await
    };
    let (listener, samples) = looked?;
    let whole = HEAD_BYTES + samples.bytes;
    let range = match ranged(&headers, whole) {
        Ok(range) => range,
        Err(()) => {
            let all = [(header::CONTENT_RANGE, format!("bytes */{whole}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, all).into_response());
        }
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let Range { start, end } = range.clone().unwrap_or(0..whole);
    let mut response = (status, Body::from_stream(pieces(listener, samples, start..end))).into_response();
    let mut put = |name: HeaderName, value: String| {
        // Numbers and words of ours.
        HeaderValue::try_from(value).map(|value| response.headers_mut().insert(name, value)).is_ok()
    };
    put(header::CONTENT_TYPE, "audio/wav".to_owned());
    put(header::ACCEPT_RANGES, "bytes".to_owned());
    put(header::CONTENT_LENGTH, (end - start).to_string());
    if range.is_some() {
        put(header::CONTENT_RANGE, format!("bytes {start}-{}/{whole}", end - 1));
    }
    Ok(response)
}

/// The recording that a path names.
fn id_of(asked: &Asked) -> String {
    asked.path.split('/').nth(2).unwrap_or_default().to_owned()
}

/// Bytes on their way, piece by piece. One that can't be had ends them: the browser sees that some are missing.
fn pieces(
    listener: Listener,
    samples: Samples,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = io::Result<Vec<u8>>> + Send + 'static {
    let state = (Arc::new((listener, samples)), range);
    futures_util::stream::try_unfold(state, async |(of, left)| {
        if left.is_empty() {
            return Ok(None);
        }
        let end = left.end.min(left.start + PIECE_BYTES);
        let (pages, reading, wanted) = (Arc::clone(&of.0.pages), Arc::clone(&of), left.start..end);
        let piece = pages
            .ask(move |desk, now| {
                let (listener, samples) = &*reading;
                let gone = |_| io::Error::new(io::ErrorKind::PermissionDenied, "they may no longer listen");
                listener.look(desk, now).map_err(gone)?;
                if !listener.pages.plays.goes_on(secret::name_of(&listener.secret), &listener.recording) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                piece_of(samples, wanted)
            })
            .await?;
        Ok(Some((piece, (of, end..left.end))))
    })
}

/// A range of what a file without a label would have.
fn piece_of(samples: &Samples, wanted: Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(wanted.end - wanted.start).map_err(io::Error::other)?;
    let mut piece = Vec::with_capacity(length);
    if wanted.start < HEAD_BYTES {
        let (from, to) = (wanted.start as usize, wanted.end.min(HEAD_BYTES) as usize);
        piece.extend_from_slice(&samples.head()[from..to]);
    }
    let filled = piece.len();
    piece.resize(length, 0);
    let read = samples.read((wanted.start + filled as u64).saturating_sub(HEAD_BYTES), &mut piece[filled..])?;
    if filled + read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(piece)
}

/// The range that a request asks for. None: all of it, as also for what is no range, or several. An error: it lies beyond the end.
fn ranged(headers: &HeaderMap, whole: u64) -> Result<Option<Range<u64>>, ()> {
    let asked_for = headers.get(header::RANGE).and_then(|header| header.to_str().ok());
    // Whoever has a part of another version gets all of it.
    let Some(asked_for) = asked_for.filter(|_| !headers.contains_key(header::IF_RANGE)) else { return Ok(None) };
    let Some((first, last)) = asked_for.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(0) => return Err(()),
            Some(last) => whole.saturating_sub(last)..whole,
            None => return Ok(None),
        },
        (first, "") => match number(first) {
            Some(first) => first..whole,
            None => return Ok(None),
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..whole.min(last.saturating_add(1)),
            _ => return Ok(None),
        },
    };
    if range.is_empty() { Err(()) } else { Ok(Some(range)) }
}

/// The picture of a recording: it has the rights of its sound, and is shown with it.
pub(crate) async fn picture(State(pages): State<Shared>, asked: Asked, Place(id): Place<String>) -> Answer<Response> {
    let who = asked.who()?;
    let shared = Arc::clone(&pages);
    let picture = pages
        .ask(move |desk, now| -> Answer<Vec<u8>> {
            let sound = desk.sound(&who, &id, now)?;
            picture_of(&shared, (desk, now), &who, &id, &sound)
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], picture).into_response())
}

/// The picture that was computed before, or a new one, which is kept for as long as the recording is.
fn picture_of(
    pages: &Pages,
    (desk, now): (&HomeDesk, jiff::Timestamp),
    who: &Person,
    id: &str,
    sound: &Sound,
) -> Answer<Vec<u8>> {
    let paths = peaks_paths(pages.home(), id);
    let path = &paths[0];
    let is_here = sound.parts.iter().all(|part| matches!(part, SoundFile::OnDisk(_)));
    if is_here
        && let Ok(known) = fs::read(path)
        && peaks::is_picture(&known)
    {
        return Ok(known);
    }
    let parts = sound.parts.iter().map(|part| opened(pages, part)).collect::<Answer<Vec<Samples>>>()?;
    let first = sound.parts.first().ok_or(Refusal::NoSuchPage)?;
    let picture = peaks::peaks(&parts).map_err(|error| refusal(first, &error))?;
    // A centre has no state of its own: a picture that one of its processes kept would outlive the recording.
    if !is_here {
        return Ok(picture);
    }
    if let Err(error) = keep(&paths, &picture) {
        tracing::warn!(path = %path.display(), "a picture can't be kept, and is computed each time: {error}");
    }
    // The sweep takes pictures first. One that was made meanwhile would stay: it goes again if the recording is no longer kept.
    if let Err(why) = desk.sound(who, id, now) {
        let _ = fs::remove_file(path);
        return Err(why.into());
    }
    Ok(picture)
}

/// Puts a picture in its place, whole or not at all. The sweep knows both names.
fn keep([path, new]: &[PathBuf; 2], picture: &[u8]) -> io::Result<()> {
    /// Two that look at one recording at once don't write one file at once.
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = WRITING.lock();
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?;
    file.write_all(picture)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_browsers_write_them() {
        let of = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(range).expect("a header"));
            ranged(&headers, 1_000)
        };
        for (asked_for, range) in [
            ("bytes=0-", 0..1_000),
            ("bytes=0-0", 0..1),
            ("bytes=100-199", 100..200),
            ("bytes=990-2000", 990..1_000),
            ("bytes=-10", 990..1_000),
            ("bytes=-5000", 0..1_000),
            ("bytes=1-18446744073709551615", 1..1_000),
        ] {
            assert_eq!(of(asked_for), Ok(Some(range)), "{asked_for}");
        }
        for all in ["bytes=", "bytes=a-b", "bytes=5-4", "bytes=0-1,5-6", "seconds=0-1", "bytes=-", "bytes=0-1-2"] {
            assert_eq!(of(all), Ok(None), "{all}");
        }
        for beyond in ["bytes=1000-", "bytes=5000-6000", "bytes=-0"] {
            assert_eq!(of(beyond), Err(()), "{beyond}");
        }
        assert_eq!(ranged(&HeaderMap::new(), 10), Ok(None));
    }
}
