//! People with addresses, dates and managers, in any number of connections.

use std::cell::Cell;

use muster_core::ids::{AccountId, ConnectionId, UniqueId};
use muster_sync::{Clock, OptOut};
use muster_tests::rig::Rig;

/// A connection of `acme` that takes `id,name,dept,status,mail,phone,start,manager`.
fn settings(name: &str) -> String {
    let base = muster_tests::sample::connection("acme", name);
    let more = ["email_1 mail", "text_1 phone", "start_date start", "manager_id manager"];
    let field = |more: &str| {
        let (field, column) = more.split_once(' ').unwrap();
        format!("[fields.{field}]\nfrom = \"{column}\"\n")
    };
    format!("{base}{}", more.map(field).concat())
}

/// Saves a connection and imports these records.
pub(crate) async fn with(rig: &mut Rig, name: &str, rows: &[&str]) -> ConnectionId {
    rig.connect(&settings(name)).await;
    let csv = format!("id,name,dept,status,mail,phone,start,manager\n{}\n", rows.join("\n"));
    rig.upload("people_20261121.csv", csv.as_bytes()).await;
    rig.settle().await;
    assert_eq!(rig.stored().await.owned, rows.len() as u64, "everybody was imported");
    rig.connection.clone().unwrap().1
}

/// Notes an opt-out.
pub(crate) async fn opt_out(rig: &Rig, connection: &ConnectionId, id: &str, channel: &str) {
    let (account, id) = (AccountId::parse("acme").unwrap(), UniqueId::parse(id).unwrap());
    let opt_out = OptOut { by: "admin:ana".into(), at_ms: 1 };
    let (table, channel) = (rig.ports().table, muster_sync::channel(channel).unwrap());
    assert!(muster_sync::set_opt_out(&table, (&account, connection, &id), channel, Some(opt_out)).await.unwrap());
}

/// The records of many people; every third one's department is the same.
pub(crate) fn many(count: usize) -> Vec<String> {
    let department = |n: usize| ["Sales", "Ops", "Legal"][n % 3];
    (0..count).map(|n| format!("{n:05},P{n},{},A,p{n}@acme.example,,,", department(n))).collect()
}

/// A clock on which every look takes a millisecond.
pub(crate) struct Ticking(Cell<i64>);

impl Ticking {
    pub(crate) fn from(rig: &Rig) -> Self {
        Self(Cell::new(i64::try_from(rig.clock.now_ms()).unwrap()))
    }
}

impl Clock for Ticking {
    fn now_ms(&self) -> i64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}
