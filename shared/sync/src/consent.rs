//! What a connection will read, before it reads anything.

use std::collections::BTreeMap;

use muster_connectors::{LinkAsk, connector, effective};
use muster_core::field::Field;
use muster_core::mapping::Expression;
use muster_core::privacy::blocked_kinds;
use muster_core::settings::{Mode, OnAbsent, Origin, Settings};
use muster_core::status::ImportChoice;

use crate::reach::Source;
use crate::{Connection, PortError, settings_of};

/// What a connection will read, and what happens with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The connection's name.
    pub connection: String,
    /// The connector's name in connection files: `finch`.
    pub connector: String,
    /// Its name for people: `Finch`.
    pub provider: String,
    /// What is asked of the provider, in its own words; empty where credentials say it.
    pub scopes: Vec<String>,
    /// The fields that are filled, in the catalogue's order, and the columns that are read for each.
    pub fields: Vec<ConsentField>,
    /// What is never read, whatever is mapped.
    pub never: Vec<&'static str>,
    /// What happens with what is read, sentence by sentence.
    pub then: Vec<String>,
}

/// One field that is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentField {
    /// The field's name in the catalogue.
    pub field: &'static str,
    /// Its label.
    pub label: &'static str,
    /// The columns that it is made of.
    pub columns: Vec<String>,
}

impl Consent {
    /// What this connection will read, by its settings as they are now.
    ///
    /// # Errors
    /// [`crate::Retry::Never`] when the stored settings cannot be read.
    pub fn of(connection: &Connection) -> Result<Self, PortError> {
        let settings = settings_of(connection)?;
        let api = connector(&settings.connector);
        let unreadable = |e: String| PortError::never("read the connection's settings", e);
        let read = match api {
            Some(api) => effective(&settings, api.about()).map_err(|e| unreadable(e.to_string()))?,
            None => settings.clone(),
        };
        let fields = fields(&read).map_err(unreadable)?;
        Ok(Self {
            connection: settings.name.clone(),
            connector: settings.connector.clone(),
            provider: api.map_or("files over SFTP", |api| api.about().name).to_owned(),
            scopes: scopes(connection, &settings)?,
            fields,
            never: blocked_kinds().collect(),
            then: then(&settings),
        })
    }
}

fn fields(settings: &Settings) -> Result<Vec<ConsentField>, String> {
    let of = |(field, mapping): (&Field, &muster_core::settings::FieldMapping)| {
        let columns = match &mapping.origin {
            Origin::Column(column) => vec![column.clone()],
            Origin::Expression(text) => {
                let expression = Expression::compile(text).map_err(|e| e.to_string())?;
                expression.columns().map(str::to_owned).collect()
            }
        };
        Ok(ConsentField { field: field.name(), label: field.spec().label, columns })
    };
    settings.fields.iter().map(of).collect()
}

fn scopes(connection: &Connection, settings: &Settings) -> Result<Vec<String>, PortError> {
    let Some(link) = connector(&settings.connector).and_then(muster_connectors::Connector::link) else {
        return Ok(Vec::new());
    };
    let columns = Source::of_settings(settings)?.map(|source| source.columns).unwrap_or_default();
    let (secrets, texts) = (BTreeMap::new(), BTreeMap::new());
    Ok(link.scopes(&LinkAsk {
        platform: &secrets,
        provider: &settings.provider,
        customer: connection.id.as_str(),
        organization: "",
        email: "",
        redirect_url: "",
        columns: &columns,
        credentials: &secrets,
        given: &texts,
    }))
}

fn then(settings: &Settings) -> Vec<String> {
    let who = match settings.import {
        ImportChoice::ActiveOnly => "Only people who are active are taken over.",
        ImportChoice::ActiveAndInactive => {
            "People who are active or inactive are taken over; who is terminated, retired or deceased is not."
        }
    };
    let often = settings.cadence.map_or(24 * 60, muster_core::settings::Cadence::minutes);
    let absent = match settings.on_absent {
        OnAbsent::Remove => {
            "Who is no longer there is removed: hidden at once, kept for 30 days so that it can be undone."
        }
        OnAbsent::Deactivate => "Who is no longer there is deactivated: kept, hidden, without messages.",
        OnAbsent::Ignore => "Who is no longer there is left as is.",
    };
    let decided = match settings.mode {
        Mode::Preview => "Every change waits until a person approves it.",
        Mode::Active => "Changes are made by themselves; unusually large ones wait until a person approves them.",
        Mode::Paused => "Nothing is read while the connection is paused.",
    };
    vec![
        "Only the columns named here are kept; everything else that the source sends is dropped unread.".to_owned(),
        who.to_owned(),
        format!("They become members of the group {:?}, and are read anew every {}.", settings.group, span(often)),
        absent.to_owned(),
        decided.to_owned(),
        "Nothing is ever written back to the source.".to_owned(),
    ]
}

fn span(minutes: u32) -> String {
    let (number, unit) = match minutes {
        m if m % (24 * 60) == 0 => (m / (24 * 60), "day"),
        m if m % 60 == 0 => (m / 60, "hour"),
        m => (m, "minute"),
    };
    if number == 1 { unit.to_owned() } else { format!("{number} {unit}s") }
}
