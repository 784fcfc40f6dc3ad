//! What a function holds: its ports, made once at cold start.

use std::rc::Rc;

use muster_sync::Clock;

use crate::clock::clock_told;
use crate::{
    Bucket, BucketConfig, Clients, ConfigError, Mail, MailConfig, Queues, QueuesConfig, SecretStore, SecretsConfig,
    Table, TableConfig,
};

/// The names of everything, where they do not come from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of that thing")]
pub struct Names {
    pub table: String,
    pub bucket: String,
    pub import_queue: String,
    pub apply_queue: String,
    pub report_queue: String,
    pub events_queue: String,
    pub poll_queue: String,
    pub event_bus: Option<String>,
    pub secrets_prefix: String,
    pub mail_from: String,
    pub configuration_set: String,
}

/// The ports of the functions.
pub struct Ports {
    /// Connections, runs, recipients, the outbox.
    pub table: Table,
    /// Files, plans, rosters.
    pub bucket: Bucket,
    /// The queues between the functions.
    pub queues: Queues,
    /// The connections' credentials.
    pub secrets: SecretStore,
    /// The mail service; only where its settings are there.
    pub mail: Option<Mail>,
    /// The time.
    pub clock: Box<dyn Clock>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

impl Names {
    /// From variables of the functions' environment.
    ///
    /// # Errors
    /// [`ConfigError`] names a missing variable.
    pub fn told(told: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let needed = |name: &'static str| told(name).ok_or(ConfigError(name));
        Ok(Self {
            table: needed("MUSTER_TABLE")?,
            bucket: needed("MUSTER_BUCKET")?,
            import_queue: needed("MUSTER_IMPORT_QUEUE")?,
            apply_queue: needed("MUSTER_APPLY_QUEUE")?,
            report_queue: needed("MUSTER_REPORT_QUEUE")?,
            events_queue: needed("MUSTER_EVENTS_QUEUE")?,
            poll_queue: needed("MUSTER_POLL_QUEUE")?,
            event_bus: told("MUSTER_EVENT_BUS"),
            secrets_prefix: needed("MUSTER_SECRETS_PREFIX")?,
            mail_from: needed("MUSTER_MAIL_FROM")?,
            configuration_set: needed("MUSTER_SES_CONFIGURATION_SET")?,
        })
    }
}

impl Ports {
    /// From the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`] names a missing variable.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let clients = Clients::from_env().await;
        let clock = clock_told(&|name| std::env::var(name).ok());
        Ok(Self {
            table: Table::new(clients.dynamodb(), TableConfig::from_env()?),
            bucket: Bucket::new(clients.s3(), BucketConfig::from_env()?),
            queues: Queues::new(clients.sqs(), clients.eventbridge(), QueuesConfig::from_env()),
            secrets: SecretStore::new(clients.ssm(), SecretsConfig::from_env(), clock.clone()),
            mail: MailConfig::from_env().ok().map(|config| Mail::new(clients.sesv2(), config)),
            clock: Box::new(clock),
        })
    }

    /// From clients and names.
    pub fn with(clients: &Clients, names: &Names, clock: Box<dyn Clock>) -> Self {
        let queues = QueuesConfig {
            import: Some(names.import_queue.clone()),
            apply: Some(names.apply_queue.clone()),
            report: Some(names.report_queue.clone()),
            events: Some(names.events_queue.clone()),
            poll: Some(names.poll_queue.clone()),
            bus: names.event_bus.clone(),
        };
        let secrets = SecretsConfig { prefix: Some(names.secrets_prefix.clone()), key: None };
        let clock: Rc<dyn Clock> = Rc::from(clock);
        let mail = MailConfig { from: names.mail_from.clone(), configuration_set: names.configuration_set.clone() };
        Self {
            table: Table::new(clients.dynamodb(), TableConfig { table: names.table.clone() }),
            bucket: Bucket::new(clients.s3(), BucketConfig { bucket: names.bucket.clone() }),
            queues: Queues::new(clients.sqs(), clients.eventbridge(), queues),
            secrets: SecretStore::new(clients.ssm(), secrets, clock.clone()),
            mail: Some(Mail::new(clients.sesv2(), mail)),
            clock: Box::new(clock),
        }
    }
}
