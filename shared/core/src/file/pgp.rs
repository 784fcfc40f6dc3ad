//! Decrypting PGP files.

use std::fmt;
use std::io::{self, BufRead, Read};

use pgp::composed::{DecryptionOptions, Deserializable, Message, SignedSecretKey, TheRing};
use pgp::errors::Error as PgpError;
use pgp::types::{Password, Seipdv1ReadMode};

use super::fault::Limits;
use super::open::Unopened;
use super::source::damage;
use super::wrapper::Bytes;
use crate::issue::{Code, Issue};

/// The most bytes of a message without authenticated chunks (the older form) that are held in memory
/// until its checksum is known to be right.
const MAX_HELD_BYTES: u64 = 1 << 30;

/// How many packets may lie one within the other in a message.
const MAX_NESTING: usize = 4;

/// The secret keys of one account, and what unlocks them. Prints nothing of them.
#[derive(Default)]
pub struct Keys {
    secrets: Vec<SignedSecretKey>,
    passphrases: Vec<Password>,
}

/// A secret key could not be read.
#[derive(Debug, thiserror::Error)]
#[error("not a PGP secret key, armoured or binary: {0}")]
pub struct BadKey(String);

impl Keys {
    /// No keys: a PGP file is refused.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a secret key, armoured or binary, and the passphrase that unlocks it ("" for none). All
    /// keys are tried, so that a key can be changed while files for the old one still come.
    ///
    /// # Errors
    /// [`BadKey`] when the bytes are no secret key.
    pub fn with(mut self, secret_key: &[u8], passphrase: &str) -> Result<Self, BadKey> {
        let (key, _) = SignedSecretKey::from_reader_single(secret_key).map_err(|error| BadKey(error.to_string()))?;
        self.secrets.push(key);
        self.passphrases.push(Password::from(passphrase));
        Ok(self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("count", &self.secrets.len()).finish_non_exhaustive()
    }
}

/// The text of an encrypted message. Its end is clean only if the message was whole and unaltered:
/// the older form is checked before the first byte comes out, the newer ones chunk by chunk.
pub(super) fn decrypted<'a>(
    input: impl BufRead + Send + 'a,
    armoured: bool,
    keys: &Keys,
    limits: &Limits,
) -> Result<Bytes<'a>, Unopened> {
    contained(|| message_of(Opaque(input), armoured, keys, limits))
        .unwrap_or_else(|Panicked| Err(damage("PGP", &Panicked).issue().into()))
        .map(|message| Box::new(Literal(message)) as Bytes<'a>)
}

fn message_of<'a>(
    input: Opaque<impl BufRead + Send + 'a>,
    armoured: bool,
    keys: &Keys,
    limits: &Limits,
) -> Result<Message<'a>, Unopened> {
    let message =
        if armoured { Message::from_armor(input).map(|(message, _)| message) } else { Message::from_bytes(input) };
    let mut message = message.map_err(|error| broken(&error))?;
    if !message.is_encrypted() {
        return refused("the PGP file is not encrypted: encrypt it to our PGP key");
    }
    if keys.is_empty() {
        return refused(
            "the file is PGP-encrypted, and this account has no PGP key: create one, or upload the file unencrypted",
        );
    }
    for _ in 0..MAX_NESTING {
        if message.is_encrypted() {
            message = decrypt(message, keys, limits)?;
        } else if message.literal_data_header().is_none() {
            message = message.decompress().map_err(|error| broken(&error))?;
        }
    }
    if message.literal_data_header().is_some() {
        return Ok(message);
    }
    refused("the PGP file holds no data that can be read: encrypt the CSV file itself")
}

/// The library panicked.
#[derive(Debug, thiserror::Error)]
#[error("it is not a valid message")]
struct Panicked;

/// Runs the library so that a panic of it costs the file and not the run: some altered messages (an
/// unknown AEAD algorithm, for one) make version 0.21 panic. What it worked on is not used again.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|_| Panicked)
}

fn decrypt<'a>(message: Message<'a>, keys: &Keys, limits: &Limits) -> Result<Message<'a>, Unopened> {
    let max_message_size = usize::try_from(limits.max_bytes.min(MAX_HELD_BYTES)).unwrap_or(usize::MAX);
    let ring = TheRing {
        secret_keys: keys.secrets.iter().collect(),
        key_passwords: keys.passphrases.iter().collect(),
        decrypt_options: DecryptionOptions::new()
            .enable_gnupg_aead()
            .set_seipdv1_read_mode(Seipdv1ReadMode::CheckFirst { max_message_size }),
        ..TheRing::default()
    };
    match message.decrypt_the_ring(ring, true) {
        Ok((message, _)) => Ok(message),
        Err(PgpError::MissingKey) => {
            refused("the PGP file is encrypted to another key: encrypt it to this account's current PGP key")
        }
        Err(error) => Err(broken(&error)),
    }
}

fn broken(error: &PgpError) -> Unopened {
    damage("PGP", error).issue().into()
}

fn refused<T>(message: &str) -> Result<T, Unopened> {
    Err(Issue::file(Code::Wrapper, message).into())
}

/// Reads a message whose data is a literal; the library checks what follows the data at its end. Not to
/// be read again after an error, which [`super::source::Guard`] sees to.
struct Literal<'a>(Message<'a>);

impl Read for Literal<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        contained(|| self.0.read(buffer)).unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
    }
}

/// Gives a reader the `Debug` that the library asks for, without showing what is read.
struct Opaque<R>(R);

impl<R> fmt::Debug for Opaque<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opaque")
    }
}

impl<R: Read> Read for Opaque<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: BufRead> BufRead for Opaque<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}
