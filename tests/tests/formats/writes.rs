//! Every write of the table, tried where a newer Muster wrote the item after it was read: the write does not happen.

use std::collections::BTreeMap;

use muster_aws::Table;
use muster_core::format::{self, ATTRIBUTE, Format};
use muster_core::ids::{AccountId, ConnectionId, RunId, UniqueId};
use muster_core::plan::{Change, ChangeKind, Reason};
use muster_local::Service;
use muster_sync::{
    Admin, CommitPlan, Connection, Directory, Documents, Erasing, FeedChange, Finish, Ledger, MailKind, MailState,
    OutboxMail, PersonMark, PlanRef, PortError, Retry, Run, RunState, Shelf, TakeLease, Transition,
};
use muster_tests::dump::{Kept, items};
use muster_tests::forms::form_of;
use muster_tests::story::World;
use serde_json::{Value, json};

/// What is read before a newer Muster comes.
struct Facts {
    table: Table,
    account: AccountId,
    connections: BTreeMap<&'static str, Connection>,
    runs: BTreeMap<&'static str, Run>,
    removal: Change,
    mark: (String, PersonMark),
    segment: (String, u64),
}

const CONNECTIONS: [&str; 5] = ["held", "applying", "undo", "stale", "people"];

impl Facts {
    async fn of(world: &World) -> Self {
        let table = world.house.rig.ports().table;
        let account = AccountId::parse("acme").unwrap();
        let (mut connections, mut runs) = (BTreeMap::new(), BTreeMap::new());
        for name in CONNECTIONS {
            let id = ConnectionId::parse(&format!("acme-{name}")).unwrap();
            connections.insert(name, table.connection(&account, &id).await.unwrap().unwrap());
            let newest = table.runs(&account, &id).await.unwrap().into_iter().next().unwrap();
            runs.insert(name, newest);
        }
        let unique_id = UniqueId::parse("0001").unwrap();
        let stored = table.get(&account, &connections["applying"].id, std::slice::from_ref(&unique_id)).await.unwrap();
        let (kind, reason, old) = (ChangeKind::Remove, Reason::Absent, Some(stored[0].recipient.clone()));
        let removal = Change { kind, reason, unique_id, old, new: None, record: None };
        let (place, mark) = table.marks_page(&account, &connections["people"].id, None).await.unwrap().items.remove(0);
        let segment = table.documents(&account, &Shelf::Segments, None, 1, false).await.unwrap().items.remove(0);
        let mark = (place.strip_prefix("PERSON#").unwrap().to_owned(), mark);
        Self { table, account, connections, runs, removal, mark, segment: (segment.id, segment.version) }
    }

    fn mail(&self) -> OutboxMail {
        let run = &self.runs["held"];
        let (account, connection, run) = (run.account.to_string(), run.connection.to_string(), run.id.to_string());
        OutboxMail { account, connection, run, kind: MailKind::Held }
    }

    /// A write by its name. `Ok(true)` when it was carried out.
    async fn write(&self, name: &str) -> Result<bool, PortError> {
        let (table, account) = (&self.table, &self.account);
        let now_ms = 1_800_000_000_000;
        let (held, applying) = (&self.runs["held"], &self.runs["applying"]);
        let (undo, people) = (&self.connections["undo"], &self.connections["people"]);
        let listing = &self.runs["people"];
        let group = ("department".to_owned(), "sales".to_owned(), "Sales".to_owned());
        let done = |()| true;
        match name {
            "open a run" => table.open_run(held).await.map(|_| true),
            "take the lease" => {
                let connection = (account, &undo.id);
                let ask = TakeLease { connection, holder: "a", now_ms, until_ms: now_ms + 1 };
                table.take_lease(ask).await.map(|_| true)
            }
            "release the lease" => table.release_lease(undo).await.map(done),
            "commit a plan" => self.commit(now_ms).await,
            "approve" => table.approve(held, &self.connections["held"], now_ms).await,
            "plan anew" => table.replan(held).await,
            "mark a chunk" => table.chunk_done(applying, 7, 0).await.map(|run| run.is_some()),
            "finish" => self.finish(now_ms).await,
            "close" => {
                let person = Some((self.mark.0.as_str(), &self.mark.1));
                let told = Transition::told(listing, people, RunState::Failed, None, now_ms);
                table.close(&Transition { person, ..told }).await
            }
            "save the feed" => {
                let feed = people.feed.clone();
                table.save_feed(&FeedChange { connection: people, feed, due_ms: None, status: None }).await
            }
            "take the listing" => table.take_poll(listing, "a", now_ms, now_ms + 1).await.map(|taken| taken.is_some()),
            "keep the listing" => table.keep_poll(listing, "nobody", "{}", now_ms).await.map(|_| true),
            "take the mail" => table.take_mail(&self.mail(), now_ms, 1).await.map(|_| true),
            "settle the mail" => table.settle_mail(&self.mail(), &MailState::Sent).await.map(done),
            "keep a group's value" => table.add_group_values(account, &undo.id, &[group]).await.map(done),
            "forget a group's value" => table.forget_group_value(account, &undo.id, &group.0, &group.1).await.map(done),
            "write a recipient" => table.write(applying, &[], &self.removal, now_ms).await.map(|_| true),
            "save a connection" => table.save_connection(people, Some(people.settings_version)).await,
            "save a login" => {
                let (login, credentials) = table_login(table).await?;
                table.put_login("acme-undo", &login, &credentials).await
            }
            "add an account" => table.add_account(account).await.map(done),
            "store a document" => {
                let (id, version) = (&self.segment.0, Some(self.segment.1));
                table.put_document(account, &Shelf::Segments, id, "{}", version, None).await
            }
            "delete a document" => {
                table.delete_document(account, &Shelf::Segments, &self.segment.0, self.segment.1).await
            }
            "delete a recipient" => {
                table.delete_recipient(account, &applying.connection, &self.removal.unique_id).await
            }
            "delete a run" => table.delete_run(held).await,
            "delete a mark" => table.delete_mark(account, &people.id, &format!("PERSON#{}", self.mark.0)).await,
            "store a run's plan" => table.put_plan(held, held.plan.as_ref().unwrap()).await,
            other => panic!("there is no write {other}"),
        }
    }

