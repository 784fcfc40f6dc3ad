//! What a connector is asked.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    Delivery, Fault, HttpRequest, HttpResponse, Link, Person, Refused, Secret, SourceEvent, Unreadable, VerifiedWebhook,
};

/// What a connector is and can do, as data.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name in connection files and webhook paths: `finch`.
    pub id: &'static str,
    /// The name for people: `Finch`.
    pub name: &'static str,
    /// Hosts that requests may go to; `*.example.com` stands for every name below `example.com`.
    pub hosts: &'static [&'static str],
    /// Keys of `[provider]`, in the provider's own names.
    pub provider: &'static [Key],
    /// Keys of `[credentials]`, `webhook_secret` among them where there is one.
    pub credentials: &'static [Key],
    /// Keys of the product team itself at the provider, which all connections share: what links are made with. One that
    /// [`About::credentials`] names too serves connections that have none of their own.
    pub platform: &'static [Key],
    /// The columns that `unique_id` may be mapped from: the provider's id, the employee number.
    pub ids: &'static [&'static str],
    /// The column of the employment status, and what its words mean: `(word, canonical status)`.
    pub status: (&'static str, &'static [(&'static str, &'static str)]),
    /// The other columns it offers, for docs and for the console; typed lists as `emails[work]`, free parts as
    /// `custom_fields.*`. What is not listed may still be mapped.
    pub columns: &'static [&'static str],
    /// What it offers between full listings.
    pub incremental: Incremental,
    /// Whether webhooks come: none, hints, or with the person inside (the person is read anew all the same).
    pub webhooks: Option<Brings>,
    /// The key of `[credentials]` that webhooks are signed with where there is no `webhook_secret`.
    pub signs_with: Option<&'static str>,
    /// Whether the provider can be told to refresh its own copy.
    pub resync: bool,
    /// How a customer links an account, in a few words: `connect session`, `API key`.
    pub link: &'static str,
    /// People a page of a listing holds at most; the page ceiling of a listing is reckoned from it.
    pub page_size: u32,
}

/// A key of `[provider]` or `[credentials]`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Whether it must be there.
    pub needed: bool,
    /// What it is, in a few words.
    pub help: &'static str,
}

/// What a provider offers between full listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incremental {
    /// Nothing: every poll is a full listing.
    None,
    /// People changed since a mark; removals show only in full listings.
    Changes,
    /// People changed and people removed since a mark.
    ChangesAndRemovals,
}

/// What a webhook brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    /// Ids only.
    Hint,
    /// The person's values too.
    Person,
}

/// How a connection reaches its provider.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// `[provider]`.
    pub provider: &'a BTreeMap<String, String>,
    /// `[credentials]`.
    pub credentials: &'a BTreeMap<String, Secret>,
    /// The access token, for connectors that have [`Connector::token_request`].
    pub token: Option<&'a Secret>,
    /// The mapped columns (`emails[work]`, `custom_fields.Badge`), so that no more is asked for than is needed.
    pub columns: &'a [String],
    /// Today in UTC: some statuses depend on it.
    pub today: Date,
}

impl<'a> Target<'a> {
    /// A key of `[provider]`; empty when it is not there.
    pub fn provider(&self, key: &str) -> &'a str {
        self.provider.get(key).map_or("", String::as_str)
    }

    /// A key of `[credentials]`; empty when it is not there.
    pub fn credential(&self, key: &str) -> &'a str {
        self.credentials.get(key).map_or("", Secret::reveal)
    }

    /// Where the API is: `base_url` of `[provider]` (only ever there on a developer's machine), or `usual`. Without
    /// a slash at the end.
    pub fn base(&self, usual: &str) -> String {
        let base = self.provider.get("base_url").map_or(usual, String::as_str);
        base.trim_end_matches('/').to_owned()
    }

    /// The access token; empty when there is none.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token.map_or("", Secret::reveal))
    }
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    Full,
    /// Who changed since the mark that an earlier listing ended with.
    Since(String),
    /// One person, by the provider's id.
    Person(String),
}

