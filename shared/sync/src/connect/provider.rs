//! Whether a connection file fits its connector.

use std::collections::BTreeMap;

use jiff::civil::Date;
use muster_connectors::{Connector, Key, Secret, Target, connector, effective};
use muster_core::mapping::Mapping;
use muster_core::settings::{Problem, Settings, SettingsError};

use super::{Given, Line, Terms};

/// The shortest secret that a signature is believed by, in bytes: a short one can be guessed.
const SHORTEST_SECRET: usize = 16;
/// Connectors of files: one has a login of the SFTP server, the other takes files by the API alone.
const SFTP: &str = "sftp";
const UPLOAD: &str = "upload";

/// Whether people come to connections of this connector in files.
pub(super) fn takes_files(connector: &str) -> bool {
    [SFTP, UPLOAD].contains(&connector)
}

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
pub(super) fn check(settings: &Settings, credentials: &Given, terms: Terms<'_>) -> Result<Line, SettingsError> {
    let mut problems = Vec::new();
    if takes_files(&settings.connector) {
        if !settings.provider.is_empty() {
            problems.push(problem("provider", "belongs to connectors with an API; leave it out"));
        }
        if !credentials.file.is_empty() {
            problems.push(problem("credentials", "belongs to connectors with an API; leave it out"));
        }
        SettingsError::unless_empty(problems)?;
        let sftp = settings.connector == SFTP;
        return Ok(Line { api: None, sftp, routes: Vec::new(), webhooks: false });
    }
    let Some(api) = connector(&settings.connector) else {
        return Err(SettingsError { problems: vec![unknown(&settings.connector)] });
    };
    keys("provider", api.about().provider, settings.provider.keys(), &mut problems);
    if settings.provider.contains_key("base_url") && !terms.base_urls {
        problems.push(problem("provider.base_url", "may be set on a developer's machine only; leave it out"));
    }
    keys("credentials", api.about().credentials, credentials.current().keys(), &mut problems);
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
    SettingsError::unless_empty(problems)?;
    Ok(line(api, settings))
}

/// Checks the secret that all connections of a connector share.
pub(super) fn check_shared(name: &str, webhook_secret: &str) -> Result<(), SettingsError> {
    let mut problems = Vec::new();
    problems.extend(connector(name).is_none().then(|| unknown(name)));
    problems.extend(short(&Secret::new(webhook_secret)));
    SettingsError::unless_empty(problems)
}

fn line(api: &'static dyn Connector, settings: &Settings) -> Line {
    let about = api.about();
    let routes = api.routes(&settings.provider).into_iter().map(|route| format!("{}#{route}", about.id)).collect();
    Line { api: Some(about.id), sftp: false, routes, webhooks: about.webhooks.is_some() }
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
