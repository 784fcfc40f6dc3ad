//! T5, T8, T9: what hostile or careless files do to people, error files and mails.

use muster_sync::RunState;
use muster_tests::sample::{csv, staff};

use super::{check_same, first_day, people};

/// T5: removals that stay below the gate each day, and not together.
#[tokio::test]
async fn small_removals_day_after_day_are_held_in_the_end_t5() {
    let rig = first_day().await;
    let mut states = Vec::new();
    for day in 0..6 {
        rig.clock.advance(20 * 3_600_000);
        rig.upload(&format!("people_202612{:02}.csv", day + 1), &csv(&staff(37 - 3 * day))).await;
        rig.settle().await;
        states.push(rig.last_run().await.state);
        if states.last() == Some(&RunState::Held) {
            break;
        }
    }
    assert!(states.len() > 1 && states.last() == Some(&RunState::Held), "{states:?}");
    assert!(rig.people().await.len() >= 28, "{}", rig.people().await.len());
}

const HOSTILE: [&str; 6] = [
    "=cmd|'/c calc'!A0",
    "+1+1",
    "@SUM(1)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><a href=https://evil.example>x</a>",
];

/// T8, T9: hostile values are data in the directory, and nothing but text in error file and mail.
#[tokio::test]
async fn hostile_values_are_neutral_in_every_output_t8_t9() {
    let rig = first_day().await;
    let before = people(&rig.picture().await);
    let mut rows = staff(40);
    for (n, value) in HOSTILE.iter().enumerate() {
        let value = value.replace('"', "\"\"");
        // Twice the same id: an error of both rows, so that both are quoted in the error file and the mail.
        rows.push(format!("70{n},\"{value}\",\"{value}\",A"));
        rows.push(format!("70{n},\"{value}\",\"{value}\",A"));
        rows.push(format!("70{n},\"{value}2\",\"{value}\",A"));
    }
    rig.upload("people_20261201.csv", &csv(&rows)).await;
    rig.settle().await;
    check_same("hostile", &people(&rig.picture().await), &before);
    let mail = rig.services.ses.mails().pop().unwrap();
    for tag in ["<script", "<img src=x", "<a href=https://evil"] {
        assert!(!mail.html.contains(tag), "{tag}");
    }
    assert!(!mail.subject.contains(['\r', '\n', '<']), "{:?}", mail.subject);
    let key = rig.services.objects.list("muster", &format!("sftp/{}/errors/", rig.user())).pop().unwrap().key;
    let file = {
        use muster_sync::Objects;
        String::from_utf8(rig.ports().bucket.read(&key).await.unwrap().unwrap()).unwrap()
    };
    for line in file.lines() {
        for cell in line.split(',').map(|cell| cell.trim_start_matches('"')) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{cell:?} in {line}");
        }
    }
    assert!(file.contains("=cmd"), "{file}");
}
