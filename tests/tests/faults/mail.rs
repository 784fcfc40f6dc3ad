//! Mails that the mail service refuses, or takes without saying so.

use muster_local::{Fault, FaultKind, Service};
use muster_sync::RunState;
use muster_tests::hand;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, day};
use muster_tests::tricky::Tricky;

use super::first_day;

fn mails_fail(rig: &Rig, kind: FaultKind, times: u32) {
    rig.services.faults.add(Fault { service: Service::Ses, operation: None, kind, skip: 0, times });
}

fn refuse(status: u16, code: &str) -> FaultKind {
    FaultKind::Refuse { status, code: code.to_owned() }
}

/// A second day whose mail meets a fault; how many mails tell of it.
async fn second_day(kind: FaultKind, times: u32) -> (Rig, Vec<String>) {
    let rig = first_day().await;
    mails_fail(&rig, kind, times);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Applied);
    let mails = rig.mails().split_off(1);
    (rig, mails)
}

#[tokio::test]
async fn a_mail_refused_for_now_is_sent_once_and_unlabelled_f29() {
    for code in ["TooManyRequestsException", "SendingPausedException", "LimitExceededException"] {
        let (_, mails) = second_day(refuse(if code.starts_with("Too") { 429 } else { 400 }, code), 4).await;
        assert_eq!(mails.len(), 1, "{code}: {mails:?}");
        assert!(mails[0].starts_with("Applied"), "{code}: {mails:?}");
    }
}

/// The run stays applied, the mail is given up once, and the next run's mail goes out.
#[tokio::test]
async fn a_mail_refused_for_good_is_given_up_and_the_run_stays_applied_f29() {
    for code in ["MessageRejected", "AccountSuspendedException", "MailFromDomainNotVerifiedException"] {
        let (rig, mails) = second_day(refuse(400, code), 1).await;
        assert_eq!(mails, [""; 0], "{code}");
        let items = hand::dump(&rig).await;
        let refused = items.values().filter(|item| item["state"]["S"] == "refused");
        let reasons: Vec<_> = refused.map(|item| item["reason"]["S"].as_str().unwrap().to_owned()).collect();
        assert!(reasons.len() == 1 && reasons[0].contains(code), "{reasons:?}");
        rig.upload(DAYS[2], &day(2)).await;
        rig.settle().await;
        assert_eq!(rig.mails().len(), 2, "{code}: {:?}", rig.mails());
    }
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_is_not_sent_twice_f30() {
    for kind in [FaultKind::LoseAnswer, FaultKind::FailAfter] {
        let (_, mails) = second_day(kind.clone(), 1).await;
        assert_eq!(mails.len(), 1, "{kind:?}: {mails:?}");
        assert!(!mails[0].contains("sent again"), "{kind:?}: {mails:?}");
    }
}

/// Without the mail service's event nobody knows: after the patience one more goes out, and says so.
#[tokio::test]
async fn a_mail_nobody_confirms_is_sent_once_more_with_a_label_f30() {
    let rig = first_day().await;
    mails_fail(&rig, FaultKind::LoseAnswer, 1);
    rig.upload(DAYS[1], &day(1)).await;
    let honest = Tricky::honest(&rig.services);
    let begin = rig.clock.now_ms();
    for _ in 0..200 {
        for queue in hand::QUEUES {
            hand::step(&rig, queue, &honest).await;
        }
        hand::lose_mail_events(&rig);
        if rig.mails().len() == 2 {
            assert!(rig.clock.now_ms() - begin < 15 * 60_000 || rig.services.sqs.peek("report").len() == 1);
        }
        rig.clock.advance(hand::HIDDEN_MS);
    }
    let mails = rig.mails().split_off(1);
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert!(!mails[0].starts_with("(sent again)") && mails[1].starts_with("(sent again)"), "{mails:?}");
    assert!(rig.services.sqs.peek("report").is_empty());
}
