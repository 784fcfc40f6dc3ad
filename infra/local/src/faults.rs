//! What is to go wrong next, and how often each operation was asked for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

/// One of the AWS services that are stood in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Objects.
    S3,
    /// The table.
    DynamoDb,
    /// The queues.
    Sqs,
    /// The mail, API version 2.
    Ses,
    /// The parameters.
    Ssm,
    /// The event bus.
    Events,
}

/// What happens to a request that a fault hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FaultKind {
    /// Not carried out; answered with this HTTP status and error code.
    Refuse {
        /// For example 400.
        status: u16,
        /// For example `ProvisionedThroughputExceededException`.
        code: String,
    },
    /// A `TransactWriteItems` is cancelled with one `TransactionConflict` reason per item; any other write gets `TransactionConflictException`.
    Conflict,
    /// Carried out, then answered with status 500.
    FailAfter,
    /// Carried out, then the connection is dropped without an answer.
    LoseAnswer,
    /// Only the first `keep` entries of a `BatchWriteItem` or `BatchGetItem` are carried out; the others come back unprocessed.
    Partial {
        /// Entries carried out, counted over all tables.
        keep: usize,
    },
}

/// A fault that waits for its requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whose requests.
    pub service: Service,
    /// Only this operation, for example `PutItem`; any when absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many matching requests pass before the first is hit.
    #[serde(default)]
    pub skip: u32,
    /// How many requests are hit.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// How the delivery of messages is disturbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DeliveryKind {
    /// Each message is put into the queue twice.
    Duplicate,
    /// Each message can be received only `ms` milliseconds later.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The messages come out in reverse: the first waits longest, each later one `gap_ms` less.
    Reorder {
        /// Milliseconds between two messages.
        gap_ms: u64,
    },
}

/// A disturbance of the next `times` messages sent to one queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFault {
    /// Short name of the queue, for example `import`.
    pub queue: String,
    /// What happens.
    #[serde(flatten)]
    pub kind: DeliveryKind,
    /// How many messages.
    #[serde(default = "once")]
    pub times: u32,
}

/// How one message is to be put into its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) copies: u32,
    pub(crate) delay_ms: u64,
}

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    deliveries: Vec<DeliveryFault>,
    counts: BTreeMap<(Service, String), u64>,
}

/// All waiting faults and the request counters of one set of services.
#[derive(Default)]
pub struct Faults {
    state: Mutex<State>,
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault; of several that match a request, the oldest is used up first.
    pub fn add(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Adds a disturbance of message delivery.
    pub fn add_delivery(&self, fault: DeliveryFault) {
        self.state().deliveries.push(fault);
    }

    /// Removes every waiting fault.
    pub fn clear(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.deliveries.clear();
    }

    /// Requests so far by service and operation, those hit by a fault included.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(Service, String), u64> {
        self.state().counts.clone()
    }

    /// Sets all request counters back to nothing.
    pub fn reset_counts(&self) {
        self.state().counts.clear();
    }

    /// Counts a request and answers what is to go wrong with it.
    pub(crate) fn take(&self, service: Service, operation: &str) -> Option<FaultKind> {
        let mut state = self.state();
        *state.counts.entry((service, operation.to_owned())).or_default() += 1;
        let matches = |f: &Fault| f.service == service && f.operation.as_deref().is_none_or(|o| o == operation);
        let index = state.faults.iter().position(matches)?;
        let fault = &mut state.faults[index];
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times = fault.times.saturating_sub(1);
        let kind = fault.kind.clone();
        if fault.times == 0 {
            state.faults.remove(index);
        }
        Some(kind)
    }

    /// Answers how the next message of `queue` is to be delivered.
    pub(crate) fn take_delivery(&self, queue: &str) -> Delivery {
        let mut delivery = Delivery { copies: 1, delay_ms: 0 };
        let mut state = self.state();
        for fault in state.deliveries.iter_mut().filter(|f| f.queue == queue) {
            fault.times = fault.times.saturating_sub(1);
            match fault.kind {
                DeliveryKind::Duplicate => delivery.copies += 1,
                DeliveryKind::Delay { ms } => delivery.delay_ms += ms,
                DeliveryKind::Reorder { gap_ms } => delivery.delay_ms += gap_ms * u64::from(fault.times),
            }
        }
        state.deliveries.retain(|f| f.times > 0);
        delivery
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_for_its_operation_and_is_used_up() {
        let faults = Faults::default();
        let kind = FaultKind::FailAfter;
        faults.add(Fault {
            service: Service::DynamoDb,
            operation: Some("PutItem".into()),
            kind: kind.clone(),
            skip: 1,
            times: 1,
        });
        assert_eq!(faults.take(Service::DynamoDb, "Query"), None);
        assert_eq!(faults.take(Service::DynamoDb, "PutItem"), None);
        assert_eq!(faults.take(Service::DynamoDb, "PutItem"), Some(kind));
        assert_eq!(faults.take(Service::DynamoDb, "PutItem"), None);
        assert_eq!(faults.counts()[&(Service::DynamoDb, "PutItem".to_owned())], 3);
    }

    #[test]
    fn reordered_messages_wait_less_and_less() {
        let faults = Faults::default();
        faults.add_delivery(DeliveryFault {
            queue: "import".into(),
            kind: DeliveryKind::Reorder { gap_ms: 10 },
            times: 3,
        });
        let delays: Vec<u64> = (0..4).map(|_| faults.take_delivery("import").delay_ms).collect();
        assert_eq!(delays, [20, 10, 0, 0]);
    }
}
