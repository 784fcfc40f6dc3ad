//! The use cases of Muster over ports: traits that say what each needs of the world.
//!
//! Nothing here knows AWS. Every port call is one request to one service, so that a crash can be
//! tried before and after each of them.

mod accounts;
mod audit;
mod consent;
mod documents;
mod error;
mod feed;
mod position;
mod records;

mod ports;

mod apply;
mod by_hand;
mod connect;
mod decide;
mod erase;
mod events;
mod ids;
mod import;
mod inspect;
mod people;
mod plan_store;
mod poll;
mod reach;
mod report;
mod stored_issues;

pub use accounts::{AccountTerms, Entitlement, NOT_ENTITLED, account_terms, put_account_terms};
pub use apply::{Applied, Applier};
pub use audit::{AuditEntry, Head, NewEntry, Verification, append_audit, audit_page, verify_audit};
pub use by_hand::{ByHand, Done, Edit, Edited, Editor, NotEdited, Prepared, locked_fields};
pub use connect::{Drawn, NotSaved, Saved, Terms, add_public_keys, put_connector_secret, save_connection};
pub use consent::{OptOut, channel, channels, opt_outs, opt_outs_of, set_opt_out};
pub use decide::{Decider, Refused};
pub use documents::{ACCOUNT_DOCUMENT, Document, Documents, Shelf, shard_of};
pub use erase::pseudonym;
pub use error::{PortError, Retry};
pub use events::{EventTaker, Hook, Intake, LARGEST_BODY, Received, Taken, event_run_id};
pub use feed::{Feed, PersonMark, TOUCHED_MOST};
pub use import::{Delivery, Imported, Importer, PGP_KEY_KIND, Upload, pgp_key_place};
pub use inspect::{Inspection, all_runs, find_connection, find_run, inspect};
pub use people::{Group, Person, connections_of, each_person, group_slots, grouped_by, groups, settings_of};
pub use poll::{Dispatched, Dispatcher, Polled, Poller};
pub use ports::{
    Admin, ApplyJob, Claim, Clock, CommitPlan, Credentials, Directory, EventJob, FeedChange, Fetched, Finish,
    ImportJob, Ledger, Mailer, Message, Objects, Opened, OutboxMail, Page, PollJob, Posted, Queue, ReportJob, SHARDS,
    SecretPlace, SecretSet, Secrets, Stored, TakeLease, Transition, Web, WebFault, WebResponse, Written,
};
pub use position::Position;
pub use records::{
    Cause, Connection, ConnectionStatus, EventWhat, Handwork, Held, Lease, LinkChange, Login, MailKind, MailState,
    PlanRef, Removal, Run, RunCounts, RunState,
};
pub use report::{PATIENCE_MS, Reporter, Told, Ways};
pub use stored_issues::{StoredIssues, issues_from_json};

/// A day, in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// How long removals count for the 7-day gate.
pub(crate) const WEEK_MS: i64 = 7 * 24 * 3_600_000;
