//! The floors of the workspace and its house rules.
//!
//! functions → aws → sync → connectors → core, never upward. What a rule reads (cargo's metadata, a dependency tree, a
//! file's text) comes in as an argument, so that each rule is also shown to see the fault that it is there for.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one package, or every package below a folder, may depend on.
struct Floor {
    /// The package's folder below the root; one that ends in `/` stands for every folder in it.
    folder: &'static str,
    /// Packages of the workspace that it may use; `None` for those that stand beside the house and may use all of it.
    below: Option<&'static [&'static str]>,
    /// How the names of crates begin that it may not use.
    banned: &'static [&'static str],
}

const FLOORS: &[Floor] = &[
    Floor {
        folder: "shared/core",
        below: Some(&[]),
        banned: &["aws-", "aws_lambda", "lambda", "tokio", "hyper", "axum", "reqwest"],
    },
    Floor {
        folder: "shared/connectors",
        below: Some(&["muster-core"]),
        banned: &["aws-", "aws_lambda", "lambda", "tokio", "hyper", "axum", "reqwest"],
    },
    Floor {
        folder: "shared/sync",
        below: Some(&["muster-core", "muster-connectors"]),
        banned: &["aws-", "aws_lambda", "lambda", "hyper", "axum", "reqwest"],
    },
    Floor {
        folder: "shared/aws",
        below: Some(&["muster-core", "muster-connectors", "muster-sync"]),
        banned: &["aws_lambda", "lambda", "axum"],
    },
    Floor {
        folder: "shared/api",
        below: Some(&["muster-core", "muster-connectors", "muster-sync"]),
        banned: &["aws-", "aws_lambda", "lambda", "tokio", "hyper", "axum", "reqwest"],
    },
    Floor {
        folder: "functions/",
        below: Some(&["muster-core", "muster-connectors", "muster-sync", "muster-aws", "muster-api"]),
        banned: &["aws-sdk-", "hyper", "axum"],
    },
    Floor {
        folder: "cli",
        below: Some(&["muster-core", "muster-connectors", "muster-sync"]),
        banned: &["aws-", "aws_lambda", "lambda", "hyper", "axum"],
    },
    // The fakes judge the connectors, so they may share nothing with them.
    Floor { folder: "infra/fakes", below: Some(&[]), banned: &["aws-", "aws_lambda", "lambda", "reqwest"] },
    Floor { folder: "infra/local", below: None, banned: &[] },
    Floor { folder: "tests", below: None, banned: &[] },
    Floor { folder: "tests/", below: None, banned: &["aws-", "aws_lambda", "lambda"] },
];

/// The operations of the SDKs that `shared/aws` may call, and the action that a role must allow for each.
const ACTIONS: &[(&str, &str)] = &[
    (".get_item()", "dynamodb:GetItem"),
    (".batch_get_item()", "dynamodb:BatchGetItem"),
    (".batch_write_item()", "dynamodb:BatchWriteItem"),
    (".put_item()", "dynamodb:PutItem"),
    ("Put::builder()", "dynamodb:PutItem"),
    (".update_item()", "dynamodb:UpdateItem"),
    ("Update::builder()", "dynamodb:UpdateItem"),
    (".delete_item()", "dynamodb:DeleteItem"),
    ("Delete::builder()", "dynamodb:DeleteItem"),
    ("ConditionCheck::builder()", "dynamodb:ConditionCheckItem"),
    (".query()", "dynamodb:Query"),
    (".scan()", "dynamodb:Scan"),
    (".get_object()", "s3:GetObject"),
    (".head_object()", "s3:GetObject"),
    (".put_object()", "s3:PutObject"),
    (".create_multipart_upload()", "s3:PutObject"),
    (".abort_multipart_upload()", "s3:AbortMultipartUpload"),
    (".copy_object()", "s3:PutObject"),
    (".delete_object()", "s3:DeleteObject"),
    (".list_objects_v2()", "s3:ListBucket"),
    (".list_object_versions()", "s3:ListBucketVersions"),
    (".send_message()", "sqs:SendMessage"),
    (".send_message_batch()", "sqs:SendMessage"),
    (".delete_message()", "sqs:DeleteMessage"),
    (".change_message_visibility()", "sqs:ChangeMessageVisibility"),
    (".put_events()", "events:PutEvents"),
    (".send_email()", "ses:SendEmail"),
    (".get_parameter()", "ssm:GetParameter"),
    (".put_parameter()", "ssm:PutParameter"),
];

// ---- the rules ---------------------------------------------------------------------------------------------------

