//! Each kind of misbehaviour does what it says.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{ALL, Bench, Reply, rows};

const FIRST: [(&str, &str); 5] = [
    ("apideck", "/hris/employees?limit=5"),
    ("merge", "/employees?page_size=5"),
    ("finch", "/employer/directory?limit=5"),
    ("workos", "/directory_users?directory=directory_1&order=asc&limit=5"),
    ("bamboohr", "/api/v1/employees?page%5Blimit%5D=5"),
];

/// The first page of each provider while it misbehaves, checked; afterwards it must behave again.
async fn check_answers(kind: &str, check: impl Fn(&str, &Reply)) {
    for (provider, path) in FIRST {
        let bench = Bench::with(provider, 8).await;
        bench.control("POST", "misbehave", &json!({"kind": kind, "times": 1})).await;
        check(provider, &bench.get(path).await);
        let after = bench.get(path).await;
        assert_eq!((after.status, rows(provider, &after.json()).len()), (200, 5), "{provider} after {kind}");
    }
}

/// The pages of a listing of twelve, five a page, while a provider misbehaves.
async fn check_listings(kind: &str, check: impl Fn(&str, &[Vec<String>], &BTreeSet<String>)) {
    for provider in ALL {
        let bench = Bench::with(provider, 12).await;
        let honest: BTreeSet<String> = bench.listing(5, 10).await.into_iter().flatten().collect();
        bench.misbehave(kind).await;
        check(provider, &bench.listing(5, 10).await, &honest);
        bench.control("POST", "behave", &json!({})).await;
        assert_eq!(bench.listing(5, 10).await.concat().len(), 12, "{provider} behaves again");
    }
}

fn distinct(pages: &[Vec<String>]) -> BTreeSet<String> {
    pages.iter().flatten().cloned().collect()
}

#[tokio::test]
async fn throttling_tells_when_to_come_back_in_every_form() {
    let check = async |kind: &str, expected: fn(Option<&str>) -> bool| {
        check_answers(kind, |provider, reply| {
            assert_eq!(reply.status, 429, "{provider}");
            let after = reply.headers.get("retry-after").map(String::as_str);
            assert!(expected(after), "{provider}: {kind}: {after:?}");
        })
        .await;
    };
    check("throttle_seconds:3", |after| after == Some("3")).await;
    check("throttle_date:60", |after| after.is_some_and(|date| date.ends_with(" GMT") && date.len() == 29)).await;
    check("throttle_absurd_negative", |after| after == Some("-5")).await;
    check("throttle_absurd_years", |after| after == Some("315360000")).await;
    check("throttle_bare", |after| after.is_none()).await;
}

#[tokio::test]
async fn workos_throttles_in_plain_text() {
    let bench = Bench::new("workos").await;
    bench.misbehave("throttle_bare").await;
    assert_eq!(bench.get(FIRST[3].1).await.text(), "Ratelimited");
}

#[tokio::test]
async fn outages_have_the_status_that_was_asked_for() {
    for status in [500, 502, 503, 504] {
        check_answers(&format!("status:{status}"), |_, reply| assert_eq!(reply.status, status)).await;
    }
}

#[tokio::test]
async fn answers_that_are_no_data_come_with_200() {
    check_answers("html", |_, reply| assert!(reply.status == 200 && reply.text().starts_with("<!doctype html>"))).await;
    check_answers("empty", |_, reply| assert!(reply.status == 200 && reply.body.is_empty())).await;
    check_answers("truncated_json", |provider, reply| {
        assert_eq!(reply.status, 200, "{provider}");
        assert!(reply.body.len() > 50 && serde_json::from_slice::<Value>(&reply.body).is_err(), "{provider}");
    })
    .await;
}

#[tokio::test]
async fn a_reset_ends_the_connection_without_an_answer() {
    for (provider, path) in FIRST {
        let bench = Bench::with(provider, 1).await;
        bench.misbehave("reset").await;
        let error = bench.send("GET", path, "").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{provider}");
    }
}

#[tokio::test]
async fn late_answers_are_whole_in_the_end() {
    let bench = Bench::with("merge", 1).await;
    bench.misbehave("hang:120").await;
    let start = Instant::now();
    assert_eq!(rows("merge", &bench.get("/employees").await.json()).len(), 1);
    assert!(start.elapsed().as_millis() >= 120);
    bench.misbehave("drip:0").await;
    let reply = bench.get("/sync-status").await;
    assert_eq!(
        (reply.headers["transfer-encoding"].as_str(), reply.json()["results"][0]["status"].as_str()),
        ("chunked", Some("DONE"))
    );
}

