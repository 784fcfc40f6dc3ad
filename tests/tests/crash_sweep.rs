//! Every call of an import is tried as the one at which the process dies, loses an answer or is refused.
//! However it goes, people, groups, runs and mails end as in an undisturbed import.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a test that tells how many points it tried")]

use muster_tests::faulty::Fault;
use muster_tests::naive;
use muster_tests::rig::Rig;

const CONNECTION: &str = r#"
account = "acme"
name = "Payroll"
group = "Acme staff"
mode = "active"
group_by = ["department"]
report_to = ["hr@acme.example"]
[gates]
removals = "50%"
new = "100%"
[fields.unique_id]
from = "id"
[fields.first_name]
from = "name"
[fields.email_1]
from = "mail"
[fields.department]
from = "dept"
[fields.employment_status]
from = "status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
"#;

const DAY_1: &str = "id,name,mail,dept,status\n1,Ana,ana@acme.example,Sales,A\n2,Bo,bo@acme.example,Ops,A\n3,Cy,,Ops,A\n4,Di,,Sales,L\n5,Ed,,Ops,A\n";
const DAY_2: &str = "id,name,mail,dept,status\n1,Anna,ana@acme.example,Sales,A\n2,Bo,bo@acme.example,Ops,L\n3,Cy,no mail,Ops,A\n4,Di,,Sales,A\n6,Flo,,Legal,A\n";

/// A rig on which day 1 is applied and day 2 is uploaded.
async fn second_day() -> Rig {
    let rig = Rig::connected(CONNECTION).await;
    rig.upload("day1.csv", DAY_1.as_bytes()).await;
    rig.settle().await;
    rig.upload("day2.csv", DAY_2.as_bytes()).await;
    rig
}

async fn undisturbed() -> (Vec<String>, usize) {
    let rig = second_day().await;
    let calls = rig.settle_with(&[]).await;
    (rig.picture().await, calls)
}

/// What a second try of a mail may look like: the mail service took the first one's place at most once.
fn plain(picture: Vec<String>) -> Vec<String> {
    picture.into_iter().map(|line| line.replace("(sent again) ", "")).collect()
}

async fn check(expected: &[String], lives: &[&[(usize, Fault)]]) -> Result<(), String> {
    let rig = second_day().await;
    rig.settle_with(lives).await;
    let found = plain(rig.picture().await);
    if found == expected { Ok(()) } else { Err(format!("{lives:?}\n  expected {expected:#?}\n  found {found:#?}")) }
}

/// One or two lives, each with the call at which it fails.
type Lives = Vec<[(usize, Fault); 1]>;

/// Tries every point, as many side by side as there are cores.
fn sweep(name: &str, expected: &[String], points: &[Lives]) {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let share = points.len().div_ceil(cores);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers = points.chunks(share).map(|points| scope.spawn(move || wrong_among(expected, points)));
        workers.collect::<Vec<_>>().into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    println!("{name}: {} points, {} wrong", points.len(), wrong.len());
    assert!(wrong.is_empty(), "{name}: {} of {} wrong, the first: {}", wrong.len(), points.len(), wrong[0]);
}

fn wrong_among(expected: &[String], points: &[Lives]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let one = |lives: &Lives| {
        let lives: Vec<&[(usize, Fault)]> = lives.iter().map(|life| life.as_slice()).collect();
        runtime.block_on(check(expected, &lives)).err()
    };
    points.iter().filter_map(one).collect()
}

#[tokio::test]
async fn every_single_crash_point_ends_as_undisturbed_f09_f10_f15_f19() {
    let (expected, calls) = undisturbed().await;
    assert!(expected.iter().any(|line| line.starts_with("person 6")), "{expected:#?}");
    let faults = [Fault::KillBefore, Fault::KillAfter, Fault::LoseAnswer, Fault::Throttle(1), Fault::Throttle(5)];
    let points: Vec<Lives> = faults.iter().flat_map(|fault| (0..calls).map(|call| vec![[(call, *fault)]])).collect();
    sweep("single", &expected, &points);
}

#[tokio::test]
async fn a_thousand_pairs_of_crash_points_end_as_undisturbed_f11() {
    let (expected, calls) = undisturbed().await;
    let faults = [Fault::KillBefore, Fault::KillAfter, Fault::LoseAnswer, Fault::Throttle(3)];
    let mut state = 0x5eed_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut life = || [(draw(calls), faults[draw(faults.len())])];
    let points: Vec<Lives> = (0..1_000).map(|_| vec![life(), life()]).collect();
    sweep("pairs", &expected, &points);
}

#[tokio::test]
async fn the_sweep_sees_the_faults_of_a_naive_importer() {
    let calls = naive::run(&[]).await.1;
    let expected = naive::run(&[]).await.0;
    let mut wrong = 0;
    for fault in [Fault::KillBefore, Fault::KillAfter, Fault::LoseAnswer] {
        for call in 0..calls {
            wrong += usize::from(naive::run(&[(call, fault)]).await.0 != expected);
        }
    }
    println!("naive: {} points, {wrong} wrong", calls * 3);
    assert!(wrong * 4 > calls, "only {wrong} of {} points are seen", calls * 3);
}
