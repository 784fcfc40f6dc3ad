//! Items beside the recipient that name a person: runs, and marks of what a provider said last.

use std::collections::BTreeSet;

use super::{Eraser, Erasing, ObjectVersions, Work, mark_place};
use crate::reach::Source;
use crate::{Cause, Clock, Directory, Documents, EventWhat, Ledger, Objects, PlanRef, PortError, Queue, Run, RunState};

impl<L, D, O, Q, C> Eraser<'_, L, D, O, Q, C>
where
    L: Ledger + Documents + Erasing,
    D: Directory,
    O: Objects + ObjectVersions,
    Q: Queue,
    C: Clock,
{
    /// Deletes runs of events about the person, and takes them out of what other runs say whom they changed. `Ok(false)`:
    /// the time is up.
    pub(super) async fn forget_runs(&self, work: &mut Work<'_>) -> Result<bool, PortError> {
        let names: BTreeSet<String> = self.places(work).await?.into_iter().collect();
        for single in [true, false] {
            let mut from = None;
            loop {
                let (account, connection) = (&work.connection.account, &work.connection.id);
                let page = self.ledger.runs_page(account, connection, single, from.as_deref()).await?;
                for run in &page.items {
                    work.stone.counts.runs += u64::from(self.forget_run(work, run, &names).await?);
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
                if self.is_late(work) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn forget_run(&self, work: &Work<'_>, run: &Run, names: &BTreeSet<String>) -> Result<bool, PortError> {
        if let Cause::Event { what: EventWhat::Person { id, .. }, .. } = &run.cause
            && run.state != RunState::Applying
            && names.contains(&mark_place(id))
        {
            return self.ledger.delete_run(run).await;
        }
        let Some(plan) = run.plan.as_ref().filter(|plan| plan.touches.iter().any(|id| id == work.id.as_str())) else {
            return Ok(false);
        };
        let touches = plan.touches.iter().filter(|id| *id != work.id.as_str()).cloned().collect();
        self.ledger.put_plan(run, &PlanRef { touches, ..plan.clone() }).await
    }

    /// Deletes the person's marks: the last step that knows by which ids the provider calls them.
    pub(super) async fn forget_marks(&self, work: &mut Work<'_>) -> Result<bool, PortError> {
        for place in self.places(work).await? {
            let deleted = self.ledger.delete_mark(&work.connection.account, &work.connection.id, &place).await?;
            work.stone.counts.marks += u64::from(deleted);
        }
        Ok(true)
    }

    /// The places of the person's marks.
    async fn places(&self, work: &Work<'_>) -> Result<Vec<String>, PortError> {
        let Some(source) = Source::of(work.connection)? else { return Ok(Vec::new()) };
        if source.ids_are_the_providers() {
            return Ok(vec![mark_place(work.id.as_str())]);
        }
        let (mut places, mut from) = (Vec::new(), None);
        loop {
            let (account, connection) = (&work.connection.account, &work.connection.id);
            let page = self.ledger.marks_page(account, connection, from.as_deref()).await?;
            let theirs = |mark: &crate::PersonMark| mark.unique_id.as_deref() == Some(work.id.as_str());
            places.extend(page.items.into_iter().filter(|(_, mark)| theirs(mark)).map(|(place, _)| place));
            from = page.next;
            if from.is_none() {
                return Ok(places);
            }
        }
    }
}
