//! Every connector against its folder of fixtures: `fixtures/<id>/read-*.json` are recorded readings, and
//! `fixtures/<id>/event-*.json` are webhooks, `fixtures/<id>/link-*.json` are links. A new connector needs no new test code, only a folder.

mod events;
mod fixture;
mod leaks;
mod link;
mod read;
mod robust;
mod sample;

use std::path::{Path, PathBuf};

use crate::{CONNECTORS, Connector, Incremental, Scope};

/// Fixtures of readings that every connector has at least.
const FEWEST_READINGS: usize = 4;
/// How the fixtures of each kind begin.
const KINDS: [&str; 3] = ["read-", "event-", "link-"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Names in a folder, in order; none where there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The fixtures of a connector whose file names begin so, as (name for messages, text).
fn fixtures(connector: &dyn Connector, prefix: &str) -> Vec<(String, String)> {
    let id = connector.about().id;
    let folder = root().join(id);
    let wanted = names(&folder).into_iter().filter(|name| name.starts_with(prefix));
    wanted.map(|name| (format!("{id}/{name}"), std::fs::read_to_string(folder.join(&name)).unwrap())).collect()
}

/// Runs a check over every fixture of that kind of every connector, and tells all that fail at once.
fn every(prefix: &str, check: impl Fn(&dyn Connector, &str) -> Result<(), String>) {
    let mut failed = Vec::new();
    for connector in CONNECTORS {
        for (name, text) in fixtures(*connector, prefix) {
            if let Err(problem) = check(*connector, &text) {
                failed.push(format!("{name}: {problem}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_connector_has_its_folder_and_every_folder_its_connector() {
    let ids: Vec<&str> = CONNECTORS.iter().map(|connector| connector.about().id).collect();
    let strays: Vec<String> = names(&root()).into_iter().filter(|name| !ids.contains(&name.as_str())).collect();
    assert!(strays.is_empty(), "folders in fixtures/ without a connector: {strays:?}");
    let mut problems = Vec::new();
    for connector in CONNECTORS {
        let about = connector.about();
        let readings = fixtures(*connector, "read-").len();
        let events = fixtures(*connector, "event-").len();
        let odd: Vec<String> = names(&root().join(about.id))
            .into_iter()
            .filter(|name| !(KINDS.iter().any(|kind| name.starts_with(kind)) && name.ends_with(".json")))
            .collect();
        if readings < FEWEST_READINGS {
            problems.push(format!("fixtures/{}: {readings} read-*.json, {FEWEST_READINGS} are needed", about.id));
        }
        if about.webhooks.is_some() && events == 0 {
            problems.push(format!("fixtures/{}: no event-*.json although webhooks come", about.id));
        }
        if !odd.is_empty() {
            problems.push(format!("fixtures/{}: none of read-*.json, event-*.json, link-*.json: {odd:?}", about.id));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_connectors_say_of_themselves_is_in_order() {
    let mut ids = std::collections::BTreeSet::new();
    for connector in CONNECTORS {
        let about = connector.about();
        let plain = about.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        assert!(plain && !about.id.is_empty(), "{}: the id is a path segment", about.id);
        assert!(ids.insert(about.id), "{}: twice in the table", about.id);
        assert!(!about.name.is_empty() && !about.hosts.is_empty() && !about.ids.is_empty(), "{}", about.id);
        assert!(about.page_size > 0, "{}: the page ceiling is reckoned from the page size", about.id);
        for (word, meant) in about.status.1 {
            let known = muster_core::status::Status::from_word(meant).map(muster_core::status::Status::as_str);
            assert_eq!(known, Some(*meant), "{}: {word}", about.id);
        }
        let mut keys = std::collections::BTreeSet::new();
        for key in about.provider.iter().chain(about.credentials) {
            assert!(keys.insert(key.name), "{}: the key {} stands twice", about.id, key.name);
            assert!(!key.help.is_empty(), "{}: {} has no help", about.id, key.name);
        }
        assert!(!keys.contains("base_url"), "{}: base_url is every connector's, in local mode only", about.id);
        for column in about.columns.iter().chain(about.ids).chain([&about.status.0]) {
            assert_eq!(muster_core::privacy::blocked_column(column), None, "{}: {column}", about.id);
        }
    }
}

#[test]
fn every_scope_that_a_connector_claims_is_recorded_and_no_other_is_offered() {
    let mut problems = Vec::new();
    for connector in CONNECTORS {
        let about = connector.about();
        let recorded: Vec<fixture::Recorded> = fixtures(*connector, "read-")
            .into_iter()
            .filter_map(|(_, text)| fixture::Recorded::parse(&text).ok())
            .collect();
        let has = |fits: fn(&Scope) -> bool| recorded.iter().any(|recorded| fits(&recorded.scope));
        let changes = about.incremental != Incremental::None;
        if !has(|scope| *scope == Scope::Full) {
            problems.push(format!("{}: no full listing is recorded", about.id));
        }
        if has(|scope| matches!(scope, Scope::Since(_))) != changes {
            problems.push(format!("{}: readings since a mark, against what About says", about.id));
        }
        if !has(|scope| matches!(scope, Scope::Person(_))) && about.webhooks.is_some() {
            problems.push(format!("{}: webhooks come, and no person's reading is recorded", about.id));
        }
        let since = Scope::Since("2026-11-01T00:00:00Z".to_owned());
        let offers = |recorded: &fixture::Recorded| connector.first(&recorded.target(*connector), &since).is_some();
        if !changes && recorded.iter().any(offers) {
            problems.push(format!("{}: a reading since a mark is offered, against what About says", about.id));
        }
        if about.resync != recorded.iter().any(|one| connector.resync_request(&one.target(*connector)).is_some()) {
            problems.push(format!("{}: a refresh on demand, against what About says", about.id));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_recorded_reading_is_read_as_its_fixture_says() {
    every("read-", |connector, text| read::check(connector, text));
}

#[test]
fn every_recorded_webhook_tells_what_its_fixture_says() {
    every("event-", |connector, text| events::check(connector, text));
}

#[test]
fn every_recorded_link_is_made_as_its_fixture_says() {
    every("link-", link::check);
}

#[test]
fn a_link_is_never_made_of_half_an_answer() {
    every("link-", link::robust);
}

#[test]
fn every_link_is_recorded_from_start_to_finish_and_no_other_is_offered() {
    let mut problems = Vec::new();
    for connector in CONNECTORS {
        let about = connector.about();
        let recorded: Vec<link::Flow> = fixtures(*connector, "link-")
            .into_iter()
            .filter_map(|(_, text)| link::Recorded::parse(&text).ok())
            .map(|recorded| recorded.flow())
            .collect();
        let whole = [link::Flow::Start, link::Flow::Finish].iter().all(|flow| recorded.contains(flow));
        if whole != connector.link().is_some() {
            problems.push(format!("{}: link fixtures {recorded:?}, against what it offers", about.id));
        }
        if about.platform.iter().any(|key| key.needed) != connector.link().is_some() {
            problems.push(format!("{}: links are made with the product's keys, and only they are", about.id));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_cut_answer_is_a_failing_provider_and_never_a_shorter_listing() {
    every("read-", robust::cut);
}

#[test]
fn odd_values_in_an_answer_never_panic() {
    every("read-", robust::odd_values);
}

#[test]
fn an_answer_without_its_list_or_ids_is_not_the_end_of_a_whole_listing() {
    every("read-", robust::lost_people);
}

#[test]
fn webhooks_of_any_content_never_panic() {
    every("event-", events::robust);
}
