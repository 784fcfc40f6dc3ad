use super::*;

fn with_target<T>(provider: &[(&str, &str)], columns: &[&str], then: impl FnOnce(&Target<'_>) -> T) -> T {
    let provider: BTreeMap<String, String> =
        provider.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let credentials = BTreeMap::from([
        ("api_key".to_owned(), Secret::new("key")),
        ("account_token".to_owned(), Secret::new("token")),
    ]);
    let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let today = jiff::civil::date(2026, 11, 22);
    then(&Target { provider: &provider, credentials: &credentials, token: None, columns: &columns, today })
}

#[test]
fn a_region_that_does_not_exist_is_named() {
    for region in ["us", "eu", "ap", "sandbox"] {
        assert_eq!(with_target(&[("region", region)], &[], |target| Merge.problems(target)), []);
    }
    for region in ["EU", "", "moon"] {
        let problems = with_target(&[("region", region)], &[], |target| Merge.problems(target));
        assert_eq!(problems.first().map(|(key, _)| key.as_str()), Some("region"), "{region:?}");
    }
}

#[test]
fn each_region_is_asked_at_its_own_host() {
    for (region, base) in REGIONS {
        let url = with_target(&[("region", region)], &[], |target| Merge.resync_request(target).unwrap().url);
        assert_eq!(url, format!("{base}/sync-status/resync"));
    }
}

#[test]
fn a_resync_is_a_post_with_both_keys() {
    let request = with_target(&[], &[], |target| Merge.resync_request(target).unwrap());
    assert_eq!(request.method, crate::Method::Post);
    assert!(request.headers.contains(&("authorization", Secret::new("Bearer key"))));
    assert!(request.headers.contains(&("x-account-token", Secret::new("token"))));
}

#[test]
fn only_the_relations_that_mapped_columns_need_are_asked_for() {
    let check = |columns: &[&str], relations: &[&str]| {
        assert_eq!(with_target(&[], columns, values::relations), relations, "{columns:?}");
    };
    check(&["id", "work_email", "manager.id", "custom_fields.team"], &[]);
    check(&["department"], &["groups", "team"]);
    check(&["division"], &["groups"]);
    check(&["team"], &["team"]);
    check(&["job_title", "work_location.city"], &["employments", "work_location"]);
    check(&["manager.email", "home_location.city"], &["home_location", "manager"]);
}

#[test]
fn both_ids_are_routes_where_both_are_given() {
    let of = |pairs: &[(&str, &str)]| with_target(pairs, &[], |target| Merge.routes(target.provider));
    assert_eq!(of(&[("linked_account_id", "la"), ("end_user_origin_id", "acme")]), ["la", "acme"]);
    assert_eq!(of(&[("linked_account_id", "la"), ("end_user_origin_id", "")]), ["la"]);
}

#[test]
fn a_cursor_is_taken_out_of_a_url_and_a_url_without_one_is_no_end() {
    let check = |next: Value| cursor(&json!({ "next": next })).map_err(|fault| fault.kind);
    assert_eq!(check(json!("cD0yMDI2")), Ok(Some("cD0yMDI2".to_owned())));
    assert_eq!(check(json!("https://elsewhere.example/x?page_size=1&cursor=a%3D")), Ok(Some("a=".to_owned())));
    assert_eq!(check(json!("/employees?cursor=b")), Ok(Some("b".to_owned())));
    assert_eq!(check(Value::Null), Ok(None));
    for odd in [json!("https://elsewhere.example/x"), json!("https://elsewhere.example/x?cursor="), json!(7)] {
        assert_eq!(check(odd), Err(FaultKind::Failing));
    }
    assert_eq!(cursor(&json!({})).map_err(|fault| fault.kind), Err(FaultKind::Failing));
}

#[test]
fn words_of_a_step_that_are_not_ours_start_a_full_listing() {
    assert_eq!(At::of(&Step::at("page 2")), At::Sync { since: None });
}
