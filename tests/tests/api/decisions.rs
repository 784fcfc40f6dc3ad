//! The page that the mail of a held plan leads to.

use std::collections::BTreeMap;

use muster_sync::{OutboxMail, PATIENCE_MS, Reporter, RunState, Told, Ways, decision_token};
use muster_tests::api::{Answer, Api, NoWeb};
use muster_tests::hand;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, csv, staff};
use muster_tests::tricky::{Trick, Tricky};

use crate::runs::{audited, held};

const FORM: &str = "application/x-www-form-urlencoded";

/// The path of the link in the mail of the newest run.
async fn link(rig: &Rig) -> String {
    let (connection, run) = (rig.stored().await, rig.last_run().await);
    let now_ms = i64::try_from(rig.clock.now_ms()).unwrap();
    let hash = &run.plan.as_ref().unwrap().hash;
    format!("/decisions/{}", decision_token(&connection, &run.id, hash, now_ms).unwrap())
}

async fn send(api: &Api<NoWeb>, link: &str, form: &str) -> Answer {
    api.as_nobody().ask("POST", link, Some((FORM, form))).await
}

#[track_caller]
fn is_page(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.text.contains(says), "{says:?} is missing: {}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    let policy = &answer.headers["content-security-policy"];
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !answer.text.contains("<script"), "{policy}");
    assert!(!answer.text.contains(" style=\""), "the policy takes no style of an element");
}

/// T6
#[tokio::test]
async fn programs_that_open_every_link_of_a_mail_decide_nothing() {
    let rig = held().await;
    let (api, link, before) = (Api::of(&rig), link(&rig).await, hand::dump(&rig).await);
    for _ in 0..3 {
        is_page(&api.as_nobody().get(&link).await, 200, "Approve and apply exactly this plan");
        let prefetch = api.as_nobody().with("sec-purpose", "prefetch;prerender").with("purpose", "prefetch");
        is_page(&prefetch.get(&link).await, 200, "Reject: change nothing");
        for method in ["HEAD", "OPTIONS", "PUT", "DELETE"] {
            api.as_nobody().ask(method, &link, None).await.expect(405);
        }
        for query in ["?decision=approve&decided_by=Ana", "?decision=reject&reason=x&decided_by=Ana"] {
            api.as_nobody().get(&format!("{link}{query}")).await.expect(200);
        }
        api.as_nobody().ask("POST", &link, None).await.expect(400);
        api.as_nobody().ask("POST", &link, Some(("application/json", "{\"decision\":\"approve\"}"))).await.expect(415);
        for form in [
            "",
            "decision=",
            "decided_by=Ana",
            "decision=approve&decision=approve",
            "decision=maybe&decided_by=Ana",
            "a=%FF",
        ] {
            assert_eq!(send(&api, &link, form).await.status, 400, "{form}");
        }
    }
    assert_eq!(hand::dump(&rig).await, before);
    rig.settle().await;
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Held, 40));
}

#[tokio::test]
async fn the_page_shows_the_plan_and_no_person() {
    let rig = held().await;
    let page = Api::of(&rig).as_nobody().get(&link(&rig).await).await;
    let hash = rig.last_run().await.plan.unwrap().hash;
    for part in ["Removals and deactivations", "Payroll nightly", "Removed", DAYS[1], &hash, "name=\"decided_by\""] {
        is_page(&page, 200, part);
    }
    assert!(!page.text.contains("hr@acme.example") && !page.text.contains("P35"), "{}", page.text);
}

#[tokio::test]
async fn who_has_the_link_approves_with_a_name_and_that_is_told() {
    let rig = held().await;
    let (api, link) = (Api::of(&rig), link(&rig).await);
    let form = "decision=approve&decided_by=Ana+M%C3%BCller&reason=";
    is_page(&send(&api, &link, form).await, 200, "Approved");
    is_page(&send(&api, &link, form).await, 200, "Approved");
    rig.settle().await;
    is_page(&send(&api, &link, form).await, 200, "Approved");
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Applied, 30));
    assert_eq!(audited(&api).await, ["run.approved mail link:Ana Müller"]);
    is_page(&api.as_nobody().get(&link).await, 409, "It was approved and is applied");
    is_page(&send(&api, &link, "decision=reject&decided_by=Ana&reason=late").await, 409, "This plan is decided");
}

