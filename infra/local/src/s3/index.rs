//! Which versions of which objects exist; pure state, no bytes and no files.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use serde::{Deserialize, Serialize};

/// One version of an object, or the mark that it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// The bucket's name.
    pub bucket: String,
    /// The key, not encoded.
    pub key: String,
    /// Names this version for ever.
    pub version_id: String,
    /// Last modified, milliseconds since 1970.
    pub at_ms: u64,
    /// Size in bytes.
    pub size: u64,
    /// Without the quotes.
    pub etag: String,
    /// As it was given.
    pub content_type: Option<String>,
    /// As it was given.
    #[serde(default)]
    pub content_encoding: Option<String>,
    /// User metadata, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// Whether this version says that the object is deleted.
    pub delete_marker: bool,
    /// Grows with every change of the bucket.
    pub sequencer: u64,
}

impl ObjectVersion {
    /// The sequencer as S3 writes it: at least 16 upper-case hex digits.
    #[must_use]
    pub fn sequencer_text(&self) -> String {
        format!("{:016X}", self.sequencer)
    }
}

/// What must hold of the current version for a write to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Anything.
    #[default]
    None,
    /// There is no object (`If-None-Match: *`).
    Absent,
    /// There is one with this `ETag` (`If-Match`), or any one for `*`.
    Matches(String),
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// `If-Match`, and there is no object.
    Missing,
    /// The precondition does not hold.
    Failed,
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<ObjectVersion>,
    pub(super) prefixes: Vec<String>,
    /// The next page begins after this.
    pub(super) next_after: Option<String>,
}

/// What to list.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: &'a str,
    pub(super) after: &'a str,
    pub(super) max: usize,
}

#[derive(Default)]
pub(super) struct Index {
    buckets: BTreeMap<String, BTreeMap<String, Vec<ObjectVersion>>>,
    last_sequencer: u64,
}

