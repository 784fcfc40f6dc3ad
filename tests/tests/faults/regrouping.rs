//! Settings that group people by other fields than before.

use std::collections::BTreeMap;

use muster_sync::{RunCounts, RunState};
use muster_tests::faulty::Fault;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};

use super::{check_same, people, upload_too_few};

/// The sample connection, grouped by these fields.
fn by(fields: &[&str]) -> String {
    let grouped = STAFF.replace(r#"group_by = ["department"]"#, &format!("group_by = {fields:?}"));
    format!("{grouped}[fields.location]\nfrom = \"status\"\n")
}

/// Fails unless every group has as many members as there are people whose values name it.
async fn check_groups(rig: &Rig) {
    let mut named: BTreeMap<String, u64> = BTreeMap::new();
    for person in rig.people().await.into_values() {
        person.groups.into_iter().for_each(|group| *named.entry(group).or_default() += 1);
    }
    let (account, _) = rig.connection.as_ref().unwrap();
    let listed = muster_sync::groups(&rig.ports().table, account).await.unwrap();
    let listed = listed.into_iter().filter(|group| group.members > 0).map(|group| (group.name, group.members));
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), named);
}

async fn applied(rig: &Rig, name: &str, file: &[u8]) -> RunCounts {
    rig.upload(name, file).await;
    rig.settle().await;
    let run = rig.last_run().await;
    assert_eq!((run.state, run.conflicts), (RunState::Applied, 0), "{run:?}");
    check_groups(rig).await;
    run.counts
}

/// A first day with people of two locations, under these grouping fields.
async fn first(fields: &[&str]) -> Rig {
    let rig = Rig::connected(&by(fields)).await;
    applied(&rig, DAYS[0], &day(1)).await;
    rig
}

/// A plan waits; meanwhile the settings group by another field; the plan is approved, and a day later the file is
/// the same. Answers the rig and one that had these settings from the start.
async fn regrouped() -> (Rig, Rig) {
    let by_location = by(&["location"]);
    let mut rig = Rig::connected(&by(&["department"])).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    upload_too_few(&rig, DAYS[1]).await;
    rig.connect(&by_location).await;
    rig.approve(&rig.last_run().await).await.unwrap();
    rig.settle().await;
    rig.upload(DAYS[2], &csv(&staff(30))).await;
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Applied, "{:?}", rig.last_run().await);
    let fresh = Rig::connected(&by_location).await;
    fresh.upload(DAYS[2], &csv(&staff(30))).await;
    fresh.settle().await;
    (rig, fresh)
}

#[tokio::test]
async fn settings_edited_while_a_plan_waits_leave_the_people_that_were_approved() {
    let (rig, fresh) = regrouped().await;
    let shown =
        |picture: Vec<String>| picture.into_iter().filter(|line| line.starts_with("person")).collect::<Vec<_>>();
    check_same("regrouped", &shown(rig.picture().await), &shown(fresh.picture().await));
}

#[tokio::test]
async fn a_change_of_grouping_fields_regroups_everybody() {
    let (rig, fresh) = regrouped().await;
    check_same("regrouped", &people(&rig.picture().await), &people(&fresh.picture().await));
}

#[tokio::test]
async fn another_order_of_grouping_fields_leaves_every_group_as_it_is() {
    let mut rig = first(&["department", "location"]).await;
    let before = people(&rig.picture().await);
    rig.connect(&by(&["location", "department"])).await;
    check_groups(&rig).await;
    let counts = applied(&rig, DAYS[1], &day(1)).await;
    assert_eq!((counts.updated, counts.unchanged), (0, 40), "nobody was updated: {counts:?}");
    let members = |lines: Vec<String>| {
        let mut lines: Vec<_> = lines.into_iter().filter(|line| line.starts_with("group ")).collect();
        lines.sort();
        lines
    };
    check_same("in another order", &members(people(&rig.picture().await)), &members(before));
}

