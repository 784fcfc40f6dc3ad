//! The functions over in-process services: every message is delivered by hand, time is moved by hand.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_smithy_runtime_api::shared::IntoShared;
use lambda_runtime::{Context, LambdaEvent};
use muster_aws::{Clients, Names, Ports};
use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_local::{Clock, Services};
use muster_sync::{Connection, Decider, Drawn, Ledger, Person, Run, Terms, each_person, save_connection};

use crate::faulty::{Fault, Faulty};

/// The queues in the order in which messages flow.
const QUEUES: [&str; 3] = ["import", "apply", "report"];
/// How long a message stays hidden once received.
const VISIBILITY_MS: u64 = 30_000;
/// How long a function may run.
const TIMEOUT_MS: u64 = 20_000;
/// When the rig's time begins.
const BEGIN_MS: u64 = 1_790_000_000_000;

/// Services, and who runs functions against them.
pub struct Rig {
    /// The services.
    pub services: Services,
    /// Their time.
    pub clock: Clock,
    /// The connection that was saved last.
    pub connection: Option<(AccountId, ConnectionId)>,
}

impl Default for Rig {
    fn default() -> Self {
        crate::suite_logs::watch();
        let clock = Clock::manual(BEGIN_MS);
        let services = Services::in_memory_at("muster", "muster", clock.clone()).unwrap();
        for queue in QUEUES {
            services.sqs.set_policy(queue, Some(VISIBILITY_MS), Some(10_000)).unwrap();
        }
        Self { services, clock, connection: None }
    }
}

struct RigClock(Clock);

impl muster_sync::Clock for RigClock {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.0.now_ms()).unwrap()
    }
}

impl Rig {
    /// A rig with one connection.
    pub async fn connected(toml: &str) -> Self {
        let mut rig = Self::default();
        rig.connect(toml).await;
        rig
    }

    /// Saves a connection file.
    pub async fn connect(&mut self, toml: &str) -> String {
        let drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
        let ports = self.ports();
        let now_ms = i64::try_from(self.clock.now_ms()).unwrap();
        let terms = Terms { drawn, public_keys: &[], base_urls: false, now_ms };
        let saved = save_connection(&ports.table, &ports.secrets, toml, terms).await.unwrap();
        let account = muster_core::settings::Settings::from_toml(toml).unwrap().account;
        self.connection = Some((account, saved.connection));
        saved.sftp_user.unwrap_or_default()
    }

    /// Ports that never fail.
    pub fn ports(&self) -> Ports {
        self.ports_over(&Faulty::new(&self.services, &[]))
    }

    fn ports_over(&self, faulty: &Faulty) -> Ports {
        ports_over(self, faulty)
    }

    /// Puts a file where a closed upload ends up, a second after the last one.
    pub async fn upload(&self, name: &str, bytes: &[u8]) {
        self.clock.advance(1_000);
        self.put(&format!("inbox/{}/{name}", self.user()), bytes).await;
    }

    /// Puts an object anywhere.
    pub async fn put(&self, key: &str, bytes: &[u8]) {
        use muster_sync::Objects;
        self.ports().bucket.write(key, bytes.to_vec(), "text/csv").await.unwrap();
    }

    /// The login of the connection that was saved last.
    pub fn user(&self) -> String {
        self.connection.as_ref().unwrap().1.to_string()
    }

    /// Delivers messages until nothing is left to do.
    pub async fn settle(&self) {
        self.settle_with(&[]).await;
    }

    /// Delivers messages until nothing is left to do; each entry is one life of the process, which
    /// fails at the given calls. Answers how many calls the first life made.
    pub async fn settle_with(&self, lives: &[&[(usize, Fault)]]) -> usize {
        let mut lives = lives.iter();
        let first = Faulty::new(&self.services, lives.next().copied().unwrap_or_default());
        let mut faulty = first.clone();
        for _ in 0..2_000 {
            let mut quiet = true;
            for queue in QUEUES {
                let received = self.services.sqs.receive(queue, 10, None).unwrap();
                if received.is_empty() {
                    continue;
                }
                quiet = false;
                let ports = self.ports_over(&faulty);
                let event = self.event(&received);
                let answer = tokio::select! {
                    biased;
                    answer = invoke(queue, &ports, event) => Some(answer),
                    () = died(&faulty) => None,
                };
                match answer {
                    Some(answer) => self.acknowledge(queue, &received, &answer),
                    None => faulty = Faulty::new(&self.services, lives.next().copied().unwrap_or_default()),
                }
            }
            if quiet && QUEUES.iter().all(|queue| self.services.sqs.peek(queue).is_empty()) {
                return first.calls();
            }
            if quiet {
                self.clock.advance(VISIBILITY_MS + 1_000);
            }
        }
        panic!("messages go round and round: {:?}", self.services.sqs.counts());
    }

    fn event(&self, received: &[muster_local::sqs::Received]) -> LambdaEvent<SqsEvent> {
        let mut event = SqsEvent::default();
        for one in received {
            let mut message = SqsMessage::default();
            message.message_id = Some(one.message.id.clone());
            message.body = Some(one.message.body.clone());
            event.records.push(message);
        }
        let mut context = Context::default();
        context.request_id = format!("invocation-{}-{}", self.clock.now_ms(), received[0].receipt);
        context.deadline = self.clock.now_ms() + TIMEOUT_MS;
        LambdaEvent::new(event, context)
    }

