//! The connection file that fits these exports.

use std::fmt::Write as _;

use crate::COLUMNS;

/// Fields of the catalogue with what their table says beside the column. In the order of [`COLUMNS`].
const FIELDS: [(&str, &str); COLUMNS.len()] = [
    ("unique_id", ""),
    ("first_name", ""),
    ("last_name", ""),
    ("preferred_name", ""),
    ("email_1", "type = \"Work\""),
    ("email_2", "type = \"Personal\""),
    ("text_1", "type = \"Mobile\""),
    ("text_2", "type = \"Mobile\""),
    ("voice_1", "type = \"Work\""),
    ("voice_2", "type = \"Home\""),
    ("voice_3", "type = \"Other\""),
    ("address_line_1", "type = \"Home\""),
    ("address_line_2", "type = \"Home\""),
    ("city", "type = \"Home\""),
    ("region", "type = \"Home\""),
    ("postal_code", "type = \"Home\""),
    ("country", "type = \"Home\""),
    ("raw_address", "type = \"Home\""),
    ("preferred_language", ""),
    ("employment_status", "values = { \"A\" = \"active\", \"L\" = \"inactive\", \"T\" = \"terminated\" }"),
    ("employee_type", ""),
    ("job_title", ""),
    ("department", ""),
    ("division", ""),
    ("cost_center", ""),
    ("location", ""),
    ("manager_id", ""),
    ("manager_name", ""),
    ("manager_email", ""),
    ("start_date", "format = \"%m/%d/%Y\""),
    ("end_date", "format = \"%m/%d/%Y\""),
    ("custom_1", ""),
    ("custom_2", ""),
];

/// The field of the catalogue that a column of [`COLUMNS`] fills.
pub fn field_of(column: &str) -> Option<&'static str> {
    COLUMNS.iter().position(|name| *name == column).map(|at| FIELDS[at].0)
}

/// A connection file (TOML) that maps all 33 fields for these exports: mode active, both active and
/// inactive people imported, grouped by department and location, file names `acme_people_{mmddyyyy}.csv`,
/// delimiter told by the file.
pub fn connection_toml(account: &str, name: &str, group: &str) -> String {
    let mut toml = format!(
        "account = {}\nname = {}\nconnector = \"sftp\"\ngroup = {}\n",
        quoted(account),
        quoted(name),
        quoted(group)
    );
    toml.push_str(
        "import = \"active_and_inactive\"\nmode = \"active\"\ngroup_by = [\"department\", \"location\"]\n\
         report_to = [\"hr@acme.example\"]\ndefault_country = \"US\"\non_new = \"add\"\non_absent = \"remove\"\n\
         \n[file]\npattern = \"acme_people_{mmddyyyy}.csv\"\ndelimiter = \"auto\"\nencoding = \"utf-8\"\n\
         \n[gates]\nremovals = \"10%\"\n",
    );
    for ((field, more), column) in FIELDS.iter().zip(COLUMNS) {
        let _ = write!(toml, "\n[fields.{field}]\nfrom = {}\n", quoted(column));
        if !more.is_empty() {
            let _ = writeln!(toml, "{more}");
        }
    }
    toml
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
