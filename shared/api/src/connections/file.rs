//! A connection file as JSON: the same keys, the same words, one validator.

use std::collections::BTreeMap;

use muster_core::ids::AccountId;
use muster_core::settings::Settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// The longest connection file, in bytes: the entry of the audit that tells of it holds it twice.
pub(crate) const LONGEST_FILE: usize = 40_000;

/// A connection file (docs/connection-file.md), key for key. What is left out, or null, holds its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionFile {
    /// The account; may be left out, and is the caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// The connection's name; its id is made of account and name.
    pub(super) name: String,
    /// `sftp`, or a provider's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<String>,
    /// `automated`, `assisted`, or an interval from `15m` to `31d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence: Option<String>,
    /// How much later than the cadence a file may come: `90m`, `6h`, `2d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    late_after: Option<String>,
    /// The name of the connection's own group, unique in the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// Who is imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["active_and_inactive", "active_only", null]))]
    import: Option<String>,
    /// What it does by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["preview", "active", "paused", null]))]
    mode: Option<String>,
    /// Mapped dynamic fields; one group per value of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 3))]
    group_by: Option<Vec<String>>,
    /// Whether the groups are visible to members.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups_public: Option<bool>,
    /// What a new value of a grouping field does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["create", "alert", null]))]
    on_new_value: Option<String>,
    /// Addresses of the report mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    report_to: Option<Vec<String>>,
    /// The country of phone numbers written without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_country: Option<String>,
    /// What happens with a new person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["add", "propose", null]))]
    on_new: Option<String>,
    /// What happens with an absent person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["remove", "deactivate", "ignore", null]))]
    on_absent: Option<String>,
    /// Complete listings in a row a person may be missing from before that happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 5))]
    absent_grace: Option<u64>,
    /// Unique ids that no sync deactivates or removes.
    #[serde(skip_serializing_if = "Option::is_none")]
    never_remove: Option<Vec<String>>,
    /// What the connector needs to know besides secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<BTreeMap<String, String>>,
    /// Secrets. Taken and never shown; left out, those that are stored stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    switches: Option<SwitchesTable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gates: Option<GatesTable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileTable>,
    /// How fields are filled, by the field's name; `unique_id` must be among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<BTreeMap<String, FieldTable>>,
}

/// The four switches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SwitchesTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    adds: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updates: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deactivations: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removals: Option<bool>,
}

/// A percentage (`10%`) or a count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum LimitValue {
    /// A count.
    Count(u64),
    /// A percentage such as `10%`.
    Share(String),
}

/// The limits of the gates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GatesTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    removals: Option<LimitValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updates: Option<LimitValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<LimitValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<LimitValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_change: Option<LimitValue>,
}

/// How files are named and read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FileTable {
    /// The name rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["auto", ",", "|", ";", "tab", "\t", null]))]
    delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["utf-8", "windows-1252", null]))]
    encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["hold", "text", null]))]
    stray_quotes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    skip_lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_separator: Option<String>,
}

/// How one field is filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FieldTable {
    /// A column, or a path of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// A CEL expression over `row`; in place of `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    expr: Option<String>,
    /// Which entry of a typed list.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transforms: Option<Vec<String>>,
    /// How a date is written, strftime.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["clear", "keep", null]))]
    on_empty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clear: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multiple: Option<bool>,
    /// Source value → stored value.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<BTreeMap<String, String>>,
}

impl ConnectionFile {
    /// The file that means what these settings are; without credentials, as all settings.
    pub(super) fn of(settings: &Settings) -> Result<Self, Problem> {
        toml::from_str(&settings.to_toml()).map_err(|error| {
            tracing::error!("settings that cannot be shown: {error}");
            Problem::new(500, "internal", "these settings cannot be shown; the log of the admin API says why")
        })
    }

    /// The text of the file. One that names no account is the caller's.
    pub(crate) fn to_toml(&self, account: &AccountId) -> Result<String, Problem> {
        let mut file = self.clone();
        file.account.get_or_insert_with(|| account.to_string());
        // Only a number beyond TOML's is none of its values.
        toml::to_string(&file).map_err(|_| Problem::invalid("gates", "a count is larger than a number may be"))
    }
}

/// The settings of a connection file that may be the caller's; everything that is wrong with it is told at once.
pub(super) fn settings_of_file(text: &str, account: &AccountId, with_lines: bool) -> Result<Settings, Problem> {
    if text.len() > LONGEST_FILE {
        return Err(Problem::invalid("file", format!("the connection file is longer than {LONGEST_FILE} bytes")));
    }
    let settings = Settings::from_toml(text).map_err(|error| {
        Problem::all_invalid(error.problems.into_iter().map(|problem| {
            let line = problem.line.filter(|_| with_lines);
            (problem.path, line.map_or(String::new(), |line| format!("line {line}: ")) + &problem.message)
        }))
    })?;
    if settings.account != *account {
        return Err(Problem::invalid("account", "account: must be your own account; correct it or leave it out"));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
account = "acme"
name = "Payroll"
cadence = "2d"
late_after = "6h"
group = "Staff"
import = "active_only"
mode = "active"
group_by = ["department"]
groups_public = true
on_new_value = "alert"
report_to = ["hr@acme.example"]
default_country = "US"
on_new = "propose"
on_absent = "deactivate"
absent_grace = 2
never_remove = ["007"]
[file]
pattern = "p_{yyyymmdd}.csv"
delimiter = "tab"
encoding = "windows-1252"
stray_quotes = "text"
skip_lines = 1
multi_value_separator = "|"
[gates]
removals = "5%"
updates = 7
new = "1%"
rows = "90%"
field_change = 3
[switches]
adds = false
[fields.unique_id]
from = "id"
[fields.department]
expr = "row.a"
values = { "a.b" = "A" }
transforms = ["upper"]
on_empty = "keep"
clear = ["-"]
keep = ["?"]
[fields.email_1]
from = "mail"
type = "Work"
required = true
[fields.start_date]
from = "start"
format = "%d.%m.%Y"
"#;

    #[test]
    fn json_and_toml_mean_the_same_both_ways() {
        let settings = Settings::from_toml(FULL).unwrap();
        let file = ConnectionFile::of(&settings).unwrap();
        let json = serde_json::to_string(&file).unwrap();
        let back: ConnectionFile = serde_json::from_str(&json).unwrap();
        let text = back.to_toml(&AccountId::parse("acme").unwrap()).unwrap();
        assert_eq!(Settings::from_toml(&text).unwrap(), settings, "{text}");
    }

    #[test]
    fn every_key_of_the_connection_file_can_be_said_in_json() {
        let docs = include_str!("../../../../docs/connection-file.md");
        let schema = serde_json::to_string(&schemars::schema_for!(ConnectionFile)).unwrap();
        let keys = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let mut seen = 0;
        for key in keys {
            seen += 1;
            assert!(schema.contains(&format!("\"{key}\":")), "{key}");
        }
        assert!(seen > 35, "{seen}");
    }
}
