//! One queue and its messages; pure state, no time and no files.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A message as a queue keeps it. Times are milliseconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Stays the same over every delivery.
    pub id: String,
    /// The text that was sent.
    pub body: String,
    /// Message attributes as they came over the wire.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// When it was sent.
    pub sent_ms: u64,
    /// When it was first received.
    pub first_received_ms: Option<u64>,
    /// How often it was received from the queue it is in.
    pub receive_count: u32,
    /// From when on it can be received.
    pub visible_ms: u64,
    /// The message group, in FIFO queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it has in common with messages that are the same, in FIFO queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same: Option<String>,
    /// The trace that it belongs to, as its sender named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    receipts: u32,
}

impl Message {
    pub(super) fn new(id: String, body: &str, attributes: Map<String, Value>, now: u64, delay_ms: u64) -> Self {
        let visible_ms = now + delay_ms;
        Self {
            id,
            body: body.to_owned(),
            attributes,
            sent_ms: now,
            first_received_ms: None,
            receive_count: 0,
            visible_ms,
            group: None,
            same: None,
            trace: None,
            receipts: 0,
        }
    }

    pub(super) fn of_group(id: String, body: &str, now: u64, group: &str, same: &str) -> Self {
        let message = Self::new(id, body, Map::new(), now, 0);
        Self { group: Some(group.to_owned()), same: Some(same.to_owned()), ..message }
    }

    pub(super) fn receive(&mut self, now: u64, visibility_ms: u64) {
        self.receive_count += 1;
        self.receipts += 1;
        self.first_received_ms.get_or_insert(now);
        self.visible_ms = now + visibility_ms;
    }

    /// As it is when it comes into another queue.
    pub(super) fn start_over(&mut self, now: u64) {
        self.receive_count = 0;
        self.visible_ms = now;
    }

    pub(super) fn receipt(&self) -> String {
        format!("{}#{}", self.id, self.receipts)
    }
}

/// How many messages a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueCounts {
    /// Can be received now.
    pub visible: usize,
    /// Received and not yet deleted, or hidden after a failure.
    pub in_flight: usize,
    /// Never received and not yet to be.
    pub delayed: usize,
}

impl QueueCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.visible + self.in_flight + self.delayed
    }
}

pub(super) struct Queue {
    messages: BTreeMap<u64, Message>,
    numbers: BTreeMap<String, u64>,
    next: u64,
    fifo: bool,
    /// The messages of each group, by number; in FIFO queues.
    groups: BTreeMap<String, BTreeSet<u64>>,
    /// The messages that were received and not deleted; in FIFO queues.
    received: BTreeSet<u64>,
    /// When the message with this deduplication id came, and its id. Lost with the process, but for messages that are
    /// still there.
    came: HashMap<String, (u64, String)>,
    /// The same, oldest first.
    arrivals: VecDeque<(u64, String)>,
    pub(super) visibility_ms: u64,
    pub(super) max_receive: u32,
}

impl Queue {
    pub(super) fn new(fifo: bool) -> Self {
        Self {
            messages: BTreeMap::new(),
            numbers: BTreeMap::new(),
            next: 0,
            fifo,
            groups: BTreeMap::new(),
            received: BTreeSet::new(),
            came: HashMap::new(),
            arrivals: VecDeque::new(),
            visibility_ms: 30_000,
            max_receive: 5,
        }
    }

    /// The id of the message with this deduplication id that came after `since`.
    pub(super) fn came_before(&mut self, same: &str, since: u64) -> Option<String> {
        while let Some((_, old)) = self.arrivals.pop_front_if(|(sent_ms, _)| *sent_ms <= since) {
            self.came.remove(&old);
        }
        self.came.get(same).map(|(_, id)| id.clone())
    }

    /// Adds a message, or replaces the one with its id.
    pub(super) fn put(&mut self, message: Message) {
        let number = *self.numbers.entry(message.id.clone()).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        if self.fifo {
            self.put_in_group(number, &message);
        }
        self.messages.insert(number, message);
    }

    fn put_in_group(&mut self, number: u64, message: &Message) {
        if let Some(group) = &message.group {
            self.groups.entry(group.clone()).or_default().insert(number);
        }
        if message.receive_count > 0 {
            self.received.insert(number);
        } else if let Some(same) = message.same.as_ref().filter(|same| !self.came.contains_key(*same)) {
            self.came.insert(same.clone(), (message.sent_ms, message.id.clone()));
            self.arrivals.push_back((message.sent_ms, same.clone()));
        }
    }

    pub(super) fn forget(&mut self, id: &str) {
        let Some(number) = self.numbers.remove(id) else { return };
        self.received.remove(&number);
        let Some(group) = self.messages.remove(&number).and_then(|message| message.group) else { return };
        if let Some(numbers) = self.groups.get_mut(&group) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.groups.remove(&group);
            }
        }
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.values()
    }

    /// The messages that can be received at `now`, the one that has been visible longest first, in FIFO queues the
    /// `most` that were sent first; by number.
    pub(super) fn visible(&self, now: u64, most: usize) -> Vec<u64> {
        if self.fifo {
            let busy: BTreeSet<_> = self.hidden(now).filter_map(|m| m.group.as_deref()).collect();
            let free = self.groups.iter().filter(|(group, _)| !busy.contains(group.as_str()));
            let mut free: Vec<u64> = free.flat_map(|(_, numbers)| numbers.iter().take(most)).copied().collect();
            free.sort_unstable();
            free.truncate(most);
            return free;
        }
        let visible = self.messages.iter().filter(|(_, m)| m.visible_ms <= now);
        let mut visible: Vec<(u64, u64)> = visible.map(|(number, m)| (m.visible_ms, *number)).collect();
        visible.sort_unstable();
        visible.into_iter().map(|(_, number)| number).collect()
    }

    pub(super) fn by_number(&self, number: u64) -> Option<&Message> {
        self.messages.get(&number)
    }

    /// The messages of a FIFO queue that were received and are hidden at `now`.
    fn hidden(&self, now: u64) -> impl Iterator<Item = &Message> {
        let received = self.received.iter().filter_map(|number| self.messages.get(number));
        received.filter(move |m| m.visible_ms > now)
    }

    /// In how many milliseconds something can be received unless something else happens before.
    pub(super) fn next_visible_in(&self, now: u64) -> Option<u64> {
        if self.fifo {
            let free = !self.visible(now, 1).is_empty();
            return if free { Some(0) } else { self.hidden(now).map(|m| m.visible_ms - now).min() };
        }
        self.messages().map(|m| m.visible_ms.saturating_sub(now)).min()
    }

    /// Makes every message visible that was received and not deleted.
    pub(super) fn release(&mut self, now: u64) {
        for message in self.messages.values_mut().filter(|m| m.receive_count > 0) {
            message.visible_ms = message.visible_ms.min(now);
        }
    }

    pub(super) fn by_receipt(&self, receipt: &str) -> Option<&Message> {
        let (id, _) = receipt.rsplit_once('#')?;
        let message = self.messages.get(self.numbers.get(id)?)?;
        (message.receipt() == receipt).then_some(message)
    }

    pub(super) fn counts(&self, now: u64) -> QueueCounts {
        let mut counts = QueueCounts::default();
        for message in self.messages.values() {
            if message.visible_ms <= now {
                counts.visible += 1;
            } else if message.receive_count > 0 {
                counts.in_flight += 1;
            } else {
                counts.delayed += 1;
            }
        }
        counts
    }
}
