//! What a provider's refusal or failure leads to: patience, a status, one mail. Never a removal.

use muster_connectors::{Fault, FaultKind};

use super::{Polled, Poller, Worker};
use crate::{
    Clock, Connection, ConnectionStatus, DAY_MS, Directory, Documents, FeedChange, Ledger, MailKind, Objects,
    OutboxMail, PortError, Queue, Run, RunState, Secrets, Transition, Web,
};
use crate::{log, metric};

/// How often in a row a listing is put down for a failing provider before the run fails: about 5 hours.
const MOST_PARKS: u32 = 6;
/// The pause of the first time, in milliseconds; it doubles.
const FIRST_PARK_MS: i64 = 5 * 60_000;
/// The longest pause that a provider is granted, in milliseconds: ten years are not waited for.
const LONGEST_PARK_MS: i64 = 6 * 3_600_000;

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, S: Secrets, W: Web, C: Clock>
    Poller<'_, L, D, O, Q, S, W, C>
{
    /// Takes a fault: what may pass is waited for, the rest ends the run.
    pub(super) async fn fault(
        &self,
        run: &Run,
        connection: &Connection,
        worker: &mut Worker<'_>,
        fault: Fault,
    ) -> Result<Polled, PortError> {
        tracing::warn!(fault.kind = ?fault.kind, %fault, "the provider did not answer as it should");
        metric::provider_fault(&format!("{:?}", fault.kind));
        let passing = matches!(fault.kind, FaultKind::Throttled | FaultKind::Failing | FaultKind::NotReady);
        if passing && worker.progress.parks < MOST_PARKS {
            worker.progress.parks += 1;
            self.keep_until(run, worker, 0).await?;
            let pause = pause(&fault, worker.progress.parks);
            self.take_up_again(connection, run, self.clock.now_ms() + pause).await?;
            return Ok(Polled::Parked);
        }
        let reason = format!("{}; nothing was changed", told(&fault));
        self.end_with(run, status_of(fault.kind), &reason).await
    }

    /// Ends the run and says how the connection stands. The same trouble is mailed once.
    pub(super) async fn end_with(
        &self,
        run: &Run,
        status: ConnectionStatus,
        reason: &str,
    ) -> Result<Polled, PortError> {
        let Some(connection) = self.ledger.connection(&run.account, &run.connection).await? else {
            return Ok(Polled::Ignored("the connection is gone"));
        };
        let now_ms = self.clock.now_ms();
        let mut feed = connection.feed.clone();
        if feed.polling.as_deref() == Some(run.id.as_str()) {
            feed.polling = None;
        }
        let mail = connection.status != status;
        let transition = Transition {
            mail,
            status: Some(status),
            feed: Some(feed),
            due_ms: Some(now_ms + again_after(&connection, status)),
            ..Transition::told(run, &connection, RunState::Failed, Some(reason), now_ms)
        };
        if !self.ledger.close(&transition).await? {
            return Err(PortError::later("end the run", "another delivery was first"));
        }
        log::ended(&transition, &format!("the connection is {status:?}"));
        if mail {
            self.queue.send_report(&OutboxMail::of(run, MailKind::Ended)).await?;
        }
        Ok(Polled::Run(RunState::Failed))
    }

    /// Says that no listing is fetched now, where a run ended without leaving its feed.
    pub(super) async fn fetched(&self, run: &Run) -> Result<(), PortError> {
        let Some(connection) = self.ledger.connection(&run.account, &run.connection).await? else { return Ok(()) };
        if connection.feed.polling.as_deref() != Some(run.id.as_str()) {
            return Ok(());
        }
        let mut feed = connection.feed.clone();
        feed.polling = None;
        let settings = crate::settings_of(&connection)?;
        let due_ms = super::next_due(&settings, run.received_ms, self.clock.now_ms());
        let change = FeedChange { connection: &connection, feed, due_ms: Some(due_ms), status: None };
        // Whoever changed it meanwhile has said when it is due; the next one finds the run ended.
        self.ledger.save_feed(&change).await.map(|_| ())
    }
}

/// How long to wait before the listing goes on, in milliseconds.
fn pause(fault: &Fault, parks: u32) -> i64 {
    let own = FIRST_PARK_MS << parks.saturating_sub(1).min(7);
    let asked = fault.wait.and_then(|wait| i64::try_from(wait).ok());
    asked.unwrap_or(own).clamp(1_000, LONGEST_PARK_MS)
}

fn status_of(kind: FaultKind) -> ConnectionStatus {
    match kind {
        FaultKind::Unauthorized => ConnectionStatus::Unauthorized,
        FaultKind::ReauthNeeded => ConnectionStatus::ReauthNeeded,
        _ => ConnectionStatus::Error,
    }
}

fn told(fault: &Fault) -> String {
    match fault.kind {
        FaultKind::Unauthorized => format!("the provider refuses the credentials ({fault}); enter new ones"),
        FaultKind::ReauthNeeded => format!("the customer must sign in at the provider again ({fault})"),
        FaultKind::Forbidden => format!("the credentials may not read what is mapped ({fault})"),
        FaultKind::Throttled => format!("the provider refuses so many requests ({fault})"),
        FaultKind::Failing => format!("the provider is failing ({fault})"),
        FaultKind::NotReady => format!("the provider has not prepared its data ({fault})"),
        FaultKind::MarkLost | FaultKind::Refused => format!("the provider refuses the request ({fault})"),
    }
}

/// Somebody has to do something first, so there is no hurry; a failing provider is asked sooner.
fn again_after(connection: &Connection, status: ConnectionStatus) -> i64 {
    let cadence = crate::settings_of(connection).ok().and_then(|settings| settings.cadence);
    let cadence = cadence.map_or(DAY_MS, |cadence| i64::from(cadence.minutes()) * 60_000);
    match status {
        ConnectionStatus::Error => cadence.min(3_600_000),
        _ => cadence.min(DAY_MS),
    }
}
