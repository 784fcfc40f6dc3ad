//! What one fake provider keeps: its people, what happened to them, what it accepts and how it misbehaves.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::{
    clock,
    link::Links,
    listing::Cursor,
    misbehave::{Kind, Misbehaviour},
    name::{Name, ulid_like},
    outbox::Outbox,
    person::{Person, mixed},
    wire,
};

/// A change of the directory.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    Added(&'a Person),
    Changed { before: &'a Person, after: &'a Person },
    Removed(&'a Person),
}

/// Something a webhook tells of.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub id: String,
    pub kind: String,
    /// The webhook's whole body.
    pub body: Value,
    /// Unix milliseconds.
    pub at: i64,
    /// Place in the order of events.
    pub sequence: u64,
}

/// The state of one provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub name: Name,
    /// By place in the order of creation; shared, so that a page does not copy everybody.
    pub people: BTreeMap<u64, Arc<Person>>,
    /// Those who are no longer there; `updated_at` is when they were removed.
    pub removed: BTreeMap<u64, Arc<Person>>,
    pub credentials: BTreeMap<String, String>,
    pub keys: BTreeMap<String, String>,
    /// The state that `GET /directories/{id}` of `WorkOS` tells.
    pub directory_state: String,
    /// Whether `WorkOS` deletes people who stop being active, which is its default flow.
    pub secure_flow: bool,
    /// Jobs of Finch that were started.
    pub jobs: u64,
    /// Links under way.
    pub links: Links,
    pub events: Vec<Event>,
    pub outbox: Outbox,
    pub misbehaviour: Option<Misbehaviour>,
    /// What happens to the request that is being answered.
    pub odd: Option<Kind>,
    pub log: Vec<Value>,
    pub cursors: HashMap<(String, String), Cursor>,
    /// Grows with every shuffled listing.
    pub shuffles: u64,
    ids: HashMap<String, u64>,
    count: u64,
    last_time: i64,
}

impl Provider {
    /// An empty directory with the provider's default keys.
    pub(crate) fn new(name: Name) -> Provider {
        Provider {
            name,
            people: BTreeMap::new(),
            removed: BTreeMap::new(),
            credentials: name.credentials(),
            keys: name.connection_keys(),
            directory_state: "linked".to_owned(),
            secure_flow: false,
            jobs: 0,
            links: Links::default(),
            events: Vec::new(),
            outbox: Outbox::new(name),
            misbehaviour: None,
            odd: None,
            log: Vec::new(),
            cursors: HashMap::new(),
            shuffles: 0,
            ids: HashMap::new(),
            count: 0,
            last_time: 0,
        }
    }

    /// One of the connection's keys; empty if it was not set.
    pub(crate) fn key(&self, name: &str) -> &str {
        self.keys.get(name).map_or("", String::as_str)
    }

    /// Whether a credential is the one that is accepted.
    pub(crate) fn accepts(&self, name: &str, given: Option<&str>) -> bool {
        self.credentials.get(name).is_some_and(|expected| given == Some(expected))
    }

