//! What the use cases need of the world. Each method is one request to one service.

use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::rc::Rc;

use muster_connectors::{HttpRequest, Secret};
use muster_core::format::{self, Format};
use muster_core::ids::{AccountId, ConnectionId, RunId};
use serde::{Deserialize, Serialize};

use crate::{
    Connection, ConnectionStatus, EventWhat, Feed, Login, MailKind, MailState, PersonMark, PlanRef, PortError,
    Position, ProductEvent, Removal, Run, RunCounts, RunState, WaitingPlans,
};

type Answer<T> = Result<T, PortError>;

/// The time, in milliseconds since 1970.
pub trait Clock {
    /// Now.
    fn now_ms(&self) -> i64;
}

impl<T: Clock + ?Sized> Clock for Box<T> {
    fn now_ms(&self) -> i64 {
        (**self).now_ms()
    }
}

impl<T: Clock + ?Sized> Clock for Rc<T> {
    fn now_ms(&self) -> i64 {
        (**self).now_ms()
    }
}

/// What opening a run found.
#[derive(Debug)]
pub enum Opened {
    /// The cause is new; the run is stored.
    New,
    /// The cause was seen before.
    Existing(Box<Run>),
}

/// Who asks for a connection's lease, and how long.
#[derive(Debug, Clone, Copy)]
pub struct TakeLease<'a> {
    /// The connection.
    pub connection: (&'a AccountId, &'a ConnectionId),
    /// Names this very delivery.
    pub holder: &'a str,
    /// Now.
    pub now_ms: i64,
    /// Until when it is asked for.
    pub until_ms: i64,
}

/// What asking for a lease found.
#[derive(Debug)]
pub enum Claim {
    /// It is ours; the connection as it is now, with our fencing number.
    Ours(Box<Connection>),
    /// Another works on it.
    Busy,
}

/// The step that makes a plan count.
#[derive(Debug)]
pub struct CommitPlan<'a> {
    /// The run as stored before.
    pub run: &'a Run,
    /// The connection as the lease showed it.
    pub connection: &'a Connection,
    /// The plan.
    pub plan: &'a PlanRef,
    /// What it adds up to.
    pub counts: RunCounts,
    /// Why it is held; empty means that it is applied at once.
    pub held: &'a [String],
    /// The source's place among the connection's sources; `None` for rollbacks.
    pub position: Option<&'a Position>,
    /// The waiting run that this one replaces.
    pub replaces: Option<&'a RunId>,
    /// The mark of the one person whom the plan is about.
    pub person: Option<(&'a str, &'a PersonMark)>,
    /// Now.
    pub now_ms: i64,
}

/// The step that ends a run whose every chunk is written.
#[derive(Debug)]
pub struct Finish<'a> {
    /// The run as stored.
    pub run: &'a Run,
    /// The connection as stored.
    pub connection: &'a Connection,
    /// Where the roster now lies; `None` makes the next run rebuild it.
    pub roster: Option<String>,
    /// People the connection owns now.
    pub owned: u64,
    /// Rows of the file, for the next run's gate.
    pub rows: Option<u64>,
    /// The grouping fields whose values the connection's people now carry; empty where not all carry the same.
    pub grouped_by: &'a str,
    /// The removals of the last 7 days, with this run's.
    pub removals: Vec<Removal>,
    /// What the connection remembers from now on, where that changes; its `version` is still the one read.
    pub feed: Option<Feed>,
    /// When the schedule looks at the connection next, where that changes.
    pub due_ms: Option<i64>,
    /// Whether a mail tells of it. Runs of single events are told by the next listing's report.
    pub mail: bool,
    /// Whether plans made before are void now. Runs of single events leave waiting plans as they are: a plan writes
    /// nobody who changed since it was made.
    pub voids_plans: bool,
    /// Whether the connection is deleted with it.
    pub deletes: bool,
    /// Whether its source was read for it: that confirms the connection, and shows that it works.
    pub by_sync: bool,
    /// Now.
    pub now_ms: i64,
}

