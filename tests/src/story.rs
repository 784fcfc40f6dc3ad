//! One account's story up to a moment at which something of every kind is stored and queued; and how it goes on.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Context, LambdaEvent};
use muster_connectors::Secret;
use muster_core::ids::{AccountId, ConnectionId};
use muster_local::sqs::Received;
use muster_sync::{
    Decider, Dispatcher, Drawn, EventJob, EventWhat, Ledger, Polled, Queue, RunState, SecretPlace, SecretSet, Secrets,
    Terms, decision_token,
};
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::dump::Dump;
use crate::hand;
use crate::house::{House, file};
use crate::rig::Rig;
use crate::sample::{DAYS, STAFF, connection, day};

/// People at the provider.
const PEOPLE: u64 = 40;
/// The connections, by what is the matter with each.
const PAYROLL: &str = "Payroll nightly";
const HELD: &str = "Held";
const APPLYING: &str = "Applying";
const UNDO: &str = "Undo";
const STALE: &str = "Stale";
const HERE: &str = "/v1/connections/acme-payroll-nightly";
const FORM: &str = "application/x-www-form-urlencoded";

/// The queues, in the order in which messages flow.
const QUEUES: [&str; 5] = ["import", "apply", "events.fifo", "poll", "report"];
/// How long a message stays hidden once received, in milliseconds.
const HIDDEN_MS: u64 = 30_000;

/// A stack, its provider, and the links that were sent.
pub struct World {
    /// The stack and the provider.
    pub house: House,
    /// The tokens of links.
    pub links: Vec<String>,
}

fn id_of(name: &str) -> String {
    format!("acme-{}", name.to_lowercase().replace(' ', "-"))
}

fn take_up(rig: &mut Rig, name: &str) {
    rig.connection = Some((AccountId::parse("acme").unwrap(), ConnectionId::parse(&id_of(name)).unwrap()));
}

/// The provider, at which the same things happened as at the story's end.
async fn provider() -> House {
    let house = House::alone("finch", PEOPLE).await;
    let ids = house.ids().await;
    house.change(&ids[1], json!({"first_name": "Renamed"})).await;
    house.leave(&ids[2]).await;
    house
}

impl World {
    /// The story up to the moment.
    pub async fn told() -> Self {
        let mut world = Self { house: House::alone("finch", PEOPLE).await, links: Vec::new() };
        for queue in QUEUES {
            world.house.rig.services.sqs.set_policy(queue, Some(HIDDEN_MS), Some(10_000)).unwrap();
        }
        world.accounts().await;
        world.payroll().await;
        world.applied(UNDO, &[0, 1]).await;
        world.linking().await;
        world.people_of_the_provider().await;
        world.applied(APPLYING, &[0]).await;
        world.applied(STALE, &[0]).await;
        // From here on messages stay where they are.
        world.stale().await;
        world.held().await;
        world.applying().await;
        take_up(&mut world.house.rig, PAYROLL);
        world.house.rig.upload(DAYS[2], &day(2)).await;
        world.listing_under_way().await;
        world
    }

    /// The moment out of a dump.
    pub async fn from(dump: &Dump) -> Self {
        let house = provider().await;
        for queue in QUEUES {
            house.rig.services.sqs.set_policy(queue, Some(HIDDEN_MS), Some(10_000)).unwrap();
        }
        dump.put_into(&house.rig.services).await;
        Self { house, links: dump.links() }
    }

    /// What is stored and queued now.
    pub async fn dump(&self) -> Dump {
        Dump::of(&self.house.rig.services, &self.links).await
    }

    async fn accounts(&self) {
        let api = Api::over(&self.house);
        let kinds = json!({"name": "Acme", "entitlements": ["data_connector", "sftp"]});
        let operator = api.as_operator().with("idempotency-key", "k-1");
        operator.put("/v1/operator/accounts/acme", kinds).await.expect(200);
    }

    async fn applied(&mut self, name: &str, days: &[usize]) {
        self.house.rig.connect(&connection("acme", name)).await;
        for at in days {
            self.house.rig.upload(DAYS[*at], &day(*at)).await;
            self.house.rig.settle().await;
        }
        assert_eq!(self.house.rig.last_run().await.state, RunState::Applied, "{name}");
    }

