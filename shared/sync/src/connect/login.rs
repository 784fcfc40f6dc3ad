//! What lets an SFTP login in.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use muster_core::ids::ConnectionId;
use sha2::{Digest, Sha256};

use super::password::stored_password;
use crate::{Admin, Connection, Credentials, Login, PortError};

/// A public key that a login takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its kind: `ssh-ed25519`.
    pub kind: String,
    /// `SHA256:` and the hash of the key, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// What stands behind the key, usually whose it is.
    pub comment: String,
    /// The whole line, as it is stored.
    pub line: String,
}

/// Why a text is no public key that a login takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is the secret half.
    #[error("is a private key; give the public one, which ends in .pub, and make a new pair: this one was shown")]
    Private,
    /// It has another shape.
    #[error("is no public key of OpenSSH; it begins like `ssh-ed25519 AAAA…` and is one line")]
    Shape,
    /// The service does not take keys of that kind.
    #[error("is of a kind that is not taken; allowed are {}", KEY_KINDS.join(", "))]
    Kind,
}

/// The kinds of keys that the SFTP service takes.
pub const KEY_KINDS: [&str; 5] =
    ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];

/// The most public keys a login has.
pub const MOST_KEYS: usize = 10;

/// The most addresses and networks a login's list has.
pub const MOST_NETWORKS: usize = 100;

impl PublicKey {
    /// Reads a line such as `ssh-ed25519 AAAA… comment`.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let line = text.trim();
        if line.to_ascii_uppercase().contains("PRIVATE KEY") {
            return Err(BadKey::Private);
        }
        if line.chars().any(char::is_control) {
            return Err(BadKey::Shape);
        }
        let mut parts = line.splitn(3, ' ');
        let (Some(kind), Some(blob)) = (parts.next(), parts.next()) else { return Err(BadKey::Shape) };
        let bytes = STANDARD.decode(blob).map_err(|_| BadKey::Shape)?;
        if first_string(&bytes) != Some(kind.as_bytes()) || bytes.len() <= 4 + kind.len() + 32 {
            return Err(BadKey::Shape);
        }
        if !KEY_KINDS.contains(&kind) {
            return Err(BadKey::Kind);
        }
        Ok(Self {
            kind: kind.to_owned(),
            fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&bytes))),
            comment: parts.next().unwrap_or_default().trim().to_owned(),
            line: line.to_owned(),
        })
    }
}

/// The first of the length-prefixed strings that a key is made of: its kind once more.
fn first_string(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// An address, or a network of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. The bits behind the prefix must be zero: a network that
    /// is written with others may not be the one that is meant.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|bits: &u8| plain(prefix) && *bits <= most)?,
            None => most,
        };
        let network = Self { address, prefix };
        (network.masked(address) == Some(bits_of(address))).then_some(network)
    }

    /// Whether the address lies in it. An IPv4 address that a socket of both kinds shows as IPv6 is one of IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.masked(address).is_some_and(|masked| masked == bits_of(self.address))
    }

    fn masked(&self, address: IpAddr) -> Option<u128> {
        if address.is_ipv4() != self.address.is_ipv4() {
            return None;
        }
        let width = if address.is_ipv4() { 32 } else { 128 };
        let behind = u32::from(width - self.prefix);
        Some(bits_of(address).checked_shr(behind).map_or(0, |bits| bits << behind))
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// Whether a login of this allow-list may come from there: an empty list lets all. An entry that cannot be read lets
/// nobody.
pub(super) fn may_come_from(allowed_ips: &[String], address: IpAddr) -> bool {
    let networks = || allowed_ips.iter().filter_map(|text| Network::parse(text));
    allowed_ips.is_empty() || networks().any(|network| network.contains(address))
}

/// A change of what lets a login in.
#[derive(Debug, Clone)]
pub enum LoginChange {
    /// This password from now on, salted with these bytes.
    Password(String, [u8; 16]),
    /// These public keys and no others.
    Keys(Vec<PublicKey>),
    /// These addresses and no others; an empty list lets all.
    AllowedIps(Vec<Network>),
    /// Nobody, or whoever was let in before.
    Locked(bool),
}

/// What lets a connection's login in; `None` for one that files do not come to.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn login_of(ports: &impl Admin, connection: &Connection) -> Result<Option<Credentials>, PortError> {
    let Some(user) = &connection.sftp_user else { return Ok(None) };
    let found = ports.credentials(user).await?;
    Ok(found.filter(|(login, _)| is_of(login, connection)).map(|(_, credentials)| credentials))
}

