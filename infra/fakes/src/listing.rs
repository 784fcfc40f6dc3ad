//! Cutting a listing into pages, honestly or not.

use std::{collections::hash_map::Entry, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    misbehave::Kind,
    name::Name,
    person::{Person, mixed},
    provider::{Event, Provider},
};

/// Something that is listed.
pub(crate) trait Row: Clone {
    /// Its place in the order of creation.
    fn sequence(&self) -> u64;
    /// Its id.
    fn id(&self) -> &str;
    /// The same thing with other, newer data.
    fn disturbed(&self) -> Self;
}

impl Row for Arc<Person> {
    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn disturbed(&self) -> Self {
        let title = self.title.as_ref().map(|title| format!("{title} (new)"));
        let department = self.department.as_ref().map(|department| format!("{department} (new)"));
        Arc::new(Person { title, department, updated_at: self.updated_at + 1000, ..Person::clone(self) })
    }
}

impl Row for Event {
    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn disturbed(&self) -> Self {
        self.clone()
    }
}

/// Where a listing goes on.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    page: u64,
    /// The sort key of the last row that was served.
    after: Option<u64>,
    /// What the order is shuffled by; 0 is the order of creation.
    seed: u64,
    /// The cursor whose page led here.
    from: Option<String>,
}

/// What page of what listing is wanted.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// What the cursor is bound to: path and filters.
    pub listing: String,
    pub cursor: Option<&'a str>,
    pub limit: usize,
    pub newest_first: bool,
}

/// A page of a listing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub rows: Vec<T>,
    /// How many rows the provider says there are in all.
    pub total: usize,
    pub next: Option<String>,
    /// Another address that the link to the next page leads to.
    pub elsewhere: Option<String>,
}

/// A cursor that was never given out, or for another listing.
#[derive(Debug)]
pub(crate) struct BadCursor;

impl Ask<'_> {
    /// Rows are sorted by this, rising.
    fn key(&self, seed: u64, row: &impl Row) -> u64 {
        match (seed, self.newest_first) {
            (0, false) => row.sequence(),
            (0, true) => u64::MAX - row.sequence(),
            _ => mixed(row.sequence() ^ mixed(seed)),
        }
    }
}

impl Provider {
    /// The wanted page of these rows.
    pub(crate) fn page<T: Row>(&mut self, rows: &[T], ask: &Ask<'_>) -> Result<Page<T>, BadCursor> {
        let mut here = self.cursor(rows, ask)?;
        let lie = self.lie(here.page);
        if lie == Some(Kind::Shuffle) {
            self.shuffles += 1;
            here.seed = self.shuffles;
        }
        let mut sorted: Vec<(u64, &T)> = rows.iter().map(|row| (ask.key(here.seed, row), row)).collect();
        sorted.sort_by_key(|(key, _)| *key);
        let first = sorted.first().map(|(_, row)| *row);
        let start = here.after.map_or(0, |after| sorted.partition_point(|(key, _)| *key <= after));
        let (mut rest, mut total, mut limit) = (&sorted[start..], sorted.len(), ask.limit);
        let mut page = Vec::new();
        match (&lie, first) {
            (Some(Kind::ZeroPeople), _) => (rest, total) = (&[], 0),
            (Some(Kind::Shift), _) if !rest.is_empty() => (rest, total) = (&rest[1..], total - 1),
            (Some(Kind::TruncatedPage), _) => rest = &rest[..rest.len().min(limit) / 2],
            (Some(Kind::RepeatPerson { different }), Some(row)) => {
                page.push(if *different { row.disturbed() } else { row.clone() });
                limit = (limit - 1).max(1);
            }
            _ => {}
        }
        let served = &rest[..rest.len().min(limit)];
        page.extend(served.iter().map(|(_, row)| (*row).clone()));
        let last = served.last().map(|(key, row)| (*key, row.id()));
        let next = self.next(ask, &here, lie.as_ref(), last, rest.len() > served.len());
        let elsewhere = match lie {
            Some(Kind::NextElsewhere(address)) if next.is_some() => Some(address),
            _ => None,
        };
        Ok(Page { rows: page, total, next, elsewhere })
    }

    fn lie(&mut self, page: u64) -> Option<Kind> {
        let misbehaviour = self.misbehaviour.as_mut()?;
        misbehaviour.pages += 1;
        misbehaviour.on_page(page)
    }

