//! What a function is told by its environment. One struct per need, read once at cold start.

/// A variable that a function needs and does not find.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set; the template names it for every function that needs it")]
pub struct ConfigError(pub &'static str);

/// Where state lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConfig {
    /// `MUSTER_TABLE`: the table's name.
    pub table: String,
}

/// Where files, plans and reports lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// `MUSTER_BUCKET`: the bucket's name.
    pub bucket: String,
}

/// The queues between the functions, each by its URL; `None` where the function never sends to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueuesConfig {
    /// `MUSTER_IMPORT_QUEUE`
    pub import: Option<String>,
    /// `MUSTER_APPLY_QUEUE`
    pub apply: Option<String>,
    /// `MUSTER_REPORT_QUEUE`
    pub report: Option<String>,
    /// `MUSTER_EVENTS_QUEUE`: a FIFO queue, one message group for each connection.
    pub events: Option<String>,
    /// `MUSTER_POLL_QUEUE`
    pub poll: Option<String>,
    /// `MUSTER_EVENT_BUS`: the bus on which the product is told; without it the product is told nothing.
    pub bus: Option<String>,
}

/// Where credentials lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretsConfig {
    /// `MUSTER_SECRETS_PREFIX`: what the names of all parameters begin with, for example `/muster/prod`; `None` where
    /// the function never asks for secrets.
    pub prefix: Option<String>,
    /// `MUSTER_SECRETS_KEY`: the KMS key that new values are encrypted under; `None` for the account's own.
    pub key: Option<String>,
}

/// How mails are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// `MUSTER_MAIL_FROM`: the sender's address.
    pub from: String,
    /// `MUSTER_SES_CONFIGURATION_SET`: the set whose SEND events confirm mails.
    pub configuration_set: String,
}

impl TableConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the missing variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { table: needed("MUSTER_TABLE")? })
    }
}

impl BucketConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the missing variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { bucket: needed("MUSTER_BUCKET")? })
    }
}

impl QueuesConfig {
    /// Reads the environment. A queue that is not named is a failure only when something is sent to it.
    pub fn from_env() -> Self {
        Self {
            import: found("MUSTER_IMPORT_QUEUE"),
            apply: found("MUSTER_APPLY_QUEUE"),
            report: found("MUSTER_REPORT_QUEUE"),
            events: found("MUSTER_EVENTS_QUEUE"),
            poll: found("MUSTER_POLL_QUEUE"),
            bus: found("MUSTER_EVENT_BUS"),
        }
    }
}

impl SecretsConfig {
    /// Reads the environment. A prefix that is not set is a failure only when secrets are asked for.
    pub fn from_env() -> Self {
        Self { prefix: found("MUSTER_SECRETS_PREFIX"), key: found("MUSTER_SECRETS_KEY") }
    }
}

impl MailConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the missing variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { from: needed("MUSTER_MAIL_FROM")?, configuration_set: needed("MUSTER_SES_CONFIGURATION_SET")? })
    }
}

/// A variable of the function's environment; `None` where it is empty.
pub fn told_env(name: &str) -> Option<String> {
    found(name)
}

fn found(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn needed(name: &'static str) -> Result<String, ConfigError> {
    found(name).ok_or(ConfigError(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let error = needed("MUSTER_NOT_SET_ANYWHERE").unwrap_err();
        assert!(error.to_string().contains("MUSTER_NOT_SET_ANYWHERE"));
    }
}
