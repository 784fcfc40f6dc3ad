//! Lambda: real function processes behind the Lambda Runtime API.

mod api;
mod instance;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, body::Bytes};
use serde::Serialize;
use tokio::time::Instant;

use crate::{clock::Clock, digest, trace};
pub(crate) use instance::{Instance, Invocation, Outcome, program};

/// How many invocations and log lines are remembered.
const REMEMBERED: usize = 10_000;

/// How functions are started and how long they may take.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The program that is every function.
    pub(crate) exe: PathBuf,
    /// The folder of the programs that are used in its place, one a function.
    pub(crate) functions: Option<PathBuf>,
    /// Its arguments before the function's name.
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// Base of the Runtime API, for example `http://127.0.0.1:7300/runtime`.
    pub(crate) api: String,
    pub(crate) timeout: Duration,
    /// The time of functions that have one of their own.
    pub(crate) own_timeouts: BTreeMap<&'static str, Duration>,
    /// An idle instance is ended after this.
    pub(crate) idle: Duration,
    pub(crate) print_logs: bool,
    pub(crate) log_watch: Option<fn(&str)>,
}

/// How one invocation went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvocationRecord {
    /// The function's name.
    pub function: String,
    /// The request id that the function saw.
    pub request: String,
    /// The process that ran it.
    pub pid: u32,
    /// Whether the process was started for it.
    pub cold: bool,
    /// When it began, milliseconds since 1970.
    pub started_ms: u64,
    /// How long it took in milliseconds; absent while it runs.
    pub took_ms: Option<u64>,
    /// `ok`, or why it failed; absent while it runs.
    pub outcome: Option<String>,
}

/// A kill that waits for the next invocation of a function.
struct PlannedKill {
    function: String,
    after: Duration,
}

struct State {
    instances: HashMap<String, Arc<Instance>>,
    idle: HashMap<String, Vec<(Arc<Instance>, Instant)>>,
    kills: Vec<PlannedKill>,
    invocations: VecDeque<InvocationRecord>,
    logs: VecDeque<String>,
    stopping: bool,
}

/// The function service.
#[derive(Clone)]
pub(crate) struct Lambda {
    state: Arc<Mutex<State>>,
    settings: Arc<Settings>,
    clock: Clock,
}

impl Lambda {
    pub(crate) fn new(settings: Settings, clock: Clock) -> Self {
        let state = State {
            instances: HashMap::new(),
            idle: HashMap::new(),
            kills: Vec::new(),
            invocations: VecDeque::new(),
            logs: VecDeque::new(),
            stopping: false,
        };
        Self { state: Arc::new(Mutex::new(state)), settings: Arc::new(settings), clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The routes of the Runtime API; each instance has a path of its own.
    pub(crate) fn router(&self) -> Router {
        api::router(self.clone())
    }

    /// Runs a function once on an instance that has nothing else to do.
    ///
    /// # Errors
    /// The function's own error, a crash, a timeout or a freeze, as text.
    pub(crate) async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, String> {
        self.invoke_in_trace(function, payload, trace::begin(self.clock.now_ms())).await
    }

    /// The same, as a part of a trace.
    ///
    /// # Errors
    /// As [`Lambda::invoke`].
    pub(crate) async fn invoke_in_trace(&self, function: &str, payload: Bytes, trace: String) -> Result<Bytes, String> {
        let (instance, cold) = self.instance_for(function)?;
        let request = digest::random_id();
        let timeout = self.settings.own_timeouts.get(function).copied().unwrap_or(self.settings.timeout);
        let deadline_ms = self.clock.now_ms() + u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.note_start(&instance, &request, cold);
        if let Some(after) = self.planned_kill(function) {
            let doomed = instance.clone();
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                doomed.kill();
            });
        }
        let started = Instant::now();
        let outcome = instance.run(Invocation { id: request.clone(), deadline_ms, trace, payload }, timeout).await;
        self.note_end(&request, started.elapsed(), &outcome);
        match outcome {
            Outcome::Answer(answer) => {
                self.rest(instance);
                Ok(answer)
            }
            Outcome::Error(error) => {
                self.rest(instance);
                Err(error)
            }
            Outcome::Frozen => Err("the instance was frozen".to_owned()),
            Outcome::Timeout => {
                instance.kill();
                Err(format!("timed out after {timeout:?}"))
            }
            Outcome::Crash(how) => Err(how),
        }
    }

    fn instance_for(&self, function: &str) -> Result<(Arc<Instance>, bool), String> {
        let mut state = self.state();
        if state.stopping {
            return Err("the stand-in is stopping".to_owned());
        }
        while let Some((instance, _)) = state.idle.get_mut(function).and_then(Vec::pop) {
            if instance.is_alive() {
                return Ok((instance, false));
            }
        }
        let instance = instance::spawn(function, &self.settings, self)
            .map_err(|e| format!("could not start {}: {e}", self.settings.exe.display()))?;
        state.instances.insert(instance.id.clone(), instance.clone());
        Ok((instance, true))
    }

