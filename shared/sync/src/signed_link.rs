//! Links that carry their own authority: whose they are stands in them in clear, so that the connection can be looked
//! up, and a signature under the connection's own key stands over everything.
//!
//! A token is `{base64url of JSON}.{base64url of HMAC-SHA256}`. Whoever holds it may do what its purpose says, until
//! it expires and no longer than the connection keeps its key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use muster_core::format;
use muster_core::ids::{AccountId, ConnectionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 4_096;
/// The shortest key that signs, in bytes: connections made before there were links have none.
const SHORTEST_KEY: usize = 32;
/// Keeps these signatures apart from any other use of the key.
const USE: &[u8] = b"muster signed link 1\n";

/// Why a link is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// It is no link of ours: damaged, changed, of another connection or for another purpose.
    #[error("this link is not valid; ask whoever sent it for a new one")]
    Invalid,
    /// Its time is over.
    #[error("this link has expired; ask whoever sent it for a new one")]
    Expired,
    /// A newer version of Muster made it.
    #[error("this link was made by a newer version of Muster; open it again once the upgrade is finished")]
    Newer,
    /// The connection has no key to sign links with.
    #[error("this connection has no key for links; save it once more")]
    NoKey,
}

/// What a link says.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedLink {
    /// Whose it is.
    pub account: AccountId,
    /// About which connection.
    pub connection: ConnectionId,
    /// What it lets its holder do: `consent`, `decision`.
    pub purpose: String,
    /// Until when, in milliseconds since 1970.
    pub expires_ms: i64,
    /// Whatever the purpose needs, small and without secrets or personal data: everybody can read it.
    pub payload: Value,
}

/// The form inside a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    v: u64,
    account: String,
    connection: String,
    purpose: String,
    expires: i64,
    payload: Value,
}

#[derive(Deserialize)]
struct WireVersion {
    v: Option<u64>,
}

/// A token whose signature nobody has looked at yet: good for finding the connection, and nothing else.
#[derive(Debug)]
pub struct Unproven {
    said: SignedLink,
    text: String,
    mac: Vec<u8>,
}

/// Makes the token of a link, under the connection's key (`Connection::link_key`).
///
/// # Errors
/// [`BadLink::NoKey`] when the key is missing or short.
pub fn sign(link_key: &str, link: &SignedLink) -> Result<String, BadLink> {
    let wire = Wire {
        v: u64::from(format::SIGNED_LINK.version),
        account: link.account.to_string(),
        connection: link.connection.to_string(),
        purpose: link.purpose.clone(),
        expires: link.expires_ms,
        payload: link.payload.clone(),
    };
    let json = serde_json::to_vec(&wire).map_err(|_| BadLink::Invalid)?;
    let text = URL_SAFE_NO_PAD.encode(json);
    let mac = mac(link_key, &text)?.finalize().into_bytes();
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac)))
}

/// Reads whose a token says it is. Nothing of it is to be believed before [`Unproven::prove`].
///
/// # Errors
/// [`BadLink::Invalid`] for whatever is no token, [`BadLink::Newer`] for one of a version to come.
pub fn read(token: &str) -> Result<Unproven, BadLink> {
    if token.len() > LONGEST {
        return Err(BadLink::Invalid);
    }
    let (text, mac) = token.split_once('.').ok_or(BadLink::Invalid)?;
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadLink::Invalid)?;
    let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| BadLink::Invalid)?;
    let WireVersion { v } = serde_json::from_slice(&json).map_err(|_| BadLink::Invalid)?;
    let newer = |wrong: format::WrongVersion| if wrong.is_newer() { BadLink::Newer } else { BadLink::Invalid };
    format::SIGNED_LINK.check(v).map_err(newer)?;
    let wire: Wire = serde_json::from_slice(&json).map_err(|_| BadLink::Invalid)?;
    let said = SignedLink {
        account: AccountId::parse(&wire.account).map_err(|_| BadLink::Invalid)?,
        connection: ConnectionId::parse(&wire.connection).map_err(|_| BadLink::Invalid)?,
        purpose: wire.purpose,
        expires_ms: wire.expires,
        payload: wire.payload,
    };
    Ok(Unproven { said, text: text.to_owned(), mac })
}

