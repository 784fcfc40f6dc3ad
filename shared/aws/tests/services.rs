//! Objects, queues and mails over a transport that answers from a script.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use muster_aws::{Bucket, BucketConfig, Clients, Invocation, Mail, MailConfig, Queues, QueuesConfig};
use muster_sync::{
    ApplyJob, EventJob, EventWhat, ImportJob, MailKind, Mailer, Message, Objects, OutboxMail, PortError, Queue, Retry,
};
use serde_json::Value;

type Headers = &'static [(&'static str, &'static str)];

#[derive(Debug, Clone)]
enum Answer {
    Is(u16, Headers, String),
    Lost,
}

#[derive(Debug)]
struct Call {
    uri: String,
    range: Option<String>,
    if_match: Option<String>,
    body: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), calls: Arc::default() }
    }

    fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn bodies(&self) -> Vec<Value> {
        self.calls().iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect()
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let header = |name: &str| request.headers().get(name).map(str::to_owned);
        self.calls.lock().unwrap().push(Call {
            uri: request.uri().to_owned(),
            range: header("range"),
            if_match: header("if-match"),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        });
        HttpConnectorFuture::ready(match self.answers.lock().unwrap().pop_front().expect("a scripted answer") {
            Answer::Lost => Err(ConnectorError::timeout("lost".into())),
            Answer::Is(status, headers, body) => {
                let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                headers.iter().for_each(|(name, value)| drop(response.headers_mut().insert(*name, *value)));
                Ok(response)
            }
        })
    }
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn bucket(script: &Script) -> Bucket {
    let client = Clients::with_http(script.clone(), 1).s3();
    Bucket::new(client, BucketConfig { bucket: "muster".to_owned() })
}

/// `hello world`, whole, as its first answer announces it.
const HELLO: Headers = &[
    ("content-length", "11"),
    ("etag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\""),
    ("x-amz-version-id", "v7"),
    ("last-modified", "Wed, 21 Oct 2026 07:28:00 GMT"),
    ("x-amz-meta-user-agent-id", "acme@s-1"),
];

fn s3_error(status: u16, code: &str) -> Answer {
    Answer::Is(status, &[], format!("<Error><Code>{code}</Code><Message>m</Message></Error>"))
}

async fn fetched(script: &Script) -> Result<Option<String>, PortError> {
    let fetched = bucket(script).fetch("sftp/acme/inbound/a b.csv", None).await?;
    Ok(fetched.map(|mut fetched| {
        let mut text = String::new();
        fetched.file.read_to_string(&mut text).unwrap();
        assert_eq!((fetched.size, fetched.modified_ms), (text.len() as u64, 1_792_567_680_000));
        assert_eq!(fetched.uploader.as_deref(), Some("acme@s-1"));
        text
    }))
}

#[tokio::test]
async fn an_object_is_fetched_whole() {
    let script = Script::of([Answer::Is(200, HELLO, "hello world".to_owned())]);
    assert_eq!(fetched(&script).await.unwrap().unwrap(), "hello world");
}