    fn rest(&self, instance: Arc<Instance>) {
        if instance.is_alive() {
            self.state().idle.entry(instance.function.clone()).or_default().push((instance, Instant::now()));
        }
    }

    fn planned_kill(&self, function: &str) -> Option<Duration> {
        let mut state = self.state();
        let index = state.kills.iter().position(|k| k.function == function)?;
        Some(state.kills.remove(index).after)
    }

    fn note_start(&self, instance: &Instance, request: &str, cold: bool) {
        let record = InvocationRecord {
            function: instance.function.clone(),
            request: request.to_owned(),
            pid: instance.pid,
            cold,
            started_ms: self.clock.now_ms(),
            took_ms: None,
            outcome: None,
        };
        remember(&mut self.state().invocations, record);
    }

    fn note_end(&self, request: &str, took: Duration, outcome: &Outcome) {
        let text = outcome.describe();
        if text != "ok" {
            tracing::warn!(request, "invocation failed: {text}");
        }
        if let Some(record) = self.state().invocations.iter_mut().rev().find(|r| r.request == request) {
            record.took_ms = u64::try_from(took.as_millis()).ok();
            record.outcome = Some(text);
        }
    }

    /// A line that a function wrote.
    pub(crate) fn log(&self, function: &str, line: &str) {
        // Metrics are for machines.
        if self.settings.print_logs && !muster_aws::is_metric(line) {
            eprintln!("[{function}] {line}");
        }
        let line = format!("[{function}] {line}");
        if let Some(watch) = self.settings.log_watch {
            watch(&line);
        }
        remember(&mut self.state().logs, line);
    }

    pub(crate) fn logs(&self) -> Vec<String> {
        self.state().logs.iter().cloned().collect()
    }

    pub(crate) fn invocations(&self) -> Vec<InvocationRecord> {
        self.state().invocations.iter().cloned().collect()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Instance>> {
        self.state().instances.get(id).cloned()
    }

    pub(crate) fn forget(&self, id: &str) {
        self.state().instances.remove(id);
    }

    fn chosen(&self, function: &str, wanted: impl Fn(&Instance) -> bool) -> Vec<Arc<Instance>> {
        self.state()
            .instances
            .values()
            .filter(|i| i.function == function && i.is_alive() && wanted(i))
            .cloned()
            .collect()
    }

    /// Kills every process of a function; answers their ids.
    pub(crate) fn kill(&self, function: &str) -> Vec<u32> {
        let all = self.chosen(function, |_| true);
        all.iter().for_each(|i| i.kill());
        all.iter().map(|i| i.pid).collect()
    }

    /// The next invocation of the function is killed `after` it began.
    pub(crate) fn kill_next(&self, function: &str, after: Duration) {
        self.state().kills.push(PlannedKill { function: function.to_owned(), after });
    }

    /// Stops one process of a function that is at work and gives its invocation up; answers its id.
    pub(crate) async fn freeze(&self, function: &str) -> Option<u32> {
        let instance = self.chosen(function, Instance::is_at_work).pop()?;
        instance.freeze().await.then_some(instance.pid)
    }

    /// Lets every frozen process of a function go on; answers their ids.
    pub(crate) async fn thaw(&self, function: &str) -> Vec<u32> {
        let frozen = self.chosen(function, Instance::is_frozen);
        for instance in &frozen {
            instance.thaw().await;
        }
        frozen.iter().map(|i| i.pid).collect()
    }

    /// The living processes by function.
    pub(crate) fn processes(&self) -> BTreeMap<String, Vec<u32>> {
        let mut processes: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for instance in self.state().instances.values().filter(|i| i.is_alive()) {
            processes.entry(instance.function.clone()).or_default().push(instance.pid);
        }
        processes
    }

    /// Ends instances that have been idle too long.
    pub(crate) fn reap(&self) {
        let keep = self.settings.idle;
        let mut state = self.state();
        for idle in state.idle.values_mut() {
            idle.retain(|(instance, since)| {
                let stays = since.elapsed() < keep && instance.is_alive();
                if !stays {
                    instance.kill();
                }
                stays
            });
        }
    }

    /// Kills every process and waits until none is left.
    pub(crate) async fn stop(&self) {
        let instances: Vec<Arc<Instance>> = {
            let mut state = self.state();
            state.stopping = true;
            state.instances.values().cloned().collect()
        };
        for instance in &instances {
            instance.kill();
        }
        for instance in instances {
            instance.exited().await;
        }
    }
}

fn remember<T>(list: &mut VecDeque<T>, entry: T) {
    if list.len() == REMEMBERED {
        list.pop_front();
    }
    list.push_back(entry);
}
