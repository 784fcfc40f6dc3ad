//! P6: what a day costs, counted at the database.

use muster_local::Service;
use muster_sync::RunState;
use muster_tests::hand;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, staff};
use muster_tests::tricky::{Seen, Tricky};

/// Each written item as `operation sk`, with what stands after the first `#` of the key left out.
fn writes(seen: &[Seen]) -> Vec<String> {
    let mut writes = Vec::new();
    for seen in seen.iter().filter(|seen| seen.service == Service::DynamoDb) {
        let body = seen.json();
        match seen.operation.as_str() {
            "PutItem" => writes.push(named("put", &body["Item"])),
            "UpdateItem" => writes.push(named("update", &body["Key"])),
            "DeleteItem" => writes.push(named("delete", &body["Key"])),
            "TransactWriteItems" => {
                for item in body["TransactItems"].as_array().unwrap() {
                    let (kind, what) = item.as_object().unwrap().iter().next().unwrap();
                    let key = if kind == "Put" { &what["Item"] } else { &what["Key"] };
                    writes.push(named(&kind.to_lowercase(), key));
                }
            }
            operation => assert!(["GetItem", "Query", "BatchGetItem"].contains(&operation), "{operation}"),
        }
    }
    writes
}

fn named(kind: &str, key: &serde_json::Value) -> String {
    let (pk, sk) = (key["pk"]["S"].as_str().unwrap(), key["sk"]["S"].as_str().unwrap());
    let what = if pk.contains("#R#") { "person" } else { sk.split('#').next().unwrap() };
    format!("{kind} {what}")
}

/// The people that are read, by batch or by page.
fn read(seen: &[Seen]) -> usize {
    let dynamodb = seen.iter().filter(|seen| seen.service == Service::DynamoDb);
    dynamodb
        .map(|seen| match seen.operation.as_str() {
            "BatchGetItem" => seen.json()["RequestItems"]["muster"]["Keys"].as_array().unwrap().len(),
            "Query" if seen.json().to_string().contains("#R#") => panic!("a shard is listed"),
            _ => 0,
        })
        .sum()
}

async fn five_hundred() -> Rig {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &csv(&staff(500))).await;
    rig.settle().await;
    rig
}

async fn day_two(rig: &Rig, bytes: &[u8]) -> Vec<Seen> {
    let tricky = Tricky::honest(&rig.services);
    rig.upload(DAYS[1], bytes).await;
    hand::settle(rig, &tricky).await;
    assert_eq!(rig.last_run().await.state, RunState::Applied);
    tricky.seen()
}

/// What every run writes beside its people: itself, its connection, its mail.
const CONSTANT: [&str; 9] = [
    "put RUN",
    "update CONNECTION",
    "update RUN",
    "update CONNECTION",
    "update RUN",
    "update CONNECTION",
    "put MAIL",
    "update MAIL",
    "update MAIL",
];

#[tokio::test]
async fn an_unchanged_file_writes_nothing_but_its_run_and_report_p6() {
    let rig = five_hundred().await;
    let seen = day_two(&rig, &csv(&staff(500))).await;
    assert_eq!(writes(&seen), CONSTANT);
    assert_eq!(read(&seen), 0);
}

/// Order, quotes, spaces around values, line ends: the file says the same.
#[tokio::test]
async fn a_file_that_says_the_same_in_other_bytes_writes_no_person_p6() {
    let rig = five_hundred().await;
    let mut rows = staff(500);
    rows.reverse();
    let text = String::from_utf8(csv(&rows)).unwrap().replace(",A\n", ", \"A\" \r\n").replace("id,", "\"id\",");
    let seen = day_two(&rig, text.replace(" \"A\" ", "\"A\"").as_bytes()).await;
    assert_eq!(writes(&seen), CONSTANT);
}

#[tokio::test]
async fn a_one_percent_day_writes_its_changes_and_a_constant_p6() {
    let rig = five_hundred().await;
    let mut rows = staff(500);
    rows[7] = "0007,Renamed,Ops,A".into();
    rows[8] = "0008,P8,Legal,L".into();
    rows.remove(20);
    rows.push("0900,New,Research,A".into());
    rows.push("0901,Newer,Sales,A".into());
    let seen = day_two(&rig, &csv(&rows)).await;
    let counts = rig.last_run().await.counts;
    let changes = counts.added + counts.updated + counts.deactivated + counts.removed;
    assert_eq!(changes, 5, "{counts:?}");
    let writes = writes(&seen);
    let people = writes.iter().filter(|write| write.ends_with("person")).count();
    assert_eq!(people, 5);
    let groups = writes.iter().filter(|write| write.ends_with("acme-payroll-nightly")).count();
    assert_eq!(groups, 1, "one new department: {writes:?}");
    // One more marks the chunk.
    assert_eq!(writes.len(), 5 + groups + CONSTANT.len() + 1, "{writes:?}");
    assert_eq!(read(&seen), 3, "the updated, the deactivated and the absent one");
}
