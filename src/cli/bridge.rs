//! `retrocall bridge`: a phone that nobody here wrote tells of its calls; the sound devices are their audio.

use clap::Args;

use super::{Context, Failure};

/// x
#[derive(Args)]
pub(super) struct BridgeArgs {}

pub(super) fn run(_context: &Context, _args: BridgeArgs) -> Result<(), Failure> {
    Ok(())
}
