//! `muster-local`: the local stand-in for AWS.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match muster_local::cli::run(muster_local::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
