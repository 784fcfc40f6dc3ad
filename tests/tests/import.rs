//! One connection's files, from upload to mail, over the real functions and in-process services.

use muster_sync::RunState;
use muster_tests::rig::Rig;

const PEOPLE: &str = r#"
account = "acme"
name = "Payroll nightly"
group = "Acme staff"
mode = "active"
group_by = ["department"]
report_to = ["hr@acme.example"]
default_country = "US"
[file]
pattern = "people_{yyyymmdd}.csv"
[fields.unique_id]
from = "id"
[fields.first_name]
from = "name"
[fields.department]
from = "dept"
[fields.employment_status]
from = "status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
"#;

fn file(rows: &[&str]) -> Vec<u8> {
    let mut text = "id,name,dept,status\n".to_owned();
    rows.iter().for_each(|row| {
        text.push_str(row);
        text.push('\n');
    });
    text.into_bytes()
}

#[tokio::test]
async fn a_first_file_is_applied_and_told() {
    let rig = Rig::connected(PEOPLE).await;
    rig.upload("people_20261122.csv", &file(&["1,Ana,Sales,A", "2,Bo,Ops,L"])).await;
    rig.settle().await;
    let run = rig.last_run().await;
    assert_eq!((run.state, run.counts.added), (RunState::Applied, 2), "{run:?}");
    assert_eq!(rig.people().await.len(), 2);
    assert_eq!(rig.mails().len(), 1, "{:?}", rig.mails());
}

#[tokio::test]
async fn a_second_file_changes_what_it_says_and_nothing_else() {
    let rig = Rig::connected(PEOPLE).await;
    let rows: Vec<String> = (0..40).map(|n| format!("{n},P{n},Sales,A")).collect();
    let mut rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    rig.upload("people_20261122.csv", &file(&rows)).await;
    rig.settle().await;
    rows[3] = "3,Renamed,Ops,A";
    rows.remove(10);
    rows.push("99,New,Sales,A");
    rig.upload("people_20261123.csv", &file(&rows)).await;
    rig.settle().await;
    let run = rig.last_run().await;
    let counts = run.counts;
    assert_eq!((run.state, counts.added, counts.updated, counts.removed), (RunState::Applied, 1, 1, 1), "{run:?}");
}

#[tokio::test]
async fn another_import_choice_reaches_people_whose_rows_are_as_they_were() {
    let mut rig = Rig::connected(PEOPLE).await;
    let rows: Vec<String> = (0..40).map(|n| format!("{n},P{n},Sales,{}", if n == 7 { "L" } else { "A" })).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    rig.upload("people_20261122.csv", &file(&rows)).await;
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 40);
    rig.connect(&PEOPLE.replace("mode = \"active\"", "mode = \"active\"\nimport = \"active_only\"")).await;
    rig.upload("people_20261123.csv", &file(&rows)).await;
    rig.settle().await;
    assert_eq!((rig.last_run().await.counts.removed, rig.people().await.len()), (1, 39));
}

#[tokio::test]
async fn the_error_file_is_put_back_although_nobody_is_mailed() {
    let rig = Rig::connected(&PEOPLE.replace("report_to = [\"hr@acme.example\"]", "")).await;
    rig.upload("people_20261122.csv", &file(&["1,Ana,Sales,A", "2,Bo,Ops,what"])).await;
    rig.settle().await;
    use muster_sync::Objects;
    let run = rig.last_run().await;
    let key = format!("sftp/{}/errors/people_20261122.{}.errors.csv", rig.user(), &run.id.as_str()[..8]);
    let text = String::from_utf8(rig.ports().bucket.read(&key).await.unwrap().unwrap()).unwrap();
    assert!(text.contains("unknown_status") && text.contains("2,Bo,Ops,what"), "{text}");
    assert!(rig.mails().is_empty());
}
