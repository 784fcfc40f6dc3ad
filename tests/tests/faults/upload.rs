//! Uploads that are no whole files, and objects that are no uploads.

use muster_sync::RunState;
use muster_tests::hand;
use muster_tests::sample::{DAYS, day};

use super::{check_same, first_day, last_mail, people, undisturbed};

/// F26: the part of a file that came before the session was cut.
#[tokio::test]
async fn a_fragment_of_an_upload_is_held_back_and_told_of_f26() {
    let rig = first_day().await;
    let (file, before) = (day(1), people(&rig.picture().await));
    for part in [file.len() / 2, file.len() * 95 / 100, file.len()] {
        rig.clock.advance(1_000);
        rig.put(&format!("partial/{}/{}", rig.user(), DAYS[1]), &file[..part]).await;
        rig.settle().await;
        let run = rig.last_run().await;
        assert_eq!(run.state, RunState::Failed, "{run:?}");
        assert!(last_mail(&rig).1.contains("broke off"), "{:?}", last_mail(&rig));
        check_same("a fragment", &people(&rig.picture().await), &before);
    }
    rig.upload(DAYS[1], &file).await;
    rig.settle().await;
    check_same("whole", &people(&rig.picture().await), &people(&undisturbed(2).await));
}

/// F26: where a fragment came into the inbox all the same, its torn last row gives it away.
#[tokio::test]
async fn a_torn_file_in_the_inbox_removes_nobody_f26() {
    let file = day(1);
    for cut in [1, 2, 5, 9] {
        let rig = first_day().await;
        rig.upload(DAYS[1], &file[..file.len() - 20 - cut]).await;
        rig.settle().await;
        let kept = rig.people().await;
        assert!((0..40).all(|n| kept.contains_key(&format!("{n:04}"))), "cut by {cut}: {:?}", rig.last_run().await);
    }
}

async fn check_ignored(key: &str, bytes: &[u8]) {
    let rig = first_day().await;
    let before = rig.picture().await;
    rig.put(&key.replace("USER", &rig.user()), bytes).await;
    hand::announce(&rig, "ObjectCreated:Put", &key.replace("USER", &rig.user()), bytes.len() as u64);
    rig.settle().await;
    check_same(key, &rig.picture().await, &before);
}

#[tokio::test]
async fn names_in_transit_and_folders_are_no_files_f27() {
    for name in [
        "people_20261122.csv.filepart",
        "people_20261122.csv.part",
        "people_20261122.csv.tmp",
        ".people_20261122.csv",
        ".people_20261122.csv.swp",
    ] {
        check_ignored(&format!("inbox/USER/{name}"), &day(1)).await;
    }
    for folder in ["inbox/USER/", "inbox/USER/sub/", "sftp/USER/inbound/", "inbox/"] {
        check_ignored(folder, b"").await;
    }
}

/// F27: a rename on the server is a copy within the landing folder; it is the customer's word that the file is whole.
#[tokio::test]
async fn a_renamed_upload_is_taken_once_f27() {
    let rig = first_day().await;
    rig.upload(&format!("{}.filepart", DAYS[1]), &day(1)).await;
    rig.settle().await;
    check_same("in transit", &rig.picture().await, &undisturbed(1).await);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    check_same("renamed", &rig.picture().await, &undisturbed(2).await);
}

/// F28: neither our own error file nor an upload beside it is ever a source.
#[tokio::test]
async fn the_errors_folder_is_never_read_f28() {
    for event in ["ObjectCreated:Put", "ObjectCreated:Copy"] {
        let rig = first_day().await;
        let before = rig.picture().await;
        for key in [format!("sftp/{}/errors/{}", rig.user(), DAYS[1]), format!("sftp/{}/{}", rig.user(), DAYS[1])] {
            rig.put(&key, &day(1)).await;
            hand::announce(&rig, event, &key, day(1).len() as u64);
        }
        rig.settle().await;
        check_same(event, &rig.picture().await, &before);
    }
}

/// F28: a run that writes an error file causes no other run; one sent back under its own name is told of, not read.
#[tokio::test]
async fn our_own_error_file_makes_no_loop_f28() {
    let rig = first_day().await;
    let mut file = day(1);
    file.extend_from_slice(b"0003,Twin,Ops,A\n,Nobody,Ops,A\n");
    rig.upload(DAYS[1], &file).await;
    rig.settle().await;
    assert_eq!(rig.runs().await.len(), 2);
    let errors = rig.services.objects.list("muster", &format!("sftp/{}/errors/", rig.user()));
    assert_eq!(errors.len(), 1, "{errors:?}");
    let name = errors[0].key.rsplit('/').next().unwrap();
    let before = people(&rig.picture().await);
    rig.upload(name, &day(2)).await;
    rig.settle().await;
    assert_eq!((rig.runs().await.len(), rig.last_run().await.state), (3, RunState::Failed));
    check_same("sent back", &people(&rig.picture().await), &before);
}
