//! SQS: queues that deliver at least once, with visibility, redelivery and dead letters.

pub(crate) mod api;
mod queue;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Notify;

pub use queue::{Message, QueueCounts};

use crate::{clock::Clock, digest, faults::Faults, journal::Journal};
use queue::Queue;

/// The queues that every set of services has; each with one for its dead letters beside it.
pub const QUEUES: [&str; 5] = ["import", "apply", "report", "events.fifo", "poll"];

/// For how long a FIFO queue takes a second message with the same deduplication id for the first one.
const SAME_FOR_MS: u64 = 5 * 60_000;

/// Whether a queue keeps the order of each message group: its name says so, as in SQS.
pub(crate) fn is_fifo(queue: &str) -> bool {
    queue.ends_with(".fifo")
}

/// The name of the queue for the dead letters of `queue`: `x` → `x-dlq`, `x.fifo` → `x-dlq.fifo`.
pub(crate) fn dead_letters_of(queue: &str) -> String {
    match queue.strip_suffix(".fifo") {
        Some(name) => format!("{name}-dlq.fifo"),
        None => format!("{queue}-dlq"),
    }
}

/// Whether a queue of this name holds dead letters.
pub(crate) fn is_dead_letters(queue: &str) -> bool {
    queue.strip_suffix(".fifo").unwrap_or(queue).ends_with("-dlq")
}

/// A message that has been received: `receipt` is what deletes it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The message as it stands in the queue.
    pub message: Message,
    /// Valid until the message is received again.
    pub receipt: String,
}

