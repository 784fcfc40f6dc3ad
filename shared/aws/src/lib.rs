//! The ports of Muster on AWS: one `DynamoDB` table, one S3 bucket, five SQS queues, SES v2, the SSM parameter store;
//! and the one sender of requests to providers.
//!
//! The only crate that knows the AWS SDK. It decides nothing: every rule is a condition of a write,
//! and what the condition found is the answer.

mod bucket;
mod bus;
mod clients;
mod clock;
mod config;
mod expression;
mod fault;
mod function;
mod items;
mod log;
mod mail;
mod metrics;
mod pause;
mod ports;
mod queues;
mod secrets;
mod table;
mod trace;
mod transfer;
mod web;

pub use bucket::Bucket;
pub use clients::Clients;
pub use clock::SystemClock;
pub use config::{BucketConfig, ConfigError, MailConfig, QueuesConfig, SecretsConfig, TableConfig, told_env};
pub use function::{Invocation, Message, failed_messages, job, mail_event, message};
pub use log::{init_logging, subscriber};
pub use mail::Mail;
pub use metrics::{METRIC_NAMESPACE, is_metric};
pub use ports::{Names, Ports};
pub use queues::Queues;
pub use secrets::SecretStore;
pub use table::Table;
pub use trace::Trace;
pub use transfer::{HOME_FOLDERS, HomesConfig};
pub use web::WebSender;
