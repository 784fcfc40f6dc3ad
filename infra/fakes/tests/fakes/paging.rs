//! State and honest paging.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{ALL, Bench};

/// The ids of a listing, sorted; fails if one came twice.
async fn everybody(bench: &Bench, limit: usize) -> BTreeSet<String> {
    let pages = bench.listing(limit, 100).await;
    let count: usize = pages.iter().map(Vec::len).sum();
    let ids: BTreeSet<String> = pages.into_iter().flatten().collect();
    assert_eq!(ids.len(), count, "{}: a person came twice", bench.provider);
    ids
}

#[tokio::test]
async fn a_listing_has_everybody_once_over_all_its_pages() {
    for provider in ALL {
        let bench = Bench::with(provider, 53).await;
        let pages = bench.listing(10, 100).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 10, 10, 10, 3], "{provider}");
        assert_eq!(everybody(&bench, 7).await.len(), 53, "{provider}");
        assert_eq!(bench.state().await["count"], 53);
    }
}

#[tokio::test]
async fn an_empty_directory_is_an_empty_page() {
    for provider in ALL {
        assert_eq!(Bench::new(provider).await.listing(10, 5).await, [Vec::<String>::new()], "{provider}");
    }
}

#[tokio::test]
async fn who_was_removed_is_in_no_listing() {
    for provider in ALL {
        let bench = Bench::with(provider, 12).await;
        let before = everybody(&bench, 5).await;
        let gone = before.first().unwrap().clone();
        bench.control("DELETE", &format!("people/{gone}"), &json!({})).await;
        let after = everybody(&bench, 5).await;
        assert_eq!(before.difference(&after).collect::<Vec<_>>(), [&gone], "{provider}");
    }
}

#[tokio::test]
async fn someone_removed_between_two_pages_takes_nobody_along_where_there_are_cursors() {
    for provider in ["apideck", "merge", "workos", "bamboohr"] {
        let bench = Bench::with(provider, 9).await;
        let first = bench.listing(3, 1).await.remove(0);
        let all = everybody(&bench, 100).await;
        let next = match provider {
            "apideck" => "/hris/employees?limit=3",
            "merge" => "/employees?page_size=3",
            "workos" => "/directory_users?directory=directory_1&order=asc&limit=3",
            _ => "/api/v1/employees?page%5Blimit%5D=3",
        };
        let page = bench.get(next).await.json();
        let cursor = crate::support::cursor(provider, &page).unwrap();
        bench.control("DELETE", &format!("people/{}", first[0]), &json!({})).await;
        let name = if provider == "bamboohr" { "page%5Bafter%5D" } else { "cursor" };
        let name = if provider == "workos" { "after" } else { name };
        let second = bench.get(&format!("{next}&{name}={cursor}")).await.json();
        let rest = crate::support::rows(provider, &second).len();
        assert_eq!((rest, all.len()), (3, 9), "{provider}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_listing_is_refused() {
    let bench = Bench::with("apideck", 5).await;
    let page = bench.get("/hris/employees?limit=2").await.json();
    let cursor = page["meta"]["cursors"]["next"].as_str().unwrap();
    let other =
        bench.get(&format!("/hris/employees?limit=2&filter%5Bemployment_status%5D=active&cursor={cursor}")).await;
    assert_eq!((other.status, other.json()["type_name"].as_str()), (400, Some("InvalidCursorError")));
    let forged = bench.get("/hris/employees?limit=2&cursor=zzzz").await;
    assert_eq!(forged.status, 400);
}

#[tokio::test]
async fn what_is_missing_is_made_up_and_what_is_null_stays_empty() {
    let bench = Bench::new("apideck").await;
    let person = bench.control("POST", "people", &json!({"first_name": "Ann", "work_email": null})).await;
    assert_eq!((person["first_name"].as_str(), person["work_email"].is_null()), (Some("Ann"), true));
    assert!(person["personal_email"].as_str().unwrap().starts_with("ann."), "{person}");
    for own in [json!({"nickname": "x"}), json!({"updated_at": 1})] {
        let reply = bench.try_request("POST", "/control/apideck/people", "", &own.to_string()).await.unwrap();
        assert_eq!(reply.status, 422, "{own}");
    }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_people() {
    let (one, other) = (Bench::with("merge", 30).await, Bench::with("merge", 30).await);
    assert_eq!(one.listing(100, 1).await, other.listing(100, 1).await);
}

#[tokio::test]
async fn a_reset_forgets_people_keys_and_misbehaviour() {
    let bench = Bench::with("finch", 3).await;
    bench.control("POST", "credentials", &json!({"access_token": "other"})).await;
    assert_eq!(bench.get("/employer/directory").await.status, 401);
    bench.misbehave("status:500").await;
    bench.control("POST", "reset", &json!({})).await;
    let page = bench.get("/employer/directory").await;
    assert_eq!((page.status, page.json()["paging"]["count"].as_u64()), (200, Some(0)));
}

#[tokio::test]
async fn the_log_of_requests_holds_no_keys() {
    let bench = Bench::with("workos", 1).await;
    bench.listing(10, 1).await;
    let log = bench.control("GET", "requests", &json!({})).await;
    assert_eq!(log["requests"][0]["path"], "/directory_users");
    assert_eq!(log["requests"][0]["status"], 200);
    assert!(!log.to_string().contains("workos-key"));
}
