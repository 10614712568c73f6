//! One recording is delivered: read, offered, sent in parts, and believed to be there once the centre has read it back.
//!
//! Belongs here: the steps of one delivery. Does not: which recording is next, what becomes of the copy here.

use std::{io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use reqwest::Method;
use retrocall_file::{
    Piece,
    samples::{OnDisk, Source as _},
    wipe_traces,
};
use retrocall_records::{
    desk::{Arrival, Outbound},
    parcel::{PART_BYTES_MAX, PartFacts},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::centre::{Centre, Fault, digest};

/// What became of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// The centre has it. With the SHA-256 of its files, one after the other.
    There(String),
    /// The centre has deleted it.
    Gone,
}

/// A recording with what its files hold.
struct Measured {
    outbound: Outbound,
    sha256: String,
}

/// What is said of a recording.
#[derive(Serialize)]
struct Said<'a> {
    parcel: &'a str,
    signature: &'a str,
}

/// What the centre answers to an offer.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", tag = "answer")]
enum Offered {
    Send { lacks: Vec<(usize, usize)> },
    Already,
    Gone,
    Late,
}

#[derive(Deserialize)]
struct Took {
    answer: String,
}

#[derive(Deserialize)]
struct Arrived {
    answer: Arrival,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A part of a file: from its place on, as many bytes as a part has, or fewer at the end.
fn part_of(file: &OnDisk, at: u64, bytes: u64) -> io::Result<Piece> {
    let mut piece = Piece::zeros(usize::try_from(bytes).map_err(io::Error::other)?);
    file.read_exact_at(piece.bytes_mut(), at)?;
    Ok(piece)
}

/// Reads all files, for the hashes of their parts.
#[inline(never)]
fn measured(mut outbound: Outbound) -> io::Result<Measured> {
    let mut whole = Sha256::new();
    for (facts, path) in outbound.parcel.files.iter_mut().zip(&outbound.files) {
        let file = OnDisk(path.clone());
        let (length, mut at) = (file.bytes()?, 0);
        while at < length {
            let bytes = PART_BYTES_MAX.min(length - at);
            let piece = part_of(&file, at, bytes)?;
            whole.update(piece.as_ref());
            facts.parts.push(PartFacts { bytes, sha256: digest(piece.as_ref()) });
            at += bytes;
        }
    }
    Ok(Measured { outbound, sha256: hex(&whole.finalize()) })
}

async fn waiting<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(move || {
        let done = work();
        // The last bytes of a recording wait in the sum's own buffer, on the stack.
        wipe_traces();
        done
    })
    .await
    .map_err(io::Error::other)?
}

/// Delivers one. What the centre has of it already is not sent again.
pub(crate) async fn deliver(centre: &Centre, outbound: Outbound) -> Result<Delivered, Fault> {
    let unreadable = |error: io::Error| Fault::Refused(format!("its file can't be read here ({error})"));
    let Measured { outbound, sha256 } = waiting(move || measured(outbound)).await.map_err(unreadable)?;
    let parcel = serde_json::to_string(&outbound.parcel).map_err(|error| Fault::Refused(error.to_string()))?;
    let said = Said { parcel: &parcel, signature: &centre.sign_parcel(&parcel) };
    let said: Bytes = serde_json::to_vec(&said).map_err(|error| Fault::Refused(error.to_string()))?.into();
    let token = &outbound.token;
    // Model: `Offer`.
    let offered = centre.ask(Method::POST, &format!("/link/v1/recordings/{token}"), said.clone()).await?;
    let lacks = match offered {
        Offered::Send { lacks } => lacks,
        Offered::Already => return Ok(Delivered::There(sha256)),
        Offered::Gone => return Ok(Delivered::Gone),
        Offered::Late => return Err(late()),
    };
    let files: Arc<[PathBuf]> = outbound.files.as_slice().into();
    for (file, part) in lacks {
        send(centre, &outbound, &files, (file, part)).await?;
    }
    let Arrived { answer } = centre.ask(Method::POST, &format!("/link/v1/recordings/{token}/done"), said).await?;
    match answer {
        Arrival::Stored | Arrival::Already => Ok(Delivered::There(sha256)),
        Arrival::Gone => Ok(Delivered::Gone),
        Arrival::Late => Err(late()),
    }
}

/// Its time was over before it ended: it begins anew.
fn late() -> Fault {
    Fault::Away { why: "the time of the delivery was over".to_owned(), retry_seconds: 1 }
}

async fn send(
    centre: &Centre,
    outbound: &Outbound,
    files: &Arc<[PathBuf]>,
    (file, part): (usize, usize),
) -> Result<(), Fault> {
    let wrong = || Fault::Refused("the centre asks for a part that there is not".to_owned());
    let facts = outbound.parcel.files.get(file.wrapping_sub(1)).ok_or_else(wrong)?;
    let bytes = facts.parts.get(part.wrapping_sub(1)).ok_or_else(wrong)?.bytes;
    let (files, at) = (Arc::clone(files), (part as u64 - 1) * PART_BYTES_MAX);
    let piece = waiting(move || part_of(&OnDisk(files[file - 1].clone()), at, bytes)).await;
    let piece = piece.map_err(|error| Fault::Refused(format!("its file can't be read here ({error})")))?;
    let path = format!("/link/v1/recordings/{}/parts/{}/{file}/{part}", outbound.token, outbound.parcel.recording);
    let Took { answer } = centre.ask(Method::PUT, &path, Bytes::from_owner(piece)).await?;
    if answer == "taken" { Ok(()) } else { Err(late()) }
}
