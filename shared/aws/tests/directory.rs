//! The directory's contract on an embedded table.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/made.rs"]
mod made;
mod support;

use made::{account, change, id, person, run};
use muster_aws::Table;
use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::plan::{Change, ChangeKind};
use muster_core::recipient::{Recipient, Value};
use muster_core::status::Status;
use muster_sync::{Directory, Retry, Run, SHARDS, Stored, Written};
use support::{Fault, failure, table};

const NOW: i64 = 1_800_000_000_000;

fn fenced(fence: u64) -> Run {
    Run { fence, ..run("r1") }
}

fn ana(city: &str) -> Recipient {
    person("E-1", Status::Active, &[("first_name", "Ana"), ("city", city)])
}

fn add(new: &Recipient) -> Change {
    change(ChangeKind::Add, None, Some(new))
}

fn update(old: &Recipient, new: &Recipient) -> Change {
    change(ChangeKind::Update, Some(old), Some(new))
}

fn remove(old: &Recipient) -> Change {
    change(ChangeKind::Remove, Some(old), None)
}

async fn write(table: &Table, fence: u64, change: &Change) -> Written {
    table.write(&fenced(fence), &[], change, NOW).await.unwrap()
}

async fn get(table: &Table, unique_id: &str) -> Option<Stored> {
    let ids = [UniqueId::parse(unique_id).unwrap()];
    table.get(&account(), &id(), &ids).await.unwrap().pop()
}

/// The person and since when they are removed, without who wrote them.
fn shown(stored: Option<Stored>) -> Option<(Recipient, Option<i64>)> {
    stored.map(|stored| (stored.recipient, stored.removed_ms))
}

async fn listed(table: &Table) -> usize {
    let mut count = 0;
    for shard in 0..SHARDS {
        count += table.page(&account(), &id(), shard, None, None).await.unwrap().items.len();
    }
    count
}

#[tokio::test]
async fn a_person_is_read_as_written() {
    let (table, _) = table(1).await;
    let mut person = ana("Rome");
    let several = Value::Many(vec!["HR".to_owned(), "IT".to_owned()]);
    person.values.insert(Field::by_name("department").unwrap(), several);
    assert_eq!(write(&table, 1, &add(&person)).await, Written::Now);
    assert_eq!(shown(get(&table, "E-1").await), Some((person, None)));
    assert_eq!(get(&table, "E-2").await, None);
}

