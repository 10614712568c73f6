//! The commands: one file each, so that this folder's listing is the manual.
//!
//! Belongs here: flags, words for people, JSON for programs, exit codes. Does not: rules, the bytes of sockets, audio.

mod access;
mod actor;
mod agent;
mod backup;
mod bench;
mod bridge;
mod calls;
mod capture;
mod case;
mod centre;
mod check;
mod conform;
mod context;
mod control;
mod copy;
mod demo;
mod devices;
mod disclose;
mod doctor;
mod draw;
mod erase;
mod erase_last;
mod evaluation;
mod failure;
mod hold;
mod hotkey;
mod incident;
mod inventory;
mod join;
mod ledger;
mod link;
mod mask;
mod note;
mod object;
mod output;
mod paperwork;
mod pipe;
mod play;
mod policy;
mod private;
mod private_engine;
mod prove;
mod purpose;
mod record;
mod recordings;
mod replay;
mod restore;
mod review;
mod run;
mod silence;
mod status;
mod subject;
mod sweep;
mod token;
mod top;
mod training;
mod unmask;
mod user;
mod web;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use nix::sys::signal::{SigSet, Signal};

pub use context::Context;
pub use failure::Failure;
pub use run::RunArgs;

use retrocall_engine::watch::spool;
use retrocall_proof::bench::Rival;

