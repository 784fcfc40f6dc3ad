//! A new connection.

use muster_core::file::Keys;
use muster_core::ids::AccountId;
use muster_core::settings::Settings;
use muster_sync::{Expected, MOST_KEYS, Objects, PGP_KEY_KIND, PublicKey, pgp_key_place, settings_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::{ConnectionFile, settings_of_file};
use super::{TOML, Wish, check_entitled, save, sends_toml};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::post("/v1/connections", "create_connection", Need::ChangeSettings, |call| Box::pin(create(call)))
            .says(
                "Makes a connection",
                "Takes a connection file, as JSON beside keys, or as the very TOML. One that files come to gets an SFTP \
                 login; its password is in this answer and never again.",
            )
            .body::<NewConnection>()
            .body_as::<String>(TOML)
            .gives::<Created>(201, "the connection"),
        Route::put("/v1/connections/{connection}/pgp-key", "put_pgp_key", Need::ChangeSettings, |call| {
            Box::pin(put_pgp_key(call))
        })
        .says("Sets the secret key that opens the connection's PGP files", "It is never shown.")
        .body::<PgpKey>()
        .gives_nothing(204, "stored"),
    ]
}

/// A connection file, and keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewConnection {
    /// The connection file.
    file: ConnectionFile,
    /// Public keys of OpenSSH that its login takes.
    #[serde(default)]
    #[schemars(length(max = 10))]
    public_keys: Vec<String>,
    /// The armored secret key that opens its PGP files.
    #[serde(default)]
    pgp_key: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PgpKey {
    /// The armored secret key.
    key: String,
}

/// A connection that was made.
#[derive(Debug, Serialize, JsonSchema)]
struct Created {
    /// Its id.
    connection: String,
    /// The name of its SFTP login, where files come to it.
    sftp_user: Option<String>,
    /// The login's password: shown this once.
    sftp_password: Option<String>,
    /// Where files are uploaded to.
    sftp_host: Option<String>,
    /// Where the provider's webhooks go, as a path; for providers that send any.
    webhook_path: Option<String>,
    /// The same as an address.
    webhook_url: Option<String>,
    /// The version of its settings.
    settings_version: u64,
}

async fn create<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let account = &call.caller.account;
    let (text, public_keys, pgp_key) = if sends_toml(call) {
        (call.text()?.to_owned(), Vec::new(), None)
    } else {
        let new: NewConnection = call.body()?;
        (new.file.to_toml(account)?, new.public_keys, new.pgp_key)
    };
    let settings = settings_of_file(&text, account, sends_toml(call))?;
    check_entitled(call, &settings).await?;
    let public_keys: Vec<_> = keys_of("public_keys", &public_keys)?.into_iter().map(|key| key.line).collect();
    let pgp_key = pgp_key.map(|key| checked_pgp_key("pgp_key", key)).transpose()?;
    if settings.connector != "sftp" && !public_keys.is_empty() {
        return Err(Problem::invalid(
            "public_keys",
            "public_keys: belong to connections with an SFTP login; leave it out",
        ));
    }
    if pgp_key.is_some() {
        check_takes_files("pgp_key", &settings)?;
    }
    let wish = Wish { text: &text, expected: Expected::New, public_keys: &public_keys, action: "connection.created" };
    let (saved, settings_version) = save(call, wish).await?;
    if let Some(key) = pgp_key {
        store_pgp_key(call, account, &saved.connection, key).await?;
    }
    let config = call.world.config();
    let webhook_url = config.webhook_url.as_ref().zip(saved.webhook_path.as_ref());
    let created = Created {
        connection: saved.connection.to_string(),
        sftp_host: saved.sftp_user.as_ref().and(config.sftp_host.clone()),
        sftp_user: saved.sftp_user,
        sftp_password: saved.sftp_password,
        webhook_url: webhook_url.map(|(url, path)| format!("{url}{path}")),
        webhook_path: saved.webhook_path,
        settings_version,
    };
    let place = format!("/v1/connections/{}", created.connection);
    Ok(Reply::json(201, &created).etag(settings_version).header("location", place).shown_once(&["sftp_password"]))
}

/// The longest public key, in bytes.
const LONGEST_KEY: usize = 16_384;

/// Public keys of a body's list; everything that is wrong with them is told at once.
pub(super) fn keys_of(field: &str, lines: &[String]) -> Result<Vec<PublicKey>, Problem> {
    if lines.len() > MOST_KEYS {
        return Err(Problem::invalid(field, format!("{field}: at most {MOST_KEYS} keys")));
    }
    let (mut keys, mut wrong): (Vec<PublicKey>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        let parsed = if line.len() > LONGEST_KEY {
            Err("is too long".to_owned())
        } else {
            PublicKey::parse(line).map_err(|error| error.to_string())
        };
        match parsed {
            Ok(key) if keys.iter().any(|known| known.fingerprint == key.fingerprint) => {
                wrong.push((format!("{field}[{at}]"), "stands twice".to_owned()));
            }
            Ok(key) => keys.push(key),
            Err(problem) => wrong.push((format!("{field}[{at}]"), problem)),
        }
    }
    if wrong.is_empty() { Ok(keys) } else { Err(Problem::all_invalid(wrong)) }
}

/// The longest PGP key, in bytes.
const LONGEST_PGP_KEY: usize = 100_000;

fn checked_pgp_key(field: &str, key: String) -> Result<Vec<u8>, Problem> {
    if key.len() > LONGEST_PGP_KEY {
        return Err(Problem::invalid(field, format!("{field}: at most {LONGEST_PGP_KEY} bytes")));
    }
    let bytes = key.into_bytes();
    // What the reader says may quote the key.
    Keys::none().with(&bytes, "").map_err(|_| {
        Problem::invalid(field, format!("{field}: is no armored secret key of OpenPGP without a passphrase"))
    })?;
    Ok(bytes)
}

fn check_takes_files(field: &str, settings: &Settings) -> Result<(), Problem> {
    if matches!(settings.connector.as_str(), "sftp" | "upload") {
        return Ok(());
    }
    Err(Problem::invalid(field, format!("{field}: belongs to connections that files come to; leave it out")))
}

async fn store_pgp_key<W: World>(
    call: Call<'_, W>,
    account: &AccountId,
    connection: &muster_core::ids::ConnectionId,
    key: Vec<u8>,
) -> Result<(), Problem> {
    Ok(call.world.objects().write(&pgp_key_place(account, connection), key, PGP_KEY_KIND).await?)
}

async fn put_pgp_key<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    super::check_there(&connection)?;
    let body: PgpKey = call.body()?;
    let key = checked_pgp_key("key", body.key)?;
    check_takes_files("key", &settings_of(&connection)?)?;
    call.audit("connection.pgp_key_set", &format!("connection/{}", connection.id), None, None).await?;
    store_pgp_key(call, &connection.account, &connection.id, key).await?;
    Ok(Reply::empty())
}
