//! Finding people: a page at a time, with a bounded number of requests for each page.
//!
//! A filter on one of the connection's grouping fields goes by that group's index; every other one goes through the
//! connection's sixteen parts. Either way only items of this connection are read, and a page ends after
//! [`MOST_REQUESTS`] requests, with the place where the next one goes on, even if fewer people were found than asked for.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use muster_core::field::{Field, Kind};
use muster_core::ids::{AccountId, ConnectionId, UniqueId};
use muster_core::plan::fold;
use muster_core::recipient::{Recipient, Value};
use muster_core::settings::Settings;
use muster_core::status::Status;

use crate::people::{group_names, grouped_by, slot_of};
use crate::{Admin, Connection, Directory, Ledger, Page, PortError, SHARDS, Stored, settings_of};

/// The most requests that one page of a search makes: all parts of a small connection fit.
pub const MOST_REQUESTS: u32 = 20;
/// The most people that one request of a search with filters reads.
pub const READ_AT_ONCE: u32 = 200;
/// The most people that one batch may name.
const BATCH: u32 = 100;
/// A group's value longer than this stands in no index.
const LONGEST_GROUP: usize = 1_000;

/// Who is looked for; everything that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Fields with the value they must have, whatever its case; of several values one is enough. References to other
    /// people are compared exactly.
    pub fields: Vec<(Field, String)>,
    /// The value of a grouping field whose group is looked for, compared as groups compare values.
    pub group: Option<(Field, String)>,
    /// Whose manager this is: a unique id, or an e-mail address.
    pub team: Option<String>,
    /// Who began in the last so many days, today included; nobody who has yet to begin.
    pub joined_within_days: Option<u16>,
    /// Active or inactive.
    pub status: Option<Status>,
    /// How a name, an e-mail address or the unique id begins, whatever its case.
    pub starts_with: Option<String>,
}

/// Where a search goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPlace {
    /// In this connection.
    pub connection: ConnectionId,
    /// By this way.
    pub way: Way,
    /// Behind this person.
    pub after: Option<UniqueId>,
}

/// How a connection's people are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its parts, from this one on.
    Shard(u8),
    /// The index of this grouping slot.
    Group(usize),
}

/// A person who was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPerson {
    /// Whose they are.
    pub connection: ConnectionId,
    /// What is stored.
    pub recipient: Recipient,
    /// The names of their groups.
    pub groups: Vec<String>,
    /// When they were first added, in milliseconds since 1970.
    pub added_ms: Option<i64>,
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPage {
    /// Who was found, at most as many as asked for.
    pub people: Vec<FoundPerson>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<SearchPlace>,
}

/// Which people are gone through.
#[derive(Debug, Clone, Copy)]
pub enum Within<'a> {
    /// One connection's.
    Connection(&'a Connection),
    /// Every connection's of the account.
    Account(&'a AccountId),
}

/// One page of the people who fit, at most `limit`, from `from` on. `Ok(None)` when `from` is no place of this search:
/// it was made for another filter, or the connection groups its people by other fields now.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn search<P: Ledger + Admin + Directory>(
    ports: &P,
    within: Within<'_>,
    filter: &Filter,
    from: Option<SearchPlace>,
    limit: u32,
    now_ms: i64,
) -> Result<Option<SearchPage>, PortError> {
    let today = Timestamp::from_millisecond(now_ms).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    let limit = limit.max(1) as usize;
    let mut hunt = Hunt { ports, filter, today, limit, requests: MOST_REQUESTS, people: Vec::new() };
    let next = match within {
        Within::Connection(connection) => {
            if from.as_ref().is_some_and(|from| from.connection != connection.id) {
                return Ok(None);
            }
            hunt.connection(connection, from).await?
        }
        Within::Account(account) => hunt.account(account, from).await?,
    };
    Ok(match next {
        Next::NoPlace => None,
        Next::Place(place) => Some(SearchPage { people: hunt.people, next: Some(place) }),
        Next::End => Some(SearchPage { people: hunt.people, next: None }),
    })
}

enum Next {
    /// The page is full, or its requests are made.
    Place(SearchPlace),
    /// Everybody was looked at.
    End,
    /// The place to begin at is none of this search.
    NoPlace,
}

/// A search under way.
struct Hunt<'a, P> {
    ports: &'a P,
    filter: &'a Filter,
    today: Date,
    limit: usize,
    requests: u32,
    people: Vec<FoundPerson>,
}

/// One connection as a search sees it.
struct Ground<'a> {
    connection: &'a Connection,
    settings: Settings,
    /// The addresses of the manager whose team is looked for.
    manager_emails: Vec<String>,
}

