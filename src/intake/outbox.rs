//! The outbox of a connection: messages on their way to its client.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    net::Shutdown,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use parking_lot::Mutex;
use tokio::{net, sync::Notify, task::consume_budget};

use retrocall_client::protocol::{HEAD_BYTES, control_message};
use retrocall_engine::{Account, Overdraft};
use retrocall_words::{Answer, Event};

/// Bytes that may wait for one client that does not read, whoever it is. One long list of calls fits.
const WAITING_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Of these, bytes that count for the user alone, and not for all together: whoever reads never pays for those who don't.
const FREE_BYTES: usize = 16 * 1024;
/// Bytes that short messages share: what waits costs as much memory as is counted, and little more.
const PIECE_BYTES: usize = 4 * 1024;
/// As what a waiting descriptor counts: descriptors are taken from what all connections need.
const DESCRIPTOR_BYTES: usize = 64 * 1024;
/// As what the place of an answer counts that is not known yet.
const PLACE_BYTES: usize = 64;

/// Answers and events on their way to a client. Whoever puts them in never waits.
pub(super) struct Outbox {
    account: Account,
    waiting: Mutex<Queue>,
    filled: Notify,
    overflown: Notify,
}

/// How the writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteEnd {
    /// All there was has been written.
    All,
    /// The client was gone.
    Gone,
    /// The client did not read, and this limit is reached.
    NotRead(&'static str),
}

/// The place of an answer that is not known yet.
pub(super) struct Reservation(u64);

#[derive(Default)]
struct Queue {
    /// What can go out.
    pieces: VecDeque<Piece>,
    /// Answers from the first one that is not known yet: they go out in the order of their requests.
    held_back: VecDeque<Option<Piece>>,
    /// The number of the first one of these.
    first: u64,
    /// What was counted for all of these, and for the piece that is being written.
    counted: usize,
    /// Nothing more is taken; what waits still goes out.
    closed: bool,
    /// The limit that was reached.
    overflow: Option<&'static str>,
}

/// Whole messages, and the descriptor that goes with the first of them.
struct Piece {
    bytes: Vec<u8>,
    descriptor: Option<OwnedFd>,
    counted: usize,
}

impl Piece {
    fn new(json: &[u8], descriptor: Option<OwnedFd>, room: usize) -> Piece {
        let mut bytes = Vec::with_capacity(room.max(HEAD_BYTES + json.len()));
        control_message(json, &mut bytes);
        let counted = bytes.capacity() + if descriptor.is_some() { DESCRIPTOR_BYTES } else { 0 };
        Piece { bytes, descriptor, counted }
    }
}

impl Queue {
    /// A message goes out: behind others in their piece, if there is room.
    fn let_out(&mut self, json: &[u8], descriptor: Option<OwnedFd>, account: &Account) -> Result<(), &'static str> {
        let has_room = |piece: &&mut Piece| piece.bytes.capacity() - piece.bytes.len() >= HEAD_BYTES + json.len();
        if descriptor.is_none()
            && let Some(last) = self.pieces.back_mut().filter(has_room)
        {
            control_message(json, &mut last.bytes);
            return Ok(());
        }
        let piece = Piece::new(json, descriptor, PIECE_BYTES);
        self.count(piece.counted, account)?;
        self.pieces.push_back(piece);
        Ok(())
    }

    /// An answer: behind those that are not known yet.
    fn answer(&mut self, json: &[u8], descriptor: Option<OwnedFd>, account: &Account) -> Result<(), &'static str> {
        if self.held_back.is_empty() {
            return self.let_out(json, descriptor, account);
        }
        let mut piece = Piece::new(json, descriptor, 0);
        piece.counted += PLACE_BYTES;
        self.count(piece.counted, account)?;
        self.held_back.push_back(Some(piece));
        Ok(())
    }

    /// Counts what is about to wait, or names the limit that it would be over.
    fn count(&mut self, bytes: usize, account: &Account) -> Result<(), &'static str> {
        if self.counted + bytes > WAITING_BYTES_MAX {
            return Err("20 MiB");
        }
        account.queue(bytes, beyond_free(self.counted, bytes)).map_err(|full| match full {
            Overdraft::User => "queued_per_user",
            Overdraft::Total => "queued_max",
        })?;
        self.counted += bytes;
        Ok(())
    }

    /// Takes nothing more, and lets go of what can't be written any more.
    fn forget(&mut self, account: &Account) {
        self.closed = true;
        let left = self.pieces.drain(..).map(|piece| piece.counted).sum();
        self.count_no_more(left, account);
    }

    fn count_no_more(&mut self, bytes: usize, account: &Account) {
        self.counted -= bytes;
        account.queued_no_more(bytes, beyond_free(self.counted, bytes));
    }
}

