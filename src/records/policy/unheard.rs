//! Which calls of the sample go unheard, where more were drawn than can be heard (D1).
//!
//! Belongs here: the order. Does not: the draw itself, who hears what.

/// Weeks of hearing that may wait.
const WEEKS: usize = 2;

/// Of the calls that wait to be heard, by the HMAC of their draw: those that go unheard, because they lie beyond two weeks of what can be heard. The
/// highest HMAC goes first, so that nobody chooses. Without a number that can be heard none goes before its fourteenth day.
///
/// ```
/// use retrocall_records::policy::beyond_hearing;
///
/// let waiting = vec![(0x70, "third"), (0x10, "first"), (0x90, "last"), (0x40, "second")];
/// assert_eq!(beyond_hearing(waiting, Some(1)), ["last", "third"]);
/// ```
pub fn beyond_hearing<H: Ord, C>(mut waiting: Vec<(H, C)>, review_per_week: Option<usize>) -> Vec<C> {
    let Some(per_week) = review_per_week else { return Vec::new() };
    waiting.sort_by(|(one, _), (other, _)| one.cmp(other));
    let heard = per_week.saturating_mul(WEEKS).min(waiting.len());
    let mut beyond = waiting.split_off(heard);
    beyond.reverse();
    beyond.into_iter().map(|(_, call)| call).collect()
}
