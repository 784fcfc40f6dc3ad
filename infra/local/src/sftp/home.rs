//! Paths of a login and the keys behind them; nothing here leaves the home.

/// The two folders of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// Uploads: read, write, rename, delete.
    Inbound,
    /// Error files: read and delete.
    Errors,
}

impl Folder {
    pub(super) const ALL: [Self; 2] = [Self::Inbound, Self::Errors];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Errors => "errors",
        }
    }
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

/// Finds out what a path names.
pub(super) fn place(path: &str) -> Place {
    let clean = clean(path);
    let (first, rest) = clean[1..].split_once('/').unwrap_or((&clean[1..], ""));
    if first.is_empty() {
        return Place::Root;
    }
    match Folder::ALL.into_iter().find(|f| f.name() == first) {
        None => Place::Nowhere,
        Some(folder) if rest.is_empty() => Place::Folder(folder),
        Some(_) if rest.chars().any(char::is_control) => Place::Nowhere,
        Some(folder) => Place::Entry(folder, rest.to_owned()),
    }
}

/// The key of an entry of `user`; none when S3 would refuse it.
pub(super) fn key(user: &str, folder: Folder, name: &str) -> Option<String> {
    let key = format!("{}{name}", prefix(user, folder));
    (key.len() <= MAX_KEY).then_some(key)
}

/// What the keys of a folder begin with.
pub(super) fn prefix(user: &str, folder: Folder) -> String {
    format!("sftp/{user}/{}/", folder.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_home() {
        let entry = |name: &str| Place::Entry(Folder::Inbound, name.into());
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
        assert_eq!(key("u", Folder::Errors, "e.csv").as_deref(), Some("sftp/u/errors/e.csv"));
        assert_eq!(key("u", Folder::Inbound, &"x".repeat(1_100)), None);
    }
}
