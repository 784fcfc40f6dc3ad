//! Every gate at its limit and one over it.

use super::*;

fn read(settings: &Settings, facts: &Facts, tally: &Tally) -> Vec<GateReading> {
    gates::read(settings, facts, tally, &[])
}

#[track_caller]
fn check(facts: &Facts, tally: Tally, expected: &[&str]) {
    check_with(&settings(), facts, tally, expected);
}

#[track_caller]
fn check_with(settings: &Settings, facts: &Facts, tally: Tally, expected: &[&str]) {
    let gates = read(settings, facts, &Tally { rows: tally.rows.max(1), ..tally });
    let summary = Summary { gates, ..Summary::default() };
    assert_eq!(summary.held(), expected);
}

fn removing(removed: u64, deactivated: u64) -> Tally {
    Tally { removed, deactivated, ..Tally::default() }
}

#[test]
fn removals_hold_above_ten_percent_and_deactivations_count() {
    check(&facts(200), removing(20, 0), &[]);
    check(&facts(200), removing(21, 0), &["removals"]);
    check(&facts(200), removing(10, 10), &[]);
    check(&facts(200), removing(10, 11), &["removals"]);
    check(&facts(200), removing(0, 21), &["removals"]);
    check(&facts(209), removing(20, 0), &[]);
    check(&facts(209), removing(21, 0), &["removals"]);
}

#[test]
fn below_20_people_more_than_2_removals_hold() {
    check(&facts(19), removing(2, 0), &[]);
    check(&facts(19), removing(3, 0), &["removals"]);
    check(&facts(2), removing(1, 1), &[]);
    check(&facts(20), removing(2, 0), &[]);
    check(&facts(20), removing(3, 0), &["removals"]);
    let five = with_removals(Limit::Percent(5.0));
    check_with(&five, &facts(19), removing(2, 0), &[]);
    check_with(&five, &facts(20), removing(2, 0), &["removals"]);
}

#[test]
fn a_count_of_removals_means_that_count_at_any_size() {
    let none = with_removals(Limit::Count(0));
    check_with(&none, &facts(5), removing(1, 0), &["removals", "removals_7_days"]);
    let three = with_removals(Limit::Count(3));
    check_with(&three, &facts(5), removing(3, 0), &[]);
    check_with(&three, &facts(5), removing(4, 0), &["removals"]);
}

#[test]
fn no_percent_means_nobody_and_a_hundred_percent_anybody() {
    check_with(&with_removals(Limit::Percent(0.0)), &facts(5), removing(1, 0), &["removals", "removals_7_days"]);
    check_with(&with_removals(Limit::Percent(100.0)), &facts(5), removing(5, 0), &[]);
}

#[test]
fn removals_over_7_days_hold_above_twice_the_limit() {
    let before = |owned, removed_last_7_days| Facts { removed_last_7_days, ..facts(owned) };
    check(&before(200, 35), removing(5, 0), &[]);
    check(&before(200, 35), removing(3, 3), &["removals_7_days"]);
    check(&before(19, 2), removing(2, 0), &[]);
    check(&before(19, 3), removing(2, 0), &["removals_7_days"]);
    check(&before(20, 2), removing(2, 0), &[]);
    check(&before(20, 3), removing(2, 0), &["removals_7_days"]);
    check_with(&with_removals(Limit::Count(3)), &before(200, 4), removing(2, 0), &[]);
    check_with(&with_removals(Limit::Count(3)), &before(200, 4), removing(3, 0), &["removals_7_days"]);
}

#[test]
fn a_plan_that_removes_nobody_is_not_held_for_the_days_before() {
    check(&Facts { removed_last_7_days: 150, ..facts(200) }, removing(0, 0), &[]);
}

#[test]
fn updates_hold_above_75_percent_and_reactivations_count() {
    let updating = |updated, reactivated| Tally { updated, reactivated, ..Tally::default() };
    check(&facts(4), updating(3, 0), &[]);
    check(&facts(4), updating(4, 0), &["updates"]);
    check(&facts(4), updating(2, 2), &["updates"]);
}

