//! What the product is told on its bus.

use std::collections::BTreeMap;

use muster_local::bus::BusEvent;
use muster_local::{Fault, FaultKind, Service};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};

/// How often each kind was told, events that came again counted once.
fn told(rig: &Rig) -> BTreeMap<String, usize> {
    let mut once: BTreeMap<String, BusEvent> = BTreeMap::new();
    for event in rig.services.bus.events() {
        let before = once.insert(event.detail["id"].as_str().unwrap().to_owned(), event.clone());
        assert!(before.is_none_or(|before| before.detail == event.detail), "the same id tells the same");
    }
    let mut kinds = BTreeMap::new();
    for event in once.values() {
        assert_eq!((event.source.as_str(), event.bus.as_str()), ("muster", "muster"));
        assert_eq!(
            (&event.detail["account"], &event.detail["connection"]),
            (&"acme".into(), &"acme-payroll-nightly".into())
        );
        *kinds.entry(event.detail_type.clone()).or_default() += 1;
    }
    kinds
}

fn check(rig: &Rig, expected: &[(&str, usize)]) {
    let expected: BTreeMap<_, _> = expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    assert_eq!(told(rig), expected);
}

#[tokio::test]
async fn every_written_change_and_every_end_is_told_and_nothing_else() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    check(&rig, &[("recipient.added", 40), ("run.finished", 1)]);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    let more =
        [("recipient.added", 41), ("recipient.deactivated", 1), ("recipient.removed", 1), ("recipient.updated", 1)];
    check(&rig, &[more.as_slice(), &[("run.finished", 2)]].concat());
    let updated = rig.services.bus.events().into_iter().find(|event| event.detail_type == "recipient.updated").unwrap();
    assert_eq!(updated.detail["fields"], serde_json::json!(["department", "first_name"]));
    let text = serde_json::to_string(&rig.services.bus.events()).unwrap();
    assert!(!text.contains("Renamed") && !text.contains("Legal"), "values are not told");
}

#[tokio::test]
async fn a_held_plan_is_told_and_a_rejected_one_tells_of_nobody() {
    let rig = Rig::connected(&STAFF.replace("\"active\"\nimport", "\"preview\"\nimport")).await;
    rig.upload(DAYS[0], &csv(&staff(5))).await;
    rig.settle().await;
    check(&rig, &[("run.held", 1)]);
    let held = rig.services.bus.events().pop().unwrap();
    assert_eq!(held.detail["hash"].as_str(), rig.last_run().await.plan.as_ref().map(|plan| plan.hash.as_str()));
    rig.reject(&rig.last_run().await).await;
    rig.settle().await;
    check(&rig, &[("run.finished", 1), ("run.held", 1)]);
}

#[tokio::test]
async fn while_the_bus_refuses_nothing_is_lost() {
    let rig = Rig::connected(STAFF).await;
    let kind = FaultKind::Refuse { status: 400, code: "ThrottlingException".into() };
    rig.services.faults.add(Fault { service: Service::Events, operation: None, kind, skip: 2, times: 9 });
    rig.services.faults.add(Fault {
        service: Service::Events,
        operation: None,
        kind: FaultKind::LoseAnswer,
        skip: 12,
        times: 5,
    });
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    check(&rig, &[("recipient.added", 40), ("run.finished", 1)]);
}
