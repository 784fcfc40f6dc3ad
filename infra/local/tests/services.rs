//! S3, SQS, `DynamoDB` and SES as the AWS SDK sees them.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod support;

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_sdk_s3::{
    error::ProvideErrorMetadata, presigning::PresigningConfig, primitives::ByteStream, types::CompletedPart,
};
use aws_sdk_sesv2::types::{Attachment, Body, Content, Destination, EmailContent, Message, MessageTag};
use muster_local::{Fault, FaultKind, Options, Service, Services};
use support::{World, eventually, http, still};

fn fault(service: Service, operation: &str, kind: FaultKind) -> Fault {
    Fault { service, operation: Some(operation.to_owned()), kind, skip: 0, times: 1 }
}

#[tokio::test]
async fn every_put_makes_a_version_and_a_delete_only_hides() {
    let w = World::start(still()).await;
    let first = w.put("k", "one").await;
    let second = w.put("k", "two").await;
    assert_ne!(first, second);
    w.s3.delete_object().bucket(w.bucket()).key("k").send().await.unwrap();
    assert_eq!(w.get("k").await, None);
    let old = w.s3.get_object().bucket(w.bucket()).key("k").version_id(&first).send().await.unwrap();
    assert_eq!(old.body.collect().await.unwrap().to_vec(), b"one");
    let listed = w.s3.list_object_versions().bucket(w.bucket()).send().await.unwrap();
    assert_eq!((listed.versions().len(), listed.delete_markers().len()), (2, 1));
    w.s3.delete_object().bucket(w.bucket()).key("k").version_id(&first).send().await.unwrap();
    let gone = w.s3.get_object().bucket(w.bucket()).key("k").version_id(&first).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchVersion"));
}

#[tokio::test]
async fn a_conditional_put_happens_only_when_its_condition_holds() {
    let w = World::start(still()).await;
    let put = |body: &'static str| {
        w.s3.put_object().bucket(w.bucket()).key("k").body(ByteStream::from_static(body.as_bytes()))
    };
    let first = put("one").if_none_match("*").send().await.unwrap();
    assert_eq!(put("two").if_none_match("*").send().await.unwrap_err().code(), Some("PreconditionFailed"));
    assert_eq!(put("two").if_match("\"0123\"").send().await.unwrap_err().code(), Some("PreconditionFailed"));
    assert_eq!(w.get("k").await.as_deref(), Some("one"));
    put("two").if_match(first.e_tag().unwrap()).send().await.unwrap();
    assert_eq!(w.get("k").await.as_deref(), Some("two"));
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let w = World::start(still()).await;
    let put = w.s3.put_object().bucket(w.bucket()).key("k").metadata("who", "me").content_type("text/csv");
    let put = put.body(ByteStream::from_static(b"0123456789")).send().await.unwrap();
    assert_eq!(put.e_tag(), Some("\"781e5e245d69b566979b86e28d23f2c7\""));
    let head = w.s3.head_object().bucket(w.bucket()).key("k").send().await.unwrap();
    assert_eq!(
        (head.content_length(), head.content_type(), head.version_id()),
        (Some(10), Some("text/csv"), put.version_id())
    );
    assert_eq!(head.metadata().unwrap()["who"], "me");
    let part = w.s3.get_object().bucket(w.bucket()).key("k").range("bytes=3-5").send().await.unwrap();
    assert_eq!(part.content_range(), Some("bytes 3-5/10"));
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"345");
    let presigned =
        w.s3.get_object()
            .bucket(w.bucket())
            .key("k")
            .presigned(PresigningConfig::expires_in(Duration::from_secs(60)).unwrap());
    let url = presigned.await.unwrap().uri().to_owned();
    assert_eq!(http(&url, None).await, (200, "0123456789".to_owned()));
    assert_eq!(http(url.split('?').next().unwrap(), None).await.0, 403, "not without the signature");
    let head_missing = w.s3.head_object().bucket(w.bucket()).key("other").send().await.unwrap_err();
    assert!(head_missing.into_service_error().is_not_found());
}

