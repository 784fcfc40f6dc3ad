//! An importer as one writes it first: no lease, no fence, no plan, no outbox. It is here to be wrong.

use muster_local::Services;
use muster_sync::{MailKind, Mailer, Message, Objects, OutboxMail};

use crate::faulty::{Fault, Faulty};
use crate::rig::{Rig, ports_over};

const FILE: &str = "1,Ana\n2,Bo\n3,Cy\n";

/// Imports a file with the first life failing as told and up to three more; answers what is visible
/// at the end, and how many calls the first life made.
pub async fn run(faults: &[(usize, Fault)]) -> (Vec<String>, usize) {
    let rig = Rig::default();
    rig.put("naive.csv", FILE.as_bytes()).await;
    let first = Faulty::new(&rig.services, faults);
    let mut faulty = first.clone();
    for _ in 0..4 {
        let done = tokio::select! {
            biased;
            done = import(&rig, &faulty) => done.is_some(),
            () = crate::rig::died(&faulty) => false,
        };
        if done {
            break;
        }
        faulty = Faulty::new(&rig.services, &[]);
    }
    (picture(&rig.services).await, first.calls())
}

/// Counts people in an object of its own, reading and writing it back; mails before it notes that it is done.
async fn import(rig: &Rig, faulty: &Faulty) -> Option<()> {
    let ports = ports_over(rig, faulty);
    if ports.bucket.read("naive/done").await.ok()?.is_some() {
        return Some(());
    }
    let text = ports.bucket.read("naive.csv").await.ok()??;
    for row in String::from_utf8(text).ok()?.lines() {
        let (id, name) = row.split_once(',')?;
        ports.bucket.write(&format!("naive/person/{id}"), name.into(), "text/plain").await.ok()?;
        let count = ports.bucket.read("naive/count").await.ok()?.unwrap_or_default();
        let count: u32 = String::from_utf8(count).ok()?.parse().unwrap_or(0);
        ports.bucket.write("naive/count", (count + 1).to_string().into(), "text/plain").await.ok()?;
    }
    let outbox =
        OutboxMail { account: "acme".into(), connection: "acme-naive".into(), run: "0".into(), kind: MailKind::Ended };
    let mail = Message {
        to: vec!["hr@acme.example".into()],
        subject: "imported".into(),
        text: "imported".into(),
        html: "imported".into(),
        outbox,
    };
    ports.mail.as_ref()?.send(&mail).await.ok().filter(|sent| *sent)?;
    ports.bucket.write("naive/done", Vec::new(), "text/plain").await.ok()
}

async fn picture(services: &Services) -> Vec<String> {
    let rig_ports = crate::rig::ports_of(services, &Faulty::new(services, &[]));
    let mut lines: Vec<_> = services.ses.mails().into_iter().map(|mail| mail.subject).collect();
    for key in ["naive/person/1", "naive/person/2", "naive/person/3", "naive/count", "naive/done"] {
        let found = rig_ports.bucket.read(key).await.unwrap();
        lines.push(format!("{key} {found:?}"));
    }
    lines
}