/// Keeps the right calls, from their first second, and no others.
#[derive(Parser)]
#[command(name = "retrocall", version, arg_required_else_help = true, propagate_version = true, max_term_width = 100)]
struct Cli {
    /// The home folder, which holds everything [default: $XDG_DATA_HOME/retrocall, or ~/.local/share/retrocall]
    #[arg(long, global = true, value_name = "DIR", display_order = 900)]
    home: Option<PathBuf>,
    /// Print facts as JSON
    #[arg(long, global = true, display_order = 901)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunArgs),
    Replay(replay::ReplayArgs),
    Pipe(pipe::PipeArgs),
    Capture(capture::CaptureArgs),
    Bridge(bridge::BridgeArgs),
    Devices(devices::DevicesArgs),
    Record(record::RecordArgs),
    Copy(copy::CopyArgs),
    Mask(mask::MaskArgs),
    Unmask(unmask::UnmaskArgs),
    EraseLast(erase_last::EraseLastArgs),
    Private(private::PrivateArgs),
    Object(object::ObjectArgs),
    Hotkey(hotkey::HotkeyArgs),
    Calls(calls::CallsArgs),
    Top(top::TopArgs),
    Status(status::StatusArgs),
    Recordings(recordings::RecordingsArgs),
    Play(play::PlayArgs),
    Review(review::ReviewArgs),
    Note(note::NoteArgs),
    Evaluation(evaluation::EvaluationArgs),
    Agent(agent::AgentArgs),
    Case(case::CaseArgs),
    Incident(incident::IncidentArgs),
    Hold(hold::HoldArgs),
    Access(access::AccessArgs),
    Erase(erase::EraseArgs),
    Disclose(disclose::DiscloseArgs),
    Inventory(inventory::InventoryArgs),
    Purpose(purpose::PurposeArgs),
    Training(training::TrainingArgs),
    Silence(silence::SilenceArgs),
    User(user::UserArgs),
    Token(token::TokenArgs),
    Web(web::WebArgs),
    Link(link::LinkArgs),
    Join(join::JoinArgs),
    Centre(centre::CentreArgs),
    Policy(policy::PolicyArgs),
    Paperwork(paperwork::PaperworkArgs),
    Sweep(sweep::SweepArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Check(check::CheckArgs),
    Ledger(ledger::LedgerArgs),
    Draw(draw::DrawArgs),
    Conform(conform::ConformArgs),
    Doctor(doctor::DoctorArgs),
    Demo(demo::DemoArgs),
    Prove(prove::ProveArgs),
    Bench(bench::BenchArgs),
}

/// The program: reads the command line, runs the command, and returns the exit code. 0: done; 1: refused or failed; 2: wrong usage.
pub fn main() -> ExitCode {
    main_with(&[])
}

/// Prints help and versions as they are, and wrong usage without control characters, because it repeats the command line.
fn wrong_usage(error: &clap::Error) -> ! {
    if !error.use_stderr() {
        error.exit()
    }
    output::warn(&error.render().to_string());
    output::leave(error.exit_code())
}

/// The program, with rivals for `bench` that it does not depend on itself.
pub fn main_with(rivals: &[Rival]) -> ExitCode {
    spool::tell_panics();
    // A file that grows beyond the limit gives an error to its writer. Without this, a signal would end the whole process.
    let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
    let cli = Cli::try_parse().unwrap_or_else(|error| wrong_usage(&error));
    let done = Context::new(cli.home, cli.json).and_then(|context| match cli.command {
        Command::Run(args) => run::run(&context, args),
        Command::Replay(args) => replay::run(&context, args),
        Command::Pipe(args) => pipe::run(&context, args),
        Command::Capture(args) => capture::run(&context, args),
        Command::Bridge(args) => bridge::run(&context, args),
        Command::Devices(args) => devices::run(&context, args),
        Command::Record(args) => record::run(&context, args),
        Command::Copy(args) => copy::run(&context, args),
        Command::Mask(args) => mask::run(&context, args),
        Command::Unmask(args) => unmask::run(&context, args),
        Command::EraseLast(args) => erase_last::run(&context, args),
        Command::Private(args) => private::run(&context, args),
        Command::Object(args) => object::run(&context, args),
        Command::Hotkey(args) => hotkey::run(&context, args),
        Command::Calls(args) => calls::run(&context, args),
        Command::Top(args) => top::run(&context, args),
        Command::Status(args) => status::run(&context, args),
        Command::Recordings(args) => recordings::run(&context, args),
        Command::Play(args) => play::run(&context, args),
        Command::Review(args) => review::run(&context, args),
        Command::Note(args) => note::run(&context, args),
        Command::Evaluation(args) => evaluation::run(&context, args),
        Command::Agent(args) => agent::run(&context, args),
        Command::Case(args) => case::run(&context, args),
        Command::Incident(args) => incident::run(&context, args),
        Command::Hold(args) => hold::run(&context, args),
        Command::Access(args) => access::run(&context, args),
        Command::Erase(args) => erase::run(&context, args),
        Command::Disclose(args) => disclose::run(&context, args),
        Command::Inventory(args) => inventory::run(&context, args),
        Command::Purpose(args) => purpose::run(&context, args),
        Command::Training(args) => training::run(&context, args),
        Command::Silence(args) => silence::run(&context, args),
        Command::User(args) => user::run(&context, args),
        Command::Token(args) => token::run(&context, args),
        Command::Web(args) => web::run(&context, args),
        Command::Link(args) => link::run(&context, args),
        Command::Join(args) => join::run(&context, args),
        Command::Centre(args) => centre::run(&context, args),
        Command::Policy(args) => policy::run(&context, args),
        Command::Paperwork(args) => paperwork::run(&context, args),
        Command::Sweep(args) => sweep::run(&context, args),
        Command::Backup(args) => backup::run(&context, args),
        Command::Restore(args) => restore::run(&context, args),
        Command::Check(args) => check::run(&context, args),
        Command::Ledger(args) => ledger::run(&context, args),
        Command::Draw(args) => draw::run(&context, args),
        Command::Conform(args) => conform::run(&context, args),
        Command::Doctor(args) => doctor::run(&context, args),
        Command::Demo(args) => demo::run(&context, args),
        Command::Prove(args) => prove::run(&context, args),
        Command::Bench(args) => bench::run(&context, args, rivals),
    });
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string());
            ExitCode::FAILURE
        }
    };
    output::last_words();
    code
}
