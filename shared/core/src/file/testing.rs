//! Helpers of this folder's tests.

use std::io::{Cursor, Read, Write};
use std::sync::OnceLock;

use pgp::composed::{
    ArmorOptions, EncryptionCaps, KeyType, MessageBuilder, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder,
};
use pgp::crypto::aead::{AeadAlgorithm, ChunkSize};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::ser::Serialize;
use pgp::types::{CompressionAlgorithm, Password};
use rand_08::thread_rng;

use super::{Keys, Limits, OpenFile, Unopened, open};
use crate::issue::{Code, Issue};
use crate::settings::{Encoding, FileSettings};

pub(super) const PEOPLE: &str = "Employee ID,First,Email\r\n007,José,jose@acme.example\r\n008,Ann,ann@acme.example\r\n";

pub(super) fn settings() -> FileSettings {
    FileSettings {
        pattern: None,
        delimiter: None,
        encoding: Encoding::Utf8,
        stray_quotes_are_text: false,
        skip_lines: 0,
        multi_value_separator: ';',
    }
}

pub(super) fn open_bytes(bytes: &[u8]) -> Result<OpenFile<'static>, Unopened> {
    open(Cursor::new(bytes.to_vec()), &settings(), &keys(), &Limits::default())
}

#[track_caller]
pub(super) fn opened(bytes: &[u8]) -> OpenFile<'static> {
    open_bytes(bytes).unwrap()
}

#[track_caller]
pub(super) fn body(mut file: OpenFile<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.body.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The file opens, with this header and this body.
#[track_caller]
pub(super) fn check_opens(bytes: &[u8], header: &[&str], text: &str) -> Vec<Issue> {
    let file = opened(bytes);
    assert_eq!(file.header, header);
    let issues = file.issues.clone();
    assert_eq!(String::from_utf8_lossy(&body(file)), text);
    issues
}

/// The file is the one of [`PEOPLE`], in these wrappers.
#[track_caller]
pub(super) fn check_people(bytes: &[u8], wrappers: &[&str]) {
    let file = opened(bytes);
    assert_eq!(file.wrappers, wrappers);
    assert_eq!(file.header, ["Employee ID", "First", "Email"]);
    assert_eq!(String::from_utf8(body(file)).unwrap(), PEOPLE.split_once("\r\n").unwrap().1);
}

/// Nothing of the file is read, for this reason.
#[track_caller]
pub(super) fn check_refused(bytes: &[u8], code: Code, said: &str) {
    check_refusal(open_bytes(bytes), code, said);
}

#[track_caller]
pub(super) fn check_refusal(result: Result<OpenFile<'_>, Unopened>, code: Code, said: &str) {
    match result {
        Err(Unopened::Refused(issues)) => {
            assert_eq!(issues[0].code, code, "{issues:?}");
            assert!(issues[0].message.contains(said), "{issues:?}");
        }
        other => panic!("expected {code:?}, got {other:?}"),
    }
}

/// Opens and reads to the end: the whole text, or the code of the damage.
pub(super) fn read_all(bytes: &[u8]) -> Result<Vec<u8>, Code> {
    read_within(bytes, &Limits::default())
}

pub(super) fn read_within(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Code> {
    let mut file = match open(Cursor::new(bytes), &settings(), &keys(), limits) {
        Ok(file) => file,
        Err(Unopened::Refused(issues)) => return Err(issues[0].code),
        Err(Unopened::Io(error)) => panic!("the input did not fail: {error}"),
    };
    let mut text = file.header_record.clone();
    match file.body.read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let code = super::fault_of(&error).expect("damage, not a failed input").code();
            let again = file.body.read(&mut [0; 16]).expect_err("no clean end after damage");
            assert_eq!(super::fault_of(&again).map(super::ReadFault::code), Some(code));
            Err(code)
        }
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        if name.ends_with('/') {
            writer.add_directory(*name, zip::write::SimpleFileOptions::default()).unwrap();
        } else {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A zip whose member is not compressed.
pub(super) fn stored_zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file(name, options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

pub(super) const PASSPHRASE: &str = "correct horse";

fn new_key(passphrase: Option<&str>) -> SignedSecretKey {
    let passphrase = passphrase.map(str::to_owned);
    let subkey = SubkeyParamsBuilder::default()
        .key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy))
        .can_encrypt(EncryptionCaps::All)
        .passphrase(passphrase.clone())
        .build()
        .unwrap();
    SecretKeyParamsBuilder::default()
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("Acme <hr@acme.example>".to_owned())
        .passphrase(passphrase)
        .subkeys(vec![subkey])
        .build()
        .unwrap()
        .generate(thread_rng())
        .unwrap()
}

/// The account's key. Without a passphrase: unlocking is slow by intent.
pub(super) fn key() -> &'static SignedSecretKey {
    static KEY: OnceLock<SignedSecretKey> = OnceLock::new();
    KEY.get_or_init(|| new_key(None))
}

/// Another key, locked with [`PASSPHRASE`].
pub(super) fn locked_key() -> &'static SignedSecretKey {
    static KEY: OnceLock<SignedSecretKey> = OnceLock::new();
    KEY.get_or_init(|| new_key(Some(PASSPHRASE)))
}

/// The account's keys.
pub(super) fn keys() -> Keys {
    Keys::none().with(&key().to_bytes().unwrap(), "").unwrap()
}

/// How a message is encrypted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// Checksum at the end (the older form).
    Checksum,
    /// The same with compression and a signature inside.
    SignedAndPacked,
    /// Authenticated chunks (the newer form).
    Chunks,
    /// The older form, written in pieces by a sender who did not know the length.
    Pieces,
}

macro_rules! finished {
    ($builder:expr, $key:expr, $form:expr, $armoured:expr) => {{
        let mut builder = $builder;
        builder.encrypt_to_key(thread_rng(), &$key.secret_subkeys[0].public_key()).unwrap();
        if $form == Form::SignedAndPacked {
            builder.compression(CompressionAlgorithm::ZLIB);
            builder.sign(&key().primary_key, Password::empty(), HashAlgorithm::Sha256);
        }
        if $armoured {
            builder.to_armored_string(thread_rng(), ArmorOptions::default()).unwrap().into_bytes()
        } else {
            builder.to_vec(thread_rng()).unwrap()
        }
    }};
}

pub(super) fn encrypt(text: &[u8], to: &SignedSecretKey, form: Form, armoured: bool) -> Vec<u8> {
    let (name, text) = ("people.csv", text.to_vec());
    let cipher = SymmetricKeyAlgorithm::AES256;
    match form {
        Form::Chunks => {
            let builder = MessageBuilder::from_bytes(name, text);
            finished!(builder.seipd_v2(thread_rng(), cipher, AeadAlgorithm::Ocb, ChunkSize::C64B), to, form, armoured)
        }
        Form::Pieces => {
            let mut builder = MessageBuilder::from_reader(name, Cursor::new(text));
            builder.partial_chunk_size(512).unwrap();
            finished!(builder.seipd_v1(thread_rng(), cipher), to, form, armoured)
        }
        Form::Checksum | Form::SignedAndPacked => {
            let builder = MessageBuilder::from_bytes(name, text);
            finished!(builder.seipd_v1(thread_rng(), cipher), to, form, armoured)
        }
    }
}
