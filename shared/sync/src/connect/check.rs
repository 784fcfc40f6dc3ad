//! Whether new settings of a connection would be saved.

use std::collections::BTreeMap;

use muster_core::ids::{AccountId, ConnectionId};
use muster_core::settings::{Problem, Settings, SettingsError};

use super::{Linking, NotSaved, Terms, check_group, judged, provider};
use crate::{Admin, Connection, Ledger, Secrets, settings_of};

/// Checks new settings of a connection, and credentials beside them, as the API saves them ([`super::check_connection`]
/// with [`Linking::MayFollow`]), all problems at once, and saves nothing. Answers the settings as they would be stored.
///
/// # Errors
/// [`NotSaved::Settings`] with everything that is wrong, each by its key; [`NotSaved::Port`].
pub async fn check_settings<P: Ledger + Admin>(
    ports: &P,
    secrets: &impl Secrets,
    before: &Connection,
    (mut settings, mut given): (Settings, BTreeMap<String, String>),
    terms: Terms<'_>,
) -> Result<Settings, NotSaved> {
    provider::sort_keys(&mut settings, &mut given);
    let mut problems = settings.problems();
    let mut wrong = |path: &str, message: String| {
        problems.push(Problem { path: path.to_owned(), line: None, message });
    };
    if settings.account != before.account {
        wrong("account", format!("must be {}", before.account));
    } else if ConnectionId::named(&settings.account, &settings.name).is_ok_and(|id| id != before.id) {
        wrong("name", format!("makes another id than {}; a connection keeps its name", before.id));
    }
    if settings_of(before)?.connector != settings.connector {
        wrong("connector", "cannot change: unique ids are those of the connector; make another connection".to_owned());
    }
    match check_group(ports, &settings, &before.id).await {
        Ok(()) => {}
        Err(taken @ NotSaved::GroupTaken { .. }) => wrong("group", taken.to_string()),
        Err(error) => return Err(error),
    }
    let (_, line) = judged(secrets, &settings, (&before.id, &given), Linking::MayFollow, terms).await?;
    let told = match line {
        Ok(line) => match check_routes(ports, (&before.account, &before.id), &line.routes).await {
            Err(taken @ NotSaved::LinkTaken) => {
                vec![Problem { path: "provider".to_owned(), line: None, message: taken.to_string() }]
            }
            found => found.map(|()| Vec::new())?,
        },
        Err(more) => more.problems,
    };
    let told: Vec<_> = told.into_iter().filter(|problem| !problems.contains(problem)).collect();
    problems.extend(told);
    SettingsError::unless_empty(problems)?;
    Ok(settings)
}

/// Refuses names that webhooks call another connection by.
pub(super) async fn check_routes(
    ports: &impl Ledger,
    (account, id): (&AccountId, &ConnectionId),
    routes: &[String],
) -> Result<(), NotSaved> {
    for route in routes {
        let owner = ports.route(route).await?;
        if owner.is_some_and(|owner| owner.account != *account || owner.connection != *id) {
            return Err(NotSaved::LinkTaken);
        }
    }
    Ok(())
}
