//! One process of a function: started, given one invocation at a time, killed, frozen.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{Notify, mpsc, oneshot, watch},
};

use super::{Lambda, Settings};
use crate::digest;

/// One event for a function.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) id: String,
    /// Milliseconds since 1970.
    pub(crate) deadline_ms: u64,
    /// The trace header.
    pub(crate) trace: String,
    pub(crate) payload: Bytes,
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(Bytes),
    /// The function reported an error.
    Error(String),
    /// The process ended by itself or was killed.
    Crash(String),
    Timeout,
    Frozen,
}

impl Outcome {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Answer(_) => "ok".to_owned(),
            Self::Error(error) => format!("error: {error}"),
            Self::Crash(how) => how.clone(),
            Self::Timeout => "timeout".to_owned(),
            Self::Frozen => "frozen".to_owned(),
        }
    }
}

/// A running process.
pub(crate) struct Instance {
    pub(super) id: String,
    pub(super) function: String,
    pub(super) pid: u32,
    give: mpsc::UnboundedSender<Invocation>,
    take: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    waiting: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    init_error: Mutex<Option<String>>,
    kill: Notify,
    /// Whether the process has fetched an invocation and not ended it.
    at_work: AtomicBool,
    frozen: AtomicBool,
    exit: watch::Receiver<Option<String>>,
}

/// Starts a process. It asks for its invocations under its own path of the Runtime API.
pub(super) fn spawn(function: &str, settings: &Settings, lambda: &Lambda) -> std::io::Result<Arc<Instance>> {
    let id = digest::random_hex();
    let mut child = command(function, &id, settings).spawn()?;
    let pid = child.id().unwrap_or_default();
    follow(child.stdout.take(), function, lambda);
    follow(child.stderr.take(), function, lambda);
    let (give, take) = mpsc::unbounded_channel();
    let (exited, exit) = watch::channel(None);
    let instance = Arc::new(Instance {
        id,
        function: function.to_owned(),
        pid,
        give,
        take: tokio::sync::Mutex::new(take),
        waiting: Mutex::new(None),
        init_error: Mutex::new(None),
        kill: Notify::new(),
        at_work: AtomicBool::new(false),
        frozen: AtomicBool::new(false),
        exit,
    });
    tokio::spawn(supervise(child, instance.clone(), exited, lambda.clone()));
    Ok(instance)
}

/// What a person may have set for the real AWS and a function must not see.
const FOREIGN: [&str; 6] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
];

/// Where the program of a function lies in a folder of unpacked zips.
pub(crate) fn program(folder: &Path, function: &str) -> PathBuf {
    folder.join(function).join("bootstrap")
}

fn command(function: &str, id: &str, settings: &Settings) -> Command {
    let mut command = match &settings.functions {
        Some(folder) => Command::new(program(folder, function)),
        None => Command::new(&settings.exe),
    };
    if settings.functions.is_none() {
        command.args(&settings.args).arg(function);
    }
    for inherited in FOREIGN {
        command.env_remove(inherited);
    }
    command
        .envs(settings.env.iter().map(|(k, v)| (k, v)))
        .env("AWS_LAMBDA_RUNTIME_API", format!("{}/{id}", settings.api))
        .env("AWS_LAMBDA_FUNCTION_NAME", function)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{function}"))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", id)
        .env(crate::function::STDIN_IS_PARENT, "1")
        // The pipe closes when this process ends, however it ends; that ends the child.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C in the terminal is for the parent alone.
        .process_group(0)
        .kill_on_drop(true);
    command
}

fn follow(output: Option<impl AsyncRead + Unpin + Send + 'static>, function: &str, lambda: &Lambda) {
    let Some(output) = output else { return };
    let (function, lambda) = (function.to_owned(), lambda.clone());
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            lambda.log(&function, &line);
        }
    });
}

async fn supervise(mut child: Child, instance: Arc<Instance>, exited: watch::Sender<Option<String>>, lambda: Lambda) {
    let stdin = child.stdin.take();
    let status = tokio::select! {
        status = child.wait() => status,
        () = instance.kill.notified() => {
            let _ = child.start_kill();
            child.wait().await
        }
    };
    drop(stdin);
    let how = status.map_or_else(|e| e.to_string(), |s| s.to_string());
    let how = match instance.init_error.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => format!("init error: {error}"),
        None => format!("the process ended: {how}"),
    };
    lambda.forget(&instance.id);
    let _ = exited.send(Some(how));
}

impl Instance {
    /// Gives the process an invocation and waits for its end.
    pub(super) async fn run(&self, invocation: Invocation, timeout: Duration) -> Outcome {
        let (answer, answered) = oneshot::channel();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.id.clone(), answer));
        let _ = self.give.send(invocation);
        let outcome = tokio::select! {
            // An answer that came before the process ended counts.
            biased;
            outcome = answered => outcome.unwrap_or(Outcome::Frozen),
            how = self.exited() => Outcome::Crash(how),
            () = tokio::time::sleep(timeout) => Outcome::Timeout,
        };
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.at_work.store(false, Ordering::SeqCst);
        outcome
    }

    /// Waits for the next invocation; none when this instance was given up.
    pub(super) async fn next(&self) -> Option<Invocation> {
        if self.frozen.load(Ordering::SeqCst) {
            return None;
        }
        let invocation = self.take.lock().await.recv().await;
        self.at_work.store(true, Ordering::SeqCst);
        invocation
    }

    /// Ends the invocation with this id; false when nobody waits for it any more.
    pub(super) fn finish(&self, request: &str, outcome: Outcome) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.take_if(|(id, _)| id == request) {
            Some((_, answer)) => answer.send(outcome).is_ok(),
            None => false,
        }
    }

    /// The process says that it cannot start; it will end by itself.
    pub(super) fn fail_init(&self, error: String) {
        *self.init_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(super) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::SeqCst)
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::SeqCst)
    }

    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }

    /// Stops the process; its invocation counts as failed and it gets no other. False when it could not be stopped.
    pub(super) async fn freeze(&self) -> bool {
        if !signal("STOP", self.pid).await {
            return false;
        }
        self.frozen.store(true, Ordering::SeqCst);
        // Dropping the sender is what tells the waiting side.
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
        true
    }

    pub(super) async fn thaw(&self) {
        signal("CONT", self.pid).await;
    }

    /// Waits until the process has ended; answers how.
    pub(super) async fn exited(&self) -> String {
        let mut exit = self.exit.clone();
        let how = exit.wait_for(Option::is_some).await.ok().and_then(|how| how.clone());
        how.unwrap_or_else(|| "the process ended".to_owned())
    }
}

/// `kill` as every shell has it built in: a signal without unsafe code.
async fn signal(name: &str, pid: u32) -> bool {
    let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()]).status().await;
    status.is_ok_and(|s| s.success())
}
