//! What the provider says about the connection itself. It never changes anybody.

use super::apply::Taken;
use crate::import::Imported;
use crate::log;
use crate::{
    Connection, ConnectionStatus, Ledger, LinkChange, MailKind, OutboxMail, PortError, Queue, Run, RunState, Transition,
};

/// Takes over a change of the connection.
pub(super) async fn take(
    ledger: &impl Ledger,
    queue: &impl Queue,
    run: &Run,
    connection: &Connection,
    change: LinkChange,
    now_ms: i64,
) -> Result<Taken, PortError> {
    let (status, why) = match change {
        LinkChange::Deleted => (
            ConnectionStatus::ReauthNeeded,
            "the link was taken away at the provider: connect it again, or delete the connection; nobody was changed",
        ),
        LinkChange::Unauthorized => {
            (ConnectionStatus::Unauthorized, "the provider refuses the credentials: enter new ones; nobody was changed")
        }
        LinkChange::ReauthNeeded => {
            (ConnectionStatus::ReauthNeeded, "the customer must sign in at the provider again; nobody was changed")
        }
        LinkChange::Failing => {
            (ConnectionStatus::Error, "the provider's own link to the HR system has trouble; nobody was changed")
        }
        LinkChange::Works => return works(ledger, run, connection, now_ms).await,
    };
    refuse(ledger, queue, run, connection, (status, why), now_ms).await.map(|_| Taken::Done)
}

/// Says how the connection stands now; the same trouble is mailed once.
pub(super) async fn refuse(
    ledger: &impl Ledger,
    queue: &impl Queue,
    run: &Run,
    connection: &Connection,
    (status, why): (ConnectionStatus, &str),
    now_ms: i64,
) -> Result<Imported, PortError> {
    let mail = connection.status != status;
    let told = Transition::told(run, connection, RunState::Failed, Some(why), now_ms);
    let ended = Transition { mail, status: Some(status), ..told };
    if !ledger.close(&ended).await? {
        return Err(PortError::later("take over the connection's change", "the connection changed meanwhile"));
    }
    log::ended(&ended, &format!("the connection is {status:?}"));
    if mail {
        queue.send_report(&OutboxMail::of(run, MailKind::Ended)).await?;
    }
    Ok(Imported::Run(RunState::Failed))
}

/// It works again: a listing shows what was missed, and says so.
async fn works(ledger: &impl Ledger, run: &Run, connection: &Connection, now_ms: i64) -> Result<Taken, PortError> {
    let mut feed = connection.feed.clone();
    feed.full_wanted_ms = Some(now_ms);
    let told = Transition::told(run, connection, RunState::Superseded, Some("the connection works"), now_ms);
    let due_ms = Some(now_ms);
    let ended = Transition { mail: false, feed: Some(feed), due_ms, ..told };
    if !ledger.close(&ended).await? {
        return Err(PortError::later("take over the connection's change", "the connection changed meanwhile"));
    }
    log::ended(&ended, "the connection works");
    Ok(Taken::PutOff)
}