/// How many of `more` bytes count for all together, where so many wait already.
fn beyond_free(waiting: usize, more: usize) -> usize {
    (waiting + more).saturating_sub(FREE_BYTES) - waiting.saturating_sub(FREE_BYTES)
}

impl Outbox {
    /// An empty one, whose content counts for this account.
    pub(super) fn new(account: Account) -> Outbox {
        let [filled, overflown] = Default::default();
        Outbox { account, waiting: Mutex::default(), filled, overflown }
    }

    /// An event.
    pub(super) fn tell(&self, event: &Event) {
        let json = serde_json::to_vec(event).expect("an event is JSON");
        self.put(|waiting| waiting.let_out(&json, None, &self.account));
    }

    /// An answer.
    pub(super) fn answer(&self, answer: &Answer) {
        self.answer_with(answer, None);
    }

    /// An answer, and a descriptor that goes with it.
    pub(super) fn answer_with(&self, answer: &Answer, descriptor: Option<OwnedFd>) {
        let json = serde_json::to_vec(answer).expect("an answer is JSON");
        self.put(|waiting| waiting.answer(&json, descriptor, &self.account));
    }

    /// Keeps the place of an answer that comes later: the answers behind it wait for it.
    pub(super) fn place(&self) -> Reservation {
        let mut place = 0;
        self.put(|waiting| {
            waiting.count(PLACE_BYTES, &self.account)?;
            waiting.held_back.push_back(None);
            place = waiting.first + waiting.held_back.len() as u64 - 1;
            Ok(())
        });
        Reservation(place)
    }

    /// The answer whose place was kept.
    pub(super) fn fill(&self, place: Reservation, answer: &Answer) {
        let json = serde_json::to_vec(answer).expect("an answer is JSON");
        self.put(|waiting| {
            let mut piece = Piece::new(&json, None, 0);
            waiting.count(piece.counted, &self.account)?;
            piece.counted += PLACE_BYTES;
            let at = (place.0 - waiting.first) as usize;
            waiting.held_back[at] = Some(piece);
            while let Some(Some(_)) = waiting.held_back.front() {
                waiting.pieces.extend(waiting.held_back.pop_front().flatten());
                waiting.first += 1;
            }
            Ok(())
        });
    }

    fn put(&self, put: impl FnOnce(&mut Queue) -> Result<(), &'static str>) {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return;
        }
        if let Err(limit) = put(&mut waiting) {
            (waiting.closed, waiting.overflow) = (true, Some(limit));
            self.overflown.notify_one();
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Takes nothing more. What waits still goes out.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.filled.notify_one();
    }

    /// Writes what comes, until it is closed and empty, or the client does not read, or is gone. Returns how it ended.
    pub(super) async fn write_to(self: Arc<Outbox>, mut stream: UnixStream) -> WriteEnd {
        let ended = loop {
            let piece = {
                let mut waiting = self.waiting.lock();
                match (waiting.overflow, waiting.pieces.pop_front()) {
                    (Some(limit), _) => break WriteEnd::NotRead(limit),
                    (None, None) if waiting.closed => {
                        let _ = stream.shutdown(Shutdown::Write);
                        break WriteEnd::All;
                    }
                    (None, piece) => piece,
                }
            };
            let Some(piece) = piece else {
                self.filled.notified().await;
                continue;
            };
            let counted = piece.counted;
            let written = tokio::select! {
                written = write(stream, piece) => Some(written),
                () = self.overflown.notified() => None,
            };
            let mut waiting = self.waiting.lock();
            waiting.count_no_more(counted, &self.account);
            match written {
                Some(Ok(open)) => stream = open,
                Some(Err(_)) => break WriteEnd::Gone,
                None => break waiting.overflow.map_or(WriteEnd::Gone, WriteEnd::NotRead),
            }
        };
        if ended != WriteEnd::All {
            // Nobody will read it: others may have its room.
            self.waiting.lock().forget(&self.account);
        }
        ended
    }
}

