//! Telling people what a run did: one mail per change of state.

use jiff::Timestamp;
use muster_core::issue::Issue;
use muster_core::plan::{Outcome, Summary, summary_from_json};
use muster_core::report::{Decide, Report, SourceKind, render};

use crate::decision_link::decision_token;
use crate::ids::{Ids, ids_of};
use crate::plan_store::{error_file_key, issues_key, summary_key, unplanned_prefix};
use crate::stored_issues::{StoredIssues, issues_from_json};
use crate::{
    Cause, Clock, Connection, Ledger, MailKind, MailState, Mailer, Message, Objects, OutboxMail, PortError, Posted,
    ProductEvent, Queue, Retry, Run, RunCounts, RunState, settings_of,
};
use crate::{log, metric};

/// How long the answer of a broken-off send is awaited before the mail is sent again, labelled so:
/// the mail service's own event says within seconds whether it took the first.
pub const PATIENCE_MS: i64 = 15 * 60 * 1000;

/// Sends reports.
#[derive(Debug)]
pub struct Reporter<'a, L, O, Q, M, C> {
    /// Connections, runs and the outbox.
    pub ledger: &'a L,
    /// Plans and error files.
    pub objects: &'a O,
    /// The bus to the product.
    pub queue: &'a Q,
    /// The mail service.
    pub mailer: &'a M,
    /// The time.
    pub clock: &'a C,
    /// How long a broken-off send is awaited, in milliseconds; [`PATIENCE_MS`] unless tests say otherwise.
    pub patience_ms: i64,
    /// How a held plan is decided.
    pub ways: &'a Ways,
}

/// How a held plan is decided: texts or links in which `{run}` and `{hash}` stand for the plan's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// How to approve, where there is no page.
    pub approve: String,
    /// How to reject, where there is no page.
    pub reject: String,
    /// Where the pages are on which held plans are decided: `https://sync.example.com`. Each mail gets an address of its
    /// own there, `/decisions/{token}`; none where the connection has no key to sign it.
    pub public_url: Option<String>,
}

impl Ways {
    /// How to approve and how to reject this plan.
    fn of(&self, connection: &Connection, run: &Run, hash: &str, now_ms: i64) -> (String, String) {
        let link = self.public_url.as_ref().and_then(|base| {
            let token = decision_token(connection, &run.id, hash, now_ms)?;
            Some(format!("{}/decisions/{token}", base.trim_end_matches('/')))
        });
        let fill = |text: &str| text.replace("{run}", run.id.as_str()).replace("{hash}", hash);
        link.map_or_else(|| (fill(&self.approve), fill(&self.reject)), |link| (link.clone(), link))
    }
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Sent now.
    Sent,
    /// Sent or given up before, or there is nobody to tell.
    Already,
    /// The mail service refused it for good; the outbox keeps its reason.
    Refused,
}

