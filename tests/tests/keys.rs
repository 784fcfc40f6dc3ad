//! Keys of uploaded objects and whose they are: B45 to B48 and T4 of the fault catalogue.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use muster_sync::{Objects, RunState};
use muster_tests::rig::Rig;

const FIELDS: &str = r#"
mode = "active"
[fields.unique_id]
from = "id"
[fields.first_name]
from = "name"
"#;

const FILE: &[u8] = b"id,name\n1,Ana\n2,Bo\n";

fn connection(account: &str) -> String {
    format!("account = \"{account}\"\nname = \"people\"\ngroup = \"{account} staff\"\n{FIELDS}")
}

/// Puts the file under this key and lets everything run; answers how many runs and people there are.
async fn uploaded(rig: &Rig, key: &str) -> (usize, usize) {
    rig.clock.advance(1_000);
    rig.put(key, FILE).await;
    rig.settle().await;
    (rig.runs().await.len(), rig.people().await.len())
}

/// B46, B47: a key comes URL-encoded in the event and is decoded exactly once.
#[tokio::test]
async fn b46_b47_odd_names_are_decoded_once_and_read() {
    for name in ["a+b.csv", "a b.csv", "a%2Fb.csv", "a%2B.csv", "Mitarbeiter_Zoë_社員.csv", "100%.csv", "a&b=c?d#e.csv"]
    {
        let rig = Rig::connected(&connection("acme")).await;
        let key = format!("inbox/{}/{name}", rig.user());
        assert_eq!(uploaded(&rig, &key).await, (1, 2), "{name}");
        assert_eq!((rig.last_run().await.state, rig.last_run().await.source.as_str()), (RunState::Applied, name));
    }
}

/// B47: the longest key there is.
#[tokio::test]
async fn b47_a_key_of_1024_bytes_is_read() {
    let rig = Rig::connected(&connection("acme")).await;
    let folder = format!("inbox/{}/", rig.user());
    let key = format!("{folder}{}.csv", "n".repeat(1024 - 4 - folder.len()));
    assert_eq!(uploaded(&rig, &key).await, (1, 2));
}

/// B45: nothing is written for anybody.
#[tokio::test]
async fn b45_a_key_that_is_no_plain_path_of_a_login_is_ignored() {
    let mut rig = Rig::default();
    rig.connect(&connection("other")).await;
    let others = rig.user();
    rig.connect(&connection("acme")).await;
    let own = rig.user();
    let keys = [
        format!("inbox/{own}/../{others}/people.csv"),
        format!("inbox/../inbox/{others}/people.csv"),
        format!("inbox/{own}%2F..%2F{others}/people.csv"),
        format!("inbox/%2E%2E/{others}/people.csv"),
        "inbox//people.csv".to_owned(),
        "inbox/../people.csv".to_owned(),
        "inbox/nobody/people.csv".to_owned(),
        format!("inbox/{}/people.csv", own.to_uppercase()),
        "inbox/people.csv".to_owned(),
        "people.csv".to_owned(),
        format!("errors/{own}/people.csv"),
        format!("sftp/{own}/inbound/people.csv"),
    ];
    for key in keys {
        rig.clock.advance(1_000);
        // Some keys the store itself does not take.
        if rig.ports().bucket.write(&key, FILE.to_vec(), "text/csv").await.is_err() {
            continue;
        }
        rig.settle().await;
        assert_eq!((rig.runs().await.len(), rig.people().await.len()), (0, 0), "{key}");
    }
    rig.connect(&connection("other")).await;
    assert_eq!((rig.runs().await.len(), rig.people().await.len()), (0, 0));
    assert!(rig.mails().is_empty());
}

/// B48: a file in a login's folder is that login's, and touches nobody of another account with the same ids.
#[tokio::test]
async fn b48_a_file_changes_the_account_of_its_folder_only() {
    let mut rig = Rig::default();
    rig.connect(&connection("other")).await;
    let others = rig.user();
    uploaded(&rig, &format!("inbox/{others}/people.csv")).await;
    let before = rig.picture().await;
    let other = rig.connection.clone();
    rig.connect(&connection("acme")).await;
    rig.clock.advance(1_000);
    let key = format!("inbox/{}/people.csv", rig.user());
    rig.put(&key, b"id,name\n1,Eve\n3,Mallory\n").await;
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 2);
    rig.connection = other;
    assert_eq!(rig.picture().await, before);
}

/// B48, T4: an object that says that another login uploaded it changes nothing for anybody.
#[tokio::test]
async fn b48_a_file_that_another_login_uploaded_is_refused() {
    let mut rig = Rig::default();
    rig.connect(&connection("other")).await;
    let others = rig.user();
    rig.connect(&connection("acme")).await;
    rig.clock.advance(1_000);
    let new = muster_local::s3::NewObject {
        bucket: "muster".into(),
        key: format!("inbox/{}/people.csv", rig.user()),
        metadata: [("user-agent-id".to_owned(), format!("{others}@s-local"))].into(),
        ..Default::default()
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), FILE).unwrap();
    rig.services.objects.put_file(new, file.path()).await.unwrap();
    rig.settle().await;
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Failed, 0));
    rig.connect(&connection("other")).await;
    assert_eq!((rig.runs().await.len(), rig.people().await.len()), (0, 0));
}