/// One request of a reading, and what was carried so far of people whom one request does not tell whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The connector's own words for where it is.
    pub at: String,
    /// People read in part. A reading is parked only between steps that carry nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Person>,
}

impl Step {
    /// A step that carries nobody.
    pub fn at(at: impl Into<String>) -> Self {
        Self { at: at.into(), carried: Vec::new() }
    }
}

/// Somebody who is there and could not be read: stays as stored, and is not absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The provider's id of the person.
    pub id: String,
    /// Why, for people; quotes no data.
    pub why: String,
}

/// What one answer says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// People read whole.
    pub people: Vec<Person>,
    /// Ids of people whom the provider says are gone (incremental readings, single persons).
    pub gone: Vec<String>,
    /// People who could not be read.
    pub unread: Vec<Unread>,
    /// The request after this one; `None` at the end.
    pub next: Option<Step>,
    /// At the end: from where the next incremental reading goes on, where the provider has that.
    pub mark: Option<String>,
    /// Why the listing is not everybody, where the provider says so (warnings, a partial sync).
    pub partial: Option<String>,
    /// How many people the whole listing has, where the provider says so.
    pub total: Option<u64>,
    /// Entries of this page that `total` counts and that are nobody: records of deleted people.
    pub left_out: u64,
}

/// An access token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub access: Secret,
    /// For how many seconds it is good, if told.
    pub seconds: Option<u64>,
    /// Credentials that have changed with it and must be stored: key of `[credentials]` and value.
    pub changed: Option<(&'static str, Secret)>,
}

/// One kind of source with an API. All methods are pure.
pub trait Connector: Sync {
    /// What it is and can do.
    fn about(&self) -> &'static About;

    /// What is wrong with `[provider]` and `[credentials]` beyond missing and unknown keys, as `(key, problem)`.
    fn problems(&self, _target: &Target<'_>) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The names by which its webhooks call a connection ([`SourceEvent::route`]), made of `[provider]`. Empty
    /// where they do not say whose they are: then only `/webhooks/{connector}/{connection}` works.
    fn routes(&self, provider: &BTreeMap<String, String>) -> Vec<String>;

    /// Whether a webhook is authentic, under any of several secrets. Looks at raw bytes, in constant time where a
    /// secret is compared, and never parses before it has verified (but for Apideck, whose signature is over the
    /// parsed body). Use [`crate::accept`], which gives the proof.
    ///
    /// # Errors
    /// [`Refused`] says why, without quoting anything.
    fn verify(&self, delivery: &Delivery<'_>, secrets: &[Secret], now_ms: i64) -> Result<(), Refused>;

    /// What a verified webhook tells. Empty for pings and tests.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not the JSON that the provider documents.
    fn events(&self, hook: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable>;

    /// The request for an access token, where the API wants one that is not in `[credentials]` itself.
    fn token_request(&self, _target: &Target<'_>) -> Option<HttpRequest> {
        None
    }

    /// Reads the answer to [`Connector::token_request`].
    ///
    /// # Errors
    /// [`Fault`].
    fn read_token(&self, _target: &Target<'_>, response: &HttpResponse<'_>) -> Result<Token, Fault> {
        Err(Fault::of_status(response))
    }

    /// The first step of a reading. `None` when the connector has no such scope.
    fn first(&self, target: &Target<'_>, scope: &Scope) -> Option<Step>;

    /// The request of a step.
    fn request(&self, target: &Target<'_>, step: &Step) -> HttpRequest;

    /// Reads the answer to a step's request.
    ///
    /// # Errors
    /// [`Fault`]: kind and advice. A person who is not there any more is no fault but [`Page::gone`].
    fn read(&self, target: &Target<'_>, step: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault>;

    /// How a customer links an account in the provider's own pages. `None`: credentials are given.
    fn link(&self) -> Option<&'static dyn Link> {
        None
    }

    /// The request that tells the provider to refresh its own copy.
    fn resync_request(&self, _target: &Target<'_>) -> Option<HttpRequest> {
        None
    }
}
