//! People and groups.

use anyhow::{anyhow, bail};
use muster_core::{field::Field, ids::AccountId};
use muster_sync::{Admin as _, Group, groups};
use serde_json::{Value, json};

use super::{
    GroupsArgs, PeopleArgs,
    find::{self, Found},
    ports, print, print_json, table,
};
use crate::api::Api;

pub(super) async fn people_command(args: PeopleArgs) -> anyhow::Result<()> {
    let api = Api::running(&args.common.data)?;
    let Found { account, shown: connection } = find::connection(&api, &args.connection).await?;
    let path = format!("{}/people", find::connection_path(&args.connection));
    let mut people = api.admin(&account).all(&path).await?;
    people.sort_by_cached_key(|person| person["unique_id"].as_str().unwrap_or_default().to_owned());
    if args.common.json {
        let mut mapped = connection["locked_fields"].as_array().into_iter().flatten();
        let has_status = mapped.any(|field| *field == Field::EMPLOYMENT_STATUS.name());
        let lines = people.iter().map(|person| format!("{}\n", person_json(person, has_status)));
        return print(&lines.collect::<String>());
    }
    print(&table(&people.iter().map(person_row).collect::<Vec<_>>()))
}

/// One recipient; the status also stands among the fields where the connection maps it.
fn person_json(person: &Value, has_status: bool) -> Value {
    let mut fields = person["fields"].clone();
    if has_status {
        fields[Field::EMPLOYMENT_STATUS.name()] = person["status"].clone();
    }
    json!({
        "unique_id": person["unique_id"],
        "status": person["status"],
        "fields": fields,
        "groups": person["groups"],
    })
}

fn person_row(person: &Value) -> Vec<String> {
    let shown = |field: Field| match &person["fields"][field.name()] {
        Value::Array(several) => Some(several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")),
        one => one.as_str().map(str::to_owned),
    };
    let text = |key: &str| person[key].as_str().unwrap_or_default().to_owned();
    let name = [Field::FIRST_NAME, Field::LAST_NAME].into_iter().filter_map(shown).collect::<Vec<_>>().join(" ");
    let groups: Vec<&str> = person["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    vec![text("unique_id"), text("status"), name, shown(Field::EMAIL_1).unwrap_or_default(), groups.join(", ")]
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
