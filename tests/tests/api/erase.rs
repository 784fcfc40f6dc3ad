//! Erasing a person: nothing of them is left but a tombstone that does not say who it was.

use std::io::Read;

use axum::http::Request;
use muster_local::{Service, Services};
use muster_sync::{ObjectVersions, Objects, RunState, Taken};
use muster_tests::api::{Answer, Api, NoWeb};
use muster_tests::house::House;
use muster_tests::rig::Rig;
use muster_tests::sample::{STAFF, csv, staff};
use serde_json::{Value, json};

/// Who is erased: an id and a name that stand nowhere else.
const ID: &str = "canary-4711";
const NAME: &str = "Canarina";
const PERSON: &str = "/v1/connections/acme-payroll-nightly/people/canary-4711";

/// The people of a day with the one in question, whose phone number cannot be read.
fn file(name: &str, more: &[&str]) -> Vec<u8> {
    let mut rows: Vec<String> = staff(40).into_iter().map(|row| format!("{row},")).collect();
    rows.push(format!("{ID},{name},Ops,A,12"));
    rows.extend(more.iter().map(|row| (*row).to_owned()));
    String::from_utf8(csv(&rows)).unwrap().replace("id,name,dept,status", "id,name,dept,status,phone").into_bytes()
}

fn settings() -> String {
    format!("{STAFF}\n[fields.text_1]\nfrom = \"phone\"\n")
}

/// A connection that knows the person from two files, an opt-out and an edit by hand.
async fn settled() -> Rig {
    let rig = Rig::connected(&settings()).await;
    for (day, name) in [("people_20261121.csv", NAME), ("people_20261122.csv", "Canarina B")] {
        rig.upload(day, &file(name, &[])).await;
        rig.settle().await;
    }
    let api = Api::of(&rig);
    api.as_admin("acme").put(&format!("{PERSON}/opt-outs/email_1"), json!({})).await.expect(200);
    let city = json!({"fields": {"city": "Canarina City"}});
    api.as_admin("acme").patch(PERSON, city).await.expect(200);
    rig.settle().await;
    rig
}

async fn erase(api: &Api<NoWeb>) -> Answer {
    api.as_admin("acme").post(&format!("{PERSON}/erasure"), Value::Null).await
}

/// Where the person is named: items of the table, and objects in any version but the customer's own files.
async fn named(rig: &Rig) -> Vec<String> {
    telling(rig, &[ID, NAME]).await
}

async fn telling(rig: &Rig, words: &[&str]) -> Vec<String> {
    let tells = |text: &str| words.iter().any(|word| text.contains(word));
    let mut places = items(&rig.services, &tells).await;
    let bucket = rig.ports().bucket;
    let mut from = None;
    loop {
        let page = bucket.versions("", from.as_deref()).await.unwrap();
        for version in page.items.iter().filter(|version| !version.is_marker && !version.key.starts_with("inbox/")) {
            let fetched = bucket.fetch(&version.key, Some(&version.version)).await.unwrap().unwrap();
            let mut bytes = Vec::new();
            { fetched.file }.read_to_end(&mut bytes).unwrap();
            if bytes.starts_with(&[0x1f, 0x8b]) {
                let packed = std::mem::take(&mut bytes);
                flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
            }
            if tells(&String::from_utf8_lossy(&bytes)) {
                places.push(version.key.clone());
            }
        }
        from = page.next;
        if from.is_none() {
            return places;
        }
    }
}

async fn items(services: &Services, tells: &dyn Fn(&str) -> bool) -> Vec<String> {
    let scan = Request::builder().header("x-amz-target", "DynamoDB_20120810.Scan");
    let scan = scan.body(json!({"TableName": "muster"}).to_string().into()).unwrap();
    let answer = services.call(Service::DynamoDb, scan).await.unwrap();
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(answer["LastEvaluatedKey"].is_null(), "the table fits one page");
    let items = answer["Items"].as_array().unwrap().iter().filter(|item| tells(&item.to_string()));
    items.map(|item| format!("{} {}", item["pk"]["S"], item["sk"]["S"])).collect()
}