#[tokio::test]
async fn a_short_body_is_taken_up_on_the_same_version_f22_f23() {
    let script = Script::of([
        Answer::Is(200, HELLO, "hello".to_owned()),
        Answer::Is(206, &[("content-length", "3")], " wo".to_owned()),
        Answer::Is(206, &[("content-length", "3")], "rld".to_owned()),
    ]);
    assert_eq!(fetched(&script).await.unwrap().unwrap(), "hello world");
    let calls = script.calls();
    assert_eq!(calls[0].if_match, None);
    for (call, range) in calls[1..].iter().zip(["bytes=5-", "bytes=8-"]) {
        assert_eq!(call.range.as_deref(), Some(range));
        assert!(call.uri.contains("versionId=v7"), "{}", call.uri);
        assert_eq!(call.if_match.as_deref(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    }
}

async fn check_fetch_fails(answers: Vec<Answer>, retry: Retry) {
    let error = fetched(&Script::of(answers)).await.unwrap_err();
    assert_eq!(error.retry, retry, "{error}");
    // Whose it is, and not what the customer called it.
    assert!(error.to_string().contains("sftp/acme/…") && !error.to_string().contains("a b.csv"), "{error}");
}

#[tokio::test]
async fn a_body_that_never_comes_whole_is_for_later_f22() {
    let rest = Answer::Is(206, &[("content-length", "0")], String::new());
    let answers = [vec![Answer::Is(200, HELLO, "hello".to_owned())], vec![rest; 5]].concat();
    check_fetch_fails(answers, Retry::Later).await;
}

#[tokio::test]
async fn bytes_that_do_not_match_their_checksum_are_not_read_f22() {
    check_fetch_fails(vec![Answer::Is(200, HELLO, "hello wurld".to_owned())], Retry::Later).await;
}

#[tokio::test]
async fn what_s3_refuses_names_whose_file_it_is_f22_f25() {
    check_fetch_fails(vec![s3_error(403, "AccessDenied")], Retry::Never).await;
    check_fetch_fails(vec![s3_error(400, "KMS.DisabledException")], Retry::Never).await;
    check_fetch_fails(vec![s3_error(503, "SlowDown")], Retry::Later).await;
    check_fetch_fails(vec![s3_error(500, "InternalError")], Retry::Later).await;
    check_fetch_fails(vec![Answer::Lost], Retry::Later).await;
}

#[tokio::test]
async fn a_deleted_object_is_gone_f24() {
    for (status, code) in [(404, "NoSuchKey"), (404, "NoSuchVersion"), (405, "MethodNotAllowed")] {
        assert_eq!(fetched(&Script::of([s3_error(status, code)])).await.unwrap(), None, "{code}");
    }
}

#[tokio::test]
async fn a_file_is_stored_again_after_a_refusal_for_now() {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, b"hello").unwrap();
    let script = Script::of([s3_error(503, "SlowDown"), Answer::Is(200, &[], String::new())]);
    bucket(&script).write_file("plans/1", file, "text/csv").await.unwrap();
    assert_eq!(script.calls().len(), 2);
}

fn queues(script: &Script) -> Queues {
    let url = |name: &str| Some(format!("http://queue.example/1/{name}"));
    let config = QueuesConfig {
        import: url("import"),
        apply: url("apply"),
        events: url("events.fifo"),
        ..QueuesConfig::default()
    };
    let clients = Clients::with_http(script.clone(), 1);
    Queues::new(clients.sqs(), clients.eventbridge(), config)
}

fn jobs(count: u32) -> Vec<ApplyJob> {
    let job = |chunk| ApplyJob {
        account: "acme".to_owned(),
        connection: "acme-p".to_owned(),
        run: "r1".to_owned(),
        fence: 4,
        chunk: Some(chunk),
    };
    (0..count).map(job).collect()
}

fn batch(refused: &[(&str, bool)]) -> Answer {
    let failed: Vec<_> = refused
        .iter()
        .map(|(id, fault)| serde_json::json!({ "Id": id, "SenderFault": fault, "Code": "InternalError" }))
        .collect();
    Answer::Is(200, &[], serde_json::json!({ "Successful": [], "Failed": failed }).to_string())
}

#[tokio::test]
async fn chunks_are_sent_by_tens_and_the_refused_ones_again() {
    let script = Script::of([batch(&[("3", false), ("7", false)]), batch(&[("1", false)]), batch(&[]), batch(&[])]);
    queues(&script).send_apply(&jobs(12)).await.unwrap();
    let sent: Vec<Vec<ApplyJob>> = script.bodies().iter().map(entries).collect();
    let chunks: Vec<Vec<u32>> = sent.iter().map(|jobs| jobs.iter().filter_map(|job| job.chunk).collect()).collect();
    assert_eq!(chunks, [(0..10).collect::<Vec<_>>(), vec![3, 7], vec![7], vec![10, 11]]);
}

fn entries(body: &Value) -> Vec<ApplyJob> {
    let entries = body["Entries"].as_array().unwrap().iter();
    entries.map(|entry| serde_json::from_str(entry["MessageBody"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn what_the_queue_never_takes_is_not_sent_for_ever() {
    let later = queues(&Script::of(vec![batch(&[("0", false)]); 5])).send_apply(&jobs(1)).await.unwrap_err();
    assert_eq!(later.retry, Retry::Later, "{later}");
    let never = queues(&Script::of([batch(&[("0", true)])])).send_apply(&jobs(1)).await.unwrap_err();
    assert_eq!(never.retry, Retry::Never, "{never}");
}

#[tokio::test]
async fn a_run_handed_back_is_marked_as_ours() {
    let script = Script::of([Answer::Is(200, &[], r#"{"MessageId":"1"}"#.to_owned())]);
    let job = ImportJob { account: "acme".to_owned(), connection: "acme-p".to_owned(), run: "r1".to_owned() };
    queues(&script).send_import(&job).await.unwrap();
    let body: Value = serde_json::from_str(script.bodies()[0]["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(body["muster"], "replan");
    assert_eq!(serde_json::from_value::<ImportJob>(body).unwrap(), job);
}

#[tokio::test]
async fn what_is_sent_goes_on_in_the_trace_of_what_is_handled() {
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let sent = Answer::Is(200, &[], r#"{"MessageId":"1"}"#.to_owned());
    let script = Script::of([sent.clone(), batch(&[]), batch(&[]), sent]);
    let job = ImportJob { account: "acme".to_owned(), connection: "acme-p".to_owned(), run: "r1".to_owned() };
    let queues = queues(&script);
    let work = async {
        queues.send_import(&job).await.unwrap();
        queues.send_apply(&jobs(1)).await.unwrap();
        queues.send_events(&[event("acme-p", "e1")]).await.unwrap();
        mailed(&script).await.unwrap();
    };
    Invocation::new("apply", "r-1", Some(header)).handle(work).await;
    let bodies = script.bodies();
    let of = |message: &Value| message["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].clone();
    let found = [of(&bodies[0]), of(&bodies[1]["Entries"][0]), of(&bodies[2]["Entries"][0])];
    assert_eq!(found, [header, header, header]);
    let (content, tags) = (&bodies[3]["Content"]["Simple"], &bodies[3]["EmailTags"]);
    let root = "1-5759e988-bd862e3fe1be46a994272793";
    assert_eq!(content["Headers"], serde_json::json!([{"Name": "X-Muster-Trace", "Value": root}]));
    assert_eq!(tags[4], serde_json::json!({"Name": "trace", "Value": root}));
}

#[tokio::test]
async fn a_queue_that_is_not_configured_is_named() {
    let error = queues(&Script::default()).send_report(&outbox()).await.unwrap_err();
    assert!(error.to_string().contains("MUSTER_REPORT_QUEUE"), "{error}");
}

fn event(connection: &str, event: &str) -> EventJob {
    let text = |text: &str| text.to_owned();
    let what = EventWhat::Listing;
    EventJob {
        account: text("acme"),
        connection: text(connection),
        event: text(event),
        digest: text("d"),
        what,
        received_ms: 1,
    }
}

#[tokio::test]
async fn an_event_is_the_same_only_within_its_connection() {
    let script = Script::of([batch(&[]), batch(&[])]);
    let longest = format!("acme-{}", "x".repeat(59));
    let jobs = [event("acme-a", "1"), event("acme-b", "1"), event("acme-a", "1"), event(&longest, "1d")];
    let many: Vec<EventJob> = (0..8).map(|number| event("acme-c", &number.to_string())).collect();
    queues(&script).send_events(&[&jobs[..], &many].concat()).await.unwrap();
    let bodies = script.bodies();
    let entries: Vec<&Value> = bodies.iter().flat_map(|body| body["Entries"].as_array().unwrap()).collect();
    assert_eq!((bodies[0]["Entries"].as_array().unwrap().len(), entries.len()), (10, 12));
    let same = |at: usize| entries[at]["MessageDeduplicationId"].as_str().unwrap();
    assert!(same(0) == same(2) && same(0) != same(1) && same(0) != same(3));
    assert_eq!(entries[1]["MessageGroupId"], "acme/acme-b");
    for name in ["MessageDeduplicationId", "MessageGroupId"] {
        assert!(entries.iter().all(|entry| (1..=128).contains(&entry[name].as_str().unwrap().len())), "{name}");
    }
}

#[tokio::test]
async fn events_of_which_one_was_refused_come_again_f41() {
    for fault in [true, false] {
        let script = Script::of([batch(&[("1", fault)])]);
        let error = queues(&script).send_events(&[event("acme-a", "1"), event("acme-a", "2")]).await.unwrap_err();
        assert_eq!(error.retry, Retry::Later, "{error}");
    }
}

fn outbox() -> OutboxMail {
    let text = |text: &str| text.to_owned();
    OutboxMail { account: text("acme"), connection: text("acme-p"), run: text("r1"), kind: MailKind::Ended }
}

async fn mailed(script: &Script) -> Result<bool, PortError> {
    let config = MailConfig { from: "muster@acme.example".to_owned(), configuration_set: "reports".to_owned() };
    // Even a client that may try often sends a mail once.
    let mail = Mail::new(Clients::with_http(script.clone(), 5).sesv2(), config);
    let message = Message {
        to: vec!["hr@acme.example".to_owned()],
        subject: "3 added".to_owned(),
        text: "text".to_owned(),
        html: "<p>html</p>".to_owned(),
        outbox: outbox(),
    };
    mail.send(&message).await
}

#[tokio::test]
async fn a_mail_carries_what_finds_its_outbox_again() {
    let script = Script::of([Answer::Is(200, &[], r#"{"MessageId":"1"}"#.to_owned())]);
    assert!(mailed(&script).await.unwrap());
    let body = script.bodies().remove(0);
    assert_eq!(body["ConfigurationSetName"], "reports");
    assert_eq!(body["Destination"]["ToAddresses"], serde_json::json!(["hr@acme.example"]));
    assert_eq!(body["Content"]["Simple"]["Body"]["Html"]["Data"], "<p>html</p>");
    let tags: Vec<_> = body["EmailTags"].as_array().unwrap().iter().map(|tag| tag["Value"].clone()).collect();
    assert_eq!(tags, ["1", "acme", "acme-p", "r1", "ended"]);
}

#[tokio::test]
async fn a_mail_without_an_answer_is_not_sent_again_f30() {
    let failure = Answer::Is(500, &[("x-amzn-errortype", "InternalFailure")], "{}".to_owned());
    for answer in [Answer::Lost, failure] {
        let script = Script::of([answer]);
        assert!(!mailed(&script).await.unwrap());
        assert_eq!(script.calls().len(), 1);
    }
}

async fn check_refusal(code: &'static str, retry: Retry) {
    let headers: Headers = vec![("x-amzn-errortype", code)].leak();
    let error = mailed(&Script::of([Answer::Is(400, headers, r#"{"message":"hr@acme.example"}"#.to_owned())])).await;
    let error = error.unwrap_err();
    assert_eq!(error.retry, retry, "{error}");
    assert!(!error.to_string().contains('@'), "{error}");
}

#[tokio::test]
async fn a_refused_mail_says_whether_for_now_f29() {
    for code in ["TooManyRequestsException", "SendingPausedException", "LimitExceededException"] {
        check_refusal(code, Retry::Later).await;
    }
    for code in [
        "MessageRejected",
        "MailFromDomainNotVerifiedException",
        "AccountSuspendedException",
        "BadRequestException",
        "NotFoundException",
    ] {
        check_refusal(code, Retry::Never).await;
    }
}
