//! What the product is told as it happens: events on a bus, each at least once, with ids and no personal values.

use muster_core::plan::{Change, ChangeKind};
use serde_json::{Value, json};

use crate::{Run, RunState};

/// An event for the product.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductEvent {
    /// What happened: `recipient.added`, `.updated`, `.deactivated`, `.reactivated`, `.removed`, `run.held`, `run.finished`.
    pub kind: &'static str,
    /// The particulars. `id` is the same when an event comes again; `version` is that of this form.
    pub detail: Value,
}

impl ProductEvent {
    /// What a change that was written did; `None` for one that writes nothing.
    pub fn of_change(run: &Run, change: &Change) -> Option<Self> {
        let kind = match change.kind {
            ChangeKind::Add => "recipient.added",
            ChangeKind::Update => "recipient.updated",
            ChangeKind::Deactivate => "recipient.deactivated",
            ChangeKind::Reactivate => "recipient.reactivated",
            ChangeKind::Remove => "recipient.removed",
            ChangeKind::Propose => return None,
        };
        let person = change.unique_id.as_str();
        let mut detail = common(run, &format!("{}/{}/{}/{person}", run.id, run.fence, change.kind.as_str()));
        detail["unique_id"] = json!(person);
        detail["fields"] = json!(changed_fields(change));
        Some(Self { kind, detail })
    }

    /// That a plan waits, or how a run ended; `None` for states in between.
    pub fn of_run(run: &Run) -> Option<Self> {
        let kind = match run.state {
            RunState::Held => "run.held",
            state if state.is_final() => "run.finished",
            _ => return None,
        };
        let mut detail = common(run, &format!("{}/{}/{}", run.id, run.fence, run.state.as_str()));
        detail["state"] = json!(run.state);
        detail["source"] = json!(run.source);
        detail["counts"] = json!(run.counts);
        detail["held_by"] = json!(run.held);
        detail["hash"] = json!(run.plan.as_ref().map(|plan| &plan.hash));
        detail["reason"] = json!(run.reason);
        Some(Self { kind, detail })
    }
}

fn common(run: &Run, id: &str) -> Value {
    json!({
        "version": 1,
        "id": format!("{}/{id}", run.connection),
        "account": run.account.as_str(),
        "connection": run.connection.as_str(),
        "run": run.id.as_str(),
    })
}

/// The names of the fields whose values differ.
fn changed_fields(change: &Change) -> Vec<&'static str> {
    let empty = Default::default();
    let old = change.old.as_ref().map_or(&empty, |old| &old.values);
    let new = change.new.as_ref().map_or(&empty, |new| &new.values);
    let differ = |field: &&muster_core::field::Field| old.get(*field) != new.get(*field);
    let mut fields: Vec<_> = old.keys().chain(new.keys()).filter(differ).map(|field| field.name()).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}
