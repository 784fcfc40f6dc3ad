//! What the API needs of the world.

use muster_sync::{Admin, Clock, Directory, Documents, Erasing, Ledger, ObjectVersions, Objects, Queue, Secrets, Web};

/// The ports of the API, and what is set for the whole installation.
pub trait World {
    /// Connections, runs, recipients, documents.
    type Table: Ledger + Directory + Admin + Documents + Erasing;
    /// Files, plans, rosters.
    type Objects: Objects + ObjectVersions;
    /// To the other functions.
    type Queue: Queue;
    /// Credentials.
    type Secrets: Secrets;
    /// The sender of requests to providers.
    type Web: Web;
    /// The time.
    type Clock: Clock;

    /// Connections, runs, recipients, documents.
    fn table(&self) -> &Self::Table;
    /// Files, plans, rosters.
    fn objects(&self) -> &Self::Objects;
    /// To the other functions.
    fn queue(&self) -> &Self::Queue;
    /// Credentials.
    fn secrets(&self) -> &Self::Secrets;
    /// The sender of requests to providers.
    fn web(&self) -> &Self::Web;
    /// The time.
    fn clock(&self) -> &Self::Clock;
    /// Random bytes, fresh on every call.
    fn random(&self) -> [u8; 64];
    /// What is set for the installation.
    fn config(&self) -> &Config;
}

/// What is set for the installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Where this API is reached from outside, without a slash at the end: `https://muster.example`.
    pub public_url: Option<String>,
    /// Where webhooks go, without a slash at the end.
    pub webhook_url: Option<String>,
    /// Where customers upload: `host` or `host:port`.
    pub sftp_host: Option<String>,
    /// Whether connections may name another `base_url` of their provider: on a developer's machine only.
    pub base_urls: bool,
}

impl Config {
    /// From variables of the function's environment: `MUSTER_PUBLIC_URL`, `MUSTER_WEBHOOK_URL`, `MUSTER_SFTP_HOST`, and
    /// `MUSTER_LOCAL` = 1 on a developer's machine.
    pub fn told(told: &dyn Fn(&str) -> Option<String>) -> Self {
        let url = |name| told(name).map(|url| url.trim_end_matches('/').to_owned());
        Self {
            public_url: url("MUSTER_PUBLIC_URL"),
            webhook_url: url("MUSTER_WEBHOOK_URL"),
            sftp_host: told("MUSTER_SFTP_HOST"),
            base_urls: told("MUSTER_LOCAL").as_deref() == Some("1"),
        }
    }
}