impl<L: Ledger, O: Objects, Q: Queue, M: Mailer, C: Clock> Reporter<'_, L, O, Q, M, C> {
    /// Sends the mail, unless it was sent.
    ///
    /// # Errors
    /// [`PortError`] when it must be tried again: a service failed, or the answer of an earlier
    /// try is still awaited.
    pub async fn tell(&self, mail: &OutboxMail) -> Result<Told, PortError> {
        let Ids { account, connection, run } = ids_of(&mail.account, &mail.connection, &mail.run)?;
        log::name_run(&account, &connection, &run);
        let run = self.ledger.run(&account, &connection, &run).await?;
        let (Some(connection), Some(run)) = (self.ledger.connection(&account, &connection).await?, run) else {
            return Ok(Told::Already);
        };
        if (mail.kind == MailKind::Held) == (run.state == RunState::Held) {
            let told: Vec<_> = ProductEvent::of_run(&run).into_iter().collect();
            self.queue.publish(&told).await?;
        }
        let message = match self.compose(mail, &connection, &run).await? {
            Some(message) => message,
            None => {
                self.ledger.settle_mail(mail, &MailState::Sent).await?;
                return Ok(Told::Already);
            }
        };
        let taken_ms = self.clock.now_ms();
        let (message, again) = match self.ledger.take_mail(mail, taken_ms, self.patience_ms).await? {
            Posted::Done => return Ok(Told::Already),
            Posted::Wait => return Err(PortError::later("send the mail", "the answer of an earlier try is awaited")),
            Posted::First => (message, false),
            Posted::Again => (labelled(message), true),
        };
        // Once the patience is over another may have sent it.
        if self.clock.now_ms() - taken_ms > (self.patience_ms / 2).max(1_000) {
            return Err(PortError::later("send the mail", "it was taken too long ago; who takes it next sends it"));
        }
        self.send(mail, message, again).await
    }

    /// Notes what the mail service says of a mail: `Send` when it was taken, `Bounce` …
    ///
    /// # Errors
    /// [`PortError`] when a service failed.
    pub async fn heard(&self, mail: &OutboxMail, event: &str) -> Result<(), PortError> {
        if let Ok(Ids { account, connection, run }) = ids_of(&mail.account, &mail.connection, &mail.run) {
            log::name_run(&account, &connection, &run);
        }
        tracing::info!(mail.kind = mail.kind.as_str(), mail.event = event, "the mail service tells of a mail");
        if event != "Send" {
            metric::mail_refused(event);
        }
        if event == "Send" { self.ledger.settle_mail(mail, &MailState::Sent).await } else { Ok(()) }
    }

    async fn send(&self, mail: &OutboxMail, message: Message, again: bool) -> Result<Told, PortError> {
        match self.mailer.send(&message).await {
            Ok(true) => {
                log::mailed(mail.kind, again);
                self.ledger.settle_mail(mail, &MailState::Sent).await?;
                Ok(Told::Sent)
            }
            Ok(false) => Err(PortError::later("send the mail", "no answer came; it may have been taken")),
            Err(fault) if fault.retry == Retry::Never => {
                tracing::error!(mail.kind = mail.kind.as_str(), %fault, "the mail is refused");
                metric::mail_refused("Refused");
                self.ledger.settle_mail(mail, &MailState::Refused(fault.detail)).await?;
                Ok(Told::Refused)
            }
            Err(fault) => {
                // The service said that it did not take it: the next try is a first one again.
                self.ledger.settle_mail(mail, &MailState::Pending).await?;
                Err(fault)
            }
        }
    }

    async fn compose(
        &self,
        mail: &OutboxMail,
        connection: &Connection,
        run: &Run,
    ) -> Result<Option<Message>, PortError> {
        let settings = settings_of(connection)?;
        if mail.kind == MailKind::Held && run.state != RunState::Held {
            return Ok(None);
        }
        let prefix = run.plan.as_ref().map_or_else(|| unplanned_prefix(run), |plan| plan.prefix.clone());
        let summary = self.summary(run, &prefix).await?;
        let issues = match self.objects.read(&issues_key(&prefix)).await? {
            Some(bytes) => issues_from_json(&bytes)?,
            None => StoredIssues::default(),
        };
        let error_file = self.deliver_error_file(connection, run, &prefix, &issues).await?;
        if settings.report_to.is_empty() {
            return Ok(None);
        }
        let hash = run.plan.as_ref().map(|plan| plan.hash.as_str()).unwrap_or_default();
        let (approve, reject) = self.ways.of(connection, run, hash, self.clock.now_ms());
        let top: Vec<Issue> = issues.issues.iter().take(10).cloned().collect();
        let by_events = run.plan.as_ref().and_then(|plan| events_told(&plan.told_events));
        let rendered = render(&Report {
            account: connection.account.as_str(),
            connection: &settings.name,
            connection_id: connection.id.as_str(),
            group: &settings.group,
            run: run.id.as_str(),
            source: &run.source,
            received: Timestamp::from_millisecond(run.received_ms).unwrap_or_default(),
            outcome: outcome_of(run),
            first_success: issues.first_success && run.state == RunState::Applied,
            summary: &summary,
            top_issues: &top,
            error_file: error_file.as_deref(),
            error_rows: issues.error_rows,
            decide: (mail.kind == MailKind::Held).then_some(Decide { approve: &approve, reject: &reject, hash }),
            replaced_run: issues.replaces.as_deref(),
            failure: run.reason.as_deref(),
            told: &settings.report_to,
            resent: false,
            rollback_of: match &run.cause {
                Cause::Rollback { run, .. } => Some(run.as_str()),
                _ => None,
            },
            from: source_kind(run),
            by_events: by_events.as_deref(),
        });
        Ok(Some(Message {
            to: settings.report_to.clone(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            outbox: mail.clone(),
        }))
    }

    async fn summary(&self, run: &Run, prefix: &str) -> Result<Summary, PortError> {
        if run.plan.is_none() {
            return Ok(Summary::default());
        }
        match self.objects.read(&summary_key(prefix)).await? {
            Some(bytes) => summary_from_json(&bytes).map_err(|e| PortError::unread("read the plan's summary", &e)),
            None => Err(PortError::never("read the plan's summary", "it is gone")),
        }
    }

    /// Puts the error file into the login's `errors/` folder; answers its place there.
    async fn deliver_error_file(
        &self,
        connection: &Connection,
        run: &Run,
        prefix: &str,
        issues: &StoredIssues,
    ) -> Result<Option<String>, PortError> {
        let Some(user) = connection.sftp_user.as_ref().filter(|_| issues.error_rows > 0) else {
            return Ok(None);
        };
        let Some(bytes) = self.objects.read(&error_file_key(prefix)).await? else {
            return Ok(None);
        };
        let name = error_file_name(run);
        self.objects.write(&format!("sftp/{user}/errors/{name}"), bytes, "text/csv").await?;
        Ok(Some(format!("errors/{name}")))
    }
}

