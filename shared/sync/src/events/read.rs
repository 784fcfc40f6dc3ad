//! Reading the person of whom an event told.

use std::collections::HashMap;

use muster_connectors::{FaultKind, Person, Scope};
use muster_core::mapping::plain_id;

use super::apply::EventTaker;
use super::unique_id_of;
use crate::import::Excerpt;
use crate::poll::cells;
use crate::reach::{Reach, Source, Trouble};
use crate::{
    Clock, Connection, ConnectionStatus, Directory, Documents, Ledger, Objects, PersonMark, PortError, Queue, Secrets,
    Web,
};

/// Requests that reading one person may take.
const MOST_STEPS: usize = 8;

/// Whom an event told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// The provider's id.
    pub(super) person: &'a str,
    /// The provider's version, in milliseconds since 1970.
    pub(super) version_ms: Option<i64>,
    /// When the event came in, in milliseconds since 1970.
    pub(super) received_ms: i64,
}

impl Look<'_> {
    /// Why the event tells nothing that was not taken over already: the person was read when the provider had them in
    /// a later version. (Equal is not later: a provider's clock may be coarse.)
    pub(super) fn is_covered(&self, mark: &PersonMark) -> Option<&'static str> {
        let (known, told) = (mark.version_ms?, self.version_ms?);
        (known > told).then_some("a newer version of the person was taken over before")
    }
}

/// What the provider says now.
pub(super) enum Seen {
    /// There, or gone for sure.
    Person { excerpt: Excerpt, mark: PersonMark },
    /// An older version than the event told of.
    Stale,
    /// Nothing that names a recipient.
    Untold,
    /// The credentials do not work: status and reason.
    Refused(ConnectionStatus, String),
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, S: Secrets, W: Web, C: Clock>
    EventTaker<'_, L, D, O, Q, S, W, C>
{
    pub(super) async fn read(
        &self,
        connection: &Connection,
        source: &Source,
        look: Look<'_>,
        before: &PersonMark,
        deadline_ms: i64,
    ) -> Result<Seen, PortError> {
        let read_ms = self.clock.now_ms();
        let mut reach = Reach::of(connection, source, (self.secrets, self.web, self.clock)).await?;
        let scope = Scope::Person(look.person.to_owned());
        let mut next = reach.with(|target| source.connector.first(target, &scope));
        let mut found: Option<Person> = None;
        let mut gone = false;
        for _ in 0..MOST_STEPS {
            let Some(step) = next else { break };
            let page = match reach.ask(&step, deadline_ms - 5_000).await {
                Ok(page) => page,
                Err(trouble) => return refused(trouble),
            };
            found = page.people.into_iter().find(|person| person.id == look.person).or(found);
            gone |= page.gone.iter().any(|id| id == look.person);
            if !page.unread.is_empty() {
                return Ok(Seen::Untold);
            }
            next = page.next;
        }
        match found {
            Some(person) => Ok(there(source, look, person, read_ms)),
            None if gone => self.left(connection, source, look, before, read_ms).await,
            None => Ok(Seen::Untold),
        }
    }

    async fn left(
        &self,
        connection: &Connection,
        source: &Source,
        look: Look<'_>,
        before: &PersonMark,
        read_ms: i64,
    ) -> Result<Seen, PortError> {
        let Some(id) = unique_id_of(self.ledger, connection, source, look.person).await? else {
            return Ok(Seen::Untold);
        };
        let mark = PersonMark {
            version_ms: look.version_ms.max(before.version_ms),
            read_ms,
            gone: true,
            unique_id: Some(id.to_string()),
        };
        Ok(Seen::Person { excerpt: Excerpt { gone: vec![id], single: true, ..Excerpt::default() }, mark })
    }
}

fn there(source: &Source, look: Look<'_>, person: Person, read_ms: i64) -> Seen {
    if person.version_ms.zip(look.version_ms).is_some_and(|(read, told)| read < told) {
        return Seen::Stale;
    }
    let row = cells(&person, &HashMap::new(), source);
    let unique_id = source
        .mapping
        .bind(&source.columns)
        .0
        .key_column()
        .and_then(|at| row.get(at))
        .and_then(|cell| plain_id(cell))
        .map(|id| id.to_string());
    let mark = PersonMark { version_ms: person.version_ms, read_ms, gone: false, unique_id };
    Seen::Person { excerpt: Excerpt { rows: vec![row], single: true, ..Excerpt::default() }, mark }
}

fn refused(trouble: Trouble) -> Result<Seen, PortError> {
    let fault = match trouble {
        Trouble::Port(error) => return Err(error),
        Trouble::Fault(fault) => fault,
    };
    match fault.kind {
        FaultKind::Unauthorized => Ok(Seen::Refused(ConnectionStatus::Unauthorized, fault.message)),
        FaultKind::ReauthNeeded => Ok(Seen::Refused(ConnectionStatus::ReauthNeeded, fault.message)),
        FaultKind::Throttled | FaultKind::Failing | FaultKind::NotReady => {
            Err(PortError::later("read the person", fault.message))
        }
        FaultKind::Forbidden | FaultKind::MarkLost | FaultKind::Refused => Ok(Seen::Untold),
    }
}