    fn acknowledge(&self, queue: &str, received: &[muster_local::sqs::Received], answer: &SqsBatchResponse) {
        let failed: Vec<_> = answer.batch_item_failures.iter().map(|item| item.item_identifier.as_str()).collect();
        for one in received.iter().filter(|one| !failed.contains(&one.message.id.as_str())) {
            self.services.sqs.delete(queue, &one.receipt).unwrap();
        }
    }

    /// The stored connection.
    pub async fn stored(&self) -> Connection {
        let (account, connection) = self.connection.as_ref().unwrap();
        self.ports().table.connection(account, connection).await.unwrap().unwrap()
    }

    /// The connection's runs, oldest first.
    pub async fn runs(&self) -> Vec<Run> {
        let (account, connection) = self.connection.as_ref().unwrap();
        let mut runs = self.ports().table.runs(account, connection).await.unwrap();
        runs.sort_by_key(|run| run.received_ms);
        runs
    }

    /// The newest run.
    pub async fn last_run(&self) -> Run {
        self.runs().await.pop().unwrap()
    }

    /// Approves a run by its own plan's hash.
    pub async fn approve(&self, run: &Run) -> Result<(), muster_sync::Refused> {
        let ports = self.ports();
        let decider = Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        let hash = run.plan.as_ref().unwrap().hash.clone();
        decider.approve((&run.account, &run.connection, &run.id), &hash).await
    }

    /// Rejects a run.
    pub async fn reject(&self, run: &Run) {
        let ports = self.ports();
        let decider = Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        decider.reject((&run.account, &run.connection, &run.id), "not what we expected").await.unwrap();
    }

    /// Asks for a rollback.
    pub async fn roll_back(&self, run: &Run) -> RunId {
        let ports = self.ports();
        let decider = Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        decider.roll_back((&run.account, &run.connection, &run.id)).await.unwrap()
    }

    /// The connection's people, by unique id.
    pub async fn people(&self) -> BTreeMap<String, Person> {
        let mut people = BTreeMap::new();
        let (ports, connection) = (self.ports(), self.stored().await);
        let keep = |person: Person| {
            people.insert(person.recipient.unique_id.to_string(), person);
        };
        each_person(&ports.table, &connection, keep).await.unwrap();
        people
    }

    /// Everything that a customer can see: people, groups, runs, mails. One line each.
    pub async fn picture(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, person) in self.people().await {
            let mut line = format!("person {id} {} {:?}", person.recipient.status.as_str(), person.groups);
            for (field, value) in &person.recipient.values {
                line.push_str(&format!(" {}={}", field.name(), value.iter().collect::<Vec<_>>().join("|")));
            }
            lines.push(line);
        }
        let (account, _) = self.connection.as_ref().unwrap();
        for group in muster_sync::groups(&self.ports().table, account).await.unwrap() {
            lines.push(format!("group {} {}", group.name, group.members));
        }
        for run in self.runs().await {
            lines.push(format!(
                "run {} {} {:?} {:?} conflicts={}",
                run.source,
                run.state.as_str(),
                run.counts,
                run.held,
                run.conflicts
            ));
        }
        let mut mails: Vec<_> = self.mails().into_iter().map(|mail| format!("mail {mail}")).collect();
        mails.sort();
        lines.extend(mails);
        lines
    }

    /// The subjects of the mails that were sent, oldest first.
    pub fn mails(&self) -> Vec<String> {
        self.services.ses.mails().into_iter().map(|mail| mail.subject).collect()
    }
}

/// Ports of a rig over a client that may fail.
pub fn ports_over(rig: &Rig, faulty: &Faulty) -> Ports {
    ports_at(&rig.services, faulty, rig.clock.clone())
}

/// Ports of services over a client that may fail.
pub fn ports_of(services: &Services, faulty: &Faulty) -> Ports {
    ports_at(services, faulty, services.clock.clone())
}

fn ports_at(services: &Services, faulty: &Faulty, clock: Clock) -> Ports {
    let told = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(muster_local::ACCESS_KEY.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(muster_local::SECRET_KEY.to_owned()),
        "AWS_REGION" => Some(muster_local::REGION.to_owned()),
        _ => Some("http://127.0.0.1:1".to_owned()),
    };
    let clients = Clients::told(&told, faulty.clone().into_shared(), 3).unwrap();
    let names = Names {
        table: "muster".into(),
        bucket: "muster".into(),
        import_queue: services.sqs.url("import"),
        apply_queue: services.sqs.url("apply"),
        report_queue: services.sqs.url("report"),
        events_queue: services.sqs.url("events.fifo"),
        poll_queue: services.sqs.url("poll"),
        event_bus: Some("muster".into()),
        secrets_prefix: "/muster/test".into(),
        mail_from: "muster@product.example".into(),
        configuration_set: "muster".into(),
    };
    Ports::with(&clients, &names, Box::new(RigClock(clock)))
}

async fn invoke(queue: &str, ports: &Ports, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let answer = match queue {
        "import" => file_import::handle(ports, event).await,
        "apply" => apply::handle(ports, event).await,
        _ => report_email::handle(ports, event).await,
    };
    answer.unwrap()
}

/// Comes when the process of `faulty` is dead.
pub async fn died(faulty: &Faulty) {
    while !faulty.is_dead() {
        tokio::task::yield_now().await;
    }
}
