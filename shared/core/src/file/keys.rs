//! Secret keys for PGP files.

/// The secret keys of one account, and what unlocks them. Prints nothing of them.
#[derive(Default)]
pub struct Keys {
    pub(super) secrets: Vec<pgp::composed::SignedSecretKey>,
    pub(super) passphrases: Vec<pgp::types::Password>,
}

impl Keys {
    /// No keys: a PGP file is refused.
    pub fn none() -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("count", &self.secrets.len()).finish_non_exhaustive()
    }
}