    /// Files, an opt-out, an edit by hand, an erased person, a segment, a group's look, a second version of the settings.
    async fn payroll(&mut self) {
        self.house.rig.connect(STAFF).await;
        for at in [0, 1] {
            self.house.rig.upload(DAYS[at], &day(at)).await;
            self.house.rig.settle().await;
        }
        let api = Api::over(&self.house);
        let admin = || api.as_admin("acme").with("idempotency-key", "k-2");
        admin().put(&format!("{HERE}/people/0003/opt-outs/email_1"), json!({})).await.expect(200);
        api.as_admin("acme")
            .patch(&format!("{HERE}/people/0003"), json!({"fields": {"city": "Oslo"}}))
            .await
            .expect(200);
        api.as_admin("acme").post(&format!("{HERE}/people/0020/erasure"), Value::Null).await.expect(200);
        let sales = json!({"name": "Sales", "filter": "person.department == 'Sales'", "visibility": "public"});
        api.as_admin("acme").post("/v1/segments", sales).await.expect(201);
        let groups = api.as_admin("acme").get("/v1/groups").await.expect(200);
        let group = groups.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|group| group["name"].as_str().unwrap().contains("Sales"))
            .unwrap();
        let look = format!("/v1/groups/{}/visibility", group["id"].as_str().unwrap());
        api.as_admin("acme").put(&look, json!({"visibility": "public"})).await.expect(200);
        let file = STAFF.replace("report_to = [\"hr@", "report_to = [\"people@");
        let versioned = api.as_admin("acme").with("if-match", "\"1\"");
        versioned.ask("PUT", &format!("{HERE}/settings"), Some(("application/toml", &file))).await.expect(200);
        self.house.rig.settle().await;
    }

    /// A link at the provider that nobody has finished.
    async fn linking(&mut self) {
        let api = Api::over(&self.house);
        let keys = json!({"client_id": "finch-client", "client_secret": "finch-client-secret"});
        api.as_operator().put("/v1/operator/connectors/finch/secrets", json!({"secrets": keys})).await.expect(200);
        let whole = file("finch", "").replace("name = \"People\"", "name = \"Linked\"");
        let (head, rest) = whole.split_once("[provider]\n").unwrap();
        let (base, fields) = (rest.lines().next().unwrap(), &rest[rest.find("[fields.unique_id]").unwrap()..]);
        let now_ms = i64::try_from(self.house.rig.clock.now_ms()).unwrap();
        let drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
        let terms = Terms { drawn, public_keys: &[], base_urls: true, now_ms };
        let ports = self.house.rig.ports();
        let text = format!("{head}[provider]\n{base}\n{fields}");
        muster_sync::save_unlinked_connection(&ports.table, &ports.secrets, &text, terms).await.unwrap();
        let wish = json!({"redirect_url": "https://console.example/linked", "email": "ann@acme.example"});
        let started = api.as_admin("acme").post("/v1/connections/acme-linked/link", wish).await.expect(201);
        self.links.push(started.json["link_id"].as_str().unwrap().to_owned());
    }

    async fn people_of_the_provider(&mut self) {
        self.house.connect(&file("finch", "")).await;
        let (account, id) = self.house.rig.connection.clone().unwrap();
        let current = [("access_token".to_owned(), Secret::new("finch-token"))].into();
        let set = SecretSet { current, previous: None };
        self.house.rig.ports().secrets.put_secrets(&SecretPlace::Connection(account, id), &set).await.unwrap();
        assert_eq!(self.house.poll().await, Polled::Run(RunState::Applying));
        self.house.rig.settle().await;
        let ids = self.house.ids().await;
        self.house.change(&ids[1], json!({"first_name": "Renamed"})).await;
        self.house.leave(&ids[2]).await;
        self.house.event("told-1", &ids[1], None).await.unwrap();
        self.house.rig.settle().await;
    }

    /// A plan that was approved though people had changed: it is to be made anew.
    async fn stale(&mut self) {
        let rig = &mut self.house.rig;
        take_up(rig, STALE);
        let careful = connection("acme", STALE).replace("mode = \"active\"", "mode = \"preview\"");
        let api = Api::of(rig);
        let versioned = api.as_admin("acme").with("if-match", "\"1\"");
        let place = "/v1/connections/acme-stale/settings";
        versioned.ask("PUT", place, Some(("application/toml", &careful))).await.expect(200);
        rig.upload(DAYS[1], &day(1)).await;
        deliver(rig, "import").await;
        // The mail goes out, and nobody has heard yet what the mail service says of it.
        deliver(rig, "report").await;
        let held = rig.last_run().await;
        let erasure = "/v1/connections/acme-stale/people/0003/erasure";
        api.as_admin("acme").post(erasure, Value::Null).await.expect(200);
        let refused = rig.approve(&held).await;
        assert!(refused.is_err());
        assert_eq!(rig.last_run().await.state, RunState::Received);
    }

    async fn held(&mut self) {
        let rig = &mut self.house.rig;
        rig.connect(&connection("acme", HELD).replace("mode = \"active\"", "mode = \"preview\"")).await;
        // What waits to be made anew waits on.
        let waits = hand::receive(rig, "import", 10);
        rig.upload(DAYS[0], &day(0)).await;
        deliver(rig, "import").await;
        for one in &waits {
            rig.services.sqs.change_visibility("import", &one.receipt, 0).unwrap();
        }
        let (stored, run) = (rig.stored().await, rig.last_run().await);
        assert_eq!(run.state, RunState::Held);
        let now_ms = i64::try_from(rig.clock.now_ms()).unwrap();
        let hash = &run.plan.as_ref().unwrap().hash;
        self.links.push(decision_token(&stored, &run.id, hash, now_ms).unwrap());
    }

    async fn applying(&mut self) {
        let rig = &mut self.house.rig;
        take_up(rig, APPLYING);
        let waits = hand::receive(rig, "import", 10);
        rig.upload(DAYS[1], &day(1)).await;
        deliver(rig, "import").await;
        for one in &waits {
            rig.services.sqs.change_visibility("import", &one.receipt, 0).unwrap();
        }
        assert_eq!(rig.last_run().await.state, RunState::Applying);
    }

    /// A listing that was put down, the message that takes it up again, and an event that nobody has taken.
    async fn listing_under_way(&mut self) {
        take_up(&mut self.house.rig, "People");
        self.house.timeout_ms.set(20_000 + 1);
        assert_eq!(self.house.poll().await, Polled::Parked);
        self.house.timeout_ms.set(900_000);
        let due = self.house.rig.stored().await.due_ms.unwrap();
        let now_ms = i64::try_from(self.house.rig.clock.now_ms()).unwrap();
        self.house.rig.clock.advance(u64::try_from((due - now_ms).max(0)).unwrap());
        let ports = self.house.rig.ports();
        let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        assert_eq!(dispatcher.dispatch().await.unwrap().polls, 1);
        let (account, connection) = self.house.rig.connection.as_ref().unwrap();
        let job = EventJob {
            account: account.to_string(),
            connection: connection.to_string(),
            event: "told-2".to_owned(),
            digest: "digest".to_owned(),
            what: EventWhat::Person { id: self.house.ids().await[1].clone(), version_ms: None },
            received_ms: i64::try_from(self.house.rig.clock.now_ms()).unwrap(),
        };
        ports.queues.send_events(&[job]).await.unwrap();
    }
}