    /// A plan for the run that is to be planned anew; its mail is there already.
    async fn commit(&self, now_ms: i64) -> Result<bool, PortError> {
        let (run, connection) = (&self.runs["stale"], &self.connections["stale"]);
        let of_another = self.runs["undo"].plan.clone().unwrap();
        let plan = PlanRef { directory_version: connection.directory_version, ..of_another };
        let held = ["preview".to_owned()];
        let (position, replaces, person) = (None, None::<&RunId>, None);
        let counts = run.counts;
        let commit =
            CommitPlan { run, connection, plan: &plan, counts, held: &held, position, replaces, person, now_ms };
        self.table.commit_plan(&commit).await
    }

    async fn finish(&self, now_ms: i64) -> Result<bool, PortError> {
        let finish = Finish {
            run: &self.runs["applying"],
            connection: &self.connections["applying"],
            roster: None,
            owned: 40,
            rows: None,
            grouped_by: "",
            removals: Vec::new(),
            feed: None,
            due_ms: None,
            mail: false,
            voids_plans: true,
            deletes: false,
            by_sync: true,
            now_ms,
        };
        self.table.finish(&finish).await
    }
}

async fn table_login(table: &Table) -> Result<(muster_sync::Login, muster_sync::Credentials), PortError> {
    // Read by another name: the one to be written is newer.
    table.credentials("acme-held").await.map(|found| {
        let (login, credentials) = found.unwrap();
        let connection = ConnectionId::parse("acme-undo").unwrap();
        (muster_sync::Login { connection, ..login }, credentials)
    })
}

/// Has a newer Muster write every item of a form, but the login that only is read.
async fn raise(world: &World, form: &'static Format) {
    for mut item in items(&world.house.rig.services).await {
        if form_of(&Kept::Item(item.clone())).unwrap() != Some(form) || item["pk"]["S"] == "SFTP#acme-held" {
            continue;
        }
        item[ATTRIBUTE] = json!({"N": (form.version + 1).to_string()});
        let put = json!({"TableName": "muster", "Item": item}).to_string();
        let request = axum::http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.PutItem");
        let request = request.body(axum::body::Bytes::from(put)).unwrap();
        let answer = world.house.rig.services.call(Service::DynamoDb, request).await.unwrap();
        assert!(answer.status().is_success());
    }
}

/// The writes, each with the forms that it writes.
const WRITES: &[(&str, &[&Format])] = &[
    ("open a run", &[format::RUN]),
    ("take the lease", &[format::CONNECTION]),
    ("release the lease", &[format::CONNECTION]),
    ("commit a plan", &[format::RUN, format::CONNECTION, format::MAIL]),
    ("approve", &[format::RUN, format::CONNECTION]),
    ("plan anew", &[format::RUN]),
    ("mark a chunk", &[format::RUN]),
    ("finish", &[format::RUN, format::CONNECTION]),
    ("close", &[format::RUN, format::CONNECTION, format::MARK]),
    ("save the feed", &[format::CONNECTION]),
    ("take the listing", &[format::LISTING]),
    ("keep the listing", &[format::LISTING]),
    ("take the mail", &[format::MAIL]),
    ("settle the mail", &[format::MAIL]),
    ("keep a group's value", &[format::GROUP]),
    ("forget a group's value", &[format::GROUP]),
    ("write a recipient", &[format::RECIPIENT]),
    ("save a connection", &[format::CONNECTION, format::LISTED, format::ROUTE]),
    ("save a login", &[format::LOGIN]),
    ("add an account", &[format::LISTED]),
    ("store a document", &[format::SEGMENT]),
    ("delete a document", &[format::SEGMENT]),
    ("delete a recipient", &[format::RECIPIENT]),
    ("delete a run", &[format::RUN]),
    ("delete a mark", &[format::MARK]),
    ("store a run's plan", &[format::RUN]),
];

async fn check(name: &str, form: &'static Format) {
    let world = World::from(&super::stored_by(super::RELEASE)).await;
    let facts = Facts::of(&world).await;
    raise(&world, form).await;
    let before: Vec<Value> = items(&world.house.rig.services).await;
    let refused = facts.write(name).await;
    let refused = refused.expect_err(&format!("{name} writes over a newer {}", form.name));
    assert_eq!(refused.retry, Retry::Later, "{name}: {refused}");
    let says = form.check(Some(u64::from(form.version) + 1)).unwrap_err().to_string();
    assert!(refused.to_string().ends_with(&says), "{name}: {refused}");
    assert_eq!(items(&world.house.rig.services).await, before, "{name} wrote something");
}

#[tokio::test]
async fn no_write_goes_over_what_a_newer_version_wrote_meanwhile() {
    for (name, forms) in WRITES {
        for form in *forms {
            check(name, form).await;
        }
    }
}

#[tokio::test]
async fn every_one_of_these_writes_is_carried_out_where_nothing_is_newer() {
    for (name, _) in WRITES {
        let world = World::from(&super::stored_by(super::RELEASE)).await;
        assert!(Facts::of(&world).await.write(name).await.unwrap(), "{name}");
    }
}
