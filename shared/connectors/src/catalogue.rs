//! HR systems and directories, and by which connector each is reached: what the console's "connect a system" dialog
//! searches. Data; a new system is an entry in `catalogue/providers.rs`.

mod providers;
mod search;
#[cfg(test)]
mod tests;

pub use providers::PROVIDERS;
pub use search::search;

/// An HR system or directory that a customer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The name for people: `UKG Pro`.
    pub name: &'static str,
    /// Other names it goes by: former ones, short ones.
    pub aliases: &'static [&'static str],
    /// The ways to reach it, the one we advise first.
    pub ways: &'static [Way],
}

/// One way to reach a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The connector ([`crate::About::id`]), or one of [`WITHOUT_API`].
    pub connector: &'static str,
    /// How fresh the data is.
    pub cadence: Cadence,
    /// What the customer must have at hand.
    pub needs: &'static [Need],
    /// The connector's own name for the system (Apideck's `service_id`, Merge's slug, Finch's provider id, `WorkOS`'s
    /// directory type). `None` where it is not known or there is none.
    pub slug: Option<&'static str>,
    /// What the customer's administrator does, in one or two sentences.
    pub set_up: &'static str,
    /// Whether a current official page says so. `false`: an older page, or our own inference; ask before promising.
    pub sure: bool,
}

/// Ways that are no connector to an API.
pub const WITHOUT_API: &[&str] = &["scim", "sftp", "upload"];

/// How fresh the data of a way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// Read daily, and at any time on demand.
    Automated,
    /// A person at the aggregator fetches it: every 7 days, not on demand, set up in one to two weeks.
    Assisted,
    /// When the customer's side sends: files, SCIM.
    Sent,
}

/// What a customer must have at hand to set a way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The name before the provider's own domain: `acme` of `acme.bamboohr.com`.
    Subdomain,
    /// An API key made in the system.
    ApiKey,
    /// An administrator who signs in and agrees.
    OAuth,
    /// Client id and client secret of an application registered in the system.
    ClientCredentials,
    /// A user or account made for this integration, with rights to read.
    ServiceAccount,
    /// An administrator of the system, throughout the set-up.
    CustomerAdmin,
    /// A third-party administrator made for the aggregator.
    ThirdPartyAdmin,
    /// Someone who can have files exported on a schedule.
    FileExport,
}

/// The way for a system that is not listed: a file by SFTP, SCIM where the system speaks it, or a file by hand.
pub fn unlisted() -> &'static Provider {
    &providers::UNLISTED
}
