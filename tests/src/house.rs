//! A rig with fake providers: listings and events go through the real use cases and the real AWS adapters, requests
//! to providers through a fake in the same process. Time moves by hand, so that waiting costs nothing.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};

use axum::Router;
use axum::body::{Body, to_bytes};
use muster_aws::Ports;
use muster_connectors::{HttpRequest, Method};
use muster_sync::{
    Delivery, Dispatched, Dispatcher, EventJob, EventTaker, EventWhat, PollJob, Polled, Poller, PortError, Run,
    RunState, SecretPlace, SecretSet, Secrets, Taken, Terms, Web, WebFault, WebResponse,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::faulty::Faulty;
use crate::rig::{Rig, ports_over};

/// What a request of a provider may meet on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weather {
    /// It is answered.
    Fair,
    /// It is not.
    Fault(WebFault),
}

/// Rig and fakes.
pub struct House {
    /// The rig.
    pub rig: Rig,
    /// The provider under test.
    pub provider: &'static str,
    fakes: Router,
    /// What the next requests meet.
    pub weather: RefCell<VecDeque<Weather>>,
    /// Milliseconds spent waiting between tries.
    pub waited: Cell<u64>,
    /// Requests sent to the provider.
    pub sent: Cell<u32>,
    secrets: RefCell<HashMap<SecretPlace, SecretSet>>,
    /// How long a function may run, in milliseconds.
    pub timeout_ms: Cell<i64>,
    /// What the AWS SDK meets on its way.
    pub faulty: RefCell<Option<Faulty>>,
}

/// The body cap of the sender.
const LARGEST: usize = 16 << 20;

impl Web for House {
    async fn send(&self, request: &HttpRequest, hosts: &[String]) -> Result<WebResponse, WebFault> {
        self.sent.set(self.sent.get() + 1);
        // Time passes with every request, as it does in the world.
        self.rig.clock.advance(20);
        match self.weather.borrow_mut().pop_front() {
            Some(Weather::Fault(fault)) => return Err(fault),
            Some(Weather::Fair) | None => {}
        }
        let url =
            request.url.strip_prefix("http://127.0.0.1:9").ok_or_else(|| WebFault::NotAllowed("elsewhere".into()))?;
        assert_eq!(hosts, ["127.0.0.1:9"]);
        let mut built =
            axum::http::Request::builder().method(if request.method == Method::Get { "GET" } else { "POST" }).uri(url);
        for (name, value) in &request.headers {
            built = built.header(*name, value.reveal());
        }
        let answer = self.fakes.clone().oneshot(built.body(Body::from(request.body.clone())).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
        match to_bytes(answer.into_body(), LARGEST).await {
            Ok(body) => Ok(WebResponse { status, headers, body: body.to_vec() }),
            Err(error) if error.to_string().contains("limit") => Err(WebFault::TooLarge(LARGEST)),
            Err(_) => Err(WebFault::Silent("the connection was closed".into())),
        }
    }

    async fn pause(&self, ms: u64) {
        self.waited.set(self.waited.get() + ms);
        self.rig.clock.advance(ms);
    }
}

impl Secrets for House {
    async fn secrets(&self, place: &SecretPlace, _fresh: bool) -> Result<Option<SecretSet>, PortError> {
        Ok(self.secrets.borrow().get(place).cloned())
    }

    async fn put_secrets(&self, place: &SecretPlace, set: &SecretSet) -> Result<(), PortError> {
        self.secrets.borrow_mut().insert(place.clone(), set.clone());
        Ok(())
    }
}

impl House {
    /// A connected provider with so many people, its first listing applied.
    pub async fn settled(provider: &'static str, people: u64) -> Self {
        let house = Self::connected(provider, people, "").await;
        assert_eq!(house.poll().await, Polled::Run(RunState::Applying));
        house.rig.settle().await;
        assert_eq!(house.rig.people().await.len() as u64, people);
        house
    }

    /// A provider with so many people and an active connection that has fetched nothing; `more` goes to the top of the
    /// connection file.
    pub async fn connected(provider: &'static str, people: u64, more: &str) -> Self {
        let mut house = Self::alone(provider, people).await;
        house.connect(&file(provider, more)).await;
        house
    }

