//! The command line of `muster-local`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    admin::{self, Admin},
    demo::{self, DemoArgs},
    options::Options,
    stack::Stack,
};

/// The local stand-in for AWS: runs Muster's real functions on one laptop.
#[derive(Debug, Parser)]
#[command(name = "muster-local", version, arg_required_else_help = true)]
pub struct Cli {
    /// Runs as one function process; the stand-in starts itself so.
    #[arg(long, hide = true, value_name = "NAME")]
    function: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The data folder unless another is chosen.
pub(crate) const DEFAULT_DATA: &str = ".local";

/// What can be asked of the stand-in.
#[derive(Debug, Subcommand)]
enum Command {
    /// Starts everything; prints one line of JSON once it is ready and runs until Ctrl-C.
    Up(UpArgs),
    /// Shows the whole system at work on made-up people, step by step, and checks each step.
    Demo(DemoArgs),
    #[command(flatten)]
    Admin(Admin),
}

#[derive(Args, Debug)]
struct UpArgs {
    /// The data folder; the state in it survives a restart.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA)]
    data: PathBuf,
    /// Where HTTP listens; port 0 takes any free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7300")]
    http: SocketAddr,
    /// Where SFTP listens; port 0 takes any free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7322")]
    sftp: SocketAddr,
    /// Starts the fake providers too, on this address.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:7380")]
    fakes: Option<SocketAddr>,
    /// A folder with NAME/bootstrap for each function, out of the zips of a release, in place of the functions in
    /// this program; `MUSTER_FUNCTIONS` says the same, also to `demo`.
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// The origin of a web page that may call the admin API from a browser: `http://localhost:5173`.
    #[arg(long, value_name = "URL")]
    console_origin: Option<String>,
    /// How often the schedule looks at what is due, in seconds; 0 never.
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    schedule: u64,
}

/// Carries out a command line.
///
/// # Errors
/// With a message for the person who typed it.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(name) = cli.function {
        return crate::run_function(&name);
    }
    // A command says what there is to say itself.
    let usual = match cli.command {
        Some(Command::Up(_)) => "info,dynoxide=error,russh=warn,s3s=warn",
        // Faults of its own making are part of the demo's story.
        Some(Command::Demo(_)) => "error,s3s=off",
        _ => "warn",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| usual.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match cli.command {
        Some(Command::Up(args)) => runtime.block_on(up(args)),
        Some(Command::Demo(args)) => runtime.block_on(demo::run(args)),
        Some(Command::Admin(command)) => runtime.block_on(admin::run(command)),
        None => anyhow::bail!("no command; see --help"),
    }
}

async fn up(args: UpArgs) -> anyhow::Result<()> {
    let options = Options {
        data: Some(args.data),
        http: args.http,
        sftp: args.sftp,
        fakes: args.fakes,
        console_origin: args.console_origin,
        functions: args.functions.or(Options::patient().functions),
        schedule: (args.schedule > 0).then(|| Duration::from_secs(args.schedule)),
        ..Options::patient()
    };
    // Before the start, so that a signal during it is not lost.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stack = Stack::start(options).await?;
    announce(&stack.addresses().ready_line())?;
    welcome(&stack);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    stack.stop().await;
    Ok(())
}

/// The one line on standard output; flushed, since whoever waits for it reads a pipe.
fn announce(line: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn welcome(stack: &Stack) {
    let addresses = stack.addresses();
    let folder: &Path = stack.folder();
    if let Some(fakes) = stack.fakes() {
        tracing::info!("fake providers at {fakes}, their control routes at {fakes}/control/");
    }
    tracing::info!("data in {}, mails at {}/, SFTP at {}", folder.display(), addresses.mail, addresses.sftp);
}
