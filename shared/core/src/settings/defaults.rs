//! What settings are unless somebody says otherwise.

use std::collections::BTreeMap;

use super::{
    Encoding, FieldMapping, FileSettings, GateLimits, Limit, Mode, OnAbsent, OnNew, OnNewValue, Origin, Settings,
    Switches,
};
use crate::ids::AccountId;
use crate::status::ImportChoice;

impl FieldMapping {
    /// A mapping with every default: no type, transform, table or token; ISO dates; optional; one value.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            data_type: None,
            transforms: Vec::new(),
            values: BTreeMap::new(),
            format: None,
            on_empty: None,
            clear_tokens: Vec::new(),
            keep_tokens: Vec::new(),
            required: false,
            multiple: false,
        }
    }
}

impl Default for GateLimits {
    fn default() -> Self {
        Self {
            removals: Limit::Percent(10.0),
            updates: Limit::Percent(75.0),
            new: Limit::Percent(30.0),
            rows: Limit::Percent(70.0),
            field_change: Limit::Percent(50.0),
        }
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self { adds: true, updates: true, deactivations: true, removals: true }
    }
}

impl Default for FileSettings {
    fn default() -> Self {
        Self {
            pattern: None,
            delimiter: None,
            encoding: Encoding::Utf8,
            stray_quotes_are_text: false,
            skip_lines: 0,
            multi_value_separator: ';',
        }
    }
}

impl Settings {
    /// Settings with every default, and no field mapped yet: connector `sftp`; the group named as the
    /// connection; active and inactive people are imported; `preview`; no grouping fields, reports or
    /// default country; new people added, absent ones removed at once; new groups made, private; all
    /// switches on. Gates: removals 10 %, updates 75 %, new 30 %, rows 70 % (a minimum), field change
    /// 50 %. Files: any name, delimiter told from the header, UTF-8, a stray quote is damage, no title
    /// lines, `;` between several values.
    pub fn new(account: AccountId, name: String) -> Self {
        Self {
            account,
            group: name.clone(),
            name,
            connector: "sftp".to_owned(),
            provider: BTreeMap::new(),
            cadence: None,
            late_after_minutes: None,
            import: ImportChoice::ActiveAndInactive,
            mode: Mode::Preview,
            group_by: Vec::new(),
            on_new_value: OnNewValue::Create,
            groups_are_public: false,
            report_to: Vec::new(),
            default_country: None,
            on_new: OnNew::Add,
            on_absent: OnAbsent::Remove,
            absent_grace: 0,
            switches: Switches::default(),
            gates: GateLimits::default(),
            file: FileSettings::default(),
            fields: BTreeMap::new(),
            never_remove: Vec::new(),
        }
    }
}
