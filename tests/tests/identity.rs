//! What AWS Transfer is answered by the function `sftp-identity`, over the same services as the other functions.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use lambda_runtime::{Context, LambdaEvent};
use muster_aws::{HomesConfig, Ports};
use muster_local::{Service, Services};
use muster_sync::{
    Connection, ConnectionStatus, Entitlement, Ledger, LoginChange, Network, PublicKey, Switch, change_login,
    password_of, put_account_terms, switch,
};
use muster_tests::rig::Rig;
use muster_tests::sample::STAFF;
use serde_json::{Value, json};
use sftp_identity::{Stage, handle};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKAXoqFOPkNUgvaYXz9TZJhQEnNSBKGZ0gJkTdMFvR hr@acme";

/// One connection that files come to, and the function over it.
struct World {
    rig: Rig,
    stage: Stage,
    user: String,
    ports: Ports,
}

impl World {
    async fn start() -> Self {
        let mut rig = Rig::default();
        let user = rig.connect(STAFF).await;
        let homes = HomesConfig {
            bucket: "muster".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/sftp-users".to_owned(),
            key_arn: "arn:aws:kms:eu-west-1:123456789012:key/one".to_owned(),
        };
        let world = Self { stage: Stage { table: rig.ports().table, homes }, user, ports: rig.ports(), rig };
        world.change(LoginChange::Keys(vec![PublicKey::parse(KEY).unwrap()])).await;
        world
    }

    async fn connection(&self) -> Connection {
        let (account, id) = self.rig.connection.clone().unwrap();
        self.ports.table.connection(&account, &id).await.unwrap().unwrap()
    }

    async fn change(&self, change: LoginChange) {
        assert!(change_login(&self.ports.table, &self.connection().await, change).await.unwrap());
    }

    async fn switch(&self, to: Switch) {
        let table = &self.ports.table;
        switch(table, &self.ports.secrets, self.connection().await, (to, None), 1_790_000_000_000).await.unwrap();
    }

    async fn asked(&self, event: Value) -> Value {
        handle(&self.stage, LambdaEvent::new(event, Context::default())).await.unwrap()
    }

    /// The answer to a name and a password, or to a name whose client offers a key.
    async fn ask(&self, user: &str, password: Option<&str>) -> Value {
        let mut event = json!({"username": user, "protocol": "SFTP", "serverId": "s-0", "sourceIp": "192.0.2.7"});
        if let Some(password) = password {
            event["password"] = json!(password);
        }
        self.asked(event).await
    }

    /// Whether the right password opens the login, and whether a key may.
    async fn opens(&self) -> [bool; 2] {
        let password = password();
        let answers = [self.ask(&self.user, Some(&password)).await, self.ask(&self.user, None).await];
        answers.map(|answer| {
            assert!(answer == json!({}) || answer.get("Role").is_some(), "{answer}");
            answer != json!({})
        })
    }
}

/// The rig's connections all have this one.
fn password() -> String {
    password_of(&[9; 20])
}

/// Requests to the table so far.
fn reads(services: &Services) -> u64 {
    let counts = services.faults.counts();
    counts.iter().filter(|((service, _), _)| *service == Service::DynamoDb).map(|(_, count)| count).sum()
}

#[tokio::test]
async fn the_right_password_is_answered_by_role_policy_and_home() {
    let world = World::start().await;
    let answer = world.ask("acme-payroll-nightly", Some(&password())).await;
    let members: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["HomeDirectoryDetails", "HomeDirectoryType", "Policy", "Role"]);
    assert_eq!(answer["Role"], "arn:aws:iam::123456789012:role/sftp-users");
    // Text, not JSON: Transfer takes no other form.
    assert_eq!(
        answer["HomeDirectoryDetails"],
        r#"[{"Entry":"/inbound","Target":"/muster/sftp/acme-payroll-nightly/inbound"},{"Entry":"/errors","Target":"/muster/sftp/acme-payroll-nightly/errors"}]"#
    );
    assert!(answer["Policy"].as_str().unwrap().contains("arn:aws:s3:::muster/sftp/acme-payroll-nightly/inbound/*"));
}

#[tokio::test]
async fn an_offered_key_is_answered_by_the_keys_of_the_login() {
    let world = World::start().await;
    assert_eq!(world.ask("acme-payroll-nightly", None).await["PublicKeys"], json!([KEY]));
    assert_eq!(world.ask("acme-payroll-nightly", Some("")).await, world.ask("acme-payroll-nightly", None).await);
    world.change(LoginChange::Keys(Vec::new())).await;
    assert_eq!(world.opens().await, [true, false]);
}

