//! What a file is, told from its first bytes and never from its name.

/// How many bytes from the start are looked at.
pub const HEAD_BYTES: usize = 64 << 10;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, as far as can be told.
    Text,
    /// A gzip stream.
    Gzip,
    /// A zip archive, also one that a spreadsheet or document is made of.
    Zip,
    /// An `OpenPGP` message in binary form.
    Pgp,
    /// An `OpenPGP` message in ASCII armour.
    PgpArmour,
    /// Something that is not read: its name, and what to do instead.
    Refused(&'static str, &'static str),
}

const EXPORT: &str = "export the people as CSV text and upload that";
const SPREADSHEET: &str = "save the sheet as \"CSV UTF-8\" and upload that";
const UNPACK: &str = "upload the CSV file itself, or pack it with gzip or zip";

const MAGIC: &[(usize, &[u8], &str, &str)] = &[
    (0, b"%PDF-", "a PDF document", EXPORT),
    (0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old Excel or Word file (OLE2)", SPREADSHEET),
    (0, b"\x89PNG\r\n\x1A\n", "a PNG image", EXPORT),
    (0, b"\xFF\xD8\xFF", "a JPEG image", EXPORT),
    (0, b"GIF87a", "a GIF image", EXPORT),
    (0, b"GIF89a", "a GIF image", EXPORT),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
    (0, b"Rar!\x1A\x07", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\xFD7zXZ\0", "an xz archive", UNPACK),
    (0, b"\x28\xB5\x2F\xFD", "a zstd archive", UNPACK),
    (0, b"PAR1", "a Parquet file", EXPORT),
    (0, b"SQLite format 3\0", "a SQLite database", EXPORT),
    (0, b"{\\rtf", "a rich text document", EXPORT),
    (0, b"\x7FELF", "a program", EXPORT),
];

/// What the file with these first bytes (up to [`HEAD_BYTES`]) is.
pub fn of(head: &[u8]) -> Kind {
    for (at, magic, name, advice) in MAGIC {
        if head.get(*at..).is_some_and(|rest| rest.starts_with(magic)) {
            return Kind::Refused(name, advice);
        }
    }
    if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
        return Kind::Refused("a bzip2 archive", UNPACK);
    }
    if head.starts_with(&[0x1F, 0x8B]) {
        return Kind::Gzip;
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Kind::Zip;
    }
    if is_pgp(head) {
        return Kind::Pgp;
    }
    of_text(head)
}

/// The same for what can be told of text only; also used once UTF-16 has become UTF-8.
pub fn of_text(head: &[u8]) -> Kind {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if text.starts_with(b"-----BEGIN PGP MESSAGE") {
        return Kind::PgpArmour;
    }
    if text.starts_with(b"-----BEGIN ") {
        return Kind::Refused("a key, certificate or signature", "upload the CSV file, or encrypt it to our PGP key");
    }
    if starts(b"<!doctype html") || starts(b"<html") {
        return Kind::Refused("an HTML page", EXPORT);
    }
    if starts(b"<?xml") || starts(b"<!doctype") {
        return Kind::Refused("an XML document", EXPORT);
    }
    if is_json(text) {
        return Kind::Refused("a JSON document", EXPORT);
    }
    Kind::Text
}

/// Whether so many of the first bytes are control characters that it can be no text of one byte a character.
pub fn is_binary(head: &[u8]) -> bool {
    let start = &head[..head.len().min(4096)];
    let control = start.iter().filter(|&&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n' | 0x0C | 0x1A));
    start.len() >= 32 && control.count() * 10 > start.len() * 3
}

fn is_json(text: &[u8]) -> bool {
    let next = |rest: &[u8]| rest.trim_ascii_start().first().copied();
    match text.split_first() {
        Some((b'{', rest)) => matches!(next(rest), Some(b'"' | b'}')),
        Some((b'[', rest)) => matches!(next(rest), Some(b'{' | b'[')),
        _ => false,
    }
}

/// An `OpenPGP` packet that can begin an encrypted, signed or compressed message. Besides the tag, the
/// version byte must fit: the tag alone may also be the first letter of a text.
fn is_pgp(head: &[u8]) -> bool {
    let Some((&first, rest)) = head.split_first() else { return false };
    let (tag, length_bytes) = match first {
        0x80..=0xBF => ((first >> 2) & 0x0F, [1, 2, 4, 0][usize::from(first & 3)]),
        0xC0..=0xFF => (
            first & 0x3F,
            match rest.first() {
                Some(0..=191 | 224..=254) => 1,
                Some(192..=223) => 2,
                _ => 5,
            },
        ),
        _ => return false,
    };
    let Some(&version) = rest.get(length_bytes) else { return false };
    match tag {
        1 | 4 => matches!(version, 3 | 6),
        3 => matches!(version, 4..=6),
        8 => version <= 3,
        10 => rest.get(length_bytes..length_bytes + 3) == Some(b"PGP"),
        18 => matches!(version, 1 | 2),
        20 => version == 1,
        _ => false,
    }
}
