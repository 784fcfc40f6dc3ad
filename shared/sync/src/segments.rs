//! Saved filters over the recipients of an account: kept, counted, listed.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_core::ids::{AccountId, ConnectionId, UniqueId};
use muster_core::plan::fold;
use muster_core::segment::Filter as SegmentFilter;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::people::group_names;
use crate::search::{MOST_REQUESTS, READ_AT_ONCE};
use crate::walk::{Walk, WalkPlace};
use crate::{Admin, Clock, Directory, Document, Documents, FoundPerson, Ledger, PortError, Shelf, settings_of};

const READ: &str = "read a segment";
/// The longest part of an id that comes from the name.
const LONGEST_SLUG: usize = 64;

/// A saved filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its name, as it was written.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The expression.
    pub filter: String,
    /// Whether everybody who may see segments sees it; else its author and whoever manages the account.
    pub public: bool,
    /// Who made it.
    pub author: String,
    /// When, in milliseconds since 1970.
    pub made_ms: i64,
    /// When it was changed last.
    pub changed_ms: i64,
}

/// The id that a name makes: names that differ only in case, white space or punctuation make the same one, so that it
/// is taken. `None` for a name without a letter or digit.
pub fn segment_id(name: &str) -> Option<String> {
    let folded = fold(name);
    let mut slug = String::new();
    for c in folded.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(LONGEST_SLUG);
    let slug = slug.trim_end_matches('-');
    if !folded.chars().any(char::is_alphanumeric) {
        return None;
    }
    if folded.is_ascii() && folded.len() <= LONGEST_SLUG {
        return Some(slug.to_owned());
    }
    // What the slug leaves out still tells names apart.
    let digest = Sha256::digest(folded.as_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Some(if slug.is_empty() { digest } else { format!("{slug}-{digest}") })
}

/// The segment of that id, and its version; `None` when there is none.
///
/// # Errors
/// [`PortError`] when a service failed or the stored text cannot be read.
pub async fn segment(
    documents: &impl Documents,
    account: &AccountId,
    id: &str,
) -> Result<Option<(Segment, u64)>, PortError> {
    let found = documents.document(account, &Shelf::Segments, id).await?;
    found.map(|document| Ok((read(&document)?, document.version))).transpose()
}

/// One page of segments by id, behind the one of id `from`: the id, the segment, its version.
///
/// # Errors
/// [`PortError`] when a service failed or a stored text cannot be read.
pub async fn segment_page(
    documents: &impl Documents,
    account: &AccountId,
    from: Option<&str>,
    limit: u32,
) -> Result<(Vec<(String, Segment, u64)>, Option<String>), PortError> {
    let page = documents.documents(account, &Shelf::Segments, from, limit, false).await?;
    let read = |document: &Document| Ok((document.id.clone(), read(document)?, document.version));
    Ok((page.items.iter().map(read).collect::<Result<_, PortError>>()?, page.next))
}

/// Saves a segment: a new one with `expected` `None`, else the one of that version. `Ok(false)` when that does not hold.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn put_segment(
    documents: &impl Documents,
    account: &AccountId,
    id: &str,
    segment: &Segment,
    expected: Option<u64>,
) -> Result<bool, PortError> {
    let body = serde_json::to_string(segment).map_err(|e| PortError::never("store a segment", e.to_string()))?;
    documents.put_document(account, &Shelf::Segments, id, &body, expected, None).await
}

/// Deletes the segment of that version. `Ok(false)` when another version is there, or none.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn delete_segment(
    documents: &impl Documents,
    account: &AccountId,
    id: &str,
    expected: u64,
) -> Result<bool, PortError> {
    documents.delete_document(account, &Shelf::Segments, id, expected).await
}

fn read(document: &Document) -> Result<Segment, PortError> {
    serde_json::from_str(&document.body).map_err(|e| PortError::never(READ, format!("column {}", e.column())))
}

/// The day in UTC.
pub(crate) fn day(now_ms: i64) -> Date {
    Timestamp::from_millisecond(now_ms).unwrap_or_default().to_zoned(TimeZone::UTC).date()
}

