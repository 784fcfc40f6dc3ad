//! What comes in wrappers, and what only looks like a file of people.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use proptest::prelude::*;

use super::testing::*;
use super::{Keys, Limits, Unopened, fault_of, open};
use crate::issue::Code;

const FORMS: [Form; 4] = [Form::Checksum, Form::SignedAndPacked, Form::Chunks, Form::Pieces];

fn pgp(text: &[u8]) -> Vec<u8> {
    encrypt(text, key(), Form::Checksum, false)
}

/// B41: gzip is told by its bytes, not by the name; several members follow one another.
#[test]
fn a_gzip_file_is_unpacked() {
    check_people(&gzip(PEOPLE.as_bytes()), &["gzip"]);
    let (first, second) = PEOPLE.as_bytes().split_at(30);
    check_people(&[gzip(first), gzip(second)].concat(), &["gzip"]);
}

/// B40: the one data file of a zip is read, what computers add to it is not.
#[test]
fn the_only_file_in_a_zip_is_read() {
    let people = PEOPLE.as_bytes();
    check_people(&zip(&[("people.csv", people)]), &["zip"]);
    check_people(&stored_zip("people.csv", people), &["zip"]);
    check_people(
        &zip(&[("out/", b""), ("__MACOSX/out/._people.csv", b"x"), (".DS_Store", b"x"), ("out/people.csv", people)]),
        &["zip"],
    );
}

/// B40: of several files none is chosen.
#[test]
fn a_zip_of_several_files_is_refused_and_names_them() {
    check_refused(&zip(&[("a.csv", b"x"), ("b.csv", b"y")]), Code::Wrapper, "a.csv, b.csv");
    check_refused(&zip(&[("empty/", b"")]), Code::Wrapper, "no file");
}

/// B40: a locked member is refused.
#[test]
fn a_zip_locked_with_a_password_is_refused() {
    let mut bytes = zip(&[("people.csv", PEOPLE.as_bytes())]);
    // The flag "encrypted" in the local header and in the directory.
    bytes[6] |= 1;
    let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    bytes[directory + 8] |= 1;
    check_refused(&bytes, Code::Wrapper, "password");
}

/// B43: each form of PGP message, binary and armoured, signed or not.
#[test]
fn a_pgp_message_is_decrypted_with_the_accounts_key() {
    for form in FORMS {
        for armoured in [false, true] {
            check_people(&encrypt(PEOPLE.as_bytes(), key(), form, armoured), &["PGP"]);
        }
    }
}

/// B43: keys that are locked with a passphrase, one among several.
#[test]
fn a_locked_key_needs_its_passphrase() {
    let message = encrypt(PEOPLE.as_bytes(), locked_key(), Form::Checksum, true);
    let with = |passphrase| {
        let keys = keys().with(&locked_key().to_armored_bytes(Default::default()).unwrap(), passphrase).unwrap();
        open(Cursor::new(message.clone()), &settings(), &keys, &Limits::default())
    };
    assert_eq!(with(PASSPHRASE).unwrap().header, ["Employee ID", "First", "Email"]);
    check_refusal(with("wrong"), Code::Wrapper, "PGP");
}

/// B43: without the right key nothing is read, and the reason says which key is meant.
#[test]
fn a_pgp_message_for_another_key_is_refused() {
    let text = PEOPLE.as_bytes();
    check_refused(&encrypt(text, locked_key(), Form::Checksum, false), Code::Wrapper, "another key");
    let without = open(Cursor::new(pgp(text)), &settings(), &Keys::none(), &Limits::default());
    check_refusal(without, Code::Wrapper, "no PGP key");
    assert!(Keys::none().with(b"no key", "").is_err());
}

