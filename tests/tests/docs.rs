//! What the documents say and a machine can see: links lead somewhere, names of the template and routes of the API are
//! those that there are, limits are the code's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

fn read(place: &str) -> String {
    std::fs::read_to_string(root().join(place)).unwrap_or_else(|error| panic!("{place}: {error}"))
}

/// Every Markdown file of the repository.
fn documents() -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![root()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder can be listed").flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let hidden = name.starts_with('.') && name != ".github";
            if path.is_dir() && !hidden && !["target", "node_modules", "fixtures"].contains(&name.as_str()) {
                open.push(path);
            } else if name.ends_with(".md") {
                found.push(path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// A document's lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The names by which a document's headings can be linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|heading| heading.to_lowercase().chars().filter(|c| kept(*c)).collect::<String>().replace(' ', "-"))
        .collect()
}

/// One sentence for each link of a document that leads nowhere; `open` answers a file's text.
fn dead_links(place: &str, text: &str, open: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
    let targets = prose(text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    let mut faults = Vec::new();
    for target in targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
        let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let found = if file.is_empty() { Some(text.to_owned()) } else { open(&joined(folder, file)) };
        match (found, anchor) {
            (None, _) => faults.push(format!("{place}: {target} is not there")),
            (Some(there), Some(anchor)) if !anchors(&there).contains(anchor) => {
                faults.push(format!("{place}: {target} names no heading"));
            }
            _ => {}
        }
    }
    faults
}

fn joined(folder: &str, file: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn opened(file: &str) -> Option<String> {
    let place = root().join(file);
    if place.is_dir() {
        Some(String::new())
    } else {
        std::fs::read(place).ok().map(|b| String::from_utf8_lossy(&b).into_owned())
    }
}

/// The names in a section of the template, with their lines up to the next name.
fn named(template: &str, section: &str) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    let mut here = false;
    for line in template.lines() {
        if !line.starts_with([' ', '#']) && !line.is_empty() {
            here = line == format!("{section}:");
        } else if here {
            match line.strip_prefix("  ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())) {
                Some(name) => names.push((name.split(':').next().unwrap_or_default().to_owned(), String::new())),
                None => {
                    if let Some((_, body)) = names.last_mut() {
                        body.push_str(line.trim());
                        body.push('\n');
                    }
                }
            }
        }
    }
    names
}

/// Resources of a type.
fn resources(template: &str, kind: &str) -> Vec<String> {
    let of_kind = |body: &String| body.lines().any(|line| line == format!("Type: {kind}"));
    named(template, "Resources").into_iter().filter(|(_, body)| of_kind(body)).map(|(name, _)| name).collect()
}

/// Words in backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// One sentence for each name that a document does not have in backticks.
fn untold(document: &str, names: &[String]) -> Vec<String> {
    let told = quoted(document);
    names.iter().filter(|name| !told.contains(name.as_str())).map(|name| format!("{name} is not told of")).collect()
}

/// One sentence for each row of the limits whose code says something else.
fn other_limits(document: &str, open: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for row in prose(document).filter(|line| line.starts_with("| ") && line.contains("` in `")) {
        let cell = row.split('|').nth(3).unwrap_or_default();
        let parts: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        let [value, file] = parts[..] else { panic!("a limit's row says `VALUE` in `FILE`: {row}") };
        if !open(file).is_some_and(|code| code.contains(value)) {
            faults.push(format!("{file} does not say {value}"));
        }
    }
    faults
}

/// Routes that a document names, as `METHOD /path`.
fn routes(document: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        for rest in document.split(&format!("{method} /v1/")).skip(1) {
            let path = rest.split(['`', ' ', '?', '\n', '"']).next().unwrap_or_default();
            found.insert(format!("{method} /v1/{path}"));
        }
    }
    found
}

fn is_route(route: &str, document: &serde_json::Value) -> bool {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let same = |known: &str| {
        let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let (known, asked) = (parts(known), parts(path));
        known.len() == asked.len()
            && known.iter().zip(&asked).all(|(known, asked)| known == asked || known.starts_with('{'))
    };
    let paths = document["paths"].as_object().expect("the API has paths");
    paths.iter().any(|(known, methods)| same(known) && methods.get(method.to_lowercase()).is_some())
}

#[track_caller]
fn check(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() > 5, "{documents:?}");
    check(documents.iter().flat_map(|place| dead_links(place, &read(place), opened)).collect());
}

