//! The SFTP login of a connection.

use muster_sync::{
    Connection, Credentials, LoginChange, MOST_NETWORKS, Network, PublicKey, change_login, login_of, password_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check_there;
use super::create::keys_of;
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/connections/{connection}/sftp", "show_sftp_login", Need::ReadSettings, |call| {
            Box::pin(show(call))
        })
        .says(
            "Shows what lets a connection's SFTP login in",
            "The password is never shown. While the connection is switched off, nothing opens the login.",
        )
        .gives::<LoginShown>(200, "the login")
        .may(409, "files do not come to this connection"),
        Route::post(
            "/v1/connections/{connection}/sftp/password",
            "rotate_sftp_password",
            Need::ChangeSettings,
            |call| Box::pin(rotate(call)),
        )
        .says(
            "Draws a new password for the SFTP login",
            "The one before opens nothing any more. It is shown this once.",
        )
        .gives::<NewPassword>(200, "the new password"),
        Route::put("/v1/connections/{connection}/sftp/keys", "put_sftp_keys", Need::ChangeSettings, |call| {
            Box::pin(put_keys(call))
        })
        .says("Sets the public keys that the SFTP login takes, all of them", "")
        .body::<KeyList>()
        .gives::<LoginShown>(200, "the login"),
        Route::put(
            "/v1/connections/{connection}/sftp/allowed_ips",
            "put_sftp_allowed_ips",
            Need::ChangeSettings,
            |call| Box::pin(put_allowed_ips(call)),
        )
        .says(
            "Sets the addresses and networks that the SFTP login may come from, all of them",
            "An empty list lets it come from anywhere. From elsewhere it is refused as with a wrong password.",
        )
        .body::<AllowList>()
        .gives::<LoginShown>(200, "the login"),
    ]
}

/// An SFTP login.
#[derive(Debug, Serialize, JsonSchema)]
struct LoginShown {
    /// Its name.
    user: String,
    /// Where files are uploaded to.
    host: Option<String>,
    /// Whether a password opens it.
    has_password: bool,
    /// Whether nothing opens it, because the connection is deleted or is to be.
    locked: bool,
    /// The public keys that open it.
    keys: Vec<KeyShown>,
    /// Where it may come from; empty: anywhere.
    allowed_ips: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct KeyShown {
    /// `ssh-ed25519`.
    kind: String,
    /// As `ssh-keygen -l` shows it.
    fingerprint: String,
    /// What stands behind the key.
    comment: String,
}

/// A new password.
#[derive(Debug, Serialize, JsonSchema)]
struct NewPassword {
    /// The login's name.
    user: String,
    /// The password: shown this once; null where this answer is repeated.
    password: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyList {
    /// Public keys of OpenSSH, such as `ssh-ed25519 AAAA…`.
    #[schemars(length(max = 10))]
    keys: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AllowList {
    /// Addresses and networks: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
    #[schemars(length(max = 100))]
    allowed_ips: Vec<String>,
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    shown(call, &connection).await
}

async fn rotate<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let random = call.world.random();
    let (mut drawn, mut salt) = ([0; 20], [0; 16]);
    drawn.copy_from_slice(&random[..20]);
    salt.copy_from_slice(&random[20..36]);
    let password = password_of(&drawn);
    let change = LoginChange::Password(password.clone(), salt);
    changed(call, &connection, change, "connection.sftp_password_rotated", None).await?;
    let user = connection.sftp_user.clone().unwrap_or_default();
    Ok(Reply::json(200, &NewPassword { user, password: Some(password) }).shown_once(&["password"]))
}

async fn put_keys<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let body: KeyList = call.body()?;
    let keys = keys_of("keys", &body.keys)?;
    let told: Vec<_> = keys.iter().map(|key| key.fingerprint.clone()).collect();
    changed(call, &connection, LoginChange::Keys(keys), "connection.sftp_keys_set", Some(json!(told))).await?;
    shown(call, &connection).await
}

async fn put_allowed_ips<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let body: AllowList = call.body()?;
    if body.allowed_ips.len() > MOST_NETWORKS {
        return Err(Problem::invalid("allowed_ips", format!("allowed_ips: at most {MOST_NETWORKS}")));
    }
    let (mut networks, mut wrong) = (Vec::new(), Vec::new());
    for (at, text) in body.allowed_ips.iter().enumerate() {
        match Network::parse(text) {
            Some(network) => networks.push(network),
            None => wrong.push((format!("allowed_ips[{at}]"), NO_NETWORK.to_owned())),
        }
    }
    if !wrong.is_empty() {
        return Err(Problem::all_invalid(wrong));
    }
    let told: Vec<_> = networks.iter().map(ToString::to_string).collect();
    let action = "connection.sftp_allowed_ips_set";
    changed(call, &connection, LoginChange::AllowedIps(networks), action, Some(json!(told))).await?;
    shown(call, &connection).await
}

const NO_NETWORK: &str =
    "is no address and no network such as 192.0.2.0/24 or 2001:db8::/32, with zeros behind the prefix";

/// Changes the login, and tells the audit of it before.
async fn changed<W: World>(
    call: Call<'_, W>,
    connection: &Connection,
    change: LoginChange,
    action: &str,
    after: Option<Value>,
) -> Result<(), Problem> {
    check_has_login(connection)?;
    check_there(connection)?;
    call.audit(action, &format!("connection/{}", connection.id), None, after).await?;
    if change_login(call.world.table(), connection, change).await? { Ok(()) } else { Err(no_login()) }
}

/// Refuses what belongs to connections that files come to.
fn check_has_login(connection: &Connection) -> Result<(), Problem> {
    if connection.sftp_user.is_some() { Ok(()) } else { Err(no_login()) }
}

fn no_login() -> Problem {
    Problem::conflict("no_login", "files do not come to this connection, so it has no login")
}

async fn shown<W: World>(call: Call<'_, W>, connection: &Connection) -> Result<Reply, Problem> {
    let login = login_of(call.world.table(), connection).await?.ok_or_else(no_login)?;
    let Credentials { password_hash, keys, allowed_ips, locked } = login;
    let keys = keys.iter().filter_map(|line| PublicKey::parse(line).ok()).map(|key| KeyShown {
        kind: key.kind,
        fingerprint: key.fingerprint,
        comment: key.comment,
    });
    Ok(Reply::json(
        200,
        &LoginShown {
            user: connection.sftp_user.clone().unwrap_or_default(),
            host: call.world.config().sftp_host.clone(),
            has_password: password_hash.is_some(),
            locked,
            keys: keys.collect(),
            allowed_ips,
        },
    ))
}
