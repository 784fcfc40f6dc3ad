//! The guard: what this code stores is of the same shape as what the newest release's fixture keeps.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use muster_core::format::ATTRIBUTE;
use muster_tests::dump::{Dump, Kept};
use muster_tests::forms::{form_of, plain};
use muster_tests::story::World;
use serde_json::{Value, json};

/// Per form: the places of values inside of it, each with its type.
type Shape = BTreeMap<&'static str, BTreeSet<String>>;

/// The members of these are data, not part of a form.
const OPEN: [&str; 2] = ["touched", "values"];

/// Notes the types of everything in a value; a text that is JSON is looked into.
fn note(value: &Value, place: &str, shape: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Object(members) => {
            let is_open = OPEN.iter().any(|name| place.ends_with(&format!(".{name}")));
            for (name, member) in members {
                note(member, &format!("{place}.{}", if is_open { "*" } else { name }), shape);
            }
            "object".to_owned()
        }
        Value::Array(items) => {
            items.iter().for_each(|item| note(item, &format!("{place}[]"), shape));
            "array".to_owned()
        }
        Value::String(text) => {
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                return note(&inner, &format!("{place} as JSON"), shape);
            }
            "text".to_owned()
        }
        Value::Number(number) if is_version(place) => number.to_string(),
        Value::Number(_) => "number".to_owned(),
        Value::Bool(_) => "truth".to_owned(),
        Value::Null => "nothing".to_owned(),
    };
    shape.insert(format!("{place}: {kind}"));
}

fn is_version(place: &str) -> bool {
    [".v", ".version"].contains(&place)
}

/// Notes an item: of each attribute the type, as the service calls it.
fn note_item(item: &Value, shape: &mut BTreeSet<String>) {
    for (name, typed) in item.as_object().unwrap() {
        let (kind, value) = typed.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value) {
            ("S", text) => note(text, name, shape),
            ("N", number) => {
                let number = number.as_str().filter(|_| name == ATTRIBUTE).unwrap_or("number");
                shape.insert(format!("{name}: {number}"));
            }
            (kind, value) => {
                shape.insert(format!("{name}: {kind}"));
                note(value, name, shape);
            }
        }
    }
}

fn note_kept(kept: &Kept, shape: &mut BTreeSet<String>) {
    match kept {
        Kept::Clock(_) => {}
        Kept::Item(item) => note_item(item, shape),
        Kept::Object(version, bytes) => {
            shape.insert(format!("content type {:?}", version.content_type));
            let bytes = plain(&STANDARD.decode(bytes).unwrap());
            if bytes.starts_with(b"{") {
                let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                lines.for_each(|line| note(&serde_json::from_slice(line).unwrap(), "", shape));
            } else {
                shape.insert(format!("begins {:?}", String::from_utf8_lossy(&bytes[..8])));
            }
        }
        // Of the mail service's own message only what came from here.
        Kept::Message(_, body) => {
            let body: Value = serde_json::from_str(body).unwrap();
            let tags = body.pointer("/detail/mail/tags").cloned();
            note(tags.as_ref().unwrap_or(&body), "", shape);
        }
        Kept::Parameter(_, value) => note(&serde_json::from_str(value).unwrap(), "", shape),
        Kept::Link(token) => {
            let text = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
            note(&serde_json::from_slice(&text).unwrap(), "", shape);
        }
    }
}

fn shape_of(dump: &Dump) -> Shape {
    let mut shape = Shape::new();
    for kept in &dump.0 {
        if let Some(form) = form_of(kept).unwrap() {
            note_kept(kept, shape.entry(form.name).or_default());
        }
    }
    shape
}

/// What differs, a line each: `+` is stored now, `-` was.
fn differences(was: &Shape, is: &Shape) -> Vec<String> {
    let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    let none = BTreeSet::new();
    let mut lines = Vec::new();
    for name in names {
        let (was, is) = (was.get(name).unwrap_or(&none), is.get(name).unwrap_or(&none));
        lines.extend(is.difference(was).map(|place| format!("+ {name}: {place}")));
        lines.extend(was.difference(is).map(|place| format!("- {name}: {place}")));
    }
    lines
}

#[tokio::test]
async fn a_stored_format_that_changed_raises_its_version() {
    let now = World::told().await.dump().await;
    if std::env::var_os("UPDATE_FORMATS").is_some() {
        super::keep(super::RELEASE, &now);
    }
    let differ = differences(&shape_of(&super::stored_by(super::RELEASE)), &shape_of(&now));
    assert!(
        differ.is_empty(),
        "a stored format changed: raise its version in shared/core/src/format/table.rs, keep the reader of the one \
         before, and record a new fixture with UPDATE_FORMATS=1 (docs/formats.md)\n{}",
        differ.join("\n")
    );
}

/// Plants a change in the first thing that `pick` takes; the guard must tell of it in these words.
fn check_seen(dump: &Dump, pick: impl Fn(&mut Kept) -> bool, expected: &str) {
    let mut changed = dump.clone();
    assert!(changed.0.iter_mut().any(pick), "{expected}: nothing to change");
    let told = differences(&shape_of(dump), &shape_of(&changed));
    assert!(told.iter().any(|line| line == expected), "{expected} is not in {told:#?}");
}

/// Changes an item of this form.
fn item(form: &str, change: impl Fn(&mut Value)) -> impl Fn(&mut Kept) -> bool {
    move |kept| {
        let is_it = form_of(kept).unwrap().is_some_and(|found| found.name == form);
        match kept {
            Kept::Item(item) if is_it => {
                change(item);
                true
            }
            _ => false,
        }
    }
}

#[test]
fn a_changed_attribute_member_type_and_number_are_seen() {
    let dump = super::stored_by(super::RELEASE);
    check_seen(&dump, item("recipient", |item| item["new"] = json!({"S": "x"})), "+ recipient: new: text");
    check_seen(&dump, item("recipient", |item| item["fn"] = json!({"S": "1"})), "+ recipient: fn: text");
    check_seen(&dump, item("run", |item| item[ATTRIBUTE] = json!({"N": "2"})), "+ run: fv: 2");
    let cause = json!({"S": json!({"kind": "file", "why": 1}).to_string()});
    check_seen(&dump, item("run", |item| item["cause"] = cause.clone()), "+ run: cause as JSON.why: number");
    let renamed = |kept: &mut Kept| match kept {
        Kept::Message(queue, body) if queue == "poll" => {
            *body = body.replace("\"run\"", "\"runs\"");
            true
        }
        _ => false,
    };
    check_seen(&dump, renamed, "- message about a listing: .run: text");
}
