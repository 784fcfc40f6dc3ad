//! Whether a connection file fits its connector.

use std::collections::BTreeMap;

use jiff::civil::Date;
use muster_connectors::{About, Connector, Key, Secret, Target, connector, effective};
use muster_core::mapping::Mapping;
use muster_core::settings::{Problem, Settings, SettingsError};

use super::{Given, Line};

/// The shortest secret that a signature is believed by, in bytes: a short one can be guessed.
const SHORTEST_SECRET: usize = 16;
/// The longest value of `[provider]`, in bytes: it may become a part of a key.
const LONGEST_VALUE: usize = 1_000;
/// The most that credentials may be, in bytes: their store has 8 KB for those that hold and those before.
const MOST_SECRETS: usize = 3_900;
/// Connectors of files: one has a login of the SFTP server, the other takes files by the API alone.
const SFTP: &str = "sftp";
const UPLOAD: &str = "upload";

/// Whether people come to connections of this connector in files.
pub(super) fn takes_files(connector: &str) -> bool {
    [SFTP, UPLOAD].contains(&connector)
}
const WEBHOOK_SECRET: &str = "webhook_secret";

/// Puts each key where its connector has it: a secret that stands in `[provider]` belongs to the credentials, and is
/// stored with those only; what is none and stands in `[credentials]` belongs to `[provider]`.
pub(super) fn sort_keys(settings: &mut Settings, credentials: &mut BTreeMap<String, String>) {
    let Some(about) = connector(&settings.connector).map(Connector::about) else { return };
    let has = |keys: &[Key], name: &str| keys.iter().any(|key| key.name == name);
    let (secret, plain) = (
        |name: &String| has(about.credentials, name) && !has(about.provider, name),
        |name: &String| has(about.provider, name) && !has(about.credentials, name),
    );
    let secrets: Vec<String> = settings.provider.keys().filter(|name| secret(name)).cloned().collect();
    let plains: Vec<String> = credentials.keys().filter(|name| plain(name)).cloned().collect();
    for name in secrets {
        if let Some(value) = settings.provider.remove(&name) {
            credentials.entry(name).or_insert(value);
        }
    }
    for name in plains {
        if let Some(value) = credentials.remove(&name) {
            settings.provider.entry(name).or_insert(value);
        }
    }
}

/// Checks settings and credentials against the connector, everything at once.
pub(super) fn check(settings: &Settings, credentials: &Given, base_urls: bool) -> Result<Line, SettingsError> {
    let problems = problems(settings, credentials, base_urls)?;
    SettingsError::unless_empty(problems)?;
    Ok(line(settings, true))
}

/// The same, but for what linking brings: keys that are not there yet are no problem. Says whether any is missing.
pub(super) fn check_unlinked(settings: &Settings, given: &Given, base_urls: bool) -> Result<Line, SettingsError> {
    let problems = problems(settings, given, base_urls)?;
    let linked = problems.is_empty();
    let there = |path: &str| {
        let key = path.rsplit('.').next().unwrap_or_default();
        let is_key = path.starts_with("provider.") || path.starts_with("credentials.") || !path.contains('.');
        !is_key || settings.provider.contains_key(key) || given.current().contains_key(key)
    };
    let known = |path: &str| {
        let about = connector(&settings.connector).map(Connector::about);
        let mut keys = about.into_iter().flat_map(|about| about.provider.iter().chain(about.credentials));
        keys.any(|key| Some(key.name) == path.rsplit('.').next())
    };
    let left = problems.into_iter().filter(|problem| there(&problem.path) || !known(&problem.path));
    SettingsError::unless_empty(left.collect())?;
    Ok(line(settings, linked))
}

fn problems(settings: &Settings, credentials: &Given, base_urls: bool) -> Result<Vec<Problem>, SettingsError> {
    let mut problems = Vec::new();
    if takes_files(&settings.connector) {
        if !settings.provider.is_empty() {
            problems.push(problem("provider", "belongs to connectors with an API; leave it out"));
        }
        if !credentials.file.is_empty() {
            problems.push(problem("credentials", "belongs to connectors with an API; leave it out"));
        }
        return Ok(problems);
    }
    let Some(api) = connector(&settings.connector) else {
        return Err(SettingsError { problems: vec![unknown(&settings.connector)] });
    };
    keys("provider", api.about().provider, settings.provider.keys(), &mut problems);
    if settings.provider.contains_key("base_url") && !base_urls {
        problems.push(problem("provider.base_url", "may be set on a developer's machine only; leave it out"));
    }
    keys("credentials", api.about().credentials, credentials.current().keys(), &mut problems);
    problems.extend(sizes(settings, credentials));
    problems.extend(credentials.current().get("webhook_secret").and_then(short));
    match effective(settings, api.about()) {
        Ok(settings) => problems.extend(Mapping::compile(&settings).err().into_iter().flat_map(|e| e.problems)),
        Err(e) => problems.push(problem(&e.key, &e.problem)),
    }
    let target = Target {
        provider: &settings.provider,
        credentials: credentials.current(),
        token: None,
        columns: &[],
        today: Date::constant(2000, 1, 1),
    };
    problems.extend(api.problems(&target).iter().map(|(key, said)| problem(key, said)));
    Ok(problems)
}

