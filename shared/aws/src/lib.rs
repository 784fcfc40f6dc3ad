//! The ports of Muster on AWS: one `DynamoDB` table, one S3 bucket, five SQS queues, SES v2, the SSM parameter store.
//!
//! The only crate that knows the AWS SDK. It decides nothing: every rule is a condition of a write,
//! and what the condition found is the answer.

mod bucket;
mod clients;
mod config;
mod expression;
mod fault;
mod function;
mod items;
mod mail;
mod pause;
mod ports;
mod queues;
mod secrets;
mod table;
mod web;

pub use bucket::Bucket;
pub use clients::Clients;
pub use config::{BucketConfig, ConfigError, MailConfig, QueuesConfig, SecretsConfig, TableConfig};
pub use function::{failed_messages, init_logging, mail_event};
pub use mail::Mail;
pub use ports::{FrozenClock, Names, Ports, SystemClock};
pub use queues::Queues;
pub use secrets::SecretStore;
pub use table::Table;
pub use web::{WebLimits, WebSender};
