//! W31: whatever the order in which events come, the end is the same.

use muster_sync::Taken;
use muster_tests::house::House;
use serde_json::{Value, json};

/// What happens to one person at the provider, one after the other.
const STORY: [&str; 5] = ["create", "update", "deactivate", "reactivate", "remove"];

/// The orders of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    shorter
        .into_iter()
        .flat_map(|order| {
            (0..=order.len()).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, count - 1);
                longer
            })
        })
        .collect()
}

/// One step at the provider.
async fn step(house: &House, what: &str, id: &str) {
    let change = |change: Value| house.change(id, change);
    match what {
        "create" => {
            house.hire(json!({"id": id, "first_name": "Ann", "status": "active"})).await;
        }
        "update" => change(json!({"first_name": "Anna"})).await,
        "deactivate" => change(json!({"status": "leave"})).await,
        "reactivate" => change(json!({"status": "active"})).await,
        _ => house.leave(id).await,
    }
}

/// Everything happens at the provider first, then its events come in some order.
#[tokio::test]
async fn all_orders_of_the_events_of_one_person_end_alike_w31() {
    let house = House::settled("workos", 20).await;
    for (round, order) in orders(STORY.len()).into_iter().enumerate() {
        for until in [4, 5] {
            // Until 4 the person stays, until 5 they leave.
            let id = format!("directory_user_{round}_{until}");
            for what in &STORY[..until] {
                step(&house, what, &id).await;
            }
            for at in order.iter().filter(|at| **at < until) {
                let version = i64::try_from(*at).unwrap() + 1;
                let taken = house.event(&format!("{id}-{at}"), &id, Some(version)).await.unwrap();
                assert!(matches!(taken, Taken::Done | Taken::Ignored(_)), "{order:?} {taken:?}");
            }
            let people = house.rig.people().await;
            match people.get(&id) {
                Some(person) => {
                    assert_eq!(until, 4, "{order:?}");
                    let name = muster_core::field::Field::by_name("first_name").unwrap();
                    assert_eq!(person.recipient.values[&name].iter().next(), Some("Anna"), "{order:?}");
                    assert_eq!(person.recipient.status.as_str(), "active", "{order:?}");
                    house.leave(&id).await;
                    // Out of the way of the gates of the next round.
                    house.rig.clock.advance(25 * 3_600_000);
                }
                None => assert_eq!(until, 5, "{order:?}"),
            }
        }
    }
}

/// Each step's event comes at once, but every one of them comes again later, in another order.
#[tokio::test]
async fn events_that_come_again_later_change_nothing_w31() {
    let house = House::settled("finch", 600).await;
    for (round, order) in orders(STORY.len()).into_iter().step_by(7).enumerate() {
        let id = format!("person-{round}");
        for (at, what) in STORY.iter().enumerate() {
            step(&house, what, &id).await;
            let taken = house.event(&format!("{id}-{at}"), &id, None).await.unwrap();
            assert!(matches!(taken, Taken::Done), "{order:?} {what} {taken:?}");
        }
        for at in order {
            assert_eq!(house.event(&format!("{id}-{at}"), &id, None).await.unwrap(), Taken::Before);
        }
        assert!(!house.rig.people().await.contains_key(&id));
        house.rig.clock.advance(25 * 3_600_000);
    }
}