/// What has no room where it is stored.
fn sizes(settings: &Settings, credentials: &Given) -> Vec<Problem> {
    let long = settings.provider.iter().filter(|(_, value)| value.len() > LONGEST_VALUE);
    let long =
        long.map(|(key, _)| problem(&format!("provider.{key}"), &format!("is longer than {LONGEST_VALUE} bytes")));
    let secrets: BTreeMap<&str, &str> =
        credentials.file.iter().map(|(key, value)| (key.as_str(), value.reveal())).collect();
    let size = serde_json::to_string(&secrets).map_or(usize::MAX, |text| text.len());
    let message = format!("are longer than {MOST_SECRETS} bytes together");
    long.chain((size > MOST_SECRETS).then(|| problem("credentials", &message))).collect()
}

/// The names by which webhooks call a connection of these settings.
pub(super) fn routes_of(settings: &Settings) -> Vec<String> {
    line(settings, true).routes
}

/// Checks the keys that all connections of a connector share.
pub(super) fn check_shared(name: &str, given: &BTreeMap<String, String>) -> Result<(), SettingsError> {
    let Some(api) = connector(name) else { return Err(SettingsError { problems: vec![unknown(name)] }) };
    let mut problems = Vec::new();
    let known = shared_keys(api.about());
    for (key, value) in given {
        if !known.contains(&key.as_str()) {
            problems.push(problem(key, &format!("unknown key; allowed are {}", known.join(", "))));
        } else if key == WEBHOOK_SECRET {
            problems.extend(short(&Secret::new(value.as_str())));
        } else if value.trim().is_empty() {
            problems.push(problem(key, "is empty; leave it out to keep what is set"));
        }
    }
    SettingsError::unless_empty(problems)
}

/// The keys that all connections of a connector may share.
pub(super) fn shared_keys(about: &About) -> Vec<&'static str> {
    let webhooks = about.credentials.iter().filter(|key| key.name == WEBHOOK_SECRET);
    about.platform.iter().chain(webhooks).map(|key| key.name).collect()
}

fn line(settings: &Settings, linked: bool) -> Line {
    let Some(api) = connector(&settings.connector) else {
        let sftp = settings.connector == SFTP;
        return Line { api: None, sftp, routes: Vec::new(), webhooks: false, linked: true };
    };
    let about = api.about();
    let routes = api.routes(&settings.provider).into_iter().map(|route| format!("{}#{route}", about.id)).collect();
    Line { api: Some(about.id), sftp: false, routes, webhooks: about.webhooks.is_some(), linked }
}

fn keys<'k>(table: &str, known: &[Key], given: impl Iterator<Item = &'k String>, problems: &mut Vec<Problem>) {
    let given: Vec<&str> = given.map(String::as_str).collect();
    let listed = || known.iter().map(|key| key.name).collect::<Vec<_>>().join(", ");
    for key in known.iter().filter(|key| key.needed && !given.contains(&key.name)) {
        problems.push(problem(&format!("{table}.{}", key.name), &format!("is missing: {}", key.help)));
    }
    let own = |key: &str| known.iter().any(|known| known.name == key) || (table == "provider" && key == "base_url");
    for key in given.iter().filter(|key| !own(key)) {
        problems.push(problem(&format!("{table}.{key}"), &format!("unknown key; allowed are {}", listed())));
    }
}

fn short(secret: &Secret) -> Option<Problem> {
    let message = format!("is shorter than {SHORTEST_SECRET} characters; take the one that the provider shows");
    (secret.reveal().trim().len() < SHORTEST_SECRET).then(|| problem("credentials.webhook_secret", &message))
}

fn unknown(name: &str) -> Problem {
    let mut known: Vec<&str> = muster_connectors::CONNECTORS.iter().map(|connector| connector.about().id).collect();
    known.extend([SFTP, UPLOAD]);
    known.sort_unstable();
    problem("connector", &format!("{name:?} is unknown; allowed are {}", known.join(", ")))
}

fn problem(path: &str, message: &str) -> Problem {
    Problem { path: path.to_owned(), line: None, message: message.to_owned() }
}
