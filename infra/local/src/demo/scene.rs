//! What the steps of the demo work with.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use muster_aws::Ports;
use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_sync::{Admin as _, Connection, Inspection, Ledger as _, Run, RunState, inspect};
use serde_json::{Value, json};

use super::{client::Login, files::Files, looks::Directory};
use crate::{
    admin::{self, run_path},
    api::{Api, Caller},
    ses::Mail,
    stack::Stack,
};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often is looked whether it is there.
const PACE: Duration = Duration::from_millis(20);

/// The running stack, the files, and what the steps have found so far.
pub(super) struct Scene<'a> {
    pub(super) stack: &'a Stack,
    /// To look at what is stored, past the API.
    pub(super) ports: Ports,
    pub(super) api: Api,
    pub(super) files: Files,
    pub(super) account: AccountId,
    pub(super) login: Login,
    pub(super) connection: Option<ConnectionId>,
    mails_before: usize,
    mails_seen: usize,
}

impl<'a> Scene<'a> {
    /// Writes the example files and chooses an account that the stack does not have yet.
    ///
    /// # Errors
    /// When a folder cannot be written to or a service failed.
    pub(super) async fn new(stack: &'a Stack, people: u32) -> anyhow::Result<Self> {
        let environment = stack.environment();
        let ports =
            admin::ports_told(&|name| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))?;
        let taken = ports.table.accounts().await?;
        let mut names = std::iter::once("acme".to_owned()).chain((2..).map(|n| format!("acme-{n}")));
        let account = names.find(|name| taken.iter().all(|account| account.as_str() != name)).context("a free name")?;
        let files = Files::write(&stack.folder().join("demo"), &account, people)?;
        let mails_before = stack.services().ses.mails().len();
        Ok(Self {
            stack,
            ports,
            api: Api::at(stack.folder(), &stack.addresses().http)?,
            files,
            account: AccountId::parse(&account)?,
            login: Login { address: stack.addresses().sftp.clone(), user: String::new(), password: String::new() },
            connection: None,
            mails_before,
            mails_seen: mails_before,
        })
    }

    /// The connection as it is stored now.
    ///
    /// # Errors
    /// When there is none yet, or a service failed.
    pub(super) async fn stored(&self) -> anyhow::Result<Connection> {
        let id = self.connection.as_ref().context("not connected yet")?;
        self.ports.table.connection(&self.account, id).await?.context("the connection is gone")
    }

    /// The directory as it is now.
    ///
    /// # Errors
    /// When a service failed.
    pub(super) async fn directory(&self) -> anyhow::Result<Directory> {
        Directory::look(&self.ports, &self.account, &self.stored().await?).await
    }

    /// Waits until the newest run of that source has come to rest: held or at its end.
    ///
    /// # Errors
    /// When it takes too long, or a service failed.
    pub(super) async fn rested(&self, source: &str) -> anyhow::Result<Inspection> {
        self.until(source, |run| run.state == RunState::Held || run.state.is_final()).await
    }

    /// Waits until the newest run of that source has ended.
    ///
    /// # Errors
    /// When it takes too long, or a service failed.
    pub(super) async fn ended(&self, source: &str) -> anyhow::Result<Inspection> {
        self.until(source, |run| run.state.is_final()).await
    }

    async fn until(&self, source: &str, reached: impl Fn(&Run) -> bool) -> anyhow::Result<Inspection> {
        let connection = self.connection.as_ref().context("not connected yet")?;
        let begun = Instant::now();
        loop {
            let runs = self.ports.table.runs(&self.account, connection).await?;
            let newest = runs.into_iter().filter(|run| run.source == source).max_by_key(|run| run.received_ms);
            match newest {
                Some(run) if reached(&run) => return Ok(inspect(&self.ports.bucket, run).await?),
                run if begun.elapsed() > PATIENCE => {
                    let state = run.map_or("not there", |run| run.state.as_str());
                    bail!("the run of {source} is {state} after {} s; {}", PATIENCE.as_secs(), self.logs());
                }
                _ => tokio::time::sleep(PACE).await,
            }
        }
    }

    /// Waits until this run is as wanted.
    ///
    /// # Errors
    /// When it takes too long, or a service failed.
    pub(super) async fn run_until(&self, id: &RunId, reached: impl Fn(&Run) -> bool) -> anyhow::Result<Inspection> {
        let connection = self.connection.as_ref().context("not connected yet")?;
        let begun = Instant::now();
        loop {
            match self.ports.table.run(&self.account, connection, id).await? {
                Some(run) if reached(&run) => return Ok(inspect(&self.ports.bucket, run).await?),
                _ if begun.elapsed() > PATIENCE => bail!("run {id} does not end; {}", self.logs()),
                _ => tokio::time::sleep(PACE).await,
            }
        }
    }

    /// Waits for the next mail.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn next_mail(&mut self) -> anyhow::Result<Mail> {
        let begun = Instant::now();
        loop {
            if let Some(mail) = self.stack.services().ses.mails().get(self.mails_seen) {
                self.mails_seen += 1;
                return Ok(mail.clone());
            }
            if begun.elapsed() > PATIENCE {
                bail!("no mail came for {} s; {}", PATIENCE.as_secs(), self.logs());
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Waits until no function has anything left to do.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn quiet(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.stack.controls().quiet() {
            if begun.elapsed() > PATIENCE {
                bail!("messages go round and round; {}", self.logs());
            }
            tokio::time::sleep(PACE).await;
        }
        Ok(())
    }

    /// Waits until no function has anything left to do; answers every mail of this demo.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn all_mails(&self) -> anyhow::Result<Vec<Mail>> {
        self.quiet().await?;
        Ok(self.stack.services().ses.mails().split_off(self.mails_before))
    }

    /// The admin API, as an admin of the demo's account.
    pub(super) fn admin(&self) -> Caller<'_> {
        self.api.admin(self.account.as_str())
    }

    /// Approves a plan by its hash.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn approve(&self, run: &Run) -> anyhow::Result<()> {
        let hash = run.plan.as_ref().map(|plan| plan.hash.as_str()).unwrap_or_default();
        self.decide(run, "approval", &json!({"hash": hash})).await
    }

    /// Rejects a plan.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn reject(&self, run: &Run, reason: &str) -> anyhow::Result<()> {
        self.decide(run, "rejection", &json!({"reason": reason})).await
    }

    async fn decide(&self, run: &Run, decision: &str, body: &Value) -> anyhow::Result<()> {
        let path = format!("{}/{decision}", run_path(run.connection.as_str(), run.id.as_str()));
        self.admin().send("POST", &path, body).await?;
        Ok(())
    }

    /// Asks for an applied run to be undone.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn roll_back(&self, run: &Run) -> anyhow::Result<RunId> {
        let path = format!("{}/rollback", run_path(run.connection.as_str(), run.id.as_str()));
        let undo = self.admin().post(&path).await?;
        Ok(RunId::parse(undo["id"].as_str().unwrap_or_default())?)
    }

    pub(super) fn logs(&self) -> String {
        let logs = self.stack.controls().logs();
        let last: Vec<_> = logs.iter().rev().take(3).rev().map(String::as_str).collect();
        format!("the functions' last words: {}", last.join(" / "))
    }

    /// Where everything is, and what to try.
    pub(super) fn what_next(&self) -> String {
        let addresses = self.stack.addresses();
        let (host, port) = self.login.address.rsplit_once(':').unwrap_or_default();
        let usual = std::path::Path::new(crate::cli::DEFAULT_DATA).canonicalize();
        let data = match usual {
            Ok(usual) if usual == self.stack.folder() => String::new(),
            _ => format!(" --data {}", self.stack.folder().display()),
        };
        let connection = self.connection.as_ref().map(ToString::to_string).unwrap_or_default();
        format!(
            "
Mails        {}/
Control      {}/control/logs
Providers    {}/control/finch/state
SFTP         sftp -P {port} {}@{host}    (password {})
Files        {}

In another terminal, for example:
  cargo run -q -p muster-local -- run list{data}
  cargo run -q -p muster-local -- run show ID{data}
  cargo run -q -p muster-local -- people {connection}{data}
  cargo run -q -p muster-local -- groups {}{data}
",
            addresses.mail,
            addresses.http,
            self.stack.fakes().unwrap_or_default(),
            self.login.user,
            self.login.password,
            self.stack.folder().join("demo").display(),
            self.account,
        )
    }
}
