//! `muster`: checks files and connection files on a laptop, and shows what a file would change.
//!
//! The same core as in the cloud, without it: a plan made here is the plan that an upload would get, if the
//! connection owns what `--base` says. Nothing is sent anywhere.

mod args;
mod base;
mod connection;
mod failure;
mod init;
mod json;
mod memory;
mod plan;
mod planning;
mod progress;
mod providers;
mod show;
mod sink;
mod validate;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use self::args::{Arguments, Command};
use self::failure::Failure;

/// How a command ended well; anything else is a [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// A plan would apply; a file or connection has no errors.
    Well,
    /// A plan would be held.
    Held,
    /// A file has errors.
    Errors,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Well => Self::SUCCESS,
            Ended::Held => Self::from(2),
            Ended::Errors => Self::from(3),
        }
    }
}

/// Runs the command that the arguments ask for; the first one is the program's name. Exit codes: 0 well, 1 something
/// could not be read or was asked for wrongly, 2 a plan would be held, 3 a validated file has errors.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to be told when this fails.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let (json, result) = match arguments.command {
        Command::Plan(arguments) => (arguments.json, plan::run(&arguments)),
        Command::Validate(arguments) => (arguments.json, validate::run(&arguments)),
        Command::Init(arguments) => (false, init::run(&arguments)),
        Command::Providers(arguments) => (arguments.json, providers::run(&arguments)),
    };
    match result {
        Ok(ended) => ended.into(),
        // Whoever read the output has seen enough, as `head` does.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure, json);
            ExitCode::FAILURE
        }
    }
}

fn tell(failure: &Failure, json: bool) {
    let _ = writeln!(std::io::stderr(), "error: {failure}");
    if json {
        let _ = writeln!(std::io::stdout(), "{}", failure.to_json());
    }
}