impl<P: Ledger + Admin + Directory> Hunt<'_, P> {
    async fn account(&mut self, account: &AccountId, from: Option<SearchPlace>) -> Result<Next, PortError> {
        self.requests -= 1;
        let ids = self.ports.connections(account).await?;
        let mut from = from;
        for id in ids {
            // A connection that is gone since is passed over.
            if from.as_ref().is_some_and(|from| id < from.connection) {
                continue;
            }
            let place = from.take().filter(|from| from.connection == id);
            if self.is_spent() {
                let begin = || SearchPlace { connection: id, way: Way::Shard(0), after: None };
                return Ok(Next::Place(place.unwrap_or_else(begin)));
            }
            self.requests -= 1;
            let Some(connection) = self.ports.connection(account, &id).await? else { continue };
            // A place at the very beginning was made before the connection was read: its way is chosen now.
            match self.connection(&connection, place.filter(|place| !place.is_begin())).await? {
                Next::End => {}
                next => return Ok(next),
            }
        }
        Ok(Next::End)
    }

    async fn connection(&mut self, connection: &Connection, from: Option<SearchPlace>) -> Result<Next, PortError> {
        let settings = settings_of(connection)?;
        let by_group = self.group_way(connection, &settings);
        let begin = by_group.as_ref().map_or(Way::Shard(0), |(slot, _)| Way::Group(*slot));
        let (way, after) = from.map_or((begin, None), |from| (from.way, from.after));
        let manager_emails = self.manager_emails(connection).await?;
        let ground = Ground { connection, settings, manager_emails };
        match (way, by_group) {
            (Way::Shard(shard), _) if shard < SHARDS => self.shards(&ground, shard, after).await,
            (Way::Group(slot), Some((now, value))) if slot == now => self.group(&ground, slot, &value, after).await,
            _ => Ok(Next::NoPlace),
        }
    }

    /// The slot and the folded value of a filter whose people an index lists.
    fn group_way(&self, connection: &Connection, settings: &Settings) -> Option<(usize, String)> {
        // While a run groups everybody anew the index is half one thing and half the other.
        if connection.active.is_some() && connection.grouped_by != grouped_by(settings) {
            return None;
        }
        let status = self.filter.status.map(|status| (Field::EMPLOYMENT_STATUS, status.as_str().to_owned()));
        let wanted = self.filter.fields.iter().cloned().chain(self.filter.group.clone()).chain(status);
        let slots = wanted.filter_map(|(field, value)| Some((slot_of(connection, field)?, fold(&value))));
        slots.filter(|(_, value)| !value.is_empty() && value.len() <= LONGEST_GROUP).min_by_key(|(slot, _)| *slot)
    }

    async fn manager_emails(&mut self, connection: &Connection) -> Result<Vec<String>, PortError> {
        let Some(manager) = self.filter.team.as_deref().and_then(|team| UniqueId::parse(team).ok()) else {
            return Ok(Vec::new());
        };
        self.requests = self.requests.saturating_sub(1);
        let found = self.ports.get(&connection.account, &connection.id, &[manager]).await?;
        let values = found.iter().flat_map(|found| found.recipient.values.iter());
        let emails =
            values.filter(|(field, _)| field.spec().kind == Kind::Email && !field.name().starts_with("manager"));
        Ok(emails.flat_map(|(_, value)| value.iter().map(fold)).collect())
    }

    async fn shards(&mut self, ground: &Ground<'_>, first: u8, after: Option<UniqueId>) -> Result<Next, PortError> {
        let (account, id) = (&ground.connection.account, &ground.connection.id);
        let mut after = after;
        for shard in first..SHARDS {
            loop {
                if self.is_spent() {
                    return Ok(ground.place(Way::Shard(shard), after));
                }
                self.requests -= 1;
                let from = after.as_ref().map(UniqueId::as_str);
                let Page { items, next } = self.ports.page(account, id, shard, from, Some(self.page_size())).await?;
                if let Some(last) = self.take(ground, items) {
                    return Ok(ground.place(Way::Shard(shard), Some(last)));
                }
                after = next.map(|next| id_of(&next)).transpose()?;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(Next::End)
    }

    async fn group(
        &mut self,
        ground: &Ground<'_>,
        slot: usize,
        value: &str,
        after: Option<UniqueId>,
    ) -> Result<Next, PortError> {
        let (account, id) = (&ground.connection.account, &ground.connection.id);
        let mut after = after;
        loop {
            // One for the index, one for the people.
            if self.requests < 2 || self.is_full() {
                return Ok(ground.place(Way::Group(slot), after));
            }
            self.requests -= 2;
            let most = self.page_size().min(BATCH);
            let page = self.ports.group_page(account, id, slot, value, after.as_ref(), most).await?;
            let stored = self.ports.get(account, id, &page.items).await?;
            let mut stored: HashMap<UniqueId, Stored> =
                stored.into_iter().map(|stored| (stored.recipient.unique_id.clone(), stored)).collect();
            // The index may lag behind: whoever was removed meanwhile is left out.
            let shown = page.items.iter().filter_map(|id| stored.remove(id)).filter(|one| one.removed_ms.is_none());
            if let Some(last) = self.take(ground, shown.collect()) {
                return Ok(ground.place(Way::Group(slot), Some(last)));
            }
            after = page.next.map(|next| id_of(&next)).transpose()?;
            if after.is_none() {
                return Ok(Next::End);
            }
        }
    }

    /// Takes those who fit; answers the last one taken when somebody may stand behind them and no room is left.
    fn take(&mut self, ground: &Ground<'_>, items: Vec<Stored>) -> Option<UniqueId> {
        let mut items = items.into_iter().filter(|stored| self.filter.takes(&stored.recipient, self.today, ground));
        while self.people.len() < self.limit {
            let stored = items.next()?;
            self.people.push(FoundPerson {
                connection: ground.connection.id.clone(),
                groups: group_names(&stored.recipient, &ground.settings),
                added_ms: stored.trace.first_ms,
                recipient: stored.recipient,
            });
        }
        items.next()?;
        self.people.last().map(|person| person.recipient.unique_id.clone())
    }

    fn page_size(&self) -> u32 {
        // One more than there is room for shows whether somebody follows.
        let room = u32::try_from(self.limit - self.people.len()).unwrap_or(READ_AT_ONCE).saturating_add(1);
        if self.filter.is_empty() { room.min(READ_AT_ONCE) } else { READ_AT_ONCE }
    }

    fn is_full(&self) -> bool {
        self.people.len() >= self.limit
    }

    fn is_spent(&self) -> bool {
        self.requests == 0 || self.is_full()
    }
}

impl SearchPlace {
    fn is_begin(&self) -> bool {
        self.way == Way::Shard(0) && self.after.is_none()
    }
}

impl Ground<'_> {
    fn place(&self, way: Way, after: Option<UniqueId>) -> Next {
        Next::Place(SearchPlace { connection: self.connection.id.clone(), way, after })
    }
}

