//! Who may log in: items `SFTP#<user>` / `LOGIN` of the table.

use std::net::IpAddr;

use muster_sync::may_come_from;
use russh::keys::PublicKey;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{digest, dynamodb::DynamoDb};

/// Looks logins up in the table.
#[derive(Clone)]
pub(super) struct Logins {
    dynamodb: DynamoDb,
    table: String,
}

/// A login that exists and is not disabled.
pub(super) struct Login {
    password: String,
    keys: Vec<PublicKey>,
    allowed_ips: Vec<String>,
}

impl Logins {
    pub(super) fn new(dynamodb: DynamoDb, table: &str) -> Self {
        Self { dynamodb, table: table.to_owned() }
    }

    /// The login of this name; a name that could reach out of its home has none.
    pub(super) fn find(&self, user: &str) -> Option<Login> {
        if !is_name(user) {
            return None;
        }
        let item = match self.dynamodb.item(&self.table, &format!("SFTP#{user}"), "LOGIN") {
            Ok(item) => item?,
            Err(error) => {
                tracing::error!("could not read an SFTP login: {error}");
                return None;
            }
        };
        if item["disabled"]["BOOL"].as_bool().unwrap_or(false) {
            return None;
        }
        let keys = item["keys"]["L"].as_array().into_iter().flatten().filter_map(key).collect();
        let ips = item["ips"]["L"].as_array().into_iter().flatten();
        Some(Login {
            password: item["password"]["S"].as_str().unwrap_or_default().to_owned(),
            keys,
            allowed_ips: ips.map(|ip| ip["S"].as_str().unwrap_or_default().to_owned()).collect(),
        })
    }
}

fn is_name(user: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.@".contains(&b);
    !user.is_empty() && user.len() <= 100 && user.bytes().all(allowed) && user.bytes().any(|b| b != b'.')
}

fn key(value: &Value) -> Option<PublicKey> {
    PublicKey::from_openssh(value["S"].as_str()?.trim()).ok()
}

impl Login {
    /// Compares with `sha256$<salt hex>$<hex of sha256(salt ++ password)>`.
    pub(super) fn accepts_password(&self, password: &str) -> bool {
        let mut parts = self.password.split('$');
        let (Some("sha256"), Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let (Some(salt), Some(hash)) = (digest::from_hex(salt), digest::from_hex(hash)) else { return false };
        let computed = Sha256::new().chain_update(&salt).chain_update(password.as_bytes()).finalize();
        // Looks at every byte, whatever the first ones are.
        computed.len() == hash.len() && computed.iter().zip(&hash).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
    }

    /// Whether its allow-list takes clients from there.
    pub(super) fn takes_from(&self, address: Option<IpAddr>) -> bool {
        match address {
            Some(address) => may_come_from(&self.allowed_ips, address),
            None => self.allowed_ips.is_empty(),
        }
    }

    pub(super) fn accepts_key(&self, key: &PublicKey) -> bool {
        self.keys.iter().any(|known| known.key_data() == key.key_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(password: &str) -> Login {
        let hash = digest::hex(&Sha256::new().chain_update([1, 2]).chain_update(password.as_bytes()).finalize());
        Login { password: format!("sha256$0102${hash}"), keys: vec![], allowed_ips: vec![] }
    }

    #[test]
    fn only_the_right_password_is_accepted() {
        assert!(login("secret é").accepts_password("secret é"));
        assert!(!login("secret").accepts_password("Secret"));
        for broken in ["", "sha256$$", "sha256$01", "md5$01$02", "sha256$zz$zz", "plain"] {
            assert!(
                !Login { password: broken.into(), keys: vec![], allowed_ips: vec![] }.accepts_password(""),
                "{broken}"
            );
        }
    }

    #[test]
    fn a_name_cannot_reach_another_home() {
        for bad in ["", ".", "..", "a/b", "a b", "a\\b", "é", "a%2Fb"] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_name("acme-payroll_1"));
    }
}