    /// A provider with so many people and no connection.
    pub async fn alone(provider: &'static str, people: u64) -> Self {
        let house = Self {
            rig: Rig::default(),
            provider,
            fakes: muster_fakes::Fakes::router(),
            weather: RefCell::default(),
            waited: Cell::default(),
            sent: Cell::default(),
            secrets: RefCell::default(),
            timeout_ms: Cell::new(900_000),
            faulty: RefCell::default(),
        };
        if people > 0 {
            house.control("POST", "people", json!({"generate": people, "seed": 7, "quiet": true})).await;
        }
        house
    }

    /// Saves a connection file.
    pub async fn connect(&mut self, toml: &str) {
        let drawn = muster_sync::Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
        let now_ms = i64::try_from(self.rig.clock.now_ms()).unwrap();
        let terms = Terms { drawn, public_keys: &[], base_urls: true, now_ms };
        let saved = muster_sync::save_connection(&self.rig.ports().table, self, toml, terms).await.unwrap();
        let account = muster_core::settings::Settings::from_toml(toml).unwrap().account;
        self.rig.connection = Some((account, saved.connection));
    }

    /// A control request of the fake.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("/control/{}/{path}", self.provider))
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.fakes.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), LARGEST).await.unwrap();
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    }

    /// Has the fake misbehave.
    pub async fn misbehave(&self, kind: &str, more: Value) {
        let mut body = json!({"kind": kind});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.control("POST", "misbehave", body).await;
    }

    /// Has the fake behave again.
    pub async fn behave(&self) {
        self.control("POST", "behave", json!({})).await;
    }

    /// Adds a person and answers the provider's id.
    pub async fn hire(&self, person: Value) -> String {
        let added = self.control("POST", "people?quiet=true", person).await;
        let first = if added.is_array() { &added[0] } else { &added };
        first
            .get("id")
            .or(first["people"][0].get("id"))
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{added}"))
            .to_owned()
    }

    /// Removes a person at the provider.
    pub async fn leave(&self, id: &str) {
        self.control("DELETE", &format!("people/{id}?quiet=true"), json!({})).await;
    }

    /// Changes a person at the provider.
    pub async fn change(&self, id: &str, change: Value) {
        self.control("PATCH", &format!("people/{id}?quiet=true"), change).await;
    }

    /// Ids of everybody at the provider.
    pub async fn ids(&self) -> Vec<String> {
        let state = self.control("GET", "state", json!({})).await;
        let people = state["people"].as_array().unwrap_or_else(|| panic!("{state}"));
        people.iter().map(|person| person["id"].as_str().unwrap().to_owned()).collect()
    }

    fn ports(&self) -> Ports {
        match &*self.faulty.borrow() {
            Some(faulty) => ports_over(&self.rig, faulty),
            None => self.rig.ports(),
        }
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.rig.clock.now_ms()).unwrap()
    }

    /// Asks for a listing now and fetches it as far as one function does.
    pub async fn poll(&self) -> Polled {
        self.rig.clock.advance(1_000);
        let (account, connection) = self.rig.connection.clone().unwrap();
        let ports = self.ports();
        let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        dispatcher.now(&account, &connection).await.unwrap().expect("the connection is on");
        self.fetch().await.expect("a message")
    }

    /// Looks at the schedule once.
    pub async fn dispatch(&self) -> Dispatched {
        let ports = self.ports();
        let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        dispatcher.dispatch().await.unwrap()
    }

    /// Delivers the messages about listings; answers what became of the last.
    pub async fn fetch(&self) -> Option<Polled> {
        let mut last = None;
        loop {
            let received = self.rig.services.sqs.receive("poll", 1, None).unwrap();
            let Some(one) = received.first() else { return last };
            let job: PollJob = serde_json::from_str(&one.message.body).unwrap();
            // One that failed comes back when it is visible again.
            if let Ok(polled) = self.fetch_job(&job, &one.receipt).await {
                last = Some(polled);
                self.rig.services.sqs.delete("poll", &one.receipt).unwrap();
            }
        }
    }

    /// Delivers one message about a listing.
    pub async fn fetch_job(&self, job: &PollJob, delivery: &str) -> Result<Polled, PortError> {
        let ports = self.ports();
        let poller = Poller {
            ledger: &ports.table,
            directory: &ports.table,
            objects: &ports.bucket,
            queue: &ports.queues,
            secrets: self,
            web: self,
            clock: &ports.clock,
        };
        let delivery = Delivery { name: delivery, deadline_ms: self.now_ms() + self.timeout_ms.get() };
        poller.poll(job, delivery).await
    }

    /// Lets the schedule run until nothing is fetched any more, then applies and mails; at most that many looks.
    pub async fn run_schedule(&self, most: u32) {
        for _ in 0..most {
            self.dispatch().await;
            self.fetch().await;
            self.rig.settle().await;
            let stored = self.rig.stored().await;
            match stored.due_ms {
                Some(due) if stored.feed.polling.is_some() && due > self.now_ms() => {
                    self.rig.clock.advance(u64::try_from(due - self.now_ms()).unwrap());
                }
                Some(due) if due <= self.now_ms() => {}
                _ => return,
            }
        }
    }

    /// Takes an event about a person over, as `webhook-apply` does.
    pub async fn event(&self, event: &str, person: &str, version_ms: Option<i64>) -> Result<Taken, PortError> {
        self.take(event, "digest", EventWhat::Person { id: person.to_owned(), version_ms }).await
    }

    /// Takes any event over.
    pub async fn take(&self, event: &str, digest: &str, what: EventWhat) -> Result<Taken, PortError> {
        self.rig.clock.advance(10);
        let (account, connection) = self.rig.connection.as_ref().unwrap();
        let job = EventJob {
            account: account.to_string(),
            connection: connection.to_string(),
            event: event.to_owned(),
            digest: digest.to_owned(),
            what,
            received_ms: self.now_ms(),
        };
        self.take_job(&job).await
    }

    /// Takes an event over.
    pub async fn take_job(&self, job: &EventJob) -> Result<Taken, PortError> {
        let ports = self.ports();
        let taker = EventTaker {
            ledger: &ports.table,
            directory: &ports.table,
            objects: &ports.bucket,
            queue: &ports.queues,
            secrets: self,
            web: self,
            clock: &ports.clock,
        };
        let name = format!("{}-{}", job.event, self.now_ms());
        taker.take(job, Delivery { name: &name, deadline_ms: self.now_ms() + 100_000 }).await
    }

    /// The newest run that is listed.
    pub async fn last_run(&self) -> Run {
        self.rig.last_run().await
    }
}

