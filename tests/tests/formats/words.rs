//! Closed lists: an older Muster does not know a word that was added, so that is a change of the forms that hold it.

use std::collections::BTreeMap;
use std::fs;

use muster_core::field::Field;
use muster_core::issue::Code;
use muster_core::plan::{ChangeKind, Gate, Reason};
use muster_core::status::Status;
use muster_sync::{Cause, ConnectionStatus, Entitlement, EventWhat, Handwork, LinkChange, MailKind, RunState};

type Words = BTreeMap<String, Vec<String>>;

/// The variants of an enum; one that is left out does not compile.
macro_rules! variants {
    ($type:ident: $($variant:ident),+) => {{
        let _complete = |value: $type| match value {
            $($type::$variant { .. } => (),)+
        };
        let words: Vec<String> = vec![$(stringify!($variant).to_owned()),+];
        words
    }};
}

fn words() -> Words {
    let lists = [
        (
            "connection: status",
            variants!(ConnectionStatus: Pending, Connected, Unauthorized, ReauthNeeded, Error, Disabled, Deleted),
        ),
        ("run: state", variants!(RunState: Received, Held, Applying, Applied, Superseded, Rejected, Failed)),
        ("run: cause", variants!(Cause: File, Poll, Event, Late, Rollback, Farewell, ByHand)),
        ("run: handwork", variants!(Handwork: Edit, Remove, Erase)),
        ("run, message about an event: what", variants!(EventWhat: Person, Listing, Connection)),
        (
            "run, message about an event: change",
            variants!(LinkChange: Deleted, Unauthorized, ReauthNeeded, Failing, Works),
        ),
        ("mail, message about a mail: kind", variants!(MailKind: Held, Ended)),
        ("account's terms: entitlement", variants!(Entitlement: DataConnector, Sftp, Scim, Upload)),
        (
            "plan's chunk, plan's summary: kind",
            variants!(ChangeKind: Add, Propose, Update, Deactivate, Reactivate, Remove),
        ),
        ("plan's chunk: reason", variants!(Reason: Source, Absent, Status, Rollback, Deletion, ByHand)),
        ("plan's chunk, recipient: status", variants!(Status: Active, Inactive, Terminated, Retired, Deceased)),
        ("plan's chunk, recipient: field", Field::all().map(|field| field.spec().stored_as.to_owned()).collect()),
        ("plan's summary, run: gate", gates()),
        ("plan's summary, run's issues: code", Code::ALL.iter().map(|code| code.as_str().to_owned()).collect()),
    ];
    lists.into_iter().map(|(name, words)| (name.to_owned(), words)).collect()
}

fn gates() -> Vec<String> {
    variants!(Gate: Removals, RemovalsOver7Days, Updates, New, Rows, FieldChange, NoRows, Damage, TailMissing, Preview, NewValue, Rollback, Deletion)
}

/// What differs, a line each.
fn differences(was: &Words, is: &Words) -> Vec<String> {
    let all = was.keys().chain(is.keys()).collect::<std::collections::BTreeSet<_>>();
    let none = Vec::new();
    let mut lines = Vec::new();
    for name in all {
        let (was, is) = (was.get(name).unwrap_or(&none), is.get(name).unwrap_or(&none));
        lines.extend(is.iter().filter(|word| !was.contains(word)).map(|word| format!("+ {name}: {word}")));
        lines.extend(was.iter().filter(|word| !is.contains(word)).map(|word| format!("- {name}: {word}")));
    }
    lines
}

#[test]
fn a_word_that_stored_forms_may_hold_is_added_with_a_new_version() {
    let path = super::folder().join(super::RELEASE).join("words.json");
    if std::env::var_os("UPDATE_FORMATS").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&words()).unwrap() + "\n").unwrap();
    }
    let kept: Words = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let differ = differences(&kept, &words());
    assert!(
        differ.is_empty(),
        "an older Muster does not know these words: raise the versions of the formats that hold them and record a new \
         fixture with UPDATE_FORMATS=1 (docs/formats.md)\n{}",
        differ.join("\n")
    );
    let mut more = kept.clone();
    more.get_mut("run: state").unwrap().push("Paused".to_owned());
    assert_eq!(differences(&kept, &more), ["+ run: state: Paused"]);
    assert_eq!(differences(&more, &kept), ["- run: state: Paused"]);
}
