//! `docs/connectors.md` against the table: the parts between `<!-- begin ID -->` and `<!-- end ID -->` are made of
//! what connectors say of themselves, and the examples use keys that there are. `UPDATE_DOCS=1` writes the parts anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::{About, Brings, CONNECTORS, Incremental};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/connectors.md")
}

/// The part of the document that the table makes.
fn part(about: &About) -> String {
    let mut text = format!("{} {} {}\n", reads(about), webhooks(about), refresh(about));
    text.push_str("\n| key | in | needed | what |\n| --- | --- | --- | --- |\n");
    for (table, keys) in [("provider", about.provider), ("credentials", about.credentials)] {
        for key in keys {
            let needed = if key.needed { "yes" } else { "" };
            let help = key.help.replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | `[{table}]` | {needed} | {help} |", key.name);
        }
    }
    for key in about.platform {
        let needed = if key.needed { "for links" } else { "" };
        let help = key.help.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | the product's own keys | {needed} | {help} |", key.name);
    }
    let _ = writeln!(text, "\n`unique_id` from {}. Columns: {}.", list(about.ids, " or "), list(about.columns, ", "));
    let (column, words) = about.status;
    let _ = writeln!(text, "\n| `{column}` | means |\n| --- | --- |");
    for (word, meant) in words {
        let _ = writeln!(text, "| `{word}` | {meant} |");
    }
    text
}

fn reads(about: &About) -> String {
    let between = match about.incremental {
        Incremental::None => "every poll is a full listing",
        Incremental::Changes => "between full listings, changes",
        Incremental::ChangesAndRemovals => "between full listings, changes and removals",
    };
    format!("Linked by {}; {between}; {} people a page.", about.link, about.page_size)
}

fn webhooks(about: &About) -> &'static str {
    match about.webhooks {
        None => "No webhooks.",
        Some(Brings::Hint) => "Webhooks bring ids only.",
        Some(Brings::Person) => "Webhooks bring the person, who is read anew all the same.",
    }
}

fn refresh(about: &About) -> &'static str {
    if about.resync { "\"Sync now\" has the provider refresh its own copy first." } else { "" }
}

fn list(names: &[&str], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}

/// What stands between the markers of a connector, with where it begins and ends.
fn between<'a>(document: &'a str, id: &str) -> Option<(usize, usize, &'a str)> {
    let (begin, end) = (format!("<!-- begin {id} -->\n"), format!("<!-- end {id} -->"));
    let from = document.find(&begin)? + begin.len();
    let to = from + document[from..].find(&end)?;
    Some((from, to, &document[from..to]))
}

#[test]
fn the_document_says_what_the_connectors_say_of_themselves() {
    let mut document = std::fs::read_to_string(path()).unwrap();
    let mut stale = Vec::new();
    for connector in CONNECTORS {
        let about = connector.about();
        let made: String = part(about).lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let Some((from, to, there)) = between(&document, about.id) else {
            stale.push(format!("{}: no section with its markers", about.id));
            continue;
        };
        if there != made {
            stale.push(format!("{}: the tables are not as the connector says", about.id));
            document.replace_range(from..to, &made);
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(), &document).unwrap();
        stale.retain(|problem| problem.ends_with("markers"));
    }
    assert!(stale.is_empty(), "{}\nUPDATE_DOCS=1 writes the tables anew", stale.join("\n"));
}

#[test]
fn every_section_of_the_document_has_its_connector() {
    let document = std::fs::read_to_string(path()).unwrap();
    let marked = document.split("<!-- begin ").skip(1).filter_map(|rest| rest.split(" -->").next());
    let strays: Vec<&str> = marked.filter(|id| crate::connector(id).is_none()).collect();
    assert!(strays.is_empty(), "sections without a connector: {strays:?}");
}

#[test]
fn the_examples_name_keys_that_there_are_and_all_that_are_needed() {
    let document = std::fs::read_to_string(path()).unwrap();
    let mut wrong = Vec::new();
    for connector in CONNECTORS {
        let about = connector.about();
        let named = format!("connector = \"{}\"", about.id);
        let example = document.split("```toml").skip(1).filter_map(|rest| rest.split("```").next());
        let Some(example) = example.into_iter().find(|example| example.contains(&named)) else {
            wrong.push(format!("{}: no example", about.id));
            continue;
        };
        for (table, keys) in [("provider", about.provider), ("credentials", about.credentials)] {
            let used = keys_of(example, table);
            let unknown = used.iter().filter(|used| !keys.iter().any(|key| key.name == **used));
            wrong.extend(unknown.map(|key| format!("{}: [{table}] has no key {key}", about.id)));
            let missing = keys.iter().filter(|key| key.needed && !used.contains(&key.name));
            wrong.extend(missing.map(|key| format!("{}: [{table}] needs {}", about.id, key.name)));
        }
        let unique = example.split("[fields.unique_id]\nfrom = \"").nth(1).and_then(|rest| rest.split('"').next());
        if !unique.is_some_and(|column| about.ids.contains(&column)) {
            wrong.push(format!("{}: unique_id from {unique:?}", about.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The keys of one table of an example.
fn keys_of<'a>(example: &'a str, table: &str) -> Vec<&'a str> {
    let after = example.split(&format!("[{table}]\n")).nth(1).unwrap_or_default();
    let lines = after.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect()
}
