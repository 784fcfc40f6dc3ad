//! The passwords of SFTP logins: drawn here, never chosen by people.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Letters and digits that are not mistaken for one another: 20 of 32 make 100 bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What is compared with where no password is stored; its length is that of a real one.
const NONE: ([u8; 16], [u8; 32]) = ([0; 16], [0; 32]);

/// The password that random bytes make.
pub fn password_of(drawn: &[u8; 20]) -> String {
    drawn.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// The stored form of a password: `sha256$<salt>$<hash>`, both in hexadecimal digits. It has 100 random bits, so one
/// round of hashing is enough.
pub(super) fn stored_password(salt: &[u8], password: &str) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256${}${}", hex(salt), hex(&hash(salt, password)))
}

/// Whether a password is the stored one. Takes as long where none is stored, or none that can be read, as where it is
/// another one.
pub(super) fn is_password(stored: Option<&str>, password: &str) -> bool {
    let known = stored.and_then(read);
    let there = Choice::from(u8::from(known.is_some()));
    let (salt, expected) = known.unwrap_or_else(|| (NONE.0.to_vec(), NONE.1));
    (hash(&salt, password).ct_eq(&expected) & there).into()
}

fn hash(salt: &[u8], password: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(password).finalize().into()
}

/// Salt and hash of a stored password.
fn read(stored: &str) -> Option<(Vec<u8>, [u8; 32])> {
    let (salt, hash) = stored.strip_prefix("sha256$")?.split_once('$')?;
    Some((from_hex(salt)?, from_hex(hash)?.try_into().ok()?))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let plain = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    plain.then(|| digits.chunks(2).map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stored_password_is_the_stored_password() {
        let stored = stored_password(&[1, 2], "sécret");
        assert!(is_password(Some(&stored), "sécret"));
        for wrong in ["", "Sécret", "sécret ", "secret"] {
            assert!(!is_password(Some(&stored), wrong), "{wrong}");
        }
        // The form in which passwords lie in tables: it can be read for ever.
        assert!(is_password(
            Some("sha256$0102$6620073b8d7b4e3a57d64c379fc949e51c702456dec53460b0a7edce5b8d6312"),
            "sécret"
        ));
    }

    #[test]
    fn what_is_no_stored_password_is_opened_by_nothing() {
        let short = &stored_password(&[1, 2], "")[..40];
        for broken in ["", "sha256$$", "sha256$01", "md5$01$02", "sha256$zz$zz", "sha256$+1$+1", "plain", short] {
            assert!(!is_password(Some(broken), ""), "{broken}");
            assert!(!is_password(Some(broken), broken), "{broken}");
        }
        assert!(!is_password(None, ""));
    }

    #[test]
    fn a_drawn_password_has_100_bits() {
        assert_eq!(password_of(&[0; 20]).len(), 20);
        let letters: std::collections::BTreeSet<char> =
            (0..=255).map(|byte| password_of(&[byte; 20]).chars().next().unwrap()).collect();
        assert_eq!(letters.len(), 32);
    }
}