/// One sentence for each dependency of a workspace package that leads upward or to a banned crate.
fn upward_edges(metadata: &Value, root: &Path) -> Vec<String> {
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let own: Vec<&str> = packages().map(|package| text(&package["name"])).collect();
    let mut faults = Vec::new();
    for package in packages() {
        let (name, folder) = (text(&package["name"]), folder_of(package, root));
        let Some(floor) = floor_of(&folder) else {
            faults.push(format!("{name} stands on no floor: {folder} is not in FLOORS"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        for dependency in dependencies.filter(|dependency| dependency["kind"] != "dev") {
            let used = text(&dependency["name"]);
            if own.contains(&used) && floor.below.is_some_and(|below| !below.contains(&used)) {
                faults.push(format!("{name} must not depend on {used}, which is not below it"));
            }
            if let Some(word) = banned(floor, used) {
                faults.push(format!("{name} must not depend on {used}: no {word}* on this floor"));
            }
        }
    }
    faults
}

/// One sentence for each crate that a package pulls in, however indirectly, though its floor bans it.
/// `tree` is cargo's dependency tree of the package, one `name v1.2.3` a line.
fn crates_pulled_in(package: &str, folder: &str, tree: &str) -> Vec<String> {
    let floor = floor_of(folder).expect("the folder has a floor");
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let mut faults: Vec<String> =
        names.filter(|name| banned(floor, name).is_some()).map(|name| format!("{package} pulls in {name}")).collect();
    faults.dedup();
    faults
}

/// One sentence for each way in which a function's folder, package, binary and template resource go by different names.
fn misnamed_functions(folders: &[String], metadata: &Value, root: &Path, template: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let built: Vec<&str> = template.lines().filter_map(|line| line.trim().strip_prefix("Binary: ")).collect();
    for folder in folders {
        let package = metadata["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|package| folder_of(package, root) == format!("functions/{folder}"));
        if package.is_none_or(|package| package["name"] != **folder) {
            faults.push(format!("functions/{folder} must hold the package {folder}"));
        }
        let binaries: Vec<&str> = package.map(binaries).unwrap_or_default();
        if binaries != [folder.as_str()] {
            faults.push(format!("functions/{folder} must build the one binary {folder}, not {binaries:?}"));
        }
        if built.iter().filter(|binary| **binary == folder).count() != 1 {
            faults.push(format!("template.yaml must have one resource with `Binary: {folder}`"));
        }
    }
    for binary in built.iter().filter(|binary| !folders.iter().any(|folder| folder == **binary)) {
        faults.push(format!("template.yaml builds {binary}, for which functions/ has no folder"));
    }
    faults
}

/// One sentence for each operation that the code calls and no role in the template allows.
fn operations_not_allowed(code: &str, template: &str) -> Vec<String> {
    let code: String = code.split_whitespace().collect();
    let called = ACTIONS.iter().filter(|(call, _)| code.contains(call));
    called
        .filter(|(_, action)| !template.split([' ', ',', '[', ']', '\n']).any(|word| word == *action))
        .map(|(call, action)| format!("shared/aws calls {call}, but template.yaml allows no function {action}"))
        .collect()
}

/// One sentence for each function whose lines the log would take for another crate's and drop.
fn functions_that_cannot_be_heard(folders: &[String], log: &str) -> Vec<String> {
    let heard = |folder: &&String| log.contains(&format!("\"{}\"", folder.replace('-', "_")));
    let deaf = folders.iter().filter(|folder| !heard(folder));
    deaf.map(|folder| format!("shared/aws/src/log.rs must name {folder} among its own")).collect()
}

/// Lines of a source file without its unit tests, which close the file by custom.
fn lines_without_tests(source: &str) -> usize {
    source.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count()
}

/// A sentence when a file is longer than its limit.
fn too_long(place: &str, lines: usize, limit: usize) -> Option<String> {
    (lines > limit).then(|| format!("{place} has {lines} lines; the limit is {limit}"))
}

/// A sentence when a package's manifest does not take over the workspace's lints, and with them the ban on `unsafe`.
fn without_our_lints(place: &str, manifest: &str) -> Option<String> {
    (!manifest.contains("[lints]\nworkspace = true")).then(|| format!("{place} must say `[lints] workspace = true`"))
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn floor_of(folder: &str) -> Option<&'static Floor> {
    FLOORS
        .iter()
        .find(|floor| folder == floor.folder || floor.folder.ends_with('/') && folder.starts_with(floor.folder))
}

fn banned(floor: &Floor, name: &str) -> Option<&'static str> {
    floor.banned.iter().find(|word| name.starts_with(**word)).copied()
}

/// A package's folder relative to the root, with `/` between its parts.
fn folder_of(package: &Value, root: &Path) -> String {
    let manifest = Path::new(text(&package["manifest_path"]));
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap_or(manifest);
    folder.to_string_lossy().replace('\\', "/")
}

fn binaries(package: &Value) -> Vec<&str> {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets.filter(|target| target["kind"] == json!(["bin"])).map(|target| text(&target["name"])).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

fn read(place: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&place)).unwrap_or_else(|error| panic!("{}: {error}", place.as_ref().display()))
}

/// What cargo prints for these arguments.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn metadata() -> Value {
    serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps", "--locked"]))
        .expect("cargo prints JSON")
}

/// Every Rust file below these folders, relative to the root; folders named `tests` and `target` are left out.
fn sources(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    while let Some(folder) = open.pop() {
        let entries =
            fs::read_dir(root().join(&folder)).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries.map(|entry| entry.expect("a folder can be listed")) {
            let place = folder.join(entry.file_name());
            if entry.path().is_dir() && !["tests", "target"].iter().any(|name| place.ends_with(name)) {
                open.push(place);
            } else if place.extension().is_some_and(|extension| extension == "rs") && !place.ends_with("tests.rs") {
                found.push(place);
            }
        }
    }
    found.sort();
    found
}

/// The names of the folders in `functions/`.
fn functions() -> Vec<String> {
    let entries = fs::read_dir(root().join("functions")).expect("functions/ can be listed");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("a folder can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn check(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[track_caller]
fn check_seen(faults: Vec<String>, expected: &str) {
    assert!(faults.iter().any(|fault| fault.contains(expected)), "not seen: {expected}; said: {faults:?}");
}

// ---- the workspace as it is ----------------------------------------------------------------------------------------

#[test]
fn no_package_depends_on_what_is_above_it() {
    check(upward_edges(&metadata(), &root()));
}

#[test]
fn core_and_connectors_pull_in_no_io_however_indirectly() {
    for (package, folder) in [("muster-core", "shared/core"), ("muster-connectors", "shared/connectors")] {
        let tree = cargo(&["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--locked"]);
        assert!(tree.starts_with(package), "not a tree of {package}: {tree}");
        check(crates_pulled_in(package, folder, &tree));
    }
}

#[test]
fn a_function_has_one_name_for_folder_package_binary_and_resource() {
    assert!(!functions().is_empty());
    check(misnamed_functions(&functions(), &metadata(), &root(), &read("template.yaml")));
}

#[test]
fn every_functions_lines_are_written() {
    check(functions_that_cannot_be_heard(&functions(), &read("shared/aws/src/log.rs")));
}

#[test]
fn every_operation_of_the_ports_is_allowed_in_the_template() {
    let code: String = sources(&["shared/aws/src"]).iter().map(read).collect();
    check(operations_not_allowed(&code, &read("template.yaml")));
}

#[test]
fn a_function_is_an_adapter_of_one_screen() {
    for function in functions() {
        let source = format!("functions/{function}/src");
        let lines = sources(&[&source]).iter().map(|file| lines_without_tests(&read(file))).sum();
        check(too_long(&source, lines, 120).into_iter().collect());
        let main = format!("{source}/main.rs");
        check(too_long(&main, read(&main).lines().count(), 10).into_iter().collect());
    }
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let files = sources(&["shared", "functions", "cli", "infra"]);
    let long = |file: &PathBuf| too_long(&file.display().to_string(), lines_without_tests(&read(file)), 600);
    check(files.iter().filter_map(long).collect());
}

#[test]
fn unsafe_code_is_forbidden_in_every_package() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""), "Cargo.toml must forbid unsafe code");
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let manifests = packages.iter().map(|package| format!("{}/Cargo.toml", folder_of(package, &root())));
    check(manifests.filter_map(|place| without_our_lints(&place, &read(&place))).collect());
}