/// How many people a filter finds, so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentTally {
    /// People in it.
    pub count: u64,
    /// People on whom the filter fails; they are not in it.
    pub failed: u64,
    /// The first of this part of the count.
    pub first: Vec<(ConnectionId, UniqueId)>,
    /// Where counting goes on; `None` when everybody was looked at.
    pub next: Option<WalkPlace>,
}

/// Counts the people whom a filter finds, from a place on and until a time; names the first `sample` of them.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn count_segment<P: Admin + Directory>(
    ports: &P,
    clock: &impl Clock,
    account: &AccountId,
    filter: &SegmentFilter,
    from: Option<WalkPlace>,
    (sample, until_ms): (usize, i64),
) -> Result<SegmentTally, PortError> {
    let today = day(clock.now_ms());
    let mut tally = SegmentTally::default();
    let mut walk = Walk::begin(ports, account, from).await?;
    while let Some(leg) = walk.next(None).await? {
        for person in &leg.people {
            let id = &person.recipient.unique_id;
            match filter.matches(&person.recipient, leg.connection.as_str(), today) {
                Ok(true) => {
                    tally.count += 1;
                    if tally.first.len() < sample {
                        tally.first.push((leg.connection.clone(), id.clone()));
                    }
                }
                Ok(false) => {}
                Err(_) => tally.failed += 1,
            }
            // A filter may take its time on everybody.
            if clock.now_ms() >= until_ms {
                tally.next = Some(leg.behind(id));
                return Ok(tally);
            }
        }
        if clock.now_ms() >= until_ms {
            break;
        }
    }
    tally.next = walk.place();
    Ok(tally)
}

/// One page of the people whom a filter finds, at most `limit`, and where the next one begins. Looks at no more people
/// than some [`MOST_REQUESTS`] requests and the time until `until_ms` allow, so a page may be short, even empty, and not
/// be the last.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn segment_members<P: Ledger + Admin + Directory>(
    ports: &P,
    clock: &impl Clock,
    account: &AccountId,
    filter: &SegmentFilter,
    from: Option<WalkPlace>,
    (limit, until_ms): (usize, i64),
) -> Result<(Vec<FoundPerson>, Option<WalkPlace>), PortError> {
    let today = day(clock.now_ms());
    let mut walk = Walk::begin(ports, account, from).await?;
    let mut found = Vec::new();
    let mut settings = None;
    for _ in 0..MOST_REQUESTS {
        let Some(leg) = walk.next(Some(READ_AT_ONCE)).await? else { return Ok((found, None)) };
        for stored in &leg.people {
            let recipient = &stored.recipient;
            if filter.matches(recipient, leg.connection.as_str(), today) == Ok(true) {
                if settings.as_ref().is_none_or(|(of, _)| *of != leg.connection) {
                    let Some(connection) = ports.connection(account, &leg.connection).await? else { break };
                    settings = Some((leg.connection.clone(), settings_of(&connection)?));
                }
                let groups = settings.as_ref().map(|(_, settings)| group_names(recipient, settings));
                found.push(FoundPerson {
                    connection: leg.connection.clone(),
                    recipient: recipient.clone(),
                    groups: groups.unwrap_or_default(),
                    added_ms: stored.trace.first_ms,
                });
            }
            if found.len() >= limit || clock.now_ms() >= until_ms {
                return Ok((found, Some(leg.behind(&recipient.unique_id))));
            }
        }
    }
    Ok((found, walk.place()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_in_case_or_punctuation_make_one_id() {
        let id = |name: &str| segment_id(name).unwrap_or_default();
        assert_eq!(id("New joiners, Rome"), "new-joiners-rome");
        assert_eq!(id(" NEW JOINERS  ROME"), "new-joiners-rome");
        assert_eq!(id("ZÜRICH"), id("zürich"));
        assert_ne!(id("Zürich"), id("Zärich"));
        assert_ne!(id(&format!("{}a", "x".repeat(80))), id(&format!("{}b", "x".repeat(80))));
        assert!(id("東京").len() == 8 && segment_id("-- !").is_none());
    }
}
