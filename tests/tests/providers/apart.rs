//! Connections keep to themselves.

use muster_tests::house::{House, file};
use muster_tests::sample::STAFF;
use serde_json::json;

const FILE: &str = "people_20261121.csv";

/// Saves a connection for files beside the provider's, and gives it these people.
async fn with_file(house: &mut House, rows: &[String]) {
    let provider = house.rig.connection.clone();
    house
        .rig
        .connect(&STAFF.replace("[fields.first_name]", "[fields.email_1]\nfrom = \"mail\"\n[fields.first_name]"))
        .await;
    let text = format!("id,name,mail,dept,status\n{}\n", rows.join("\n"));
    house.rig.upload(FILE, text.as_bytes()).await;
    house.rig.settle().await;
    assert_eq!(house.rig.people().await.len(), rows.len());
    house.rig.connection = provider;
}

/// F07
#[tokio::test]
async fn two_sources_that_share_a_person_each_keep_their_own_f07() {
    let mut house = House::settled("finch", 30).await;
    let shared = house.hire(json!({"first_name": "Shared", "work_email": "shared@example.com"})).await;
    house.event("1", &shared, None).await.unwrap();
    let rows: Vec<String> = (0..30).map(|n| format!("{n:04},P{n},p{n}@example.com,Sales,A")).collect();
    let rows = [rows, vec![format!("{shared},Shared,shared@example.com,Sales,A")]].concat();
    with_file(&mut house, &rows).await;
    house.leave(&shared).await;
    house.poll().await;
    house.run_schedule(5).await;
    assert!(!house.rig.people().await.contains_key(&shared));
    let (account, _) = house.rig.connection.clone().unwrap();
    house.rig.connection =
        Some((account.clone(), muster_core::ids::ConnectionId::named(&account, "Payroll nightly").unwrap()));
    assert!(house.rig.people().await.contains_key(&shared), "the file's own recipient stays");
}

/// F08
#[tokio::test]
async fn a_file_and_an_event_about_one_person_do_not_cross_f08() {
    let mut house = House::settled("finch", 30).await;
    let ids = house.ids().await;
    let rows: Vec<String> = ids.iter().map(|id| format!("{id},From the file,{id}@example.com,Sales,A")).collect();
    with_file(&mut house, &rows).await;
    house.leave(&ids[0]).await;
    house.event("1", &ids[0], None).await.unwrap();
    house.change(&ids[1], json!({"first_name": "From the event"})).await;
    house.event("2", &ids[1], None).await.unwrap();
    assert_eq!(house.rig.people().await.len(), 29);
    let (account, provider) = house.rig.connection.clone().unwrap();
    house.rig.connection =
        Some((account.clone(), muster_core::ids::ConnectionId::named(&account, "Payroll nightly").unwrap()));
    let field = muster_core::field::Field::by_name("first_name").unwrap();
    let people = house.rig.people().await;
    assert_eq!(people.len(), 30);
    assert!(people.values().all(|person| person.recipient.values[&field].iter().next() == Some("From the file")));
    house.rig.connection = Some((account, provider));
}

/// T3
#[tokio::test]
async fn a_connection_cannot_take_over_anothers_webhooks_t3() {
    let mut house = House::settled("finch", 30).await;
    let theirs = file("finch", "").replace("account = \"acme\"", "account = \"evil\"");
    let drawn = muster_sync::Drawn { seed: 8, password: [1; 20], salt: [2; 16], link_key: [5; 32] };
    let terms = muster_sync::Terms { drawn, public_keys: &[], base_urls: true, now_ms: 0 };
    let refused = muster_sync::save_connection(&house.rig.ports().table, &house, &theirs, terms).await.unwrap_err();
    assert!(refused.to_string().contains("belongs to another connection"), "{refused}");
    house.connect(&file("finch", "")).await;
}

#[tokio::test]
async fn a_secret_that_stands_in_the_wrong_table_is_stored_with_the_credentials_only() {
    let mut house = House::connected("merge", 5, "").await;
    let swapped = file("merge", "").replace("account_token = \"merge-account-token\"", "").replace(
        "linked_account_id = \"la-1\"",
        "linked_account_id = \"la-1\"\naccount_token = \"merge-account-token\"",
    );
    house.connect(&swapped).await;
    let stored = house.rig.stored().await;
    assert!(
        !stored.settings.contains("merge-account-token") && stored.settings.contains("la-1"),
        "{}",
        stored.settings
    );
    house.poll().await;
    house.run_schedule(5).await;
    assert_eq!(house.rig.people().await.len(), 5);
}
