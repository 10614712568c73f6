//! What goes with an answer: a line in the log, and the wait for the disk.
//!
//! Belongs here: refusals in the log, answers that come later. Does not: what is answered (`connection`), how it is sent (`outbox`).

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};
use tracing::{info, warn};

use super::outbox::{Outbox, Reservation};
use retrocall_engine::{Engine, Mishap, RequestKind, Why};
use retrocall_words::{Answer, PrincipalId, Refusal};

/// How long a control that silences what is already written waits for the disk before it says that the disk does not do it.
const ERASE_WAIT: Duration = Duration::from_secs(10);

/// Logs a refusal, if it is one and the first of its kind.
pub(super) fn log_refusal(engine: &Engine, who: PrincipalId, ask: &'static str, answer: &Answer) {
    let Some(reason) = answer.reason else { return };
    if !engine.is_news(who, ask, Why::Refusal(reason)) {
        return;
    }
    let (call, text) = (answer.call.map(|call| call.to_string()), answer.text.as_deref().unwrap_or_default());
    match ask {
        "begin" => warn!(%who, ?reason, "a call is not captured: {text}"),
        _ => info!(%who, ask, ?reason, call, "refused: {text}"),
    }
}

/// Answers a control when the disk holds nothing any more of what it silenced.
pub(super) async fn answer_after(
    answer: Answer,
    after: oneshot::Receiver<()>,
    engine: Arc<Engine>,
    (who, ask): (PrincipalId, &'static str),
    outbox: Arc<Outbox>,
    place: Reservation,
) {
    let answer = match timeout(ERASE_WAIT, after).await {
        Ok(Ok(())) => answer,
        _ => {
            let refused = Answer { id: answer.id, call: answer.call, at: answer.at, ..Answer::refused(Refusal::Disk) };
            engine.counters().mishap(Mishap::Erase);
            engine.counters().answered(RequestKind::Other, &refused);
            log_refusal(&engine, who, ask, &refused);
            refused
        }
    };
    outbox.fill(place, &answer);
}
