//! What a newer Muster wrote: it is refused by name and left as it is, and nobody is changed by a wrong reading.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use muster_core::format::{self, Carried, FORMATS, Format};
use muster_tests::dump::{Dump, Kept};
use muster_tests::forms::{form_of, raised};
use muster_tests::story::World;
use serde_json::{Value, json};

/// What is logged in a test's thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The dump as if a newer Muster had written everything of one form.
fn with_newer(dump: &Dump, format: &'static Format) -> Dump {
    let one = |kept: &Kept| match form_of(kept).unwrap() {
        Some(form) if form == format => raised(kept).unwrap_or_else(|| kept.clone()),
        _ => kept.clone(),
    };
    Dump(dump.0.iter().map(one).collect())
}

/// Who is in the directory: what conditions compare, and whether they are removed.
fn people(dump: &Dump) -> BTreeMap<String, Value> {
    let mut people = BTreeMap::new();
    for kept in &dump.0 {
        if let (Kept::Item(item), Ok(Some(form))) = (kept, form_of(kept))
            && form == format::RECIPIENT
        {
            let place = format!("{} {}", item["pk"]["S"], item["sk"]["S"]);
            people.insert(place, json!([item["st"], item["f"], item["rm"].is_null()]));
        }
    }
    people
}

/// How the story goes on where everything of one form is newer: what is stored in the end, and what was said.
async fn gone_on(dump: &Dump) -> (Dump, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut world = World::from(dump).await;
    let noted = world.go_on().await.join("\n");
    let after = world.dump().await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (after, format!("{noted}\n{logged}"))
}

/// What a refusal of this form says.
fn refusal(format: &'static Format) -> String {
    match format.carried {
        Carried::Token if format == format::SIGNED_LINK => "the mail's link: 503 <h1>Not yet</h1>".to_owned(),
        _ => format.check(Some(u64::from(format.version) + 1)).unwrap_err().to_string(),
    }
}

struct Undisturbed {
    before: Dump,
    after: Dump,
}

async fn check(world: &Undisturbed, format: &'static Format) {
    let newer = with_newer(&world.before, format);
    let (after, said) = gone_on(&newer).await;
    let name = format.name;
    if format.carried == Carried::Magic {
        // A cache of another form is made anew: nobody notices.
        assert_eq!(people(&after), people(&world.after), "{name}");
    } else {
        assert!(said.contains(&refusal(format)), "{name}: nothing says {:?} in\n{said}", refusal(format));
    }
    let touched = newer.0.iter().filter(|kept| form_of(kept).unwrap() == Some(format) && raised(kept).is_some());
    for kept in touched {
        assert!(after.0.contains(kept), "{name}: this was not left alone: {kept:?}");
    }
    let (before, undisturbed, found) = (people(&world.before), people(&world.after), people(&after));
    for (place, person) in &found {
        let known = [before.get(place), undisturbed.get(place)].contains(&Some(person));
        assert!(known, "{name}: {place} is neither as before nor as it should become: {person}");
    }
    for place in before.keys().filter(|place| undisturbed.contains_key(*place)) {
        assert!(found.contains_key(place), "{name}: {place} is gone");
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn what_a_newer_version_wrote_is_refused_by_name_and_left_alone() {
    let before = run(async { World::told().await.dump().await });
    let (after, _) = run(gone_on(&before));
    assert_ne!(people(&before), people(&after));
    let world = Undisturbed { before, after };
    // A cursor lies with whoever asks; the API's own tests look at it.
    let formats: Vec<_> = FORMATS.iter().filter(|format| **format != format::CURSOR).collect();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for share in formats.chunks(formats.len().div_ceil(cores)) {
            let world = &world;
            scope.spawn(move || share.iter().for_each(|format| run(check(world, format))));
        }
    });
}

#[tokio::test]
async fn an_item_of_a_newer_version_is_left_alone_and_the_message_comes_back() {
    let told = World::told().await;
    let mut dump = told.dump().await;
    // One person whom a waiting chunk removes.
    let is_them = |kept: &Kept| {
        let Kept::Item(item) = kept else { return false };
        item["pk"]["S"].as_str().unwrap().starts_with("A#acme#C#acme-applying#R#") && item["sk"]["S"] == "0010"
    };
    let them = dump.0.iter_mut().find(|kept| is_them(kept)).unwrap();
    *them = raised(them).unwrap();
    let them = them.clone();
    let (after, said) = gone_on(&dump).await;
    assert!(after.0.contains(&them), "the person was changed");
    assert!(said.contains("message comes back: could not write a recipient: the recipient has format version 2"));
    let waits =
        |kept: &&Kept| matches!(kept, Kept::Message(queue, body) if queue == "apply" && body.contains("acme-applying"));
    assert_eq!(after.0.iter().filter(waits).count(), 1, "the chunk waits for a newer Muster");
    // Everybody else of the chunk is written, as often as it comes.
    let others = |dump: &Dump| people(dump).into_iter().filter(|(place, _)| place.contains("0099")).count();
    assert!(others(&after) > others(&dump));
}