/// The step to an end without applying, or from held to applying.
#[derive(Debug)]
pub struct Transition<'a> {
    /// The run as stored.
    pub run: &'a Run,
    /// The connection as stored.
    pub connection: &'a Connection,
    /// The new state.
    pub to: RunState,
    /// Why, for people.
    pub reason: Option<&'a str>,
    /// Whether a mail tells of it.
    pub mail: bool,
    /// How the connection stands from now on; `None` leaves that to the run's end (failed → error). A connection
    /// that a person switched off stays so.
    pub status: Option<ConnectionStatus>,
    /// What the connection remembers from now on, where that changes; its `version` is still the one read.
    pub feed: Option<Feed>,
    /// When the schedule looks at the connection next, where that changes.
    pub due_ms: Option<i64>,
    /// The mark of the one person whom the run was about.
    pub person: Option<(&'a str, &'a PersonMark)>,
    /// Now.
    pub now_ms: i64,
}

impl<'a> Transition<'a> {
    /// To an end that a mail tells of and that changes nothing else.
    pub fn told(run: &'a Run, connection: &'a Connection, to: RunState, reason: Option<&'a str>, now_ms: i64) -> Self {
        Self { run, connection, to, reason, mail: true, status: None, feed: None, due_ms: None, person: None, now_ms }
    }
}

/// A change of what a connection remembers, outside of runs' ends.
#[derive(Debug)]
pub struct FeedChange<'a> {
    /// The connection as read; nothing is saved when its feed was changed meanwhile.
    pub connection: &'a Connection,
    /// What it remembers from now on; its `version` is still the one read.
    pub feed: Feed,
    /// When the schedule looks at it next; `None` never.
    pub due_ms: Option<i64>,
    /// How it stands from now on; `None` leaves that. A connection that a person switched off stays so.
    pub status: Option<ConnectionStatus>,
}

/// Which runs are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpan {
    /// Only those received at this time or later, in milliseconds since 1970.
    pub from_ms: i64,
    /// Only those received at this time or earlier, in milliseconds since 1970.
    pub to_ms: i64,
    /// Only those older than this one (time, then id).
    pub before: Option<(i64, RunId)>,
    /// At most so many.
    pub most: u32,
}

