//! The local stand-in for AWS: S3, `DynamoDB`, SQS, SES, SSM's parameters, SFTP and Lambda in one program.
//!
//! [`Stack`] runs all of it over sockets, with the real functions as processes of their own;
//! [`Services`] are the same services in-process, for tests that inject faults call by call.

mod addresses;
mod admin;
mod api;
pub mod cli;
mod demo;
mod options;
mod schedule;
mod stack;
mod trace;

mod authorizer;
mod control;
mod controls;
mod cors;
mod gateway;
mod http;
mod issuer;
mod mail_page;

mod function;
mod lambda;
mod mapping;
mod programs;
mod sftp;

pub mod bus;
pub mod dynamodb;
pub mod s3;
mod services;
pub mod ses;
pub mod sqs;
pub mod ssm;

mod answer;
mod clock;
mod digest;
pub mod faults;
mod journal;

pub use addresses::Addresses;
pub use answer::LostAnswer;
pub use clock::Clock;
pub use controls::Controls;
pub use faults::{DeliveryFault, DeliveryKind, Fault, FaultKind, Faults, Service};
pub use function::{FUNCTIONS, end_with_parent, run_function};
pub use lambda::InvocationRecord;
pub use mapping::{MAPPINGS, Mapping};
pub use options::Options;
pub use programs::built_functions;
pub use services::Services;
pub use stack::{Stack, running};

/// The only access key that S3 accepts.
pub const ACCESS_KEY: &str = "local";
/// Its secret.
pub const SECRET_KEY: &str = "local-secret";
/// The region that everything is in.
pub const REGION: &str = "us-east-1";
