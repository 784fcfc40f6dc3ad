//! The table of forms in the document is that of the code.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use muster_core::format::{Carried, FORMATS, Format};

const BEGIN: &str = "<!-- formats: made by a test -->\n";
const END: &str = "<!-- end -->\n";

fn number(format: &Format) -> String {
    match format.carried {
        Carried::Item => "attribute `fv`",
        Carried::Message | Carried::Token | Carried::Parameter => "member `v`",
        Carried::Lines => "`v` of the first line",
        Carried::Object => "member `version`",
        Carried::Magic => "its first 8 bytes",
        Carried::Tag => "tag `v`",
    }
    .to_owned()
}

fn table() -> String {
    let mut text =
        String::from("| what | writes | reads | number | where | kept |\n| --- | --- | --- | --- | --- | --- |\n");
    for format in FORMATS {
        let Format { name, version, oldest, place, kept, .. } = format;
        writeln!(text, "| {name} | {version} | {oldest} to {version} | {} | {place} | {kept} |", number(format))
            .unwrap();
    }
    text
}

#[test]
fn the_documents_table_is_that_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/formats.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (found, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
        return;
    }
    assert_eq!(
        found,
        table(),
        "docs/formats.md is old: UPDATE_DOCS=1 cargo test -p muster-tests --test formats document"
    );
}
