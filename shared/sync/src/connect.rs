//! Saving a connection.

use muster_core::ids::ConnectionId;
use muster_core::settings::{Settings, SettingsError};
use sha2::{Digest, Sha256};

use crate::people::connections_of;
use crate::{Admin, Connection, ConnectionStatus, Credentials, Ledger, Login, PortError};

/// Why a connection was not saved.
#[derive(Debug, thiserror::Error)]
pub enum NotSaved {
    /// The connection file has errors.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The name makes no id.
    #[error("name {0}")]
    Name(muster_core::ids::IdError),
    /// Another connection of the account has a group of that name.
    #[error("group {group:?} is the group of connection {connection}; choose another name")]
    GroupTaken {
        /// The group's name.
        group: String,
        /// Whose it is.
        connection: ConnectionId,
    },
    /// A connection of another account has the id.
    #[error("the id {0} is the one of another account's connection; choose another name")]
    IdTaken(ConnectionId),
    /// Somebody else saved it at the same time.
    #[error("the connection was changed by somebody else meanwhile; try again")]
    Raced,
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A saved connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The connection's id.
    pub connection: ConnectionId,
    /// Its SFTP login.
    pub sftp_user: String,
    /// The login's password; only when the connection is new, and never again.
    pub sftp_password: Option<String>,
}

/// Random bytes the caller drew for a new connection.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    /// The secret of its roster's hashes.
    pub seed: u64,
    /// What its password is made of.
    pub password: [u8; 20],
    /// The salt of the stored password.
    pub salt: [u8; 16],
}

/// Saves a connection file: a new connection with a login of its own, or new settings of the one of that name.
///
/// # Errors
/// [`NotSaved`].
pub async fn save_connection<P: Ledger + Admin>(
    ports: &P,
    text: &str,
    drawn: Drawn,
    public_keys: &[String],
) -> Result<Saved, NotSaved> {
    let settings = Settings::from_toml(text)?;
    let id = ConnectionId::named(&settings.account, &settings.name).map_err(NotSaved::Name)?;
    check_group(ports, &settings, &id).await?;
    match ports.connection(&settings.account, &id).await? {
        Some(before) => {
            let user = before.sftp_user.clone().unwrap_or_else(|| id.to_string());
            let version = before.settings_version;
            let after = Connection { settings: text.to_owned(), settings_version: version + 1, ..before };
            if !ports.save_connection(&after, Some(version)).await? {
                return Err(NotSaved::Raced);
            }
            Ok(Saved { connection: id, sftp_user: user, sftp_password: None })
        }
        None => create(ports, text, &settings, id, drawn, public_keys).await,
    }
}

/// Lets a login in by further public keys (`ssh-ed25519 AAAA… comment`); those it has stay.
///
/// # Errors
/// [`NotSaved::Raced`] when there is no such login, or when it stands for another connection.
pub async fn add_public_keys<P: Admin>(ports: &P, user: &str, keys: &[String]) -> Result<(), NotSaved> {
    let (login, mut credentials) = ports.credentials(user).await?.ok_or(NotSaved::Raced)?;
    for key in keys {
        if !credentials.keys.contains(key) {
            credentials.keys.push(key.clone());
        }
    }
    if ports.put_login(user, &login, &credentials).await? { Ok(()) } else { Err(NotSaved::Raced) }
}

async fn create<P: Ledger + Admin>(
    ports: &P,
    text: &str,
    settings: &Settings,
    id: ConnectionId,
    drawn: Drawn,
    public_keys: &[String],
) -> Result<Saved, NotSaved> {
    let user = id.to_string();
    let password: String = drawn.password.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    let connection = Connection {
        account: settings.account.clone(),
        id: id.clone(),
        settings: text.to_owned(),
        settings_version: 1,
        status: ConnectionStatus::Pending,
        sftp_user: Some(user.clone()),
        routes: Vec::new(),
        due_ms: None,
        feed: crate::Feed::default(),
        seed: drawn.seed,
        fence: 0,
        lease: None,
        active: None,
        waiting: None,
        roster: None,
        grouped_by: String::new(),
        owned: 0,
        directory_version: 0,
        last_rows: None,
        last_source: None,
        removals: Vec::new(),
        confirmed: false,
    };
    // The login first: a connection without its login could never be told its password.
    let login = Login { account: settings.account.clone(), connection: id.clone() };
    let credentials =
        Credentials { password_hash: Some(stored_password(&drawn.salt, &password)), keys: public_keys.to_vec() };
    // The login is called like the connection, over all accounts: one that stands for another has taken the id.
    if !ports.put_login(&user, &login, &credentials).await? {
        return Err(NotSaved::IdTaken(id));
    }
    if !ports.save_connection(&connection, None).await? {
        return Err(NotSaved::Raced);
    }
    Ok(Saved { connection: id, sftp_user: user, sftp_password: Some(password) })
}

/// Letters and digits that are not mistaken for one another: 20 of 32 make 100 bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The stored form of a password. It has 100 random bits, so one round of hashing is enough.
fn stored_password(salt: &[u8], password: &str) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let hash = Sha256::new().chain_update(salt).chain_update(password).finalize();
    format!("sha256${}${}", hex(salt), hex(&hash))
}

async fn check_group<P: Ledger + Admin>(ports: &P, settings: &Settings, id: &ConnectionId) -> Result<(), NotSaved> {
    let wanted = settings.group.trim().to_lowercase();
    for other in connections_of(ports, &settings.account).await?.into_iter().filter(|other| other.id != *id) {
        let theirs = Settings::from_toml(&other.settings)?;
        if theirs.group.trim().to_lowercase() == wanted {
            return Err(NotSaved::GroupTaken { group: settings.group.clone(), connection: other.id });
        }
    }
    Ok(())
}
