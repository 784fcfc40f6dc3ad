//! The connection and the files of most tests.

/// A connection whose plans are applied at once.
pub const STAFF: &str = r#"
account = "acme"
name = "Payroll nightly"
group = "Acme staff"
mode = "active"
import = "active_and_inactive"
group_by = ["department"]
report_to = ["hr@acme.example"]
default_country = "US"
[file]
pattern = "people_{yyyymmdd}.csv"
[fields.unique_id]
from = "id"
[fields.first_name]
from = "name"
[fields.department]
from = "dept"
[fields.employment_status]
from = "status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
"#;

/// The connection of that account and name.
pub fn connection(account: &str, name: &str) -> String {
    let staff = STAFF.replace("account = \"acme\"", &format!("account = \"{account}\""));
    let staff = staff.replace("name = \"Payroll nightly\"", &format!("name = \"{name}\""));
    staff.replace("Acme staff", &format!("{account} {name}"))
}

/// The files of three days; each differs from the one before in all four ways, within the gates.
pub const DAYS: [&str; 3] = ["people_20261121.csv", "people_20261122.csv", "people_20261123.csv"];

/// A file of these records.
pub fn csv(rows: &[String]) -> Vec<u8> {
    format!("id,name,dept,status\n{}\n", rows.join("\n")).into_bytes()
}

/// The records of the first day.
pub fn staff(count: usize) -> Vec<String> {
    let department = |n: usize| ["Sales", "Ops", "Legal"][n % 3];
    (0..count).map(|n| format!("{n:04},P{n},{},A", department(n))).collect()
}

/// The file of a day, 0 to 2, of forty people.
pub fn day(day: usize) -> Vec<u8> {
    let mut rows = staff(40);
    if day >= 1 {
        rows[3] = "0003,Renamed,Ops,A".into();
        rows[5] = "0005,P5,Legal,L".into();
        rows.remove(10);
        rows.push("0099,New,Research,A".into());
    }
    if day >= 2 {
        rows[3] = "0003,Renamed Again,Sales,A".into();
        rows[5] = "0005,P5,Legal,A".into();
        rows.retain(|row| !row.starts_with("0099"));
        rows.push("0010,Back,Ops,A".into());
    }
    csv(&rows)
}
