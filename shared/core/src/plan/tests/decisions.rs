//! What becomes of one person.

use super::*;

/// `stored` is `-` for a person who is not in the directory.
#[track_caller]
fn check(settings: &Settings, stored: &str, presented: &str, expected: &str) {
    let stored = (stored != "-").then(|| recipient(stored));
    let got = match decide(&desired(presented), stored.as_ref(), settings) {
        Decision::Change(change) => shown(&change),
        Decision::Partly(change, off) => format!("{}; off: {}", shown(&change), shown(&off)),
        Decision::SwitchedOff(change) => format!("off: {}", shown(&change)),
        Decision::Same => "same".to_owned(),
        Decision::Skipped => "skipped".to_owned(),
        Decision::Protected(None) => "protected".to_owned(),
        Decision::Protected(Some(change)) => format!("protected; {}", shown(&change)),
    };
    assert_eq!(got, expected);
}

#[track_caller]
fn check_absent(settings: &Settings, stored: &str, runs: u8, expected: &str) {
    let got = match decide_absent(&recipient(stored), runs, settings) {
        AbsentDecision::Change(change) => shown(&change),
        AbsentDecision::SwitchedOff(change) => format!("off: {}", shown(&change)),
        AbsentDecision::Kept(why) => format!("kept: {why:?}"),
    };
    assert_eq!(got, expected);
}

fn with(set: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = settings();
    set(&mut settings);
    settings
}

#[test]
fn kinds_are_told_by_status_whatever_else_changed() {
    let all = settings();
    check(&all, "-", "7 active first_name=Ana", "add 7 - -> active first_name=Ana");
    check(&all, "-", "7 inactive", "add 7 - -> inactive");
    check(&all, "7 active", "7 active", "same");
    check(
        &all,
        "7 active first_name=Ana",
        "7 active first_name=Eva",
        "update 7 active first_name=Ana -> active first_name=Eva",
    );
    check(&all, "7 active", "7 inactive city=Ulm", "deactivate 7 active -> inactive city=Ulm");
    check(&all, "7 inactive city=Ulm", "7 active city=", "reactivate 7 inactive city=Ulm -> active");
}

#[test]
fn a_person_who_is_no_longer_imported_by_status_is_removed() {
    let all = settings();
    for status in ["terminated", "retired", "deceased"] {
        check(&all, "7 active", &format!("7 {status}"), "remove 7 active -> -");
        check(&all, "-", &format!("7 {status}"), "skipped");
    }
    let active_only = with(|s| s.import = ImportChoice::ActiveOnly);
    check(&active_only, "7 active", "7 inactive", "remove 7 active -> -");
    check(&active_only, "-", "7 inactive", "skipped");
    let ignoring = with(|s| s.on_absent = OnAbsent::Ignore);
    check(&ignoring, "7 active", "7 terminated", "remove 7 active -> -");
    let change = decide(&desired("7 retired"), Some(&recipient("7 active")), &all);
    let Decision::Change(Change { reason, .. }) = change else { panic!("is a change") };
    assert_eq!(reason, Reason::Status(Status::Retired));
}

#[test]
fn an_unmapped_or_kept_field_stays_as_stored() {
    let all = settings();
    check(&all, "7 active city=Ulm region=BW", "7 active city=?", "same");
    check(&all, "7 active city=Ulm", "7 active city=?", "same");
}

#[test]
fn a_new_person_is_proposed_where_the_connection_says_so() {
    let proposing = with(|s| s.on_new = OnNew::Propose);
    check(&proposing, "-", "7 active", "propose 7 - -> active");
}

#[test]
fn a_switch_that_is_off_lists_the_change_and_lets_the_others_through() {
    let off = |set: fn(&mut Switches)| with(|s| set(&mut s.switches));
    check(&off(|s| s.adds = false), "-", "7 active", "off: add 7 - -> active");
    check(&off(|s| s.updates = false), "7 active", "7 active city=Ulm", "off: update 7 active -> active city=Ulm");
    check(&off(|s| s.updates = false), "7 inactive", "7 active", "off: reactivate 7 inactive -> active");
    check(&off(|s| s.removals = false), "7 active", "7 terminated", "off: remove 7 active -> -");
    check(&off(|s| s.deactivations = false), "7 active", "7 inactive", "off: deactivate 7 active -> inactive");
    check(
        &off(|s| s.deactivations = false),
        "7 active",
        "7 inactive city=Ulm",
        "update 7 active -> active city=Ulm; off: deactivate 7 active -> inactive city=Ulm",
    );
    check(
        &off(|s| s.updates = false),
        "7 active",
        "7 inactive city=Ulm",
        "deactivate 7 active -> inactive; off: update 7 active -> active city=Ulm",
    );
    let neither = off(|s| (s.updates, s.deactivations) = (false, false));
    check(&neither, "7 active", "7 inactive city=Ulm", "off: deactivate 7 active -> inactive city=Ulm");
}

#[test]
fn nobody_on_the_keep_list_is_removed_or_deactivated() {
    let keeping = with(|s| s.never_remove = vec!["007".to_owned()]);
    check(&keeping, "007 active", "007 terminated", "protected");
    check(&keeping, "007 active", "007 inactive", "protected");
    check(&keeping, "007 active", "007 inactive city=Ulm", "protected; update 007 active -> active city=Ulm");
    check(&keeping, "7 active", "7 terminated", "remove 7 active -> -");
    check_absent(&keeping, "007 active", 1, "kept: Protected");
    check_absent(&keeping, "7 active", 1, "remove 7 active -> -");
}

#[test]
fn an_absent_person_goes_the_way_the_connection_says() {
    check_absent(&settings(), "7 active", 1, "remove 7 active -> -");
    check_absent(&settings(), "7 inactive", 1, "remove 7 inactive -> -");
    let deactivating = with(|s| s.on_absent = OnAbsent::Deactivate);
    check_absent(&deactivating, "7 active city=Ulm", 1, "deactivate 7 active city=Ulm -> inactive city=Ulm");
    check_absent(&deactivating, "7 inactive", 1, "kept: AlreadyInactive");
    check_absent(&with(|s| s.on_absent = OnAbsent::Ignore), "7 active", 9, "kept: Ignored");
    check_absent(&with(|s| s.switches.removals = false), "7 active", 1, "off: remove 7 active -> -");
}

#[test]
fn an_absent_person_stays_for_the_runs_of_grace() {
    let two = with(|s| s.absent_grace = 2);
    check_absent(&two, "7 active", 1, "kept: InGrace");
    check_absent(&two, "7 active", 2, "kept: InGrace");
    check_absent(&two, "7 active", 3, "remove 7 active -> -");
}
