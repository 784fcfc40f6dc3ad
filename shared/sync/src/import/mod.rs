//! From an uploaded file, or a wish to undo, to a plan that counts.

mod excerpt_plan;
mod facts;
mod farewell_plan;
mod file_plan;
mod hand_plan;
mod regroup;
mod rehearsal;
mod rollback_plan;
mod rosters;
mod unmapped;
mod upload;

use std::borrow::Cow;
use std::collections::BTreeMap;

use muster_core::file::Keys;
use muster_core::ids::{AccountId, ConnectionId, RunId, UniqueId};
use muster_core::issue::{Code, Issue};
use muster_core::recipient::Recipient;
use muster_core::settings::{Mode, Settings};

use crate::decide::send_chunks;
use crate::ids::{Ids, ids_of};
use crate::log;
use crate::plan_store::{error_file_key, issues_key, prefix_of, unplanned_prefix};
use crate::stored_issues::{StoredIssues, issues_to_json};
use crate::{
    Cause, Claim, Clock, CommitPlan, Connection, ConnectionStatus, Directory, Documents, Fetched, ImportJob, Ledger,
    MailKind, Objects, Opened, OutboxMail, PersonMark, PlanRef, PortError, Position, Queue, Retry, Run, RunCounts,
    RunState, TakeLease, Transition, settings_of,
};

pub(crate) use excerpt_plan::Excerpt;
pub(crate) use file_plan::{Listing, Verdict};
pub(crate) use rehearsal::{Hurry, NoQueue, Rehearsal};
pub(crate) use unmapped::unmapped_name;
pub use upload::Upload;
pub(crate) use upload::name_mismatch;

/// Plans sources.
#[derive(Debug)]
pub struct Importer<'a, L, D, O, Q, C> {
    /// Connections and runs.
    pub ledger: &'a L,
    /// Recipients.
    pub directory: &'a D,
    /// Files, plans and rosters.
    pub objects: &'a O,
    /// To `apply` and `report-email`.
    pub queue: &'a Q,
    /// The time.
    pub clock: &'a C,
}

/// Which delivery works on a source, and how long it may.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// Names this very delivery: two of the same cause must not share it.
    pub name: &'a str,
    /// When the function is ended, in milliseconds since 1970; the lease ends a little later.
    pub deadline_ms: i64,
}

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Not a source: nothing was stored. Says why, without naming anybody.
    Ignored(&'static str),
    /// The run stands here now.
    Run(RunState),
}

/// A made plan.
pub(crate) struct Planned {
    pub(crate) plan: PlanRef,
    pub(crate) counts: RunCounts,
    pub(crate) held: Vec<String>,
    damaged: bool,
    pub(crate) issues: StoredIssues,
    /// Whether the one person it is about was erased: then nothing may keep their id.
    pub(crate) names_erased: bool,
    error_file: Option<Vec<u8>>,
}

/// A source that cannot be planned.
pub(crate) struct Unplanned {
    pub(crate) state: RunState,
    /// For people; borrowed where it is the same for every run.
    pub(crate) reason: Cow<'static, str>,
    pub(crate) issues: Vec<Issue>,
}

enum Outcome {
    Planned(Box<Planned>, Option<Position>),
    Unplanned(Unplanned),
}

/// People looked up at once: what one batch read of the directory takes.
const LOOKED_UP: usize = 100;

