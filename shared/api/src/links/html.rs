//! The pages of an approver's link. They load nothing and run nothing.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use muster_sync::Consent;
use sha2::{Digest, Sha256};

use crate::reply::Reply;

/// The content type of a page.
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// All the looks of a page.
const STYLE: &str = "body{margin:0;background:#f6f8fa;color:#1f2328;font:16px/1.5 system-ui,sans-serif}\
main{max-width:44rem;margin:0 auto;padding:1.5rem;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}\
table{border-collapse:collapse}th,td{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top;font-weight:400;overflow-wrap:anywhere}\
input{width:100%;max-width:30rem;padding:.4rem;font:inherit}button{padding:.5rem 1rem;font:inherit}\
.problem{color:#cf222e;font-weight:600}\
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}main{background:#161b22}}";

/// What a page asks of whoever holds the link.
pub(super) struct Asked {
    /// Who asks.
    pub(super) by: String,
    /// For which account.
    pub(super) account: String,
    /// Until when the link is good.
    pub(super) until: String,
    pub(super) consent: Consent,
    /// Where the forms go.
    pub(super) action: String,
    /// Whether a link was started.
    pub(super) under_way: bool,
    pub(super) form: Form,
}

/// The form of a page.
pub(super) enum Form {
    /// Goes to the provider's pages.
    Start,
    /// Finishes with what they handed over.
    Finish(Vec<(String, String)>),
    /// Gives credentials.
    Credentials(Vec<Input>),
}

/// One key that is asked for.
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) needed: bool,
    pub(super) secret: bool,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    title: &'a str,
    style: &'a str,
    problem: Option<&'a str>,
    asked: Option<&'a Asked>,
    text: Option<&'a str>,
}

/// The page that asks; `problem` says what was wrong with the last answer.
pub(super) fn asking(status: u16, asked: &Asked, problem: Option<&str>, local: bool) -> Reply {
    let page =
        Page { title: "May this connection read people?", style: STYLE, problem, asked: Some(asked), text: None };
    html(status, &page, local)
}

/// A page that says one thing.
pub(super) fn notice(status: u16, title: &str, text: &str) -> Reply {
    html(status, &Page { title, style: STYLE, problem: None, asked: None, text: Some(text) }, false)
}

fn html(status: u16, page: &Page<'_>, local: bool) -> Reply {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    // Browsers hold the redirect that answers a form to this as well, and it leads to the provider's pages.
    let forms = if local { "'self' https: http:" } else { "'self' https:" };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    );
    Reply::text(status, HTML, page.render().unwrap_or_default())
        .header("content-security-policy", policy)
        .header("referrer-policy", "no-referrer")
        .header("x-frame-options", "DENY")
        .header("x-robots-tag", "noindex, nofollow")
}