/// `people_11222026.csv` and run `3fa9…` make `people_11222026.3fa9c1d2.errors.csv`.
pub(crate) fn error_file_name(run: &Run) -> String {
    format!("{}.errors.csv", stem_of(run))
}

/// How the names of a run's files begin: `people_11222026.3fa9c1d2`.
pub(crate) fn stem_of(run: &Run) -> String {
    let name = run.source.rsplit('/').next().unwrap_or_default();
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let short = run.id.as_str().get(..8).unwrap_or(run.id.as_str());
    format!("{stem}.{short}")
}

fn outcome_of(run: &Run) -> Outcome {
    match run.state {
        RunState::Applied | RunState::Applying => Outcome::Applied,
        RunState::Held | RunState::Received => Outcome::Held,
        RunState::Rejected => Outcome::Rejected,
        RunState::Superseded => Outcome::Superseded,
        RunState::Failed => Outcome::Failed,
    }
}

fn labelled(mut message: Message) -> Message {
    message.subject = format!("(sent again) {}", message.subject);
    message
}

fn source_kind(run: &Run) -> SourceKind {
    match run.cause {
        Cause::Poll { .. } | Cause::Event { .. } => SourceKind::Provider,
        Cause::Late { .. } => SourceKind::Late,
        Cause::File { .. } | Cause::Rollback { .. } | Cause::Farewell { .. } | Cause::ByHand { .. } => SourceKind::File,
    }
}

/// What events did, as `3 added, 1 removed`; `None` where they did nothing.
fn events_told(counts: &RunCounts) -> Option<String> {
    let kinds = [
        (counts.added, "added"),
        (counts.proposed, "proposed"),
        (counts.updated, "updated"),
        (counts.deactivated, "deactivated"),
        (counts.reactivated, "reactivated"),
        (counts.removed, "removed"),
    ];
    let told: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!told.is_empty()).then(|| told.join(", "))
}
