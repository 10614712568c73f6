//! A network between two machines that a test can spoil: what is said one way is swallowed, or held back for a while.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

/// What happens to bytes.
#[derive(Default)]
struct State {
    /// Nothing that a link says arrives.
    swallows: AtomicBool,
    /// What a centre says waits.
    holds: Mutex<bool>,
    released: Condvar,
    open: Mutex<Vec<TcpStream>>,
}

/// A proxy in front of a centre.
pub struct Proxy {
    state: Arc<State>,
    pub url: String,
}

impl Proxy {
    /// In front of this address. Its threads end with the process.
    pub fn before(centre: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (state, centre) = (Arc::<State>::default(), centre.to_owned());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for link in listener.incoming().map_while(Result::ok) {
                let Ok(to) = TcpStream::connect(&centre) else { continue };
                let pair = || (link.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                shared.open.lock().extend([pair().0, pair().1]);
                let ((from_link, to_centre), (to_link, from_centre)) = (pair(), pair());
                let (up, down) = (Arc::clone(&shared), Arc::clone(&shared));
                thread::spawn(move || pass(from_link, to_centre, || !up.swallows.load(Ordering::SeqCst)));
                thread::spawn(move || {
                    pass(from_centre, to_link, || {
                        let mut holds = down.holds.lock();
                        while *holds {
                            down.released.wait_for(&mut holds, Duration::from_secs(60));
                        }
                        true
                    });
                });
            }
        });
        Proxy { state, url }
    }

    /// From now on the centre hears nothing of the link, or again.
    pub fn swallow(&self, swallows: bool) {
        self.state.swallows.store(swallows, Ordering::SeqCst);
    }

    /// From now on what the centre says waits, or comes.
    pub fn hold(&self, holds: bool) {
        *self.state.holds.lock() = holds;
        self.state.released.notify_all();
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.state.open.lock().drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }
}

/// Passes on what comes, as far as it may, until either end is closed.
fn pass(mut from: TcpStream, mut to: TcpStream, may: impl Fn() -> bool) {
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut some) {
        if may() && to.write_all(&some[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
