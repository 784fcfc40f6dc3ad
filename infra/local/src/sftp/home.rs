//! Paths of a login and the keys behind them; nothing here leaves the home.

use serde::Deserialize;

use super::policy::{Act, Policy};

/// What a session sees of the bucket: mapped folders, and what its policy lets it do there.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) user: String,
    bucket: String,
    folders: Vec<Folder>,
    policy: Policy,
}

/// A mapped folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// What the client calls it.
    pub(super) name: String,
    /// What the keys of its files begin with.
    pub(super) prefix: String,
}

/// What a path of the client names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The home itself.
    Root,
    /// A folder of the home.
    Folder(Folder),
    /// Something in a folder; the name may hold `/`.
    Entry(Folder, String),
    /// Nothing that can exist.
    Nowhere,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireMapping {
    entry: String,
    target: String,
}

/// S3 takes no longer keys, in bytes.
const MAX_KEY: usize = 1024;

/// `path` as the server understands it, from the root of the home; `..` stops at the root.
pub(super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Home {
    /// Reads the mappings, JSON as Transfer takes it: `[{"Entry": "/inbound", "Target": "/bucket/sftp/acme/inbound"}]`.
    /// Entries with more than one part, which Transfer knows too, are not known here.
    pub(super) fn read(mappings: &str, user: &str, bucket: &str, policy: Policy) -> Result<Self, String> {
        let mappings: Vec<WireMapping> = serde_json::from_str(mappings).map_err(|e| e.to_string())?;
        let folder = |mapping: WireMapping| {
            let name = mapping.entry.strip_prefix('/').filter(|name| !name.is_empty() && !name.contains('/'))?;
            let prefix = mapping.target.strip_prefix('/')?.strip_prefix(bucket)?.strip_prefix('/')?;
            Some(Folder { name: name.to_owned(), prefix: format!("{prefix}/") })
        };
        let folders: Option<Vec<Folder>> = mappings.into_iter().map(folder).collect();
        let folders = folders.filter(|folders| !folders.is_empty()).ok_or("they name no folders of the bucket")?;
        Ok(Self { user: user.to_owned(), bucket: bucket.to_owned(), folders, policy })
    }

    /// The folders of the root.
    pub(super) fn folders(&self) -> &[Folder] {
        &self.folders
    }

    /// Finds out what a path names.
    pub(super) fn place(&self, path: &str) -> Place {
        let clean = clean(path);
        let (first, rest) = clean[1..].split_once('/').unwrap_or((&clean[1..], ""));
        if first.is_empty() {
            return Place::Root;
        }
        match self.folders.iter().find(|folder| folder.name == first).cloned() {
            None => Place::Nowhere,
            Some(folder) if rest.is_empty() => Place::Folder(folder),
            Some(_) if rest.chars().any(char::is_control) => Place::Nowhere,
            Some(folder) => Place::Entry(folder, rest.to_owned()),
        }
    }

    /// Whether the session may do that with the object of this key.
    pub(super) fn may(&self, act: Act, key: &str) -> bool {
        self.policy.allows(act, &self.bucket, key)
    }

    /// Whether the session may list the keys that begin so.
    pub(super) fn lists(&self, prefix: &str) -> bool {
        self.policy.lists(&self.bucket, prefix)
    }
}

impl Folder {
    /// The key of an entry; none when S3 would refuse it.
    pub(super) fn key(&self, name: &str) -> Option<String> {
        let key = format!("{}{name}", self.prefix);
        (key.len() <= MAX_KEY).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Home {
        let mappings = r#"[{"Entry": "/inbound", "Target": "/b/sftp/u/inbound"}, {"Entry": "/errors", "Target": "/b/sftp/u/errors"}]"#;
        Home::read(mappings, "u", "b", Policy::read(r#"{"Statement": []}"#).unwrap()).unwrap()
    }

    #[test]
    fn no_path_leaves_the_home() {
        let inbound = Folder { name: "inbound".into(), prefix: "sftp/u/inbound/".into() };
        let place = |path: &str| home().place(path);
        let entry = |name: &str| Place::Entry(inbound.clone(), name.into());
        assert_eq!(place("inbound/../../../inbound/a.csv"), entry("a.csv"));
        assert_eq!(place("/inbound/../../other/inbound/a.csv"), Place::Nowhere);
        assert_eq!(place("../.."), Place::Root);
        assert_eq!(place("inbound/.."), Place::Root);
        assert_eq!(place("etc/passwd"), Place::Nowhere);
        assert_eq!(place("inbound/..\\x"), entry("..\\x"));
        assert_eq!(place("inbound/a\nb"), Place::Nowhere);
    }

    #[test]
    fn a_key_stays_below_the_home() {
        let [inbound, errors] = home().folders().to_vec().try_into().unwrap();
        assert_eq!(errors.key("e.csv").as_deref(), Some("sftp/u/errors/e.csv"));
        assert_eq!(inbound.key(&"x".repeat(1_100)), None);
    }

    #[test]
    fn a_session_may_do_nothing_that_its_policy_does_not_allow() {
        assert!(!home().may(Act::Get, "sftp/u/inbound/a.csv") && !home().lists("sftp/u/inbound/"));
    }
}
