//! `retrocall run`: the engine in the foreground.

use clap::Args;

use super::{Context, Failure};
use crate::settings::{Settings, parse_size};

const EXAMPLES: &str = "Examples:
  retrocall run                        the engine, with the settings of retrocall.toml
  retrocall run --one-in 0             recording on demand alone, no sample
  retrocall run --memory 1GiB          room for more calls
  retrocall --home /srv/desk run       another home folder

Settings: retrocall.toml in the home folder. Stop it with Ctrl-C or SIGTERM: selected calls are written first.";

/// The engine, in the foreground
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Sample one call in N; 0: none [default: 10]
    #[arg(long, value_name = "N")]
    pub one_in: Option<u32>,
    /// Memory for live calls, like 256MiB [default: 256MiB, or what this user may lock]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
    /// Run even if memory can't be locked: audio may then reach the swap
    #[arg(long)]
    pub allow_unlocked: bool,
}

impl RunArgs {
    /// Flags override the file.
    pub fn apply(&self, settings: &mut Settings) {
        settings.one_in = self.one_in.unwrap_or(settings.one_in);
        settings.memory = self.memory.or(settings.memory);
        settings.allow_unlocked |= self.allow_unlocked;
    }
}

/// Runs the engine until it is told to stop.
pub(super) fn run(context: &Context, args: RunArgs) -> Result<(), Failure> {
    let mut settings = context.settings()?;
    args.apply(&mut settings);
    Err(Failure::new("this build has no engine in it", "use a build that has"))
}
