//! The one data file in a zip archive.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::{Crc, read::DeflateDecoder};
use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::open::Unopened;
use super::source::damage;
use super::wrapper::Bytes;
use crate::issue::{Code, Issue};

/// The archive's only data file, checked against its length and CRC as it is read. Folders, dot
/// files and `__MACOSX` do not count.
pub(super) fn only_member<'a, R: Read + Seek + Send + 'a>(input: R) -> Result<Bytes<'a>, Unopened> {
    let mut archive = ZipArchive::new(input).map_err(broken)?;
    let names: Vec<String> = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if let Some((name, advice)) = office_document(&names) {
        return Err(Issue::file(Code::FileKind, format!("the file is {name}: {advice}")).into());
    }
    let index = only_data(&names, archive.has_duplicate_names())?;
    let member = archive.by_index_raw(index).map_err(broken)?;
    let refused = |message: String| Err(Issue::file(Code::Wrapper, message).into());
    if member.encrypted() {
        return refused(
            "the zip is locked with a password: upload it without, or encrypt the file with our PGP key".into(),
        );
    }
    let method = member.compression();
    let stored = method == CompressionMethod::Stored;
    if !stored && method != CompressionMethod::Deflated {
        return refused(format!("the zip is packed with {method}: pack it with the usual method (deflate)"));
    }
    let (packed, size, crc) = (member.compressed_size(), member.size(), member.crc32());
    let Some(start) = member.data_start() else { return refused("the zip is damaged: upload the file again".into()) };
    drop(member);
    let mut input = archive.into_inner();
    input.seek(SeekFrom::Start(start))?;
    let data = input.take(packed);
    let inner: Bytes<'a> = if stored { Box::new(data) } else { Box::new(DeflateDecoder::new(data)) };
    Ok(Box::new(Checked { inner, left: size, crc, seen: Crc::new() }))
}

fn broken(error: ZipError) -> Unopened {
    Unopened::Refused(vec![damage("zip", &error).issue()])
}

fn only_data(names: &[String], duplicates: bool) -> Result<usize, Issue> {
    let data: Vec<usize> = (0..names.len()).filter(|&at| is_data(&names[at])).collect();
    match data.as_slice() {
        [one] if !duplicates => Ok(*one),
        [] => Err(Issue::file(Code::Wrapper, "the zip holds no file: pack the CSV file in it")),
        many => {
            let listed: Vec<&str> = many.iter().take(5).map(|&at| names[at].as_str()).collect();
            let more = if many.len() > 5 { ", …" } else { "" };
            let message =
                format!("the zip holds more than one file ({}{more}): pack only the file of people", listed.join(", "));
            Err(Issue::file(Code::Wrapper, message))
        }
    }
}

fn is_data(name: &str) -> bool {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    !last.is_empty() && !last.starts_with('.') && !name.starts_with("__MACOSX/")
}

fn office_document(names: &[String]) -> Option<(&'static str, &'static str)> {
    const SHEET: &str = "save the sheet as \"CSV UTF-8\" and upload that";
    let has = |start: &str| names.iter().any(|name| name.starts_with(start));
    if has("xl/") {
        Some(("an Excel workbook", SHEET))
    } else if has("word/") && has("[Content_Types].xml") {
        Some(("a Word document", SHEET))
    } else if has("[Content_Types].xml") {
        Some(("an Office document", SHEET))
    } else if has("mimetype") && has("content.xml") {
        Some(("an OpenDocument file", SHEET))
    } else {
        None
    }
}

/// Fails at the end unless length and CRC are what the archive says.
struct Checked<'a> {
    inner: Bytes<'a>,
    left: u64,
    crc: u32,
    seen: Crc,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.seen.update(&buffer[..count]);
        let left = self.left.checked_sub(count as u64);
        match left {
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "it holds more than it says")),
            Some(_) if buffer.is_empty() => Ok(0),
            Some(left) if count == 0 && left > 0 => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "it holds less than it says"))
            }
            Some(_) if count == 0 && self.seen.sum() != self.crc => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"))
            }
            Some(left) => {
                self.left = left;
                Ok(count)
            }
        }
    }
}
