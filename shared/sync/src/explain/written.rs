//! How far the writing of one person's change is.

use muster_core::field::Field;
use muster_core::plan::{Change, ChangeKind};

use super::{AppliedStep, HowFar};
use crate::{Run, RunState, Stored};

/// What was written of the change.
pub(super) fn applied(run: &Run, change: Option<&Change>, stored: Option<&Stored>) -> AppliedStep {
    let Some(change) = change else { return told(HowFar::Nothing, "there is nothing to write") };
    if change.kind == ChangeKind::Propose {
        return told(HowFar::Nothing, "a proposal is listed for people to look at, and not written");
    }
    let reason = || run.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match run.state {
        RunState::Received => told(HowFar::NotYet, "the plan is being made anew"),
        RunState::Held => told(HowFar::Held, format!("the plan waits for a decision; held by {}", run.held.join(", "))),
        RunState::Rejected | RunState::Superseded | RunState::Failed => {
            told(HowFar::Never, format!("the run is {}{}", run.state.as_str(), reason()))
        }
        RunState::Applying | RunState::Applied => written(run, change, stored),
    }
}

fn told(progress: HowFar, why: impl Into<String>) -> AppliedStep {
    AppliedStep { progress, why: why.into() }
}

fn written(run: &Run, change: &Change, stored: Option<&Stored>) -> AppliedStep {
    let fence = stored.map_or(0, |stored| stored.trace.fence);
    if fence == run.fence {
        return told(HowFar::Written, "written; no run has written the person since");
    }
    if stored.is_some_and(|stored| left_a_mark(run, stored)) || (fence > run.fence && is_sure(run)) {
        return told(HowFar::Written, "written; other runs have written the person since");
    }
    match run.state {
        RunState::Applied if change.kind == ChangeKind::Remove && stored.is_none() => {
            told(HowFar::Written, "removed; a removed person is kept for 30 days, and those are over")
        }
        RunState::Applied if fence < run.fence => {
            told(HowFar::Conflict, "left out: the person had changed between the plan and its writing")
        }
        RunState::Applied => told(
            HowFar::NotKnown,
            "written, or left out because the person had changed since the plan; other runs have written them since",
        ),
        _ => told(HowFar::NotYet, "the plan is being written"),
    }
}

/// Whether a field still tells that this run wrote it.
fn left_a_mark(run: &Run, stored: &Stored) -> bool {
    let added = stored.trace.added.is_some_and(|(fence, _)| fence == run.fence);
    added || Field::all().any(|field| stored.trace.fields.get(&field) == Some(&run.fence))
}

/// Whether every change of the run was written.
fn is_sure(run: &Run) -> bool {
    run.state == RunState::Applied && run.conflicts == 0
}