#[tokio::test]
async fn a_rejection_needs_a_name_and_a_reason() {
    let rig = held().await;
    let (api, link) = (Api::of(&rig), link(&rig).await);
    let long = format!("decision=approve&decided_by={}", "x".repeat(101));
    for form in ["decision=approve&decided_by=+", &long, "decision=reject&decided_by=&reason=x"] {
        is_page(&send(&api, &link, form).await, 422, "Say who you are");
    }
    let again = send(&api, &link, "decision=reject&decided_by=%22%3E%3Cscript%3E&reason=+").await;
    is_page(&again, 422, "Say why you reject the plan");
    assert_eq!((rig.last_run().await.state, audited(&api).await), (RunState::Held, Vec::new()));
    is_page(&send(&api, &link, "decision=reject&decided_by=Ana&reason=too+many").await, 200, "Rejected");
    is_page(&send(&api, &link, "decision=reject&decided_by=Ana&reason=too+many").await, 200, "Rejected");
    let run = rig.last_run().await;
    assert_eq!((run.state, run.reason.as_deref()), (RunState::Rejected, Some("too many")));
    assert_eq!(audited(&api).await, ["run.rejected mail link:Ana"]);
    is_page(&send(&api, &link, "decision=approve&decided_by=Ana").await, 409, "It was rejected");
}

#[tokio::test]
async fn a_link_decides_for_seven_days() {
    const DAY_MS: u64 = 24 * 3_600_000;
    let rig = held().await;
    let (api, link) = (Api::of(&rig), link(&rig).await);
    rig.clock.advance(7 * DAY_MS - 1);
    is_page(&api.as_nobody().get(&link).await, 200, "Your decision");
    rig.clock.advance(1);
    is_page(&api.as_nobody().get(&link).await, 410, "expired");
    is_page(&send(&api, &link, "decision=approve&decided_by=Ana").await, 410, "expired");
    assert_eq!((rig.last_run().await.state, audited(&api).await), (RunState::Held, Vec::new()));
}

#[tokio::test]
async fn a_link_that_was_changed_or_made_up_is_not_valid() {
    let rig = held().await;
    let (api, link) = (Api::of(&rig), link(&rig).await);
    let mut other = rig.stored().await;
    other.link_key = "0".repeat(64);
    let run = rig.last_run().await;
    let hash = &run.plan.as_ref().unwrap().hash;
    let forged = decision_token(&other, &run.id, hash, i64::try_from(rig.clock.now_ms()).unwrap()).unwrap();
    other.id = muster_core::ids::ConnectionId::parse("acme-none").unwrap();
    let nowhere = decision_token(&other, &run.id, hash, i64::try_from(rig.clock.now_ms()).unwrap()).unwrap();
    let (said, mac) = link.split_once('.').unwrap();
    let cut = format!("{said}.{}", &mac[..mac.len() - 2]);
    for link in [
        cut,
        format!("{said}."),
        format!("/decisions/{forged}"),
        format!("/decisions/{nowhere}"),
        "/decisions/x".into(),
    ] {
        is_page(&api.as_nobody().get(&link).await, 404, "not valid");
        is_page(&send(&api, &link, "decision=approve&decided_by=Ana").await, 404, "not valid");
    }
    assert_eq!((rig.last_run().await.state, audited(&api).await), (RunState::Held, Vec::new()));
}