#[tokio::test]
async fn an_address_that_was_signed_for_a_put_takes_that_put_and_no_other() {
    let w = World::start(still()).await;
    let put = w.s3.put_object().bucket(w.bucket()).key("inbox/acme-hr/a b.csv").content_type("text/csv");
    let url = put.presigned(PresigningConfig::expires_in(Duration::from_secs(60)).unwrap()).await.unwrap();
    let curl = async |url: &str, kind: &str| {
        let kind = format!("content-type: {kind}");
        let arguments =
            ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-H", &kind, "--data-binary", "id\n1\n", url];
        let output = tokio::process::Command::new("curl").args(arguments).output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(curl(url.uri(), "text/html").await, "403", "another content type than was signed");
    assert_eq!(curl(&url.uri().replace("a%20b.csv", "c.csv"), "text/csv").await, "403", "another key than was signed");
    assert_eq!(curl(url.uri().split('?').next().unwrap(), "text/csv").await, "403", "no signature");
    assert_eq!(w.get("inbox/acme-hr/a b.csv").await, None);
    assert_eq!(curl(url.uri(), "text/csv").await, "200");
    assert_eq!(w.get("inbox/acme-hr/a b.csv").await.as_deref(), Some("id\n1\n"));
}

#[tokio::test]
async fn any_key_that_s3_takes_works() {
    let w = World::start(still()).await;
    let long = "x".repeat(1_018);
    let keys = [
        "inbox/a b+c.csv",
        "inbox/é/100%.csv",
        "inbox/a",
        "inbox/a/b",
        "inbox/..",
        "inbox/%2e%2e",
        "inbox/q?x=1&y#z",
        &format!("inbox/{long}"),
    ];
    for key in keys {
        w.put(key, key).await;
        assert_eq!(w.get(key).await.as_deref(), Some(key));
        let copy = w.s3.copy_object().bucket(w.bucket()).key(format!("copy/{}", key.len())).copy_source(format!(
            "{}/{}",
            w.bucket(),
            encode(key)
        ));
        copy.send().await.unwrap();
        assert_eq!(w.get(&format!("copy/{}", key.len())).await.as_deref(), Some(key));
    }
    let mut expected: Vec<String> = keys.iter().map(|k| format!("ObjectCreated:Put {k} {}", k.len())).collect();
    let mut events = w.events();
    expected.sort();
    events.sort();
    assert_eq!(events, expected);
}

fn encode(key: &str) -> String {
    key.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b == b'/' { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[tokio::test]
async fn a_listing_pages_through_every_key() {
    let w = World::start(still()).await;
    for key in ["l/1", "l/2", "l/sub/3", "l/sub/4", "l/5", "other"] {
        w.put(key, "").await;
    }
    let pages =
        w.s3.list_objects_v2()
            .bucket(w.bucket())
            .prefix("l/")
            .max_keys(2)
            .into_paginator()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .unwrap();
    let keys: Vec<&str> = pages.iter().flat_map(|p| p.contents()).filter_map(|o| o.key()).collect();
    assert_eq!(keys, ["l/1", "l/2", "l/5", "l/sub/3", "l/sub/4"]);
    let tree = w.s3.list_objects_v2().bucket(w.bucket()).prefix("l/").delimiter("/").send().await.unwrap();
    assert_eq!((tree.contents().len(), tree.common_prefixes()[0].prefix()), (3, Some("l/sub/")));
}

#[tokio::test]
async fn parts_are_joined_into_one_object_and_one_event() {
    let w = World::start(still()).await;
    let created = w.s3.create_multipart_upload().bucket(w.bucket()).key("inbox/u/big.csv").send().await.unwrap();
    let id = created.upload_id().unwrap();
    let mut completed = aws_sdk_s3::types::CompletedMultipartUpload::builder();
    for (number, body) in [(1, vec![b'a'; 5_000_000]), (2, vec![b'b'; 7])] {
        let part =
            w.s3.upload_part()
                .bucket(w.bucket())
                .key("inbox/u/big.csv")
                .upload_id(id)
                .part_number(number)
                .body(body.into());
        let part = part.send().await.unwrap();
        completed = completed.parts(CompletedPart::builder().part_number(number).e_tag(part.e_tag().unwrap()).build());
    }
    let done =
        w.s3.complete_multipart_upload()
            .bucket(w.bucket())
            .key("inbox/u/big.csv")
            .upload_id(id)
            .multipart_upload(completed.build());
    let done = done.send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-2\""));
    assert_eq!(w.events(), ["ObjectCreated:CompleteMultipartUpload inbox/u/big.csv 5000007"]);
    assert!(w.get("inbox/u/big.csv").await.unwrap().ends_with("abbbbbbb"));
}

#[tokio::test]
async fn the_event_of_a_put_belongs_to_the_trace_that_the_put_names() {
    let w = World::start(still()).await;
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let put = w.s3.put_object().bucket(w.bucket()).key("inbox/u/a").body(ByteStream::from_static(b"x")).customize();
    let put = put.mutate_request(move |request| drop(request.headers_mut().insert("x-amzn-trace-id", header)));
    put.send().await.unwrap();
    w.put("inbox/u/b", "x").await;
    let traces: Vec<_> = w.stack.services().sqs.peek("import").into_iter().map(|message| message.trace).collect();
    assert_eq!(traces, [Some(header.to_owned()), None]);
}

#[tokio::test]
async fn an_event_says_what_was_made() {
    let w = World::start(still()).await;
    let version = w.put("inbox/u/a b+é.csv", "12345").await;
    w.put("inbox/u/a b+é.csv", "123456").await;
    w.put("sftp/u/inbound/a.csv", "x").await;
    let bodies = w.bodies("import");
    let events: Vec<aws_lambda_events::event::s3::S3Event> =
        bodies.iter().map(|b| serde_json::from_str(b).unwrap()).collect();
    assert_eq!(events.len(), 2, "the landing prefix fires nothing");
    let first = &events[0].records[0];
    let object = &first.s3.object;
    assert_eq!(object.key.as_deref(), Some("inbox/u/a+b%2B%C3%A9.csv"));
    assert_eq!((object.size, object.version_id.as_deref()), (Some(5), Some(version.as_str())));
    assert_eq!(object.e_tag.as_deref(), Some("827ccb0eea8a706c4c34a16891f84e7b"));
    assert_eq!(first.s3.bucket.name.as_deref(), Some(w.bucket()));
    let sequencer = |n: usize| events[n].records[0].s3.object.sequencer.clone().unwrap();
    assert!(sequencer(0).len() >= 16 && sequencer(0) < sequencer(1));
}

#[tokio::test]
async fn s3_refuses_other_credentials() {
    let w = World::start(still()).await;
    let other = aws_credential_types::Credentials::new(muster_local::ACCESS_KEY, "wrong", None, None, "test");
    let config = w.s3.config().to_builder().credentials_provider(other).build();
    let error = aws_sdk_s3::Client::from_conf(config).head_bucket().bucket(w.bucket()).send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
}

#[tokio::test]
async fn an_undeleted_message_comes_back_and_ends_as_a_dead_letter() {
    let w = World::start(Options { visibility: Duration::from_millis(1), max_receive: 2, ..still() }).await;
    let url = w.queue("apply");
    w.sqs.send_message().queue_url(&url).message_body("poison").send().await.unwrap();
    for count in ["1", "2"] {
        let received = w.sqs.receive_message().queue_url(&url).wait_time_seconds(5).send().await.unwrap();
        let message = &received.messages()[0];
        assert_eq!(
            message.attributes().unwrap()[&aws_sdk_sqs::types::MessageSystemAttributeName::ApproximateReceiveCount],
            count
        );
    }
    eventually("a dead letter", async || {
        let received = w.sqs.receive_message().queue_url(&url).send().await.unwrap();
        assert!(received.messages().is_empty());
        w.bodies("apply-dlq") == ["poison"]
    })
    .await;
    assert_eq!(w.stack.controls().redrive("apply").unwrap(), 1);
    assert_eq!((w.bodies("apply").len(), w.bodies("apply-dlq").len()), (1, 0));
}

#[tokio::test]
async fn a_deleted_message_is_gone_and_a_hidden_one_waits() {
    let w = World::start(still()).await;
    let url = w.queue("apply");
    let batch = |n: usize| {
        let entry =
            aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(format!("m{n}"));
        entry.build().unwrap()
    };
    let sent =
        w.sqs.send_message_batch().queue_url(&url).set_entries(Some((0..3).map(batch).collect())).send().await.unwrap();
    assert_eq!((sent.successful().len(), sent.failed().len()), (3, 0));
    let received = w.sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
    assert_eq!(received.messages().len(), 3);
    assert!(w.sqs.receive_message().queue_url(&url).send().await.unwrap().messages().is_empty(), "all are hidden");
    let handle = |n: usize| received.messages()[n].receipt_handle().unwrap();
    w.sqs.delete_message().queue_url(&url).receipt_handle(handle(0)).send().await.unwrap();
    w.sqs
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(handle(1))
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    let again = w.sqs.receive_message().queue_url(&url).send().await.unwrap();
    assert_eq!(again.messages()[0].body(), Some("m1"));
    w.sqs.delete_message().queue_url(&url).receipt_handle(handle(1)).send().await.unwrap();
    assert_eq!(w.bodies("apply"), ["m1", "m2"], "an old receipt deletes nothing");
}

#[tokio::test]
async fn the_table_has_its_keys_and_indexes() {
    let w = World::start(still()).await;
    let text = |t: &str| AttributeValue::S(t.to_owned());
    let put =
        || w.dynamodb.put_item().table_name("muster").item("pk", text("a")).item("sk", text("b")).item("g1", text("g"));
    put().condition_expression("attribute_not_exists(pk)").send().await.unwrap();
    let second = put().condition_expression("attribute_not_exists(pk)").send().await.unwrap_err();
    assert!(second.into_service_error().is_conditional_check_failed_exception());
    let query = w
        .dynamodb
        .query()
        .table_name("muster")
        .index_name("by-g1")
        .key_condition_expression("g1 = :g")
        .expression_attribute_values(":g", text("g"));
    assert_eq!(query.send().await.unwrap().count(), 1);
    let ttl = w.dynamodb.describe_time_to_live().table_name("muster").send().await.unwrap();
    assert_eq!(ttl.time_to_live_description().unwrap().attribute_name(), Some("exp"));
}

#[tokio::test]
async fn a_refused_write_says_why() {
    let w = World::start(still()).await;
    let text = |t: &str| AttributeValue::S(t.to_owned());
    let item = |pk: &str| {
        aws_sdk_dynamodb::types::Put::builder().table_name("muster").item("pk", text(pk)).item("sk", text("x"))
    };
    let write = |put: aws_sdk_dynamodb::types::builders::PutBuilder| {
        let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
        aws_sdk_dynamodb::types::TransactWriteItem::builder().put(put).build()
    };
    w.dynamodb.transact_write_items().transact_items(write(item("a"))).send().await.unwrap();
    let both = w.dynamodb.transact_write_items().transact_items(write(item("b"))).transact_items(write(item("a")));
    let codes = |error: aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError| match error {
        aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(e) => {
            e.cancellation_reasons().iter().filter_map(|r| r.code().map(str::to_owned)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(codes(both.clone().send().await.unwrap_err().into_service_error()), ["None", "ConditionalCheckFailed"]);
    w.stack.controls().fault(fault(Service::DynamoDb, "TransactWriteItems", FaultKind::Conflict));
    assert_eq!(
        codes(both.send().await.unwrap_err().into_service_error()),
        ["TransactionConflict", "TransactionConflict"]
    );
    assert_eq!(w.dynamodb.scan().table_name("muster").send().await.unwrap().count(), 1, "all or nothing");

    let put = w
        .dynamodb
        .put_item()
        .table_name("muster")
        .item("pk", text("a"))
        .item("sk", text("x"))
        .condition_expression("attribute_not_exists(pk)");
    let old = put
        .return_values_on_condition_check_failure(aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld);
    match old.send().await.unwrap_err().into_service_error() {
        aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(e) => {
            assert_eq!(e.item().unwrap()["pk"], text("a"))
        }
        other => panic!("{other:?}"),
    }
    let unused = w
        .dynamodb
        .get_item()
        .table_name("muster")
        .key("pk", text("a"))
        .key("sk", text("x"))
        .expression_attribute_names("#n", "n");
    assert_eq!(unused.send().await.unwrap_err().code(), Some("ValidationException"));
    assert!(
        w.dynamodb
            .scan()
            .table_name("other")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
}

#[tokio::test]
async fn the_switches_work_over_http() {
    let w = World::start(still()).await;
    let control = format!("{}/control", w.stack.addresses().http);
    let post = async |path: &str, body: &str| http(&format!("{control}/{path}"), Some(body)).await.0;
    assert_eq!(post("fault", r#"{"service":"ses","kind":"refuse","status":400,"code":"MessageRejected"}"#).await, 200);
    assert!(matches!(w.send("a@b.example", "x").await.unwrap_err(), aws_sdk_sesv2::Error::MessageRejected(_)));
    assert_eq!(post("delivery", r#"{"queue":"import","kind":"duplicate","times":1}"#).await, 200);
    w.put("inbox/u/a.csv", "").await;
    assert_eq!(w.events().len(), 2);
    assert_eq!(post("queue", r#"{"queue":"nope"}"#).await, 400);
    assert_eq!(post("fault", r#"{"service":"ses","kind":"explode"}"#).await, 422);
    let requests = http(&format!("{control}/requests"), None).await.1;
    assert!(requests.contains(r#""ses":{"SendEmail":1}"#), "{requests}");
}

#[tokio::test]
async fn an_expired_item_is_swept() {
    let w = World::start(still()).await;
    let text = |t: &str| AttributeValue::S(t.to_owned());
    for (key, exp) in [("old", "1000"), ("new", "99999999999")] {
        let put = w.dynamodb.put_item().table_name("muster").item("pk", text(key)).item("sk", text("x"));
        put.item("exp", AttributeValue::N(exp.into())).send().await.unwrap();
    }
    assert_eq!(w.stack.services().dynamodb.sweep_expired().unwrap(), 1);
    assert_eq!(w.dynamodb.scan().table_name("muster").send().await.unwrap().count(), 1);
}

#[tokio::test]
async fn faults_hit_the_request_they_name() {
    let w = World::start(still()).await;
    let text = |t: &str| AttributeValue::S(t.to_owned());
    let put = |key: &str| w.dynamodb.put_item().table_name("muster").item("pk", text(key)).item("sk", text("x"));
    let exists = async |key: &str| {
        w.dynamodb
            .get_item()
            .table_name("muster")
            .key("pk", text(key))
            .key("sk", text("x"))
            .send()
            .await
            .unwrap()
            .item
            .is_some()
    };
    let controls = w.stack.controls();
    let throttle = FaultKind::Refuse { status: 400, code: "ProvisionedThroughputExceededException".into() };
    controls.fault(fault(Service::DynamoDb, "PutItem", throttle));
    assert!(put("a").send().await.unwrap_err().into_service_error().is_provisioned_throughput_exceeded_exception());
    assert!(!exists("a").await);
    controls.fault(fault(Service::DynamoDb, "PutItem", FaultKind::FailAfter));
    assert!(put("b").send().await.unwrap_err().into_service_error().is_internal_server_error());
    assert!(exists("b").await);
    controls.fault(fault(Service::DynamoDb, "PutItem", FaultKind::LoseAnswer));
    assert!(put("c").send().await.unwrap_err().as_service_error().is_none(), "there was no answer");
    assert!(exists("c").await);
    assert_eq!(controls.requests()["dynamodb"]["PutItem"], 3);
}

#[tokio::test]
async fn a_batch_can_be_carried_out_in_part() {
    let w = World::start(still()).await;
    w.stack.controls().fault(fault(Service::DynamoDb, "BatchWriteItem", FaultKind::Partial { keep: 2 }));
    let text = |t: &str| AttributeValue::S(t.to_owned());
    let write = |n: usize| {
        let put = PutRequest::builder().item("pk", text(&n.to_string())).item("sk", text("x")).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let batch =
        w.dynamodb.batch_write_item().request_items("muster", (0..5).map(write).collect()).send().await.unwrap();
    assert_eq!(batch.unprocessed_items().unwrap()["muster"].len(), 3);
    assert_eq!(w.dynamodb.scan().table_name("muster").send().await.unwrap().count(), 2);
}

fn mail(to: &str, subject: &str) -> (Destination, EmailContent) {
    let content = |text: &str| Content::builder().data(text).build().unwrap();
    let attachment = Attachment::builder()
        .file_name("errors.csv")
        .raw_content(aws_sdk_sesv2::primitives::Blob::new(b"a,b\n".to_vec()));
    let body = Body::builder().text(content("plain")).html(content("<b>html</b>")).build();
    let message =
        Message::builder().subject(content(subject)).body(body).attachments(attachment.build().unwrap()).build();
    (Destination::builder().to_addresses(to).build(), EmailContent::builder().simple(message).build())
}

impl World {
    async fn send(&self, to: &str, subject: &str) -> Result<String, aws_sdk_sesv2::Error> {
        let (destination, content) = mail(to, subject);
        let tag = MessageTag::builder().name("run").value("r1").build().unwrap();
        let send =
            self.ses.send_email().from_email_address("muster@muster.example").destination(destination).content(content);
        Ok(send.email_tags(tag).configuration_set_name("muster").send().await?.message_id.unwrap())
    }
}

#[tokio::test]
async fn a_mail_is_kept_shown_and_told_to_the_report_queue() {
    let w = World::start(still()).await;
    let id = w.send("hr@acme.example", "Done").await.unwrap();
    let url = format!("{}/messages", w.stack.addresses().mail);
    let listed: serde_json::Value = serde_json::from_str(&http(&url, None).await.1).unwrap();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["to"][0], &listed[0]["html"]),
        (&id.clone().into(), &"hr@acme.example".into(), &"<b>html</b>".into())
    );
    assert_eq!(listed[0]["attachments"], serde_json::json!([{"name": "errors.csv", "size": 4}]));
    let page = http(&format!("{}/", w.stack.addresses().mail), None).await.1;
    assert!(page.contains("srcdoc=\"&lt;b&gt;html") && !page.contains("<b>html"));
    let event: serde_json::Value = serde_json::from_str(&w.bodies("report")[0]).unwrap();
    assert_eq!((&event["source"], &event["detail"]["eventType"]), (&"aws.ses".into(), &"Send".into()));
    assert_eq!(
        (&event["detail"]["mail"]["messageId"], &event["detail"]["mail"]["tags"]["run"]),
        (&id.into(), &serde_json::json!(["r1"]))
    );
}

#[tokio::test]
async fn ses_refuses_what_the_real_one_refuses() {
    let w = World::start(still()).await;
    for (to, subject) in [("nobody", "x"), ("a@b.example", "x\r\nBcc: all@b.example"), ("a@b.example\nc", "x")] {
        let error = w.send(to, subject).await.unwrap_err();
        assert!(matches!(error, aws_sdk_sesv2::Error::BadRequestException(_)), "{to:?} {subject:?}: {error:?}");
    }
    for (code, expected) in [
        ("TooManyRequestsException", "TooManyRequests"),
        ("SendingPausedException", "SendingPaused"),
        ("AccountSuspendedException", "AccountSuspended"),
        ("MessageRejected", "MessageRejected"),
    ] {
        w.stack.controls().fault(fault(
            Service::Ses,
            "SendEmail",
            FaultKind::Refuse { status: 400, code: code.into() },
        ));
        assert!(format!("{:?}", w.send("a@b.example", "x").await.unwrap_err()).starts_with(expected), "{code}");
    }
    assert!(w.stack.services().ses.mails().is_empty());
    w.stack.controls().fault(fault(Service::Ses, "SendEmail", FaultKind::LoseAnswer));
    w.send("a@b.example", "x").await.unwrap_err();
    assert_eq!(w.stack.services().ses.mails().len(), 1, "accepted, though the sender does not know");
}

#[tokio::test]
async fn state_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().to_owned()), ..still() };
    let w = World::start(options()).await;
    let version = w.put("inbox/u/a.csv", "hello").await;
    w.put("gone", "x").await;
    w.s3.delete_object().bucket(w.bucket()).key("gone").send().await.unwrap();
    w.send("hr@acme.example", "Done").await.unwrap();
    w.login("u", "p", &[]).await;
    let received = w.stack.services().sqs.receive("import", 1, None).unwrap();
    assert_eq!(received.len(), 1);
    w.stack.stop().await;
    assert!(!folder.path().join("ready.json").exists());

    let w = World::start(options()).await;
    let head = w.s3.head_object().bucket(w.bucket()).key("inbox/u/a.csv").send().await.unwrap();
    assert_eq!(head.version_id(), Some(version.as_str()));
    assert_eq!((w.get("inbox/u/a.csv").await.as_deref(), w.get("gone").await), (Some("hello"), None));
    assert_eq!(w.events(), ["ObjectCreated:Put inbox/u/a.csv 5"], "sent once");
    assert_eq!(w.stack.services().sqs.receive("import", 1, None).unwrap().len(), 1, "nobody holds it any more");
    assert_eq!(w.stack.services().ses.mails().len(), 1);
    assert!(muster_sync::Admin::credentials(&w.table(), "u").await.unwrap().is_some());
    let in_use = muster_local::Stack::start(options()).await.err().unwrap().to_string();
    assert!(in_use.contains("is in use"), "{in_use}");
}

#[tokio::test]
async fn services_in_memory_share_nothing() {
    let (a, b) = (Services::in_memory("bucket", "table").unwrap(), Services::in_memory("bucket", "table").unwrap());
    a.sqs.send("apply", "x", serde_json::Map::new(), 0).unwrap();
    assert_eq!((a.sqs.peek("apply").len(), b.sqs.peek("apply").len()), (1, 0));
}
