//! People and groups.

use anyhow::{anyhow, bail};
use muster_core::{
    field::Field,
    ids::{AccountId, ConnectionId},
    recipient::Value as Stored,
};
use muster_sync::{Admin as _, Group, Person, each_person, find_connection, groups, settings_of};
use serde_json::{Map, Value, json};

use super::{GroupsArgs, PeopleArgs, ports, print, print_json, table};

pub(super) async fn people_command(args: PeopleArgs) -> anyhow::Result<()> {
    let ports = ports(&args.common.data)?;
    let id = ConnectionId::parse(&args.connection).map_err(|e| anyhow!("connection {:?} {e}", args.connection))?;
    let Some(connection) = find_connection(&ports.table, &id).await? else {
        bail!("there is no connection {id}; `muster-local connect` prints the id when it saves one");
    };
    let has_status = settings_of(&connection)?.fields.contains_key(&Field::EMPLOYMENT_STATUS);
    let mut people = Vec::new();
    each_person(&ports.table, &connection, |person| people.push(person)).await?;
    people.sort_by(|a, b| a.recipient.unique_id.cmp(&b.recipient.unique_id));
    if args.common.json {
        let lines = people.iter().map(|person| format!("{}\n", person_json(person, has_status)));
        return print(&lines.collect::<String>());
    }
    print(&table(&people.iter().map(person_row).collect::<Vec<_>>()))
}

/// One recipient; the status also stands among the fields where the connection maps it.
fn person_json(person: &Person, has_status: bool) -> Value {
    let recipient = &person.recipient;
    let value = |value: &Stored| match value {
        Stored::One(text) => json!(text),
        Stored::Many(texts) => json!(texts),
    };
    let mut fields: Map<String, Value> =
        recipient.values.iter().map(|(field, stored)| (field.name().to_owned(), value(stored))).collect();
    if has_status {
        fields.insert(Field::EMPLOYMENT_STATUS.name().to_owned(), json!(recipient.status.as_str()));
    }
    json!({
        "unique_id": recipient.unique_id.as_str(),
        "status": recipient.status.as_str(),
        "fields": fields,
        "groups": person.groups,
    })
}

fn person_row(person: &Person) -> Vec<String> {
    let recipient = &person.recipient;
    let shown = |field: Field| recipient.values.get(&field).map(|v| v.iter().collect::<Vec<_>>().join("|"));
    let name = [Field::FIRST_NAME, Field::LAST_NAME].into_iter().filter_map(shown).collect::<Vec<_>>().join(" ");
    vec![
        recipient.unique_id.to_string(),
        recipient.status.as_str().to_owned(),
        name,
        shown(Field::EMAIL_1).unwrap_or_default(),
        person.groups.join(", "),
    ]
}

pub(super) async fn groups_command(args: GroupsArgs) -> anyhow::Result<()> {
    let ports = ports(&args.common.data)?;
    let account = AccountId::parse(&args.account).map_err(|e| anyhow!("account {:?} {e}", args.account))?;
    if !ports.table.accounts().await?.contains(&account) {
        bail!("there is no account {account}; an account begins with its first connection");
    }
    let groups = groups(&ports.table, &account).await?;
    if args.common.json {
        return print_json(&groups.iter().map(group_json).collect());
    }
    let row = |group: &Group| {
        let source = group.field.map_or_else(|| "the connection's own".to_owned(), |f| f.name().to_owned());
        vec![group.members.to_string(), group.name.clone(), source, group.connection.to_string()]
    };
    print(&table(&groups.iter().map(row).collect::<Vec<_>>()))
}

fn group_json(group: &Group) -> Value {
    json!({
        "name": group.name,
        "kind": if group.field.is_some() { "value" } else { "connection" },
        "field": group.field.map(Field::name),
        "value": group.field.map(|_| group.value.as_str()),
        "members": group.members,
    })
}
