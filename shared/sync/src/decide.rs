//! What a person decides about a plan: approve, reject, roll back.

use muster_core::ids::{AccountId, ConnectionId, RunId};
use sha2::{Digest, Sha256};

use crate::log;
use crate::poll::job_of;
use crate::{
    ApplyJob, Cause, Clock, Connection, ConnectionStatus, ImportJob, Ledger, MailKind, Opened, OutboxMail, PortError,
    Queue, Run, RunCounts, RunState, Transition,
};

/// How often a decision is tried again when the connection changes under it.
const TRIES: u32 = 5;

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such run.
    #[error("no such run")]
    Unknown,
    /// The run is in a state in which this cannot be decided.
    #[error("the run is {}, so it cannot be {wanted}", state.as_str())]
    State {
        /// Where it stands.
        state: RunState,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The hash is another plan's.
    #[error("the hash is not this plan's: look at the plan again, its hash is {current}")]
    Hash {
        /// The plan's hash.
        current: String,
    },
    /// The directory is no longer as the plan saw it.
    #[error("the directory has changed since this plan was made; the plan is being made anew: look at it again")]
    Stale,
    /// The connection is deleted: nothing of it changes any more.
    #[error("the connection is deleted, so nothing of it changes any more")]
    Deleted,
    /// Another run is being applied.
    #[error("another run of this connection is being applied; try again when it is done")]
    Busy,
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// How a plan stands before somebody decides about it. Nothing was changed to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits, and the directory is as it saw it.
    Open,
    /// It waits, but the directory has changed since: asking for it has it made anew.
    Stale,
    /// It was decided so before.
    Done,
}

/// Why the plan of a run cannot be approved now; `None` when it can.
pub fn not_approvable(run: &Run, connection: &Connection) -> Option<Refused> {
    let plan = run.plan.as_ref().filter(|_| run.state == RunState::Held);
    let Some(plan) = plan else { return Some(Refused::State { state: run.state, wanted: "approved" }) };
    if connection.status == ConnectionStatus::Deleted {
        return Some(Refused::Deleted);
    }
    if is_taken_back(run, connection) || connection.directory_version != plan.directory_version {
        return Some(Refused::Stale);
    }
    connection.active.is_some().then_some(Refused::Busy)
}

/// A connection that was switched on again is not to be deleted any more: making the plan anew ends it.
fn is_taken_back(run: &Run, connection: &Connection) -> bool {
    matches!(run.cause, Cause::Farewell { .. }) && connection.status != ConnectionStatus::Disabled
}

/// Carries out decisions.
#[derive(Debug)]
pub struct Decider<'a, L, Q, C> {
    /// Connections and runs.
    pub ledger: &'a L,
    /// To `apply` and `file-import`.
    pub queue: &'a Q,
    /// The time.
    pub clock: &'a C,
}

