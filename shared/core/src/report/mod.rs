//! The e-mail that tells what a run did: subject, text and HTML made from the run's summary.
//!
//! Everything that comes from a file or a customer passes `clean` on its way in, so no name can
//! break a line, a header or the reading order; the HTML template escapes on top of that. Original
//! records are never quoted.

mod bar;
mod chat;
mod clean;
mod meter;
mod page;
mod subject;
#[cfg(test)]
mod tests;
mod text;
mod view;
mod words;

use askama::Template;

use crate::issue::Issue;
use crate::plan::{Outcome, Summary};

pub use chat::chat_alert;
pub use page::{Again, LONGEST_NAME, LONGEST_REASON, decision_page, notice_page, page_policy};

/// What a report tells of one run.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The account's id.
    pub account: &'a str,
    /// The connection's name.
    pub connection: &'a str,
    /// The connection's id.
    pub connection_id: &'a str,
    /// The name of the connection's own group.
    pub group: &'a str,
    /// The run's id.
    pub run: &'a str,
    /// The file's name as it was uploaded.
    pub source: &'a str,
    /// When the file arrived.
    pub received: jiff::Timestamp,
    /// How the run stands.
    pub outcome: Outcome,
    /// Whether this is the connection's first applied run: the mail then confirms the connection.
    pub first_success: bool,
    /// What the plan adds up to; the default where there is no plan.
    pub summary: &'a Summary,
    /// The issues to quote, most important first; at most [`Report::MAX_ISSUES`] are shown.
    pub top_issues: &'a [Issue],
    /// Where the error file lies in the customer's SFTP home: `errors/NAME`.
    pub error_file: Option<&'a str>,
    /// How many records the error file holds.
    pub error_rows: u64,
    /// How to decide; only told when the run is held.
    pub decide: Option<Decide<'a>>,
    /// The run whose waiting plan this run took the place of.
    pub replaced_run: Option<&'a str>,
    /// Why the source could not be read, one fragment; never quotes blocked data.
    pub failure: Option<&'a str>,
    /// Who gets this mail.
    pub told: &'a [String],
    /// Whether this mail may be a second copy, because the answer to the first sending was lost.
    pub resent: bool,
    /// The run this one undoes.
    pub rollback_of: Option<&'a str>,
    /// Where the people come from.
    pub from: SourceKind,
    /// What single events did since the last report, as `3 added, 1 removed`.
    pub by_events: Option<&'a str>,
}

/// Where a run's people come from, for the words of its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceKind {
    /// A file.
    #[default]
    File,
    /// A listing, or an event, of a provider.
    Provider,
    /// Nowhere: a file that did not come when it was due.
    Late,
}

impl Report<'_> {
    /// How many issues a mail quotes; the error file has them all.
    pub const MAX_ISSUES: usize = 10;
    /// How many new values and groups a mail lists.
    pub const MAX_LISTED: usize = 10;
}

/// How to decide about a held plan. Each way is a command, or an `https://` or `http://` address of a
/// page on which a signed-in person decides: opening an address must never decide by itself, since
/// mail scanners open every link.
#[derive(Debug, Clone, Copy)]
pub struct Decide<'a> {
    /// How to approve; names the plan's hash.
    pub approve: &'a str,
    /// How to reject.
    pub reject: &'a str,
    /// The plan's hash.
    pub hash: &'a str,
}

/// A mail, ready to be sent as simple content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line of at most 120 characters, without control characters.
    pub subject: String,
    /// The plain text body; lines end in LF.
    pub text: String,
    /// The HTML body; loads nothing and runs nothing.
    pub html: String,
}

/// Renders the mail of a run. Cannot fail: writing into a `String` never does, and the templates call
/// nothing else that could.
pub fn render(report: &Report<'_>) -> Mail {
    let view = view::View::of(report);
    Mail {
        subject: subject::subject(report),
        text: TextMail { view: &view }.render().unwrap_or_default(),
        html: HtmlMail { view: &view }.render().unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "report/text.txt")]
struct TextMail<'a> {
    view: &'a view::View,
}

#[derive(Template)]
#[template(path = "report/html.html")]
struct HtmlMail<'a> {
    view: &'a view::View,
}
