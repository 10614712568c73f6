//! Bytes of the operating system's generator: for keys, seeds and salts.

use std::io;

use rand::{TryRng, rngs::SysRng};

/// So many of them.
pub(super) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