impl<L: Ledger, Q: Queue, C: Clock> Decider<'_, L, Q, C> {
    /// Whether [`Decider::approve`] would apply the plan.
    ///
    /// # Errors
    /// [`Refused`], never [`Refused::Stale`].
    pub async fn may_approve(&self, ids: (&AccountId, &ConnectionId, &RunId), hash: &str) -> Result<Standing, Refused> {
        let (connection, run) = self.load(ids).await?;
        if let Some(plan) = run.plan.as_ref().filter(|plan| plan.hash != hash) {
            return Err(Refused::Hash { current: plan.hash.clone() });
        }
        if run.plan.is_some() && matches!(run.state, RunState::Applying | RunState::Applied) {
            return Ok(Standing::Done);
        }
        if run.state == RunState::Received && connection.waiting.as_ref() == Some(&run.id) {
            return Ok(Standing::Stale);
        }
        match not_approvable(&run, &connection) {
            None => Ok(Standing::Open),
            Some(Refused::Stale) => Ok(Standing::Stale),
            Some(refused) => Err(refused),
        }
    }

    /// Whether [`Decider::reject`] would reject the plan.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn may_reject(&self, ids: (&AccountId, &ConnectionId, &RunId)) -> Result<Standing, Refused> {
        match self.load(ids).await?.1.state {
            RunState::Held => Ok(Standing::Open),
            RunState::Rejected => Ok(Standing::Done),
            state => Err(Refused::State { state, wanted: "rejected" }),
        }
    }

    /// Whether [`Decider::roll_back`] would open a run that undoes this one; done means that there is one already,
    /// which is not at its end.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn may_roll_back(&self, ids: (&AccountId, &ConnectionId, &RunId)) -> Result<Standing, Refused> {
        let (connection, run) = self.load(ids).await?;
        if connection.status == ConnectionStatus::Deleted {
            return Err(Refused::Deleted);
        }
        if run.state != RunState::Applied {
            return Err(Refused::State { state: run.state, wanted: "rolled back" });
        }
        let mut attempt = 0;
        loop {
            let undo = self.undo_run(&run, attempt);
            match self.ledger.run(ids.0, ids.1, &undo.id).await?.map(|before| before.state) {
                None => return Ok(Standing::Open),
                Some(RunState::Applied) => {
                    return Err(Refused::State { state: RunState::Applied, wanted: "rolled back a second time" });
                }
                Some(state) if state.is_final() => attempt += 1,
                Some(_) => return Ok(Standing::Done),
            }
        }
    }

    /// Applies a held plan, if `hash` is its hash and the directory is as it saw it. Asking again
    /// after a broken-off answer is safe.
    ///
    /// # Errors
    /// [`Refused`]; on [`Refused::Stale`] the plan is made anew and waits again.
    pub async fn approve(&self, ids: (&AccountId, &ConnectionId, &RunId), hash: &str) -> Result<(), Refused> {
        for _ in 0..TRIES {
            let (connection, run) = self.load(ids).await?;
            if connection.status == ConnectionStatus::Deleted && !run.state.is_final() {
                return Err(Refused::Deleted);
            }
            if run.state == RunState::Received && connection.waiting.as_ref() == Some(&run.id) {
                // Handed back before; whoever did it may have died before saying so to the queue.
                return self.plan_anew(&run).await;
            }
            let Some(plan) = run.plan.as_ref().filter(|_| matches!(run.state, RunState::Held | RunState::Applying))
            else {
                return Err(Refused::State { state: run.state, wanted: "approved" });
            };
            if plan.hash != hash {
                return Err(Refused::Hash { current: plan.hash.clone() });
            }
            if run.state == RunState::Applying {
                return Ok(send_chunks(self.queue, &run).await?);
            }
            if is_taken_back(&run, &connection) || connection.directory_version != plan.directory_version {
                return self.plan_anew(&run).await;
            }
            if connection.active.is_some() {
                return Err(Refused::Busy);
            }
            // Whether it worked or not, the next round reads where the run stands.
            if self.ledger.approve(&run, &connection, self.clock.now_ms()).await? {
                tracing::info!(chunks = plan.chunks, "approved");
            }
        }
        Err(Refused::Busy)
    }

    async fn plan_anew(&self, run: &Run) -> Result<(), Refused> {
        if run.state == RunState::Held {
            let replanned = self.ledger.replan(run).await?;
            tracing::info!(replanned, "the plan is made anew");
        }
        match run.cause {
            // What was fetched for it is old by now.
            Cause::Poll { .. } => self.queue.send_poll(&job_of(run)).await?,
            _ => self.queue.send_import(&import_job(run)).await?,
        }
        Err(Refused::Stale)
    }

    /// Refuses a held plan: nothing of it will be applied.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn reject(&self, ids: (&AccountId, &ConnectionId, &RunId), reason: &str) -> Result<(), Refused> {
        for _ in 0..TRIES {
            let (connection, run) = self.load(ids).await?;
            match run.state {
                RunState::Held => {}
                RunState::Rejected => {
                    return Ok(self.queue.send_report(&OutboxMail::of(&run, MailKind::Ended)).await?);
                }
                state => return Err(Refused::State { state, wanted: "rejected" }),
            }
            let now_ms = self.clock.now_ms();
            let transition = Transition::told(&run, &connection, RunState::Rejected, Some(reason), now_ms);
            if self.ledger.close(&transition).await? {
                log::ended(&transition, "");
            }
        }
        Err(Refused::Busy)
    }

    /// Opens a run that undoes an applied one; its plan is gated like any other.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn roll_back(&self, ids: (&AccountId, &ConnectionId, &RunId)) -> Result<RunId, Refused> {
        let (connection, run) = self.load(ids).await?;
        if connection.status == ConnectionStatus::Deleted {
            return Err(Refused::Deleted);
        }
        if run.state != RunState::Applied {
            return Err(Refused::State { state: run.state, wanted: "rolled back" });
        }
        let mut attempt = 0;
        loop {
            let undo = self.undo_run(&run, attempt);
            match self.ledger.open_run(&undo).await? {
                Opened::Existing(before) if before.state.is_final() && before.state != RunState::Applied => {
                    attempt += 1;
                }
                Opened::Existing(before) if before.state == RunState::Applied => {
                    return Err(Refused::State { state: RunState::Applied, wanted: "rolled back a second time" });
                }
                opened => {
                    if matches!(opened, Opened::New) {
                        tracing::info!(undo.run.id = undo.id.as_str(), "a run that undoes this one is received");
                    }
                    self.queue.send_import(&import_job(&undo)).await?;
                    return Ok(undo.id);
                }
            }
        }
    }

    fn undo_run(&self, run: &Run, attempt: u32) -> Run {
        Run {
            account: run.account.clone(),
            connection: run.connection.clone(),
            id: run_id(&["rollback", run.connection.as_str(), run.id.as_str(), &attempt.to_string()]),
            state: RunState::Received,
            cause: Cause::Rollback { run: run.id.to_string(), attempt },
            source: format!("undo of {}", run.source),
            received_ms: self.clock.now_ms(),
            fence: 0,
            plan: None,
            counts: RunCounts::default(),
            held: Vec::new(),
            settings_version: 0,
            done: std::collections::BTreeSet::new(),
            conflicts: 0,
            ended_ms: None,
            reason: None,
        }
    }

    async fn load(&self, ids: (&AccountId, &ConnectionId, &RunId)) -> Result<(Connection, Run), Refused> {
        let connection = self.ledger.connection(ids.0, ids.1).await?.ok_or(Refused::Unknown)?;
        let run = self.ledger.run(ids.0, ids.1, ids.2).await?.ok_or(Refused::Unknown)?;
        log::name_run(ids.0, ids.1, ids.2);
        Ok((connection, run))
    }
}

