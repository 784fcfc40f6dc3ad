//! What is stored about connections and runs.

use std::collections::BTreeSet;

use muster_core::ids::{AccountId, ConnectionId, RunId};
use serde::{Deserialize, Serialize};

use crate::{Feed, Position};

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Saved; nothing was received yet.
    Pending,
    /// Working.
    Connected,
    /// The provider refused the credentials.
    Unauthorized,
    /// The customer must sign in again.
    ReauthNeeded,
    /// The last run failed.
    Error,
    /// Switched off by a person.
    Disabled,
    /// Deleted; kept so that late events are refused politely.
    Deleted,
}

/// Who works on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The run, and which delivery of its cause.
    pub holder: String,
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
}

/// Removals of one applied run, for the 7-day gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// When the run was applied, in milliseconds since 1970.
    pub at_ms: i64,
    /// Removals and deactivations.
    pub people: u64,
    /// How many of them were removed.
    #[serde(default)]
    pub removed: u64,
    /// Whether events did it, one by one: then they also count against the removal gate for a day.
    #[serde(default)]
    pub by_events: bool,
}

/// One connection, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Whose it is.
    pub account: AccountId,
    /// Its id.
    pub id: ConnectionId,
    /// The connection file's text.
    pub settings: String,
    /// Grows with every saved change of the settings.
    pub settings_version: u64,
    /// How it stands.
    pub status: ConnectionStatus,
    /// The SFTP login, for `sftp` connections.
    pub sftp_user: Option<String>,
    /// The names by which its provider's webhooks call it, each behind the connector's: `finch#4b7de2ca`.
    pub routes: Vec<String>,
    /// When the schedule looks at it next, in milliseconds since 1970; `None` never.
    pub due_ms: Option<i64>,
    /// What it remembers between polls and events.
    pub feed: Feed,
    /// The secret under which its roster's hashes are made.
    pub seed: u64,
    /// The number that only grows; every recipient write carries the one of its run.
    pub fence: u64,
    /// Who works on it now.
    pub lease: Option<Lease>,
    /// The run whose plan is being applied: nothing else is planned until it is done.
    pub active: Option<RunId>,
    /// The run whose plan waits for a decision.
    pub waiting: Option<RunId>,
    /// Where the valid roster lies; `None` before the first applied run, or when it must be rebuilt.
    pub roster: Option<String>,
    /// The grouping fields whose values its people carry, as [`crate::grouped_by`] writes them; empty where that is
    /// not known. Where it is not the settings', the next plan groups everybody anew.
    pub grouped_by: String,
    /// People of the connection in the directory who are not removed.
    pub owned: u64,
    /// Grows with every run that wrote to the directory.
    pub directory_version: u64,
    /// Data rows of the last applied file.
    pub last_rows: Option<u64>,
    /// The newest source that was planned.
    pub last_source: Option<Position>,
    /// Removals of the last 7 days' runs.
    pub removals: Vec<Removal>,
    /// Whether a run was ever applied.
    pub confirmed: bool,
    /// The secret that signs links about it (decisions, consents), 64 hexadecimal digits; empty where there is none.
    pub link_key: String,
    /// Why it stands as it does, for people.
    pub note: Option<String>,
}

/// A state of a run. Every step is conditional on the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The cause is known, nothing is planned.
    Received,
    /// The plan waits for a decision.
    Held,
    /// The plan is being written to the directory.
    Applying,
    /// Done.
    Applied,
    /// A newer source took its place, or it came late.
    Superseded,
    /// A person refused the plan.
    Rejected,
    /// The source could not be used.
    Failed,
}

impl RunState {
    /// The state's name in APIs and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Held => "held",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more can happen to the run.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Applied | Self::Superseded | Self::Rejected | Self::Failed)
    }
}

/// What caused a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A file version.
    File {
        /// The object's key.
        key: String,
        /// The exact version.
        version: String,
        /// The event's sequencer.
        sequencer: String,
        /// Bytes, as the event says.
        size: u64,
        /// Whether it is a fragment of an upload that broke off.
        partial: bool,
    },
    /// A listing fetched from a provider.
    Poll {
        /// Names the poll: `due-…` or `now-…` with a time.
        slot: String,
        /// Whether everybody is listed, or only who changed.
        full: bool,
    },
    /// One person of whom a webhook told.
    Event {
        /// The event's id, or the digest of its body.
        event: String,
        /// The digest of the body: the same id with another body is not believed.
        digest: String,
        /// What it told.
        what: EventWhat,
    },
    /// A file that did not come when it was due.
    Late {
        /// When it should have been there, in milliseconds since 1970.
        expected_ms: i64,
    },
    /// The undoing of a run.
    Rollback {
        /// The run that is undone.
        run: String,
        /// Which time: a rollback that was rejected can be asked for again.
        attempt: u32,
    },
    /// The deletion of the connection with everybody it owns.
    Farewell {
        /// Which time: one that was rejected can be asked for again.
        attempt: u32,
    },
    /// What a person changed about one recipient.
    ByHand {
        /// Who: role and user.
        user: String,
        /// What.
        what: Handwork,
    },
}

/// What a person does to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handwork {
    /// Makes them, or changes their fields.
    Edit,
    /// Removes them: kept hidden for 30 days.
    Remove,
    /// Erases them: nothing is kept.
    Erase,
}

