//! The whole stand-in: started, described, stopped.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use axum::http::HeaderValue;
use muster_fakes::Fakes;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    addresses::{Addresses, addresses, environment, reachable},
    controls::Controls,
    function::FUNCTIONS,
    http,
    issuer::{Key, MOMENT, own_grant},
    lambda::{Lambda, Settings, program},
    mapping::{MAPPINGS, Pace, poll},
    options::Options,
    schedule,
    services::Services,
    sftp::SftpServer,
    sqs::QUEUES,
};

/// How often expired items are deleted and idle processes ended.
const SWEEP: Duration = Duration::from_secs(10);

/// Where the functions' clock stands, in the data folder; without it they go by the machine's.
pub(crate) const CLOCK_FILE: &str = "clock";

/// A running stack.
pub struct Stack {
    addresses: Addresses,
    services: Services,
    lambda: Lambda,
    controls: Controls,
    environment: Vec<(String, String)>,
    sftp: Option<SftpServer>,
    http: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    tasks: Vec<JoinHandle<()>>,
    fakes: Option<Fakes>,
    folder: PathBuf,
    _lock: File,
    _temporary: Option<TempDir>,
}

impl Stack {
    /// Starts every part; when this returns, all of them can be reached.
    ///
    /// # Errors
    /// When the data folder is in use or unreadable, or an address cannot be listened on.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let (folder, temporary) = data_folder(&options)?;
        let lock = lock(&folder)?;
        let services = if options.in_memory {
            Services::in_memory(&options.bucket, &options.table)?
        } else {
            Services::open(&folder, &options.bucket, &options.table)?
        };
        let listener = listen("HTTP", options.http, "--http").await?;
        let http = listener.local_addr()?;
        let sftp = listen("SFTP", options.sftp, "--sftp").await?;
        let addresses = addresses(http, sftp.local_addr()?, &options);
        services.sqs.set_base(&addresses.sqs);
        set_queue_policies(&services, &options)?;
        let key = issuer_key(&folder).await?;
        let environment = environment(&addresses, &services, &options, &folder);
        let lambda = Lambda::new(settings(http, environment.clone(), &options)?, services.clock.clone());
        let sftp = SftpServer::start(sftp, &folder, &services, &options.bucket, &lambda).await?;
        let controls = Controls::new(services.clone(), lambda.clone(), folder.join(CLOCK_FILE));
        controls.set_clock(None)?;
        let issuer = (addresses.http.as_str(), &key);
        let (stop_http, stop) = oneshot::channel();
        let console = options.console_origin.as_deref().map(HeaderValue::from_str).transpose();
        let console = console.context("the console's origin cannot stand in a header")?;
        let services_of = services.clone();
        let server = http::serve(listener, services_of, &lambda, controls.clone(), issuer, console.as_ref(), stop);
        let http = Some((stop_http, server));
        let mut tasks = vec![tokio::spawn(sweep(services.clone(), lambda.clone()))];
        if options.deliver {
            let pace = Pace { concurrency: options.concurrency, retry: options.retry, paused: controls.paused() };
            tasks.extend(MAPPINGS.map(|m| tokio::spawn(poll(m, services.sqs.clone(), lambda.clone(), pace.clone()))));
        }
        if let Some(every) = options.schedule {
            tasks.push(tokio::spawn(schedule::run(lambda.clone(), every, controls.paused())));
        }
        let fakes = match options.fakes {
            Some(address) => Some(Fakes::start(address).await?),
            None => None,
        };
        let stack = Self {
            addresses,
            services,
            lambda,
            controls,
            environment,
            sftp: Some(sftp),
            http,
            tasks,
            fakes,
            folder,
            _lock: lock,
            _temporary: temporary,
        };
        // Under its name only when it is whole: others wait for it.
        let unfinished = stack.folder.join("ready.new");
        std::fs::write(&unfinished, stack.ready_json().to_string())?;
        std::fs::rename(unfinished, stack.ready_file())?;
        Ok(stack)
    }

    /// Where the parts can be reached.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The switches.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.controls
    }

    /// The services, without sockets in between.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The environment that the function processes get: what an AWS SDK needs to reach this stack.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Where the fake providers listen, as `http://host:port`.
    #[must_use]
    pub fn fakes(&self) -> Option<String> {
        self.fakes.as_ref().map(|fakes| format!("http://{}", fakes.address()))
    }

    /// A token of the bundled issuer, with which an admin of that account asks the admin API.
    ///
    /// # Errors
    /// When the issuer's key cannot be read.
    pub fn admin_token(&self, account: &str) -> anyhow::Result<String> {
        Key::read(&self.folder)?.sign(&own_grant(Some(account)).claims(&self.addresses.http, MOMENT))
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.join("ready.json")
    }

    fn ready_json(&self) -> Value {
        let queues: serde_json::Map<String, Value> =
            QUEUES.iter().map(|q| ((*q).to_owned(), json!(self.services.sqs.url(q)))).collect();
        let environment: serde_json::Map<String, Value> =
            self.environment.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let mut ready: Value = serde_json::from_str(&self.addresses.ready_line()).unwrap_or_default();
        ready["control"] = json!(format!("{}/control", self.addresses.http));
        ready["queues"] = Value::Object(queues);
        ready["environment"] = Value::Object(environment);
        ready["fakes"] = json!(self.fakes());
        ready["pid"] = json!(std::process::id());
        ready
    }

    /// Stops every part. No function process is left when this returns.
    pub async fn stop(mut self) {
        let _ = std::fs::remove_file(self.ready_file());
        // Pollers first, so that nothing is started any more; HTTP last, so that nobody's request is cut off.
        self.tasks.drain(..).for_each(|t| t.abort());
        self.lambda.stop().await;
        if let Some(sftp) = self.sftp.take() {
            sftp.stop().await;
        }
        if let Some((stop, mut task)) = self.http.take() {
            drop(stop);
            if tokio::time::timeout(Duration::from_secs(1), &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let _ = std::fs::remove_file(self.ready_file());
    }
}

/// Reads what a running stack wrote about itself into its data folder.
///
/// # Errors
/// When no stack runs there.
pub fn running(data: &Path) -> anyhow::Result<Value> {
    let file = data.join("ready.json");
    let text = std::fs::read_to_string(&file).map_err(|e| {
        anyhow::anyhow!("{}: {e}; start one with `muster-local up --data {}`", file.display(), data.display())
    })?;
    if lock(data).is_ok() {
        anyhow::bail!(
            "{} was left by a process that is gone; start one with `muster-local up --data {}`",
            file.display(),
            data.display()
        );
    }
    Ok(serde_json::from_str(&text)?)
}

fn data_folder(options: &Options) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    match &options.data {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|e| anyhow::anyhow!("data folder {}: {e}", folder.display()))?;
            Ok((folder.canonicalize()?, None))
        }
        None => {
            let temporary = tempfile::tempdir()?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}