#[test]
fn the_map_of_the_code_stays_short() {
    check(too_long("ARCHITECTURE.md", read("ARCHITECTURE.md").lines().count(), 150).into_iter().collect());
}

// ---- the rules see their faults --------------------------------------------------------------------------------------

/// Metadata of one package in `/w/<folder>` with one dependency of a kind, beside a `muster-sync` without any.
fn planted(name: &str, folder: &str, dependency: &str, kind: Value) -> Value {
    json!({"packages": [
        {"name": name, "manifest_path": format!("/w/{folder}/Cargo.toml"), "dependencies": [{"name": dependency, "kind": kind}]},
        {"name": "muster-sync", "manifest_path": "/w/shared/sync/Cargo.toml", "dependencies": []},
    ]})
}

#[test]
fn an_edge_that_leads_upward_is_seen() {
    let edges =
        |name, folder, dependency| upward_edges(&planted(name, folder, dependency, Value::Null), Path::new("/w"));
    check_seen(edges("muster-core", "shared/core", "muster-sync"), "muster-core must not depend on muster-sync");
    check_seen(edges("muster-core", "shared/core", "tokio"), "muster-core must not depend on tokio");
    check_seen(edges("muster-connectors", "shared/connectors", "aws-sdk-s3"), "must not depend on aws-sdk-s3");
    check_seen(edges("muster-sync", "shared/sync", "lambda_runtime"), "must not depend on lambda_runtime");
    check_seen(edges("muster-aws", "shared/aws", "aws_lambda_events"), "must not depend on aws_lambda_events");
    check_seen(edges("apply", "functions/apply", "aws-sdk-sqs"), "apply must not depend on aws-sdk-sqs");
    check_seen(edges("muster-fakes", "infra/fakes", "muster-sync"), "muster-fakes must not depend on muster-sync");
    check_seen(edges("muster-new", "shared/new", "csv"), "muster-new stands on no floor");
    check(edges("muster-aws", "shared/aws", "muster-sync"));
    check(edges("muster-local", "infra/local", "muster-sync"));
}

