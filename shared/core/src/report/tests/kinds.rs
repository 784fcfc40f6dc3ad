//! One snapshot of subject and text for each kind of mail.

use super::*;

fn letter(mail: &Mail) -> String {
    format!("Subject: {}\n\n{}", mail.subject, mail.text)
}

/// Set `MUSTER_MAILS` to a folder to get every mail of these tests as an HTML file to look at.
fn check(name: &str, mail: &Mail) {
    if let Ok(folder) = std::env::var("MUSTER_MAILS") {
        std::fs::write(format!("{folder}/{name}.html"), &mail.html).unwrap();
    }
    insta::assert_snapshot!(name, letter(mail));
}

#[test]
fn a_held_mail_says_why_and_how_to_decide() {
    let mail = Owned::new("").mail(Outcome::Held, |report| report.replaced_run = Some("acme-6e29"));
    check("held", &mail);
    for body in [&mail.text, &mail.html] {
        assert!(body.contains("Nothing was changed"));
        assert!(body.contains("run approve acme-7f3a --hash 9f2c"));
        assert!(body.contains("213 of 2,012 = 10.6 %, limit 10 %"));
    }
}

#[test]
fn an_applied_mail_tells_what_was_done() {
    let mut day = Owned::new("");
    day.summary.tally.removed = 4;
    day.summary.gates[0] = gate(Gate::Removals, 7, 2012, Limit::Percent(10.0), false, "");
    let mail = day.mail(Outcome::Applied, |_| {});
    check("applied", &mail);
    assert!(!mail.text.contains("run approve"), "nothing is left to decide");
}

#[test]
fn the_first_applied_run_confirms_the_connection() {
    let first = Owned {
        summary: Summary { tally: Tally { rows: 2012, added: 2012, ..Tally::default() }, ..Summary::default() },
        issues: Vec::new(),
        ..Owned::new("")
    };
    let mail = first.mail(Outcome::Applied, |report| {
        report.first_success = true;
        report.error_file = None;
    });
    check("first_success", &mail);
}

#[test]
fn a_rejected_mail_says_that_nothing_was_changed() {
    check("rejected", &Owned::new("").mail(Outcome::Rejected, |_| {}));
}

#[test]
fn a_superseded_mail_says_that_nothing_was_changed() {
    check("superseded", &Owned::new("").mail(Outcome::Superseded, |_| {}));
}

#[test]
fn an_unreadable_file_removes_nobody_and_the_mail_says_what_to_do() {
    let run = Owned::unplanned(Code::FileKind, "the file is a PDF document; send a CSV file");
    let mail = run.mail(Outcome::Failed, |report| {
        report.failure = Some("the file is a PDF document");
        report.error_file = None;
    });
    check("unreadable", &mail);
}

#[test]
fn a_wrong_file_name_is_reported() {
    let run = Owned::unplanned(Code::FileName, "expected a name like acme_people_{mmddyyyy}.csv");
    check("wrong_name", &run.mail(Outcome::Failed, |report| report.error_file = None));
}

#[test]
fn a_broken_off_upload_is_reported() {
    let run = Owned::unplanned(Code::PartialUpload, "52,428 bytes arrived before the connection closed");
    check("partial_upload", &run.mail(Outcome::Failed, |report| report.error_file = None));
}

#[test]
fn a_rollback_is_reported_as_one() {
    let mut undo = Owned::new("");
    undo.issues.clear();
    undo.summary.issues.clear();
    undo.summary.tally.added = 210;
    undo.summary.tally.removed = 12;
    undo.summary.gates = vec![GateReading {
        gate: Gate::Rollback,
        meter: 0,
        of: 0,
        limit: None,
        holds: true,
        reason: "this plan undoes run acme-6e29 and is looked at by a person first".to_owned(),
    }];
    let rollback = |outcome| {
        undo.mail(outcome, |report| {
            report.rollback_of = Some("acme-6e29");
            report.error_file = None;
        })
    };
    check("rollback_held", &rollback(Outcome::Held));
    check("rollback_applied", &rollback(Outcome::Applied));
}

