//! Every saved version of a connection's settings.

use std::collections::BTreeMap;

use muster_core::ids::{AccountId, ConnectionId};
use serde::{Deserialize, Serialize};

use super::{Checked, NotSaved, Saved, Terms, save_checked};
use crate::{Admin, Connection, Document, Documents, Ledger, Page, PortError, Secrets, Shelf};

/// A saved version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsVersion {
    /// Its number.
    pub version: u64,
    /// The connection file, without credentials.
    pub toml: String,
    /// Who saved it: role and user. Empty where that was not kept.
    pub by: String,
    /// When, in milliseconds since 1970; 0 where that was not kept.
    pub at_ms: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    toml: String,
    by: String,
    at_ms: i64,
}

const READ: &str = "read a version of the settings";

/// Numbers of 10 digits sort as they count.
fn id_of(version: u64) -> String {
    format!("{version:010}")
}

/// Saves a checked connection file and keeps it as a version: what everything that saves settings for people uses.
///
/// # Errors
/// [`NotSaved`].
pub async fn save_kept<P: Ledger + Admin + Documents>(
    ports: &P,
    secrets: &impl Secrets,
    checked: &Checked,
    terms: Terms<'_>,
    by: &str,
) -> Result<(Saved, u64), NotSaved> {
    let saved = save_checked(ports, secrets, checked, terms).await?;
    let account = &checked.settings().account;
    let version = checked.before.as_ref().map_or(1, |before| before.settings_version + 1);
    if let Some(before) = &checked.before {
        keep_missing(ports, before).await?;
    }
    let kept = SettingsVersion { version, toml: checked.text().to_owned(), by: by.to_owned(), at_ms: terms.now_ms };
    keep_version(ports, account, checked.id(), &kept).await?;
    Ok((saved, version))
}

/// Keeps what linking made of a connection's settings as a version.
pub(crate) async fn keep_linked(
    documents: &impl Documents,
    (before, after): (&Connection, &Connection),
    by: &str,
    at_ms: i64,
) -> Result<(), PortError> {
    keep_missing(documents, before).await?;
    let (version, toml) = (after.settings_version, after.settings.clone());
    let kept = SettingsVersion { version, toml, by: by.to_owned(), at_ms };
    keep_version(documents, &after.account, &after.id, &kept).await
}

/// Keeps a version. One that is kept already stays as it is.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn keep_version(
    documents: &impl Documents,
    account: &AccountId,
    connection: &ConnectionId,
    version: &SettingsVersion,
) -> Result<(), PortError> {
    let SettingsVersion { version, toml, by, at_ms } = version.clone();
    let body = serde_json::to_string(&Kept { toml, by, at_ms })
        .map_err(|e| PortError::never("keep a version of the settings", e.to_string()))?;
    let shelf = Shelf::Settings(connection.clone());
    documents.put_document(account, &shelf, &id_of(version), &body, None, None).await.map(|_| ())
}

/// The version before a crash, or before versions were kept: who saved it is not known any more.
async fn keep_missing(documents: &impl Documents, before: &Connection) -> Result<(), PortError> {
    keep_version(documents, &before.account, &before.id, &unknown(before)).await
}

fn unknown(connection: &Connection) -> SettingsVersion {
    let (version, toml) = (connection.settings_version, connection.settings.clone());
    SettingsVersion { version, toml, by: String::new(), at_ms: 0 }
}

fn version_of(document: &Document) -> Result<SettingsVersion, PortError> {
    let version = document.id.parse().map_err(|_| PortError::never(READ, "its number is none"))?;
    let Kept { toml, by, at_ms } =
        serde_json::from_str(&document.body).map_err(|e| PortError::never(READ, crate::error::located(&e)))?;
    Ok(SettingsVersion { version, toml, by, at_ms })
}

/// A version of a connection's settings; `None` where it is not kept.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn settings_version(
    documents: &impl Documents,
    connection: &Connection,
    version: u64,
) -> Result<Option<SettingsVersion>, PortError> {
    if version > connection.settings_version {
        return Ok(None);
    }
    let shelf = Shelf::Settings(connection.id.clone());
    match documents.document(&connection.account, &shelf, &id_of(version)).await? {
        Some(found) => version_of(&found).map(Some),
        None => Ok((version == connection.settings_version).then(|| unknown(connection))),
    }
}

/// A page of versions, newest first, from below `before`; `next` is what the next page is asked for with.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn settings_versions(
    documents: &impl Documents,
    connection: &Connection,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<SettingsVersion>, PortError> {
    let shelf = Shelf::Settings(connection.id.clone());
    let from = before.map(id_of);
    let page = documents.documents(&connection.account, &shelf, from.as_deref(), limit, true).await?;
    let mut items = page.items.iter().map(version_of).collect::<Result<Vec<_>, _>>()?;
    if before.is_none() && items.first().is_none_or(|first| first.version < connection.settings_version) {
        items.insert(0, unknown(connection));
    }
    Ok(Page { items, next: page.next })
}

/// One key in which two versions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key's path: `fields.email_1.from`.
    pub key: String,
    /// As the one version has it, in TOML; `None` where it does not.
    pub old: Option<String>,
    /// As the other one has it.
    pub new: Option<String>,
}

/// What differs between two connection files, by key path. Both are compared in their plain form, so that comments,
/// order and defaults that are written out do not count.
///
/// # Errors
/// [`PortError`] for a text that is no connection file: those that are stored were checked.
pub fn differences(old: &str, new: &str) -> Result<Vec<Difference>, PortError> {
    let (old, new) = (flat(old)?, flat(new)?);
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
    Ok(differ
        .map(|key| Difference { key: key.clone(), old: old.get(key).cloned(), new: new.get(key).cloned() })
        .collect())
}

/// Key paths and values of a connection file.
fn flat(text: &str) -> Result<BTreeMap<String, String>, PortError> {
    muster_core::settings::flat(text).map_err(|e| PortError::never(READ, e.to_string()))
}
