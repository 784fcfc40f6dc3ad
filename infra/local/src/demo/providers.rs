//! The steps with a provider: people of an HR system that has an API, by the schedule, by webhooks and by asking.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use muster_core::{field::Field, issue::Code};
use muster_sync::Person;
use serde_json::json;

use super::{
    call,
    hr::{CONNECTION_KEY, Hr, SECRET, changed, connect, poll_now},
    looks::Directory,
    scene::Scene,
    steps::{hash, told},
    story::Story,
};

/// People of the made-up HR system.
const PEOPLE: usize = 200;
/// The runs' source.
const SOURCE: &str = "everybody at finch";
/// A secret that nobody has given to Muster.
const WRONG_SECRET: &str = "bm90LXRoZS1zZWNyZXQtb2YtdGhlLWNvbm5lY3Rpb24=";

/// Tells the part of the story that a provider is in. The scene's connection is as before afterwards.
///
/// # Errors
/// When a step cannot go on at all.
pub(super) async fn all(scene: &mut Scene<'_>, story: &mut Story) -> anyhow::Result<()> {
    let before = scene.connection.clone();
    let mut hr = Hr::new(scene, PEOPLE as u64).await?;
    first_listing(scene, story, &mut hr).await?;
    let hired = hired(scene, story, &mut hr).await?;
    forged(scene, story, &hr, &hired).await?;
    leaver(scene, story, &hr).await?;
    trouble(scene, story, &hr).await?;
    scene.connection = before;
    Ok(())
}

async fn first_listing(scene: &mut Scene<'_>, story: &mut Story, hr: &mut Hr) -> anyhow::Result<()> {
    story.step("An HR system with an API is connected: the schedule fetches everybody, and the plan is held");
    let begun = Instant::now();
    let preview = hr.preview.clone();
    connect(scene, hr, &preview).await?;
    story.line(&format!("{}: a fake Finch with {PEOPLE} people", hr.file.display()));
    let run = scene.rested(SOURCE).await?;
    story.check("the run is", run.run.state.as_str(), "held");
    story.check("because of", run.run.held.join(", ").as_str(), "preview");
    story.check("people to add", run.run.counts.added, PEOPLE as u64);
    story.check("people in the directory", scene.directory().await?.people.len(), 0);
    told(scene, story, begun).await?;
    let begun = Instant::now();
    story.line(&format!("approved: run {}, hash {}", run.run.id, hash(&run)));
    scene.approve(&run.run).await?;
    let run = scene.ended(SOURCE).await?;
    story.check("the run is", run.run.state.as_str(), "applied");
    let directory = scene.directory().await?;
    story.line(&format!("the largest groups: {}", directory.largest(4)));
    story.check("people in the directory", directory.people.len(), PEOPLE);
    let whole = directory.groups.iter().find(|group| group.name == "Finch staff").map_or(0, |group| group.members);
    story.check("members of Finch staff", whole, PEOPLE as u64);
    story.check("groups whose members are miscounted", directory.wrong_groups(), 0);
    told(scene, story, begun).await?;
    Ok(())
}

