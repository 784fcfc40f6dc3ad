//! The `OpenAPI` document: committed, current, and complete.

use std::path::Path;

use muster_tests::api::NoWeb;
use serde_json::Value;

/// An operation of the document.
pub(crate) struct Operation {
    pub(crate) method: String,
    /// With parameters as `{connection}`.
    pub(crate) path: String,
    /// What it needs of its caller.
    pub(crate) need: String,
    kinds: Vec<String>,
}

fn document() -> Value {
    muster_api::document::<admin_api::Stage<NoWeb>>()
}

/// Every operation.
pub(crate) fn operations() -> Vec<Operation> {
    let document = document();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            let kinds = about["requestBody"]["content"].as_object().map(|kinds| kinds.keys().cloned().collect());
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                need: about["x-needs"].as_str().unwrap().to_owned(),
                kinds: kinds.unwrap_or_default(),
            });
        }
    }
    assert!(operations.len() > 5, "the document has operations");
    operations
}

impl Operation {
    /// The path with this connection and run, and something for every other parameter.
    pub(crate) fn path_with(&self, connection: &str, run: &str) -> String {
        let part = |part: &str| match part {
            "{connection}" => connection.to_owned(),
            "{run}" => run.to_owned(),
            part if part.starts_with('{') => "x1".to_owned(),
            part => part.to_owned(),
        };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// A content type that it takes, and an empty body of that.
    pub(crate) fn body(&self) -> (String, String) {
        let kind = self.kinds.first().map_or("application/json", String::as_str);
        (kind.to_owned(), if kind == "application/json" { "{}".to_owned() } else { "x = 1".to_owned() })
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let current = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&place, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&place).unwrap_or_default();
    assert!(
        committed == current,
        "docs/openapi.json is old: UPDATE_DOCS=1 cargo test -p muster-tests --test api document"
    );
}

#[test]
fn every_operation_is_named_once_and_says_what_it_does() {
    let document = document();
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            let id = about["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            assert!(!about["summary"].as_str().unwrap().is_empty(), "{method} {path} says nothing");
            let answers = about["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2') || status.starts_with('3')), "{method} {path}");
        }
    }
}