#[tokio::test]
async fn nobody_who_is_absent_flagged_switched_off_or_changed_is_forgotten() {
    let kept = |toml: String| {
        let toml = toml.replace("report_to", "on_absent = \"ignore\"\nreport_to");
        format!("{toml}[switches]\ndeactivations = false\n")
    };
    let mut rig = Rig::connected(&kept(by(&["department"]))).await;
    applied(&rig, DAYS[0], &day(0)).await;
    rig.connect(&kept(by(&["location", "department"]))).await;
    let mut rows = staff(40);
    rows.remove(20);
    rows[3] = "0003,Renamed,Ops,A".into();
    rows[5] = "0005,P5,Legal,L".into();
    rows.push("0007,Contradicts,Legal,A".into());
    rows.push("0099,New,Research,A".into());
    let counts = applied(&rig, DAYS[1], &csv(&rows)).await;
    assert_eq!((counts.added, counts.updated, counts.deactivated, counts.removed), (1, 2, 0, 0), "{counts:?}");
    assert_eq!(rig.people().await.len(), 41);
}

#[tokio::test]
async fn a_plan_is_written_under_the_grouping_fields_it_was_made_for() {
    let mut rig = first(&["department"]).await;
    let mut rows = staff(30);
    rows.push("0100,New,Research,A".into());
    rig.upload(DAYS[1], &csv(&rows)).await;
    rig.settle().await;
    rig.connect(&by(&["location"])).await;
    rig.approve(&rig.last_run().await).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Applied);
    rig.connect(&by(&["department"])).await;
    check_groups(&rig).await;
}

#[tokio::test]
async fn grouping_that_was_taken_away_comes_back() {
    let mut rig = first(&["department"]).await;
    rig.connect(&by(&[])).await;
    applied(&rig, DAYS[1], &day(1)).await;
    rig.connect(&by(&["department"])).await;
    applied(&rig, DAYS[2], &day(1)).await;
}

#[tokio::test]
async fn undoing_a_run_that_regrouped_keeps_the_new_groups_and_meets_no_conflict() {
    let mut rig = Rig::connected(&by(&["department"])).await;
    applied(&rig, DAYS[0], &day(0)).await;
    rig.connect(&by(&["location"])).await;
    let mut rows = staff(40);
    rows[8] = "0008,Renamed,Legal,A".into();
    applied(&rig, DAYS[1], &csv(&rows)).await;
    let regrouping = rig.last_run().await;
    rows[9] = "0009,Later,Sales,A".into();
    applied(&rig, DAYS[2], &csv(&rows)).await;
    let undo = rig.roll_back(&regrouping).await;
    rig.settle().await;
    let undo = rig.runs().await.into_iter().find(|run| run.id == undo).unwrap();
    assert_eq!((undo.state, undo.counts.warnings, undo.counts.errors), (RunState::Applied, 0, 0), "{undo:?}");
    let people = rig.people().await;
    let name = |id: &str| {
        people[id].recipient.values[&muster_core::field::Field::FIRST_NAME].iter().next().unwrap().to_owned()
    };
    assert_eq!((name("0008"), name("0009")), ("P8".to_owned(), "Later".to_owned()));
    check_groups(&rig).await;
}

#[tokio::test]
async fn an_undo_before_the_next_file_leaves_people_grouped_as_they_were() {
    let mut rig = first(&["department"]).await;
    let mut rows = staff(40);
    rows[8] = "0008,P8,Research,A".into();
    applied(&rig, DAYS[1], &csv(&rows)).await;
    rig.connect(&by(&["location"])).await;
    rig.roll_back(&rig.last_run().await).await;
    rig.settle().await;
    rig.connect(&by(&["department"])).await;
    check_groups(&rig).await;
}

/// Three people who are regrouped by a file that says nothing new.
async fn about_to_be_regrouped() -> Rig {
    let mut rig = Rig::connected(&by(&["department"])).await;
    applied(&rig, DAYS[0], &csv(&staff(3))).await;
    rig.connect(&by(&["location", "department"])).await;
    rig.upload(DAYS[1], &csv(&staff(3))).await;
    rig
}

#[tokio::test]
async fn regrouping_ends_as_undisturbed_wherever_it_breaks_off() {
    let undisturbed = about_to_be_regrouped().await;
    let calls = undisturbed.settle_with(&[]).await;
    let expected = people(&undisturbed.picture().await);
    check_groups(&undisturbed).await;
    for fault in [Fault::KillAfter, Fault::LoseAnswer] {
        for call in 0..calls {
            let rig = about_to_be_regrouped().await;
            rig.settle_with(&[&[(call, fault)]]).await;
            check_same(&format!("{fault:?} at call {call}"), &people(&rig.picture().await), &expected);
        }
    }
}