#[test]
fn operations_tell_of_every_parameter_alarm_and_queue_of_dead_letters() {
    let (template, document) = (read("template.yaml"), read("docs/operations.md"));
    let parameters: Vec<String> = named(&template, "Parameters").into_iter().map(|(name, _)| name).collect();
    let alarms =
        [resources(&template, "AWS::CloudWatch::Alarm"), resources(&template, "AWS::CloudWatch::CompositeAlarm")];
    let queues = resources(&template, "AWS::SQS::Queue").into_iter().filter(|name| name.contains("DeadLetters"));
    let names: Vec<String> = parameters.iter().cloned().chain(alarms.concat()).chain(queues).collect();
    assert!(parameters.len() > 20 && names.len() > 30, "{names:?}");
    check(untold(&document, &names));
}

#[test]
fn the_deployment_table_names_no_parameter_that_is_not_there() {
    let template = read("template.yaml");
    let parameters: BTreeSet<String> = named(&template, "Parameters").into_iter().map(|(name, _)| name).collect();
    let document = read("docs/operations.md");
    let table = document.split("| parameter | say |").nth(1).and_then(|rest| rest.split("\n\n").next());
    let rows = table.expect("the table of parameters").lines().filter_map(|row| row.split('|').nth(1));
    let told: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(told.len() > 20, "{told:?}");
    check(
        told.iter().filter(|name| !parameters.contains(**name)).map(|name| format!("{name} is no parameter")).collect(),
    );
}

#[test]
fn limits_are_those_of_the_code() {
    let document = read("docs/operations.md");
    assert!(document.matches("` in `").count() > 20);
    check(other_limits(&document, opened));
}

#[test]
fn routes_that_operations_name_are_served() {
    let served: serde_json::Value = serde_json::from_str(&read("docs/openapi.json")).expect("JSON");
    let routes = routes(&read("docs/operations.md"));
    assert!(routes.len() > 10, "{routes:?}");
    check(
        routes.iter().filter(|route| !is_route(route, &served)).map(|route| format!("{route} is not served")).collect(),
    );
}

// ---- the rules see their faults --------------------------------------------------------------------------------------

#[test]
fn a_dead_link_and_a_missing_heading_are_seen() {
    let open = |file: &str| (file == "docs/b.md").then(|| "# One two\n```\n# code\n```\n".to_owned());
    let dead = |text| dead_links("docs/a.md", text, open);
    check(dead("[x](b.md) [y](b.md#one-two) [z](https://example.com) [w](#here)\n# Here\n"));
    assert_eq!(dead("[x](c.md)"), ["docs/a.md: c.md is not there"]);
    assert_eq!(dead("[x](b.md#code)"), ["docs/a.md: b.md#code names no heading"]);
    assert_eq!(dead("[x](../docs/b.md#two)").len(), 1);
}

#[test]
fn names_of_the_template_are_told_apart_by_section_and_kind() {
    let template = "Parameters:\n  One:\n    Type: String\nResources:\n  # a note\n  Two:\n    Type: AWS::SQS::Queue\n  Three:\n    Type: AWS::X\n";
    assert_eq!(named(template, "Parameters")[0].0, "One");
    assert_eq!(resources(template, "AWS::SQS::Queue"), ["Two"]);
    assert_eq!(untold("`Two`", &["One".into(), "Two".into()]), ["One is not told of"]);
}

#[test]
fn a_limit_that_the_code_does_not_have_is_seen() {
    let open = |_: &str| Some("const MOST: usize = 5;".to_owned());
    check(other_limits("| a | 5 | `MOST: usize = 5` in `x.rs` |", open));
    assert_eq!(other_limits("| a | 6 | `MOST: usize = 6` in `x.rs` |", open), ["x.rs does not say MOST: usize = 6"]);
}

#[test]
fn a_route_that_is_not_served_is_seen() {
    let served = serde_json::json!({"paths": {"/v1/a/{b}": {"get": {}}}});
    assert!(is_route("GET /v1/a/{x}", &served) && is_route("GET /v1/a/7", &served));
    assert!(!is_route("POST /v1/a/7", &served) && !is_route("GET /v1/a", &served));
}
