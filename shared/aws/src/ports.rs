//! What a function holds: its ports, made once at cold start.

use std::rc::Rc;

use muster_sync::Clock;

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
            secrets_prefix: needed("MUSTER_SECRETS_PREFIX")?,
            mail_from: needed("MUSTER_MAIL_FROM")?,
            configuration_set: needed("MUSTER_SES_CONFIGURATION_SET")?,
        })
    }
}

impl Ports {
    /// From the function's environment. The time is the machine's, except where `MUSTER_LOCAL=1` and
    /// `MUSTER_FROZEN_MS` stand: then it stays at that many milliseconds since 1970 (see [`FrozenClock`]).
    ///
    /// # Errors
    /// [`ConfigError`] names a missing variable.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let clients = Clients::from_env().await;
        let clock = clock_told(&|name| std::env::var(name).ok());
        Ok(Self {
            table: Table::new(clients.dynamodb(), TableConfig::from_env()?),
            bucket: Bucket::new(clients.s3(), BucketConfig::from_env()?),
            queues: Queues::new(clients.sqs(), QueuesConfig::from_env()),
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
        };
        let secrets = SecretsConfig { prefix: Some(names.secrets_prefix.clone()), key: None };
        let clock: Rc<dyn Clock> = Rc::from(clock);
        let mail = MailConfig { from: names.mail_from.clone(), configuration_set: names.configuration_set.clone() };
        Self {
            table: Table::new(clients.dynamodb(), TableConfig { table: names.table.clone() }),
            bucket: Bucket::new(clients.s3(), BucketConfig { bucket: names.bucket.clone() }),
            queues: Queues::new(clients.sqs(), queues),
            secrets: SecretStore::new(clients.ssm(), secrets, clock.clone()),
            mail: Some(Mail::new(clients.sesv2(), mail)),
            clock: Box::new(clock),
        }
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
    }
}

/// A clock that stands still, so that webhooks recorded long ago can be judged as they were then. Only on a developer's
/// machine: where time stands, no signature ever grows old.
#[derive(Debug, Clone, Copy)]
pub struct FrozenClock {
    /// What it shows, in milliseconds since 1970.
    pub now_ms: i64,
}

impl Clock for FrozenClock {
    fn now_ms(&self) -> i64 {
        self.now_ms
    }
}

/// The clock that the environment asks for.
fn clock_told(told: &dyn Fn(&str) -> Option<String>) -> Rc<dyn Clock> {
    let is_local = told("MUSTER_LOCAL").as_deref() == Some("1");
    let frozen = told("MUSTER_FROZEN_MS").filter(|_| is_local).and_then(|ms| ms.parse().ok());
    match frozen {
        Some(now_ms) => Rc::new(FrozenClock { now_ms }),
        None => Rc::new(SystemClock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_on_a_developers_machine_only() {
        let check = |local: Option<&str>, frozen: &str, stands: bool| {
            let told = |name: &str| match name {
                "MUSTER_LOCAL" => local.map(str::to_owned),
                _ => Some(frozen.to_owned()),
            };
            assert_eq!(clock_told(&told).now_ms() == 5_000, stands, "{local:?} {frozen}");
        };
        check(Some("1"), "5000", true);
        check(None, "5000", false);
        check(Some("0"), "5000", false);
        check(Some("1"), "soon", false);
    }
}
