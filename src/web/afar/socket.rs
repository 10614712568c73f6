//! The socket of one site, at the centre.
//!
//! Belongs here: what is said over it, and when it is closed. Does not: whether the site may open one (`sites::guard`), what a press means.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use retrocall_words::afar::{CentreSays, PING_EVERY, SiteSays};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};

use super::Afar;

/// Without a word of the site for so long the socket is gone: two pings and a bit.
const QUIET_MAX: Duration = Duration::from_secs(2 * PING_EVERY.as_secs() + 10);
/// How long a site may take to take what is said to it.
const SEND_MAX: Duration = Duration::from_secs(10);
/// Messages that wait for a site. One that does not take them gets no more presses.
const WAITING_MAX: usize = 64;
/// Bytes of a message.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Pings after which it is looked whether the site may still: it is told at once, unless that is lost.
const LOOK_PINGS: u64 = 3;

/// Serves a socket until it is closed.
pub(crate) async fn serve(afar: Arc<Afar>, site: Arc<str>, mut socket: WebSocket, place: OwnedSemaphorePermit) {
    let (to_site, mut says) = mpsc::channel(WAITING_MAX);
    let number = afar.opened(&site, to_site);
    // Whatever was taken from the site between its request and now.
    let mut may = afar.may(&site).await != Some(false);
    let mut pings = 0;
    while may {
        let message = tokio::select! {
            says = says.recv() => match says {
                Some(says) => says,
                // It has another socket by now, or stands otherwise.
                None => break,
            },
            heard = timeout(QUIET_MAX, socket.recv()) => {
                let Ok(Some(Ok(message))) = heard else { break };
                let Message::Text(text) = message else {
                    if matches!(message, Message::Close(_)) { break }
                    continue;
                };
                match serde_json::from_str(&text) {
                    Ok(SiteSays::Ping { at_us }) => {
                        pings += 1;
                        if pings % LOOK_PINGS == 0 {
                            may = afar.may(&site).await != Some(false);
                        }
                        CentreSays::Pong { at_us, here_us: afar.shows() }
                    }
                    Ok(SiteSays::Calls(news)) => {
                        afar.heard_calls(&site, number, news);
                        continue;
                    }
                    Ok(SiteSays::Came { ask, came }) => {
                        afar.came(&site, ask, came);
                        continue;
                    }
                    // One of a later version.
                    Err(_) => continue,
                }
            }
        };
        let Ok(text) = serde_json::to_string(&message) else { continue };
        let sent = timeout(SEND_MAX, socket.send(Message::Text(text.into()))).await;
        if !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    afar.closed(&site, number);
    drop(place);
}
