//! The services without sockets: an AWS SDK client whose HTTP client calls them directly.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::{path::Path, sync::Arc};

use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use axum::{body::Bytes, http};
use muster_local::{
    ACCESS_KEY, Clock, DeliveryFault, DeliveryKind, Fault, FaultKind, REGION, SECRET_KEY, Service, Services,
};
use serde_json::json;

#[derive(Clone)]
struct Direct(Arc<Services>);

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Direct")
    }
}

impl HttpConnector for Direct {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let services = self.0.clone();
        HttpConnectorFuture::new(async move {
            let (head, body) = request.try_into_http1x().unwrap().into_parts();
            let body: Bytes = ByteStream::new(body).collect().await.unwrap().into_bytes();
            let request = http::Request::from_parts(head, body);
            let service = Services::service_of(&request);
            let answer = services.call(service, request).await.map_err(|lost| ConnectorError::io(lost.into()))?;
            let mut response =
                HttpResponse::new(StatusCode::try_from(answer.status().as_u16()).unwrap(), SdkBody::empty());
            for (name, value) in answer.headers() {
                response.headers_mut().append(name.as_str().to_owned(), value.to_str().unwrap().to_owned());
            }
            *response.body_mut() = SdkBody::from(answer.into_body());
            Ok(response)
        })
    }
}

impl HttpClient for Direct {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn config(services: &Services) -> aws_config::SdkConfig {
    aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url("http://127.0.0.1")
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            ACCESS_KEY, SECRET_KEY, None, None, "test",
        )))
        .retry_config(RetryConfig::disabled())
        .http_client(Direct(Arc::new(services.clone())))
        .build()
}

#[tokio::test]
async fn all_four_services_answer_without_a_socket() {
    let services = Services::in_memory("bucket", "table").unwrap();
    let config = config(&services);
    let s3 = aws_sdk_s3::Client::new(&config);
    s3.put_object().bucket("bucket").key("inbox/u/é 1.csv").body(b"id\n1\n".to_vec().into()).send().await.unwrap();
    let got = s3.get_object().bucket("bucket").key("inbox/u/é 1.csv").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"id\n1\n");
    let sqs = aws_sdk_sqs::Client::new(&config);
    let received = sqs.receive_message().queue_url(services.sqs.url("import")).send().await.unwrap();
    assert!(received.messages()[0].body().unwrap().contains("inbox/u/%C3%A9+1.csv"));
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let text = |t: &str| AttributeValue::S(t.to_owned());
    dynamodb.put_item().table_name("table").item("pk", text("a")).item("sk", text("b")).send().await.unwrap();
    assert_eq!(dynamodb.scan().table_name("table").send().await.unwrap().count(), 1);
    let ses = aws_sdk_sesv2::Client::new(&config);
    assert!(ses.send_email().from_email_address("a@b.example").send().await.is_err(), "a mail without content");
    assert_eq!(services.faults.counts().len(), 6, "{:?}", services.faults.counts());
}

#[tokio::test]
async fn a_lost_answer_is_an_error_of_the_connection() {
    let services = Services::in_memory("bucket", "table").unwrap();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config(&services));
    services.faults.add(Fault {
        service: Service::DynamoDb,
        operation: None,
        kind: FaultKind::LoseAnswer,
        skip: 0,
        times: 1,
    });
    let text = |t: &str| AttributeValue::S(t.to_owned());
    let put = dynamodb.put_item().table_name("table").item("pk", text("a")).item("sk", text("b")).send().await;
    assert!(matches!(put.unwrap_err(), aws_sdk_dynamodb::error::SdkError::DispatchFailure(_)));
    assert_eq!(dynamodb.scan().table_name("table").send().await.unwrap().count(), 1, "it was carried out");
}

#[test]
fn time_stands_still_until_it_is_moved() {
    let clock = Clock::manual(1_800_000_000_000);
    let services = Services::in_memory_at("bucket", "table", clock.clone()).unwrap();
    services.sqs.set_policy("apply", Some(30_000), None).unwrap();
    services.sqs.send("apply", "x", serde_json::Map::new(), 500).unwrap();
    let visible = || services.sqs.receive("apply", 1, None).unwrap().len();
    assert_eq!(visible(), 0, "delayed");
    clock.advance(500);
    assert_eq!((visible(), visible()), (1, 0), "hidden once it was received");
    clock.advance(30_000);
    assert_eq!(visible(), 1);
}

