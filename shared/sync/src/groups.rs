//! The groups of an account as people look at them: one by one, page by page.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::field::Field;
use muster_core::ids::{AccountId, ConnectionId};
use muster_core::plan::{fold, group_name};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::people::slot_of;
use crate::{Admin, Connection, ConnectionStatus, Directory, Documents, Filter, Ledger, PortError, Shelf, settings_of};

/// Documents of one batch.
const BATCH: usize = 100;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupShown {
    /// [`group_id`].
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which connection it belongs to.
    pub connection: ConnectionId,
    /// The grouping field; `None` is the connection's own protected group.
    pub field: Option<Field>,
    /// The field's value as it was first seen; empty for the connection's own group.
    pub value: String,
    /// Whether everybody of the account may see it: as the connection's settings say, unless somebody decided
    /// otherwise for this group.
    pub public: bool,
    /// Of what somebody decided for this group; 0 where nobody did.
    pub version: u64,
    /// How many recipients are members, inactive ones too.
    pub members: u64,
}

impl GroupShown {
    /// Whom a search within the connection must find to find the members.
    pub fn filter(&self) -> Filter {
        Filter { group: self.field.map(|field| (field, self.value.clone())), ..Filter::default() }
    }
}

/// A page of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPage {
    /// By connection: its own group first, then by id.
    pub groups: Vec<GroupShown>,
    /// The last group of the page, if more may follow.
    pub next: Option<String>,
}

/// What somebody decided for one group.
#[derive(Debug, Serialize, Deserialize)]
struct Look {
    public: bool,
}

/// The id of a group: the connection's for its own group, else `{connection}.{field}.{digest of the folded value}`.
/// It stays the same whatever the group is called.
pub fn group_id(connection: &ConnectionId, field: Option<Field>, value: &str) -> String {
    let Some(field) = field else { return connection.to_string() };
    let digest = Sha256::digest(fold(value).as_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{connection}.{}.{digest}", field.name())
}

/// The connection that a group's id names; `None` when it is no group's id.
fn connection_of(id: &str) -> Option<ConnectionId> {
    ConnectionId::parse(id.split('.').next()?).ok()
}

/// One page of the account's groups behind the group `from`, at most `limit`; of an editor's groups `only` those. Each
/// connection on the page costs two requests, each group one or more to count it.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn group_page<P: Ledger + Admin + Directory + Documents>(
    ports: &P,
    account: &AccountId,
    from: Option<&str>,
    limit: usize,
    only: Option<&BTreeSet<String>>,
) -> Result<GroupPage, PortError> {
    let first = from.and_then(connection_of);
    let named: Option<BTreeSet<ConnectionId>> = only.map(|ids| ids.iter().filter_map(|id| connection_of(id)).collect());
    let mut ids = ports.connections(account).await?;
    ids.sort();
    ids.retain(|id| first.as_ref().is_none_or(|first| id >= first));
    ids.retain(|id| named.as_ref().is_none_or(|named| named.contains(id)));
    let mut groups = Vec::new();
    for id in ids {
        let Some(connection) = ports.connection(account, &id).await? else { continue };
        let mut of_connection = bare_groups(ports, &connection).await?;
        of_connection.sort_by(|a, b| a.id.cmp(&b.id));
        of_connection.retain(|group| only.is_none_or(|ids| ids.contains(&group.id)));
        of_connection.retain(|group| Some(&id) != first.as_ref() || from.is_none_or(|from| group.id.as_str() > from));
        groups.extend(of_connection.into_iter().map(|group| (group, connection.clone())));
        if groups.len() > limit {
            break;
        }
    }
    let more = groups.len() > limit;
    groups.truncate(limit);
    let groups = finished(ports, account, groups).await?;
    let next = groups.last().filter(|_| more).map(|group| group.id.clone());
    Ok(GroupPage { groups, next })
}

