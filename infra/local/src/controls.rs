//! The switches of a running stack: what a test or a person can make go wrong.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use tokio::sync::watch;

use crate::{
    faults::{DeliveryFault, Fault},
    lambda::{InvocationRecord, Lambda},
    services::Services,
    sqs::{QueueCounts, SqsError, is_dead_letters},
};

/// Everything that can be switched while the stack runs. Cheap to clone.
#[derive(Clone)]
pub struct Controls {
    services: Services,
    lambda: Lambda,
    paused: watch::Sender<bool>,
    clock_file: PathBuf,
}

impl Controls {
    pub(crate) fn new(services: Services, lambda: Lambda, clock_file: PathBuf) -> Self {
        Self { services, lambda, paused: watch::Sender::new(false), clock_file }
    }

    pub(crate) fn paused(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    /// Stops bringing messages to the functions, or goes on; invocations under way end as usual.
    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Stops the functions' clock at `now_ms` (milliseconds since 1970), or lets them go by the machine's again. The
    /// services go by the machine's all the time.
    ///
    /// # Errors
    /// When the data folder cannot be written to.
    pub fn set_clock(&self, now_ms: Option<i64>) -> std::io::Result<()> {
        let Some(now_ms) = now_ms else {
            return match std::fs::remove_file(&self.clock_file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        };
        // Under its name only when it is whole: functions read it at any time.
        let unfinished = self.clock_file.with_extension("new");
        std::fs::write(&unfinished, now_ms.to_string())?;
        std::fs::rename(unfinished, &self.clock_file)
    }

    /// Makes requests to a service go wrong.
    pub fn fault(&self, fault: Fault) {
        self.services.faults.add(fault);
    }

    /// Duplicates, delays or reorders messages.
    pub fn delivery(&self, fault: DeliveryFault) {
        self.services.faults.add_delivery(fault);
    }

    /// Takes every waiting fault back.
    pub fn clear_faults(&self) {
        self.services.faults.clear();
    }

    /// Requests so far by service and operation: `{"dynamodb": {"PutItem": 3}}`.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut requests: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for ((service, operation), count) in self.services.faults.counts() {
            requests.entry(format!("{service:?}").to_lowercase()).or_default().insert(operation, count);
        }
        requests
    }

    /// Sets the request counters back.
    pub fn reset_requests(&self) {
        self.services.faults.reset_counts();
    }

    /// Kills every process of a function with SIGKILL; answers their process ids.
    #[must_use]
    pub fn kill(&self, function: &str) -> Vec<u32> {
        self.lambda.kill(function)
    }

    /// Kills the process of the next invocation of a function, `after` it began.
    pub fn kill_next(&self, function: &str, after: Duration) {
        self.lambda.kill_next(function, after);
    }

    /// Stops (SIGSTOP) one process of a function that is at work. Its invocation fails at once, so that its messages
    /// come back to another process, while it waits for [`Controls::thaw`]. Answers its process id.
    pub async fn freeze(&self, function: &str) -> Option<u32> {
        self.lambda.freeze(function).await
    }

    /// Lets the frozen processes of a function go on (SIGCONT); answers their process ids.
    pub async fn thaw(&self, function: &str) -> Vec<u32> {
        self.lambda.thaw(function).await
    }

    /// Sets the visibility time (milliseconds) and the number of receives before a message of `queue` is a dead letter.
    ///
    /// # Errors
    /// When there is no such queue.
    pub fn queue(&self, queue: &str, visibility_ms: Option<u64>, max_receive: Option<u32>) -> Result<(), SqsError> {
        self.services.sqs.set_policy(queue, visibility_ms, max_receive)
    }

    /// Moves the dead letters of `queue` back into it; answers how many.
    ///
    /// # Errors
    /// When there is no such queue or its journal cannot be written.
    pub fn redrive(&self, queue: &str) -> Result<usize, SqsError> {
        self.services.sqs.redrive(queue)
    }

    /// How many messages each queue holds.
    #[must_use]
    pub fn queues(&self) -> BTreeMap<String, QueueCounts> {
        self.services.sqs.counts()
    }

    /// Whether no message waits or is at work, dead letters aside.
    #[must_use]
    pub fn quiet(&self) -> bool {
        self.queues().iter().all(|(name, counts)| is_dead_letters(name) || counts.total() == 0)
    }

    /// The invocations so far, oldest first.
    #[must_use]
    pub fn invocations(&self) -> Vec<InvocationRecord> {
        self.lambda.invocations()
    }

    /// What the functions wrote, oldest first, each line with the function's name.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.lambda.logs()
    }

    /// The ids of the living function processes.
    #[must_use]
    pub fn processes(&self) -> BTreeMap<String, Vec<u32>> {
        self.lambda.processes()
    }
}
