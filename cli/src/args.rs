//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes:
  0  plan: would be applied; validate: no errors; init: a connection file was proposed
  1  a file cannot be read at all, a connection file is wrong, or the command line is
  2  plan: would be held for a person's decision
  3  validate: the file or some of its rows have errors";

/// Shows what a people file would change, on a laptop: nothing is sent anywhere.
#[derive(Debug, Parser)]
#[command(name = "muster", version, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Checks a file against a connection file, or a connection file alone.
    #[command(after_help = EXIT_CODES)]
    Validate(Validate),
    /// Proposes a connection file from a sample; its header is enough.
    #[command(after_help = EXIT_CODES)]
    Init(Init),
    /// Shows whom a file would add, update, deactivate, reactivate and remove, and what would hold it.
    #[command(after_help = EXIT_CODES)]
    Plan(Plan),
    /// Searches the HR systems and directories that can be connected, and says how.
    Providers(Providers),
}

#[derive(Debug, Args)]
pub(crate) struct Providers {
    /// What the system is called; near misses are found too. Without it all are listed.
    #[arg(value_name = "TEXT", default_value = "")]
    pub(crate) text: String,
    /// Print JSON instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How files are opened.
#[derive(Debug, Args)]
pub(crate) struct Opening {
    /// A PGP secret key, armoured or binary, for encrypted files.
    #[arg(long, value_name = "FILE")]
    pub(crate) pgp_key: Option<PathBuf>,
    /// A file with the passphrase of the PGP key; a line end at its end does not count.
    #[arg(long, value_name = "FILE", requires = "pgp_key")]
    pub(crate) pgp_passphrase_file: Option<PathBuf>,
    /// Refuse a file whose name does not match the connection's pattern, as an upload would be. Otherwise it is a
    /// warning.
    #[arg(long)]
    pub(crate) check_name: bool,
    /// Do not even warn about the file's name.
    #[arg(long, conflicts_with = "check_name")]
    pub(crate) any_name: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The file; without it only the connection file is checked.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The connection file.
    #[arg(long, short, value_name = "C.toml")]
    pub(crate) connection: PathBuf,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A file with the columns as they will come. Only its header is read.
    #[arg(value_name = "SAMPLE.csv")]
    pub(crate) sample: PathBuf,
    /// Write the connection file here instead of printing it; a file that is there already is kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The connection file.
    #[arg(long, short, value_name = "C.toml")]
    pub(crate) connection: PathBuf,
    /// What the connection owns already: the last file, or a roster saved with --save-roster (then old values are
    /// not known). Without it everybody is new and nobody is removed.
    #[arg(long, value_name = "OLD.csv|OLD.roster")]
    pub(crate) base: Option<PathBuf>,
    /// The file to plan.
    #[arg(value_name = "NEW.csv")]
    pub(crate) file: PathBuf,
    /// Print the counts as one JSON object instead of the summary.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write invites.csv, updates.csv, deletions.csv and errors.csv into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Save the roster as it is once the plan is applied, for a later --base.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_roster: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) opening: Opening,
}