#[test]
fn an_edge_of_a_build_script_counts_and_one_of_tests_does_not() {
    let edges = |kind| upward_edges(&planted("muster-core", "shared/core", "tokio", json!(kind)), Path::new("/w"));
    check_seen(edges("build"), "muster-core must not depend on tokio");
    check(edges("dev"));
}

#[test]
fn a_crate_pulled_in_by_another_is_seen() {
    let pulled = |tree| crates_pulled_in("muster-core", "shared/core", tree);
    check_seen(
        pulled("muster-core v0.0.0 (/w/shared/core)\ncsv v1.4.0\ntokio v1.48.0 (*)"),
        "muster-core pulls in tokio",
    );
    check_seen(pulled("muster-core v0.0.0\nhyper-util v0.1.19"), "muster-core pulls in hyper-util");
    check(pulled("muster-core v0.0.0\ncsv v1.4.0"));
}

#[test]
fn a_function_with_two_names_is_seen() {
    let package = |name, binary| {
        json!({"packages": [{"name": name, "manifest_path": "/w/functions/apply/Cargo.toml",
            "targets": [{"kind": ["lib"], "name": "apply"}, {"kind": ["bin"], "name": binary}]}]})
    };
    let named = |name, binary, template| {
        misnamed_functions(&["apply".into()], &package(name, binary), Path::new("/w"), template)
    };
    check(named("apply", "apply", "  Binary: apply"));
    check_seen(named("applier", "apply", "  Binary: apply"), "must hold the package apply");
    check_seen(named("apply", "run", "  Binary: apply"), "must build the one binary apply");
    check_seen(named("apply", "apply", ""), "must have one resource");
    check_seen(named("apply", "apply", "Binary: apply\nBinary: poll"), "template.yaml builds poll");
}

#[test]
fn a_function_whose_lines_would_be_dropped_is_seen() {
    let folders = ["file-import".to_owned(), "apply".to_owned()];
    check_seen(functions_that_cannot_be_heard(&folders, r#"["muster", "apply"]"#), "must name file-import");
    check(functions_that_cannot_be_heard(&folders, r#"["file_import", "apply"]"#));
}

#[test]
fn an_operation_that_no_role_allows_is_seen() {
    let template = "Action: [dynamodb:GetItem, dynamodb:BatchGetItem]";
    check(operations_not_allowed("client.get_item().send()", template));
    check_seen(operations_not_allowed("client\n    .delete_item()\n    .send()", template), "dynamodb:DeleteItem");
    check_seen(operations_not_allowed("client.query()", template), "dynamodb:Query");
}

#[test]
fn a_long_file_and_a_package_without_lints_are_seen() {
    assert_eq!(too_long("a.rs", 600, 600), None);
    assert!(too_long("a.rs", 601, 600).is_some());
    assert_eq!(lines_without_tests("fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n"), 1);
    assert!(without_our_lints("a/Cargo.toml", "[package]\n\n[lints]\nworkspace = false").is_some());
}
