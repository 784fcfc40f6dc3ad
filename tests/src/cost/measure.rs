//! Runs whose requests are counted.

use muster_sync::{Polled, RunState};
use people_gen::Options;

use super::{Prices, Usage};
use crate::faulty::Faulty;
use crate::hand;
use crate::house::House;
use crate::meter::Meter;
use crate::rig::{Rig, ports_over};

/// What the template gives each function, in GB, and how many of its writes are under way at once.
const FUNCTIONS: [(&str, f64); 3] = [("import", 1.769), ("apply", 0.512), ("report", 0.512)];
const POLL_GB: f64 = 1.769;
const EVENT_GB: f64 = 0.512;
const WRITES_AT_ONCE: f64 = 16.0;

/// What a file import used: the first one of a connection, and that of the day after.
#[derive(Debug, Clone)]
pub struct Days {
    /// People of the first day.
    pub people: f64,
    /// The first day.
    pub first: Usage,
    /// Changes of the second.
    pub changes: f64,
    /// The second day.
    pub second: Usage,
    /// The second day's file once more.
    pub again: Usage,
}

/// Counts one invocation: its time is its requests' one after the other, but recipients are written many at once.
fn invoked(meter: &Meter, prices: &Prices, before: &Usage, gigabytes: f64) {
    let used = meter.used().less(before);
    let people = used.of("people_written");
    let requests = used.of("requests") - people + people / WRITES_AT_ONCE;
    let ms = prices.assumed("invocation_ms") + prices.assumed("request_ms") * requests;
    meter.add("lambda_request", 1.0);
    meter.add("lambda_gb_second", gigabytes * ms / 1e3);
    meter.add("log_gb", prices.assumed("log_bytes_per_invocation") / 1e9);
    meter.add("trace", prices.assumed("traces_share"));
}

/// Delivers until nothing is left. A batch is received once and deleted once.
async fn settle(rig: &Rig, meter: &Meter, prices: &Prices) {
    let ports = ports_over(rig, &Faulty::metered(&rig.services, meter));
    loop {
        let mut quiet = true;
        for (queue, gigabytes) in FUNCTIONS {
            let received = hand::receive(rig, queue, if queue == "report" { 5 } else { 1 });
            if received.is_empty() {
                continue;
            }
            quiet = false;
            let before = meter.used();
            meter.add("sqs", 2.0);
            let answer = hand::invoke(rig, queue, &received, &ports, hand::TIMEOUT_MS * 1_000).await;
            assert!(answer.batch_item_failures.is_empty(), "{queue}: a message failed");
            hand::acknowledge(rig, queue, &received, &answer);
            invoked(meter, prices, &before, gigabytes);
        }
        if quiet {
            return;
        }
    }
}

/// An upload: the client's put and the workflow's copy, the copy's message.
async fn imported(rig: &Rig, prices: &Prices, name: &str, bytes: &[u8]) -> Usage {
    let meter = Meter::default();
    rig.upload(name, bytes).await;
    meter.add("s3_put", 2.0);
    meter.add("s3_get", 1.0);
    meter.add("sqs", 1.0);
    settle(rig, &meter, prices).await;
    assert_eq!(rig.last_run().await.state, RunState::Applied, "{:?}", rig.last_run().await.held);
    meter.used()
}

fn file(people: u32, permille: u32, day: u32) -> (Vec<u8>, people_gen::Expected) {
    let (new_permille, gone_permille) = (permille * 3 / 10, permille * 3 / 10);
    let options =
        Options { people, day, changed_permille: permille, new_permille, gone_permille, ..Options::default() };
    let mut bytes = Vec::new();
    let expected = people_gen::write(&options, &mut bytes).unwrap();
    (bytes, expected)
}

/// Two days of so many people, of whom so many in a thousand change and three tenths as many come and go, and the second
/// day's file once more. `grouped` says whether two fields make groups.
pub async fn measured(prices: &Prices, people: u32, permille: u32, grouped: bool) -> Days {
    let mut toml = people_gen::connection_toml("acme", "Payroll", "Acme staff");
    // Small files with many changes stand for large ones with few, so no gate holds them.
    toml = toml.replace(
        "removals = \"10%\"",
        "removals = \"90%\"\nupdates = \"100%\"\nnew = \"90%\"\nfield_change = \"100%\"",
    );
    if !grouped {
        toml = toml.replace("group_by = [\"department\", \"location\"]\n", "");
    }
    let rig = Rig::connected(&toml).await;
    let (bytes, expected) = file(people, permille, 1);
    let first = imported(&rig, prices, "acme_people_11212026.csv", &bytes).await;
    let (bytes, changes) = file(people, permille, 2);
    let second = imported(&rig, prices, "acme_people_11222026.csv", &bytes).await;
    let again = imported(&rig, prices, "acme_people_11232026.csv", &bytes).await;
    let counts = rig.runs().await[1].counts;
    let written = counts.added + counts.updated + counts.deactivated + counts.reactivated + counts.removed;
    assert_eq!(second.of("people_written"), written as f64, "the meter and the run count the same people");
    let ids = [&changes.added, &changes.removed, &changes.deactivated, &changes.reactivated].map(Vec::len);
    assert_eq!(written as usize, changes.updated.len() + ids.iter().sum::<usize>());
    Days { people: expected.people as f64, first, changes: written as f64, second, again }
}

/// What listings and events of a provider used.
#[derive(Debug, Clone)]
pub struct Listings {
    /// People of the provider.
    pub people: f64,
    /// A full listing that finds nothing new.
    pub unchanged: Usage,
    /// A look of the schedule that finds nothing due.
    pub idle_look: Usage,
    /// An event that changes one person, from the queue on.
    pub event: Usage,
}

/// A connected provider with so many people: a listing, a look of the schedule, an event.
pub async fn measured_listings(prices: &Prices, people: u64) -> Listings {
    let house = House::settled("finch", people).await;
    let metered = |meter: &Meter| *house.faulty.borrow_mut() = Some(Faulty::metered(&house.rig.services, meter));

    let meter = Meter::default();
    metered(&meter);
    let sent = house.sent.get();
    assert_eq!(house.poll().await, Polled::Run(RunState::Applying));
    meter.add("sqs", 2.0);
    invoked(&meter, prices, &Usage::default(), POLL_GB);
    settle(&house.rig, &meter, prices).await;
    meter.add("pages", f64::from(house.sent.get() - sent));
    let unchanged = meter.used();

    let meter = Meter::default();
    metered(&meter);
    house.dispatch().await;
    invoked(&meter, prices, &Usage::default(), POLL_GB);
    let idle_look = meter.used();

    let meter = Meter::default();
    metered(&meter);
    let id = house.ids().await.swap_remove(0);
    house.change(&id, serde_json::json!({"first_name": "Renamed"})).await;
    assert_eq!(house.event("one", &id, None).await.unwrap(), muster_sync::Taken::Done);
    meter.add("sqs_fifo", 2.0);
    invoked(&meter, prices, &Usage::default(), EVENT_GB);
    let event = meter.used();
    assert_eq!(event.of("people_written"), 1.0);
    Listings { people: people as f64, unchanged, idle_look, event }
}