#[tokio::test]
async fn every_write_again_is_already_there() {
    let (table, _) = table(1).await;
    let (rome, oslo) = (ana("Rome"), ana("Oslo"));
    for (fence, change) in [(1, add(&rome)), (2, update(&rome, &oslo)), (3, remove(&oslo)), (4, add(&rome))] {
        assert_eq!(write(&table, fence, &change).await, Written::Now, "{change:?}");
        assert_eq!(write(&table, fence, &change).await, Written::Already, "{change:?}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_already_there_f10() {
    let (table, wire) = table(2).await;
    wire.next([Fault::AnswerLost]);
    assert_eq!(write(&table, 1, &add(&ana("Rome"))).await, Written::Already);
    wire.next([Fault::DoneBut(500, r#"{"__type":"InternalServerError"}"#.to_owned())]);
    assert_eq!(write(&table, 2, &remove(&ana("Rome"))).await, Written::Already);
}

#[tokio::test]
async fn a_person_who_changed_since_the_plan_is_left_alone() {
    let (table, _) = table(1).await;
    let (rome, oslo, bonn) = (ana("Rome"), ana("Oslo"), ana("Bonn"));
    write(&table, 1, &add(&rome)).await;
    assert_eq!(write(&table, 2, &update(&oslo, &bonn)).await, Written::Conflict);
    assert_eq!(write(&table, 2, &remove(&oslo)).await, Written::Conflict);
    assert_eq!(write(&table, 2, &add(&oslo)).await, Written::Conflict);
    assert_eq!(shown(get(&table, "E-1").await), Some((rome, None)));
}

#[tokio::test]
async fn an_update_of_nobody_makes_nobody() {
    let (table, _) = table(1).await;
    assert_eq!(write(&table, 1, &update(&ana("Rome"), &ana("Oslo"))).await, Written::Conflict);
    assert_eq!(write(&table, 1, &remove(&ana("Rome"))).await, Written::Already);
    assert_eq!(get(&table, "E-1").await, None);
}

#[tokio::test]
async fn a_worker_that_was_thought_dead_writes_nothing_f13() {
    let (table, _) = table(1).await;
    let (rome, oslo, bonn) = (ana("Rome"), ana("Oslo"), ana("Bonn"));
    write(&table, 1, &add(&rome)).await;
    write(&table, 9, &update(&rome, &oslo)).await;
    assert_eq!(write(&table, 8, &update(&oslo, &bonn)).await, Written::Fenced);
    assert_eq!(write(&table, 8, &remove(&oslo)).await, Written::Fenced);
    assert_eq!(write(&table, 9, &update(&oslo, &bonn)).await, Written::Conflict);
    assert_eq!(write(&table, 10, &remove(&oslo)).await, Written::Now);
    assert_eq!(write(&table, 9, &add(&bonn)).await, Written::Fenced, "no resurrection by an older run");
    assert_eq!(get(&table, "E-1").await.unwrap().removed_ms, Some(NOW));
}

#[tokio::test]
async fn a_removed_person_is_hidden_and_keeps_the_way_back() {
    let (table, wire) = table(1).await;
    let rome = ana("Rome");
    write(&table, 1, &add(&rome)).await;
    assert_eq!(listed(&table).await, 1);
    write(&table, 2, &remove(&rome)).await;
    assert_eq!(listed(&table).await, 0);
    let hidden = get(&table, "E-1").await.unwrap();
    assert_eq!(shown(Some(hidden)), Some((rome.clone(), Some(NOW))));
    assert_eq!(item(&wire)["exp"]["N"], (NOW / 1000 + 30 * 24 * 3600).to_string());
    assert_eq!(write(&table, 3, &add(&rome)).await, Written::Now);
    assert_eq!(get(&table, "E-1").await.unwrap().removed_ms, None);
    assert!(item(&wire).get("exp").is_none(), "it must not expire");
}

#[tokio::test]
async fn when_a_person_first_came_is_kept() {
    let (table, wire) = table(1).await;
    let rome = ana("Rome");
    table.write(&fenced(1), &[], &add(&rome), 5).await.unwrap();
    table.write(&fenced(2), &[], &remove(&rome), 6).await.unwrap();
    table.write(&fenced(3), &[], &add(&rome), 7).await.unwrap();
    assert_eq!(item(&wire)["first"]["N"], "5");
}

fn field(name: &str) -> Field {
    Field::by_name(name).unwrap()
}

#[tokio::test]
async fn each_field_tells_the_run_and_the_record_that_set_it() {
    let (table, _) = table(1).await;
    let (rome, oslo) = (ana("Rome"), ana("Oslo"));
    let away = Recipient { status: Status::Inactive, ..oslo.clone() };
    let mut nameless = away.clone();
    nameless.values.remove(&Field::FIRST_NAME);
    let with = |change: Change, record| Change { record, ..change };
    let steps = [
        with(add(&rome), Some(3)),
        with(update(&rome, &oslo), Some(8)),
        with(change(ChangeKind::Deactivate, Some(&oslo), Some(&away)), None),
        with(update(&away, &nameless), Some(9)),
        // For groups only: no field changes.
        with(update(&nameless, &nameless), None),
    ];
    for (fence, change) in (1..).zip(&steps) {
        write(&table, fence, change).await;
    }
    let trace = get(&table, "E-1").await.unwrap().trace;
    let told = |name| (trace.fence_of(field(name)), trace.record_of(field(name)));
    assert_eq!(told("city"), (Some(2), None), "a later run's record is not this one's");
    assert_eq!(told("employment_status"), (Some(3), None));
    assert_eq!(told("first_name"), (Some(4), None), "it was cleared");
    assert_eq!(told("last_name"), (Some(1), Some(3)), "by the run that added the person");
    assert_eq!((trace.fence, trace.first_ms), (5, Some(NOW)));
    write(&table, 6, &with(update(&nameless, &away), Some(11))).await;
    let trace = get(&table, "E-1").await.unwrap().trace;
    assert_eq!((trace.fence_of(Field::FIRST_NAME), trace.record_of(Field::FIRST_NAME)), (Some(6), Some(11)));
}

#[tokio::test]
async fn who_comes_back_has_everything_from_the_run_that_brought_them() {
    let (table, _) = table(1).await;
    let (rome, oslo) = (ana("Rome"), ana("Oslo"));
    for (fence, change) in (1..).zip([add(&rome), update(&rome, &oslo), remove(&oslo), add(&oslo)]) {
        write(&table, fence, &change).await;
    }
    let trace = get(&table, "E-1").await.unwrap().trace;
    assert_eq!((trace.fence_of(field("city")), trace.added, trace.fields.len()), (Some(4), Some((4, None)), 0));
}

#[tokio::test]
async fn a_group_is_read_page_by_page() {
    let (table, wire) = table(1).await;
    let ids: Vec<String> = (0..7).map(|n| format!("E-{n}")).collect();
    for id in &ids {
        let person = person(id, Status::Active, &[("city", "Rome")]);
        table.write(&fenced(1), &[(1, "rome".to_owned())], &add(&person), NOW).await.unwrap();
    }
    wire.calls();
    let mut seen = Vec::new();
    let mut from = None;
    loop {
        let page = table.group_page(&account(), &id(), 1, "rome", from.as_ref(), 3).await.unwrap();
        seen.extend(page.items.iter().map(ToString::to_string));
        from = match page.next {
            Some(next) => Some(UniqueId::parse(&next).unwrap()),
            None => break,
        };
    }
    assert_eq!((seen, wire.calls().len()), (ids, 3));
    assert_eq!(table.group_page(&account(), &id(), 0, "rome", None, 3).await.unwrap().items, []);
    assert_eq!(table.group_page(&account(), &id(), 3, "rome", None, 3).await.unwrap_err().retry, Retry::Never);
}

#[tokio::test]
async fn a_proposed_person_is_not_written() {
    let (table, wire) = table(1).await;
    write(&table, 1, &change(ChangeKind::Propose, None, Some(&ana("Rome")))).await;
    assert_eq!(wire.calls().len(), 0);
}

#[tokio::test]
async fn groups_count_inactive_people_and_no_removed_ones() {
    let (table, _) = table(1).await;
    let groups = [(0, "rome".to_owned()), (2, "hr".to_owned())];
    let away = Recipient { status: Status::Inactive, ..ana("Rome") };
    let steps = [
        (add(&ana("Rome")), 1),
        (change(ChangeKind::Deactivate, Some(&ana("Rome")), Some(&away)), 1),
        (change(ChangeKind::Reactivate, Some(&away), Some(&ana("Rome"))), 1),
        (remove(&ana("Rome")), 0),
    ];
    for (fence, (change, members)) in (1..).zip(steps) {
        assert_eq!(table.write(&fenced(fence), &groups, &change, NOW).await.unwrap(), Written::Now);
        assert_eq!(table.count_group(&id(), 0, "rome").await.unwrap(), members, "{change:?}");
        assert_eq!(table.count_group(&id(), 2, "hr").await.unwrap(), members, "{change:?}");
        assert_eq!(table.count_group(&id(), 1, "rome").await.unwrap(), 0);
    }
    assert_eq!(table.count_group(&id(), 3, "x").await.unwrap_err().retry, Retry::Never);
}

#[tokio::test]
async fn many_people_are_read_by_id_and_by_page() {
    let (table, wire) = table(1).await;
    let people: Vec<_> = (0..150).map(|n| person(&format!("E{n:04}"), Status::Active, &[("city", "x")])).collect();
    for person in &people {
        write(&table, 1, &add(person)).await;
    }
    let mut ids: Vec<_> = people.iter().map(|person| person.unique_id.clone()).collect();
    ids.push(ids[0].clone());
    assert_eq!(table.get(&account(), &id(), &ids).await.unwrap().len(), 150);
    assert_eq!(listed(&table).await, 150);
    let shard = table.page(&account(), &id(), 3, None, None).await.unwrap().items;
    let first = shard[0].recipient.unique_id.as_str();
    let rest = table.page(&account(), &id(), 3, Some(first), None).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next), (&shard[1..], None));
    drop(wire);
}

/// The batch's answer without any item.
fn nothing_of(keys: &[&str]) -> Fault {
    let keys: Vec<_> = keys.iter().map(|unique_id| key(unique_id)).collect();
    let body = serde_json::json!({ "Responses": {}, "UnprocessedKeys": { "muster": { "Keys": keys } } });
    Fault::Instead(200, body.to_string())
}

fn key(unique_id: &str) -> serde_json::Value {
    use sha2::{Digest, Sha256};
    let shard = Sha256::digest(unique_id.as_bytes())[0] % 16;
    let pk = format!("A#acme#C#acme-payroll-nightly#R#{shard:02}");
    serde_json::json!({ "pk": { "S": pk }, "sk": { "S": unique_id } })
}

/// The stored item of E-1.
fn item(wire: &support::Wire) -> serde_json::Value {
    let request = serde_json::json!({ "TableName": "muster", "Key": key("E-1") });
    let answer = wire.db.get_item(serde_json::from_value(request).unwrap()).unwrap();
    serde_json::to_value(&answer).unwrap()["Item"].clone()
}

#[tokio::test]
async fn what_a_batch_leaves_out_is_asked_for_again_f16() {
    let (table, wire) = table(1).await;
    write(&table, 1, &add(&ana("Rome"))).await;
    wire.calls();
    wire.next([nothing_of(&["E-1"]), nothing_of(&["E-1"])]);
    assert!(get(&table, "E-1").await.is_some());
    assert_eq!(wire.calls().len(), 3);
}

#[tokio::test]
async fn a_batch_that_is_always_left_out_is_for_later_f16() {
    let (table, wire) = table(1).await;
    wire.next(vec![nothing_of(&["E-1"]); 8]);
    let ids = [UniqueId::parse("E-1").unwrap()];
    let error = table.get(&account(), &id(), &ids).await.unwrap_err();
    assert_eq!(error.retry, Retry::Later, "{error}");
}

#[tokio::test]
async fn a_person_larger_than_an_item_is_refused_f20() {
    let (table, wire) = table(1).await;
    let mut person = ana("Rome");
    let several = (0..2000).map(|n| format!("{n:0250}")).collect();
    person.values.insert(Field::by_name("custom_1").unwrap(), Value::Many(several));
    let error = table.write(&fenced(1), &[], &add(&person), NOW).await.unwrap_err();
    assert_eq!((error.retry, wire.calls().len()), (Retry::Never, 0), "{error}");
}

#[tokio::test]
async fn a_throttled_write_is_for_later_and_says_nothing_of_the_person_f15() {
    let (table, wire) = table(1).await;
    wire.next([failure("ProvisionedThroughputExceededException")]);
    let error = table.write(&fenced(1), &[], &add(&ana("Rome")), NOW).await.unwrap_err();
    assert_eq!(error.retry, Retry::Later);
    assert!(!error.to_string().contains("Ana") && !error.to_string().contains("E-1"), "{error}");
}

/// All 33 fields with values of everyday length.
fn full_person() -> Recipient {
    person(
        "E-1",
        Status::Active,
        &[
            ("first_name", "Maximiliane"),
            ("last_name", "Oberhauser"),
            ("preferred_name", "Maxi"),
            ("email_1", "maximiliane.oberhauser@acme.example"),
            ("email_2", "maxi.oberhauser@mail.example"),
            ("text_1", "+14155550101"),
            ("text_2", "+14155550102"),
            ("voice_1", "+14155550103"),
            ("voice_2", "+14155550104"),
            ("voice_3", "+14155550105"),
            ("address_line_1", "1200 Harbor Boulevard"),
            ("address_line_2", "Suite 410"),
            ("city", "San Francisco"),
            ("region", "California"),
            ("postal_code", "94105"),
            ("country", "US"),
            ("raw_address", "1200 Harbor Boulevard, Suite 410, San Francisco CA 94105"),
            ("preferred_language", "en-US"),
            ("employee_type", "Full time"),
            ("job_title", "Senior Operations Manager"),
            ("department", "Operations"),
            ("division", "North America"),
            ("cost_center", "CC-10442"),
            ("location", "San Francisco HQ"),
            ("manager_id", "E-100042"),
            ("manager_name", "Bartholomew Smith"),
            ("manager_email", "bartholomew.smith@acme.example"),
            ("start_date", "2019-03-01"),
            ("end_date", "2029-12-31"),
            ("custom_1", "Blue badge"),
            ("custom_2", "Floor 4 east"),
        ],
    )
}

/// Bytes as the service counts them.
fn size(value: &serde_json::Value) -> usize {
    let members = |map: &serde_json::Map<String, serde_json::Value>| -> usize {
        map.iter().map(|(name, value)| name.len() + size(value)).sum()
    };
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => inner.as_str().unwrap().len(),
        "N" => inner.as_str().unwrap().len().div_ceil(2) + 1,
        "M" => 3 + inner.as_object().unwrap().len() + members(inner.as_object().unwrap()),
        other => panic!("no attribute of kind {other} is expected"),
    }
}

#[tokio::test]
async fn a_person_with_every_field_fits_one_write_unit_p8() {
    let (table, wire) = table(1).await;
    let run = Run { id: made::run_id("f-0123456789abcdef01234567"), fence: 1234, ..run("r1") };
    let groups = [(0, "operations".to_owned()), (1, "san francisco hq".to_owned()), (2, "north america".to_owned())];
    table.write(&run, &groups, &add(&full_person()), NOW).await.unwrap();
    assert_eq!(full_person().values.len(), 31, "all but the id and the status, which stand beside them");
    let bytes: usize = item(&wire).as_object().unwrap().iter().map(|(name, value)| name.len() + size(value)).sum();
    assert!(bytes <= 1024, "{bytes} bytes");
}

/// 793 bytes after the first import, 991 when every field was changed since by a run of its own.
#[tokio::test]
async fn a_person_whose_every_field_came_from_another_run_fits_one_write_unit_p8() {
    let (table, wire) = table(1).await;
    let run = |fence| Run { id: made::run_id("f-0123456789abcdef01234567"), fence, ..run("r1") };
    let groups = [(0, "operations".to_owned()), (1, "san francisco hq".to_owned()), (2, "north america".to_owned())];
    let mut before = person("E-1", Status::Inactive, &[]);
    let added = Change { record: Some(12345), ..add(&before) };
    table.write(&run(1000), &groups, &added, NOW).await.unwrap();
    for (at, (field, value)) in full_person().values.into_iter().enumerate() {
        let mut after = before.clone();
        after.values.insert(field, value);
        let change = Change { record: Some(20000), ..update(&before, &after) };
        table.write(&run(1001 + at as u64), &groups, &change, NOW).await.unwrap();
        before = after;
    }
    let bytes: usize = item(&wire).as_object().unwrap().iter().map(|(name, value)| name.len() + size(value)).sum();
    assert!(bytes <= 1024, "{bytes} bytes");
}