impl Cause {
    /// The cause's kind in APIs: `file`, `poll`, `event`, `late`, `rollback`, `farewell`, `by_hand`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Poll { .. } => "poll",
            Self::Event { .. } => "event",
            Self::Late { .. } => "late",
            Self::Rollback { .. } => "rollback",
            Self::Farewell { .. } => "farewell",
            Self::ByHand { .. } => "by_hand",
        }
    }
}

/// What an event told that is worth a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EventWhat {
    /// Read this person anew.
    Person {
        /// The provider's id of the person.
        id: String,
        /// The provider's version of the person, in milliseconds since 1970.
        version_ms: Option<i64>,
    },
    /// Make a listing.
    Listing,
    /// The connection changed at the provider.
    Connection {
        /// How.
        change: LinkChange,
    },
}

/// How a connection changed at its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkChange {
    /// The link was taken away.
    Deleted,
    /// The credentials are refused.
    Unauthorized,
    /// The customer must sign in again.
    ReauthNeeded,
    /// The provider's own link has trouble.
    Failing,
    /// It works (again).
    Works,
}

/// Where a plan lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRef {
    /// The prefix of its objects.
    pub prefix: String,
    /// How many chunks of changes.
    pub chunks: u32,
    /// What an approval names.
    pub hash: String,
    /// The directory version the plan was made against.
    pub directory_version: u64,
    /// Whether a next roster lies beside it.
    pub roster: bool,
    /// Removals and deactivations, for the 7-day gate.
    pub removals: u64,
    /// People the connection owns once every change is written.
    pub owned_after: u64,
    /// Data rows of the file, for the next run's gate; `None` leaves the last file's.
    pub rows: Option<u64>,
    /// The grouping fields whose values its changes write, as [`crate::grouped_by`] writes them.
    #[serde(default)]
    pub grouped_by: String,
    /// People the connection owned, as its item said when the plan was made.
    #[serde(default)]
    pub owned_seen: Option<u64>,
    /// The full listing it was made from: when that began, or the file was read, in milliseconds since 1970.
    #[serde(default)]
    pub listing_ms: Option<i64>,
    /// Whether that listing was everybody for sure.
    #[serde(default)]
    pub whole: bool,
    /// From where the next incremental reading goes on once the plan is applied.
    #[serde(default)]
    pub mark: Option<String>,
    /// What single events had done since the last report when it was made: this run's report tells it.
    #[serde(default)]
    pub told_events: RunCounts,
    /// Whom it changes, where it is no plan of a whole listing: the roster will not know of it.
    #[serde(default)]
    pub touches: Vec<String>,
}

/// The counts that lists of runs show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the tally of that name")]
pub struct RunCounts {
    pub rows: u64,
    pub added: u64,
    pub proposed: u64,
    pub updated: u64,
    pub deactivated: u64,
    pub reactivated: u64,
    pub removed: u64,
    pub unchanged: u64,
    pub errors: u64,
    pub warnings: u64,
}

/// How many plans wait for a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingPlans {
    /// Their number.
    pub plans: u64,
    /// Since when the oldest waits, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
}

/// Why a plan is held: the gates' names.
pub type Held = Vec<String>;

/// One run, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Whose.
    pub account: AccountId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// Its id.
    pub id: RunId,
    /// Where it stands.
    pub state: RunState,
    /// What caused it.
    pub cause: Cause,
    /// The file's name, or what else is shown as the source.
    pub source: String,
    /// When the cause was first seen, in milliseconds since 1970.
    pub received_ms: i64,
    /// The fencing number its recipient writes carry; 0 before a plan is committed.
    pub fence: u64,
    /// Where its plan lies.
    pub plan: Option<PlanRef>,
    /// What the plan adds up to.
    pub counts: RunCounts,
    /// The gates that hold it.
    pub held: Held,
    /// The settings version it was planned with.
    pub settings_version: u64,
    /// Chunks that are written.
    pub done: BTreeSet<u32>,
    /// Changes left out because the person had changed since the plan.
    pub conflicts: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: Option<i64>,
    /// Why it failed, was superseded or rejected; for people.
    pub reason: Option<String>,
}

impl Run {
    /// A run whose cause was just seen.
    pub fn received(connection: &Connection, id: RunId, cause: Cause, source: String, received_ms: i64) -> Self {
        Self {
            account: connection.account.clone(),
            connection: connection.id.clone(),
            id,
            state: RunState::Received,
            cause,
            source,
            received_ms,
            fence: 0,
            plan: None,
            counts: RunCounts::default(),
            held: Vec::new(),
            settings_version: connection.settings_version,
            done: BTreeSet::new(),
            conflicts: 0,
            ended_ms: None,
            reason: None,
        }
    }

    /// Whether it is of less than a whole listing: one person, or who changed since the last one.
    pub fn is_excerpt(&self) -> bool {
        matches!(self.cause, Cause::Event { .. } | Cause::ByHand { .. } | Cause::Poll { full: false, .. })
    }
}

/// Who may log in by SFTP, and what that login stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The account.
    pub account: AccountId,
    /// The connection.
    pub connection: ConnectionId,
}

/// Which change of state a mail tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// A plan waits.
    Held,
    /// The run ended: applied, rejected, superseded or failed.
    Ended,
}

impl MailKind {
    /// `held` or `ended`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Ended => "ended",
        }
    }
}

/// How far a mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailState {
    /// To be sent.
    Pending,
    /// Handed to the mail service by somebody who may have died before hearing the answer.
    Sending,
    /// Accepted by the mail service.
    Sent,
    /// Given up, with the mail service's reason.
    Refused(String),
}
