//! Faults of delivery, storage, mail and time, by the codes of the fault catalogue.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod clock;
mod decisions;
mod delivery;
mod farewell;
mod hostile;
mod isolation;
mod mail;
mod races;
mod regrouping;
mod requests;
mod storage;
mod upload;
mod zombie;

use std::collections::BTreeMap;

use muster_sync::RunState;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};

/// A rig whose first day is applied.
async fn first_day() -> Rig {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Applied);
    rig
}

/// What the first `days` days lead to when nothing goes wrong.
async fn undisturbed(days: usize) -> Vec<String> {
    let rig = Rig::connected(STAFF).await;
    for (n, name) in DAYS.iter().enumerate().take(days) {
        rig.upload(name, &day(n)).await;
        rig.settle().await;
    }
    rig.picture().await
}

/// The people and the groups that have members: what does not depend on how many runs it took.
fn people(picture: &[String]) -> Vec<String> {
    let shown = |line: &&String| line.starts_with("person ") || (line.starts_with("group ") && !line.ends_with(" 0"));
    picture.iter().filter(shown).cloned().collect()
}

/// Fails with the lines that only one of two pictures has.
#[track_caller]
fn check_same(at: &str, found: &[String], expected: &[String]) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (more, less) = (only(found, expected), only(expected, found));
    assert!(found == expected, "{at}:\n  found and not expected {more:#?}\n  expected and not found {less:#?}");
}

/// How many runs are in which state.
async fn states(rig: &Rig) -> BTreeMap<&'static str, usize> {
    let mut states = BTreeMap::new();
    for run in rig.runs().await {
        *states.entry(run.state.as_str()).or_default() += 1;
    }
    states
}

/// The subject and text of the newest mail.
fn last_mail(rig: &Rig) -> (String, String) {
    let mail = rig.services.ses.mails().pop().unwrap();
    (mail.subject, mail.text)
}

/// Uploads a file that leaves out ten of forty people: over the removal gate.
async fn upload_too_few(rig: &Rig, name: &str) {
    rig.upload(name, &csv(&staff(30))).await;
    rig.settle().await;
}
