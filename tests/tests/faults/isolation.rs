//! I2: nothing of another account is read or written.

use muster_local::Service;
use muster_sync::{Drawn, NotSaved, RunState, Terms, save_connection};
use muster_tests::hand;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};
use muster_tests::tricky::{Seen, Tricky};
use serde_json::Value;

use super::{check_same, upload_too_few};

/// Every key value and S3 path that a request names.
fn keys(seen: &Seen) -> Vec<String> {
    match seen.service {
        Service::DynamoDb => {
            let mut found = Vec::new();
            collect(&seen.json(), &mut found);
            assert!(!found.is_empty(), "{} names no key", seen.name());
            found
        }
        Service::S3 => vec![seen.path.clone()],
        Service::Sqs | Service::Ses | Service::Ssm | Service::Events => {
            vec![String::from_utf8_lossy(&seen.body).into_owned()]
        }
    }
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let named = ["pk", ":pk", ":g", "g1", ":g1"].contains(&name.as_str());
                match member["S"].as_str().filter(|_| named) {
                    Some(text) => found.push(text.to_owned()),
                    None => collect(member, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|one| collect(one, found)),
        _ => {}
    }
}

/// Two accounts with the same people, connection name and files.
async fn two() -> (Rig, Rig) {
    let mut acme = Rig::connected(STAFF).await;
    acme.upload(DAYS[0], &day(0)).await;
    acme.settle().await;
    let first = acme.connection.clone();
    acme.connect(&STAFF.replace("\"acme\"", "\"betacorp\"").replace("hr@acme", "hr@betacorp")).await;
    acme.upload(DAYS[0], &day(0)).await;
    acme.settle().await;
    let betacorp =
        Rig { services: acme.services.clone(), clock: acme.clock.clone(), connection: acme.connection.clone() };
    acme.connection = first;
    (acme, betacorp)
}

/// A second day, one that is held, an approval, a file that fails, an undo.
async fn everything(rig: &Rig, tricky: &Tricky) {
    rig.upload(DAYS[1], &day(1)).await;
    hand::settle(rig, tricky).await;
    let second = rig.last_run().await;
    assert_eq!(second.state, RunState::Applied);
    rig.roll_back(&second).await;
    hand::settle(rig, tricky).await;
    rig.upload("people_20261125.csv", &csv(&staff(30))).await;
    hand::settle(rig, tricky).await;
    let held = rig.runs().await.into_iter().find(|run| run.state == RunState::Held).unwrap();
    rig.approve(&held).await.unwrap();
    hand::settle(rig, tricky).await;
    rig.upload("people_20261126.csv", b"id,name\n\"unclosed").await;
    hand::settle(rig, tricky).await;
    assert_eq!(rig.people().await.len(), 30);
}

#[tokio::test]
async fn a_run_names_no_key_of_another_account_i2() {
    let (acme, betacorp) = two().await;
    let before = betacorp.picture().await;
    let tricky = Tricky::honest(&acme.services);
    everything(&acme, &tricky).await;
    for seen in tricky.seen() {
        let foreign: Vec<_> = keys(&seen).into_iter().filter(|key| key.contains("betacorp")).collect();
        assert!(foreign.is_empty(), "{}: {foreign:?}", seen.name());
        if seen.service == Service::DynamoDb {
            let ours = |key: &String| ["A#acme#", "SFTP#acme-", "C#acme-"].iter().any(|own| key.starts_with(own));
            assert!(keys(&seen).iter().all(ours), "{}: {:?}", seen.name(), keys(&seen));
        }
    }
    let mails = betacorp.picture().await;
    let shown = |picture: Vec<String>| picture.into_iter().filter(|line| !line.starts_with("mail")).collect::<Vec<_>>();
    check_same("the other account", &shown(mails), &shown(before));
}

/// The check above can fail: the other account's own run does name such keys.
#[tokio::test]
async fn the_trace_shows_the_keys_of_a_run() {
    let (_, betacorp) = two().await;
    let tricky = Tricky::honest(&betacorp.services);
    betacorp.upload(DAYS[1], &day(1)).await;
    hand::settle(&betacorp, &tricky).await;
    let named = |service| {
        tricky
            .seen()
            .iter()
            .filter(|seen| seen.service == service && keys(seen).iter().any(|key| key.contains("betacorp")))
            .count()
    };
    assert!(
        named(Service::DynamoDb) > 10 && named(Service::S3) > 5,
        "{} {}",
        named(Service::DynamoDb),
        named(Service::S3)
    );
}

/// T4: an event that names another account's login is about that login's own folder, or nothing.
#[tokio::test]
async fn keys_that_reach_out_of_their_folder_are_refused_t4() {
    let (acme, betacorp) = two().await;
    let (user, before) = (acme.user(), (acme.picture().await, betacorp.picture().await));
    let other = betacorp.user();
    for key in [
        format!("inbox/{user}/../{other}/{}", DAYS[1]),
        format!("inbox/{user}/..%2F{other}%2F{}", DAYS[1]),
        format!("inbox/../inbox/{other}/{}", DAYS[1]),
        format!("inbox//{other}/{}", DAYS[1]),
        format!("sftp/{user}/inbound/../../{other}/inbound/{}", DAYS[1]),
        format!("inbox/nobody/{}", DAYS[1]),
        format!("inbox/{}", DAYS[1]),
        format!("{user}/{}", DAYS[1]),
        "inbox".to_owned(),
        String::new(),
    ] {
        hand::announce(&acme, "ObjectCreated:Copy", &key, 10);
        acme.settle().await;
        check_same(&key, &acme.picture().await, &before.0);
        check_same(&key, &betacorp.picture().await, &before.1);
    }
    upload_too_few(&acme, DAYS[2]).await;
    assert_eq!(acme.last_run().await.state, RunState::Held);
}

#[tokio::test]
async fn an_id_that_another_accounts_connection_has_is_refused_by_name() {
    let named = |account: &str, name: &str| {
        let toml = STAFF.replace("\"acme\"", &format!("{account:?}"));
        toml.replace("Payroll nightly", name)
    };
    let rig = Rig::connected(&named("acme", "x y")).await;
    let drawn = Drawn { seed: 8, password: [1; 20], salt: [2; 16], link_key: [5; 32] };
    let ports = rig.ports();
    let terms = Terms { drawn, public_keys: &[], base_urls: false, now_ms: 0 };
    let refused = save_connection(&ports.table, &ports.secrets, &named("acme-x", "y"), terms).await.unwrap_err();
    assert!(matches!(&refused, NotSaved::IdTaken(id) if id.as_str() == "acme-x-y"), "{refused:?}");
    assert!(refused.to_string().contains("acme-x-y"), "{refused}");
}
