//! The arena: one mapping with a fixed limit, cut into segments that rings take and give back.
//!
//! Belongs here: whose a segment is, and wiping it. Does not: what lies in it (for the ring's segments: `ring::segment`).
//!
//! Free segments are a stack, linked through their own first words (Treiber, 1986). Its head carries a tag that grows with every change, so that a
//! head seen twice is the same stack, and not another one that begins alike. The helper thread faults in a segment before it first becomes free, and a
//! segment is wiped before it becomes free again: whoever takes one gets zeros and meets no page fault. Only if the helper has had no turn for long,
//! on a machine with too much to do, does the taker fault one in: 40 µs are better than lost audio.
#![allow(unsafe_code)]

#[cfg(not(loom))]
use super::{
    map::{MapError, MemoryKind, PrivateMemory},
    registry::Use,
};
use super::{
    sync::{AtomicU32, AtomicU64, Ordering},
    wipe,
};

/// Bytes of a segment: one page.
pub const SEGMENT_BYTES: usize = SEGMENT_WORDS * 8;

/// 64-bit words of a segment. The first word belongs to the arena.
#[cfg(not(loom))]
pub const SEGMENT_WORDS: usize = 512;
/// Small, so that a model meets the end of a segment soon.
#[cfg(loom)]
pub const SEGMENT_WORDS: usize = 6;

/// Words of a cache line.
#[cfg(not(loom))]
const LINE_WORDS: usize = 8;

/// Segments that become free at once when a call is wiped. Each time the processor finishes all its writes first: segment by segment that took as long
/// as the wiping. Few enough that a call short of memory does not wait for long.
const BATCH_SEGMENTS: u32 = 128;

/// One part in so many of the reserve is kept for messages that are not whole yet.
const MESSAGES_PART: u32 = 16;

/// Wiped segments that nobody can take yet.
struct Batch {
    /// Each segment links to the next from here on.
    top: Option<SegmentId>,
    /// The last one.
    bottom: SegmentId,
    /// At most [`BATCH_SEGMENTS`].
    count: u32,
}

/// A segment of the arena. Whoever has the id from [`Arena::take`] owns the segment until [`Arena::give_back`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentId(u32);

impl SegmentId {
    /// The id as a link in a word of memory. 0 is no segment: wiped memory links to nothing.
    pub(crate) fn to_link(this: Option<SegmentId>) -> u64 {
        this.map_or(0, |id| u64::from(id.0) + 1)
    }

    /// The id in a link: the way back from [`SegmentId::to_link`].
    pub(crate) fn from_link(link: u64) -> Option<SegmentId> {
        u32::try_from(link.checked_sub(1)?).ok().map(SegmentId)
    }
}

/// The purpose of a segment. Each may use more of the memory than the ones above it.
///
/// ```
/// # use retrocall_core::memory::{Arena, MapError, Need};
/// let arena = Arena::new(64 * 4096, true)?;
/// while arena.take(Need::Ordinary).is_some() {}
/// assert!(arena.take(Need::Selected).is_some(), "the reserve is left");
/// # Ok::<(), MapError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A connection without a call. Whatever it sends, it can't make memory short for calls.
    NoCall,
    /// A call that is not selected. It leaves the reserve alone.
    Ordinary,
    /// A selected call, which never loses a block. It may use the reserve.
    Selected,
    /// Half a message from a connection with calls. A little memory is kept for it even from selected calls: a call that has filled the memory would
    /// lose its connection as well.
    Message,
}

/// The memory that holds all live audio.
///
/// ```
/// # use retrocall_core::memory::{Arena, MapError, Need, SEGMENT_BYTES};
/// let arena = Arena::new(16 << 20, true)?;
/// // For the helper thread, ahead of need.
/// while arena.fault_in_ahead() > 0 {}
///
/// let segment = arena.take(Need::Ordinary).expect("there is enough");
/// assert_eq!(arena.held_bytes(), SEGMENT_BYTES);
/// arena.give_back(segment);
/// assert_eq!(arena.held_bytes(), 0);
/// # Ok::<(), MapError>(())
/// ```
pub struct Arena {
    #[cfg(not(loom))]
    memory: PrivateMemory,
    #[cfg(loom)]
    words: Vec<AtomicU64>,
    /// Ids of segments are below this.
    segments: u32,
    /// Segments kept for selected calls: a sixteenth of all.
    reserve: u32,
    /// Tag in the upper half, link of the first free segment in the lower.
    free: AtomicU64,
    /// Free segments that are faulted in. Approximate while threads are at work.
    ready: AtomicU32,
    /// Segments that were ever faulted in, or are being faulted in by the thread that counted them: those with the lowest ids. Never falls, and never
    /// passes `segments`.
    faulted: AtomicU32,
}