#[tokio::test]
async fn whoever_is_refused_is_answered_alike_and_after_the_same_work() {
    let world = World::start().await;
    let elsewhere = Network::parse("198.51.100.0/24").unwrap();
    let right = password();
    let mut counted = Vec::new();
    let mut count = async |user: &str, password: Option<&str>| {
        let before = reads(&world.rig.services);
        let answer = world.ask(user, password).await;
        counted.push(reads(&world.rig.services) - before);
        answer
    };
    assert_ne!(count("acme-payroll-nightly", Some(&right)).await, json!({}));
    let nothing = json!({});
    for (user, password) in [
        ("acme-payroll-nightly", "wrong"),
        ("acme-other", &right),
        ("", &right),
        ("../acme-payroll-nightly", &right),
        ("Acme-Payroll-Nightly", &right),
    ] {
        assert_eq!(count(user, Some(password)).await, nothing, "{user}");
    }
    assert_eq!(count("acme-other", None).await, nothing);
    world.change(LoginChange::AllowedIps(vec![elsewhere])).await;
    assert_eq!(count("acme-payroll-nightly", Some(&right)).await, nothing, "from elsewhere");
    assert_eq!(count("acme-payroll-nightly", None).await, nothing, "from elsewhere, by key");
    world.change(LoginChange::AllowedIps(Vec::new())).await;
    world.change(LoginChange::Locked(true)).await;
    assert_eq!(count("acme-payroll-nightly", Some(&right)).await, nothing, "locked");
    assert_eq!(counted, vec![2; counted.len()]);
}

#[tokio::test]
async fn a_new_password_opens_and_the_one_before_does_not() {
    let world = World::start().await;
    world.change(LoginChange::Password("another".to_owned(), [5; 16])).await;
    assert_eq!(world.ask("acme-payroll-nightly", Some(&password())).await, json!({}));
    assert_ne!(world.ask("acme-payroll-nightly", Some("another")).await, json!({}));
}

#[tokio::test]
async fn a_connection_that_is_switched_off_has_a_login_that_opens_again_with_it() {
    let world = World::start().await;
    world.switch(Switch::Off).await;
    assert_eq!(world.opens().await, [false; 2]);
    world.switch(Switch::On).await;
    assert_eq!(world.opens().await, [true; 2]);
    world.switch(Switch::DeleteKeeping).await;
    assert_eq!(world.connection().await.status, ConnectionStatus::Deleted);
    assert_eq!(world.opens().await, [false; 2]);
}

#[tokio::test]
async fn an_account_that_may_have_no_files_any_more_has_logins_that_do_not_open() {
    let world = World::start().await;
    let (account, _) = world.rig.connection.clone().unwrap();
    let terms = |entitlements: &[Entitlement]| muster_sync::AccountTerms {
        name: String::new(),
        entitlements: entitlements.iter().copied().collect(),
    };
    let table = &world.ports.table;
    assert!(put_account_terms(table, &account, &terms(&[Entitlement::Sftp]), None).await.unwrap());
    assert_eq!(world.opens().await, [true; 2]);
    let (_, version) = muster_sync::account_terms(table, &account).await.unwrap().unwrap();
    assert!(put_account_terms(table, &account, &terms(&[Entitlement::Upload]), Some(version)).await.unwrap());
    assert_eq!(world.opens().await, [false; 2]);
}

#[tokio::test]
async fn an_event_of_another_shape_lets_nobody_in() {
    let world = World::start().await;
    for odd in [
        json!(null),
        json!([]),
        json!({}),
        json!({"username": 7, "password": password()}),
        json!("acme-payroll-nightly"),
    ] {
        assert_eq!(world.asked(odd.clone()).await, json!({}), "{odd}");
    }
    world.change(LoginChange::AllowedIps(vec![Network::parse("0.0.0.0/0").unwrap()])).await;
    let nowhere = json!({"username": "acme-payroll-nightly", "password": password(), "sourceIp": "somewhere"});
    assert_eq!(world.asked(nowhere).await, json!({}));
}

#[test]
fn the_document_for_users_made_by_hand_shows_what_the_function_hands_out() {
    let document = include_str!("../../docs/sftp.md");
    let mut shown = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut shown = || serde_json::from_str::<Value>(shown.next().expect("a block of JSON")).unwrap();
    let [bucket, role_arn, key_arn] = ["BUCKET", "arn:aws:iam::1:role/any", "KEY_ARN"].map(str::to_owned);
    let homes = HomesConfig { bucket, role_arn, key_arn };
    assert_eq!(shown(), homes.policy("${transfer:UserName}"));
    assert_eq!(shown(), homes.mappings("${transfer:UserName}"));
}
