//! What the builder adds up.

use super::*;
use crate::issue::{Code, Place};

fn plan(settings: &Settings, facts: Facts, people: &[(&str, &str)]) -> Summary {
    let mut builder = PlanBuilder::new(settings, facts);
    for (stored, presented) in people {
        let stored = (*stored != "-").then(|| recipient(stored));
        match *presented {
            "-" => builder.absent(stored.as_ref().unwrap(), 1),
            presented => builder.person(&desired(presented), stored.as_ref()),
        };
    }
    builder.finish(String::new())
}

fn group<'s>(summary: &'s Summary, name: &str) -> Option<&'s GroupChange> {
    summary.groups.iter().find(|group| group.name == name)
}

#[test]
fn a_first_run_removes_nobody_even_over_people_owned_already() {
    let first = Facts { first_run: true, ..facts(3) };
    let summary =
        plan(&settings(), first, &[("1 active", "-"), ("2 active", "2 terminated"), ("3 active", "3 active")]);
    assert_eq!((summary.tally.removed, summary.tally.absent_kept, summary.tally.unchanged), (0, 1, 2));
    assert!(summary.removals_withheld);
}

#[test]
fn an_incomplete_listing_removes_by_status_but_not_by_absence() {
    let partial = Facts { complete: false, ..facts(2) };
    let summary = plan(&settings(), partial, &[("1 active", "-"), ("2 active", "2 terminated")]);
    assert_eq!((summary.tally.removed, summary.tally.absent_kept), (1, 1));
    assert!(summary.removals_withheld);
}

#[test]
fn a_damaged_source_or_one_not_read_to_its_end_removes_nobody_at_all() {
    let damage = vec![(Code::Truncated, Place { record: 9, line: 10 }, "the file breaks off".to_owned())];
    for facts in [Facts { damage, ..facts(2) }, Facts { read_to_end: false, ..facts(2) }] {
        let summary = plan(&settings(), facts, &[("1 active", "-"), ("2 active", "2 terminated")]);
        assert_eq!((summary.tally.removed, summary.tally.deactivated), (0, 0));
        assert!(summary.removals_withheld);
    }
}

#[test]
fn absence_deactivates_nobody_either_while_the_listing_is_not_complete() {
    let deactivating = Settings { on_absent: OnAbsent::Deactivate, ..settings() };
    let summary = plan(&deactivating, Facts { complete: false, ..facts(1) }, &[("1 active", "-")]);
    assert_eq!(summary.tally, Tally { absent_kept: 1, ..Tally::default() });
}

#[test]
fn fields_are_counted_in_people_stored_before_only() {
    let people = [
        ("-", "1 active city=Ulm"),
        ("2 active city=Ulm", "2 active city=Bonn"),
        ("3 active city=Ulm", "3 inactive city="),
        ("4 active", "4 active city=Ulm"),
        ("5 active city=Ulm", "-"),
    ];
    let summary = plan(&settings(), facts(4), &people);
    assert_eq!(summary.tally.fields, [(field("city"), FieldTally { changed: 2, blanked: 1 })].into());
}

#[test]
fn a_group_is_made_once_whatever_the_case_and_named_as_known() {
    let known = Facts { known_values: [(field("department"), ["Sales".to_owned()].into())].into(), ..facts(2) };
    let people = [
        ("-", "1 active department=sales"),
        ("-", "2 active department=legal"),
        ("-", "3 active department=Legal"),
        ("4 active department=Sales", "4 active department=LEGAL"),
    ];
    let summary = plan(&settings(), known, &people);
    let change = |name: &str, made, joined, left| GroupChange { name: name.to_owned(), made, joined, left };
    assert_eq!(
        summary.groups,
        [
            change("Acme staff", false, 3, 0),
            change("Department: LEGAL", true, 3, 0),
            change("Department: Sales", false, 1, 1),
        ]
    );
    assert_eq!(
        summary.new_values,
        [NewValue { field: field("department"), value: "LEGAL".to_owned(), people: 3, unmapped: false }]
    );
    assert_eq!(summary.issues, []);
}

#[test]
fn inactive_people_stay_members_of_their_groups() {
    let people = [("1 active department=A", "1 inactive department=A"), ("-", "3 inactive department=C")];
    let summary = plan(&settings(), facts(2), &people);
    assert_eq!(group(&summary, "Department: A"), None);
    assert_eq!(group(&summary, "Department: C").map(|g| (g.joined, g.left)), Some((1, 0)));
}

#[test]
fn another_spelling_of_a_value_moves_nobody() {
    let people = [("1 active department=Sales", "1 active department=SALES")];
    let summary = plan(&settings(), facts(1), &people);
    assert_eq!((summary.tally.updated, summary.groups.len()), (1, 0));
    assert_eq!(fold(" E\u{301}COLE "), fold("\u{e9}cole"));
}

