//! Looking at what a connection owns.

use muster_core::field::Field;
use muster_core::ids::{AccountId, ConnectionId};
use muster_core::plan::Change;
use muster_core::plan::{fold, group_name, groups_of};
use muster_core::recipient::Recipient;
use muster_core::settings::Settings;

use crate::groups::bare_groups;
use crate::{Admin, Connection, Directory, GroupShown, Ledger, PortError, SHARDS};

/// A connection's settings.
///
/// # Errors
/// [`crate::Retry::Never`] when the stored text cannot be read: it was checked when it was saved.
pub fn settings_of(connection: &Connection) -> Result<Settings, PortError> {
    Settings::from_toml(&connection.settings)
        .map_err(|e| PortError::never("read the connection's settings", e.to_string()))
}

/// The account's connections, by id.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn connections_of<P: Ledger + Admin>(ports: &P, account: &AccountId) -> Result<Vec<Connection>, PortError> {
    let mut connections = Vec::new();
    for id in ports.connections(account).await? {
        connections.extend(ports.connection(account, &id).await?);
    }
    Ok(connections)
}

/// The grouping fields as records remember them: names, with commas between them, in the order of their slots.
pub fn grouped_by(settings: &Settings) -> String {
    let names: Vec<_> = settings.group_by.iter().map(|field| field.name()).collect();
    names.join(",")
}

/// The fields that [`grouped_by`] wrote, by slot; `None` for one that the catalogue no longer has.
fn fields_of(grouped_by: &str) -> impl Iterator<Item = Option<Field>> {
    grouped_by.split(',').map(Field::by_name)
}

/// The settings under which people are grouped by what [`grouped_by`] wrote, whatever they are grouped by now.
pub(crate) fn as_grouped(settings: &Settings, grouped_by: &str) -> Settings {
    Settings { group_by: fields_of(grouped_by).flatten().collect(), ..settings.clone() }
}

/// The grouping values a change leaves on the recipient, folded, by slot (0 to 2).
pub fn group_slots(change: &Change, settings: &Settings) -> Vec<(usize, String)> {
    let Some(recipient) = &change.new else {
        return Vec::new();
    };
    let slot = |field| settings.group_by.iter().position(|by| *by == field);
    let groups = groups_of(recipient, settings).into_iter();
    groups.filter_map(|group| Some((slot(group.field?)?, fold(&group.value)))).collect()
}

/// One recipient and the names of their groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The recipient.
    pub recipient: Recipient,
    /// The groups' names.
    pub groups: Vec<String>,
}

/// The names of a recipient's groups, the connection's own first.
pub(crate) fn group_names(recipient: &Recipient, settings: &Settings) -> Vec<String> {
    let groups = groups_of(recipient, settings).into_iter();
    groups.map(|group| group_name(settings, group.field, &group.value)).collect()
}

/// In which slot people's values of a field stand; `None` where they are not grouped by it.
pub(crate) fn slot_of(connection: &Connection, field: Field) -> Option<usize> {
    fields_of(&connection.grouped_by).position(|by| by == Some(field))
}

/// Hands every recipient of a connection that is not removed to `each`.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn each_person<P: Directory>(
    ports: &P,
    connection: &Connection,
    mut each: impl FnMut(Person),
) -> Result<(), PortError> {
    let settings = settings_of(connection)?;
    for shard in 0..SHARDS {
        let mut from = None;
        loop {
            let page = ports.page(&connection.account, &connection.id, shard, from.as_deref(), None).await?;
            for stored in page.items {
                let groups = group_names(&stored.recipient, &settings);
                each(Person { recipient: stored.recipient, groups });
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    Ok(())
}

/// A group of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Which connection it belongs to.
    pub connection: ConnectionId,
    /// The grouping field; `None` is the connection's own protected group.
    pub field: Option<Field>,
    /// The field's value; empty for the connection's own group.
    pub value: String,
    /// How many recipients are members.
    pub members: u64,
}

/// Every group of an account: each connection's own, then one per value. Until a plan has grouped everybody anew,
/// those of a field by which the settings group only now are left out.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn groups<P: Ledger + Admin + Directory>(ports: &P, account: &AccountId) -> Result<Vec<Group>, PortError> {
    let mut groups = Vec::new();
    for connection in connections_of(ports, account).await? {
        for bare in bare_groups(ports, &connection).await? {
            let members = match bare.field.and_then(|field| slot_of(&connection, field)) {
                Some(slot) => ports.count_group(&connection.id, slot, &fold(&bare.value)).await?,
                None => connection.owned,
            };
            let GroupShown { name, connection, field, value, .. } = bare;
            groups.push(Group { name, connection, field, value, members });
        }
    }
    Ok(groups)
}