#[tokio::test]
async fn too_long_and_too_deep_answers_are_that() {
    check_answers("huge:3000000", |provider, reply| {
        assert!(reply.body.len() > 3_000_000, "{provider}");
        assert_eq!(rows(provider, &reply.json()).len(), 5, "{provider}");
    })
    .await;
    check_answers("depth_bomb:5000", |provider, reply| {
        assert!(reply.text().contains(&"[".repeat(5000)), "{provider}");
        assert!(serde_json::from_slice::<Value>(&reply.body).unwrap_err().to_string().contains("recursion"));
    })
    .await;
}

#[tokio::test]
async fn a_truncated_page_ends_the_listing_below_what_was_told() {
    check_listings("truncated_page", |provider, pages, _| {
        assert!(distinct(pages).len() < 12, "{provider}: {pages:?}");
    })
    .await;
    let bench = Bench::with("bamboohr", 12).await;
    bench.misbehave("truncated_page").await;
    let page = bench.get(FIRST[4].1).await.json();
    assert_eq!((page["meta"]["total"].as_u64(), page["meta"]["page"]["nextCursor"].as_str()), (Some(12), None));
}

#[tokio::test]
async fn listings_that_loop_never_end() {
    for kind in ["cursor_same", "cursor_loop", "cursor_endless"] {
        check_listings(kind, |provider, pages, _| assert_eq!(pages.len(), 10, "{provider}: {kind}")).await;
    }
}

#[tokio::test]
async fn the_cursors_of_a_loop_are_as_their_names_say() {
    for provider in ["apideck", "merge", "workos", "bamboohr"] {
        let bench = Bench::with(provider, 40).await;
        let distinct_pages = async |kind: &str| {
            bench.misbehave(kind).await;
            bench.listing(5, 10).await.into_iter().map(|page| page.join(" ")).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(distinct_pages("cursor_same").await, 2, "{provider}");
        assert_eq!(distinct_pages("cursor_loop").await, 3, "{provider}");
        assert_eq!(distinct_pages("cursor_endless").await, 8, "{provider}");
    }
}

#[tokio::test]
async fn a_person_comes_on_two_pages() {
    for kind in ["repeat_person:same", "repeat_person:different"] {
        check_listings(kind, |provider, pages, honest| {
            assert_eq!(pages.concat().len(), 13, "{provider}: {pages:?}");
            assert_eq!(&distinct(pages), honest, "{provider}");
            assert!(pages[1].contains(&pages[0][0]), "{provider}");
        })
        .await;
    }
}

#[tokio::test]
async fn the_second_time_a_person_has_other_data_if_that_was_asked_for() {
    for (kind, differs) in [("repeat_person:same", false), ("repeat_person:different", true)] {
        let bench = Bench::with("merge", 8).await;
        bench.misbehave(kind).await;
        let first = bench.get("/employees?page_size=5").await.json();
        let second =
            bench.get(&format!("/employees?page_size=5&cursor={}", first["next"].as_str().unwrap())).await.json();
        let (one, two) = (&first["results"][0], &second["results"][0]);
        assert_eq!(one["id"], two["id"]);
        assert_eq!(one["modified_at"] != two["modified_at"], differs);
    }
}

#[tokio::test]
async fn a_row_slips_between_pages_and_is_still_there() {
    check_listings("shift", |provider, pages, honest| {
        let missing: Vec<_> = honest.difference(&distinct(pages)).cloned().collect();
        assert_eq!(missing.len(), 1, "{provider}: {pages:?}");
    })
    .await;
}

#[tokio::test]
async fn every_listing_has_another_order_and_the_same_people() {
    for provider in ALL {
        let bench = Bench::with(provider, 30).await;
        let usual = bench.listing(7, 10).await.concat();
        bench.misbehave("shuffle").await;
        let (one, other) = (bench.listing(7, 10).await.concat(), bench.listing(7, 10).await.concat());
        assert!(one != usual && other != one, "{provider}");
        for order in [&one, &other] {
            assert_eq!(order.iter().collect::<BTreeSet<_>>(), usual.iter().collect(), "{provider}");
        }
    }
}

#[tokio::test]
async fn nobody_is_there_though_thousands_were() {
    check_listings("zero_people", |provider, pages, _| assert_eq!(pages, [Vec::<String>::new()], "{provider}")).await;
}

#[tokio::test]
async fn keys_stop_working_after_some_pages() {
    for (provider, path) in FIRST {
        let bench = Bench::with(provider, 30).await;
        bench.control("POST", "misbehave", &json!({"kind": "unauthorized_after", "after_pages": 2})).await;
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(bench.get(path).await.status);
        }
        assert_eq!(statuses, [200, 200, 401, 401], "{provider}");
    }
}