impl Index {
    pub(super) fn add_bucket(&mut self, bucket: &str) {
        self.buckets.entry(bucket.to_owned()).or_default();
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = &String> {
        self.buckets.keys()
    }

    pub(super) fn has_bucket(&self, bucket: &str) -> bool {
        self.buckets.contains_key(bucket)
    }

    /// A sequencer above every earlier one; its high part is the time.
    pub(super) fn next_sequencer(&mut self, now_ms: u64) -> u64 {
        self.last_sequencer = (self.last_sequencer + 1).max(now_ms << 20);
        self.last_sequencer
    }

    pub(super) fn add(&mut self, version: ObjectVersion) {
        self.last_sequencer = self.last_sequencer.max(version.sequencer);
        self.buckets.entry(version.bucket.clone()).or_default().entry(version.key.clone()).or_default().push(version);
    }

    pub(super) fn remove(&mut self, bucket: &str, key: &str, version_id: &str) -> Option<ObjectVersion> {
        let keys = self.buckets.get_mut(bucket)?;
        let versions = keys.get_mut(key)?;
        let index = versions.iter().position(|v| v.version_id == version_id)?;
        let removed = versions.remove(index);
        if versions.is_empty() {
            keys.remove(key);
        }
        Some(removed)
    }

    /// The newest version, unless the object is deleted.
    pub(super) fn current(&self, bucket: &str, key: &str) -> Option<&ObjectVersion> {
        self.buckets.get(bucket)?.get(key)?.last().filter(|v| !v.delete_marker)
    }

    pub(super) fn version(&self, bucket: &str, key: &str, version_id: &str) -> Option<&ObjectVersion> {
        self.buckets.get(bucket)?.get(key)?.iter().find(|v| v.version_id == version_id)
    }

    pub(super) fn check(&self, bucket: &str, key: &str, precondition: &Precondition) -> Result<(), Refused> {
        match (precondition, self.current(bucket, key)) {
            (Precondition::None, _) | (Precondition::Absent, None) => Ok(()),
            (Precondition::Absent, Some(_)) => Err(Refused::Failed),
            (Precondition::Matches(_), None) => Err(Refused::Missing),
            (Precondition::Matches(etag), Some(v)) if etag == "*" || *etag == v.etag => Ok(()),
            (Precondition::Matches(_), Some(_)) => Err(Refused::Failed),
        }
    }

    /// Every version in every bucket.
    pub(super) fn all(&self) -> impl Iterator<Item = &ObjectVersion> {
        self.buckets.values().flat_map(|keys| keys.values().flatten())
    }

    /// Current objects by key, at most `max` objects and common prefixes together.
    pub(super) fn list(&self, bucket: &str, query: &Query<'_>) -> Page {
        let mut page = Page::default();
        let mut prefixes = BTreeSet::new();
        let Some(keys) = self.buckets.get(bucket) else { return page };
        let mut last = None;
        for (key, versions) in keys.range::<str, _>((Bound::Included(query.prefix), Bound::Unbounded)) {
            if !key.starts_with(query.prefix) {
                break;
            }
            let Some(current) = versions.last().filter(|v| !v.delete_marker) else { continue };
            let common = common_prefix(key, query);
            let name = common.unwrap_or(key);
            // After a common prefix everything below it is done too.
            let done = name <= query.after || (common.is_some() && prefixes.contains(name));
            if done {
                continue;
            }
            if page.objects.len() + prefixes.len() >= query.max {
                page.next_after = last;
                break;
            }
            last = Some(name.to_owned());
            match common {
                Some(prefix) => drop(prefixes.insert(prefix.to_owned())),
                None => page.objects.push(current.clone()),
            }
        }
        page.prefixes = prefixes.into_iter().collect();
        page
    }

    /// Every version whose key begins with `prefix`, newest first within a key.
    pub(super) fn versions(&self, bucket: &str, prefix: &str) -> Vec<(ObjectVersion, bool)> {
        let Some(keys) = self.buckets.get(bucket) else { return Vec::new() };
        let range = keys
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(k, _)| k.starts_with(prefix));
        range.flat_map(|(_, versions)| versions.iter().rev().enumerate().map(|(i, v)| (v.clone(), i == 0))).collect()
    }
}

fn common_prefix<'a>(key: &'a str, query: &Query<'_>) -> Option<&'a str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = &key[query.prefix.len()..];
    let end = rest.find(query.delimiter)? + query.delimiter.len();
    Some(&key[..query.prefix.len() + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(key: &str, n: u64) -> ObjectVersion {
        ObjectVersion {
            bucket: "b".into(),
            key: key.into(),
            version_id: format!("v{n}"),
            at_ms: 0,
            size: 0,
            etag: format!("e{n}"),
            content_type: None,
            content_encoding: None,
            metadata: BTreeMap::new(),
            delete_marker: false,
            sequencer: n,
        }
    }

    fn index(keys: &[&str]) -> Index {
        let mut index = Index::default();
        for (n, key) in keys.iter().enumerate() {
            index.add(version(key, n as u64));
        }
        index
    }

    #[test]
    fn pages_together_hold_every_key_and_prefix_once() {
        let index = index(&["a", "b/1", "b/2", "c", "d/1", "e"]);
        for max in 1..7 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let page = index.list("b", &Query { delimiter: "/", after: &after, max, ..Query::default() });
                let mut names: Vec<String> = page.objects.into_iter().map(|o| o.key).chain(page.prefixes).collect();
                names.sort();
                seen.extend(names);
                match page.next_after {
                    Some(next) => after = next,
                    None => break,
                }
            }
            assert_eq!(seen, ["a", "b/", "c", "d/", "e"], "pages of {max}");
        }
    }

    #[test]
    fn a_sequencer_grows_even_when_the_clock_goes_back() {
        let mut index = Index::default();
        let first = index.next_sequencer(1_800_000_000_000);
        let second = index.next_sequencer(1_000);
        assert!(second > first);
        assert!(ObjectVersion { sequencer: second, ..version("k", 1) }.sequencer_text().len() >= 16);
    }
}