fn is_of(login: &Login, connection: &Connection) -> bool {
    login.account == connection.account && login.connection == connection.id
}

/// Changes what lets a connection's login in. `Ok(false)` for a connection without one.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn change_login(ports: &impl Admin, connection: &Connection, change: LoginChange) -> Result<bool, PortError> {
    let Some(user) = &connection.sftp_user else { return Ok(false) };
    let Some(mut credentials) = login_of(ports, connection).await? else { return Ok(false) };
    match change {
        LoginChange::Password(password, salt) => credentials.password_hash = Some(stored_password(&salt, &password)),
        LoginChange::Keys(keys) => credentials.keys = keys.into_iter().map(|key| key.line).collect(),
        LoginChange::AllowedIps(networks) => {
            credentials.allowed_ips = networks.iter().map(ToString::to_string).collect();
        }
        LoginChange::Locked(locked) => credentials.locked = locked,
    }
    let login = Login { account: connection.account.clone(), connection: connection.id.clone() };
    ports.put_login(user, &login, &credentials).await
}

/// The login's name of a connection.
pub(super) fn user_of(id: &ConnectionId) -> String {
    id.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKAXoqFOPkNUgvaYXz9TZJhQEnNSBKGZ0gJkTdMFvR hr@acme";

    #[test]
    fn a_public_key_shows_the_fingerprint_that_ssh_keygen_shows() {
        let key = PublicKey::parse(&format!("  {KEY}\n")).unwrap();
        assert_eq!((key.kind.as_str(), key.comment.as_str(), key.line.as_str()), ("ssh-ed25519", "hr@acme", KEY));
        assert!(key.fingerprint.starts_with("SHA256:") && key.fingerprint.len() == 50, "{}", key.fingerprint);
    }

    #[test]
    fn only_public_keys_of_a_known_kind_are_taken() {
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----";
        assert_eq!(PublicKey::parse(private), Err(BadKey::Private));
        let blob = KEY.split(' ').nth(1).unwrap();
        for bad in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa !!!", &format!("ssh-rsa {blob}"), blob] {
            assert_eq!(PublicKey::parse(bad), Err(BadKey::Shape), "{bad}");
        }
        assert_eq!(PublicKey::parse(&format!("{KEY}\ncommand=\"x\"")), Err(BadKey::Shape));
        let mut dss = vec![0, 0, 0, 7];
        dss.extend_from_slice(b"ssh-dss");
        dss.extend_from_slice(&[1; 64]);
        assert_eq!(PublicKey::parse(&format!("ssh-dss {}", STANDARD.encode(dss))), Err(BadKey::Kind));
    }

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("192.0.2.0/24", "192.0.2.255") && !holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("192.0.2.7", "::ffff:192.0.2.7") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && holds("::/0", "2001:db8::1"));
        for bad in ["", "acme", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "192.0.2", "::1/129"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_empty_list_lets_all_and_an_unreadable_one_nobody() {
        let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
        let from = "192.0.2.7".parse().unwrap();
        assert!(may_come_from(&[], from));
        assert!(may_come_from(&list(&["198.51.100.0/24", "192.0.2.0/29"]), from));
        assert!(!may_come_from(&list(&["not a network"]), from));
    }
}
