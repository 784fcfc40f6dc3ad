//! What is stored outlives the code that stored it: forms of before are read, forms to come are left alone, and no form
//! changes unnoticed.
//!
//! `tests/fixtures/formats/` keeps, for each release, what the story in `muster_tests::story` leaves stored and queued.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod before;
mod document;
mod newer;
mod shape;
mod words;
mod writes;

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use muster_tests::dump::Dump;

/// The release under way: its folder is written by `UPDATE_FORMATS=1`. Once it is out, the next one's name comes here.
const RELEASE: &str = "0.1.0";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats")
}

/// The releases whose data is kept, and what was before them.
fn releases() -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn stored_by(release: &str) -> Dump {
    let packed = fs::read(folder().join(release).join("store.jsonl.gz")).unwrap();
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    Dump::from_text(&text)
}

fn keep(release: &str, dump: &Dump) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(dump.to_text().as_bytes()).unwrap();
    fs::create_dir_all(folder().join(release)).unwrap();
    fs::write(folder().join(release).join("store.jsonl.gz"), packed.finish().unwrap()).unwrap();
}
