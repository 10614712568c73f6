//! The program `retrocall`.

use std::process::ExitCode;

fn main() -> ExitCode {
    retrocall::cli::main()
}