/// A run's id: the same cause always makes the same one.
pub(crate) fn run_id(cause: &[&str]) -> RunId {
    let mut hash = Sha256::new();
    for part in cause {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hex: String = hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    RunId::parse(&hex).unwrap_or_else(|_| unreachable!("hex digits are a slug"))
}

/// The id of a run of one person. It begins with `e-`: such runs lie apart, and no list shows them.
pub(crate) fn single_run_id(cause: &[&str]) -> RunId {
    let id = run_id(cause);
    RunId::parse(&format!("e-{id}")).unwrap_or(id)
}

/// Hands every chunk of an approved plan that is not yet written to `apply`.
pub(crate) async fn send_chunks(queue: &impl Queue, run: &Run) -> Result<(), PortError> {
    let chunks = run.plan.as_ref().map_or(0, |plan| plan.chunks);
    let job = |chunk| ApplyJob {
        account: run.account.to_string(),
        connection: run.connection.to_string(),
        run: run.id.to_string(),
        fence: run.fence,
        chunk,
    };
    let missing: Vec<_> = (0..chunks).filter(|chunk| !run.done.contains(chunk)).map(|chunk| job(Some(chunk))).collect();
    if missing.is_empty() { queue.send_apply(&[job(None)]).await } else { queue.send_apply(&missing).await }
}

pub(crate) fn import_job(run: &Run) -> ImportJob {
    ImportJob { account: run.account.to_string(), connection: run.connection.to_string(), run: run.id.to_string() }
}
