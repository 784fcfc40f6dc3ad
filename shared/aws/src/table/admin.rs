//! Saving connections and logins, and finding them without reading the whole table.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use muster_core::ids::{AccountId, ConnectionId};
use muster_sync::{Admin, Connection, Credentials, Login, PortError};

use super::Table;
use super::commit::item_key;
use crate::expression::Expression;
use crate::fault::unreadable;
use crate::items::{Item, connection_item, key, list, n, optional_text, read_list, read_text, s, status_name};

type Answer<T> = Result<T, PortError>;

fn login_key(user: &str) -> Item {
    key(&format!("SFTP#{user}"), "LOGIN")
}

impl Admin for Table {
    async fn save_connection(&self, connection: &Connection, expected_settings_version: Option<u64>) -> Answer<bool> {
        let saved = match expected_settings_version {
            None => self.put(connection_item(connection)?, Some("attribute_not_exists(pk)")),
            Some(version) => Expression::new()
                .set("settings", s(&connection.settings))
                .set("settings_version", n(connection.settings_version))
                .set("status", s(status_name(connection.status)))
                .set_or_remove("sftp_user", connection.sftp_user.as_ref().map(s))
                .when_is("settings_version", n(version))
                .within(&self.name, item_key(connection)),
        };
        let account = connection.account.as_str();
        let steps = vec![
            saved,
            self.put(key(&format!("A#{account}"), &format!("C#{}", connection.id)), None),
            self.put(key("ACCOUNTS", account), None),
        ];
        self.transact("save the connection", steps).await
    }

    async fn put_login(&self, user: &str, login: &Login, credentials: &Credentials) -> Answer<bool> {
        let change = Expression::new()
            .set("account", s(login.account.as_str()))
            .set("connection", s(login.connection.as_str()))
            .set_or_remove("password", credentials.password_hash.as_ref().map(s))
            .set("keys", list(&credentials.keys))
            .when("attribute_not_exists(#pk) OR (#account = :account AND #connection = :connection)");
        self.update("save the login", login_key(user), change).await
    }

    async fn credentials(&self, user: &str) -> Answer<Option<(Login, Credentials)>> {
        self.stored_login(user).await
    }

    async fn connections(&self, account: &AccountId) -> Answer<Vec<ConnectionId>> {
        const LIST: &str = "list the connections";
        let items = self.items(LIST, &format!("A#{account}"), "C#").await?;
        let id = |item: &Item| {
            let sk = read_text(LIST, item, "sk")?;
            let id = sk.strip_prefix("C#").and_then(|id| ConnectionId::parse(id).ok());
            id.ok_or_else(|| unreadable(LIST, "sk"))
        };
        items.iter().map(id).collect()
    }

    async fn accounts(&self) -> Answer<Vec<AccountId>> {
        const LIST: &str = "list the accounts";
        let items = self.items(LIST, "ACCOUNTS", "").await?;
        let id = |item: &Item| AccountId::parse(&read_text(LIST, item, "sk")?).map_err(|_| unreadable(LIST, "sk"));
        items.iter().map(id).collect()
    }
}

impl Table {
    #[expect(clippy::expect_used, reason = "table and item are given")]
    fn put(&self, item: Item, condition: Option<&str>) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.name).set_item(Some(item));
        let put = put.set_condition_expression(condition.map(str::to_owned));
        TransactWriteItem::builder().put(put.build().expect("a put with table and item")).build()
    }

    pub(super) async fn stored_login(&self, user: &str) -> Answer<Option<(Login, Credentials)>> {
        const READ: &str = "read the login";
        if user.is_empty() {
            return Ok(None);
        }
        let Some(item) = self.get_item(READ, login_key(user)).await? else { return Ok(None) };
        let account = AccountId::parse(&read_text(READ, &item, "account")?);
        let connection = ConnectionId::parse(&read_text(READ, &item, "connection")?);
        let login = Login {
            account: account.map_err(|_| unreadable(READ, "account"))?,
            connection: connection.map_err(|_| unreadable(READ, "connection"))?,
        };
        let credentials =
            Credentials { password_hash: optional_text(&item, "password"), keys: read_list(&item, "keys") };
        Ok(Some((login, credentials)))
    }
}