impl Arena {
    /// Makes an arena of at most `bytes`, of which nothing is faulted in yet.
    ///
    /// # Errors
    /// [`MapError`] if the memory can't be locked and `allow_unlocked` is false, or can't be mapped.
    #[cfg(not(loom))]
    pub fn new(bytes: usize, allow_unlocked: bool) -> Result<Arena, MapError> {
        let segments = u32::try_from(bytes / SEGMENT_BYTES).unwrap_or(u32::MAX - 1).max(1);
        let memory = PrivateMemory::new(segments as usize * SEGMENT_BYTES, Use::Segments, allow_unlocked)?;
        Ok(Arena {
            memory,
            segments,
            reserve: segments / 16,
            free: AtomicU64::new(0),
            ready: AtomicU32::new(0),
            faulted: AtomicU32::new(0),
        })
    }

    /// Makes a tiny arena for a model, all of it ready.
    #[cfg(loom)]
    pub fn for_model(segments: u32) -> Arena {
        let arena = Arena {
            words: (0..segments as usize * SEGMENT_WORDS).map(|_| AtomicU64::new(0)).collect(),
            segments,
            reserve: 0,
            free: AtomicU64::new(0),
            ready: AtomicU32::new(0),
            faulted: AtomicU32::new(0),
        };
        arena.fault_in(segments);
        arena
    }

    /// How the audio is kept in memory.
    #[cfg(not(loom))]
    pub fn kind(&self) -> MemoryKind {
        self.memory.kind()
    }

    /// The limit in bytes.
    pub fn bytes(&self) -> usize {
        self.segments as usize * SEGMENT_BYTES
    }

    /// Bytes that somebody owns. Approximate while threads are at work.
    pub fn held_bytes(&self) -> usize {
        self.bytes() - self.free_bytes()
    }

    /// Bytes that nobody owns. Approximate while threads are at work.
    pub fn free_bytes(&self) -> usize {
        self.free_segments() as usize * SEGMENT_BYTES
    }

    /// Bytes that are free and faulted in. Approximate while threads are at work.
    pub fn ready_bytes(&self) -> usize {
        self.ready.load(Ordering::Relaxed).min(self.segments) as usize * SEGMENT_BYTES
    }

    fn free_segments(&self) -> u32 {
        let untouched = self.segments - self.faulted.load(Ordering::Relaxed);
        (untouched + self.ready.load(Ordering::Relaxed)).min(self.segments)
    }

    /// Whether memory is so short that unselected calls should lose their oldest audio and new calls be refused.
    pub fn is_short(&self) -> bool {
        self.free_segments() <= self.reserve + self.reserve / 2
    }

    /// Free segments that the helper thread keeps ready: a burst of some MiB, or a quarter of a small arena.
    fn ready_wanted(&self) -> u32 {
        (self.segments / 4).clamp(1, 1024)
    }

    /// Whether the helper thread should wake: fewer segments are ready than half of those wanted, and there are more to fault in.
    pub fn wants_fault_in(&self) -> bool {
        self.ready.load(Ordering::Relaxed) < self.ready_wanted() / 2
            && self.faulted.load(Ordering::Relaxed) < self.segments
    }

    /// Faults in segments until enough are ready. For the helper thread alone. Returns how many became ready.
    pub fn fault_in_ahead(&self) -> u32 {
        let missing = self.ready_wanted().saturating_sub(self.ready.load(Ordering::Relaxed));
        self.fault_in(missing)
    }

    fn fault_in(&self, wanted: u32) -> u32 {
        let ids = std::iter::from_fn(|| self.untouched()).take(wanted as usize);
        // The link that `push` writes is the first touch of the page.
        ids.map(|id| self.push(id)).count() as u32
    }

    /// A segment that nobody has touched yet. It is counted first: a segment that is taken must not look untouched as well.
    fn untouched(&self) -> Option<SegmentId> {
        let next = |faulted: u32| (faulted < self.segments).then(|| faulted + 1);
        // Relaxed: the count gives each number to one thread, and nothing was ever written to the segment.
        self.faulted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok().map(SegmentId)
    }