    /// The person with this id, if they are there.
    pub(crate) fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(self.ids.get(id)?).map(Arc::as_ref)
    }

    /// A time that is later than every time given out before, so that newer data always bears a newer time.
    pub(crate) fn tick(&mut self) -> i64 {
        self.last_time = clock::now().max(self.last_time + 1);
        self.last_time
    }

    /// Adds a person; what is not given is made up. The error says which field is wrong.
    pub(crate) fn add(&mut self, given: &Map<String, Value>, quiet: bool) -> Result<Person, String> {
        self.add_seeded(self.count + 1, given, quiet)
    }

    fn add_seeded(&mut self, seed: u64, given: &Map<String, Value>, quiet: bool) -> Result<Person, String> {
        let mut person = Person::made_up(self.name, seed, given)?;
        if self.person(&person.id).is_some() {
            return Err(format!("id: {} is there already", person.id));
        }
        self.count += 1;
        person.sequence = self.count;
        person.created_at = self.tick();
        person.updated_at = person.created_at;
        self.ids.insert(person.id.clone(), person.sequence);
        self.removed.retain(|_, removed| removed.id != person.id);
        self.people.insert(person.sequence, Arc::new(person.clone()));
        self.tell(Change::Added(&person), quiet);
        Ok(person)
    }

    /// Adds `count` made-up people; every twentieth manages those that follow.
    pub(crate) fn generate(&mut self, count: u64, seed: u64, quiet: bool) -> Result<Vec<String>, String> {
        let (mut ids, mut manager) = (Vec::new(), Value::Null);
        for place in 0..count {
            let number = seed * 1_000_000 + place + 1;
            let person =
                self.add_seeded(number, &Map::from_iter([("manager_id".to_owned(), manager.clone())]), quiet)?;
            if place % 20 == 0 {
                manager = json!(person.id);
            }
            ids.push(person.id);
        }
        Ok(ids)
    }

    /// Changes fields of a person; `None` if nobody has this id.
    pub(crate) fn patch(
        &mut self,
        id: &str,
        patch: &Map<String, Value>,
        quiet: bool,
    ) -> Option<Result<Person, String>> {
        let before = self.person(id)?.clone();
        let mut after = match before.patched(patch) {
            Ok(after) => after,
            Err(why) => return Some(Err(why)),
        };
        after.updated_at = self.tick();
        self.people.insert(after.sequence, Arc::new(after.clone()));
        if self.secure_flow && before.works() && !after.works() {
            self.remove(id, quiet);
        } else {
            self.tell(Change::Changed { before: &before, after: &after }, quiet);
        }
        Some(Ok(after))
    }

    /// Removes a person; `None` if nobody has this id.
    pub(crate) fn remove(&mut self, id: &str, quiet: bool) -> Option<Arc<Person>> {
        let sequence = self.ids.remove(id)?;
        let mut person = Person::clone(&*self.people.remove(&sequence)?);
        person.updated_at = self.tick();
        let person = Arc::new(person);
        self.removed.insert(sequence, Arc::clone(&person));
        self.tell(Change::Removed(&person), quiet);
        Some(person)
    }

    fn tell(&mut self, change: Change<'_>, quiet: bool) {
        // Webhooks show people as the API would.
        self.odd = self.misbehaviour.as_ref().and_then(Misbehaviour::in_webhooks);
        let bodies = wire::bodies(self, change);
        self.odd = None;
        for (kind, body) in bodies {
            self.happen(kind, body, quiet);
        }
    }

    /// Records an event and, unless `quiet`, has it sent.
    pub(crate) fn happen(&mut self, kind: String, body: Value, quiet: bool) {
        let at = self.tick();
        let sequence = self.events.len() as u64 + 1;
        let id = body["id"].as_str().map_or_else(|| self.new_event_id(), str::to_owned);
        let event = Event { id, kind, body, at, sequence };
        self.events.push(event.clone());
        if !quiet {
            self.outbox.take(event);
        }
    }

    /// An id for the next event; `WorkOS` writes it into the body.
    pub(crate) fn new_event_id(&self) -> String {
        let number = self.events.len() as u64;
        // ULIDs sort by time, so the number leads.
        match self.name {
            Name::WorkOs => format!("event_01{number:012}{}", &ulid_like(mixed(number), 0)[..12]),
            _ => crate::name::uuid_like(mixed(number ^ 0xe0e0), mixed(number + 7)),
        }
    }

    /// The person as the provider shows them now: as they are, unless it misbehaves.
    pub(crate) fn shown(&self, person: &Person) -> Person {
        const TEN_YEARS: i64 = 3_650 * 86_400_000;
        let mut person = person.clone();
        match &self.odd {
            Some(Kind::FutureUpdatedAt) => person.updated_at += TEN_YEARS,
            Some(Kind::BackUpdatedAt) => person.updated_at -= TEN_YEARS,
            Some(Kind::UnknownStatus(word)) => person.status = Some(word.clone()),
            _ => {}
        }
        person
    }

    /// The field that may not be seen now.
    pub(crate) fn forbidden(&self) -> Option<&str> {
        match &self.odd {
            Some(Kind::ForbiddenField(field)) => Some(field),
            _ => None,
        }
    }

    /// Counts, people and what is under way, for tests.
    pub(crate) fn state(&self) -> Value {
        json!({
            "people": self.people.values().map(Arc::as_ref).collect::<Vec<_>>(),
            "removed": self.removed.values().map(Arc::as_ref).collect::<Vec<_>>(),
            "count": self.people.len(),
            "events": self.events.len(),
            "misbehaving": self.misbehaviour.as_ref().is_some_and(|now| now.left != Some(0)),
            "connection_keys": self.keys,
            "directory_state": self.directory_state,
            "webhooks": self.outbox.state(),
        })
    }
}