#[test]
fn reordered_messages_come_out_in_reverse() {
    let clock = Clock::manual(1_800_000_000_000);
    let services = Services::in_memory_at("bucket", "table", clock.clone()).unwrap();
    let fault = DeliveryFault { queue: "import".into(), kind: DeliveryKind::Reorder { gap_ms: 10 }, times: 3 };
    services.faults.add_delivery(fault);
    for body in ["1", "2", "3", "4"] {
        services.sqs.send("import", body, serde_json::Map::new(), 0).unwrap();
    }
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.extend(services.sqs.receive("import", 10, None).unwrap().into_iter().map(|r| r.message.body));
        clock.advance(10);
    }
    assert_eq!(bodies, ["3", "4", "2", "1"]);
}

/// What a process that is killed leaves behind: the files as they are at this moment.
fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp").arg("-R").arg(folder.join(".")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    copy
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::open(folder.path(), "bucket", "table").unwrap();
    let config = config(&services);
    let (s3, dynamodb) = (aws_sdk_s3::Client::new(&config), aws_sdk_dynamodb::Client::new(&config));
    let text = |t: &str| AttributeValue::S(t.to_owned());
    for n in 0..20 {
        let key = format!("inbox/u/{n}.csv");
        s3.put_object().bucket("bucket").key(&key).body(key.clone().into_bytes().into()).send().await.unwrap();
        let put = dynamodb.put_item().table_name("table").item("pk", text(&key)).item("sk", text("x"));
        put.send().await.unwrap();
    }
    let received = services.sqs.receive("import", 5, None).unwrap();
    services.sqs.delete("import", &received[0].receipt).unwrap();

    let left = copy_of(folder.path());
    let again = Services::open(left.path(), "bucket", "table").unwrap();
    assert_eq!(again.objects.list("bucket", "inbox/").len(), 20);
    let config = self::config(&again);
    let last =
        aws_sdk_s3::Client::new(&config).get_object().bucket("bucket").key("inbox/u/19.csv").send().await.unwrap();
    assert_eq!(last.body.collect().await.unwrap().to_vec(), b"inbox/u/19.csv");
    let counted = aws_sdk_dynamodb::Client::new(&config).scan().table_name("table").send().await.unwrap();
    assert_eq!(counted.count(), 20);
    assert_eq!(again.sqs.peek("import").len(), 19);
}

#[tokio::test]
async fn an_event_that_was_not_sent_before_a_kill_is_sent_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::open(folder.path(), "bucket", "table").unwrap();
    let s3 = aws_sdk_s3::Client::new(&config(&services));
    s3.put_object().bucket("bucket").key("inbox/u/a.csv").send().await.unwrap();
    let left = copy_of(folder.path());
    // As if the process had died between the index and the queue.
    let index = left.path().join("s3/index.jsonl");
    let lines = std::fs::read_to_string(&index).unwrap();
    let (before, last) = lines.trim_end().rsplit_once('\n').unwrap();
    assert!(last.contains("Announced"), "{last}");
    std::fs::write(&index, format!("{before}\n")).unwrap();
    std::fs::write(left.path().join("queues.jsonl"), "").unwrap();
    for _ in 0..2 {
        let again = Services::open(left.path(), "bucket", "table").unwrap();
        assert_eq!(again.sqs.peek("import").len(), 1, "once and not again");
    }
}

/// The status and body of one request of a JSON protocol.
async fn asked(services: &Services, target: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
    let request = http::Request::post("/").header("x-amz-target", target);
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let answer = services.call(Services::service_of(&request), request).await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(answer.body()).unwrap())
}

