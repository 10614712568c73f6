//! A press from afar, at the site whose call it means: carried out once, in time, for that call alone, or not at all.
//!
//! Belongs here: what is carried out, and what is answered to a press that comes again. Does not: how it came, how the engine is asked (`beside`).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use retrocall_words::{
    Answer, Ask, CallId, Clock, Verb,
    afar::{AfarCall, CallNews, Came, PRESS_TIME, Press, PressId, afar},
};
use tokio::sync::watch;
use tracing::warn;

/// Presses whose answers are remembered: far more than come while one is young enough to be carried out.
const REMEMBERED: usize = 4_096;

/// Why an engine does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silent {
    /// None was there: it was not asked.
    NotThere,
    /// It was asked, and has not answered.
    NoAnswer,
    /// It was so slow that it was not asked.
    TooLate,
}

/// The engine beside a link.
pub trait Beside: Send + Sync + 'static {
    /// Its live calls. Waits for it.
    ///
    /// # Errors
    /// That it does not answer.
    fn calls(&self) -> Result<Vec<AfarCall>, Silent>;

    /// Has it do what an agent pressed so long ago, with that agent's rights and no others: for a call that is theirs at that moment. Waits for it.
    ///
    /// # Errors
    /// That it does not answer.
    fn press(&self, agent: &str, call: CallId, ask: Ask, ago: Duration) -> Result<Answer, Silent>;
}

/// What comes of a press, once it has, and whoever says it.
type Outcome = watch::Receiver<Option<Came>>;
type Teller = watch::Sender<Option<Came>>;

/// What was pressed, and what came of it.
#[derive(Default)]
struct Memory {
    all: HashMap<PressId, (Press, Outcome)>,
    order: VecDeque<PressId>,
}

/// Presses at a site.
pub(crate) struct Presses {
    beside: Arc<dyn Beside>,
    may: Vec<Verb>,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

impl Presses {
    pub(crate) fn new(beside: Arc<dyn Beside>, may: Vec<Verb>, clock: Arc<dyn Clock>) -> Presses {
        Presses { beside, may, clock, memory: Mutex::default() }
    }

    /// The controls that may be carried.
    pub(crate) fn may(&self) -> Vec<String> {
        self.may.iter().map(|verb| verb.as_str().to_owned()).collect()
    }

    /// What comes of a press that was so old when it came; and whether it came for the first time.
    pub(crate) async fn carry_out(self: &Arc<Self>, press: Press, age: Duration) -> (Came, bool) {
        let (done, mut outcome, is_first) = match self.remembered(&press) {
            Err(other) => return (other, false),
            Ok((done, outcome)) => {
                let is_first = done.is_some();
                (done, outcome, is_first)
            }
        };
        if let Some(done) = done {
            let (presses, came_at) = (Arc::clone(self), self.clock.now());
            let carried = tokio::task::spawn_blocking(move || presses.press(&press, age, came_at));
            // Its thread has failed: nobody knows how far it came.
            let _ = done.send(Some(carried.await.unwrap_or(Came::Unknown)));
        }
        let came = outcome.wait_for(Option::is_some).await.ok().and_then(|came| came.clone());
        (came.unwrap_or(Came::Unknown), is_first)
    }

    /// Remembers a press that is new, to say what came of it. One that came before is answered as it was then: nothing is done twice.
    fn remembered(&self, press: &Press) -> Result<(Option<Teller>, Outcome), Came> {
        let mut memory = self.memory.lock();
        if let Some((known, outcome)) = memory.all.get(&press.press) {
            if known == press {
                return Ok((None, outcome.clone()));
            }
            let answer = Answer::malformed("another press has this id: each needs one of its own".to_owned());
            return Err(Came::Answered { answer: Box::new(answer) });
        }
        let (done, outcome) = watch::channel(None);
        memory.all.insert(press.press, (press.clone(), outcome.clone()));
        memory.order.push_back(press.press);
        if memory.order.len() > REMEMBERED {
            let oldest = memory.order.pop_front();
            oldest.and_then(|oldest| memory.all.remove(&oldest));
        }
        Ok((Some(done), outcome))
    }

