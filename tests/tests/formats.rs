//! Stored formats.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use muster_tests::story::World;

#[tokio::test]
async fn told() {
    let mut world = World::told().await;
    let dump = world.dump().await;
    std::fs::write("/tmp/mig_dump.jsonl", dump.to_text()).unwrap();
    let mut again = World::from(&dump).await;
    let a = (world.go_on().await, world.picture().await);
    let b = (again.go_on().await, again.picture().await);
    std::fs::write("/tmp/mig_a", format!("{:#?}", a)).unwrap();
    std::fs::write("/tmp/mig_b", format!("{:#?}", b)).unwrap();
}
