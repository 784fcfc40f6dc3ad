//! The demo: the whole system on made-up exports and a made-up HR system, step by step, each step checked against what
//! the exports' maker knows to be in them and what was done at the HR system.

mod call;
mod client;
mod files;
mod hr;
mod looks;
mod providers;
mod scene;
mod steps;
mod story;

use std::{
    io::IsTerminal,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use anyhow::bail;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{options::Options, programs::built_functions, stack::Stack};
use scene::Scene;
use story::{Story, number};

/// The ports of `up`; any free one where they are taken.
const PORTS: [u16; 3] = [7300, 7322, 7380];
/// How often the schedule looks at what is due.
const SCHEDULE: Duration = Duration::from_millis(500);

/// What the demo is told.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Ends after the last step, with exit code 0 only if every step came out as it should.
    #[arg(long)]
    exit: bool,
    /// The data folder; the example files go to `demo/` in it.
    #[arg(long, value_name = "DIR", default_value = crate::cli::DEFAULT_DATA)]
    data: PathBuf,
    /// People of the first day's export.
    #[arg(long, value_name = "N", default_value_t = 2500, value_parser = clap::value_parser!(u32).range(200..=200_000))]
    people: u32,
    /// A folder of built functions to run, as for `up`.
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
}

/// Runs the demo.
///
/// # Errors
/// When something cannot be started, or with `--exit` when a step did not come out as it should.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let options = Options {
        data: Some(args.data.clone()),
        http: free(PORTS[0]),
        sftp: free(PORTS[1]),
        fakes: Some(free(PORTS[2])),
        schedule: Some(SCHEDULE),
        function_logs: false,
        functions: args.functions.clone().or_else(built_functions),
        ..Options::patient()
    };
    let mut story = Story::new(std::io::stdout().is_terminal());
    let stack = Stack::start(options).await?;
    let told = tokio::select! {
        told = tell(&stack, &args, &mut story) => told,
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
    };
    let ended_well = told.is_ok();
    if ended_well && !args.exit {
        story.plain("It goes on running until Ctrl-C.");
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
    stack.stop().await;
    told?;
    match story.failed() {
        0 => Ok(()),
        failed => bail!("{failed} checks of the demo found something else than expected; they are marked ✗"),
    }
}

async fn tell(stack: &Stack, args: &DemoArgs, story: &mut Story) -> anyhow::Result<()> {
    let addresses = stack.addresses();
    story.plain(&format!(
        "Muster, from SFTP and webhooks to mail, on {} made-up people. Real function processes; state and logs in {}.",
        number(u64::from(args.people)),
        stack.folder().display()
    ));
    story.plain(&format!("S3, DynamoDB, SQS, SES, Lambda at {}; SFTP at {}.", addresses.http, addresses.sftp));
    let mut scene = Scene::new(stack, args.people).await?;
    steps::all(&mut scene, story).await?;
    story.end();
    if !args.exit {
        story.plain(&scene.what_next());
    }
    Ok(())
}

/// The usual port if nobody has it.
fn free(port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}