#[tokio::test]
async fn a_parameter_lies_in_a_file_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let services = Services::open(folder.path(), "bucket", "table").unwrap();
    let put = |value: &str, overwrite: bool| {
        let body = json!({"Name": "/a/b", "Value": value, "Type": "SecureString", "Overwrite": overwrite});
        asked(&services, "AmazonSSM.PutParameter", body)
    };
    let get = |services: Services| async move {
        asked(&services, "AmazonSSM.GetParameter", json!({"Name": "/a/b", "WithDecryption": true})).await
    };
    assert_eq!(get(services.clone()).await.1["__type"], "com.amazonaws.local#ParameterNotFound");
    assert_eq!(put("one", false).await.1["Version"], 1);
    assert_eq!(put("two", false).await.1["__type"], "com.amazonaws.local#ParameterAlreadyExists");
    assert_eq!(put("two", true).await.1["Version"], 2);
    assert_eq!(put(&"x".repeat(4_097), true).await.0, 400, "more than the standard tier holds");
    let kept = folder.path().join("parameters");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!((files.len(), mode(&kept), mode(&files[0])), (1, 0o700, 0o600));
    drop(services);
    let services = Services::open(folder.path(), "bucket", "table").unwrap();
    let (_, found) = get(services.clone()).await;
    assert_eq!((&found["Parameter"]["Value"], &found["Parameter"]["Version"]), (&json!("two"), &json!(2)));
    let hidden = asked(&services, "AmazonSSM.GetParameter", json!({"Name": "/a/b"})).await;
    assert_ne!(hidden.1["Parameter"]["Value"], "two");
    assert_eq!(asked(&services, "AmazonSSM.DeleteParameter", json!({"Name": "/a/b"})).await.0, 200);
    assert_eq!(get(services).await.0, 400);
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0);
}

#[tokio::test]
async fn a_fifo_queue_takes_no_message_without_a_group_and_no_delay() {
    let services = Services::in_memory("bucket", "table").unwrap();
    let url = services.sqs.url("events.fifo");
    let send = |group: &str, same: &str, delay: u32| {
        let body = json!({
            "QueueUrl": url, "MessageBody": "x", "MessageGroupId": group, "MessageDeduplicationId": same, "DelaySeconds": delay,
        });
        asked(&services, "AmazonSQS.SendMessage", body)
    };
    for (group, same, delay) in [("", "s", 0), ("g", "", 0), ("g", &*"s".repeat(129), 0), ("g", "s", 1)] {
        assert_eq!(send(group, same, delay).await.0, 400, "{group:?} {delay}");
    }
    let first = send("g", "s", 0).await;
    assert_eq!((first.0, send("g", "s", 0).await.1), (200, first.1), "the same message");
    assert_eq!(services.sqs.peek("events.fifo").len(), 1);
    let (_, got) = asked(&services, "AmazonSQS.ReceiveMessage", json!({"QueueUrl": url})).await;
    assert_eq!(got["Messages"][0]["Attributes"]["MessageGroupId"], "g");
}

#[test]
fn a_group_goes_on_without_its_poison_and_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::open(folder.path(), "bucket", "table").unwrap();
    services.sqs.set_policy("events.fifo", None, Some(1)).unwrap();
    let sqs = &services.sqs;
    for body in ["1", "2", "3"] {
        sqs.send_in_order("events.fifo", body, "g", body).unwrap();
    }
    let receive = |sqs: &muster_local::sqs::Sqs| sqs.receive("events.fifo", 1, None).unwrap();
    let poison = receive(sqs);
    assert!(receive(sqs).is_empty());
    sqs.change_visibility("events.fifo", &poison[0].receipt, 0).unwrap();
    assert!(receive(sqs).is_empty(), "it goes to the dead letters");
    assert_eq!(receive(sqs)[0].message.body, "2");
    assert_eq!(sqs.peek("events-dlq.fifo")[0].body, "1");
    drop(services);
    let services = Services::open(folder.path(), "bucket", "table").unwrap();
    let sqs = &services.sqs;
    sqs.send_in_order("events.fifo", "3 again", "g", "3").unwrap();
    let bodies: Vec<String> =
        sqs.receive("events.fifo", 10, None).unwrap().into_iter().map(|r| r.message.body).collect();
    assert_eq!(bodies, ["2", "3"], "in order, and nothing twice");
    assert_eq!(sqs.redrive("events.fifo").unwrap(), 1);
    assert!(sqs.receive("events.fifo", 10, None).unwrap().is_empty(), "its group is busy");
}