/// The lock is held by the open file: it goes away with the process, however that ends.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!(
            "data folder {} is in use by another muster-local; stop that one or choose another --data",
            folder.display()
        )
    })?;
    Ok(file)
}

/// Made at the first start, which takes a moment.
async fn issuer_key(folder: &Path) -> anyhow::Result<Key> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || Key::open(&folder)).await?
}

async fn listen(what: &str, address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    let help = format!("choose another address with {option}, port 0 takes any free port");
    let listener = TcpListener::bind(address).await;
    listener.map_err(|e| anyhow::anyhow!("could not listen on {address} for {what}: {e}; {help}"))
}

fn set_queue_policies(services: &Services, options: &Options) -> anyhow::Result<()> {
    for queue in QUEUES {
        let function = MAPPINGS.iter().find(|mapping| mapping.queue == queue).map(|mapping| mapping.function);
        let timeout = function.and_then(|function| options.own_timeouts.get(function));
        let visibility = timeout.map_or(options.visibility, |timeout| *timeout * 6);
        let visibility_ms = u64::try_from(visibility.as_millis())?;
        let own = options.import_max_receive.filter(|_| queue == "import");
        services.sqs.set_policy(queue, Some(visibility_ms), Some(own.unwrap_or(options.max_receive)))?;
    }
    Ok(())
}

fn settings(http: SocketAddr, env: Vec<(String, String)>, options: &Options) -> anyhow::Result<Settings> {
    let functions = options.functions.as_deref().map(complete).transpose()?;
    Ok(Settings {
        functions,
        exe: options.function_exe.clone().map_or_else(std::env::current_exe, Ok)?,
        args: options.function_args.clone(),
        env,
        api: format!("http://{}/runtime", reachable(http)),
        timeout: options.function_timeout,
        own_timeouts: options.own_timeouts.clone(),
        idle: options.function_idle,
        print_logs: options.function_logs,
        log_watch: options.log_watch,
    })
}

/// The folder, with the program of every function in it, as an absolute path.
fn complete(folder: &Path) -> anyhow::Result<PathBuf> {
    for function in FUNCTIONS {
        let file = program(folder, function);
        let help = "unpack the zips of infra/release/zips there, each into a folder of its function's name";
        anyhow::ensure!(file.is_file(), "there is no {}; {help}", file.display());
    }
    folder.canonicalize().with_context(|| format!("{} cannot be used", folder.display()))
}

async fn sweep(services: Services, lambda: Lambda) {
    loop {
        tokio::time::sleep(SWEEP).await;
        lambda.reap();
        let dynamodb = services.dynamodb.clone();
        let swept = tokio::task::spawn_blocking(move || dynamodb.sweep_expired()).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!("could not delete expired items: {error}");
        }
    }
}
