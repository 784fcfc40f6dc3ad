//! The plan's rules as claims, and as properties over small made-up directories.

mod decisions;
mod gate_tables;
mod properties;
mod stored_form;
mod sums;

use std::collections::BTreeMap;

use crate::field::Field;
use crate::ids::{AccountId, UniqueId};
use crate::recipient::{Cell, Desired, Recipient, Value};
use crate::settings::{
    Encoding, FileSettings, GateLimits, Limit, Mode, OnAbsent, OnNew, OnNewValue, Settings, Switches,
};
use crate::status::{ImportChoice, Status};

use super::*;

/// Settings with product defaults, active mode and every switch on.
fn settings() -> Settings {
    Settings {
        provider: std::collections::BTreeMap::new(),
        cadence: None,
        late_after_minutes: None,
        account: AccountId::parse("acme").unwrap(),
        name: "Payroll nightly".to_owned(),
        connector: "sftp".to_owned(),
        group: "Acme staff".to_owned(),
        import: ImportChoice::ActiveAndInactive,
        mode: Mode::Active,
        group_by: vec![field("department")],
        on_new_value: OnNewValue::Create,
        groups_are_public: false,
        report_to: Vec::new(),
        default_country: None,
        on_new: OnNew::Add,
        on_absent: OnAbsent::Remove,
        absent_grace: 0,
        switches: Switches { adds: true, updates: true, deactivations: true, removals: true },
        gates: GateLimits {
            removals: Limit::Percent(10.0),
            updates: Limit::Percent(75.0),
            new: Limit::Percent(30.0),
            rows: Limit::Percent(70.0),
            field_change: Limit::Percent(50.0),
        },
        file: FileSettings {
            pattern: None,
            delimiter: None,
            encoding: Encoding::Utf8,
            stray_quotes_are_text: false,
            skip_lines: 0,
            multi_value_separator: ';',
        },
        fields: BTreeMap::new(),
        never_remove: Vec::new(),
    }
}

/// A later run over a whole, sound file.
fn facts(owned: u64) -> Facts {
    Facts { owned, complete: true, read_to_end: true, ..Facts::default() }
}

fn field(name: &str) -> Field {
    Field::by_name(name).unwrap()
}

fn id(text: &str) -> UniqueId {
    UniqueId::parse(text).unwrap()
}

/// `"7 active first_name=Ana department=Sales"`.
fn recipient(text: &str) -> Recipient {
    let desired = desired(text);
    desired.over(None)
}

/// As [`recipient`]; `field=` clears and `field=?` keeps.
fn desired(text: &str) -> Desired {
    let mut words = text.split(' ');
    let unique_id = id(words.next().unwrap());
    let status = Status::from_word(words.next().unwrap()).unwrap();
    let cells = words.map(|word| {
        let (name, value) = word.split_once('=').unwrap();
        let cell = match value {
            "" => Cell::Clear,
            "?" => Cell::Keep,
            many if many.contains('|') => Cell::Set(Value::Many(many.split('|').map(str::to_owned).collect())),
            one => Cell::Set(Value::One(one.to_owned())),
        };
        (field(name), cell)
    });
    Desired { unique_id, status, cells: cells.collect() }
}

/// One line a change: `update 7 active first_name=Ana -> active first_name=Eva`.
fn shown(change: &Change) -> String {
    let side = |recipient: &Option<Recipient>| match recipient {
        None => "-".to_owned(),
        Some(recipient) => {
            let values = recipient
                .values
                .iter()
                .map(|(field, value)| format!(" {}={}", field.name(), value.iter().collect::<Vec<_>>().join("|")));
            format!("{}{}", recipient.status.as_str(), values.collect::<String>())
        }
    };
    format!("{} {} {} -> {}", change.kind.as_str(), change.unique_id, side(&change.old), side(&change.new))
}
