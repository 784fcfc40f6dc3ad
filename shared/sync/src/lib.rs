//! The use cases of Muster over ports: traits that say what each needs of the world.
//!
//! Nothing here knows AWS. Every port call is one request to one service, so that a crash can be
//! tried before and after each of them.

mod error;
mod ports;
mod position;
mod records;

pub use error::{PortError, Retry};
pub use ports::{
    Admin, ApplyJob, Claim, Clock, CommitPlan, Credentials, Directory, Fetched, Finish, ImportJob, Ledger, Mailer,
    Message, Objects, Opened, OutboxMail, Page, Posted, Queue, ReportJob, SHARDS, Stored, TakeLease, Transition,
    Written,
};
pub use position::Position;
pub use records::{
    Cause, Connection, ConnectionStatus, Held, Lease, Login, MailKind, MailState, PlanRef, Removal, Run, RunCounts,
    RunState,
};