#[test]
fn regrouping_makes_new_groups_and_counts_nobody_as_updated() {
    let settings = settings();
    let mut known = facts(3);
    known.known_values = [(field("department"), ["Ops".to_owned()].into())].into();
    let mut builder = PlanBuilder::new(&settings, known);
    for text in ["1 active department=Sales", "2 active department=sales", "3 active department=Ops"] {
        let stored = Some(recipient(text));
        let unique_id = id(&text[..1]);
        let same = Change {
            kind: ChangeKind::Update,
            reason: Reason::Source,
            unique_id,
            old: stored.clone(),
            new: stored,
            record: None,
        };
        assert_eq!(reverse(&same), None, "there is nothing to undo");
        builder.regrouped(&same);
    }
    let summary = builder.finish(String::new());
    let sales = group(&summary, "Department: Sales").unwrap();
    assert_eq!((sales.made, sales.joined, summary.groups.len()), (true, 2, 1), "{summary:?}");
    assert_eq!((summary.new_values.len(), summary.tally.updated), (1, 0));
}

#[test]
fn a_field_with_several_values_gives_a_group_for_each() {
    let many = recipient("1 active department=Sales|Legal|SALES");
    let values: Vec<_> = groups_of(&many, &settings()).into_iter().map(|key| key.value).collect();
    assert_eq!(values, ["", "Sales", "Legal"]);
}

#[test]
fn proposals_join_no_group() {
    let proposing = Settings { on_new: OnNew::Propose, ..settings() };
    let summary = plan(&proposing, facts(9), &[("-", "1 active department=A")]);
    assert_eq!((summary.tally.proposed, summary.groups.len(), summary.new_values.len()), (1, 0, 0));
}

#[test]
fn what_is_switched_off_is_counted_by_kind() {
    let switches = Switches { adds: false, updates: true, deactivations: false, removals: false };
    let off = Settings { switches, ..settings() };
    let people = [("-", "1 active"), ("2 active", "2 inactive city=Ulm"), ("3 active", "-")];
    let tally = plan(&off, facts(2), &people).tally;
    assert_eq!(tally.switched_off, [("add", 1), ("deactivate", 1), ("remove", 1)].into());
    assert_eq!((tally.added, tally.updated, tally.deactivated, tally.removed), (0, 1, 0, 0));
}

#[test]
fn a_recipient_larger_than_an_item_is_a_row_error_and_not_a_failed_run() {
    let settings = settings();
    let mut builder = PlanBuilder::new(&settings, facts(1));
    let huge = Cell::Set(Value::One("x".repeat(MAX_ITEM_BYTES)));
    let person = Desired { cells: vec![(field("raw_address"), huge)], ..desired("1 active") };
    let planned = builder.person(&person, Some(&recipient("1 active")));
    assert!(planned.too_large && planned.change.is_none());
    let summary = builder.finish(String::new());
    assert_eq!(summary.tally, Tally { flagged: 1, ..Tally::default() });
    assert_eq!(summary.issues, [IssueTally { code: Code::RecipientTooLarge, count: 1 }]);
}

#[test]
fn the_three_files_list_what_the_plan_does() {
    let mut settings = settings();
    let mapping = crate::settings::FieldMapping {
        origin: crate::settings::Origin::Column("City".to_owned()),
        data_type: None,
        transforms: Vec::new(),
        values: BTreeMap::new(),
        format: None,
        on_empty: None,
        clear_tokens: Vec::new(),
        keep_tokens: Vec::new(),
        required: false,
        multiple: false,
    };
    settings.fields.insert(field("city"), mapping);
    let mut lists = Lists::new(&settings);
    let mut builder = PlanBuilder::new(&settings, facts(2));
    let people = [
        ("-", "01 active city==1+1"),
        ("2 active city=Ulm", "2 inactive city="),
        ("3 active first_name=Ana", "3 retired"),
    ];
    for (stored, presented) in people {
        let stored = (stored != "-").then(|| recipient(stored));
        lists.push(&builder.person(&desired(presented), stored.as_ref()).change.unwrap());
    }
    let text = |out: crate::csv_out::CsvOut| String::from_utf8(out.into_bytes()).unwrap().replace('\u{feff}', "");
    assert_eq!(text(lists.invites), "unique_id,kind,employment_status,city\r\n01,add,active,'=1+1\r\n");
    assert_eq!(
        text(lists.updates),
        "unique_id,kind,field,old,new\r\n2,deactivate,employment_status,active,inactive\r\n2,deactivate,city,Ulm,\r\n"
    );
    assert_eq!(text(lists.deletions), "unique_id,reason,first_name,last_name,email_1\r\n3,status retired,Ana,,\r\n");
}
