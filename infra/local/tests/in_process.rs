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