#[tokio::test]
async fn a_link_is_about_the_plan_of_its_mail_and_no_other() {
    let rig = held().await;
    let (api, old) = (Api::of(&rig), link(&rig).await);
    rig.upload(DAYS[2], &csv(&staff(29))).await;
    rig.settle().await;
    is_page(&api.as_nobody().get(&old).await, 409, "A newer source took its place");
    is_page(&send(&api, &old, "decision=approve&decided_by=Ana").await, 409, "This plan is decided");
    let (connection, run) = (rig.stored().await, rig.last_run().await);
    let now_ms = i64::try_from(rig.clock.now_ms()).unwrap();
    let another = decision_token(&connection, &run.id, &"0".repeat(64), now_ms).unwrap();
    let another = format!("/decisions/{another}");
    is_page(&api.as_nobody().get(&another).await, 409, "another one now");
    is_page(&send(&api, &another, "decision=approve&decided_by=Ana").await, 409, "another one now");
    rig.settle().await;
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Held, 40));
}

#[tokio::test]
async fn a_stale_plan_is_made_anew_and_not_applied() {
    let rig = held().await;
    // Another run wrote to the directory since: the waiting plan was made against an older one.
    let first = rig.runs().await.remove(0);
    let (api, link) = (Api::of(&rig), link(&rig).await);
    let undo = rig.roll_back(&first).await;
    rig.settle().await;
    let undo = rig.runs().await.into_iter().find(|run| run.id == undo).unwrap();
    if undo.state == RunState::Held {
        rig.approve(&undo).await.unwrap();
        rig.settle().await;
    }
    assert_eq!(rig.people().await.len(), 0);
    is_page(&send(&api, &link, "decision=approve&decided_by=Ana").await, 409, "being made anew");
    assert_eq!(audited(&api).await, [""; 0]);
}

/// Whether the held mail of a rig leads to the page, by where pages are.
async fn mailed(public_url: Option<&str>) -> (Rig, String) {
    let rig = Rig::connected(muster_tests::sample::STAFF).await;
    rig.upload(DAYS[0], &csv(&staff(40))).await;
    rig.settle().await;
    rig.upload(DAYS[1], &csv(&staff(30))).await;
    let calm = Tricky::new(&rig.services, |_| Trick::Pass);
    hand::step(&rig, "import", &calm).await.unwrap();
    let (ports, run) = (rig.ports(), rig.last_run().await);
    let ways = Ways {
        approve: "approve run {run} with {hash}".into(),
        reject: "reject run {run}".into(),
        public_url: public_url.map(str::to_owned),
    };
    let reporter = Reporter {
        ledger: &ports.table,
        objects: &ports.bucket,
        queue: &ports.queues,
        mailer: ports.mail.as_ref().unwrap(),
        clock: &ports.clock,
        patience_ms: PATIENCE_MS,
        ways: &ways,
    };
    let told = reporter.tell(&OutboxMail::of(&run, muster_sync::MailKind::Held)).await.unwrap();
    assert_eq!(told, Told::Sent);
    let mail = rig.services.ses.mails().pop().unwrap();
    assert_eq!(mail.text.contains("approve run"), public_url.is_none(), "{}", mail.text);
    (rig, mail.text)
}

#[tokio::test]
async fn the_mail_of_a_held_plan_leads_to_its_page() {
    let (rig, text) = mailed(Some("https://muster.test/")).await;
    let links: Vec<_> = text.split_whitespace().filter(|word| word.starts_with("https://")).collect();
    assert_eq!(links.len(), 1, "{text}");
    let path = links[0].strip_prefix("https://muster.test").unwrap();
    is_page(&Api::of(&rig).as_nobody().get(path).await, 200, "Your decision");
}

#[tokio::test]
async fn a_mail_says_how_to_decide_where_there_is_no_page() {
    let (rig, text) = mailed(None).await;
    let counts: BTreeMap<_, _> = [("/decisions/", false), ("reject run", true)].into();
    for (part, there) in counts {
        assert_eq!(text.contains(part), there, "{part}: {text}");
    }
    assert_eq!(rig.last_run().await.state, RunState::Held);
}