#[tokio::test]
async fn the_link_to_the_next_page_leads_elsewhere() {
    let places = [("apideck", "/links/next"), ("merge", "/next"), ("bamboohr", "/_links/next/href")];
    for (provider, pointer) in places {
        let bench = Bench::with(provider, 30).await;
        bench.misbehave("next_elsewhere:http://10.0.0.1/x").await;
        let (_, path) = FIRST.into_iter().find(|(name, _)| *name == provider).unwrap();
        let page = bench.get(path).await.json();
        let link = page.pointer(pointer).and_then(Value::as_str).unwrap();
        assert!(link.starts_with("http://10.0.0.1/x?"), "{provider}: {link}");
    }
}

#[tokio::test]
async fn a_kind_that_a_provider_has_not_is_refused() {
    let cases = [
        ("workos", "next_elsewhere"),
        ("finch", "next_elsewhere"),
        ("merge", "not_ready"),
        ("bamboohr", "partial"),
        ("apideck", "sulk"),
    ];
    for (provider, kind) in cases {
        let bench = Bench::new(provider).await;
        let body = json!({"kind": kind}).to_string();
        let reply = bench.try_request("POST", &format!("/control/{provider}/misbehave"), "", &body).await.unwrap();
        assert_eq!(reply.status, 422, "{provider} {kind}");
    }
}

#[tokio::test]
async fn partial_data_is_told_in_the_providers_way() {
    let bench = Bench::with("apideck", 3).await;
    bench.misbehave("partial").await;
    let page = bench.get(FIRST[0].1).await;
    assert_eq!((page.status, page.json()["meta"]["warnings"].as_array().unwrap().len()), (200, 1));

    let bench = Bench::with("merge", 3).await;
    bench.misbehave("partial").await;
    assert_eq!(bench.get("/sync-status").await.json()["results"][0]["status"], "PARTIALLY_SYNCED");

    let bench = Bench::with("finch", 3).await;
    let ids = bench.listing(10, 1).await.remove(0);
    let requests: Vec<Value> = ids.iter().map(|id| json!({"individual_id": id})).collect();
    bench.misbehave("partial").await;
    let batch = bench.post("/employer/individual", &json!({"requests": requests})).await;
    let codes: Vec<u64> =
        batch.json()["responses"].as_array().unwrap().iter().map(|item| item["code"].as_u64().unwrap()).collect();
    assert_eq!((batch.status, codes), (200, vec![200, 500, 200]));
    bench.misbehave("not_ready").await;
    assert_eq!(bench.get("/employer/directory").await.status, 202);
}

#[tokio::test]
async fn a_forbidden_field_is_absent_or_null_and_named() {
    let mobile = [("apideck", "phone_numbers"), ("merge", "mobile_phone_number"), ("workos", "mobile_phone")];
    for (provider, key) in mobile {
        let bench = Bench::with(provider, 1).await;
        let (_, path) = FIRST.into_iter().find(|(name, _)| *name == provider).unwrap();
        assert!(bench.get(path).await.text().contains(key), "{provider}");
        bench.misbehave("forbidden_field").await;
        assert!(!bench.get(path).await.text().contains(key), "{provider}");
    }
    let bench = Bench::with("bamboohr", 1).await;
    bench.misbehave("forbidden_field").await;
    let row = bench.get(&format!("{}&fields=mobilePhone,workEmail", FIRST[4].1)).await.json()["data"][0].clone();
    assert_eq!((&row["mobilePhone"], &row["_restrictedFields"]), (&Value::Null, &json!(["mobilePhone"])));
    assert!(row["workEmail"].is_string());
    let id = row["employeeId"].as_str().unwrap();
    let person = bench.get(&format!("/api/v1/employees/{id}?fields=mobilePhone,workEmail")).await.json();
    assert_eq!(person.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "workEmail"]);
}

#[tokio::test]
async fn times_of_change_lie_ahead_or_back() {
    for (provider, key) in [("apideck", "updated_at"), ("merge", "modified_at"), ("workos", "updated_at")] {
        let bench = Bench::with(provider, 1).await;
        let (_, path) = FIRST.into_iter().find(|(name, _)| *name == provider).unwrap();
        let time = async || rows(provider, &bench.get(path).await.json())[0][key].as_str().unwrap().to_owned();
        let honest = time().await;
        bench.misbehave("future_updated_at").await;
        assert!(time().await > honest, "{provider}");
        bench.misbehave("back_updated_at").await;
        assert!(time().await < honest, "{provider}");
    }
}

#[tokio::test]
async fn a_status_that_nobody_knows_is_sent_as_it_is() {
    for provider in ["apideck", "merge", "workos", "bamboohr"] {
        let bench = Bench::with(provider, 1).await;
        bench.misbehave("unknown_status:garden_leave").await;
        let (_, path) = FIRST.into_iter().find(|(name, _)| *name == provider).unwrap();
        assert!(bench.get(path).await.text().to_lowercase().contains("garden_leave"), "{provider}");
    }
}
