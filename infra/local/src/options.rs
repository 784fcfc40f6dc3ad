//! How a stack is to be started.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The functions whose time the template sets and tests do not shorten, in seconds.
const OWN_TIMEOUTS: [(&str, u64); 5] =
    [("sftp-identity", 10), ("webhook-intake", 10), ("webhook-apply", 120), ("scheduled-poll", 900), ("admin-api", 30)];

/// Everything that can be chosen about a stack; the default is right for a test.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; a temporary one that goes away with the stack when absent.
    pub data: Option<PathBuf>,
    /// Keeps objects, items, messages and mails in memory, whatever `data` says.
    pub in_memory: bool,
    /// Where HTTP listens; port 0 for any free one.
    pub http: SocketAddr,
    /// Where SFTP listens; port 0 for any free one.
    pub sftp: SocketAddr,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// The sender of report mails.
    pub mail_from: String,
    /// A folder with `NAME/bootstrap` for each function, as the zips of a release hold them; `MUSTER_FUNCTIONS` unless
    /// set. The functions are then these programs, and not the one that `function_exe` names.
    pub functions: Option<PathBuf>,
    /// The program that is every function; this one when absent.
    pub function_exe: Option<PathBuf>,
    /// Its arguments before the function's name.
    pub function_args: Vec<String>,
    /// Environment of the function processes beyond what the stack sets.
    pub extra_env: Vec<(String, String)>,
    /// Whether queues are polled at all. Without it messages stay where they are.
    pub deliver: bool,
    /// How many instances of one function may run at once.
    pub concurrency: usize,
    /// How long a received message stays hidden; longer than `function_timeout`.
    pub visibility: Duration,
    /// How soon a message of a failed invocation comes back the first time; the n-th time n times as late, up to
    /// ten times. (AWS waits for the visibility time.)
    pub retry: Duration,
    /// How often a message is received before it becomes a dead letter. All tries together must outlast
    /// `function_timeout`: so long a killed function's lease lives.
    pub max_receive: u32,
    /// The same for the queue `import`, whose messages also wait while another file of their connection is applied.
    pub import_max_receive: Option<u32>,
    /// How long an invocation may take.
    pub function_timeout: Duration,
    /// The same for functions with a time of their own; their queues hide a message for six times as long.
    pub own_timeouts: BTreeMap<&'static str, Duration>,
    /// How long an instance without work is kept.
    pub function_idle: Duration,
    /// Whether the functions' lines go to standard error.
    pub function_logs: bool,
    /// Told every line that a function writes, as it stands in the logs.
    pub log_watch: Option<fn(&str)>,
    /// How often the schedule looks at what is due; `None` never. (On AWS once a minute.)
    pub schedule: Option<Duration>,
    /// Where the fake providers listen; `None` without them.
    pub fakes: Option<SocketAddr>,
    /// The origin of the web page that may call the admin API from a browser: `http://localhost:5173`.
    pub console_origin: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            data: None,
            in_memory: false,
            http: any,
            sftp: any,
            bucket: "muster-local".to_owned(),
            table: "muster".to_owned(),
            mail_from: "muster@muster.example".to_owned(),
            functions: std::env::var_os("MUSTER_FUNCTIONS").map(PathBuf::from),
            function_exe: None,
            function_args: vec!["--function".to_owned()],
            extra_env: Vec::new(),
            deliver: true,
            concurrency: 4,
            visibility: Duration::from_secs(180),
            retry: Duration::from_secs(1),
            max_receive: 30,
            import_max_receive: None,
            function_timeout: Duration::from_secs(120),
            own_timeouts: OWN_TIMEOUTS.map(|(name, seconds)| (name, Duration::from_secs(seconds))).into(),
            function_idle: Duration::from_secs(60),
            function_logs: true,
            log_watch: None,
            schedule: None,
            fakes: None,
            console_origin: None,
        }
    }
}

impl Options {
    /// For a stack that people work with: files wait up to a quarter of an hour for one another.
    #[must_use]
    pub fn patient() -> Self {
        Self { import_max_receive: Some(100), schedule: Some(Duration::from_secs(2)), ..Self::default() }
    }
}