/// Why an operation on a queue was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SqsError {
    /// No queue has that name.
    #[error("there is no queue {0:?}; the queues are {queues}, each with a -dlq", queues = QUEUES.join(", "))]
    NoQueue(String),
    /// The queue does not take messages of this kind.
    #[error("{0}")]
    Parameter(&'static str),
    /// The journal could not be written.
    #[error("could not write the queue journal: {0}")]
    Journal(#[from] std::io::Error),
}

#[derive(Serialize, Deserialize)]
enum Change {
    /// The message as it now is.
    Put { queue: String, message: Message },
    /// The message is no longer there.
    Gone { queue: String, id: String },
}

struct Inner {
    queues: Mutex<BTreeMap<String, Queue>>,
    journal: Journal,
    clock: Clock,
    faults: Arc<Faults>,
    arrived: Notify,
    base: Mutex<String>,
}

/// The queue service.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

impl Sqs {
    /// Queues in memory.
    pub(crate) fn in_memory(clock: Clock, faults: Arc<Faults>) -> Self {
        Self::with(Journal::none(), Vec::new(), clock, faults)
    }

    /// Queues that are remembered in the journal at `path`.
    pub(crate) fn open(path: &Path, clock: Clock, faults: Arc<Faults>) -> std::io::Result<Self> {
        let (journal, changes) = Journal::open(path)?;
        let sqs = Self::with(journal, changes, clock, faults);
        let mut queues = sqs.queues();
        // Whoever held a message went down with the last process.
        queues.values_mut().for_each(|q| q.release(sqs.inner.clock.now_ms()));
        let all = queues
            .iter()
            .flat_map(|(name, q)| q.messages().map(|m| Change::Put { queue: name.clone(), message: m.clone() }));
        sqs.inner.journal.rewrite(all)?;
        drop(queues);
        Ok(sqs)
    }

    fn with(journal: Journal, changes: Vec<Change>, clock: Clock, faults: Arc<Faults>) -> Self {
        let mut queues: BTreeMap<String, Queue> = QUEUES
            .iter()
            .flat_map(|q| [(*q).to_owned(), dead_letters_of(q)])
            .map(|name| (name.clone(), Queue::new(is_fifo(&name))))
            .collect();
        for change in changes {
            match change {
                Change::Put { queue, message } => named(&mut queues, queue).put(message),
                Change::Gone { queue, id } => named(&mut queues, queue).forget(&id),
            }
        }
        let base = Mutex::new("http://sqs.local".to_owned());
        Self {
            inner: Arc::new(Inner { queues: Mutex::new(queues), journal, clock, faults, arrived: Notify::new(), base }),
        }
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what queue URLs begin with, for example `http://127.0.0.1:7300`.
    pub(crate) fn set_base(&self, base: &str) {
        base.clone_into(&mut self.inner.base.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The URL of the queue with this short name.
    #[must_use]
    pub fn url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.inner.base.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a message into a queue, to be received `delay_ms` milliseconds from now; answers its id.
    ///
    /// # Errors
    /// When there is no such queue or the journal cannot be written.
    pub fn send(
        &self,
        queue: &str,
        body: &str,
        attributes: Map<String, Value>,
        delay_ms: u64,
    ) -> Result<String, SqsError> {
        self.send_in_trace(queue, body, attributes, delay_ms, None)
    }

    /// The same, as a part of the trace that an X-Ray header names.
    ///
    /// # Errors
    /// As [`Sqs::send`].
    pub fn send_in_trace(
        &self,
        queue: &str,
        body: &str,
        attributes: Map<String, Value>,
        delay_ms: u64,
        trace: Option<&str>,
    ) -> Result<String, SqsError> {
        if is_fifo(queue) {
            return Err(SqsError::Parameter(
                "a message of a FIFO queue needs MessageGroupId and MessageDeduplicationId",
            ));
        }
        let delivery = self.inner.faults.take_delivery(queue);
        let now = self.inner.clock.now_ms();
        let id = digest::random_id();
        let mut queues = self.queues();
        let target = queues.get_mut(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        for copy in 0..delivery.copies {
            let id = if copy == 0 { id.clone() } else { digest::random_id() };
            let mut message = Message::new(id, body, attributes.clone(), now, delay_ms + delivery.delay_ms);
            message.trace = trace.map(str::to_owned);
            self.inner.journal.append(&Change::Put { queue: queue.to_owned(), message: message.clone() })?;
            target.put(message);
        }
        drop(queues);
        self.inner.arrived.notify_waiters();
        Ok(id)
    }

    /// Puts a message of a group into a FIFO queue, unless one with the same `same` came in the last 5 minutes;
    /// answers its id, or the id of that one. Of what can be done to deliveries, only copies are made here.
    ///
    /// # Errors
    /// When there is no such queue, it is no FIFO queue, a name is empty or too long, or the journal cannot be written.
    pub fn send_in_order(&self, queue: &str, body: &str, group: &str, same: &str) -> Result<String, SqsError> {
        self.send_in_order_and_trace(queue, body, (group, same), None)
    }

    /// The same, as a part of the trace that an X-Ray header names; it does not count for what makes two the same.
    pub(crate) fn send_in_order_and_trace(
        &self,
        queue: &str,
        body: &str,
        (group, same): (&str, &str),
        trace: Option<&str>,
    ) -> Result<String, SqsError> {
        if !is_fifo(queue) {
            return Err(SqsError::Parameter("only FIFO queues have message groups here"));
        }
        if [group, same].iter().any(|name| !(1..=128).contains(&name.len())) {
            return Err(SqsError::Parameter("MessageGroupId and MessageDeduplicationId have 1 to 128 characters"));
        }
        let now = self.inner.clock.now_ms();
        let mut queues = self.queues();
        let target = queues.get_mut(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        if let Some(id) = target.came_before(same, now.saturating_sub(SAME_FOR_MS)) {
            return Ok(id);
        }
        let id = digest::random_id();
        for copy in 0..self.inner.faults.take_delivery(queue).copies {
            let id = if copy == 0 { id.clone() } else { digest::random_id() };
            let mut message = Message::of_group(id, body, now, group, same);
            message.trace = trace.map(str::to_owned);
            self.inner.journal.append(&Change::Put { queue: queue.to_owned(), message: message.clone() })?;
            target.put(message);
        }
        drop(queues);
        self.inner.arrived.notify_waiters();
        Ok(id)
    }

    /// Takes up to `max` messages that are visible now, and hides them for `visibility_ms` or the queue's own time.
    /// A message received too often goes to the dead letters instead. A FIFO queue gives nothing of a group of which
    /// something is hidden, and the rest in the order in which it was sent.
    ///
    /// # Errors
    /// When there is no such queue or the journal cannot be written.
    pub fn receive(&self, queue: &str, max: usize, visibility_ms: Option<u64>) -> Result<Vec<Received>, SqsError> {
        let now = self.inner.clock.now_ms();
        let mut queues = self.queues();
        let dead = dead_letters_of(queue);
        let has_dead_letters = queues.contains_key(&dead);
        let source = queues.get_mut(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        let mut poison = Vec::new();
        let mut received = Vec::new();
        for number in source.visible(now, max) {
            if received.len() == max {
                break;
            }
            let Some(mut message) = source.by_number(number).cloned() else { continue };
            if has_dead_letters && message.receive_count >= source.max_receive {
                poison.push(message);
                continue;
            }
            message.receive(now, visibility_ms.unwrap_or(source.visibility_ms));
            self.inner.journal.append(&Change::Put { queue: queue.to_owned(), message: message.clone() })?;
            source.put(message.clone());
            received.push(Received { receipt: message.receipt(), message });
        }
        for message in poison {
            self.relocate(&mut queues, queue, &dead, message, now)?;
        }
        Ok(received)
    }

    /// Moves every dead letter of `queue` back into it; answers how many.
    ///
    /// # Errors
    /// When there is no such queue or the journal cannot be written.
    pub fn redrive(&self, queue: &str) -> Result<usize, SqsError> {
        let now = self.inner.clock.now_ms();
        let dead = dead_letters_of(queue);
        let mut queues = self.queues();
        let letters: Vec<Message> =
            queues.get(&dead).ok_or_else(|| SqsError::NoQueue(dead.clone()))?.messages().cloned().collect();
        let count = letters.len();
        for message in letters {
            self.relocate(&mut queues, &dead, queue, message, now)?;
        }
        drop(queues);
        self.inner.arrived.notify_waiters();
        Ok(count)
    }

    /// The new place is written before the old one is cleared: a kill in between leaves two, never none.
    fn relocate(
        &self,
        queues: &mut BTreeMap<String, Queue>,
        from: &str,
        to: &str,
        mut message: Message,
        now: u64,
    ) -> Result<(), SqsError> {
        let id = message.id.clone();
        message.start_over(now);
        self.inner.journal.append(&Change::Put { queue: to.to_owned(), message: message.clone() })?;
        queues.get_mut(to).ok_or_else(|| SqsError::NoQueue(to.to_owned()))?.put(message);
        self.forget(queues, from, &id)
    }

    fn forget(&self, queues: &mut BTreeMap<String, Queue>, queue: &str, id: &str) -> Result<(), SqsError> {
        self.inner.journal.append(&Change::Gone { queue: queue.to_owned(), id: id.to_owned() })?;
        if let Some(queue) = queues.get_mut(queue) {
            queue.forget(id);
        }
        Ok(())
    }

    /// Deletes a received message; a receipt that is no longer the newest deletes nothing.
    ///
    /// # Errors
    /// When there is no such queue or the journal cannot be written.
    pub fn delete(&self, queue: &str, receipt: &str) -> Result<(), SqsError> {
        let mut queues = self.queues();
        let source = queues.get(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        match source.by_receipt(receipt).map(|m| m.id.clone()) {
            Some(id) => self.forget(&mut queues, queue, &id)?,
            None => return Ok(()),
        }
        drop(queues);
        // The next of its group may have waited for it.
        if is_fifo(queue) {
            self.inner.arrived.notify_waiters();
        }
        Ok(())
    }

    /// Makes a received message visible `visibility_ms` milliseconds from now.
    ///
    /// # Errors
    /// When there is no such queue or the journal cannot be written.
    pub fn change_visibility(&self, queue: &str, receipt: &str, visibility_ms: u64) -> Result<(), SqsError> {
        let now = self.inner.clock.now_ms();
        let mut queues = self.queues();
        let source = queues.get_mut(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        if let Some(mut message) = source.by_receipt(receipt).cloned() {
            message.visible_ms = now + visibility_ms;
            self.inner.journal.append(&Change::Put { queue: queue.to_owned(), message: message.clone() })?;
            source.put(message);
        }
        drop(queues);
        self.inner.arrived.notify_waiters();
        Ok(())
    }

    /// Deletes every message of a queue.
    ///
    /// # Errors
    /// When there is no such queue or the journal cannot be written.
    pub fn purge(&self, queue: &str) -> Result<(), SqsError> {
        let mut queues = self.queues();
        let source = queues.get(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        let ids: Vec<String> = source.messages().map(|m| m.id.clone()).collect();
        ids.iter().try_for_each(|id| self.forget(&mut queues, queue, id))
    }

    /// Sets how long a received message stays hidden, in milliseconds, and how often it is received before it is a dead letter.
    ///
    /// # Errors
    /// When there is no such queue.
    pub fn set_policy(
        &self,
        queue: &str,
        visibility_ms: Option<u64>,
        max_receive: Option<u32>,
    ) -> Result<(), SqsError> {
        let mut queues = self.queues();
        let queue = queues.get_mut(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        queue.visibility_ms = visibility_ms.unwrap_or(queue.visibility_ms);
        queue.max_receive = max_receive.unwrap_or(queue.max_receive);
        Ok(())
    }

    /// The messages of a queue, oldest first, hidden ones included.
    #[must_use]
    pub fn peek(&self, queue: &str) -> Vec<Message> {
        self.queues().get(queue).map(|q| q.messages().cloned().collect()).unwrap_or_default()
    }

    /// How many messages each queue holds.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, QueueCounts> {
        let now = self.inner.clock.now_ms();
        self.queues().iter().map(|(name, queue)| (name.clone(), queue.counts(now))).collect()
    }

    /// Receives like [`Sqs::receive`], but waits up to `wait` for a first message.
    ///
    /// # Errors
    /// As [`Sqs::receive`].
    pub async fn receive_waiting(
        &self,
        queue: &str,
        max: usize,
        visibility_ms: Option<u64>,
        wait: Duration,
    ) -> Result<Vec<Received>, SqsError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let arrived = self.inner.arrived.notified();
            let received = self.receive(queue, max, visibility_ms)?;
            if !received.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(received);
            }
            let next = self
                .next_visible_in(queue)
                .map_or(deadline, |ms| deadline.min(tokio::time::Instant::now() + Duration::from_millis(ms.max(1))));
            let _ = tokio::time::timeout_at(next, arrived).await;
        }
    }

    fn next_visible_in(&self, queue: &str) -> Option<u64> {
        let now = self.inner.clock.now_ms();
        self.queues().get(queue)?.next_visible_in(now)
    }
}

/// The queue of that name; made where a journal tells of one that is no longer.
fn named(queues: &mut BTreeMap<String, Queue>, name: String) -> &mut Queue {
    let fifo = is_fifo(&name);
    queues.entry(name).or_insert_with(|| Queue::new(fifo))
}