impl Filter {
    /// Whether everybody fits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn takes(&self, person: &Recipient, today: Date, ground: &Ground<'_>) -> bool {
        self.status.is_none_or(|status| status == person.status)
            && self.fields.iter().all(|(field, wanted)| has(person, *field, wanted))
            && self.group.as_ref().is_none_or(|(field, value)| is_of_group(person, *field, &fold(value)))
            && self.team.as_deref().is_none_or(|team| is_of_team(person, team, &ground.manager_emails))
            && self.joined_within_days.is_none_or(|days| has_joined(person, days, today))
            && self.starts_with.as_deref().is_none_or(|start| begins(person, start))
    }
}

fn values_of<'r>(person: &'r Recipient, name: &str) -> impl Iterator<Item = &'r str> + use<'r> {
    let value = Field::by_name(name).and_then(|field| person.values.get(&field));
    value.into_iter().flat_map(Value::iter)
}

fn has(person: &Recipient, field: Field, wanted: &str) -> bool {
    if field == Field::EMPLOYMENT_STATUS {
        return fold(wanted) == person.status.as_str();
    }
    let mut values = person.values.get(&field).into_iter().flat_map(Value::iter);
    match field.spec().kind {
        Kind::Reference => values.any(|value| value == wanted.trim()),
        _ => values.any(|value| fold(value) == fold(wanted)),
    }
}

/// Whether a person's value of a grouping field is this one, which is folded.
pub(crate) fn is_of_group(person: &Recipient, field: Field, folded: &str) -> bool {
    if field == Field::EMPLOYMENT_STATUS {
        return person.status.as_str() == folded;
    }
    person.values.get(&field).into_iter().flat_map(Value::iter).any(|value| fold(value) == folded)
}

fn is_of_team(person: &Recipient, team: &str, manager_emails: &[String]) -> bool {
    let wanted = fold(team);
    values_of(person, "manager_id").any(|id| id == team.trim())
        || values_of(person, "manager_email").map(fold).any(|email| email == wanted || manager_emails.contains(&email))
}

fn has_joined(person: &Recipient, days: u16, today: Date) -> bool {
    let Some(first) = today.checked_sub(i32::from(days).days()).ok() else { return true };
    values_of(person, "start_date")
        .filter_map(|date| date.parse::<Date>().ok())
        .any(|date| first <= date && date <= today)
}

fn begins(person: &Recipient, start: &str) -> bool {
    let start = fold(start);
    let one = |name: &str| values_of(person, name).next().unwrap_or_default();
    let whole = [
        format!("{} {}", one("first_name"), one("last_name")),
        format!("{} {}", one("preferred_name"), one("last_name")),
    ];
    let names = ["first_name", "last_name", "preferred_name", "email_1", "email_2"];
    fold(person.unique_id.as_str()).starts_with(&start)
        || names.iter().flat_map(|name| values_of(person, name)).any(|value| fold(value).starts_with(&start))
        || whole.iter().any(|name| fold(name).starts_with(&start))
}

fn id_of(next: &str) -> Result<UniqueId, PortError> {
    UniqueId::parse(next).map_err(|e| PortError::never("list the recipients", format!("a stored unique id {e}")))
}
