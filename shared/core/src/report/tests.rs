//! Each kind of mail as it reads, and hostile content against benign.

use super::*;
use crate::field::Field;
use crate::issue::{Code, Place};
use crate::plan::{FieldTally, Gate, GateReading, GroupChange, IssueTally, NewValue, Tally};
use crate::settings::Limit;

mod hostile;
mod kinds;

fn field(name: &str) -> Field {
    Field::by_name(name).unwrap()
}

fn gate(gate: Gate, meter: u64, of: u64, limit: Limit, holds: bool, reason: &str) -> GateReading {
    GateReading { gate, meter, of, limit: Some(limit), holds, reason: reason.to_owned() }
}

/// A day on which everything happens that a report can tell, with `text` wherever a customer's text goes.
fn summary(text: &str) -> Summary {
    let field_tally = |changed, blanked| FieldTally { changed, blanked };
    Summary {
        tally: Tally {
            rows: 1810,
            added: 12,
            updated: 45,
            deactivated: 3,
            removed: 210,
            unchanged: 1540,
            flagged: 4,
            absent_kept: 2,
            skipped: 7,
            switched_off: [("reactivate", 2)].into(),
            fields: [(field("department"), field_tally(30, 0)), (field("text_1"), field_tally(9, 6))].into(),
            ..Tally::default()
        },
        owned_before: 2012,
        gates: vec![
            gate(
                Gate::Removals,
                213,
                2012,
                Limit::Percent(10.0),
                true,
                &format!("213 of 2,012 people would be removed or deactivated, the limit is 10 %{text}"),
            ),
            gate(Gate::Updates, 45, 2012, Limit::Percent(75.0), false, ""),
            gate(Gate::Rows, 1810, 2031, Limit::Percent(70.0), false, ""),
            gate(Gate::New, 12, 2012, Limit::Percent(30.0), false, ""),
        ],
        issues: vec![
            IssueTally { code: Code::Invalid, count: 6 },
            IssueTally { code: Code::DuplicateId, count: 4 },
            IssueTally { code: Code::ColumnBlocked, count: 1 },
        ],
        new_values: vec![NewValue {
            field: field("department"),
            value: format!("Field Service{text}"),
            people: 8,
            unmapped: false,
        }],
        groups: vec![
            GroupChange { name: format!("Field Service{text}"), made: true, joined: 8, left: 0 },
            GroupChange { name: format!("Acme staff{text}"), made: false, joined: 12, left: 210 },
        ],
        removals_withheld: false,
        hash: "9f2c4e0b77aa41d5830c6f1e2ab3c4d59f2c4e0b77aa41d5830c6f1e2ab3c4d5".to_owned(),
    }
}

fn issues(text: &str) -> Vec<Issue> {
    let mut phone = Issue::at(
        Code::Invalid,
        Place { record: 17, line: 18 },
        format!("is no phone number in the country US; write it as +1 and ten digits{text}"),
    );
    phone.field = Some(field("text_1"));
    phone.original = vec!["E-017".to_owned(), "ORIGINAL-CELL".to_owned()];
    let twice = Issue::at(
        Code::DuplicateId,
        Place { record: 203, line: 207 },
        "the same id stands in line 951; both rows are flagged",
    );
    let mut ssn = Issue::file(Code::ColumnBlocked, "the column holds national ids and was left out");
    ssn.column = Some(format!("SSN{text}"));
    vec![phone, twice, ssn]
}

/// What a report borrows.
struct Owned {
    text: String,
    summary: Summary,
    issues: Vec<Issue>,
    told: Vec<String>,
}

impl Owned {
    fn new(text: &str) -> Self {
        let told = vec![format!("hr@acme.example{text}"), "it@acme.example".to_owned()];
        Self { text: text.to_owned(), summary: summary(text), issues: issues(text), told }
    }

    /// Nothing planned: what is known when the file could not be read.
    fn unplanned(code: Code, message: &str) -> Self {
        let summary = Summary { owned_before: 2012, issues: vec![IssueTally { code, count: 1 }], ..Summary::default() };
        Self { summary, issues: vec![Issue::file(code, message)], ..Self::new("") }
    }

    /// Renders the mail of a run with `outcome`, changed by `change`.
    fn mail(&self, outcome: Outcome, change: impl FnOnce(&mut Report<'_>)) -> Mail {
        self.with(outcome, |report| {
            change(report);
            render(report)
        })
    }

    fn with<T>(&self, outcome: Outcome, then: impl FnOnce(&mut Report<'_>) -> T) -> T {
        let with = |name: &str| format!("{name}{}", self.text);
        let (account, connection, group) = (with("acme"), with("Payroll nightly"), with("Acme staff"));
        let (source, error_file) = (with("acme_people_11222026.csv"), with("errors/acme_people_11222026.errors.csv"));
        let (approve, reject) = (
            with(
                "muster-local run approve acme-7f3a --hash 9f2c4e0b77aa41d5830c6f1e2ab3c4d59f2c4e0b77aa41d5830c6f1e2ab3c4d5",
            ),
            with("muster-local run reject acme-7f3a"),
        );
        then(&mut Report {
            account: &account,
            connection: &connection,
            connection_id: "acme-payroll-nightly",
            group: &group,
            run: "acme-7f3a",
            source: &source,
            received: "2026-11-22T02:00:07Z".parse().unwrap(),
            outcome,
            first_success: false,
            summary: &self.summary,
            top_issues: &self.issues,
            error_file: Some(&error_file),
            error_rows: 10,
            decide: Some(Decide { approve: &approve, reject: &reject, hash: &self.summary.hash }),
            replaced_run: None,
            from: super::SourceKind::File,
            by_events: None,
            failure: None,
            told: &self.told,
            resent: false,
            rollback_of: None,
        })
    }
}