/// Connections, runs and mails as items whose changes are conditional.
///
/// Every method that changes something answers `Ok(false)` (or says so in its own type) when its
/// condition does not hold: somebody else was first, and the caller reads again.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Ledger {
    /// The connection, read strongly consistent.
    async fn connection(&self, account: &AccountId, id: &ConnectionId) -> Answer<Option<Connection>>;
    /// What an SFTP login stands for.
    async fn login(&self, user: &str) -> Answer<Option<Login>>;
    /// The run, read strongly consistent.
    async fn run(&self, account: &AccountId, connection: &ConnectionId, id: &RunId) -> Answer<Option<Run>>;
    /// The connection's runs, newest first.
    async fn runs(&self, account: &AccountId, connection: &ConnectionId) -> Answer<Vec<Run>>;
    /// Ids of the connection's runs in the span, newest first, with when they were received; runs of single events are
    /// not among them. A run of the last second may be missing. The last one goes on as the next span's `before`.
    async fn newest_runs(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        span: &RunSpan,
    ) -> Answer<Vec<(i64, RunId)>>;
    /// Those of the connection's runs (at most 100 ids) that are stored, in any order.
    async fn runs_of(&self, account: &AccountId, connection: &ConnectionId, ids: &[RunId]) -> Answer<Vec<Run>>;
    /// Stores a run unless its cause has one.
    async fn open_run(&self, run: &Run) -> Answer<Opened>;
    /// Takes the lease if nobody holds it; the connection's fencing number grows by one.
    async fn take_lease(&self, ask: TakeLease<'_>) -> Answer<Claim>;
    /// Gives the lease back, if `fence` is still the newest.
    async fn release_lease(&self, connection: &Connection) -> Answer<()>;
    /// Makes a plan count, in one transaction over run, connection, replaced run and mail.
    async fn commit_plan(&self, commit: &CommitPlan<'_>) -> Answer<bool>;
    /// Held → applying with a new fencing number: only while the directory is as the plan saw it.
    async fn approve(&self, run: &Run, connection: &Connection, now_ms: i64) -> Answer<bool>;
    /// Held → received: the plan is made anew.
    async fn replan(&self, run: &Run) -> Answer<bool>;
    /// Marks a chunk as written; answers the run after it, or `None` when the run has moved on.
    async fn chunk_done(&self, run: &Run, chunk: u32, conflicts: u64) -> Answer<Option<Run>>;
    /// Applying → applied, in one transaction over run, connection and mail.
    async fn finish(&self, finish: &Finish<'_>) -> Answer<bool>;
    /// To a final state without applying, in one transaction over run, connection and mail.
    async fn close(&self, transition: &Transition<'_>) -> Answer<bool>;
    /// Saves what a connection remembers. `Ok(false)` when it was changed meanwhile.
    async fn save_feed(&self, change: &FeedChange<'_>) -> Answer<bool>;
    /// At most `most` connections whose time has come, the longest due first.
    async fn due(&self, now_ms: i64, most: u16) -> Answer<Vec<Login>>;
    /// The plans that wait for a decision, over all accounts; at most 1,000 are counted.
    async fn waiting_plans(&self) -> Answer<WaitingPlans>;
    /// Which connection a provider's webhooks call by this name, one of [`Connection::routes`].
    async fn route(&self, route: &str) -> Answer<Option<Login>>;
    /// The high-water mark of a person, by the provider's id.
    async fn person_mark(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        person: &str,
    ) -> Answer<Option<PersonMark>>;
    /// Makes `holder` the one who collects a run's listing until then, unless another does; answers what was kept
    /// so far (empty at first). `None`: another collects.
    async fn take_poll(&self, run: &Run, holder: &str, now_ms: i64, until_ms: i64) -> Answer<Option<String>>;
    /// Keeps how far collecting is, and until when; `until_ms` 0 lets the next one take it at once. `Ok(false)`: the
    /// holder is another one now.
    async fn keep_poll(&self, run: &Run, holder: &str, progress: &str, until_ms: i64) -> Answer<bool>;
    /// What was kept of how far collecting a run's listing is, whoever collects it; `None` where nothing was. Takes
    /// nothing.
    async fn kept_poll(&self, run: &Run) -> Answer<Option<String>>;
    /// Takes a pending mail to send it, or one whose sender died more than `patience_ms` ago.
    async fn take_mail(&self, mail: &OutboxMail, now_ms: i64, patience_ms: i64) -> Answer<Posted>;
    /// Says how sending went.
    async fn settle_mail(&self, mail: &OutboxMail, state: &MailState) -> Answer<()>;
    /// The groups' known values of a connection's grouping fields, as `(field name, folded value, shown value)`.
    async fn group_values(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
    ) -> Answer<Vec<(String, String, String)>>;
    /// Stores group values; those that are there stay as they are.
    async fn add_group_values(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        values: &[(String, String, String)],
    ) -> Answer<()>;
    /// Forgets a known value; one that is not known stays so.
    async fn forget_group_value(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        field: &str,
        folded: &str,
    ) -> Answer<()>;
}

/// Names one mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMail {
    /// The account's id.
    pub account: String,
    /// The connection's id.
    pub connection: String,
    /// The run's id.
    pub run: String,
    /// Which change of state.
    pub kind: MailKind,
}

impl OutboxMail {
    /// The mail of `kind` about a run.
    pub fn of(run: &Run, kind: MailKind) -> Self {
        Self { account: run.account.to_string(), connection: run.connection.to_string(), run: run.id.to_string(), kind }
    }
}

/// What asking for a mail found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// Ours to send, for the first time.
    First,
    /// Ours to send again: an earlier sender never heard whether the service took it.
    Again,
    /// Another sender is at it, or its answer is still awaited.
    Wait,
    /// Sent or given up, or no such mail.
    Done,
}

/// What a login may show to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The password's hash, in the form of whoever checks it; `None` where only keys are taken.
    pub password_hash: Option<String>,
    /// Public keys, one line each.
    pub keys: Vec<String>,
    /// Addresses and networks (`192.0.2.0/24`, `2001:db8::/32`) that may log in; empty lets all.
    pub allowed_ips: Vec<String>,
    /// Whether nobody is let in, whatever they show.
    pub locked: bool,
}

/// Credentials are secrets: logs see only how many keys there are.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({} keys)", self.keys.len())
    }
}

