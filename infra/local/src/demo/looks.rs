//! The directory as the demo sees it, and what it should be.

use std::collections::{BTreeMap, BTreeSet};

use muster_aws::Ports;
use muster_core::{ids::AccountId, issue::Code};
use muster_sync::{Connection, Group, Inspection, Person, each_person, groups};
use people_gen::Expected;

use super::story::{Story, number};

/// A connection's people by their ids, and its groups.
#[derive(Clone, PartialEq)]
pub(super) struct Directory {
    pub(super) people: BTreeMap<String, Person>,
    pub(super) groups: Vec<Group>,
}

impl Directory {
    /// # Errors
    /// When a service failed.
    pub(super) async fn look(ports: &Ports, account: &AccountId, connection: &Connection) -> anyhow::Result<Self> {
        let mut people = BTreeMap::new();
        let keep = |person: Person| drop(people.insert(person.recipient.unique_id.to_string(), person));
        each_person(&ports.table, connection, keep).await?;
        let mut groups = groups(&ports.table, account).await?;
        groups.retain(|group| group.connection == connection.id);
        Ok(Self { people, groups })
    }

    /// `2,431 people, 34 groups`
    pub(super) fn size(&self) -> String {
        let groups = self.groups.iter().filter(|group| group.members > 0).count() as u64;
        format!("{} people, {} groups with members", number(self.people.len() as u64), number(groups))
    }

    /// How many groups have another number of members than there are people who say that they are in it.
    pub(super) fn wrong_groups(&self) -> usize {
        let mut members: BTreeMap<&str, u64> = BTreeMap::new();
        for name in self.people.values().flat_map(|person| &person.groups) {
            *members.entry(name).or_default() += 1;
        }
        let counted = |group: &&Group| members.get(group.name.as_str()).copied().unwrap_or(0) != group.members;
        self.groups.iter().filter(counted).count()
    }

    /// The largest groups, with how many members.
    pub(super) fn largest(&self, how_many: usize) -> String {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by(|a, b| b.members.cmp(&a.members).then_with(|| a.name.cmp(&b.name)));
        let named = |group: &&Group| format!("{} {}", group.name, number(group.members));
        groups.iter().take(how_many).map(named).collect::<Vec<_>>().join(", ")
    }

    /// How many people differ between two looks, missing ones included.
    pub(super) fn differing(&self, other: &Self) -> usize {
        let ids: BTreeSet<_> = self.people.keys().chain(other.people.keys()).collect();
        ids.into_iter().filter(|id| self.people.get(*id) != other.people.get(*id)).count()
    }
}

/// Compares a run's counts with what its file must bring.
pub(super) fn check_counts(story: &mut Story, inspection: &Inspection, expected: &Expected) {
    let counts = &inspection.run.counts;
    // A blank row is told of and not counted.
    let blank = expected.issues.iter().filter(|(code, _)| *code == Code::BlankRow.as_str()).count() as u64;
    let sizes = [
        expected.rows - blank,
        expected.added.len() as u64,
        expected.updated.len() as u64,
        expected.deactivated.len() as u64,
        expected.reactivated.len() as u64,
        expected.removed.len() as u64,
    ];
    let found = [counts.rows, counts.added, counts.updated, counts.deactivated, counts.reactivated, counts.removed];
    let text = |n: [u64; 6]| {
        let [rows, added, updated, deactivated, reactivated, removed] = n.map(number);
        format!(
            "{rows} rows: {added} added, {updated} updated, {deactivated} deactivated, {reactivated} reactivated, {removed} removed"
        )
    };
    story.check("plan", text(found), text(sizes));
}

/// Compares what was found wrong in a file with the faults that were put into it.
pub(super) fn check_issues(story: &mut Story, inspection: &Inspection, expected: &Expected) {
    let planted: BTreeSet<(String, String)> =
        expected.issues.iter().map(|(code, id)| ((*code).to_owned(), id.clone())).collect();
    let found: BTreeSet<(String, String)> = (inspection.issues.issues.iter())
        .map(|issue| {
            (issue.code.as_str().to_owned(), issue.unique_id.as_ref().map(ToString::to_string).unwrap_or_default())
        })
        .collect();
    let counts = &inspection.run.counts;
    story.line(&format!("found in it: {} errors, {} warnings, such as", counts.errors, counts.warnings));
    for issue in inspection.issues.issues.iter().take(3) {
        let column = issue.column.as_deref().unwrap_or("-");
        story.line(&format!("  line {}, {column}: {} ({})", issue.place.line, issue.message, issue.code.as_str()));
    }
    let odd: Vec<_> = planted.symmetric_difference(&found).map(|(code, id)| format!("{code} of {id:?}")).collect();
    let what = format!("the {} faults that were put into the file, and no others", planted.len());
    story.holds(&what, odd.is_empty(), &odd.join(", "));
}
