//! Saving a connection.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use muster_aws::Ports;
use muster_core::{file::Keys, settings::Settings};
use muster_sync::{Clock, Drawn, Objects, PGP_KEY_KIND, Saved, Terms, add_public_keys, pgp_key_place, save_connection};
use serde_json::json;

use super::{ConnectArgs, ports, print_json};
use crate::running;

pub(super) async fn command(args: ConnectArgs) -> anyhow::Result<()> {
    let ports = ports(&args.common.data)?;
    let text = String::from_utf8(read(&args.file)?).map_err(|e| anyhow!("{}: {e}", args.file.display()))?;
    let keys = args.public_key.iter().map(|file| public_key(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let pgp = args.pgp_key.as_deref().map(pgp_key).transpose()?;
    let file = args.file.display();
    let saved = connect(&ports, &text, &keys, pgp).await.map_err(|e| anyhow!("{file}:\n{e:#}"))?;
    let ready = running(&args.common.data)?;
    let webhook_url = saved.webhook_path.as_ref().map(|path| format!("{}{path}", ready["http"].as_str().unwrap_or("")));
    print_json(&match &saved.sftp_user {
        Some(user) => json!({
            "connection": saved.connection.as_str(),
            "sftp_user": user,
            "sftp_password": saved.sftp_password,
        }),
        None => json!({"connection": saved.connection.as_str(), "webhook_url": webhook_url}),
    })?;
    if let (false, Some(user)) = (args.common.json, &saved.sftp_user) {
        let (host, port) = ready["sftp"].as_str().and_then(|sftp| sftp.rsplit_once(':')).unwrap_or_default();
        eprintln!("log in with: sftp -P {port} {user}@{host}");
    }
    Ok(())
}

/// Saves a connection file, with keys of its login and the key of its files.
///
/// # Errors
/// Everything that is wrong with the file, or a failed service.
pub(crate) async fn connect(ports: &Ports, text: &str, keys: &[String], pgp: Option<Vec<u8>>) -> anyhow::Result<Saved> {
    let terms = Terms { drawn: drawn(), public_keys: keys, base_urls: true, now_ms: ports.clock.now_ms() };
    let saved = save_connection(&ports.table, &ports.secrets, text, terms).await?;
    if let (None, Some(user), false) = (&saved.sftp_password, &saved.sftp_user, keys.is_empty()) {
        add_public_keys(&ports.table, user, keys).await?;
    }
    if let Some(key) = pgp {
        let account = Settings::from_toml(text)?.account;
        ports.bucket.write(&pgp_key_place(&account, &saved.connection), key, PGP_KEY_KIND).await?;
    }
    Ok(saved)
}

/// Random bytes for a new connection.
pub(crate) fn drawn() -> Drawn {
    Drawn { seed: rand::random(), password: rand::random(), salt: rand::random(), link_key: rand::random() }
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

fn pgp_key(file: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read(file)?;
    Keys::none().with(&bytes, "").map_err(|e| anyhow!("{}: {e}", file.display()))?;
    Ok(bytes)
}