/// Writes messages, the descriptor with their first byte, and gives the socket back.
async fn write(mut stream: UnixStream, piece: Piece) -> io::Result<UnixStream> {
    // One client that reads as fast as it is written to does not keep the others waiting.
    consume_budget().await;
    let (mut rest, mut descriptor) = (&piece.bytes[..], piece.descriptor);
    while !rest.is_empty() {
        match send(&stream, rest, descriptor.as_ref()) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(sent) => (rest, descriptor) = (&rest[sent..], None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // The runtime watches it for no longer than this: a socket that it always watches wakes its thread at each frame that comes in, and
                // at each answer that is read, in the middle of what a press waits for.
                let watched = net::UnixStream::from_std(stream)?;
                watched.writable().await?;
                stream = watched.into_std()?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(stream)
}

/// Writes what there is room for. Does not wait.
fn send(stream: &UnixStream, bytes: &[u8], descriptor: Option<&OwnedFd>) -> io::Result<usize> {
    let raw = descriptor.map(|descriptor| [descriptor.as_raw_fd()]);
    let with = raw.as_ref().map(|raw| ControlMessage::ScmRights(raw));
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    Ok(sendmsg::<()>(stream.as_raw_fd(), &[IoSlice::new(bytes)], with.as_slice(), flags, None)?)
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        let counted = waiting.counted;
        waiting.count_no_more(counted, &self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrocall_client::protocol::Head;
    use retrocall_engine::Quotas;
    use retrocall_settings::Settings;
    use retrocall_words::{PrincipalId, Verdict};

    fn outbox(settings: Settings) -> (Arc<Quotas>, Outbox) {
        let quotas = Arc::new(Quotas::new(&settings, 9));
        let account = quotas.account(PrincipalId::User(1), false);
        (quotas, Outbox::new(account))
    }

    fn ids(outbox: &Outbox) -> Vec<u64> {
        let mut waiting = outbox.waiting.lock();
        let bytes: Vec<u8> = waiting.pieces.iter().flat_map(|piece| piece.bytes.clone()).collect();
        waiting.forget(&outbox.account);
        waiting.closed = false;
        let mut rest = &bytes[..];
        let mut ids = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let length = Head::parse(*head).expect("a head").payload_bytes;
            let answer: Answer = serde_json::from_slice(&after[..length]).expect("an answer");
            ids.extend(answer.id);
            rest = &after[length..];
        }
        ids
    }

    fn answer(id: u64) -> Answer {
        Answer { id: Some(id), ..Answer::new(Verdict::Accepted) }
    }

    #[test]
    fn answers_go_out_in_the_order_of_their_requests_though_one_waits_for_the_disk() {
        let (_, outbox) = outbox(Settings::default());
        outbox.answer(&answer(1));
        let second = outbox.place();
        outbox.answer(&answer(3));
        let fourth = outbox.place();
        outbox.fill(fourth, &answer(4));
        assert_eq!(ids(&outbox), [1]);
        outbox.fill(second, &answer(2));
        assert_eq!(ids(&outbox), [2, 3, 4]);
        outbox.answer(&answer(5));
        let sixth = outbox.place();
        outbox.fill(sixth, &answer(6));
        assert_eq!(ids(&outbox), [5, 6]);
        assert_eq!(outbox.waiting.lock().counted, 0, "what has gone out is counted no more");
    }

    #[test]
    fn what_waits_is_counted_as_the_memory_that_it_takes_and_all_of_it_is_given_back() {
        let settings = Settings { queued_per_user: 100_000, queued_max: 200_000, ..Settings::default() };
        let (quotas, unread) = outbox(settings);
        let is_full = |outbox: &Outbox| outbox.waiting.lock().overflow;
        let mut sent = 0;
        while is_full(&unread).is_none() {
            unread.answer(&answer(sent));
            sent += 1;
        }
        assert_eq!(is_full(&unread), Some("queued_per_user"));
        let took: usize = unread.waiting.lock().pieces.iter().map(|piece| piece.bytes.capacity()).sum();
        assert!(took <= 100_000 && took == unread.waiting.lock().counted, "{took}");
        assert!(sent > 2_000, "{sent} short answers fit: their pieces are shared");
        // Another user's connection, and the owner's, don't notice.
        for account in [quotas.account(PrincipalId::User(2), false), quotas.account(PrincipalId::User(3), true)] {
            let other = Outbox::new(account);
            other.answer(&answer(1));
            assert_eq!((is_full(&other), ids(&other)), (None, vec![1]));
        }
        // Another one of the same user's has its room when this one is gone.
        let same = Outbox::new(quotas.account(PrincipalId::User(1), false));
        drop(unread);
        same.answer(&answer(7));
        assert_eq!((is_full(&same), ids(&same)), (None, vec![7]));
    }
}