/// Answers the provider's id of who was hired.
async fn hired(scene: &mut Scene<'_>, story: &mut Story, hr: &mut Hr) -> anyhow::Result<String> {
    story.step("Somebody is hired at the provider: its signed webhook brings them at once");
    let active = hr.preview.replace("mode = \"preview\"", "mode = \"active\"");
    connect(scene, hr, &active).await?;
    story.line(&format!("webhooks to {}", hr.webhook_url));
    let keys = json!({"connection_id": connection_key(scene)});
    hr.control("POST", "webhook_url", &json!({"url": hr.webhook_url, "connection_keys": keys})).await?;
    let begun = Instant::now();
    let person = json!({
        "first_name": "Noor", "last_name": "Haddad", "work_email": "noor.haddad@acme.example", "title": "Nurse",
        "department": "Night Shift",
    });
    let added = hr.control("POST", "people", &person).await?;
    let id = added["id"].as_str().context("an id")?.to_owned();
    let took = changed(scene, &id, begun, |stored| stored.removed_ms.is_none()).await?;
    story.line(&format!(
        "from the change at the provider to the changed directory: {} ms, with the start of two processes",
        took.as_millis()
    ));
    let answers = hr.answers(0).await?;
    story.holds(
        "the webhooks are answered with 200",
        answers.iter().all(|status| status == 200),
        &json!(answers).to_string(),
    );
    scene.quiet().await?;
    let directory = scene.directory().await?;
    story.check("people in the directory", directory.people.len(), PEOPLE + 1);
    let expected =
        "Noor Haddad, noor.haddad@acme.example, Nurse, Night Shift, active; in Department: Night Shift, Finch staff";
    story.check("the person is", shown(directory.people.get(&id)).as_str(), expected);
    story.check("groups whose members are miscounted", directory.wrong_groups(), 0);
    let begun = Instant::now();
    hr.control("PATCH", &format!("people/{id}"), &json!({"title": "Head Nurse"})).await?;
    let took = changed(scene, &id, begun, |stored| has_title(stored, "Head Nurse")).await?;
    story.line(&format!("a new title, with both processes at hand: {} ms", took.as_millis()));
    hr.answers(answers.len()).await?;
    scene.quiet().await?;
    let expected = expected.replace("Nurse, N", "Head Nurse, N");
    story.check("the person is", shown(scene.directory().await?.people.get(&id)), expected);
    Ok(id)
}

async fn forged(scene: &mut Scene<'_>, story: &mut Story, hr: &Hr, id: &str) -> anyhow::Result<()> {
    story.step("A forged webhook is refused, whatever it says");
    let before = scene.directory().await?;
    // Without the forgery there would be something to find.
    hr.control("PATCH", &format!("people/{id}?quiet=true"), &json!({"title": "Director"})).await?;
    let body = json!({
        "connection_id": connection_key(scene), "event_type": "employment.updated", "data": {"individual_id": id},
    })
    .to_string();
    story.check("with a wrong signature the answer is", deliver(hr, &body, WRONG_SECRET).await?, 401);
    scene.quiet().await?;
    story.check("people changed", scene.directory().await?.differing(&before), 0);
    let begun = Instant::now();
    story.check("the same body with the right one", deliver(hr, &body, SECRET).await?, 200);
    let took = changed(scene, id, begun, |stored| has_title(stored, "Director")).await?;
    story.line(&format!("the directory has changed after {} ms", took.as_millis()));
    scene.quiet().await?;
    story.check("people changed", scene.directory().await?.differing(&before), 1);
    Ok(())
}

async fn leaver(scene: &mut Scene<'_>, story: &mut Story, hr: &Hr) -> anyhow::Result<()> {
    story.step("Webhooks stop, and somebody leaves: the next listing finds it");
    // None of them any more, not even that the provider has renewed its copy: that would bring a listing of its own.
    hr.control("POST", "webhook_url", &json!({"url": null})).await?;
    let before = scene.directory().await?;
    let id = hr.id_of(5).await?;
    hr.control("DELETE", &format!("people/{id}?quiet=true"), &json!({})).await?;
    let begun = Instant::now();
    let run = poll_now(scene).await?;
    story.line(&format!(
        "poll now, {} people read, planned and applied: {} ms",
        run.run.counts.rows,
        begun.elapsed().as_millis()
    ));
    story.check("the run is", run.run.state.as_str(), "applied");
    story.check("it removes", run.run.counts.removed, 1);
    let after = scene.directory().await?;
    story.holds("the one who left is gone", !after.people.contains_key(&id), "the person");
    story.check("people changed", after.differing(&before), 1);
    told(scene, story, begun).await?;
    Ok(())
}

