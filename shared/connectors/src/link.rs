//! How a customer links an account of a provider, without IO: sessions, tokens and codes that are exchanged.
//!
//! Starting gives an address to send a browser to, or a token for the provider's own widget. Finishing turns what the
//! browser brought back into credentials and into the names by which the provider knows the connection from now on.
//! Either may take several requests; nothing is kept between the two but what the caller is told to keep.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Fault, FaultKind, HttpRequest, HttpResponse, Secret};

/// What a link is asked with.
#[derive(Debug, Clone, Copy)]
pub struct LinkAsk<'a> {
    /// The product team's own keys at the provider, by [`crate::About::platform`].
    pub platform: &'a BTreeMap<String, Secret>,
    /// `[provider]` as it is so far.
    pub provider: &'a BTreeMap<String, String>,
    /// Our name for the customer at the provider: the connection's id, so that what is linked under it can be no
    /// other connection's.
    pub customer: &'a str,
    /// The customer's name, for people.
    pub organization: &'a str,
    /// Who links, where that is known.
    pub email: &'a str,
    /// Where the provider sends the browser afterwards; empty for none.
    pub redirect_url: &'a str,
    /// The mapped columns: no more is asked for than they need.
    pub columns: &'a [String],
    /// `[credentials]` of the link that there is already; empty where there is none.
    pub credentials: &'a BTreeMap<String, Secret>,
    /// What the browser brought back: `code`, `public_token`.
    pub given: &'a BTreeMap<String, String>,
}

impl<'a> LinkAsk<'a> {
    /// One of the product's keys; empty when it is not set.
    pub fn platform(&self, key: &str) -> &'a str {
        self.platform.get(key).map_or("", Secret::reveal)
    }

    /// A key of `[provider]`; empty when it is not there.
    pub fn provider(&self, key: &str) -> &'a str {
        self.provider.get(key).map_or("", String::as_str)
    }

    /// What the browser brought back under that name; empty for nothing.
    pub fn given(&self, key: &str) -> &'a str {
        self.given.get(key).map_or("", String::as_str)
    }

    /// Where the API is, as [`crate::Target::base`] says.
    pub fn base(&self, usual: &str) -> String {
        let base = self.provider.get("base_url").map_or(usual, String::as_str);
        base.trim_end_matches('/').to_owned()
    }
}

/// One request of a link, and what was learnt before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkStep {
    /// The connector's own word for it.
    pub at: &'static str,
    /// What earlier answers told, by the connector's own words.
    pub carried: BTreeMap<&'static str, Secret>,
}

impl LinkStep {
    /// A step that needs nothing of earlier answers.
    pub fn at(at: &'static str) -> Self {
        Self { at, carried: BTreeMap::new() }
    }

    /// The same with something learnt.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.carried.insert(key, Secret::new(value));
        self
    }

    /// What was learnt under that word; empty for nothing.
    pub fn carried(&self, key: &str) -> &str {
        self.carried.get(key).map_or("", Secret::reveal)
    }
}

/// What an answer leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkNext {
    /// Another request.
    Ask(LinkStep),
    /// The browser's turn.
    Started(LinkStarted),
    /// Linked.
    Finished(LinkFinished),
}

/// A link that waits for the browser. Address and token let whoever has them link: they are shown to the asker only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkStarted {
    /// Where to send the browser.
    pub url: Option<Secret>,
    /// What the provider's own widget takes.
    pub token: Option<Secret>,
    /// How long they are good, in milliseconds.
    pub lasts_ms: i64,
}

/// A link that is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkFinished {
    /// Keys of `[provider]` that are known now.
    pub provider: BTreeMap<String, String>,
    /// `[credentials]` that are known now. Keys of the product itself are not among them.
    pub credentials: BTreeMap<String, Secret>,
}

/// How a customer links an account. All methods are pure.
pub trait Link: Sync {
    /// What the provider is asked to let us read, in its own words, for the consent page.
    fn scopes(&self, ask: &LinkAsk<'_>) -> Vec<String>;

    /// What the browser brings back and finishing needs: `code`, `public_token`. `None`: the provider is asked.
    fn brings(&self) -> Option<&'static str>;

    /// The first step of starting; of signing in again, where `[provider]` already names a link.
    fn start(&self, ask: &LinkAsk<'_>) -> LinkStep;

    /// The first step of finishing.
    ///
    /// # Errors
    /// What the browser should have brought and did not: a word of [`Link::brings`].
    fn finish(&self, ask: &LinkAsk<'_>) -> Result<LinkStep, &'static str>;

    /// The request of a step.
    fn request(&self, ask: &LinkAsk<'_>, step: &LinkStep) -> HttpRequest;

    /// Reads the answer to a step's request.
    ///
    /// # Errors
    /// [`Fault`]: [`FaultKind::NotReady`] where the customer has not finished at the provider,
    /// [`FaultKind::Unauthorized`] where the product's own keys are refused, [`FaultKind::Refused`] where what the
    /// browser brought is not good or is another connection's.
    fn read(&self, ask: &LinkAsk<'_>, step: &LinkStep, response: &HttpResponse<'_>) -> Result<LinkNext, Fault>;
}

/// A text of an answer that must be there.
pub(crate) fn text<'v>(body: &'v Value, path: &[&str]) -> Result<&'v str, Fault> {
    let found = path.iter().fold(body, |value, key| &value[*key]).as_str().filter(|text| !text.is_empty());
    found.ok_or_else(|| Fault::new(FaultKind::Failing, format!("the provider's answer has no {:?}", path.join("."))))
}

/// What a failed answer means: the product's keys are refused, or what the browser brought is.
pub(crate) fn refused(provider: &str, what: &str, response: &HttpResponse<'_>) -> Fault {
    let usual = Fault::of_status(response);
    let message = match response.status {
        401 | 403 => {
            format!("{provider} refuses the product's own keys ({}): an operator must set them", response.status)
        }
        400..=499 if usual.kind == FaultKind::Refused => format!("{provider} refuses {what} ({})", response.status),
        status => format!("{provider} answered {status}"),
    };
    Fault { message, ..usual }
}

/// A link that turns out to be another connection's.
pub(crate) fn of_another(provider: &str) -> Fault {
    Fault::new(FaultKind::Refused, format!("{provider} says that this link was made for another connection"))
}

/// A link whose other end is not done.
pub(crate) fn not_yet(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::NotReady, message)
}
