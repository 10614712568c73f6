//! `retrocall join`: makes this home a site of a centre.

use clap::Args;
use serde_json::json;

use super::{Context, Failure, output};
use retrocall_link::join;

const EXAMPLES: &str = "Examples:
  retrocall join https://calls.example --code 7KQ2-…
  retrocall join https://calls.example --code 7KQ2-… --json

An administrator makes the code at the centre with `retrocall centre code`: it is good once, for ten
minutes. The key that signs deliveries from then on is in link.key, in the home folder.";

/// Join a centre: from then on `retrocall link` delivers there
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct JoinArgs {
    /// The centre's address
    #[arg(value_name = "URL")]
    url: String,
    /// The code that an administrator made there
    #[arg(long, value_name = "CODE")]
    code: String,
}

pub(super) fn run(context: &Context, JoinArgs { url, code }: JoinArgs) -> Result<(), Failure> {
    let site = join(context.home(), &url, code.trim()).map_err(Failure::whole)?;
    if context.json() {
        output::say_json(&json!({ "site": site, "centre": url.trim_end_matches('/') }));
    } else {
        output::say(&format!("This home is site {site} of {url}: start `{}`.", context.typed("link")));
    }
    Ok(())
}
