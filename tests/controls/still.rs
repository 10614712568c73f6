//! A desk whose time stands still until a test lets it pass: the real engine and its real socket, in this process.
//!
//! Belongs here: starting and stopping it, its clock. Does not: what must be true of it.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
    sync::mpsc,
    thread,
    time::Duration,
};

use retrocall::{
    catalog,
    client::Client,
    engine::Engine,
    intake::{self, Inherited, ServeError},
    settings::Settings,
    watch::signals::Signals,
    words::TestClock,
};

use crate::{
    RATE,
    desk::{Home, Line, PATIENCE},
};

/// An engine of recording on demand alone that has its time from a test.
pub struct StillDesk {
    home: Home,
    clock: Arc<TestClock>,
    socket: PathBuf,
    stop: Box<dyn Fn() + Send>,
    serving: thread::JoinHandle<Result<(), ServeError>>,
}

impl Deref for StillDesk {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl StillDesk {
    pub fn open() -> StillDesk {
        let (home, clock) = (Home::new(), Arc::new(TestClock::default()));
        let settings = Settings { one_in: 0, memory: Some(4 << 20), allow_unlocked: true, ..Settings::default() };
        let open = |home: &Path, clock| catalog::open(home, clock, settings.country, settings.one_in);
        let engine = Engine::start_with(home.path(), &settings, open, Arc::clone(&clock) as _).expect("an engine");
        let (signals, stop) = Signals::by_hand();
        let (say, ready) = mpsc::channel();
        let serving = thread::spawn(move || {
            let ready = |ready: intake::Ready<'_>| say.send(ready.socket.to_owned()).expect("the test waits");
            intake::serve(engine, &settings, Inherited::default(), signals, ready)
        });
        let socket = ready.recv_timeout(PATIENCE).expect("the engine is ready");
        StillDesk { home, clock, socket, stop: Box::new(stop), serving }
    }

    /// A connection to it.
    pub fn client(&self) -> Client {
        Client::connect(&self.socket).expect("a connection")
    }

    /// A call of `anna` on a connection of its own.
    pub fn begin(&self) -> Line {
        Line::begin_on(self.client(), "anna", RATE)
    }

    /// So many milliseconds pass. What was sent before must have been taken in, or it comes after them: [`Line::settle`].
    pub fn pass(&self, ms: u64) {
        self.clock.pass(Duration::from_millis(ms));
    }

    /// Stops it.
    pub fn stop(self) -> Home {
        (self.stop)();
        self.serving.join().expect("it serves to the end").expect("everything is kept");
        self.home
    }
}
