//! What an administrator asks of a running stack, through the use cases that the admin API has.

mod audit;
mod connect;
mod directory;
mod find;
mod polls;
mod runs;
mod shown;
mod token;

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};
use muster_aws::{Clients, Names, Ports, SystemClock};
use serde_json::Value;

pub(crate) use connect::connect;
pub(crate) use find::run_path;
pub(crate) use polls::sync_now;

/// How often a call to a service is tried.
const ATTEMPTS: u32 = 4;

/// The commands against a running stack.
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Saves a connection file; prints its SFTP login, and the password once.
    Connect(ConnectArgs),
    /// Lists runs, shows one, decides about one.
    Run {
        #[command(subcommand)]
        command: RunCommand,
    },
    /// Fetches a provider's people.
    Poll {
        #[command(subcommand)]
        command: PollCommand,
    },
    /// Sets the secret that webhooks of `/webhooks/{connector}` are signed with, for all its connections.
    Secret(SecretArgs),
    /// Lists connections: how they stand, and when the schedule looks at them next.
    Connections {
        #[command(flatten)]
        common: Common,
    },
    /// Prints a connection's people, one a line.
    People(PeopleArgs),
    /// Prints an account's groups.
    Groups(GroupsArgs),
    /// Verifies the chain of decisions and changes.
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Prints a token of the bundled issuer, for the admin API.
    Token(token::TokenArgs),
}

/// Which stack, and how to print.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// The data folder of the running stack.
    #[arg(long, value_name = "DIR", default_value = crate::cli::DEFAULT_DATA)]
    data: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ConnectArgs {
    /// The connection file.
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// A public key that the login takes, in OpenSSH's form; may be given several times.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// The PGP secret key that opens the connection's files.
    #[arg(long, value_name = "FILE")]
    pgp_key: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Lists the runs of all accounts, oldest first.
    List {
        /// Only those of this connection.
        #[arg(long, value_name = "ID")]
        connection: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Shows one run: its plan, its gates, what was found in its file.
    Show {
        /// The run.
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Applies a held plan.
    Approve {
        /// The run.
        id: String,
        /// The plan's hash, as `run show` and the mail say it.
        #[arg(long, value_name = "H")]
        hash: String,
        #[command(flatten)]
        common: Common,
    },
    /// Refuses a held plan: nothing of it is applied.
    Reject {
        /// The run.
        id: String,
        /// Why, for the mail.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Undoes an applied run by a run of its own; prints the new run's id.
    Rollback {
        /// The run to undo.
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PollCommand {
    /// Fetches everybody now; waits until the run is held or has ended.
    Now {
        /// The connection's id, as `connect` prints it.
        connection: String,
        /// Does not wait.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    /// The connector.
    connector: String,
    /// The secret, as the provider shows it.
    #[arg(long, value_name = "SECRET")]
    webhook_secret: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct PeopleArgs {
    /// The connection's id, as `connect` prints it.
    connection: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct GroupsArgs {
    /// The account's id.
    account: String,
    #[command(flatten)]
    common: Common,
}

/// Carries out a command against the stack that runs in its data folder.
///
/// # Errors
/// With a message for the person who typed it.
pub(crate) async fn run(command: Admin) -> anyhow::Result<()> {
    match command {
        Admin::Connect(args) => connect::command(args).await,
        Admin::Run { command } => runs::command(command).await,
        Admin::Poll { command } => polls::command(command).await,
        Admin::Secret(args) => polls::secret(args).await,
        Admin::Connections { common } => polls::connections(&common).await,
        Admin::People(args) => directory::people_command(args).await,
        Admin::Groups(args) => directory::groups_command(args).await,
        Admin::Audit { command } => audit::command(command).await,
        Admin::Token(args) => token::command(args),
    }
}

/// The ports of the stack that runs in `data`.
///
/// # Errors
/// When none runs there.
fn ports(data: &std::path::Path) -> anyhow::Result<Ports> {
    let ready = crate::running(data)?;
    ports_told(&|name| ready["environment"][name].as_str().map(str::to_owned))
}

/// Ports that are told of by an environment.
///
/// # Errors
/// When a variable is missing.
pub(crate) fn ports_told(told: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Ports> {
    let clients = Clients::told(told, Clients::transport(), ATTEMPTS)?;
    Ok(Ports::with(&clients, &Names::told(told)?, Box::new(SystemClock)))
}

/// Prints lines to standard output; a reader that went away is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn print_json(value: &Value) -> anyhow::Result<()> {
    print(&format!("{value}\n"))
}

/// Columns as wide as their widest cell; the last one is not filled up.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(table(&[row(["é", "b"]), row(["ccc", "d"])]), "é    b\nccc  d\n");
    }
}