/// What people and programs that administer connections do with them; no function that syncs may.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Admin {
    /// Saves a connection: a new one whole, of a known one its settings, status, login, routes and due time only.
    /// Routes that another connection has are not taken from it ([`Ledger::route`] tells whose they are).
    /// `Ok(false)` when it is there already, or its settings version is not the expected one.
    async fn save_connection(&self, connection: &Connection, expected_settings_version: Option<u64>) -> Answer<bool>;
    /// Saves an SFTP login. `Ok(false)` when the user name stands for another connection.
    async fn put_login(&self, user: &str, login: &Login, credentials: &Credentials) -> Answer<bool>;
    /// What an SFTP login stands for, and what lets it in.
    async fn credentials(&self, user: &str) -> Answer<Option<(Login, Credentials)>>;
    /// The account's connections, by id.
    async fn connections(&self, account: &AccountId) -> Answer<Vec<ConnectionId>>;
    /// Makes an account known that has no connection yet; one that is known stays as it is.
    async fn add_account(&self, account: &AccountId) -> Answer<()>;
    /// All accounts, by id.
    async fn accounts(&self) -> Answer<Vec<AccountId>>;
}

/// A fetched object version.
#[derive(Debug)]
pub struct Fetched {
    /// The bytes, in a temporary file, at its beginning.
    pub file: File,
    /// How many.
    pub size: u64,
    /// The object's last change, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Who uploaded it, where the upload service says so: `user@server`.
    pub uploader: Option<String>,
}

/// Objects on S3.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Objects {
    /// The exact version of an object, spooled to a temporary file; `None` when it is gone.
    async fn fetch(&self, key: &str, version: Option<&str>) -> Answer<Option<Fetched>>;
    /// A small object whole; `None` when it is not there.
    async fn read(&self, key: &str) -> Answer<Option<Vec<u8>>>;
    /// Stores an object.
    async fn write(&self, key: &str, bytes: Vec<u8>, kind: &'static str) -> Answer<()>;
    /// Stores a file from its beginning.
    async fn write_file(&self, key: &str, file: File, kind: &'static str) -> Answer<()>;
    /// An address from which whoever has it can fetch the object for so many seconds, to be saved under `file_name`.
    /// Says nothing about whether the object is there. No request is made.
    async fn download_link(&self, key: &str, file_name: &str, seconds: u32) -> Answer<String>;
    /// An address to which whoever has it can put the object for so many seconds, with exactly this content type.
    /// No request is made.
    async fn upload_link(&self, key: &str, content_type: &str, seconds: u32) -> Answer<String>;
}

/// What lies on a queue of our own.
pub trait Job: Serialize + serde::de::DeserializeOwned {
    /// Its form.
    const FORMAT: &'static Format;
}

impl Job for ApplyJob {
    const FORMAT: &'static Format = format::APPLY_JOB;
}

impl Job for ImportJob {
    const FORMAT: &'static Format = format::IMPORT_JOB;
}

impl Job for PollJob {
    const FORMAT: &'static Format = format::POLL_JOB;
}

impl Job for EventJob {
    const FORMAT: &'static Format = format::EVENT_JOB;
}

impl Job for ReportJob {
    const FORMAT: &'static Format = format::MAIL_JOB;
}

/// A chunk to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyJob {
    /// The account's id.
    pub account: String,
    /// The connection's id.
    pub connection: String,
    /// The run's id.
    pub run: String,
    /// The run's fencing number when the job was sent.
    pub fence: u64,
    /// Which chunk; `None` for a plan without changes.
    pub chunk: Option<u32>,
}

/// A plan to make anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportJob {
    /// The account's id.
    pub account: String,
    /// The connection's id.
    pub connection: String,
    /// The run's id.
    pub run: String,
}

/// A listing to fetch, or to go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollJob {
    /// The account's id.
    pub account: String,
    /// The connection's id.
    pub connection: String,
    /// The run's id.
    pub run: String,
}

/// An event to take over: ids only, nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventJob {
    /// The account's id.
    pub account: String,
    /// The connection's id.
    pub connection: String,
    /// The event's id, or the digest of its body and its place in it.
    pub event: String,
    /// The digest of the body.
    pub digest: String,
    /// What it told.
    pub what: EventWhat,
    /// When it came in, in milliseconds since 1970.
    pub received_ms: i64,
}