fn batch(rig: &Rig, received: &[Received]) -> (SqsEvent, Context) {
    let message = |one: &Received| {
        let mut message = SqsMessage::default();
        message.message_id = Some(one.message.id.clone());
        message.body = Some(one.message.body.clone());
        message
    };
    let mut event = SqsEvent::default();
    event.records = received.iter().map(message).collect();
    let mut context = Context::default();
    context.request_id = format!("invocation-{}-{}", rig.clock.now_ms(), received[0].receipt);
    context.deadline = rig.clock.now_ms() + 900_000;
    (event, context)
}

/// Delivers what is visible in a queue of the rig once.
async fn deliver(rig: &Rig, queue: &str) {
    let received = hand::receive(rig, queue, 10);
    if !received.is_empty() {
        let answer = hand::invoke(rig, queue, &received, &rig.ports(), 900_000).await;
        hand::acknowledge(rig, queue, &received, &answer);
    }
}

impl World {
    /// Delivers what is visible in a queue once; answers how many messages come back.
    async fn deliver(&self, queue: &str) -> usize {
        let rig = &self.house.rig;
        let received = hand::receive(rig, queue, 10);
        if received.is_empty() {
            return 0;
        }
        let (event, context) = batch(rig, &received);
        let ports = rig.ports();
        let answer: SqsBatchResponse = match queue {
            "poll" => {
                let event = LambdaEvent::new(serde_json::to_value(event).unwrap(), context);
                scheduled_poll::handle(&ports, &self.house, event).await.unwrap()
            }
            "events.fifo" => {
                webhook_apply::handle(&ports, &self.house, LambdaEvent::new(event, context)).await.unwrap()
            }
            _ => hand::invoke(rig, queue, &received, &ports, 900_000).await,
        };
        hand::acknowledge(rig, queue, &received, &answer);
        answer.batch_item_failures.len()
    }

    /// Delivers every queue's messages that many times; answers how many are left.
    pub async fn settle(&self, rounds: u32) -> usize {
        for _ in 0..rounds {
            let mut failed = 0;
            for queue in QUEUES {
                failed += self.deliver(queue).await;
            }
            if failed > 0 {
                self.house.rig.clock.advance(2 * HIDDEN_MS);
            }
        }
        QUEUES.iter().map(|queue| self.house.rig.services.sqs.peek(queue).len()).sum()
    }

