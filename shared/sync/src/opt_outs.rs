//! Opt-outs: what a person does not want to get, channel by channel. They lie beside the recipients, and no sync may
//! touch them: whoever is updated, removed and added again has opted out as before.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::field::{Field, Kind};
use muster_core::ids::{AccountId, ConnectionId, UniqueId};
use serde::{Deserialize, Serialize};

use crate::{Document, Documents, PortError, Shelf, shard_of};

/// One opt-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOut {
    /// Who noted it: role and user.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

const READ: &str = "read the opt-outs";
const WRITE: &str = "store the opt-outs";
/// Documents of one batch.
const BATCH: usize = 100;
/// How often a change is tried again when somebody else changes the same person's.
const TRIES: u32 = 5;

/// The channel of that name: a field that messages are sent to.
pub fn channel(name: &str) -> Option<Field> {
    Field::by_name(name).filter(|field| is_channel(*field))
}

/// Every channel, in the catalogue's order.
pub fn channels() -> impl Iterator<Item = Field> {
    Field::all().filter(|field| is_channel(*field))
}

fn is_channel(field: Field) -> bool {
    // A manager's address belongs to another person.
    matches!(field.spec().kind, Kind::Email | Kind::Phone) && !field.name().starts_with("manager")
}

/// Which channels of these people are opted out of. Whoever has no opt-out is not there. One request for every hundred
/// people of a shard.
///
/// # Errors
/// [`PortError`] when a service failed or a document cannot be read.
pub async fn opt_outs(
    documents: &impl Documents,
    account: &AccountId,
    connection: &ConnectionId,
    ids: &[UniqueId],
) -> Result<BTreeMap<UniqueId, BTreeSet<Field>>, PortError> {
    let mut by_shard: BTreeMap<u8, BTreeSet<&str>> = BTreeMap::new();
    for id in ids {
        by_shard.entry(shard_of(id.as_str())).or_default().insert(id.as_str());
    }
    let mut found = BTreeMap::new();
    for (shard, ids) in by_shard {
        let shelf = Shelf::Consents(connection.clone(), shard);
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        for batch in ids.chunks(BATCH) {
            for document in documents.documents_of(account, &shelf, batch).await? {
                let Ok(id) = UniqueId::parse(&document.id) else { continue };
                let channels: BTreeSet<Field> = read(&document)?.into_keys().collect();
                if !channels.is_empty() {
                    found.insert(id, channels);
                }
            }
        }
    }
    Ok(found)
}

/// The unique ids of those who opted out of a channel, of one part of a connection. One request for every thousand people
/// of the part who opted out of anything.
///
/// # Errors
/// [`PortError`] when a service failed or a document cannot be read.
pub(crate) async fn opted_out_of(
    documents: &impl Documents,
    account: &AccountId,
    connection: &ConnectionId,
    shard: u8,
    channel: Field,
) -> Result<BTreeSet<String>, PortError> {
    const MOST: u32 = 1_000;
    let shelf = Shelf::Consents(connection.clone(), shard);
    let (mut found, mut from) = (BTreeSet::new(), None::<String>);
    loop {
        let page = documents.documents(account, &shelf, from.as_deref(), MOST, false).await?;
        for document in page.items {
            if read(&document)?.contains_key(&channel) {
                found.insert(document.id);
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(found),
        }
    }
}

/// The opt-outs of one person, with who noted them; `None` when nothing was ever noted.
///
/// # Errors
/// [`PortError`] when a service failed or the document cannot be read.
pub async fn opt_outs_of(
    documents: &impl Documents,
    account: &AccountId,
    connection: &ConnectionId,
    id: &UniqueId,
) -> Result<Option<BTreeMap<Field, OptOut>>, PortError> {
    let found = documents.document(account, &shelf(connection, id), id.as_str()).await?;
    found.as_ref().map(read).transpose()
}

/// Notes an opt-out, or takes it back with `None`. Answers whether anything changed; what was noted first stays.
///
/// # Errors
/// [`PortError`] when a service failed, or others change the same person's opt-outs all the time.
pub async fn set_opt_out(
    documents: &impl Documents,
    (account, connection, id): (&AccountId, &ConnectionId, &UniqueId),
    channel: Field,
    opt_out: Option<OptOut>,
) -> Result<bool, PortError> {
    let shelf = shelf(connection, id);
    for _ in 0..TRIES {
        let stored = documents.document(account, &shelf, id.as_str()).await?;
        let mut noted = stored.as_ref().map(read).transpose()?.unwrap_or_default();
        match &opt_out {
            Some(_) if noted.contains_key(&channel) => return Ok(false),
            Some(new) => {
                noted.insert(channel, new.clone());
            }
            None => {
                if noted.remove(&channel).is_none() {
                    return Ok(false);
                }
            }
        }
        let version = stored.map(|document| document.version);
        let done = match version.filter(|_| noted.is_empty()) {
            Some(version) => documents.delete_document(account, &shelf, id.as_str(), version).await?,
            None => documents.put_document(account, &shelf, id.as_str(), &write(&noted)?, version, None).await?,
        };
        if done {
            return Ok(true);
        }
    }
    Err(PortError::later(WRITE, "others change this person's opt-outs at the same time"))
}

/// Forgets a person's opt-outs: for an erasure only. Answers whether there were any.
pub(crate) async fn forget_opt_outs(
    documents: &impl Documents,
    (account, connection, id): (&AccountId, &ConnectionId, &UniqueId),
) -> Result<bool, PortError> {
    let shelf = shelf(connection, id);
    for _ in 0..TRIES {
        let Some(stored) = documents.document(account, &shelf, id.as_str()).await? else { return Ok(false) };
        if documents.delete_document(account, &shelf, id.as_str(), stored.version).await? {
            return Ok(true);
        }
    }
    Err(PortError::later(WRITE, "others change this person's opt-outs at the same time"))
}

fn shelf(connection: &ConnectionId, id: &UniqueId) -> Shelf {
    Shelf::Consents(connection.clone(), shard_of(id.as_str()))
}

/// A channel that the catalogue no longer has is left out.
fn read(document: &Document) -> Result<BTreeMap<Field, OptOut>, PortError> {
    let by_name: BTreeMap<String, OptOut> =
        serde_json::from_str(&document.body).map_err(|e| PortError::never(READ, format!("column {}", e.column())))?;
    Ok(by_name.into_iter().filter_map(|(name, opt_out)| Some((channel(&name)?, opt_out))).collect())
}

fn write(noted: &BTreeMap<Field, OptOut>) -> Result<String, PortError> {
    let by_name: BTreeMap<&str, &OptOut> = noted.iter().map(|(field, opt_out)| (field.name(), opt_out)).collect();
    serde_json::to_string(&by_name).map_err(|e| PortError::never(WRITE, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seven_channels_are_those_that_messages_are_sent_to() {
        let names: Vec<_> = channels().map(Field::name).collect();
        assert_eq!(names, ["email_1", "email_2", "text_1", "text_2", "voice_1", "voice_2", "voice_3"]);
        assert_eq!((channel("manager_email"), channel("city")), (None, None));
    }
}