/// A mail to send.
pub type ReportJob = OutboxMail;

/// The queues between the functions, and the bus to the product.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Queue {
    /// Hands chunks to `apply`.
    async fn send_apply(&self, jobs: &[ApplyJob]) -> Answer<()>;
    /// Hands a run back to `file-import`.
    async fn send_import(&self, job: &ImportJob) -> Answer<()>;
    /// Hands a mail to `report-email`.
    async fn send_report(&self, job: &ReportJob) -> Answer<()>;
    /// Hands a listing to `scheduled-poll`.
    async fn send_poll(&self, job: &PollJob) -> Answer<()>;
    /// Hands events (at most 10, of one connection) to `webhook-apply`, which takes a connection's one by one.
    async fn send_events(&self, jobs: &[EventJob]) -> Answer<()>;
    /// Tells the product; where there is no bus nothing is sent. Asked again after a lost answer it tells again.
    async fn publish(&self, events: &[ProductEvent]) -> Answer<()>;
}

/// Whose secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretPlace {
    /// A connection's `[credentials]`.
    Connection(AccountId, ConnectionId),
    /// What all connections of a connector share: the secret of `/webhooks/{connector}`.
    Connector(String),
}

/// Secrets by key, as `[credentials]` names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretSet {
    /// What holds now.
    pub current: BTreeMap<String, Secret>,
    /// What held before, and until when it is still taken, in milliseconds since 1970.
    pub previous: Option<(BTreeMap<String, Secret>, i64)>,
}

impl SecretSet {
    /// All values of a key that hold at that time, the current one first.
    pub fn values(&self, key: &str, now_ms: i64) -> Vec<Secret> {
        let before = self.previous.as_ref().filter(|(_, until_ms)| now_ms <= *until_ms).map(|(before, _)| before);
        [Some(&self.current), before].into_iter().flatten().filter_map(|set| set.get(key).cloned()).collect()
    }
}

/// Where credentials lie. Reads may be a few minutes old.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Secrets {
    /// The secrets of a place; `None` when there are none. `fresh` reads past the cache, but
    /// for what was read a few seconds ago.
    async fn secrets(&self, place: &SecretPlace, fresh: bool) -> Answer<Option<SecretSet>>;
    /// Stores the secrets of a place.
    async fn put_secrets(&self, place: &SecretPlace, set: &SecretSet) -> Answer<()>;
}

/// An answer of a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct WebResponse {
    /// The status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most as large as the sender takes.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for WebResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebFault {
    /// The address is not one that may be called: another host, not https, a private address.
    #[error("the address is not allowed: {0}")]
    NotAllowed(String),
    /// The answer is larger than is taken.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The certificate is not valid: not tried again.
    #[error("the provider's certificate is not valid")]
    Certificate,
    /// No answer: name, connection, time.
    #[error("no answer: {0}")]
    Silent(String),
}

/// The one sender of requests to providers. No retries, no redirects.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Web {
    /// Sends a request to a host of `hosts` (`*.example.com` stands for every name below).
    ///
    /// # Errors
    /// [`WebFault`].
    async fn send(&self, request: &HttpRequest, hosts: &[String]) -> Result<WebResponse, WebFault>;
    /// Waits, in milliseconds, before another try.
    async fn pause(&self, ms: u64);
}

impl<T: Web> Web for &T {
    async fn send(&self, request: &HttpRequest, hosts: &[String]) -> Result<WebResponse, WebFault> {
        (**self).send(request, hosts).await
    }

    async fn pause(&self, ms: u64) {
        (**self).pause(ms).await;
    }
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The recipients, from the connection's settings only.
    pub to: Vec<String>,
    /// The subject, one line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Names the mail to the mail service, so that its events find the outbox again.
    pub outbox: OutboxMail,
}

/// The mail service.
pub trait Mailer {
    /// Sends a mail once; no retries inside, since the service has no idempotency token.
    ///
    /// # Errors
    /// [`crate::Retry::Never`] when the service refused the mail for good; [`crate::Retry::Later`]
    /// when it refused it for now. `Ok(false)` when no answer came: it may have been taken.
    fn send(&self, message: &Message) -> impl Future<Output = Answer<bool>>;
}