/// The group of that id and its connection; `None` when there is none.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn find_group<P: Ledger + Directory + Documents>(
    ports: &P,
    account: &AccountId,
    id: &str,
) -> Result<Option<(GroupShown, Connection)>, PortError> {
    let Some(connection) = connection_of(id) else { return Ok(None) };
    let Some(connection) = ports.connection(account, &connection).await? else { return Ok(None) };
    let group = bare_groups(ports, &connection).await?.into_iter().find(|group| group.id == id);
    let Some(group) = group else { return Ok(None) };
    let group = finished(ports, account, vec![(group, connection.clone())]).await?.pop();
    Ok(group.map(|group| (group, connection)))
}

/// Decides whether everybody of the account may see a group. `Ok(false)` when somebody else decided meanwhile.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn set_group_visibility(
    ports: &impl Documents,
    account: &AccountId,
    group: &GroupShown,
    public: bool,
) -> Result<bool, PortError> {
    let body = serde_json::to_string(&Look { public }).unwrap_or_default();
    let expected = Some(group.version).filter(|version| *version > 0);
    ports.put_document(account, &Shelf::GroupLooks, &group.id, &body, expected, None).await
}

/// Forgets the group of a value that nobody has; it is made anew when a value like it appears. `Ok(false)` for a
/// connection's own group, and while the group has members or a plan of its connection is being written.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn forget_group<P: Ledger + Documents>(
    ports: &P,
    (group, connection): (&GroupShown, &Connection),
) -> Result<bool, PortError> {
    let Some(field) = group.field.filter(|_| group.members == 0 && connection.active.is_none()) else {
        return Ok(false);
    };
    let account = &connection.account;
    if group.version > 0 {
        ports.delete_document(account, &Shelf::GroupLooks, &group.id, group.version).await?;
    }
    ports.forget_group_value(account, &connection.id, field.name(), &fold(&group.value)).await?;
    Ok(true)
}

/// A connection's groups, its own first; not counted, and as public as its settings say. What people are not
/// grouped by yet is left out.
pub(crate) async fn bare_groups<P: Ledger>(ports: &P, connection: &Connection) -> Result<Vec<GroupShown>, PortError> {
    if connection.status == ConnectionStatus::Deleted && connection.owned == 0 {
        return Ok(Vec::new());
    }
    let settings = settings_of(connection)?;
    let group = |field: Option<Field>, value: &str| GroupShown {
        id: group_id(&connection.id, field, value),
        name: group_name(&settings, field, value),
        connection: connection.id.clone(),
        field,
        value: value.to_owned(),
        public: settings.groups_are_public,
        version: 0,
        members: 0,
    };
    let mut groups = vec![group(None, "")];
    for (field, _, shown) in ports.group_values(&connection.account, &connection.id).await? {
        let Some(field) = Field::by_name(&field).filter(|field| settings.group_by.contains(field)) else { continue };
        if slot_of(connection, field).is_some() {
            groups.push(group(Some(field), &shown));
        }
    }
    Ok(groups)
}

/// Counts groups, and looks up what was decided for them.
async fn finished<P: Directory + Documents>(
    ports: &P,
    account: &AccountId,
    groups: Vec<(GroupShown, Connection)>,
) -> Result<Vec<GroupShown>, PortError> {
    let ids: Vec<String> = groups.iter().map(|(group, _)| group.id.clone()).collect();
    let mut looks = BTreeMap::new();
    for batch in ids.chunks(BATCH) {
        for document in ports.documents_of(account, &Shelf::GroupLooks, batch).await? {
            let look: Look = serde_json::from_str(&document.body)
                .map_err(|e| PortError::never("read what was decided for a group", format!("column {}", e.column())))?;
            looks.insert(document.id, (look.public, document.version));
        }
    }
    let mut done = Vec::with_capacity(groups.len());
    for (mut group, connection) in groups {
        if let Some((public, version)) = looks.get(&group.id) {
            (group.public, group.version) = (*public, *version);
        }
        group.members = match group.field.and_then(|field| slot_of(&connection, field)) {
            Some(slot) => ports.count_group(&connection.id, slot, &fold(&group.value)).await?,
            None => connection.owned,
        };
        done.push(group);
    }
    Ok(done)
}
