//! What is counted of the use cases, each where its conditional step succeeded: whoever won the step counts it, so a
//! delivery that came twice, or a function that was killed and started again, counts it once at most.
//!
//! A metric is an event of the log under [`METRIC_TARGET`]; its number stands in the field of the metric's name, all
//! other fields are properties. What becomes of it (CloudWatch's embedded metric format) is not known here.

use crate::{Cause, CommitPlan, Finish, Run, RunState};

/// The target of events that are metrics.
pub const METRIC_TARGET: &str = "muster_metric";

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit, as CloudWatch names units.
    pub unit: &'static str,
    /// What it tells.
    pub about: &'static str,
}

const fn count(name: &'static str, about: &'static str) -> Metric {
    Metric { name, unit: "Count", about }
}

const fn seconds(name: &'static str, about: &'static str) -> Metric {
    Metric { name, unit: "Seconds", about }
}

/// Every metric there is.
pub const METRICS: [Metric; 27] = [
    count("RunsReceived", "a cause made a run"),
    count("RunsHeld", "a plan waits for a decision"),
    count("RunsApplied", "every chunk of a run's plan is written"),
    count("RunsRejected", "a person refused a plan"),
    count("RunsSuperseded", "a newer source took a run's place"),
    count("RunsFailed", "a source could not be used"),
    count("RowsRead", "rows of a source whose plan counts"),
    count("Issues", "errors and warnings about those rows"),
    count("RowsRejected", "rows among them that could not be used"),
    count("Holds", "a gate held a plan; `gate` says which"),
    count("RecipientsAdded", "by an applied run"),
    count("RecipientsUpdated", "by an applied run"),
    count("RecipientsDeactivated", "by an applied run"),
    count("RecipientsReactivated", "by an applied run"),
    count("RecipientsRemoved", "by an applied run"),
    seconds("SourceToPlanSeconds", "from the cause's arrival until its plan counts"),
    seconds(
        "SourceToAppliedSeconds",
        "from the cause's arrival until everything is written; with the time a plan waited",
    ),
    seconds("MessageAgeSeconds", "how long a message had been in its queue when it was taken; also by `function`"),
    count("WebhooksAccepted", "a webhook was verified and handed on, or verified and of no interest"),
    count("WebhooksRefused", "a webhook was not verified, not readable or too large"),
    count("ProviderFaults", "a provider did not answer as it should; `fault` says how"),
    count("MailsSent", "the mail service took a mail"),
    count("MailsRefused", "the mail service refused, bounced or heard a complaint of a mail; `event` says which"),
    count("LateFiles", "a file did not come when it was due"),
    count("HeldPlans", "plans that wait now; told once a minute, at most 1,000"),
    Metric {
        name: "OldestHeldPlanHours",
        unit: "None",
        about: "how long the oldest of them has waited, in hours; told once a minute",
    },
    count("SilentSubscriptions", "a listing found changes that no event told of, where events had come before"),
];

/// A cause made a run.
pub(crate) fn received(run: &Run) {
    tracing::info!(target: METRIC_TARGET, RunsReceived = 1u64);
    if let Cause::Late { .. } = run.cause {
        tracing::info!(target: METRIC_TARGET, LateFiles = 1u64);
    }
}

/// A plan counts.
pub(crate) fn planned(commit: &CommitPlan<'_>) {
    let counts = &commit.counts;
    let issues = counts.errors + counts.warnings;
    let took = seconds_between(commit.run.received_ms, commit.now_ms);
    tracing::info!(
        target: METRIC_TARGET,
        RowsRead = counts.rows,
        RowsRejected = counts.errors,
        Issues = issues,
        SourceToPlanSeconds = took,
    );
    if !commit.held.is_empty() {
        held(commit.held);
    }
}

fn held(gates: &[String]) {
    tracing::info!(target: METRIC_TARGET, RunsHeld = 1u64);
    for gate in gates {
        tracing::info!(target: METRIC_TARGET, Holds = 1u64, gate = gate.as_str());
    }
}

/// A run came to an end without being applied.
pub(crate) fn ended(to: RunState) {
    match to {
        RunState::Failed => tracing::info!(target: METRIC_TARGET, RunsFailed = 1u64),
        RunState::Rejected => tracing::info!(target: METRIC_TARGET, RunsRejected = 1u64),
        RunState::Superseded => tracing::info!(target: METRIC_TARGET, RunsSuperseded = 1u64),
        RunState::Received | RunState::Held | RunState::Applying | RunState::Applied => {}
    }
}

/// Every chunk is written.
pub(crate) fn applied(finish: &Finish<'_>) {
    let counts = &finish.run.counts;
    let took = seconds_between(finish.run.received_ms, finish.now_ms);
    tracing::info!(
        target: METRIC_TARGET,
        RunsApplied = 1u64,
        RecipientsAdded = counts.added,
        RecipientsUpdated = counts.updated,
        RecipientsDeactivated = counts.deactivated,
        RecipientsReactivated = counts.reactivated,
        RecipientsRemoved = counts.removed,
        SourceToAppliedSeconds = took,
    );
}

/// Plans wait: how many, the oldest of them since when.
pub(crate) fn waiting(plans: u64, oldest_ms: Option<i64>, now_ms: i64) {
    let hours = oldest_ms.map_or(0.0, |oldest| seconds_between(oldest, now_ms) / 3_600.0);
    tracing::info!(target: METRIC_TARGET, HeldPlans = plans, OldestHeldPlanHours = hours);
}

/// A listing found what events should have told.
pub(crate) fn subscription_is_silent() {
    tracing::info!(target: METRIC_TARGET, SilentSubscriptions = 1u64);
}

/// A webhook was taken in, or not.
pub(crate) fn webhook(accepted: bool, connector: Option<&str>) {
    match accepted {
        true => tracing::info!(target: METRIC_TARGET, WebhooksAccepted = 1u64, connector),
        false => tracing::info!(target: METRIC_TARGET, WebhooksRefused = 1u64, connector),
    }
}

/// A provider did not answer as it should.
pub(crate) fn provider_fault(fault: &str) {
    tracing::info!(target: METRIC_TARGET, ProviderFaults = 1u64, fault);
}

/// The mail service took a mail.
pub(crate) fn mailed() {
    tracing::info!(target: METRIC_TARGET, MailsSent = 1u64);
}

/// The mail service did not deliver a mail.
pub(crate) fn mail_refused(event: &str) {
    tracing::info!(target: METRIC_TARGET, MailsRefused = 1u64, event);
}

/// Clocks of two machines may differ: never less than nothing.
#[expect(clippy::cast_precision_loss, reason = "a time span in milliseconds, shown as seconds")]
fn seconds_between(from_ms: i64, to_ms: i64) -> f64 {
    to_ms.saturating_sub(from_ms).max(0) as f64 / 1_000.0
}
