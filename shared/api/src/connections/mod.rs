//! Connections: what can be connected, and the connections of an account with their settings, logins and standing.

mod create;
mod file;
mod login;
mod never_touch;
mod providers;
mod settings;
mod shown;
mod standing;
mod versions;

use muster_core::settings::Settings;
use muster_sync::{
    Checked, Connection, ConnectionStatus, Drawn, Entitlement, Expected, Linking, Saved, Terms, account_terms,
    check_connection, save_kept,
};
use serde_json::{Value, json};

pub(crate) use self::file::{ConnectionFile, LONGEST_FILE};

use crate::call::Call;
use crate::problem::Problem;
use crate::route::Route;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    let mut routes = Vec::new();
    routes.extend(providers::routes());
    routes.extend(create::routes());
    routes.extend(shown::routes());
    routes.extend(settings::routes());
    routes.extend(versions::routes());
    routes.extend(standing::routes());
    routes.extend(login::routes());
    routes.extend(never_touch::routes());
    routes
}

/// The content type of connection files.
const TOML: &str = "application/toml";

/// Whether the caller asks for a connection file rather than JSON.
fn wants_toml<W: World>(call: Call<'_, W>) -> bool {
    call.header("accept").is_some_and(|kinds| kinds.split(',').any(|kind| kind.trim().starts_with(TOML)))
}

/// Whether the body is a connection file.
fn sends_toml<W: World>(call: Call<'_, W>) -> bool {
    call.header("content-type").is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with(TOML))
}

/// Who changes something, as it is kept beside the change.
fn who<W: World>(call: Call<'_, W>) -> String {
    format!("{}:{}", call.caller.role.as_str(), call.caller.user)
}

fn drawn<W: World>(call: Call<'_, W>) -> Drawn {
    let (one, other) = (call.world.random(), call.world.random());
    let mut drawn = Drawn { seed: 0, password: [0; 20], salt: [0; 16], link_key: [0; 32] };
    drawn.password.copy_from_slice(&one[..20]);
    drawn.salt.copy_from_slice(&one[20..36]);
    drawn.link_key.copy_from_slice(&other[..32]);
    drawn.seed = other[32..40].iter().fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
    drawn
}

/// A connection file that is to be saved.
struct Wish<'a> {
    /// Its text.
    text: &'a str,
    /// What it may be saved over.
    expected: Expected,
    /// Public keys of a new login.
    public_keys: &'a [String],
    /// What the audit calls it.
    action: &'a str,
}

/// Checks a connection file, tells the audit of it, saves it and keeps the version.
async fn save<W: World>(call: Call<'_, W>, wish: Wish<'_>) -> Result<(Saved, u64), Problem> {
    let terms = Terms {
        drawn: drawn(call),
        public_keys: wish.public_keys,
        base_urls: call.world.config().base_urls,
        now_ms: call.now_ms(),
    };
    let (table, secrets) = (call.world.table(), call.world.secrets());
    let checked = check_connection(table, secrets, wish.text, terms, (wish.expected, Linking::MayFollow)).await?;
    let (before, after) = told(&checked);
    call.audit(wish.action, &format!("connection/{}", checked.id()), before, Some(after)).await?;
    Ok(save_kept(table, secrets, &checked, terms, &who(call)).await?)
}

/// What the audit is told of saved settings: the connection file before and after, without credentials.
fn told(checked: &Checked) -> (Option<Value>, Value) {
    let before = checked.before.as_ref().map(|before| {
        // One that was saved in another way may be longer than an entry has room for.
        let text = Some(&before.settings).filter(|text| text.len() <= file::LONGEST_FILE);
        json!({"settings": text, "version": before.settings_version})
    });
    let version = checked.before.as_ref().map_or(1, |before| before.settings_version + 1);
    (before, json!({"settings": checked.text(), "version": version, "credentials": checked.new_credentials()}))
}

/// Refuses a kind of connection that the account is not entitled to.
async fn check_entitled<W: World>(call: Call<'_, W>, settings: &Settings) -> Result<(), Problem> {
    let kind = Entitlement::of(&settings.connector);
    let terms = account_terms(call.world.table(), &call.caller.account).await?;
    if terms.is_some_and(|(terms, _)| terms.entitlements.contains(&kind)) {
        return Ok(());
    }
    let detail =
        format!("the account is not entitled to connections of the kind {}; ask the product team", kind.as_str());
    Err(Problem::new(403, "not_entitled", detail).field("connector"))
}

/// Refuses to change anything of a deleted connection.
fn check_there(connection: &Connection) -> Result<(), Problem> {
    if connection.status == ConnectionStatus::Deleted {
        return Err(Problem::conflict("deleted", "the connection is deleted, so nothing of it changes any more"));
    }
    Ok(())
}