/// The connection file of a fake provider.
pub fn file(provider: &str, more: &str) -> String {
    let (keys, fields) = match provider {
        "apideck" => (
            "app_id = \"app\"\nconsumer_id = \"tenant-1\"\nservice_id = \"bamboohr\"\n[credentials]\napi_key = \"apideck-key\"",
            ["id", "first_name", "emails", "title"],
        ),
        "merge" => (
            "linked_account_id = \"la-1\"\n[credentials]\napi_key = \"merge-key\"\naccount_token = \"merge-account-token\"",
            ["id", "first_name", "work_email", "job_title"],
        ),
        "finch" => (
            "connection_id = \"c-1\"\n[credentials]\naccess_token = \"finch-token\"",
            ["id", "first_name", "emails", "title"],
        ),
        "workos" => (
            "directory_id = \"directory_1\"\norganization_id = \"org_1\"\n[credentials]\napi_key = \"workos-key\"",
            ["id", "first_name", "email", "job_title"],
        ),
        _ => (
            "company_domain = \"acme\"\n[credentials]\napi_key = \"bamboo-key\"",
            ["id", "firstName", "workEmail", "jobTitle"],
        ),
    };
    let [id, first, email, title] = fields;
    let kind = if email == "emails" { "type = \"Work\"" } else { "" };
    format!(
        "account = \"acme\"\nname = \"People\"\nconnector = \"{provider}\"\nmode = \"active\"\nreport_to = [\"hr@acme.example\"]\n{more}\n\
         [provider]\nbase_url = \"http://127.0.0.1:9/{provider}\"\n{keys}\n\
         [fields.unique_id]\nfrom = \"{id}\"\n[fields.first_name]\nfrom = \"{first}\"\n[fields.email_1]\nfrom = \"{email}\"\n{kind}\n\
         [fields.job_title]\nfrom = \"{title}\"\n"
    )
}
