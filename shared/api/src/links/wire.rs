//! Wire types of links.

use std::collections::BTreeMap;

use muster_sync::{Connection, Consent, PortError, is_linked};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fields::{ADDRESS, LONGEST_ADDRESS, LONGEST_URL, REDIRECT};
use crate::problem::Problem;
use crate::time::shown;

/// The longest code or token that a provider's page hands over.
const LONGEST_CODE: usize = 4_096;

/// What a connection will read.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConsentShown {
    /// The connection's name.
    connection: String,
    /// The connector: `finch`.
    connector: String,
    /// Its name for people: `Finch`.
    provider: String,
    /// What the provider is asked to open, in its own words.
    scopes: Vec<String>,
    /// The fields that are filled, and the columns that are read for each.
    fields: Vec<ConsentField>,
    /// What is never read, whatever is mapped.
    never: Vec<String>,
    /// What happens with what is read.
    then: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ConsentField {
    /// The field's name.
    field: String,
    /// Its label.
    label: String,
    /// The columns that it is made of.
    columns: Vec<String>,
}

impl ConsentShown {
    pub(super) fn of(consent: Consent) -> Self {
        let field = |one: muster_sync::ConsentField| ConsentField {
            field: one.field.to_owned(),
            label: one.label.to_owned(),
            columns: one.columns,
        };
        Self {
            connection: consent.connection,
            connector: consent.connector,
            provider: consent.provider,
            scopes: consent.scopes,
            fields: consent.fields.into_iter().map(field).collect(),
            never: consent.never.into_iter().map(str::to_owned).collect(),
            then: consent.then,
        }
    }
}

/// How to link.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkStart {
    /// Where the provider sends the browser afterwards; it must be one that the provider knows.
    #[schemars(regex(pattern = REDIRECT), length(max = LONGEST_URL))]
    pub(super) redirect_url: Option<String>,
    /// Who signs in at the provider.
    #[schemars(regex(pattern = ADDRESS), length(max = LONGEST_ADDRESS))]
    pub(super) email: Option<String>,
    /// The customer's name, for the provider's pages; the account's if not given.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"))]
    pub(super) organization_name: Option<String>,
}

/// A link that waits for the browser.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LinkShown {
    /// What finishing names.
    pub(super) link_id: String,
    /// Where to send the browser.
    pub(super) url: Option<String>,
    /// What the provider's own widget takes.
    pub(super) token: Option<String>,
    /// Until when address and token are good.
    pub(super) expires_at: String,
    /// Until when it can be finished.
    pub(super) finish_by: String,
    /// What the provider's page hands over and finishing needs: `code`, `public_token`, or nothing.
    pub(super) brings: Option<String>,
}

/// What the provider's page handed over.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkEnd {
    /// The code of the redirect (Finch).
    #[schemars(length(min = 1, max = LONGEST_CODE))]
    code: Option<String>,
    /// The public token of the widget (Merge).
    #[schemars(length(min = 1, max = LONGEST_CODE))]
    public_token: Option<String>,
}

impl LinkEnd {
    /// What was handed over, by name.
    pub(super) fn given(self) -> Result<BTreeMap<String, String>, Problem> {
        let mut given = BTreeMap::new();
        for (name, value) in [("code", self.code), ("public_token", self.public_token)] {
            let Some(value) = value else { continue };
            if value.is_empty() || value.chars().count() > LONGEST_CODE {
                return Err(Problem::invalid(name, format!("{name}: must be 1 to {LONGEST_CODE} characters")));
            }
            given.insert(name.to_owned(), value);
        }
        Ok(given)
    }
}

/// How a connection stands after linking.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LinkedShown {
    /// The connection's id.
    connection: String,
    /// How it stands.
    status: String,
    /// Why, for people.
    note: Option<String>,
    /// Whether everything is there that its provider is asked with.
    linked: bool,
    /// When its people are read next.
    due_at: Option<String>,
    /// Grows with every saved change of the settings.
    settings_version: u64,
}

impl LinkedShown {
    pub(super) fn of(connection: &Connection) -> Result<Self, PortError> {
        let status = serde_json::to_value(connection.status).unwrap_or_default();
        Ok(Self {
            connection: connection.id.to_string(),
            status: status.as_str().unwrap_or_default().to_owned(),
            note: connection.note.clone(),
            linked: is_linked(connection)?,
            due_at: connection.due_ms.map(shown),
            settings_version: connection.settings_version,
        })
    }
}

/// Credentials to be tried.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsGiven {
    /// Secrets by key, as the catalogue names them.
    #[serde(default)]
    pub(super) credentials: BTreeMap<String, String>,
    /// Keys of `[provider]` that belong to them.
    #[serde(default)]
    pub(super) provider: BTreeMap<String, String>,
    /// Store them whatever the provider says.
    #[serde(default)]
    pub(super) force: bool,
}

/// Credentials that were tried.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CredentialsTried {
    /// `good`, `unauthorized`, `forbidden`, `not_now`, `refused`.
    pub(super) said: String,
    /// What the provider said, in words.
    pub(super) detail: String,
    /// Whether they are stored now.
    pub(super) stored: bool,
    /// The connection as it is now.
    pub(super) connection: LinkedShown,
}

/// For whom a link is, and how long.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproverWish {
    /// The approver's address, for the provider's pages; nothing is sent to it.
    #[schemars(regex(pattern = ADDRESS), length(max = LONGEST_ADDRESS))]
    pub(super) email: Option<String>,
    /// For how many days; 7 if not given.
    #[schemars(range(min = 1, max = 30))]
    pub(super) days: Option<u32>,
}

/// A link for an approver.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ApproverLink {
    /// The address; shown once.
    pub(super) url: Option<String>,
    /// Until when it is good.
    pub(super) expires_at: String,
}