/// B43: the key itself, put in by mistake, is named as one.
#[test]
fn an_armoured_key_is_no_file_of_people() {
    check_refused(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxjMEaa==\n", Code::FileKind, "key");
}

#[test]
fn wrappers_are_taken_off_one_within_the_other() {
    let people = PEOPLE.as_bytes();
    check_people(&pgp(&gzip(people)), &["PGP", "gzip"]);
    check_people(&pgp(&zip(&[("people.csv", people)])), &["PGP", "zip"]);
    check_people(&gzip(&pgp(people)), &["gzip", "PGP"]);
    check_people(&zip(&[("p.csv.gz", &gzip(&pgp(people)))]), &["zip", "gzip", "PGP"]);
    check_refused(&gzip(&gzip(&gzip(&gzip(people)))), Code::Wrapper, "more than 3 times");
}

/// B39, B42, B44: a file of another kind is named, whatever it is called.
#[test]
fn a_file_of_another_kind_is_refused_by_its_name() {
    let mut tar = vec![b'a'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    let sheet = zip(&[("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")]);
    let document = zip(&[("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")]);
    let kinds: [(&[u8], &str); 21] = [
        (b"%PDF-1.7\n%\xE2\xE3", "PDF"),
        (&sheet, "Excel workbook"),
        (&document, "Word document"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0", "old Excel"),
        (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", "PNG"),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "JPEG"),
        (b"GIF89a\x01\0", "GIF"),
        (b"7z\xBC\xAF\x27\x1C\0\x04", "7z"),
        (b"Rar!\x1A\x07\x01\0", "RAR"),
        (&tar, "tar"),
        (b"BZh91AY&SY\x12", "bzip2"),
        (b"\xFD7zXZ\0\0\x04", "xz"),
        (b"\x28\xB5\x2F\xFD\x04\x58", "zstd"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"SQLite format 3\0\x10\0", "SQLite"),
        (b"\n<!DOCTYPE html><html>", "HTML"),
        (b"\xEF\xBB\xBF<HTML><body>", "HTML"),
        (b"<?xml version=\"1.0\"?><a/>", "XML"),
        (b"[ {\"id\": 1} ]", "JSON"),
        (b"{\"people\": []}", "JSON"),
        (b"{\\rtf1\\ansi hello}", "rich text"),
    ];
    for (bytes, name) in kinds {
        check_refused(bytes, Code::FileKind, name);
        check_refused(&gzip(bytes), Code::FileKind, name);
    }
}

/// B44: bytes of no kind we know, but no text either.
#[test]
fn bytes_that_are_no_text_are_refused() {
    let noise: Vec<u8> = (0..2000u32).map(|at| (at * 7 % 23) as u8).collect();
    check_refused(&noise, Code::FileKind, "not text");
}

/// T10: a small file that becomes a huge one is stopped, also when it is packed twice.
#[test]
fn a_bomb_is_stopped_at_the_cap() {
    let mut text = b"id,name\n".to_vec();
    text.resize(30 << 20, b'\n');
    let member = gzip(&text);
    for bomb in [member.clone(), gzip(&member), zip(&[("b.csv", &text)]), pgp(&member)] {
        assert_eq!(read_all(&bomb), Err(Code::TooLarge), "{} bytes", bomb.len());
    }
    let limits = Limits { max_ratio: u32::MAX, ..Limits::default() };
    assert_eq!(read_within(&member, &limits).map(|text| text.len()), Ok(text.len() - 1));
    let limits = Limits { max_bytes: 20 << 20, ..limits };
    assert_eq!(read_within(&member, &limits), Err(Code::TooLarge));
    assert_eq!(read_within(&[b'a'; 100], &Limits { max_bytes: 99, ..limits }), Err(Code::TooLarge));
}

/// What stands behind the wrapper's end, or in place of what was there, is never read as the file.
#[test]
fn a_wrapper_cut_off_anywhere_never_reads_as_whole() {
    let text = long_people();
    let mut whole = vec![gzip(&text), zip(&[("people.csv", &text)]), pgp(&gzip(&text))];
    whole.extend(FORMS.map(|form| encrypt(&text, key(), form, false)));
    whole.push(encrypt(&text, key(), Form::Checksum, true));
    for bytes in whole {
        assert_eq!(read_all(&bytes).map(|read| read.len()), Ok(read_all(&text).unwrap().len()));
        for cut in (0..bytes.len()).step_by(bytes.len() / 150 + 1) {
            let read = read_all(&bytes[..cut]);
            // Too few bytes to be known as a wrapper are text that has no header, or none of ours.
            assert!(
                read.is_err() || cut < 40,
                "cut at {cut} of {}: read {:?}",
                bytes.len(),
                read.map(|text| text.len())
            );
            assert!(read.as_deref() != Ok(&text[..]));
        }
    }
}

/// B43: nobody can change an encrypted file on its way and have it read.
#[test]
fn a_pgp_message_altered_anywhere_is_never_read_as_other_text() {
    let text = long_people();
    let good = read_all(&text).unwrap();
    for form in FORMS {
        let bytes = encrypt(&text, key(), form, false);
        for at in (0..bytes.len()).step_by(bytes.len() / 300 + 1) {
            let mut altered = bytes.clone();
            altered[at] ^= 0x10;
            let read = read_all(&altered);
            // The lengths and ids before the encrypted part may be changed without harm.
            assert!(read.is_err() || read.as_ref() == Ok(&good), "{form:?} altered at {at} reads as other text");
        }
    }
}

/// What a broken line did to a packed file shows in its checksum, stored members too.
#[test]
fn a_packed_file_altered_anywhere_is_never_read_as_other_text() {
    let text = long_people();
    let good = read_all(&text).unwrap();
    for bytes in [gzip(&text), zip(&[("people.csv", &text)]), stored_zip("people.csv", &text)] {
        for at in (0..bytes.len()).step_by(bytes.len() / 300 + 1) {
            let mut altered = bytes.clone();
            altered[at] ^= 0x01;
            let read = read_all(&altered);
            assert!(
                read.is_err() || read.as_ref() == Ok(&good),
                "altered at {at} of {} reads as other text",
                bytes.len()
            );
        }
    }
}

fn long_people() -> Vec<u8> {
    let mut text = b"Employee ID,First,Email\n".to_vec();
    for number in 0..400u32 {
        let noise = number.wrapping_mul(2_654_435_761);
        text.extend(format!("{number:05},N{noise:08x},n{noise:08x}@acme.example\n").bytes());
    }
    text
}

/// An input that fails for a while at some byte.
struct Failing {
    inner: Cursor<Vec<u8>>,
    at: u64,
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.at.saturating_sub(self.inner.position()) as usize;
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the line broke"));
        }
        let count = buffer.len().min(left);
        self.inner.read(&mut buffer[..count])
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// F22: a broken line is not taken for a damaged file, in whatever wrapper.
#[test]
fn a_failed_input_is_told_from_a_damaged_file() {
    let text: Vec<u8> = long_people().repeat(40);
    let wrapped =
        [text.clone(), gzip(&text), zip(&[("p.csv", &text)]), pgp(&text), encrypt(&text, key(), Form::Chunks, true)];
    for bytes in wrapped {
        for at in [0, 10, bytes.len() as u64 / 2, bytes.len() as u64 - 1] {
            let input = Failing { inner: Cursor::new(bytes.clone()), at };
            let error = match open(input, &settings(), &keys(), &Limits::default()) {
                Ok(mut file) => file.body.read_to_end(&mut Vec::new()).unwrap_err(),
                Err(Unopened::Io(error)) => error,
                Err(refused) => panic!("taken for damage at {at}: {refused:?}"),
            };
            assert!(fault_of(&error).is_none());
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_bytes_make_it_panic(start in 0usize..12, bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        const STARTS: [&[u8]; 12] = [b"", b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF", b"\x1F\x8B\x08\0", b"PK\x03\x04",
            b"\x85\x01\x0C\x03", b"\xC1\x5E\x03", b"\xD2\x30\x01", b"-----BEGIN PGP MESSAGE-----\n\n", b"\"", b"sep=;\r\n"];
        let _ = read_all(&[STARTS[start], &bytes].concat());
    }

    #[test]
    fn no_change_of_a_wrapped_file_makes_it_panic(which in 0usize..5, at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let people = PEOPLE.as_bytes();
        let mut bytes = match which {
            0 => gzip(people),
            1 => zip(&[("people.csv", people)]),
            2 => encrypt(people, key(), Form::Checksum, false),
            3 => encrypt(people, key(), Form::Chunks, false),
            _ => encrypt(people, key(), Form::SignedAndPacked, true),
        };
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = read_all(&bytes);
    }
}