    fn cursor<T: Row>(&self, rows: &[T], ask: &Ask<'_>) -> Result<Cursor, BadCursor> {
        let Some(token) = ask.cursor else { return Ok(Cursor { page: 0, after: None, seed: 0, from: None }) };
        if let Some(known) = self.cursors.get(&(ask.listing.clone(), token.to_owned())) {
            return Ok(known.clone());
        }
        // Some providers take the id of any row.
        let by_id = matches!(self.name, Name::WorkOs | Name::BambooHr);
        let row = rows.iter().find(|row| by_id && row.id() == token).ok_or(BadCursor)?;
        Ok(Cursor { page: 1, after: Some(ask.key(0, row)), seed: 0, from: None })
    }

    /// The cursor after this page.
    fn next(
        &mut self,
        ask: &Ask<'_>,
        here: &Cursor,
        lie: Option<&Kind>,
        last: Option<(u64, &str)>,
        more: bool,
    ) -> Option<String> {
        let own = ask.cursor.map(str::to_owned);
        let mut following =
            Cursor { page: here.page + 1, after: last.map(|(key, _)| key), seed: here.seed, from: own.clone() };
        match lie {
            Some(Kind::CursorSame) if own.is_some() => return own,
            Some(Kind::CursorLoop) if here.from.is_some() => return here.from.clone(),
            Some(Kind::CursorSame | Kind::CursorLoop) => {}
            Some(Kind::CursorEndless) => following.after = following.after.filter(|_| more),
            _ if !more => return None,
            _ => {}
        }
        let token = match (self.name, last, lie) {
            (Name::WorkOs, _, Some(Kind::CursorEndless)) => format!("directory_user_01ENDLESS{:017}", following.page),
            (Name::BambooHr, _, Some(Kind::CursorEndless)) => format!("9{:09}", following.page),
            (Name::WorkOs | Name::BambooHr, Some((_, id)), _) => id.to_owned(),
            _ => URL_SAFE_NO_PAD
                .encode(format!("{}:{:?}:{}:{}", following.page, following.after, here.seed, ask.listing)),
        };
        match self.cursors.entry((ask.listing.clone(), token.clone())) {
            Entry::Occupied(mut known) => {
                // A loop must lead back to where it came from first.
                following.from = known.get().from.clone().or(following.from);
                known.insert(following);
            }
            Entry::Vacant(free) => drop(free.insert(following)),
        }
        Some(token)
    }

    /// The people from `offset` on, the offset and the count that are told, for listings without cursors.
    pub(crate) fn offset_page(
        &mut self,
        rows: &[Arc<Person>],
        offset: usize,
        limit: Option<usize>,
    ) -> (Vec<Arc<Person>>, usize, usize) {
        let size = limit.unwrap_or(usize::MAX / 4).max(1);
        let page = (offset / size) as u64;
        let late = self.misbehaviour.as_ref().map_or(1, |misbehaviour| misbehaviour.after_pages.max(1));
        // A row that slipped or came twice shows on every page after the one where it happened.
        let lie = self.lie(page.min(late)).filter(|kind| page >= late || !matches!(kind, Kind::Shift));
        let (mut rows, mut from) = (rows.to_vec(), offset);
        let mut count = rows.len();
        match lie {
            Some(Kind::ZeroPeople) => (rows, count) = (Vec::new(), 0),
            Some(Kind::Shift) if !rows.is_empty() => {
                rows.remove(0);
                count -= 1;
            }
            Some(Kind::Shuffle) => self.shuffles += 1,
            Some(Kind::CursorSame) => from = 0,
            Some(Kind::CursorLoop) => from = offset % size.saturating_mul(2),
            Some(Kind::CursorEndless) => {
                from = offset.checked_rem(rows.len()).unwrap_or(0);
                count = offset + 2 * size.min(rows.len().max(1));
            }
            Some(Kind::TruncatedPage) => rows.truncate(self.cut(size, count)),
            Some(Kind::RepeatPerson { different }) if !rows.is_empty() => {
                let again = if different { rows[0].disturbed() } else { rows[0].clone() };
                let at = usize::try_from(late).unwrap_or(1).saturating_mul(size).min(rows.len());
                rows.insert(at, again);
                count += 1;
            }
            _ => {}
        }
        if matches!(self.misbehaviour.as_ref().map(|now| &now.kind), Some(Kind::Shuffle)) {
            rows.sort_by_key(|row| mixed(row.sequence ^ mixed(self.shuffles)));
        }
        let told = if from == 0 { 0 } else { offset };
        let end = from.saturating_add(size).min(rows.len());
        (rows.get(from..end).unwrap_or_default().to_vec(), told, count)
    }

    /// How many rows a truncated listing shows in all.
    fn cut(&self, size: usize, count: usize) -> usize {
        let whole = self.misbehaviour.as_ref().map_or(0, |now| usize::try_from(now.after_pages).unwrap_or(0));
        whole.saturating_mul(size).saturating_add(size.min(count) / 2)
    }
}