impl Unproven {
    /// The connection whose key must have signed it.
    pub fn whose(&self) -> (&AccountId, &ConnectionId) {
        (&self.said.account, &self.said.connection)
    }

    /// The link, if that connection's key signed it for this purpose and its time is not over. Signatures are
    /// compared in constant time.
    ///
    /// # Errors
    /// [`BadLink`]. Only the holder of a link that was once good learns that it has expired.
    pub fn prove(self, link_key: &str, purpose: &str, now_ms: i64) -> Result<SignedLink, BadLink> {
        mac(link_key, &self.text)?.verify_slice(&self.mac).map_err(|_| BadLink::Invalid)?;
        if self.said.purpose != purpose {
            return Err(BadLink::Invalid);
        }
        if self.said.expires_ms <= now_ms {
            return Err(BadLink::Expired);
        }
        Ok(self.said)
    }
}

fn mac(link_key: &str, text: &str) -> Result<Hmac<Sha256>, BadLink> {
    if link_key.len() < SHORTEST_KEY {
        return Err(BadLink::NoKey);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(link_key.as_bytes()).map_err(|_| BadLink::NoKey)?;
    mac.update(USE);
    mac.update(text.as_bytes());
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const OTHER: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn link() -> SignedLink {
        SignedLink {
            account: AccountId::parse("acme").unwrap(),
            connection: ConnectionId::parse("acme-hr").unwrap(),
            purpose: "consent".to_owned(),
            expires_ms: 2_000,
            payload: json!({"version": 3}),
        }
    }

    fn proved(token: &str, key: &str, purpose: &str, now_ms: i64) -> Result<SignedLink, BadLink> {
        read(token)?.prove(key, purpose, now_ms)
    }

    #[test]
    fn what_was_signed_is_read_again_until_it_expires() {
        let token = sign(KEY, &link()).unwrap();
        assert_eq!(proved(&token, KEY, "consent", 1_999), Ok(link()));
        assert_eq!(proved(&token, KEY, "consent", 2_000), Err(BadLink::Expired));
    }

    #[test]
    fn a_token_says_whose_it_is_before_it_is_proved() {
        let unproven = read(&sign(KEY, &link()).unwrap()).unwrap();
        assert_eq!(unproven.whose(), (&link().account, &link().connection));
    }

    #[test]
    fn another_key_or_purpose_refuses_it() {
        let token = sign(KEY, &link()).unwrap();
        assert_eq!(proved(&token, OTHER, "consent", 0), Err(BadLink::Invalid));
        assert_eq!(proved(&token, KEY, "decision", 0), Err(BadLink::Invalid));
    }

    #[test]
    fn an_expired_link_of_another_key_is_invalid_and_no_more() {
        let token = sign(KEY, &link()).unwrap();
        assert_eq!(proved(&token, OTHER, "consent", 9_999), Err(BadLink::Invalid));
    }

    #[test]
    fn a_connection_without_a_key_signs_and_takes_nothing() {
        assert_eq!(sign("", &link()), Err(BadLink::NoKey));
        let token = sign(KEY, &link()).unwrap();
        assert_eq!(proved(&token, "", "consent", 0), Err(BadLink::NoKey));
    }

    #[test]
    fn no_single_changed_character_is_taken() {
        let token = sign(KEY, &link()).unwrap();
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(proved(&changed, KEY, "consent", 0).is_err(), "place {place}");
        }
    }

    #[test]
    fn a_later_expiry_under_the_old_signature_is_refused() {
        let token = sign(KEY, &link()).unwrap();
        let (_, mac) = token.split_once('.').unwrap();
        let later = sign(OTHER, &SignedLink { expires_ms: 9_000, ..link() }).unwrap();
        let (text, _) = later.split_once('.').unwrap();
        assert_eq!(proved(&format!("{text}.{mac}"), KEY, "consent", 0), Err(BadLink::Invalid));
    }

    #[test]
    fn what_is_no_token_is_invalid() {
        for text in ["", ".", "a", "a.b.c", "e30.e30", &"a".repeat(5_000), "\u{1f600}.x", "eyJ9.====", "%2e"] {
            assert_eq!(read(text).err(), Some(BadLink::Invalid), "{text:.20}");
        }
    }
}
