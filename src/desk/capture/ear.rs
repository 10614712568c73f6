//! The device of one leg: opens it, listens to it, and opens it again when it comes back.
//!
//! Belongs here: devices that go and return. Does not: placing their samples on the call.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use tracing::{info, warn};

use super::{
    device::{Device, DeviceError, OpenDevice, Trouble, find},
    feed::{Counts, FeedOut, feed},
};
use retrocall_words::audio::{Leg, Rate};

/// Pause between two looks for a device that is gone.
const RETRY: Duration = Duration::from_millis(300);
/// A device that delivers nothing for so long is taken for gone: some give no error.
const SILENT_MAX: Duration = Duration::from_secs(2);
/// Limit for the device's thread to close it.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// A message to the device's thread.
enum KeeperMessage {
    Trouble(Trouble),
    Stop,
}

/// An open device.
pub(super) struct Ear {
    /// Each opening of the device has a feed of its own.
    feeds: Receiver<FeedOut>,
    feed: Option<FeedOut>,
    words: Sender<KeeperMessage>,
    done: Receiver<()>,
    /// Samples lost in the feeds before this one.
    lost_before: u64,
    thread: Option<JoinHandle<()>>,
}

impl Ear {
    /// Opens a device.
    pub(super) fn open(device: Device, leg: Leg, rate: Rate) -> Result<Ear, DeviceError> {
        let (words, heard) = unbounded();
        let (new_feeds, feeds) = unbounded();
        let (finish, done) = bounded(1);
        let name = device.name.clone();
        let (open, counts) = opened(&device, rate, &words, &new_feeds)?;
        let keeper = Keeper { name, leg, rate, words: words.clone(), heard, new_feeds };
        let thread_name = match leg {
            Leg::Agent => "microphone",
            Leg::Customer => "speaker",
        };
        let thread = thread::Builder::new().name(thread_name.to_owned()).spawn(move || {
            keeper.keep(open, counts);
            let _ = finish.send(());
        });
        let thread = thread.map_err(|error: io::Error| DeviceError::Closed {
            device: device.name.clone(),
            cause: format!("no thread: {error}"),
        })?;
        Ok(Ear { feeds, feed: None, words, done, lost_before: 0, thread: Some(thread) })
    }

    /// Passes on each delivery that has come.
    pub(super) fn drain(&mut self, mut take: impl FnMut(Instant, &[i16])) {
        loop {
            if let Some(feed) = &mut self.feed {
                while let Some((at, samples)) = feed.next() {
                    take(at, samples);
                }
            }
            // Go to the next feed only when this one is empty.
            let Ok(next) = self.feeds.try_recv() else { return };
            self.lost_before = self.lost();
            self.feed = Some(next);
        }
    }

    /// Samples that found no room, because this thread got no turn.
    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.feed.as_ref().map_or(0, |feed| feed.counts().lost())
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.words.send(KeeperMessage::Stop);
        // A driver that does not close (ALSA's `file` plugin, reading a pipe that nobody writes) must not delay the end of the call.
        if self.done.recv_timeout(CLOSE_MAX).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// Opens a device, with a feed.
fn opened(
    device: &Device,
    rate: Rate,
    words: &Sender<KeeperMessage>,
    feeds: &Sender<FeedOut>,
) -> Result<(OpenDevice, Arc<Counts>), DeviceError> {
    let (feed_in, feed_out) =
        feed(rate).map_err(|error| DeviceError::Closed { device: device.name.clone(), cause: error.to_string() })?;
    let counts = feed_out.counts();
    let words = words.clone();
    // The callback sends only when something is wrong, so nothing waits where audio is carried.
    let open = device.open(rate, feed_in, move |trouble| drop(words.send(KeeperMessage::Trouble(trouble))))?;
    let _ = feeds.send(feed_out);
    Ok((open, counts))
}

/// The thread that holds a device.
struct Keeper {
    name: String,
    leg: Leg,
    rate: Rate,
    words: Sender<KeeperMessage>,
    heard: Receiver<KeeperMessage>,
    new_feeds: Sender<FeedOut>,
}

impl Keeper {
    /// Keeps the device open until it is told to stop.
    fn keep(&self, open: OpenDevice, counts: Arc<Counts>) {
        let mut open = Some((open, counts));
        let mut told = false;
        loop {
            match self.heard.recv_timeout(RETRY) {
                Ok(KeeperMessage::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(KeeperMessage::Trouble(Trouble::Overrun)) => continue,
                // It may be about an opening that was given up already: look again.
                Ok(KeeperMessage::Trouble(Trouble::Gone)) => {}
                Err(RecvTimeoutError::Timeout) => match &open {
                    Some((_, counts)) if counts.silent_for() < SILENT_MAX => continue,
                    _ => {}
                },
            }
            if let Some(gone) = open.take() {
                drop(gone);
                if !std::mem::replace(&mut told, true) {
                    warn!(device = self.name, leg = ?self.leg, "the device delivers nothing: marking the gap, and looking for the device");
                }
            }
            // Look for its name: to the system, a device that returns is another one.
            let device = find(&self.name, self.leg);
            if let Ok(again) = device.and_then(|device| opened(&device, self.rate, &self.words, &self.new_feeds)) {
                info!(device = self.name, leg = ?self.leg, "the device is open again");
                (open, told) = (Some(again), false);
            }
        }
    }
}
