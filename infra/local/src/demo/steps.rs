//! The steps of the demo.

use std::{collections::BTreeSet, time::Instant};

use muster_core::{ids::ConnectionId, issue::Severity};
use muster_sync::{Inspection, RunState};

use super::{
    files::Export,
    looks::{Directory, check_counts, check_issues},
    providers,
    scene::Scene,
    story::{Story, number},
};
use crate::{admin, ses::Mail};

/// Tells the whole story.
///
/// # Errors
/// When a step cannot go on at all; what merely came out wrong is counted by the story.
pub(super) async fn all(scene: &mut Scene<'_>, story: &mut Story) -> anyhow::Result<()> {
    connect(scene, story).await?;
    let first = first_day(scene, story).await?;
    let after_day1 = approve(scene, story, &first).await?;
    let (second, after_day2) = second_day(scene, story).await?;
    error_file(scene, story, &second).await?;
    too_many_missing(scene, story, &after_day2).await?;
    broken_off(scene, story, &after_day2).await?;
    undo(scene, story, &second, &after_day1).await?;
    providers::all(scene, story).await?;
    mails(scene, story).await
}

async fn connect(scene: &mut Scene<'_>, story: &mut Story) -> anyhow::Result<()> {
    story.step("A connection is saved, in mode preview: every plan waits for a person");
    let saved = admin::connect(&scene.api, &scene.files.preview, &[], None).await?;
    story.line(&format!(
        "{}: SFTP login {}",
        scene.stack.folder().join("demo/connection.toml").display(),
        saved.sftp_user.as_deref().unwrap_or_default()
    ));
    story.holds("a password was made, told this once", saved.sftp_password.is_some(), "none");
    scene.login.user = saved.sftp_user.unwrap_or_default();
    scene.login.password = saved.sftp_password.unwrap_or_default();
    scene.connection = Some(ConnectionId::parse(&saved.connection)?);
    let folders = scene.login.list("/").await?.join(", ");
    story.check("the login sees", folders.as_str(), "errors, inbound");
    Ok(())
}

async fn first_day(scene: &mut Scene<'_>, story: &mut Story) -> anyhow::Result<Inspection> {
    story.step("Day 1 is uploaded by SFTP: planned, and held");
    let begun = Instant::now();
    upload(scene, story, &scene.files.day1).await?;
    let run = scene.rested(scene.files.day1.name).await?;
    story.check("the run is", run.run.state.as_str(), "held");
    story.check("because of", run.run.held.join(", ").as_str(), "preview");
    check_counts(story, &run, &scene.files.day1.expected);
    check_issues(story, &run, &scene.files.day1.expected);
    let mail = told(scene, story, begun).await?;
    let page = format!("{}/decisions/", scene.stack.addresses().http);
    let told_how = mail.text.contains(&page) && mail.text.contains(hash(&run));
    story.holds("the mail leads to a page that asks for the decision", told_how, &mail.text);
    story.check("people in the directory", scene.directory().await?.people.len(), 0);
    Ok(run)
}

async fn approve(scene: &mut Scene<'_>, story: &mut Story, held: &Inspection) -> anyhow::Result<Directory> {
    story.step("The plan is approved by its hash, and applied");
    story.line(&format!("run {}, hash {}", held.run.id, hash(held)));
    let begun = Instant::now();
    scene.approve(&held.run).await?;
    let run = scene.ended(scene.files.day1.name).await?;
    story.check("the run is", run.run.state.as_str(), "applied");
    let directory = scene.directory().await?;
    check_directory(story, &directory, &scene.files.day1);
    let reached = (scene.files.day1.expected.added.iter()).filter(|id| directory.people.contains_key(*id)).count();
    story.check("of the people expected there are", reached, scene.files.day1.expected.added.len());
    told(scene, story, begun).await?;
    Ok(directory)
}

async fn second_day(scene: &mut Scene<'_>, story: &mut Story) -> anyhow::Result<(Inspection, Directory)> {
    story.step("Mode active: day 2 is applied by itself, and only its differences are written");
    admin::connect(&scene.api, &scene.files.active, &[], None).await?;
    let begun = Instant::now();
    upload(scene, story, &scene.files.day2).await?;
    let run = scene.rested(scene.files.day2.name).await?;
    story.check("the run is", run.run.state.as_str(), "applied");
    check_counts(story, &run, &scene.files.day2.expected);
    check_issues(story, &run, &scene.files.day2.expected);
    let directory = scene.directory().await?;
    check_directory(story, &directory, &scene.files.day2);
    let there = scene.files.day2.expected.removed.iter().filter(|id| directory.people.contains_key(*id)).count();
    story.check("of the people removed there are still", there, 0);
    told(scene, story, begun).await?;
    Ok((run, directory))
}

async fn error_file(scene: &mut Scene<'_>, story: &mut Story, run: &Inspection) -> anyhow::Result<()> {
    story.step("The rows with errors are read back from errors/ by SFTP");
    let names = scene.login.list("errors").await?;
    story.line(&names.join("\n"));
    let Some(place) = run.error_file.as_ref().filter(|place| names.iter().any(|n| place.ends_with(n.as_str()))) else {
        story.holds("day 2's error file is there", false, &names.join(", "));
        return Ok(());
    };
    let bytes = scene.login.get(place).await?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    for line in text.lines().take(3) {
        let shown: String = line.chars().take(110).collect();
        story.line(&format!("| {shown}{}", if shown.len() < line.len() { "…" } else { "" }));
    }
    let rows = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice()).byte_records().count();
    story.check("rows in the error file", rows as u64, run.issues.error_rows);
    let with_errors: BTreeSet<_> = (run.issues.issues.iter())
        .filter(|issue| issue.code.severity() == Severity::Error)
        .filter_map(|issue| issue.unique_id.as_ref().map(ToString::to_string))
        .collect();
    let named = with_errors.iter().filter(|id| text.contains(id.as_str())).count();
    story.check("people with errors who are named in it", named, with_errors.len());
    Ok(())
}

