//! Saving a connection.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use muster_core::{file::Keys, ids::ConnectionId, settings::Settings};
use serde_json::{Value, json};

use super::{
    ConnectArgs,
    find::{connection_path, if_there},
    print_json,
};
use crate::{api::Api, running};

/// Every kind of connection there is.
const EVERYTHING: [&str; 4] = ["data_connector", "sftp", "scim", "upload"];

/// A saved connection.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Its id.
    pub(crate) connection: String,
    /// Its SFTP login, for connections that files come to.
    pub(crate) sftp_user: Option<String>,
    /// The login's password; only when the connection is new.
    pub(crate) sftp_password: Option<String>,
    /// Where its provider's webhooks go; for providers that send any.
    pub(crate) webhook_url: Option<String>,
}

pub(super) async fn command(args: ConnectArgs) -> anyhow::Result<()> {
    let api = Api::running(&args.common.data)?;
    let text = String::from_utf8(read(&args.file)?).map_err(|e| anyhow!("{}: {e}", args.file.display()))?;
    let keys = args.public_key.iter().map(|file| public_key(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let pgp = args.pgp_key.as_deref().map(pgp_key).transpose()?;
    let file = args.file.display();
    let saved = connect(&api, &text, &keys, pgp).await.map_err(|e| anyhow!("{file}:\n{e:#}"))?;
    print_json(&match &saved.sftp_user {
        Some(user) => json!({
            "connection": saved.connection,
            "sftp_user": user,
            "sftp_password": saved.sftp_password,
        }),
        None => json!({"connection": saved.connection, "webhook_url": saved.webhook_url}),
    })?;
    if let (false, Some(user)) = (args.common.json, &saved.sftp_user) {
        let ready = running(&args.common.data)?;
        let (host, port) = ready["sftp"].as_str().and_then(|sftp| sftp.rsplit_once(':')).unwrap_or_default();
        eprintln!("log in with: sftp -P {port} {user}@{host}");
    }
    Ok(())
}

/// Saves a connection file, with the keys of its login and the key of its files. Its account is made, entitled to
/// everything, where there is none.
///
/// # Errors
/// Everything that is wrong with the file, or what the API says.
pub(crate) async fn connect(api: &Api, text: &str, keys: &[String], pgp: Option<String>) -> anyhow::Result<Saved> {
    // Only who has the file can name its lines.
    let settings = Settings::from_toml(text)?;
    let account = settings.account.as_str();
    let id = ConnectionId::named(&settings.account, &settings.name).map_err(|e| anyhow!("name {e}"))?;
    known_account(api, account).await?;
    let (admin, path) = (api.admin(account), connection_path(id.as_str()));
    let shown = match if_there(admin.get(&path).await)? {
        None => admin.send_file("POST", "/v1/connections", text, None).await?,
        Some(shown) => {
            let version = shown["settings_version"].as_u64();
            admin.send_file("PUT", &format!("{path}/settings"), text, version).await?;
            shown
        }
    };
    if !keys.is_empty() {
        admin.send("PUT", &format!("{path}/sftp/keys"), &json!({"keys": keys})).await?;
    }
    if let Some(key) = pgp {
        admin.send("PUT", &format!("{path}/pgp-key"), &json!({"key": key})).await?;
    }
    Ok(saved(&shown))
}

fn saved(shown: &Value) -> Saved {
    let text = |key: &str| shown[key].as_str().map(str::to_owned);
    Saved {
        connection: text("connection").unwrap_or_default(),
        sftp_user: text("sftp_user"),
        sftp_password: text("sftp_password"),
        webhook_url: text("webhook_url"),
    }
}

/// Makes the account known, as the product team does on AWS.
async fn known_account(api: &Api, account: &str) -> anyhow::Result<()> {
    let (operator, path) = (api.operator(), format!("/v1/operator/accounts/{account}"));
    if if_there(operator.get(&path).await)?.is_none() {
        operator.send("PUT", &path, &json!({"entitlements": EVERYTHING})).await?;
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| file.display().to_string())
}

/// The key as the login keeps it: type, key, comment.
fn public_key(file: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8_lossy(&read(file)?).trim().to_owned();
    let shown = file.display();
    if text.contains("PRIVATE KEY") {
        bail!("{shown}: is a private key; give the public one, which ends in .pub");
    }
    russh::keys::PublicKey::from_openssh(&text)
        .map_err(|e| anyhow!("{shown}: is no public key of OpenSSH, such as `ssh-ed25519 AAAA…`: {e}"))?;
    Ok(text)
}

fn pgp_key(file: &Path) -> anyhow::Result<String> {
    let bytes = read(file)?;
    Keys::none().with(&bytes, "").map_err(|e| anyhow!("{}: {e}", file.display()))?;
    String::from_utf8(bytes).map_err(|_| anyhow!("{}: is not armored; `gpg --armor` makes it so", file.display()))
}
