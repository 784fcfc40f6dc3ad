//! A connection file as key paths and values, to be compared with another.

use std::collections::BTreeMap;

use ::toml::{Table, Value};

use super::super::{Settings, SettingsError};

/// The keys of a connection file by path (`fields.email_1.from`), with their values as TOML. Keys that hold their
/// default are left out, however the file is written.
///
/// # Errors
/// [`SettingsError`] when the text is no connection file.
pub fn flat(text: &str) -> Result<BTreeMap<String, String>, SettingsError> {
    let mut found = BTreeMap::new();
    // What is written here is TOML; were it not, nothing would differ from nothing.
    let table = Settings::from_toml(text)?.to_toml().parse::<Table>().unwrap_or_default();
    for (key, value) in table {
        enter(key, value, &mut found);
    }
    Ok(found)
}

fn enter(path: String, value: Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => table.into_iter().for_each(|(key, value)| enter(format!("{path}.{key}"), value, found)),
        value => {
            found.insert(path, value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_mean_the_same_are_flat_the_same() {
        let short = "account = \"acme\"\nname = \"P\"\n[fields.unique_id]\nfrom = \"id\"\n";
        let long =
            "# ours\nname = \"P\"\naccount = \"acme\"\nmode = \"preview\"\n[fields]\nunique_id = { from = \"id\" }\n";
        assert_eq!(flat(short).unwrap(), flat(long).unwrap());
        assert_eq!(flat(short).unwrap()["fields.unique_id.from"], "\"id\"");
    }
}