    /// Takes a free segment, wiped and faulted in. None if none is free for this need. Lock-free; off the audio path.
    pub fn take(&self, need: Need) -> Option<SegmentId> {
        let kept_back = match need {
            // More than counts as short.
            Need::NoCall => Some(2 * self.reserve),
            Need::Ordinary => Some(self.reserve),
            Need::Selected => Some(self.reserve / MESSAGES_PART).filter(|kept_back| *kept_back > 0),
            Need::Message => None,
        };
        if kept_back.is_some_and(|kept_back| self.free_segments() <= kept_back) {
            return None;
        }
        self.pop().or_else(|| {
            let id = self.untouched()?;
            // Its first touch: the helper could not keep up.
            self.words(id)[0].store(0, Ordering::Relaxed);
            Some(id)
        })
    }

    fn pop(&self) -> Option<SegmentId> {
        // Acquire pairs with the Release of `push_all`: whoever takes a segment sees it wiped and its link written.
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            let id = SegmentId::from_link(head & LINK_MASK)?;
            // The segment may have been taken meanwhile, and its word be anything: then the tag has moved on and the exchange below fails.
            let next = self.words(id)[0].load(Ordering::Relaxed);
            let new = next_tag(head) | (next & LINK_MASK);
            // On failure: Acquire as above, for the head that was found. On success no model notices a weaker ordering: the head is the very store
            // that was acquired above, as its tag says, and an exchange carries on what `push_all` released whatever its own ordering is. This is
            // off the audio path and stays on the safe side.
            match self.free.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    self.ready.fetch_sub(1, Ordering::Relaxed);
                    self.words(id)[0].store(0, Ordering::Relaxed);
                    return Some(id);
                }
                Err(now) => head = now,
            }
        }
    }

    /// Wipes a segment and makes it free. The caller owned it, and forgets it with this call.
    pub fn give_back(&self, id: SegmentId) {
        self.wipe(id, false);
        self.push(id);
    }

    /// Wipes segments and makes them free, as [`Arena::give_back`]; past the processor's caches if `are_deep`, more than these should be filled
    /// with. Returns how many there were.
    pub(crate) fn give_back_all(&self, segments: impl Iterator<Item = SegmentId>, are_deep: bool) -> u32 {
        let (mut batch, mut total) = (None, 0);
        for id in segments {
            let Batch { top, bottom, count } = batch.unwrap_or(Batch { top: None, bottom: id, count: 0 });
            self.wipe(id, are_deep);
            self.words(id)[0].store(SegmentId::to_link(top), Ordering::Relaxed);
            batch = Some(Batch { top: Some(id), bottom, count: count + 1 });
            total += 1;
            if count + 1 == BATCH_SEGMENTS {
                self.push_batch(batch.take());
            }
        }
        self.push_batch(batch);
        total
    }

    fn push_batch(&self, batch: Option<Batch>) {
        if let Some(Batch { top: Some(top), bottom, count }) = batch {
            wipe::streamed();
            self.push_all(top, bottom, count);
        }
    }

    fn push(&self, id: SegmentId) {
        self.push_all(id, id, 1);
    }

    /// Makes `count` wiped segments free, which are linked from `top` to `bottom`. The caller owned them.
    fn push_all(&self, top: SegmentId, bottom: SegmentId, count: u32) {
        debug_assert!(top.0 < self.segments && bottom.0 < self.segments && count <= self.segments);
        self.ready.fetch_add(count, Ordering::Relaxed);
        let mut head = self.free.load(Ordering::Relaxed);
        loop {
            self.words(bottom)[0].store(head & LINK_MASK, Ordering::Relaxed);
            let new = next_tag(head) | SegmentId::to_link(Some(top));
            // Release pairs with the Acquire of `pop`.
            match self.free.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    #[cfg(not(loom))]
    fn wipe(&self, id: SegmentId, is_streamed: bool) {
        #[cfg(feature = "planted-leaks")]
        if crate::leaks::is(crate::leaks::Leak::Segment) {
            return;
        }
        let words = self.words(id);
        // The first cache line apart: the rest is whole lines, which a processor clears without fetching them.
        for word in &words[..LINE_WORDS] {
            word.store(0, Ordering::Relaxed);
        }
        // SAFETY: the caller owns the segment, so nobody reads or writes these words; the first word, which a `pop` under way may still read, was
        // stored as an atomic above. The words lie within the segment, and the pointer comes from the whole mapping, not from a reference to one
        // of them. The mapping's address has escaped to the kernel, so that the compiler can't leave out the stores.
        unsafe {
            let rest = self.start_of(id).add(LINE_WORDS);
            match is_streamed {
                true => wipe::stream_zeros(rest, SEGMENT_WORDS - LINE_WORDS),
                false => std::ptr::write_bytes(rest, 0, SEGMENT_WORDS - LINE_WORDS),
            }
        }
        std::hint::black_box(words);
    }

    #[cfg(loom)]
    fn wipe(&self, id: SegmentId, _is_streamed: bool) {
        for word in self.words(id) {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// The words of a segment.
    #[cfg(not(loom))]
    pub(crate) fn words(&self, id: SegmentId) -> &[AtomicU64; SEGMENT_WORDS] {
        // SAFETY: a segment begins with a page, lies within the mapping, which lives as long as `self`, and any bits are valid in its words. Atomics
        // may be shared.
        unsafe { &*self.start_of(id).cast() }
    }

    /// A pointer to the first word of a segment that may reach all of it.
    #[cfg(not(loom))]
    fn start_of(&self, id: SegmentId) -> *mut u64 {
        assert!(id.0 < self.segments);
        // SAFETY: the mapping holds `segments` segments, as was just checked.
        unsafe { self.memory.start().as_ptr().add(id.0 as usize * SEGMENT_BYTES).cast() }
    }

    #[cfg(loom)]
    pub(crate) fn words(&self, id: SegmentId) -> &[AtomicU64] {
        &self.words[id.0 as usize * SEGMENT_WORDS..][..SEGMENT_WORDS]
    }
}

/// The state of the arena's segments.
#[cfg(not(loom))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaLook {
    /// Segments that somebody owns. Their words are not looked at.
    pub held: usize,
    /// Segments that nobody owns, whether they were ever taken or not.
    pub free: usize,
    /// Words of free segments that are not zero, links aside.
    pub stained_words: usize,
}

#[cfg(not(loom))]
impl Arena {
    /// Looks at every word of every segment that nobody owns. None if segments were taken or given back all the while: it is for an arena at rest.
    ///
    /// ```
    /// # use retrocall_core::memory::{Arena, ArenaLook, MapError, Need};
    /// let arena = Arena::new(16 * 4096, true)?;
    /// let _segment = arena.take(Need::Selected);
    /// assert_eq!(arena.look(), Some(ArenaLook { held: 1, free: 15, stained_words: 0 }));
    /// # Ok::<(), MapError>(())
    /// ```
    pub fn look(&self) -> Option<ArenaLook> {
        const TRIES: usize = 5;
        (0..TRIES).find_map(|_| self.look_once())
    }

    fn look_once(&self) -> Option<ArenaLook> {
        // Acquire pairs with the Release of `push_all`, as in `pop`. A head with the same tag at the end is the same stack: a segment that was free at
        // both times was free in between. An unchanged count says the same of segments that nobody has touched.
        let head = self.free.load(Ordering::Acquire);
        let faulted = self.faulted.load(Ordering::Acquire);
        let mut is_free = vec![false; self.segments as usize];
        let mut next = SegmentId::from_link(head & LINK_MASK);
        while let Some(id) = next {
            let seen = is_free.get_mut(id.0 as usize)?;
            if std::mem::replace(seen, true) {
                return None;
            }
            next = SegmentId::from_link(self.words(id)[0].load(Ordering::Relaxed) & LINK_MASK);
        }
        let mut look = ArenaLook { held: 0, free: 0, stained_words: 0 };
        for (id, is_free) in (0..self.segments).zip(is_free) {
            if id < faulted && !is_free {
                look.held += 1;
                continue;
            }
            look.free += 1;
            let words = &self.words(SegmentId(id))[usize::from(is_free)..];
            look.stained_words += words.iter().filter(|word| word.load(Ordering::Relaxed) != 0).count();
        }
        let is_same = self.free.load(Ordering::Acquire) == head && self.faulted.load(Ordering::Acquire) == faulted;
        is_same.then_some(look)
    }
}

const LINK_MASK: u64 = 0xffff_ffff;

fn next_tag(head: u64) -> u64 {
    (head & !LINK_MASK).wrapping_add(LINK_MASK + 1)
}

#[cfg(all(test, not(loom)))]
mod tests;