#[test]
fn a_mail_sent_again_is_labelled() {
    let mail = Owned::new("").mail(Outcome::Applied, |report| report.resent = true);
    assert!(mail.subject.starts_with("[sent again] Applied: Payroll nightly"), "{}", mail.subject);
    assert!(mail.text.contains("the run happened once") && mail.html.contains("the run happened once"));
}

#[test]
fn withheld_removals_are_told() {
    let mut cut = Owned::new("");
    cut.summary.removals_withheld = true;
    let mail = cut.mail(Outcome::Held, |_| {});
    assert!(mail.text.contains("Nobody is removed for being absent"));
    assert!(mail.html.contains("Nobody is removed for being absent"));
}

#[test]
fn both_bodies_carry_the_same_facts() {
    let mail = Owned::new("").mail(Outcome::Held, |_| {});
    let facts = [
        "Removed",
        "210",
        "1,810",
        "2,012",
        "line 18, record 17",
        "Text 1",
        "invalid",
        "duplicate_id",
        "Field Service",
        "8 people",
        "+12",
        "−210",
        "errors/acme_people_11222026.errors.csv",
        "10 records",
        "acme-7f3a",
        "2026-11-22 02:00 UTC",
        "hr@acme.example",
        "Department",
        "30",
        "9",
        "6",
        "reactivate 2",
        "whole file",
        "SSN",
    ];
    for fact in facts {
        assert!(mail.text.contains(fact), "the text lacks {fact:?}");
        assert!(mail.html.contains(fact), "the HTML lacks {fact:?}");
    }
}

#[test]
fn long_lists_are_cut_at_ten_and_say_so() {
    let mut day = Owned::new("");
    let group = |number| GroupChange { name: format!("group {number:02}"), made: false, joined: 1, left: 0 };
    day.summary.groups = (0..25).map(group).collect();
    day.issues = (1..=30).map(|line| Issue::at(Code::Invalid, Place { record: line, line }, "x")).collect();
    let mail = day.mail(Outcome::Applied, |_| {});
    for body in [&mail.text, &mail.html] {
        assert!(body.contains("group 09") && !body.contains("group 10") && body.contains("and 15 more"));
        assert!(body.contains("line 10, record 10") && !body.contains("line 11, record 11"));
    }
}

#[test]
fn original_records_and_blocked_values_are_never_quoted() {
    let mut day = Owned::new("");
    let mut blocked = Issue::at(Code::Blocked, Place { record: 1, line: 2 }, "078-05-1120 looks like an SSN");
    blocked.original = vec!["078-05-1120".to_owned()];
    day.issues.push(blocked);
    let mail = day.mail(Outcome::Applied, |_| {});
    for body in [&mail.subject, &mail.text, &mail.html] {
        assert!(!body.contains("078-05-1120") && !body.contains("ORIGINAL-CELL"));
    }
    assert!(mail.text.contains("looks like data that is never stored"));
}

#[test]
fn the_chat_line_tells_that_a_file_arrived() {
    let line = Owned::new("").with(Outcome::Held, |report| chat_alert(report));
    insta::assert_snapshot!(line, @"acme_people_11222026.csv arrived for Payroll nightly: Held: nothing was changed (12 to add, 45 to update, 3 to deactivate, 210 to remove). Run acme-7f3a");
}

#[test]
fn a_meter_reaches_beyond_its_mark_only_over_the_limit() {
    let bar = |meter, limit| {
        let reading = gate(Gate::Removals, meter, 10_000, limit, false, "");
        meter::Meter::of(&reading).ascii
    };
    for limit in [Limit::Percent(10.0), Limit::Count(1000)] {
        assert!(bar(1001, limit).contains("|#"));
        assert!(bar(1000, limit).contains("#|."));
        assert!(!bar(0, limit).contains('#'));
        assert_eq!(bar(10_000, limit).chars().count(), 40);
    }
    assert!(bar(1, Limit::Count(0)).starts_with("|#"));
    assert_eq!(bar(1, Limit::Percent(f64::NAN)), "");
}

#[test]
fn a_share_just_over_its_limit_does_not_read_like_the_limit() {
    let reading = gate(Gate::Removals, 20_001, 200_000, Limit::Percent(10.0), true, "");
    assert_eq!(meter::Meter::of(&reading).figures, "20,001 of 200,000 = 10.001 %, limit 10 %");
}
