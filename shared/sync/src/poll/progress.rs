//! How far fetching a listing is, and what shows that it will never end.

use muster_connectors::Step;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many of the last steps are remembered: a loop that is longer meets the ceiling.
const REMEMBERED: usize = 1_000;
/// How many pages in a row may bring nobody new.
const STALE_PAGES: u32 = 20;
/// How long fetching one listing may take, in milliseconds.
const LONGEST_MS: i64 = 12 * 3_600_000;

/// Kept between functions. Holds no person: those are in the parts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// When fetching began, in milliseconds since 1970.
    pub(super) began_ms: i64,
    /// Whether everybody is fetched.
    pub(super) full: bool,
    /// The columns that are fetched: under another mapping what was fetched says too little.
    pub(super) columns: Vec<String>,
    /// The next step; `None` before the first and behind the last.
    pub(super) step: Option<Step>,
    /// Whether the last page was read.
    pub(super) ended: bool,
    /// The objects with what was fetched.
    pub(super) parts: Vec<String>,
    /// How many steps were made.
    pub(super) steps: u32,
    seen: Vec<u64>,
    stale: u32,
    /// People the provider says there are.
    pub(super) total: Option<u64>,
    /// Entries so far that `total` counts and that are nobody.
    pub(super) left_out: u64,
    /// Why it is not everybody.
    pub(super) partial: Option<String>,
    /// From where an incremental reading goes on.
    pub(super) mark: Option<String>,
    /// How often in a row it was put down because the provider failed.
    pub(super) parks: u32,
    /// Single people to look for a second time, by the provider's id.
    pub(super) look_again: Vec<String>,
    /// Whether absent people were looked for a second time.
    pub(super) looked_twice: bool,
    /// Whether that was by another pass over everybody.
    pub(super) second_whole: bool,
    /// Whether a plan was made of it: the next one is fetched anew.
    pub(super) planned: bool,
}

impl Progress {
    pub(super) fn begin(now_ms: i64, full: bool, columns: &[String]) -> Self {
        Self { began_ms: now_ms, full, columns: columns.to_vec(), ..Self::default() }
    }

    /// Notes a step that is about to be made. `Some`: why fetching must stop here.
    pub(super) fn guard(&mut self, step: &Step, ceiling: u32, now_ms: i64) -> Option<&'static str> {
        let digest = digest(step);
        if self.seen.contains(&digest) {
            return Some("the provider's pages lead back to a page that was read already");
        }
        if self.seen.len() == REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(digest);
        self.steps += 1;
        if self.steps > ceiling {
            return Some("the provider's listing has more pages than it can have");
        }
        (now_ms - self.began_ms > LONGEST_MS).then_some("the provider's listing took longer than 12 hours")
    }

    /// Notes how many people a page brought who were not there yet.
    pub(super) fn brought(&mut self, new: usize, listed: usize) -> Option<&'static str> {
        // A page of people of whom all were there; one without people may be a step in between.
        self.stale = if new == 0 && listed > 0 { self.stale + 1 } else { 0 };
        (self.stale >= STALE_PAGES).then_some("page after page of the provider's listing brings nobody new")
    }

    /// Whether it was put down so long ago that what was fetched says nothing about today.
    pub(super) fn is_old(&self, now_ms: i64) -> bool {
        now_ms - self.began_ms > LONGEST_MS
    }

    /// A new reading: its steps may be called as those of the one before.
    pub(super) fn begin_scope(&mut self) {
        self.seen.clear();
        self.stale = 0;
    }

    /// Ends fetching before the last page: what was fetched is not everybody.
    pub(super) fn stop(&mut self, why: &str) {
        self.partial = Some(why.to_owned());
        self.ended = true;
        self.step = None;
    }

    /// Why it is not everybody, by the provider's own count of people.
    pub(super) fn few(&self, there: u64) -> Option<String> {
        let total = self.total?.saturating_sub(self.left_out);
        let told = || format!("the provider says that there are {total} people, and its pages had {there}");
        (total > there).then(told)
    }

    /// A step that was not answered is no step that was made.
    pub(super) fn forget(&mut self, step: &Step) {
        let digest = digest(step);
        self.seen.retain(|seen| *seen != digest);
    }

    /// Looks for people a second time, beside what was fetched: those by their provider's ids, or everybody.
    pub(super) fn look_again(&mut self, people: Option<Vec<String>>) {
        self.looked_twice = true;
        self.second_whole = people.is_none();
        if self.second_whole {
            // They come again.
            self.left_out = 0;
        }
        self.look_again = people.unwrap_or_default();
        self.ended = false;
        self.step = None;
        self.seen.clear();
        self.stale = 0;
        self.steps = 0;
    }
}

/// Steps of a listing of that many people at most: far more than it needs, and far less than for ever. Some connectors
/// need three requests a page, or one a person.
pub(super) fn ceiling(owned: u64, total: Option<u64>, page_size: u32) -> u32 {
    let people = total.unwrap_or(0).max(owned.saturating_mul(4)).max(20_000);
    let pages = people / u64::from(page_size.max(1)) * 4 + 200;
    u32::try_from(pages.saturating_add(total.unwrap_or(0)).saturating_add(owned)).unwrap_or(u32::MAX)
}

fn digest(step: &Step) -> u64 {
    let mut hash = Sha256::new();
    hash.update(step.at.as_bytes());
    for person in &step.carried {
        hash.update([0]);
        hash.update(person.id.as_bytes());
    }
    let bytes = hash.finalize();
    bytes.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_nobody_are_not_missed_and_anybody_else_is() {
        let mut progress = Progress { total: Some(4), left_out: 1, ..Progress::default() };
        assert_eq!(progress.few(3), None);
        assert!(progress.few(2).is_some());
        // A second pass over everybody counts them anew; one over single people does not see them.
        progress.look_again(Some(vec!["1".to_owned()]));
        assert_eq!(progress.few(3), None);
        progress.look_again(None);
        assert!(progress.few(3).is_some());
    }
}