#[test]
fn new_ids_hold_above_30_percent_but_not_on_a_first_run() {
    let adding = |added, proposed| Tally { added, proposed, ..Tally::default() };
    check(&facts(10), adding(3, 0), &[]);
    check(&facts(10), adding(4, 0), &["new"]);
    check(&facts(10), adding(2, 2), &["new"]);
    check(&Facts { first_run: true, ..facts(10) }, adding(9, 0), &[]);
    check(&facts(0), adding(9, 0), &[]);
}

#[test]
fn rows_hold_below_70_percent_of_the_last_file() {
    let last = Facts { rows_last: Some(10), ..facts(10) };
    check(&last, Tally { rows: 7, ..Tally::default() }, &[]);
    check(&last, Tally { rows: 6, ..Tally::default() }, &["rows"]);
    let least = {
        let mut settings = settings();
        settings.gates.rows = Limit::Count(5);
        settings
    };
    check_with(&least, &last, Tally { rows: 5, ..Tally::default() }, &[]);
    check_with(&least, &last, Tally { rows: 4, ..Tally::default() }, &["rows"]);
}

#[test]
fn one_field_changed_or_blanked_in_over_half_holds_and_is_named() {
    let touching = |changed, blanked| Tally {
        fields: [
            (field("city"), FieldTally { changed: 1, blanked: 0 }),
            (field("job_title"), FieldTally { changed, blanked }),
        ]
        .into(),
        ..Tally::default()
    };
    check(&facts(10), touching(3, 2), &[]);
    check(&facts(10), touching(3, 3), &["field_change"]);
    let gates = read(&settings(), &facts(10), &touching(3, 3));
    assert_eq!(
        gates[0].reason,
        "The field job_title would change in 3 and be blanked in 3 of 10 people (60.0 %); the limit is 50 %."
    );
}

#[test]
fn a_file_without_rows_is_always_held() {
    let wide = Settings { gates: GateLimits { rows: Limit::Percent(0.0), ..settings().gates }, ..settings() };
    let held = |facts: &Facts, rows| {
        let gates = read(&wide, facts, &Tally { rows, ..Tally::default() });
        Summary { gates, ..Summary::default() }.held()
    };
    assert_eq!(held(&facts(10), 0), ["no_rows"]);
    assert_eq!(held(&Facts { header_only: true, ..facts(10) }, 0), ["no_rows"]);
    let empty = vec![(crate::issue::Code::NoRows, crate::issue::Place::default(), "the file is empty".to_owned())];
    assert_eq!(held(&Facts { damage: empty, ..facts(10) }, 0), ["no_rows"]);
    assert_eq!(held(&facts(10), 1), [""; 0]);
}

#[test]
fn damage_holds_and_names_its_line() {
    let place = crate::issue::Place { record: 4, line: 6 };
    let damage = vec![(crate::issue::Code::UnclosedQuote, place, "a quote is never closed".to_owned())];
    let damaged = Facts { damage, ..facts(10) };
    check(&damaged, Tally::default(), &["damage"]);
    let gates = read(&settings(), &damaged, &Tally { rows: 9, ..Tally::default() });
    assert_eq!(
        gates[0].reason,
        "The file is damaged: unclosed_quote in line 6: a quote is never closed. It removes nobody."
    );
}

#[test]
fn preview_holds_every_plan() {
    let preview = Settings { mode: Mode::Preview, ..settings() };
    check_with(&preview, &facts(10), Tally::default(), &["preview"]);
    check_with(&preview, &Facts { first_run: true, ..facts(0) }, Tally::default(), &["preview"]);
}

