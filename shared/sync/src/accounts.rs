//! What the product team decides about an account: which kinds of connections work in it.

use std::collections::BTreeSet;

use muster_core::ids::AccountId;
use serde::{Deserialize, Serialize};

use crate::{
    ACCOUNT_DOCUMENT, Admin, Connection, ConnectionStatus, Documents, Ledger, PortError, Shelf, connections_of,
    settings_of,
};

/// A kind of connection that an account may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entitlement {
    /// HR systems with an API.
    DataConnector,
    /// Files by SFTP.
    Sftp,
    /// Identity providers that push.
    Scim,
    /// Files and single people through the API.
    Upload,
}

impl Entitlement {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::DataConnector, Self::Sftp, Self::Scim, Self::Upload];

    /// Which kind a connector is of.
    pub fn of(connector: &str) -> Self {
        match connector {
            "sftp" => Self::Sftp,
            "scim" => Self::Scim,
            "upload" => Self::Upload,
            _ => Self::DataConnector,
        }
    }

    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataConnector => "data_connector",
            Self::Sftp => "sftp",
            Self::Scim => "scim",
            Self::Upload => "upload",
        }
    }
}

/// What is decided about an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTerms {
    /// The customer's name.
    #[serde(default)]
    pub name: String,
    /// Which kinds of connections work.
    pub entitlements: BTreeSet<Entitlement>,
}

/// What a connection says of its kind being taken from the account.
pub const NOT_ENTITLED: &str = "the account is not entitled to this kind of connection any more";

/// What is decided about an account, and the version of that; `None` for one that nobody made.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn account_terms(
    documents: &impl Documents,
    account: &AccountId,
) -> Result<Option<(AccountTerms, u64)>, PortError> {
    let Some(found) = documents.document(account, &Shelf::Account, ACCOUNT_DOCUMENT).await? else { return Ok(None) };
    let terms = serde_json::from_str(&found.body)
        .map_err(|e| PortError::never("read the account's entitlements", crate::error::located(&e)))?;
    Ok(Some((terms, found.version)))
}

/// Decides about an account; one that is new begins here. Connections of a kind that it no longer has are switched off,
/// with the reason. `Ok(false)` when somebody else decided meanwhile.
///
/// # Errors
/// [`PortError`] when a service failed; asking again goes on.
pub async fn put_account_terms<P: Documents + Admin + Ledger>(
    ports: &P,
    account: &AccountId,
    terms: &AccountTerms,
    expected: Option<u64>,
) -> Result<bool, PortError> {
    ports.add_account(account).await?;
    let body = serde_json::to_string(terms).map_err(|e| PortError::never("store the entitlements", e.to_string()))?;
    if !ports.put_document(account, &Shelf::Account, ACCOUNT_DOCUMENT, &body, expected, None).await? {
        return Ok(false);
    }
    for connection in connections_of(ports, account).await? {
        let kind = Entitlement::of(&settings_of(&connection)?.connector);
        if !terms.entitlements.contains(&kind) && is_on(&connection) {
            switch_off(ports, connection).await?;
        }
    }
    Ok(true)
}

fn is_on(connection: &Connection) -> bool {
    !matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted)
}

async fn switch_off<P: Admin>(ports: &P, connection: Connection) -> Result<(), PortError> {
    let version = connection.settings_version;
    let off = Connection {
        status: ConnectionStatus::Disabled,
        note: Some(NOT_ENTITLED.to_owned()),
        due_ms: None,
        // Settings that were read before and are saved now would switch it on again.
        settings_version: version + 1,
        ..connection
    };
    if ports.save_connection(&off, Some(version)).await? {
        return Ok(());
    }
    Err(PortError::later("switch the connection off", "its settings were changed meanwhile"))
}
