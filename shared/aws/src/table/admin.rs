//! Saving connections and logins, and finding them without reading the whole table.

use aws_sdk_dynamodb::types::AttributeValue;
use muster_core::format;
use muster_core::ids::{AccountId, ConnectionId};
use muster_sync::{Admin, Connection, Credentials, Login, PortError};

use super::Table;
use super::commit::item_key;
use crate::expression::Expression;
use crate::fault::unreadable;
use crate::items::{
    Item, connection_item, key, list, n, optional_text, read_list, read_text, s, status_name, with_due,
};

type Answer<T> = Result<T, PortError>;

/// What a login or a route stands for.
pub(super) fn login_from(operation: &'static str, item: &Item) -> Answer<Login> {
    let account = AccountId::parse(&read_text(operation, item, "account")?);
    let connection = ConnectionId::parse(&read_text(operation, item, "connection")?);
    Ok(Login {
        account: account.map_err(|_| unreadable(operation, "account"))?,
        connection: connection.map_err(|_| unreadable(operation, "connection"))?,
    })
}

fn login_key(user: &str) -> Item {
    key(&format!("SFTP#{user}"), "LOGIN")
}

const SAVE: &str = "save the connection";

/// What saving a known connection changes: what its runs keep stays theirs.
fn changed(connection: &Connection, version: u64) -> Expression {
    let routes = (!connection.routes.is_empty()).then(|| list(&connection.routes));
    let change = Expression::of(format::CONNECTION)
        .set("settings", s(&connection.settings))
        .set("settings_version", n(connection.settings_version))
        .set("status", s(status_name(connection.status)))
        .set_or_remove("note", connection.note.as_ref().map(s))
        .set_or_remove("sftp_user", connection.sftp_user.as_ref().map(s))
        .set_or_remove("routes", routes)
        .when_is("settings_version", n(version));
    with_due(change, connection, connection.due_ms)
}

impl Admin for Table {
    async fn save_connection(&self, connection: &Connection, expected_settings_version: Option<u64>) -> Answer<bool> {
        let saved = match expected_settings_version {
            None => self.put(format::CONNECTION, connection_item(connection)?, true),
            Some(version) => changed(connection, version).within(&self.name, item_key(connection)),
        };
        let account = connection.account.as_str();
        let mut steps = vec![
            saved,
            self.put(format::LISTED, key(&format!("A#{account}"), &format!("C#{}", connection.id)), false),
            self.put(format::LISTED, key("ACCOUNTS", account), false),
        ];
        let before = steps.len();
        let routes = self.route_steps(connection, expected_settings_version).await?;
        let names: Vec<String> = routes.iter().map(|(name, _)| name.clone()).collect();
        steps.extend(routes.into_iter().map(|(_, step)| step));
        let unmet = self.unmet(SAVE, steps).await?;
        let taken = unmet.first().and_then(|at| at.checked_sub(before)).and_then(|at| names.get(at));
        match taken {
            Some(route) => Err(PortError::never(SAVE, format!("the route {route} belongs to another connection"))),
            None => Ok(unmet.is_empty()),
        }
    }

    async fn put_login(&self, user: &str, login: &Login, credentials: &Credentials) -> Answer<bool> {
        let change = Expression::of(format::LOGIN)
            .set("account", s(login.account.as_str()))
            .set("connection", s(login.connection.as_str()))
            .set_or_remove("password", credentials.password_hash.as_ref().map(s))
            .set("keys", list(&credentials.keys))
            .set_or_remove("ips", (!credentials.allowed_ips.is_empty()).then(|| list(&credentials.allowed_ips)))
            .set_or_remove("disabled", credentials.locked.then_some(AttributeValue::Bool(true)))
            .when("attribute_not_exists(#pk) OR (#account = :account AND #connection = :connection)");
        self.update("save the login", login_key(user), change).await
    }

    async fn credentials(&self, user: &str) -> Answer<Option<(Login, Credentials)>> {
        self.stored_login(user).await
    }

    async fn connections(&self, account: &AccountId) -> Answer<Vec<ConnectionId>> {
        const LIST: &str = "list the connections";
        let items = self.items(LIST, format::LISTED, &format!("A#{account}"), "C#").await?;
        let id = |item: &Item| {
            let sk = read_text(LIST, item, "sk")?;
            let id = sk.strip_prefix("C#").and_then(|id| ConnectionId::parse(id).ok());
            id.ok_or_else(|| unreadable(LIST, "sk"))
        };
        items.iter().map(id).collect()
    }

    async fn add_account(&self, account: &AccountId) -> Answer<()> {
        const ADD: &str = "add the account";
        self.update(ADD, key("ACCOUNTS", account.as_str()), Expression::of(format::LISTED)).await.map(|_| ())
    }

    async fn accounts(&self) -> Answer<Vec<AccountId>> {
        const LIST: &str = "list the accounts";
        let items = self.items(LIST, format::LISTED, "ACCOUNTS", "").await?;
        let id = |item: &Item| AccountId::parse(&read_text(LIST, item, "sk")?).map_err(|_| unreadable(LIST, "sk"));
        items.iter().map(id).collect()
    }
}

impl Table {
    pub(super) async fn stored_login(&self, user: &str) -> Answer<Option<(Login, Credentials)>> {
        const READ: &str = "read the login";
        if user.is_empty() {
            return Ok(None);
        }
        let Some(item) = self.get_item(READ, format::LOGIN, login_key(user)).await? else { return Ok(None) };
        let login = login_from(READ, &item)?;
        let credentials = Credentials {
            password_hash: optional_text(&item, "password"),
            keys: read_list(&item, "keys"),
            allowed_ips: read_list(&item, "ips"),
            locked: item.get("disabled").is_some_and(|value| value.as_bool() == Ok(&true)),
        };
        Ok(Some((login, credentials)))
    }
}