    fn press(&self, press: &Press, age: Duration, came_at: std::time::Instant) -> Came {
        let Some(ask) = afar(press.does).filter(|_| CallNews::lets(&self.may(), press.does)) else {
            return Came::Barred;
        };
        // Its thread may have waited too.
        let age = age + self.clock.since(came_at);
        // Model: `Expires`.
        if age >= PRESS_TIME {
            return Came::Late;
        }
        // Model: `NamesCall`, `Arrives`.
        match self.beside.press(&press.agent, press.call, ask, age) {
            Ok(answer) => Came::Answered { answer: Box::new(answer) },
            Err(Silent::NotThere) => Came::NoEngine,
            Err(Silent::TooLate) => Came::Late,
            // Model: `NoAnswerIsUnknown`.
            Err(Silent::NoAnswer) => {
                warn!(press = %press.press, call = %press.call, "the engine has not answered a press from afar");
                Came::Unknown
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use retrocall_words::{TestClock, Verdict};

    use super::*;

    /// An engine that counts, and in which a press takes this long.
    struct Counting {
        clock: Arc<TestClock>,
        pressed: AtomicU32,
        answers: Result<(), Silent>,
        asked: Mutex<Vec<(String, Duration)>>,
    }

    impl Beside for Counting {
        fn calls(&self) -> Result<Vec<AfarCall>, Silent> {
            Ok(Vec::new())
        }

        fn press(&self, agent: &str, call: CallId, _: Ask, ago: Duration) -> Result<Answer, Silent> {
            self.pressed.fetch_add(1, Ordering::SeqCst);
            self.asked.lock().push((agent.to_owned(), ago));
            self.clock.pass(Duration::from_millis(5));
            self.answers?;
            Ok(Answer { call: Some(call), ..Answer::new(Verdict::Accepted) })
        }
    }

    fn site(answers: Result<(), Silent>) -> (Arc<Presses>, Arc<Counting>, Arc<TestClock>) {
        let clock = Arc::new(TestClock::default());
        let (pressed, asked) = (AtomicU32::new(0), Mutex::default());
        let engine = Arc::new(Counting { clock: Arc::clone(&clock), pressed, answers, asked });
        let may = vec![Verb::Record, Verb::Mask];
        (Arc::new(Presses::new(Arc::clone(&engine) as _, may, Arc::clone(&clock) as _)), engine, clock)
    }

    fn press(does: Verb) -> Press {
        let (agent, by) = ("anna".to_owned(), "a.jansen".to_owned());
        Press { press: PressId::new(), call: CallId::new(), agent, by, does }
    }

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_press_that_comes_twice_is_done_once_and_answered_as_it_was() {
        let (site, engine, clock) = site(Ok(()));
        let one = press(Verb::Record);
        let (first, is_first) = site.carry_out(one.clone(), 20 * MS).await;
        assert!(is_first && matches!(&first, Came::Answered { answer } if answer.call == Some(one.call)), "{first:?}");
        // Also long after anybody would carry it out.
        clock.pass(Duration::from_secs(60));
        assert_eq!(site.carry_out(one.clone(), Duration::from_secs(60)).await, (first, false));
        assert_eq!(engine.pressed.load(Ordering::SeqCst), 1);
        assert_eq!(
            *engine.asked.lock(),
            [("anna".to_owned(), 20 * MS)],
            "a silence reaches back to when it was pressed"
        );
        // With its id nothing else can be pressed.
        let (other, is_first) = site.carry_out(Press { call: CallId::new(), ..one }, MS).await;
        assert!(
            !is_first && matches!(&other, Came::Answered { answer } if answer.answer == Verdict::Refused),
            "{other:?}"
        );
        assert_eq!(engine.pressed.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn two_copies_of_a_press_that_come_at_once_are_done_once() {
        let (site, engine, _) = site(Ok(()));
        let one = press(Verb::Mask);
        let copies: Vec<_> = (0..8)
            .map(|_| {
                let (site, one) = (Arc::clone(&site), one.clone());
                tokio::spawn(async move { site.carry_out(one, MS).await.0 })
            })
            .collect();
        for copy in copies {
            assert!(matches!(copy.await, Ok(Came::Answered { .. })));
        }
        assert_eq!(engine.pressed.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_press_that_is_two_seconds_old_is_late_and_one_that_the_home_does_not_let_through_is_barred() {
        let (site, engine, _) = site(Ok(()));
        assert_eq!(site.carry_out(press(Verb::Record), PRESS_TIME).await.0, Came::Late);
        assert_eq!(site.carry_out(press(Verb::Private), MS).await.0, Came::Barred);
        assert_eq!(site.carry_out(press(Verb::EraseLast), MS).await.0, Came::Barred);
        assert_eq!(engine.pressed.load(Ordering::SeqCst), 0);
        // Whoever may silence may end the silence.
        assert!(matches!(site.carry_out(press(Verb::Unmask), PRESS_TIME - MS).await.0, Came::Answered { .. }));
    }

    #[tokio::test]
    async fn without_an_answer_nobody_says_that_it_was_done() {
        let (deaf, _, _) = site(Err(Silent::NoAnswer));
        let one = press(Verb::Record);
        assert_eq!(deaf.carry_out(one.clone(), MS).await.0, Came::Unknown);
        assert_eq!(
            deaf.carry_out(one, MS).await,
            (Came::Unknown, false),
            "it may have been done: nobody does it again"
        );
        let (alone, _, _) = site(Err(Silent::NotThere));
        assert_eq!(alone.carry_out(press(Verb::Record), MS).await.0, Came::NoEngine);
    }
}