async fn trouble(scene: &mut Scene<'_>, story: &mut Story, hr: &Hr) -> anyhow::Result<()> {
    story.step("The provider misbehaves: nobody is removed for it, and the run says what happened");
    let before = scene.directory().await?;
    let id = hr.id_of(7).await?;
    hr.control("DELETE", &format!("people/{id}?quiet=true"), &json!({})).await?;
    story.line("somebody leaves, and then the pages end too early");
    cut_short(scene, story, hr, &before).await?;
    refused(scene, story, hr, &before).await?;
    hr.control("POST", "behave", &json!({})).await?;
    let begun = Instant::now();
    let run = poll_now(scene).await?;
    story.check("it works again: the run is", run.run.state.as_str(), "applied");
    story.check("the connection is", status(scene).await?.as_str(), "connected");
    let after = scene.directory().await?;
    story.holds("the one who left is gone", !after.people.contains_key(&id), "the person");
    story.check("people changed", after.differing(&before), 1);
    told(scene, story, begun).await?;
    Ok(())
}

async fn cut_short(scene: &mut Scene<'_>, story: &mut Story, hr: &Hr, before: &Directory) -> anyhow::Result<()> {
    hr.control("POST", "misbehave", &json!({"kind": "truncated_page"})).await?;
    let begun = Instant::now();
    let run = poll_now(scene).await?;
    story.check("the run is", run.run.state.as_str(), "held");
    let said = run.issues.issues.iter().find(|issue| issue.code == Code::ListingPartial);
    story.line(said.map_or("", |issue| issue.message.as_str()));
    story.holds("it says that this was not everybody", said.is_some(), "nothing of that");
    story.check("it would remove", run.run.counts.removed, 0);
    story.check("people changed", scene.directory().await?.differing(before), 0);
    told(scene, story, begun).await?;
    Ok(())
}

async fn refused(scene: &mut Scene<'_>, story: &mut Story, hr: &Hr, before: &Directory) -> anyhow::Result<()> {
    hr.control("POST", "misbehave", &json!({"kind": "status:401"})).await?;
    let begun = Instant::now();
    let run = poll_now(scene).await?;
    story.check("then every answer is 401: the run is", run.run.state.as_str(), "failed");
    story.line(run.run.reason.as_deref().unwrap_or_default());
    // Finch's 401 says that its own access to the HR system is gone.
    story.check("the connection is", status(scene).await?.as_str(), "reauth_needed");
    told(scene, story, begun).await?;
    let mails = scene.all_mails().await?.len();
    poll_now(scene).await?;
    story.check("mails of a second try", scene.all_mails().await?.len() - mails, 0);
    story.check("people changed", scene.directory().await?.differing(before), 0);
    Ok(())
}

/// Posts a webhook as Finch does; answers the status.
async fn deliver(hr: &Hr, body: &str, secret: &str) -> anyhow::Result<u16> {
    let seconds = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let id = format!("demo-{seconds}");
    let signature = muster_fakes::sign::finch(secret, &id, seconds, body.as_bytes()).context("a secret in base64")?;
    let headers = [("Finch-Event-Id", id), ("Finch-Timestamp", seconds.to_string()), ("Finch-Signature", signature)];
    Ok(call::send("POST", &hr.webhook_url, &headers, body).await?.0)
}

fn connection_key(scene: &Scene<'_>) -> String {
    format!("{CONNECTION_KEY}-{}", scene.account)
}

fn has_title(stored: &muster_sync::Stored, title: &str) -> bool {
    let field = Field::by_name("job_title");
    field.and_then(|field| stored.recipient.values.get(&field)).is_some_and(|value| value.iter().eq([title]))
}

/// Name, address, title, department, status and groups.
fn shown(person: Option<&Person>) -> String {
    let Some(person) = person else { return "nobody".to_owned() };
    let value = |name: &str| {
        let value = Field::by_name(name).and_then(|field| person.recipient.values.get(&field));
        value.map(|value| value.iter().collect::<Vec<_>>().join("|")).unwrap_or_default()
    };
    let [first, last, email, title, department] =
        ["first_name", "last_name", "email_1", "job_title", "department"].map(value);
    let mut groups = person.groups.clone();
    groups.sort();
    let status = person.recipient.status.as_str();
    format!("{first} {last}, {email}, {title}, {department}, {status}; in {}", groups.join(", "))
}

async fn status(scene: &Scene<'_>) -> anyhow::Result<String> {
    let status = json!(scene.stored().await?.status);
    Ok(status.as_str().unwrap_or_default().to_owned())
}