async fn too_many_missing(scene: &mut Scene<'_>, story: &mut Story, before: &Directory) -> anyhow::Result<()> {
    let (name, missing) = (scene.files.short.name, scene.files.short.missing);
    story.step("A file that lacks 15 % of the people: over the removal limit, so it is held");
    let begun = Instant::now();
    put(scene, story, name, &scene.files.short.bytes).await?;
    let run = scene.rested(name).await?;
    story.check("the run is", run.run.state.as_str(), "held");
    story.check("it would remove", run.run.counts.removed, missing);
    story.holds("because of removals", run.run.held.iter().any(|gate| gate == "removals"), &run.run.held.join(", "));
    for reading in run.summary.iter().flat_map(|summary| &summary.gates).filter(|reading| reading.holds) {
        story.line(&reading.reason);
    }
    told(scene, story, begun).await?;
    story.check("people changed", scene.directory().await?.differing(before), 0);
    let begun = Instant::now();
    scene.reject(&run.run, "the export was cut short").await?;
    let run = scene.ended(name).await?;
    story.check("it is rejected: the run is", run.run.state.as_str(), "rejected");
    told(scene, story, begun).await?;
    story.check("people changed", scene.directory().await?.differing(before), 0);
    Ok(())
}

async fn broken_off(scene: &mut Scene<'_>, story: &mut Story, before: &Directory) -> anyhow::Result<()> {
    let (name, bytes) = &scene.files.broken;
    story.step("An upload breaks off in the middle of the file: nothing is read from the fragment");
    story.line(&format!("put {name}: connection lost after {} bytes", number(bytes.len() as u64)));
    let begun = Instant::now();
    scene.login.put_and_break_off(&format!("inbound/{name}"), bytes).await?;
    let run = scene.rested(name).await?;
    story.check("the run is", run.run.state.as_str(), "failed");
    story.line(run.run.reason.as_deref().unwrap_or_default());
    told(scene, story, begun).await?;
    story.check("people changed", scene.directory().await?.differing(before), 0);
    Ok(())
}

async fn undo(
    scene: &mut Scene<'_>,
    story: &mut Story,
    second: &Inspection,
    after_day1: &Directory,
) -> anyhow::Result<()> {
    story.step("Day 2 is undone");
    let begun = Instant::now();
    let id = scene.roll_back(&second.run).await?;
    let source = format!("undo of {}", scene.files.day2.name);
    let run = scene.rested(&source).await?;
    story.line(&format!("run {id} undoes run {}", second.run.id));
    story.check("the run is", run.run.state.as_str(), RunState::Applied.as_str());
    let (done, undone) = (&second.run.counts, &run.run.counts);
    story.check("it removes whom day 2 added", undone.removed, done.added);
    story.check("it brings back whom day 2 removed", undone.added, done.removed);
    let changed = |c: &muster_sync::RunCounts| c.updated + c.deactivated + c.reactivated;
    story.check("it changes back", changed(undone), changed(done));
    let directory = scene.directory().await?;
    story.line(&directory.size());
    story.check("people who are not as after day 1", directory.differing(after_day1), 0);
    story.check("groups whose members are miscounted", directory.wrong_groups(), 0);
    told(scene, story, begun).await?;
    Ok(())
}

async fn mails(scene: &mut Scene<'_>, story: &mut Story) -> anyhow::Result<()> {
    story.step("Every mail, each once");
    let mails = scene.all_mails().await?;
    for mail in &mails {
        story.line(&format!(
            "{}  to {}  {}",
            mail.at.get(11..19).unwrap_or_default(),
            mail.to.join(", "),
            mail.subject
        ));
    }
    story.line(&format!("to read at {}/", scene.stack.addresses().mail));
    story.check("mails", mails.len(), 13);
    Ok(())
}

fn check_directory(story: &mut Story, directory: &Directory, day: &Export) {
    story.line(&directory.size());
    story.line(&format!("the largest groups: {}", directory.largest(4)));
    story.check("people in the directory", directory.people.len() as u64, day.expected.people);
    story.check("groups whose members are miscounted", directory.wrong_groups(), 0);
}

async fn upload(scene: &Scene<'_>, story: &Story, export: &Export) -> anyhow::Result<()> {
    put(scene, story, export.name, &export.bytes).await
}

async fn put(scene: &Scene<'_>, story: &Story, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    story.line(&format!("put {name} ({} bytes)", number(bytes.len() as u64)));
    scene.login.put(&format!("inbound/{name}"), bytes).await
}

/// Waits for the step's mail and says how long it took since `begun`.
pub(super) async fn told(scene: &mut Scene<'_>, story: &Story, begun: Instant) -> anyhow::Result<Mail> {
    let mail = scene.next_mail().await?;
    story.line(&format!("mail after {:.2} s: {}", begun.elapsed().as_secs_f64(), mail.subject));
    Ok(mail)
}

pub(super) fn hash(run: &Inspection) -> &str {
    run.run.plan.as_ref().map(|plan| plan.hash.as_str()).unwrap_or_default()
}
