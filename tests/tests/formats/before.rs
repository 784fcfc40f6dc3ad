//! Data of before: it is read, and work goes on with it as with one's own.

use muster_core::format::{Carried, FORMATS};
use muster_tests::forms::form_of;
use muster_tests::story::{World, without_ids};

/// How the story goes on and where it ends.
async fn end_of(mut world: World) -> Vec<String> {
    let noted = world.go_on().await;
    let picture = world.picture().await;
    noted.iter().chain(&picture).map(|line| without_ids(line)).collect()
}

#[tokio::test]
async fn data_of_the_version_before_is_read_by_every_function() {
    let expected = end_of(World::told().await).await;
    let says = |what: &str| assert!(expected.iter().any(|line| line.contains(what)), "{what}: {expected:#?}");
    says("approve: 200 <h1>Approved</h1>");
    says("\"intact\":true");
    says("undo of people_20261122.csv applied");
    says("People: run everybody at finch applied");
    assert!(expected.iter().filter(|line| *line == "messages left: 0").count() == 2, "{expected:#?}");
    for release in super::releases() {
        let found = end_of(World::from(&super::stored_by(&release)).await).await;
        let other: Vec<_> = found.iter().zip(&expected).filter(|(found, expected)| found != expected).collect();
        assert!(other.is_empty() && found.len() == expected.len(), "stored by {release}: {other:#?}");
    }
}

#[tokio::test]
async fn every_stored_thing_has_a_form_and_the_story_leaves_every_form() {
    let dump = World::told().await.dump().await;
    let forms: Vec<_> = dump.0.iter().filter_map(|kept| form_of(kept).unwrap()).collect();
    for format in FORMATS.iter().filter(|format| format.name != "cursor") {
        assert!(forms.contains(format), "the story leaves no {}", format.name);
    }
    let numbers = FORMATS.iter().filter(|format| format.carried == Carried::Item);
    assert!(numbers.count() > 15);
}
