//! The use cases of Muster over ports: traits that say what each needs of the world.
//!
//! Nothing here knows AWS. Every port call is one request to one service, so that a crash can be
//! tried before and after each of them.

mod accounts;
mod audiences;
mod audit;
mod consent;
mod directory;
mod documents;
mod error;
mod feed;
mod position;
mod records;

mod ports;

mod apply;
mod approver;
mod by_hand;
mod connect;
mod decide;
mod decision_link;
mod erase;
mod events;
mod explain;
mod groups;
mod ids;
mod import;
mod inspect;
mod link;
mod locks;
mod log;
mod metric;
mod opt_outs;
mod people;
mod person;
mod plan_store;
mod poll;
mod product_events;
mod reach;
mod report;
mod runs;
mod search;
mod segments;
mod signed_link;
mod source_look;
mod stored_issues;
mod try_out;
mod value_look;
mod walk;

pub use accounts::{AccountTerms, Entitlement, NOT_ENTITLED, account_terms, put_account_terms};
pub use apply::{Applied, Applier};
pub use approver::{Approver, NoApproval, approver, ask_approver};
pub use audiences::{AudienceFormat, AudienceMade, AudienceWish, FIRST_MEMBERS, Member, Part, make_audience};
pub use audit::{AuditEntry, Head, NewEntry, Verification, append_audit, audit_page, verify_audit};
pub use by_hand::{ByHand, Done, Edit, Edited, Editor, NotEdited, Prepared, locked_fields};
pub use connect::{
    Admission, Attempt, BadKey, Checked, Difference, Drawn, Expected, KEY_KINDS, Linking, LoginChange, MOST_KEYS,
    MOST_NETWORKS, Network, NotSaved, NotSwitched, OpenedLogin, PublicKey, Refusal, Saved, SettingsVersion, Switch,
    Terms, admit, change_login, check_connection, check_settings, connector_secrets, differences, end_waiting,
    forget_credentials, keep_version, login_of, may_switch, password_of, put_connector_secret, put_connector_secrets,
    save_checked, save_connection, save_kept, save_unlinked_connection, say_farewell, settings_version,
    settings_versions, switch,
};
pub use consent::{Consent, ConsentField};
pub use decide::{Decider, Refused, Standing, not_approvable};
pub use decision_link::{DecisionLink, decision_token, prove_decision};
pub use directory::{Directory, Page, SHARDS, Stored, Trace, Written};
pub use documents::{ACCOUNT_DOCUMENT, Document, Documents, Shelf, shard_of};
pub use erase::{
    ErasedCounts, Eraser, Erasing, ObjectVersion, ObjectVersions, Tombstone, lift_erasure, mark_place, pseudonym,
    tombstone_of,
};
pub use error::{PortError, Retry};
pub use events::{EventTaker, Hook, Intake, LARGEST_BODY, Received, Taken, event_run_id};
pub use explain::{
    AppliedStep, Decided, Explainer, Explanation, FieldChange, FieldOutcome, HowFar, MappedField, Matched, ReadRow,
    ReadStep, What,
};
pub use feed::{Feed, PersonMark, TOUCHED_MOST};
pub use groups::{GroupPage, GroupShown, find_group, forget_group, group_id, group_page, set_group_visibility};
pub use import::{Delivery, Imported, Importer, PGP_KEY_KIND, Upload, pgp_key_place};
pub use inspect::{Inspection, inspect};
pub use link::{LinkOpened, LinkWish, Linker, NotLinked, Said, Tried, is_linked};
pub use locks::{Lock, field_locks};
pub use metric::{METRIC_TARGET, METRICS, Metric};
pub use opt_outs::{OptOut, channel, channels, opt_outs, opt_outs_of, set_opt_out};
pub use people::{Group, Person, connections_of, each_person, group_slots, grouped_by, groups, settings_of};
pub use person::{PersonSeen, Provenance, SourceKind, WritingRun, see_person};
pub use poll::{Dispatched, Dispatcher, Polled, Poller};
pub use ports::{
    Admin, ApplyJob, Claim, Clock, CommitPlan, Credentials, EventJob, FeedChange, Fetched, Finish, ImportJob, Job,
    Ledger, Mailer, Message, Objects, Opened, OutboxMail, PollJob, Posted, Queue, ReportJob, RunSpan, SecretPlace,
    SecretSet, Secrets, TakeLease, Transition, Web, WebFault, WebResponse,
};
pub use position::Position;
pub use product_events::ProductEvent;
pub use records::{
    Cause, Connection, ConnectionStatus, EventWhat, Handwork, Held, Lease, LinkChange, Login, MailKind, MailState,
    PlanRef, Removal, Run, RunCounts, RunState, WaitingPlans,
};
pub use report::{PATIENCE_MS, Reporter, Told, Ways};
pub use runs::{
    ChangeFilter, ChangePage, ChangePlace, Download, FieldMove, LARGEST_UPLOAD, List, NoUpload, RunFilter, RunPage,
    UploadPlace, changes, download, field_moves, list_runs, upload_place,
};
pub use search::{Filter, FoundPerson, MOST_REQUESTS, READ_AT_ONCE, SearchPage, SearchPlace, Way, Within, search};
pub use segments::{
    Segment, SegmentTally, count_segment, delete_segment, put_segment, segment, segment_id, segment_members,
    segment_page,
};
pub use signed_link::{BadLink, SignedLink, Unproven, read as read_link, sign as sign_link};
pub use source_look::{LookKind, LookedAt, Looker, NotLooked, SourceColumn, SourceLook, sample_look};
pub use stored_issues::{StoredIssues, issues_from_json};
pub use try_out::{Trial, TriedOut, TriedPlan, TryOut};
pub use value_look::{FieldValues, ValueTable, ValueTables};
pub use walk::WalkPlace;

/// A day, in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// How long removals count for the 7-day gate.
pub(crate) const WEEK_MS: i64 = 7 * 24 * 3_600_000;
