//! What both bodies of a mail show, in order, cleaned and counted.

use super::bar::{self, Ink, Stretch};
use super::clean::{clean, counted, thousands};
use super::meter::Meter;
use super::subject::subject;
use super::words::{Kind, headline, lead};
use super::{Decide, Report, text};
use crate::issue::{Code, Issue, Severity};
use crate::plan::{FieldTally, Tally};

/// How long the ASCII bars of the picture are, in characters.
const ASCII_LENGTH: u32 = 40;

/// Everything a template reads.
#[derive(Debug)]
pub(super) struct View {
    pub(super) subject: String,
    pub(super) headline: &'static str,
    pub(super) colour: &'static str,
    pub(super) lead: Vec<String>,
    pub(super) gates_title: &'static str,
    pub(super) holding: Vec<Meter>,
    pub(super) decide: Option<Ways>,
    pub(super) picture_title: &'static str,
    pub(super) picture: Vec<Bar>,
    pub(super) counts: Vec<Fact>,
    pub(super) passed: Vec<Meter>,
    pub(super) findings: Option<String>,
    pub(super) issues: Vec<Finding>,
    pub(super) error_file: Option<String>,
    pub(super) fields: Vec<[String; 3]>,
    pub(super) new_values: Vec<[String; 3]>,
    pub(super) more_values: Option<String>,
    pub(super) groups: Vec<[String; 3]>,
    pub(super) more_groups: Option<String>,
    pub(super) facts: Vec<Fact>,
}

/// A name and a value.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
}

/// One bar of the picture.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) label: &'static str,
    pub(super) count: String,
    pub(super) colour: &'static str,
    pub(super) bar: Vec<Stretch>,
    pub(super) ascii: String,
}

/// How to decide.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) approve: Way,
    pub(super) reject: Way,
    pub(super) hash: String,
}

/// A command, or an address where it is one.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) text: String,
    pub(super) is_link: bool,
}

/// One row of the table of issues.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) place: String,
    pub(super) field: String,
    pub(super) code: &'static str,
    pub(super) severity: &'static str,
    pub(super) reason: String,
}

impl View {
    /// The view of a report.
    pub(super) fn of(report: &Report<'_>) -> Self {
        let summary = report.summary;
        let kind = Kind::of(report);
        let (holding, passed): (Vec<_>, Vec<_>) = summary.gates.iter().partition(|reading| reading.holds);
        let planned = kind.planned();
        let groups = summary.groups.iter().map(|group| {
            let made = if group.made { " (new)" } else { "" };
            [
                format!("{}{made}", clean(&group.name)),
                format!("+{}", thousands(group.joined)),
                format!("−{}", thousands(group.left)),
            ]
        });
        let new_values = summary.new_values.iter().map(|new| {
            let unmapped = if new.unmapped { " (not in the value table)" } else { "" };
            let value = format!("{}{unmapped}", clean(&new.value));
            [new.field.spec().label.to_owned(), value, counted(new.people, "person", "people")]
        });
        Self {
            subject: subject(report),
            headline: headline(report, kind),
            colour: kind.colour(),
            lead: lead(report, kind),
            gates_title: kind.gates_title(),
            holding: holding.into_iter().map(Meter::of).collect(),
            decide: report.decide.filter(|_| kind == Kind::Held).map(ways),
            picture_title: kind.picture_title(),
            picture: if planned { picture(&summary.tally) } else { Vec::new() },
            counts: if planned { counts(report) } else { Vec::new() },
            passed: passed.into_iter().filter(|reading| reading.limit.is_some()).map(Meter::of).collect(),
            findings: findings(report),
            issues: report.top_issues.iter().take(Report::MAX_ISSUES).map(finding).collect(),
            error_file: error_file(report),
            fields: fields(&summary.tally),
            new_values: new_values.take(Report::MAX_LISTED).collect(),
            more_values: more(summary.new_values.len()),
            groups: groups.take(Report::MAX_LISTED).collect(),
            more_groups: more(summary.groups.len()),
            facts: facts(report),
        }
    }

    /// [`text::wrap`], for templates.
    pub(super) fn wrap(&self, text: &str, indent: usize) -> String {
        text::wrap(text, indent)
    }

    /// [`text::pad`], for templates.
    pub(super) fn pad(&self, text: &str, width: usize) -> String {
        text::pad(text, width)
    }

    /// [`text::right`], for templates.
    pub(super) fn right(&self, text: &str, width: usize) -> String {
        text::right(text, width)
    }
}

impl Ways {
    /// Whether both are decided on the same page.
    pub(super) fn one_page(&self) -> bool {
        self.approve.is_link && self.approve.text == self.reject.text
    }
}

impl Stretch {
    /// The background of this stretch where the counted part has `colour`; CSS.
    pub(super) fn background<'a>(&self, colour: &&'a str) -> &'a str {
        match self.ink {
            Ink::Filled => colour,
            Ink::Over => "#cf222e",
            Ink::Mark => "#24292f",
            Ink::Empty => "#e6e9ed",
        }
    }

    /// The class by which the dark colours find this stretch.
    pub(super) fn class(&self) -> &'static str {
        match self.ink {
            Ink::Filled | Ink::Over => "bar",
            Ink::Mark => "mark",
            Ink::Empty => "track",
        }
    }
}

