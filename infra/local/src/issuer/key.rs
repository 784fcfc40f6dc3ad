//! The issuer's key.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::{
    RsaPrivateKey,
    pkcs1::EncodeRsaPrivateKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
    rand_core::OsRng,
    traits::PublicKeyParts,
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The key's file in the data folder.
const FILE: &str = "issuer-key.pem";
/// API Gateway's authorizer takes RSA keys only; shorter ones are no longer thought safe.
const BITS: usize = 2048;

/// The key that tokens are signed with.
#[derive(Clone)]
pub(crate) struct Key {
    signing: EncodingKey,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    id: String,
}

impl Key {
    /// The key of a data folder; made when there is none yet, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        if !file.exists() {
            let key = RsaPrivateKey::new(&mut OsRng, BITS).context("make the issuer's key")?;
            write(&file, &key).with_context(|| file.display().to_string())?;
        }
        Self::read(folder)
    }

    /// The key of a data folder that a stack has used.
    ///
    /// # Errors
    /// When there is none, or the file cannot be read.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let pem = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let key = RsaPrivateKey::from_pkcs8_pem(&pem)
            .with_context(|| format!("{}: is no RSA key; delete it, and the next start makes one", file.display()))?;
        Self::of(&key)
    }

    fn of(key: &RsaPrivateKey) -> anyhow::Result<Self> {
        let (modulus, exponent) = (key.n().to_bytes_be(), key.e().to_bytes_be());
        let signing = EncodingKey::from_rsa_der(key.to_pkcs1_der()?.as_bytes());
        // The thumbprint of RFC 7638: the same key has the same id everywhere.
        let known_by = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encoded(&exponent), encoded(&modulus));
        let id = encoded(&Sha256::digest(known_by));
        Ok(Self { signing, modulus, exponent, id })
    }

    /// The key's id in tokens and in the set of keys.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The public half: modulus and exponent, big-endian.
    pub(crate) fn public(&self) -> (&[u8], &[u8]) {
        (&self.modulus, &self.exponent)
    }

    /// The public half, as a set of keys shows it.
    pub(crate) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": encoded(&self.modulus), "e": encoded(&self.exponent),
        })
    }

    /// A signed token.
    ///
    /// # Errors
    /// When the claims are no JSON object.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> anyhow::Result<String> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::RS256) };
        Ok(jsonwebtoken::encode(&header, claims, &self.signing)?)
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Under its name only when it is whole: a start that was killed leaves no half key.
fn write(file: &Path, key: &RsaPrivateKey) -> anyhow::Result<()> {
    let unfinished: PathBuf = file.with_extension("new");
    let pem = key.to_pkcs8_pem(LineEnding::LF)?;
    // What a killed start has left may have other rights.
    drop(std::fs::remove_file(&unfinished));
    let mut out: File = File::options().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    out.write_all(pem.as_bytes())?;
    std::fs::rename(unfinished, file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Key::read(folder.path()).is_err());
        let made = Key::open(folder.path()).unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::open(folder.path()).unwrap().id(), made.id());
        assert_eq!(Key::read(folder.path()).unwrap().jwk(), made.jwk());
        assert_eq!(made.modulus.len(), BITS / 8);
        std::fs::write(&file, "nothing").unwrap();
        let error = format!("{:#}", Key::open(folder.path()).err().unwrap());
        assert!(error.contains(FILE) && error.contains("is no RSA key"), "{error}");
    }
}
