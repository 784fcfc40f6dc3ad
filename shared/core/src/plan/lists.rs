//! The plan as three files for people: potential invites, profile updates, profile deletions.

use crate::csv_out::CsvOut;
use crate::field::Field;
use crate::recipient::{Recipient, Value};
use crate::settings::Settings;

use super::{Change, ChangeKind, Reason};

/// What stands between several values of one cell.
const BETWEEN: &str = "; ";

/// Collects the three files, change by change.
#[derive(Debug)]
pub struct Lists {
    fields: Vec<Field>,
    /// `invites.csv`: who is added or proposed, one row a person: `unique_id`, `kind`,
    /// `employment_status`, then every mapped field.
    pub invites: CsvOut,
    /// `updates.csv`: one row for each field that changes, a status being a field too:
    /// `unique_id`, `kind`, `field`, `old`, `new`.
    pub updates: CsvOut,
    /// `deletions.csv`: who is removed, one row a person: `unique_id`, `reason`, names, `email_1`.
    pub deletions: CsvOut,
}

impl Lists {
    /// Starts the files with their header rows.
    pub fn new(settings: &Settings) -> Self {
        let apart = [Field::UNIQUE_ID, Field::EMPLOYMENT_STATUS];
        let fields: Vec<_> = settings.fields.keys().copied().filter(|field| !apart.contains(field)).collect();
        let header = ["unique_id", "kind", "employment_status"];
        Self {
            invites: CsvOut::new(header.into_iter().chain(fields.iter().map(|field| field.name()))),
            updates: CsvOut::new(["unique_id", "kind", "field", "old", "new"]),
            deletions: CsvOut::new(["unique_id", "reason", "first_name", "last_name", "email_1"]),
            fields,
        }
    }

    /// Writes the change into its file.
    pub fn push(&mut self, change: &Change) {
        match (change.kind, &change.old, &change.new) {
            (ChangeKind::Add | ChangeKind::Propose, _, Some(new)) => self.invite(change, new),
            (ChangeKind::Remove, Some(old), _) => self.deletion(change, old),
            (_, Some(old), Some(new)) => self.update(change, old, new),
            _ => {}
        }
    }

    fn invite(&mut self, change: &Change, new: &Recipient) {
        let values: Vec<_> = self.fields.iter().map(|field| shown(new.values.get(field))).collect();
        let lead = [new.unique_id.as_str(), change.kind.as_str(), new.status.as_str()];
        self.invites.row(lead.into_iter().chain(values.iter().map(String::as_str)));
    }

    fn update(&mut self, change: &Change, old: &Recipient, new: &Recipient) {
        let mut row = |field: Field, before: &str, after: &str| {
            self.updates.row([change.unique_id.as_str(), change.kind.as_str(), field.name(), before, after]);
        };
        if old.status != new.status {
            row(Field::EMPLOYMENT_STATUS, old.status.as_str(), new.status.as_str());
        }
        for field in Field::all() {
            let (before, after) = (old.values.get(&field), new.values.get(&field));
            if before != after {
                row(field, &shown(before), &shown(after));
            }
        }
    }

    fn deletion(&mut self, change: &Change, old: &Recipient) {
        let reason = match change.reason {
            Reason::Absent => "absent".to_owned(),
            Reason::Status(status) => format!("status {}", status.as_str()),
            Reason::Source => "source".to_owned(),
            Reason::Rollback => "rollback".to_owned(),
            Reason::Deletion => "connection deleted".to_owned(),
            Reason::ByHand => "by hand".to_owned(),
        };
        let about = [Field::FIRST_NAME, Field::LAST_NAME, Field::EMAIL_1].map(|field| shown(old.values.get(&field)));
        let lead = [old.unique_id.as_str(), reason.as_str()];
        self.deletions.row(lead.into_iter().chain(about.iter().map(String::as_str)));
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map(|value| value.iter().collect::<Vec<_>>().join(BETWEEN)).unwrap_or_default()
}