/// How long a lease outlives the function that holds it.
const LEASE_MARGIN_MS: i64 = 2_000;

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// Takes an uploaded file version as far as it goes: ignored, held, applying or ended.
    ///
    /// # Errors
    /// [`PortError`] when it must be delivered again.
    pub async fn import(&self, upload: &Upload, delivery: Delivery<'_>) -> Result<Imported, PortError> {
        let home = match upload.home() {
            Ok(home) => home,
            Err(why) => return Ok(Imported::Ignored(why)),
        };
        let Some(login) = self.ledger.login(home.user).await? else {
            return Ok(Imported::Ignored("the folder belongs to no login"));
        };
        log::name_connection(&login.account, &login.connection);
        let Some(connection) = self.ledger.connection(&login.account, &login.connection).await? else {
            return Ok(Imported::Ignored("the login's connection is gone"));
        };
        if matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted) {
            return Ok(Imported::Ignored("the connection is switched off"));
        }
        let run = upload.run(&connection, home);
        match self.ledger.open_run(&run).await? {
            Opened::New => {
                log::received(&run);
                self.advance(run, Some(upload), delivery).await
            }
            Opened::Existing(run) => self.advance(*run, Some(upload), delivery).await,
        }
    }

    /// Plans a run that is stored already: a rollback, or a plan that must be made anew.
    ///
    /// # Errors
    /// [`PortError`] when it must be delivered again.
    pub async fn resume(&self, job: &ImportJob, delivery: Delivery<'_>) -> Result<Imported, PortError> {
        let Ids { account, connection, run } = ids_of(&job.account, &job.connection, &job.run)?;
        match self.ledger.run(&account, &connection, &run).await? {
            Some(run) => self.advance(run, None, delivery).await,
            None => Ok(Imported::Ignored("there is no such run")),
        }
    }

    /// Takes a run on from wherever an earlier delivery left it.
    pub(crate) async fn advance(
        &self,
        run: Run,
        upload: Option<&Upload>,
        delivery: Delivery<'_>,
    ) -> Result<Imported, PortError> {
        log::name_run(&run.account, &run.connection, &run.id);
        match run.state {
            RunState::Received => self.plan(&run, upload, delivery).await,
            RunState::Held => {
                self.queue.send_report(&OutboxMail::of(&run, MailKind::Held)).await?;
                Ok(Imported::Run(RunState::Held))
            }
            RunState::Applying => {
                send_chunks(self.queue, &run).await?;
                Ok(Imported::Run(RunState::Applying))
            }
            state => {
                self.queue.send_report(&OutboxMail::of(&run, MailKind::Ended)).await?;
                Ok(Imported::Run(state))
            }
        }
    }

    async fn plan(&self, run: &Run, upload: Option<&Upload>, delivery: Delivery<'_>) -> Result<Imported, PortError> {
        self.under_lease(run, delivery, async |connection| self.plan_leased(run, connection, upload).await).await
    }

    /// Takes the connection's lease and makes something of the run, which is still `received`. What fails for good
    /// ends the run and is told once, instead of going round in the queue.
    pub(crate) async fn under_lease(
        &self,
        run: &Run,
        delivery: Delivery<'_>,
        make: impl AsyncFnOnce(&Connection) -> Result<Imported, PortError>,
    ) -> Result<Imported, PortError> {
        let ask = TakeLease {
            connection: (&run.account, &run.connection),
            holder: &format!("{}#{}", run.id, delivery.name),
            now_ms: self.clock.now_ms(),
            until_ms: delivery.deadline_ms + LEASE_MARGIN_MS,
        };
        let Claim::Ours(connection) = self.ledger.take_lease(ask).await? else {
            return Err(PortError::later("take the lease", "another delivery works on this connection"));
        };
        let done = match self.is_ours_to_plan(run, &connection).await {
            Ok(()) if is_refused(run, &connection) => {
                let reason = "the connection is switched off".into();
                self.end(run, &connection, Unplanned { state: RunState::Superseded, reason, issues: Vec::new() }).await
            }
            // On the heap: planning is the deepest that a function goes.
            Ok(()) => Box::pin(make(&connection)).await,
            Err(fault) => Err(fault),
        };
        match done {
            Err(fault) if fault.retry == Retry::Never => {
                tracing::error!(fault = fault.for_log(), "the run cannot be planned");
                let reason = fault.to_string().into();
                self.end(run, &connection, Unplanned { state: RunState::Failed, reason, issues: Vec::new() }).await
            }
            Err(fault) => {
                // Best effort: a lease that cannot be given back ends by itself.
                let _ = self.ledger.release_lease(&connection).await;
                Err(fault)
            }
            done => done,
        }
    }

    pub(crate) async fn is_ours_to_plan(&self, run: &Run, connection: &Connection) -> Result<(), PortError> {
        // Another delivery may have brought the run further between reading it and taking the lease.
        let fresh = self.ledger.run(&run.account, &run.connection, &run.id).await?;
        if fresh.as_ref().is_some_and(|fresh| fresh.state != RunState::Received) {
            return Err(PortError::later("plan the run", "another delivery has planned it"));
        }
        if let Some(active) = connection.active.as_ref().filter(|active| **active != run.id) {
            self.remind(connection, active).await?;
            return Err(PortError::later("plan the run", "another run of this connection is being applied"));
        }
        Ok(())
    }

    /// Hands out once more what a person's own request was to write: nobody may have asked again after a crash.
    pub(crate) async fn remind(&self, connection: &Connection, active: &RunId) -> Result<(), PortError> {
        let run = self.ledger.run(&connection.account, &connection.id, active).await?;
        match run.filter(|run| matches!(run.cause, Cause::ByHand { .. }) && run.state == RunState::Applying) {
            Some(run) => send_chunks(self.queue, &run).await,
            None => Ok(()),
        }
    }

    async fn plan_leased(
        &self,
        run: &Run,
        connection: &Connection,
        upload: Option<&Upload>,
    ) -> Result<Imported, PortError> {
        let settings = settings_of(connection)?;
        let outcome = match &run.cause {
            Cause::Rollback { run: undone, .. } => self.plan_rollback(run, connection, &settings, undone).await?,
            Cause::Farewell { .. } => self.plan_farewell(run, connection, &settings).await?,
            Cause::File { .. } => self.plan_source(run, connection, &settings, upload).await?,
            Cause::Poll { .. } | Cause::Event { .. } | Cause::Late { .. } | Cause::ByHand { .. } => {
                return Err(PortError::never("plan the run", "its source is no file"));
            }
        };
        match outcome {
            Outcome::Planned(planned, position) => self.commit(run, connection, *planned, position, None).await,
            Outcome::Unplanned(unplanned) => self.end(run, connection, unplanned).await,
        }
    }

    async fn plan_source(
        &self,
        run: &Run,
        connection: &Connection,
        settings: &Settings,
        upload: Option<&Upload>,
    ) -> Result<Outcome, PortError> {
        let Cause::File { key, version, sequencer, partial, .. } = &run.cause else {
            return Err(PortError::never("plan the run", "it has no file"));
        };
        if settings.mode == Mode::Paused {
            return Ok(Outcome::unplanned(RunState::Superseded, "the connection is paused", Vec::new()));
        }
        if let Some(refused) = refused_by_name(run, settings, *partial) {
            return Ok(Outcome::Unplanned(refused));
        }
        let Some(fetched) = self.objects.fetch(key, Some(version)).await? else {
            return Ok(Outcome::unplanned(RunState::Failed, "the file was gone before it could be read", Vec::new()));
        };
        if let Some(why) = foreign(&fetched, key) {
            return Ok(Outcome::unplanned(RunState::Failed, why, Vec::new()));
        }
        if upload.is_some_and(|upload| upload.size != fetched.size) {
            return Err(PortError::later("read the file", "its size is not the one of the event"));
        }
        let position = Position::of(fetched.modified_ms, run.received_ms, key, sequencer, version);
        if connection.last_source.as_ref().is_some_and(|last| position < *last) {
            let why = "a newer file of this connection was planned before this one came";
            return Ok(Outcome::unplanned(RunState::Superseded, why, Vec::new()));
        }
        Ok(match self.plan_file(run, connection, settings, fetched).await? {
            Ok(planned) => Outcome::Planned(Box::new(planned), Some(position)),
            Err(unplanned) => Outcome::Unplanned(unplanned),
        })
    }

    /// Makes a plan count: held, or handed out to be applied.
    pub(crate) async fn commit(
        &self,
        run: &Run,
        connection: &Connection,
        planned: Planned,
        position: Option<Position>,
        person: Option<(&str, &PersonMark)>,
    ) -> Result<Imported, PortError> {
        let newest = position.is_some() || matches!(run.cause, Cause::Farewell { .. });
        let waiting = connection.waiting.as_ref().filter(|waiting| newest && **waiting != run.id);
        if let (Some(waiting), true) = (waiting, planned.damaged) {
            let reason = format!("the file is damaged; the plan of run {waiting} goes on waiting");
            let issues = planned.issues.issues;
            let unplanned = Unplanned { state: RunState::Failed, reason: reason.into(), issues };
            return self.end(run, connection, unplanned).await;
        }
        let mut issues = planned.issues;
        issues.replaces = waiting.map(ToString::to_string);
        self.store_issues(&planned.plan.prefix, &issues, planned.error_file).await?;
        let commit = CommitPlan {
            run,
            connection,
            plan: &planned.plan,
            counts: planned.counts,
            held: &planned.held,
            position: position.as_ref(),
            replaces: waiting,
            person,
            now_ms: self.clock.now_ms(),
        };
        if !self.ledger.commit_plan(&commit).await? {
            return Err(PortError::later("commit the plan", "another delivery was first"));
        }
        log::planned(&commit);
        let mut after = run.clone();
        after.plan = Some(planned.plan);
        after.fence = connection.fence;
        after.state = if planned.held.is_empty() { RunState::Applying } else { RunState::Held };
        match after.state {
            RunState::Held => self.queue.send_report(&OutboxMail::of(&after, MailKind::Held)).await?,
            // Whoever committed the plan of one person writes it at once.
            _ if person.is_some() => {}
            _ => send_chunks(self.queue, &after).await?,
        }
        Ok(Imported::Run(after.state))
    }

    /// Ends a run without a plan, and tells of it.
    pub(crate) async fn end(
        &self,
        run: &Run,
        connection: &Connection,
        unplanned: Unplanned,
    ) -> Result<Imported, PortError> {
        let Unplanned { state, reason, issues } = unplanned;
        let code = issues.first().map(|issue| issue.code.as_str());
        if !issues.is_empty() {
            let stored = StoredIssues { issues, ..StoredIssues::default() };
            self.store_issues(&unplanned_prefix(run), &stored, None).await?;
        }
        let transition = Transition::told(run, connection, state, Some(&reason), self.clock.now_ms());
        if !self.ledger.close(&transition).await? {
            return Err(PortError::later("end the run", "another delivery was first"));
        }
        // A sentence made for this run may name its file.
        let fixed = if let Cow::Borrowed(fixed) = reason { Some(fixed) } else { None };
        log::ended(&transition, code.or(fixed).unwrap_or_default());
        self.queue.send_report(&OutboxMail::of(run, MailKind::Ended)).await?;
        Ok(Imported::Run(state))
    }

    /// The recipients among `ids` that are stored and not removed.
    pub(crate) async fn stored(
        &self,
        connection: &Connection,
        ids: &[UniqueId],
    ) -> Result<BTreeMap<UniqueId, Recipient>, PortError> {
        let mut found = BTreeMap::new();
        for batch in ids.chunks(LOOKED_UP) {
            let stored = self.directory.get(&connection.account, &connection.id, batch).await?;
            let shown = stored.into_iter().filter(|stored| stored.removed_ms.is_none());
            found.extend(shown.map(|stored| (stored.recipient.unique_id.clone(), stored.recipient)));
        }
        Ok(found)
    }

    async fn store_issues(&self, prefix: &str, issues: &StoredIssues, file: Option<Vec<u8>>) -> Result<(), PortError> {
        if let Some(bytes) = file {
            self.objects.write(&error_file_key(prefix), bytes, "text/csv").await?;
        }
        self.objects.write(&issues_key(prefix), issues_to_json(issues), "application/json").await
    }
}