#[tokio::test]
async fn an_erased_person_is_named_nowhere_but_in_the_customers_own_files() {
    let rig = settled().await;
    let before = named(&rig).await;
    for kind in ["#R#", "#CONSENTS#", "plans/", "rosters/", "errors/", "issues.json"] {
        assert!(before.iter().any(|place| place.contains(kind)), "{kind} is not in {before:?}");
    }
    let api = Api::of(&rig);
    let erased = erase(&api).await.expect(200);
    assert_eq!((&erased.json["complete"], &erased.json["removed"]["recipients"]), (&json!(true), &json!(1)));
    assert_eq!(named(&rig).await, Vec::<String>::new());
    assert!(!erased.text.contains(ID), "{}", erased.text);
    assert_eq!((rig.people().await.len(), rig.stored().await.owned), (40, 40));
    rig.settle().await;
    assert_eq!(named(&rig).await, Vec::<String>::new());
    // Everybody else is where they were: the error file of another day names nobody else, so it is gone.
    let plans = rig.runs().await.iter().filter(|run| run.state == RunState::Applied).count();
    assert_eq!(plans, 2);
}

#[tokio::test]
async fn no_file_and_no_rollback_brings_an_erased_person_back_until_the_erasure_is_lifted() {
    let rig = settled().await;
    let first = rig.runs().await.remove(0);
    let api = Api::of(&rig);
    erase(&api).await.expect(200);
    rig.upload("people_20261123.csv", &file("Canarina C", &["0050,P50,Ops,A,"])).await;
    rig.settle().await;
    let run = rig.last_run().await;
    assert_eq!((run.counts.added, run.counts.removed, run.conflicts), (1, 0, 0), "{run:?}");
    assert_eq!(run.counts.warnings, 1, "{run:?}");
    assert_eq!(named(&rig).await, Vec::<String>::new());
    rig.roll_back(&first).await;
    rig.settle().await;
    assert!(!rig.people().await.contains_key(ID));
    assert_eq!(named(&rig).await, Vec::<String>::new());
    let shown = api.as_admin("acme").get(&format!("{PERSON}/erasure")).await.expect(200);
    assert_eq!(shown.json["complete"], true);
    api.as_admin("acme").delete(&format!("{PERSON}/erasure")).await.expect(204);
    api.as_admin("acme").delete(&format!("{PERSON}/erasure")).await.expect(404);
    let held = rig.last_run().await;
    if held.state == RunState::Held {
        rig.reject(&held).await;
    }
    rig.upload("people_20261124.csv", &file("Canarina D", &["0050,P50,Ops,A,"])).await;
    rig.settle().await;
    assert!(rig.people().await.contains_key(ID));
}

#[tokio::test]
async fn an_erasure_that_broke_off_is_brought_to_its_end_by_asking_again() {
    use muster_tests::faulty::{Fault, Faulty};
    let sessions = async |rig: &Rig, faulty: &Faulty| {
        let api = Api::at(muster_tests::rig::ports_over(rig, faulty), NoWeb);
        let ask = erase(&api);
        tokio::select! {
            biased;
            answer = ask => Some(answer.status),
            () = muster_tests::rig::died(faulty) => None,
        }
    };
    let rig = settled().await;
    let counting = Faulty::new(&rig.services, &[]);
    assert_eq!(sessions(&rig, &counting).await, Some(200));
    let calls = counting.calls();
    assert!(calls > 20, "{calls}");
    for (call, fault) in (0..calls).step_by(3).map(|call| (call, Fault::KillAfter)) {
        let rig = settled().await;
        sessions(&rig, &Faulty::new(&rig.services, &[(call, fault)])).await;
        // What the process held ends by itself.
        rig.clock.advance(60_000);
        rig.settle().await;
        assert_eq!(sessions(&rig, &Faulty::new(&rig.services, &[])).await, Some(200), "killed at {call}");
        assert_eq!(named(&rig).await, Vec::<String>::new(), "killed at {call}");
        assert_eq!((rig.people().await.len(), rig.stored().await.owned), (40, 40), "killed at {call}");
    }
}

