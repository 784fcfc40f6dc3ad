//! The names by which providers' webhooks call connections. Each is an item, so that no two connections have it.

use std::collections::BTreeSet;

use muster_core::format;
use muster_sync::{Connection, Ledger, Login, PortError};

use super::Table;
use super::admin::login_from;
use crate::expression::{Expression, Step};
use crate::items::{route_key, s};

const FREE_OR_OURS: &str = "attribute_not_exists(#account) OR (#account = :account AND #connection = :connection)";

impl Table {
    pub(super) async fn stored_route(&self, route: &str) -> Result<Option<Login>, PortError> {
        const READ: &str = "read the route";
        let item =
            self.get_item(READ, format::ROUTE, route_key(route)).await?.filter(|item| item.contains_key("account"));
        item.map(|item| login_from(READ, &item)).transpose()
    }

    /// The steps, each with its route, that make the stored routes those of `connection`. Its settings version guards
    /// what is read here: routes change only together with it.
    pub(super) async fn route_steps(
        &self,
        connection: &Connection,
        expected_settings_version: Option<u64>,
    ) -> Result<Vec<(String, Step)>, PortError> {
        let stored = match expected_settings_version {
            Some(_) => self.connection(&connection.account, &connection.id).await?,
            None => None,
        };
        let stored = stored.map(|stored| stored.routes).unwrap_or_default();
        let wanted: BTreeSet<&String> = connection.routes.iter().collect();
        let gone: BTreeSet<&String> = stored.iter().filter(|route| !wanted.contains(route)).collect();
        let taken = wanted.into_iter().map(|route| (route.clone(), self.take_route(connection, route)));
        let left = gone.into_iter().map(|route| (route.clone(), self.leave_route(connection, route)));
        Ok(taken.chain(left).collect())
    }

    fn take_route(&self, connection: &Connection, route: &str) -> Step {
        let change = Expression::of(format::ROUTE)
            .set("account", s(connection.account.as_str()))
            .set("connection", s(connection.id.as_str()))
            .when(FREE_OR_OURS);
        change.within(&self.name, route_key(route))
    }

    /// The item stays, free for whoever asks next: nothing here may delete items.
    fn leave_route(&self, connection: &Connection, route: &str) -> Step {
        let change = Expression::of(format::ROUTE)
            .remove("account")
            .remove("connection")
            .value("account", s(connection.account.as_str()))
            .value("connection", s(connection.id.as_str()))
            .when(FREE_OR_OURS);
        change.within(&self.name, route_key(route))
    }
}
