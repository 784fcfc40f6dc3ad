//! Webhooks: taking them in, and taking over what they tell.

mod apply;
mod intake;
mod link;
mod read;

use muster_core::ids::{AccountId, ConnectionId, RunId, UniqueId};

use crate::reach::Source;
use crate::{Connection, Ledger, PortError};

pub use apply::{EventTaker, Taken};
pub use intake::{Hook, Intake, LARGEST_BODY, Received};

/// The run that an event causes: the same event always makes the same one. Its id begins with `e-`.
pub fn event_run_id(account: &AccountId, connection: &ConnectionId, event: &str) -> RunId {
    crate::decide::single_run_id(&["event", account.as_str(), connection.as_str(), event])
}

/// The unique id of a person whom the provider calls by its own id; `None` when it was never told.
pub(crate) async fn unique_id_of(
    ledger: &impl Ledger,
    connection: &Connection,
    source: &Source,
    person: &str,
) -> Result<Option<UniqueId>, PortError> {
    if source.ids_are_the_providers() {
        return Ok(UniqueId::parse(person).ok());
    }
    let mark = ledger.person_mark(&connection.account, &connection.id, person).await?;
    Ok(mark.and_then(|mark| mark.unique_id).and_then(|id| UniqueId::parse(&id).ok()))
}