#[tokio::test]
async fn a_plan_that_waits_is_made_anew_without_the_person() {
    let rig = settled().await;
    let mut rows: Vec<String> = staff(40).into_iter().take(20).map(|row| format!("{row},")).collect();
    rows.push(format!("{ID},Canarina E,Ops,A,12"));
    let bytes = String::from_utf8(csv(&rows)).unwrap().replace("dept,status", "dept,status,phone");
    rig.upload("people_20261123.csv", bytes.as_bytes()).await;
    rig.settle().await;
    let held = rig.last_run().await;
    assert_eq!(held.state, RunState::Held);
    let api = Api::of(&rig);
    erase(&api).await.expect(200);
    rig.settle().await;
    let anew = rig.last_run().await;
    assert_eq!((anew.state, anew.id.clone()), (RunState::Held, held.id));
    assert_ne!(anew.plan.as_ref().unwrap().hash, held.plan.unwrap().hash);
    assert_eq!(named(&rig).await, Vec::<String>::new());
    rig.approve(&anew).await.unwrap();
    rig.settle().await;
    assert_eq!((rig.people().await.len(), rig.last_run().await.conflicts), (20, 0));
}

#[tokio::test]
async fn listings_and_events_leave_an_erased_person_out_and_keep_nothing_of_them() {
    for provider in ["finch", "bamboohr"] {
        let house = House::settled(provider, 12).await;
        let id = house.hire(json!({"first_name": NAME, "work_email": "canarina@example.com"})).await;
        assert_eq!(house.event("1", &id, None).await.unwrap(), Taken::Done, "{provider}");
        house.poll().await;
        house.run_schedule(5).await;
        let (rig, (_, connection)) = (&house.rig, house.rig.connection.clone().unwrap());
        let people = rig.people().await;
        let of = |name: &str| people.iter().find(|(_, person)| format!("{:?}", first_name(person)).contains(name));
        let unique_id = of(NAME).unwrap().0.clone();
        let api = Api::of(rig);
        let path = format!("/v1/connections/{connection}/people/{unique_id}/erasure");
        let erased = api.as_admin("acme").post(&path, Value::Null).await.expect(200);
        assert_eq!((&erased.json["complete"], &erased.json["removed"]["marks"]), (&json!(true), &json!(1)));
        // A short number stands in many places by chance.
        let words = [NAME, "canarina@", if unique_id.len() > 7 { &unique_id } else { NAME }];
        assert_eq!(telling(rig, &words).await, Vec::<String>::new(), "{provider}");
        rig.clock.advance(3_600_000);
        house.poll().await;
        house.run_schedule(5).await;
        let run = house.last_run().await;
        assert_eq!((run.state, run.counts.removed, run.counts.added), (RunState::Applied, 0, 0), "{provider}: {run:?}");
        assert_eq!(telling(rig, &words).await, Vec::<String>::new(), "{provider}");
        house.event("2", &id, None).await.unwrap();
        // Of the event its own id and the provider's are kept for 30 days, so that it is taken once.
        assert_eq!(telling(rig, &words[..2]).await, Vec::<String>::new(), "{provider}");
        assert_eq!(rig.people().await.len(), 12, "{provider}");
    }
}

fn first_name(person: &muster_sync::Person) -> Option<String> {
    let value = person.recipient.values.get(&muster_core::field::Field::FIRST_NAME)?;
    value.iter().next().map(str::to_owned)
}

#[tokio::test]
async fn only_those_who_decide_may_erase_and_a_stranger_sees_nothing() {
    let rig = settled().await;
    let api = Api::of(&rig);
    let member = api.signed_in("acme", "member", &[("permissions", "people")]);
    member.post(&format!("{PERSON}/erasure"), Value::Null).await.expect(403);
    api.as_admin("beta").post(&format!("{PERSON}/erasure"), Value::Null).await.expect(404);
    api.as_admin("acme").get(&format!("{PERSON}/erasure")).await.expect(404);
    assert!(rig.people().await.contains_key(ID));
}