    /// Goes on working: what waits is delivered, decided, undone, looked at. Every answer is noted, refusals too.
    pub async fn go_on(&mut self) -> Vec<String> {
        let mut noted = vec![format!("messages left: {}", self.settle(5).await)];
        let api = Api::over(&self.house);
        let mut note = |what: &str, answer: Answer| noted.push(format!("{what}: {} {}", answer.status, told(&answer)));
        let admin = || api.as_admin("acme");
        let finish = format!("/v1/connections/acme-linked/link/{}/finish", self.links[0]);
        note("finish the link", admin().post(&finish, json!({})).await);
        let kinds = json!({"name": "Acme", "entitlements": ["data_connector", "sftp"]});
        let operator = api.as_operator().with("idempotency-key", "k-1");
        note("the same request", operator.put("/v1/operator/accounts/acme", kinds).await);
        note("the mail's link", api.as_nobody().get(&format!("/decisions/{}", self.links[1])).await);
        let yes = Some((FORM, "decision=approve&decided_by=Ana"));
        note("approve", api.as_nobody().ask("POST", &format!("/decisions/{}", self.links[1]), yes).await);
        for path in [
            "/v1/account",
            "/v1/connections",
            "/v1/segments",
            "/v1/segments/sales/members",
            "/v1/groups",
            "/v1/audit",
            "/v1/audit/verification",
            "/v1/connections/acme-payroll-nightly/settings/versions/1",
            "/v1/connections/acme-payroll-nightly/people/0003",
            "/v1/connections/acme-payroll-nightly/people/0003/opt-outs",
            "/v1/connections/acme-payroll-nightly/people/0020/erasure",
            "/v1/connections/acme-payroll-nightly/sftp",
        ] {
            note(path, admin().get(path).await);
        }
        // A list's second page, behind the cursor of the first.
        let list = admin().get("/v1/audit?limit=1").await;
        let cursor = list.json["next"].as_str().unwrap_or_default();
        note("the next page", admin().get(&format!("/v1/audit?limit=1&cursor={cursor}")).await);
        noted.extend(self.decide().await);
        noted.push(format!("messages left: {}", self.settle(5).await));
        noted
    }

    /// Approves what is held and was made anew, and undoes what was applied; answers what was said to that.
    async fn decide(&self) -> Vec<String> {
        let ports = self.house.rig.ports();
        let decider = Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        let account = AccountId::parse("acme").unwrap();
        let newest = async |name: &str| {
            let runs = ports.table.runs(&account, &ConnectionId::parse(&id_of(name)).unwrap()).await;
            runs.map(|runs| runs.into_iter().next().unwrap()).map_err(|error| error.to_string())
        };
        let approved = match newest(STALE).await {
            Ok(run) => {
                let hash = run.plan.as_ref().map(|plan| plan.hash.clone()).unwrap_or_default();
                let said = decider.approve((&run.account, &run.connection, &run.id), &hash).await;
                said.map_err(|refused| refused.to_string())
            }
            Err(error) => Err(error),
        };
        let undone = match newest(UNDO).await {
            Ok(run) => {
                let said = decider.roll_back((&run.account, &run.connection, &run.id)).await;
                said.map(|_| ()).map_err(|refused| refused.to_string())
            }
            Err(error) => Err(error),
        };
        let route = ports.table.route("finch#c-1").await.map(|login| login.map(|login| login.connection.to_string()));
        let route = route.map_err(|error| error.to_string());
        vec![format!("approve: {approved:?}"), format!("undo: {undone:?}"), format!("route: {route:?}")]
    }

    /// Everything that customers see, connection by connection.
    pub async fn picture(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for name in [PAYROLL, HELD, APPLYING, UNDO, STALE, "People"] {
            take_up(&mut self.house.rig, name);
            let picture = self.house.rig.picture().await.into_iter().filter(|line| !line.starts_with("mail "));
            lines.extend(picture.map(|line| format!("{name}: {line}")));
        }
        lines
    }
}

/// An answer; of a page its heading.
fn told(answer: &Answer) -> String {
    if answer.json.is_null() {
        answer.text.lines().find(|line| line.contains("<h1")).unwrap_or_default().trim().to_owned()
    } else {
        answer.json.to_string()
    }
}

/// A text without what is another in every world: ids and hashes that are drawn.
pub fn without_ids(text: &str) -> String {
    let hex = |c: &char| matches!(c, '0'..='9' | 'a'..='f');
    let (mut out, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        let run: String = rest.chars().take_while(hex).collect();
        let taken = if run.is_empty() { rest.chars().take(1).collect() } else { run.clone() };
        out.push_str(if run.len() >= 12 { "#" } else { &taken });
        rest = &rest[taken.len()..];
    }
    out
}