fn ways(decide: Decide<'_>) -> Ways {
    let way = |text: &str| {
        let text = super::clean::one_line(text);
        Way { is_link: is_address(&text), text }
    };
    Ways { approve: way(decide.approve), reject: way(decide.reject), hash: clean(decide.hash) }
}

/// Whether a text is a web address in plain characters; anything else is shown, not linked.
fn is_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://"))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#@!$&*+,;=%".contains(c))
}

fn picture(tally: &Tally) -> Vec<Bar> {
    let all = [
        ("Added", tally.added, "#1a7f37", true),
        ("Proposed", tally.proposed, "#8250df", false),
        ("Updated", tally.updated, "#0969da", true),
        ("Deactivated", tally.deactivated, "#bf8700", false),
        ("Reactivated", tally.reactivated, "#1b7c83", false),
        ("Removed", tally.removed, "#cf222e", true),
    ];
    let most = all.iter().map(|(_, count, ..)| *count).max().unwrap_or(0) as f64;
    let bar = |(label, count, colour, _)| {
        let bar = |length| bar::plain(count as f64, most, length);
        Bar { label, count: thousands(count), colour, bar: bar(100), ascii: bar::ascii(&bar(ASCII_LENGTH)) }
    };
    all.into_iter().filter(|(_, count, _, always)| *always || *count > 0).map(bar).collect()
}

fn counts(report: &Report<'_>) -> Vec<Fact> {
    let tally = &report.summary.tally;
    let always = [("Rows in the file", tally.rows), ("People before this run", report.summary.owned_before)];
    let some = [
        ("Unchanged", tally.unchanged),
        ("Kept as stored because their row has an error", tally.flagged),
        ("Absent, but kept", tally.absent_kept),
        ("Not imported because of their status", tally.skipped),
    ];
    let counts = always.into_iter().chain(some.into_iter().filter(|(_, count)| *count > 0));
    let mut facts: Vec<Fact> = counts.map(|(label, count)| Fact { label, value: thousands(count) }).collect();
    let off: Vec<String> =
        tally.switched_off.iter().map(|(kind, count)| format!("{kind} {}", thousands(*count))).collect();
    if !off.is_empty() {
        facts.push(Fact { label: "Left out, their switch is off", value: off.join(", ") });
    }
    facts
}

fn findings(report: &Report<'_>) -> Option<String> {
    let of = |severity| {
        let tallies = report.summary.issues.iter().filter(move |tally| tally.code.severity() == severity);
        tallies.map(|tally| tally.count).fold(0, u64::saturating_add)
    };
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    if errors == 0 && warnings == 0 {
        return None;
    }
    let codes = report.summary.issues.iter().take(Report::MAX_LISTED);
    let codes: Vec<String> = codes.map(|tally| format!("{} {}", tally.code.as_str(), thousands(tally.count))).collect();
    let (errors, warnings) = (counted(errors, "error", "errors"), counted(warnings, "warning", "warnings"));
    Some(format!("{errors}, {warnings}: {}.", codes.join(", ")))
}

fn finding(issue: &Issue) -> Finding {
    let place = match issue.place.line {
        0 => "whole file".to_owned(),
        line if issue.place.record == 0 => format!("line {}", thousands(line)),
        line => format!("line {}, record {}", thousands(line), thousands(issue.place.record)),
    };
    let field = match (issue.field, &issue.column) {
        (Some(field), _) => field.spec().label.to_owned(),
        (None, Some(column)) => clean(column),
        (None, None) => String::new(),
    };
    // What was blocked is told in our own words, so that not even a careless message can quote it.
    let reason = match issue.code {
        Code::Blocked => "looks like data that is never stored; it was left out".to_owned(),
        _ => clean(&issue.message),
    };
    Finding { place, field, code: issue.code.as_str(), severity: issue.code.severity().as_str(), reason }
}

fn error_file(report: &Report<'_>) -> Option<String> {
    let path = clean(report.error_file?);
    let records = counted(report.error_rows, "record", "records");
    Some(format!(
        "{path} in your SFTP home holds {records}, each with its reasons. Correct them and upload them again."
    ))
}

fn fields(tally: &Tally) -> Vec<[String; 3]> {
    let mut fields: Vec<_> = tally.fields.iter().filter(|(_, of)| weight(of) > 0).collect();
    fields.sort_by_key(|(field, of)| (std::cmp::Reverse(weight(of)), **field));
    let row = |(field, of): (&crate::field::Field, &FieldTally)| {
        [field.spec().label.to_owned(), thousands(of.changed), thousands(of.blanked)]
    };
    fields.into_iter().take(Report::MAX_LISTED).map(row).collect()
}

fn weight(tally: &FieldTally) -> u64 {
    tally.changed.saturating_add(tally.blanked)
}

fn more(of: usize) -> Option<String> {
    let left = of.saturating_sub(Report::MAX_LISTED);
    (left > 0).then(|| format!("and {} more", thousands(left as u64)))
}

fn facts(report: &Report<'_>) -> Vec<Fact> {
    let told: Vec<String> = report.told.iter().map(|address| clean(address)).collect();
    let facts = [
        ("Connection", format!("{} ({})", clean(report.connection), clean(report.connection_id))),
        ("Account", clean(report.account)),
        ("Group", clean(report.group)),
        ("File", clean(report.source)),
        ("Received", report.received.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ("Run", clean(report.run)),
        ("Sent to", told.join(", ")),
    ];
    facts.into_iter().map(|(label, value)| Fact { label, value }).collect()
}