impl Outcome {
    fn unplanned(state: RunState, reason: &'static str, issues: Vec<Issue>) -> Self {
        Self::Unplanned(Unplanned { state, reason: reason.into(), issues })
    }
}

/// Nothing is taken from a source that was switched off while its run waited; what people ask for is planned still.
fn is_refused(run: &Run, connection: &Connection) -> bool {
    let asked = matches!(run.cause, Cause::Rollback { .. } | Cause::Farewell { .. });
    match connection.status {
        ConnectionStatus::Deleted => true,
        ConnectionStatus::Disabled => !asked,
        _ => false,
    }
}

/// A file whose name says that it is not to be planned.
pub(crate) fn refused_by_name(run: &Run, settings: &Settings, partial: bool) -> Option<Unplanned> {
    let (code, reason) = if partial {
        let reason = "the upload broke off, so only a part of the file came; nothing was changed, upload it again";
        (Code::PartialUpload, reason.to_owned())
    } else {
        (Code::FileName, upload::name_mismatch(&run.source, settings)?)
    };
    let issues = vec![Issue::file(code, reason.clone())];
    Some(Unplanned { state: RunState::Failed, reason: reason.into(), issues })
}

/// An object that another login uploaded into this one's folder (it cannot, unless the set-up is broken).
pub(crate) fn foreign(fetched: &Fetched, key: &str) -> Option<&'static str> {
    let user = fetched.uploader.as_deref()?.split('@').next()?;
    (key.split('/').nth(1) != Some(user)).then_some("the file was uploaded by another login")
}

/// The content type of the secret key that opens a connection's PGP files.
pub const PGP_KEY_KIND: &str = "application/pgp-keys";

/// Where the secret key that opens a connection's PGP files lies.
pub fn pgp_key_place(account: &AccountId, connection: &ConnectionId) -> String {
    format!("keys/{account}/{connection}/pgp.asc")
}

/// The keys that open PGP files of a connection.
pub(crate) async fn keys_of(objects: &impl Objects, connection: &Connection) -> Result<Keys, PortError> {
    match objects.read(&pgp_key_place(&connection.account, &connection.id)).await? {
        Some(bytes) => Keys::none().with(&bytes, "").map_err(|e| PortError::never("read the PGP key", e.to_string())),
        None => Ok(Keys::none()),
    }
}

/// The plan's prefix under the lease's fencing number.
fn plan_prefix(run: &Run, connection: &Connection) -> String {
    prefix_of(run, connection.fence)
}