#[test]
fn a_new_grouping_value_holds_where_the_connection_asks_first() {
    let asks = Settings { on_new_value: OnNewValue::Alert, ..settings() };
    let value = [NewValue { field: field("department"), value: "Legal".to_owned(), people: 2, unmapped: false }];
    let held = |settings: &Settings, facts: &Facts, values: &[NewValue]| {
        let gates = gates::read(settings, facts, &Tally { rows: 9, ..Tally::default() }, values);
        Summary { gates, ..Summary::default() }.held()
    };
    assert_eq!(held(&asks, &facts(10), &value), ["new_value"]);
    assert_eq!(held(&asks, &facts(10), &[]), [""; 0]);
    assert_eq!(held(&settings(), &facts(10), &value), [""; 0]);
    assert_eq!(held(&asks, &Facts { first_run: true, ..facts(0) }, &value), [""; 0]);
}

#[test]
fn a_reverse_plan_passes_the_gates_too_but_not_those_of_a_file() {
    let run = crate::ids::RunId::parse("run-7").unwrap();
    let undo = Facts { rollback_of: Some(run), rows_last: Some(500), ..facts(200) };
    let gates = read(&settings(), &undo, &removing(21, 0));
    let names: Vec<_> = gates.iter().map(|reading| reading.gate.as_str()).collect();
    assert_eq!(
        names,
        ["removals", "removals_7_days", "updates", "new", "field_change", "damage", "new_value", "rollback"]
    );
    assert!(gates[0].holds && !gates[1].holds);
    assert_eq!(gates[7].reason, "This plan undoes run run-7.");
}

#[test]
fn a_deletion_is_held_however_few_it_removes() {
    let farewell = |owned| Facts { farewell: true, rows_last: Some(500), ..facts(owned) };
    for owned in [0, 1, 200] {
        let gates = read(&settings(), &farewell(owned), &removing(owned, 0));
        let deletion = gates.iter().find(|reading| reading.gate == Gate::Deletion).unwrap();
        assert!(deletion.holds && deletion.meter == owned, "{owned}");
        assert!(gates.iter().all(|reading| !matches!(reading.gate, Gate::NoRows | Gate::Rows)), "{owned}");
    }
    let usual = read(&settings(), &facts(200), &removing(1, 0));
    assert!(usual.iter().all(|reading| reading.gate != Gate::Deletion));
}

#[test]
fn a_reading_tells_meter_whole_and_limit_in_one_sentence() {
    let gates = read(&settings(), &facts(200), &Tally { rows: 175, ..removing(20, 5) });
    assert_eq!(gates[0].reason, "25 of 200 people (12.5 %) would be removed or deactivated; the limit is 10 %.");
    let small = read(&settings(), &facts(19), &removing(3, 0));
    assert_eq!(
        small[0].reason,
        "3 of 19 people (15.7 %) would be removed or deactivated; the limit below 20 people is 2."
    );
}

#[test]
fn a_fractional_percentage_is_compared_exactly() {
    assert!(!gates::is_over(Limit::Percent(0.1), 1, 1000));
    assert!(gates::is_over(Limit::Percent(0.1), 2, 1000));
    assert!(!gates::is_over(Limit::Percent(12.3), 123, 1000));
    assert!(gates::is_over(Limit::Percent(12.3), 124, 1000));
    assert!(!gates::is_over(Limit::Percent(29.0), 29, 100));
    assert!(!gates::is_under(Limit::Percent(12.3), 123, 1000));
    assert!(gates::is_under(Limit::Percent(12.3), 122, 1000));
    assert!(gates::is_over(Limit::Percent(100.0), u64::MAX, u64::MAX - 1));
}

fn with_removals(removals: Limit) -> Settings {
    let mut settings = settings();
    settings.gates.removals = removals;
    settings
}

#[test]
fn of_fields_equally_touched_the_first_of_the_catalogue_is_named() {
    let five = FieldTally { changed: 5, blanked: 0 };
    let tally =
        Tally { rows: 9, fields: [(field("city"), five), (field("job_title"), five)].into(), ..Tally::default() };
    let gates = read(&settings(), &facts(10), &tally);
    let reading = gates.iter().find(|reading| reading.gate == Gate::FieldChange).unwrap();
    assert!(reading.reason.starts_with("The field city would"), "{}", reading.reason);
}
