use proptest::prelude::*;

use super::super::*;

const FULL: &str = r#"
account = "acme"
name = "Payroll nightly"
connector = "sftp"
group = "Acme staff"
import = "active_and_inactive"      # or active_only
mode = "active"                     # or preview, paused
group_by = ["department", "location"]
report_to = ["hr@acme.example"]
default_country = "US"
on_new = "add"
on_absent = "remove"
[file]
pattern = "acme_people_{mmddyyyy}.csv"
delimiter = "auto"
encoding = "utf-8"
[gates]
removals = "10%"
rows = "70.5%"
new = 25
[fields.unique_id]
from = "Employee ID"
[fields.email_1]
from = "Work Email"
type = "Work"
[fields.department]
expr = 'row["Dept"].trim()'
[fields.location]
from = "Site"
[fields.employment_status]
from = "Status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
[fields.start_date]
from = "Hire Date"
format = "%m/%d/%Y"
"#;

/// The smallest good file with more in it.
fn with(top: &str, tables: &str) -> Result<Settings, SettingsError> {
    Settings::from_toml(&format!(
        "account = \"acme\"\nname = \"Nightly\"\n{top}\n[fields.unique_id]\nfrom = \"ID\"\n{tables}\n"
    ))
}

fn refused(top: &str, tables: &str, line: usize, path: &str, part: &str) {
    let error = with(top, tables).expect_err("must be refused");
    let fits = |problem: &Problem| problem.path == path && problem.line == Some(line) && problem.message.contains(part);
    assert!(error.problems.iter().any(fits), "{top}{tables}: {error}");
}

#[test]
fn the_documented_form_is_read() {
    let settings = Settings::from_toml(FULL).unwrap();
    assert_eq!(settings.mode, Mode::Active);
    assert_eq!(settings.gates.rows, Limit::Percent(70.5));
    assert_eq!(settings.gates.new, Limit::Count(25));
    assert_eq!(settings.gates.updates, Limit::Percent(75.0));
    assert_eq!(settings.file.delimiter, None);
    assert_eq!(settings.group_by.len(), 2);
    assert_eq!(settings.fields[&Field::EMAIL_1].data_type, Some(DataType::Work));
    assert_eq!(settings.status_of("l"), Some(Status::Inactive));
    assert_eq!(Settings::from_toml(&settings.to_toml()), Ok(settings));
}

#[test]
fn the_smallest_file_takes_the_defaults() {
    let settings = with("", "").unwrap();
    assert_eq!((settings.mode, settings.group.as_str()), (Mode::Preview, "Nightly"));
    assert_eq!(settings.gates, GateLimits::default());
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_one() {
    refused("modus = \"active\"", "", 3, "modus", "\"mode\"");
    refused("", "[gates]\nremoval = 3", 7, "gates.removal", "\"removals\"");
    refused("", "[fields.email_1]\nfrom = \"E\"\nform = \"x\"", 8, "fields.email_1.form", "\"from\"");
    refused("", "[fields.emial_1]\nfrom = \"E\"", 6, "fields.emial_1", "\"email_1\"");
    refused("", "[feilds.city]\nfrom = \"E\"", 6, "feilds", "\"fields\"");
}

#[test]
fn a_wrong_value_names_what_is_allowed() {
    refused("mode = \"activ\"", "", 3, "mode", "\"preview\", \"active\" or \"paused\"");
    refused("mode = 1", "", 3, "mode", "not 1");
    refused("groups_public = \"yes\"", "", 3, "groups_public", "true or false");
    refused("report_to = [1]", "", 3, "report_to", "list of texts");
    refused("report_to = [\"hr@acme\"]", "", 3, "report_to", "without a dot");
    refused("default_country = \"XX\"", "", 3, "default_country", "ISO");
    refused("absent_grace = 6", "", 3, "absent_grace", "0 to 5");
    refused("connector = \"FTP!\"", "", 3, "connector", "lower-case letters");
    refused("cadence = \"5m\"", "", 3, "cadence", "15m");
    refused("late_after = \"soon\"", "", 3, "late_after", "90m");
    refused("", "[gates]\nremovals = \"110%\"", 7, "gates.removals", "percentage");
    refused("", "[gates]\nremovals = 10.5", 7, "gates.removals", "percentage");
    refused("", "[gates]\nremovals = -1", 7, "gates.removals", "percentage");
    refused("", "[file]\ndelimiter = \":\"", 7, "file.delimiter", "\"tab\"");
    refused("", "[file]\npattern = \"a_{mmddyyy}.csv\"", 7, "file.pattern", "unknown");
    refused("", "[fields.city]\nfrom = \"C\"\ntype = \"Work\"", 8, "fields.city.type", "\"Billing\"");
    refused("", "[fields.job_title]\nfrom = \"C\"\ntype = \"Work\"", 8, "fields.job_title.type", "leave it out");
    refused("", "[fields.start_date]\nfrom = \"C\"\nformat = \"mm/dd\"", 8, "fields.start_date.format", "date format");
    refused("", "[fields.city]\nfrom = \"C\"\ntransforms = [\"lowr\"]", 8, "fields.city.transforms", "\"lower\"");
    let values = "[fields.employment_status]\nfrom = \"S\"\nvalues = { A = \"aktiv\" }";
    refused("", values, 8, "fields.employment_status.values.A", "\"active\"");
}

#[test]
fn the_unique_id_must_be_mapped() {
    let error = Settings::from_toml("account = \"acme\"\nname = \"N\"\n").unwrap_err().to_string();
    assert!(error.contains("unique_id must be mapped"), "{error}");
}

#[test]
fn the_default_country_is_held_as_alpha_2() {
    assert_eq!(with("default_country = \"usa\"", "").unwrap().default_country.as_deref(), Some("US"));
}

#[test]
fn from_and_expr_exclude_each_other() {
    refused("", "[fields.city]\nfrom = \"C\"\nexpr = 'row.C'", 8, "fields.city.expr", "one of the two");
    refused("", "[fields.city]\nmultiple = true", 6, "fields.city", "needs from");
    refused("", "[fields.city]\nexpr = 'row.C.lower()'", 7, "fields.city.expr", "lowerAscii");
}

#[test]
fn a_blocked_column_is_refused_with_the_reason() {
    refused("", "[fields.custom_1]\nfrom = \"SSN\"", 7, "fields.custom_1.from", "national ids are never stored");
    refused("", "[fields.custom_1]\nexpr = 'row[\"Birth Date\"]'", 7, "fields.custom_1.expr", "birth dates");
}

#[test]
fn a_group_needs_a_mapped_dynamic_field_of_one_value() {
    refused("group_by = [\"department\"]", "", 3, "group_by", "not mapped");
    refused("group_by = [\"depart\"]", "", 3, "group_by", "\"department\"");
    refused("group_by = [\"last_name\"]", "[fields.last_name]\nfrom = \"L\"", 3, "group_by", "last_name cannot");
    let many = "[fields.division]\nfrom = \"D\"\nmultiple = true";
    refused("group_by = [\"division\"]", many, 3, "group_by", "multiple");
    refused("group_by = [\"a\", \"b\", \"c\", \"d\"]", "", 3, "group_by", "not a field");
    let four = "group_by = [\"city\", \"region\", \"country\", \"division\"]";
    refused(four, "", 3, "group_by", "at most 3");
}

#[test]
fn all_problems_are_told_at_once_in_the_files_order() {
    let error = with("mode = 1\nmodus = 2", "[gates]\nnew = true").unwrap_err();
    let paths: Vec<&str> = error.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["mode", "modus", "gates.new"]);
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    let error = Settings::from_toml("account = \"acme\"\nname = \n").unwrap_err();
    assert_eq!(error.problems[0].line, Some(2), "{error}");
    let error = Settings::from_toml("name = \"a\"\nname = \"b\"\n").unwrap_err();
    assert_eq!(error.problems[0].line, Some(2), "{error}");
}

fn word<T: Copy + std::fmt::Debug>(words: &'static words::Words<T>) -> impl Strategy<Value = T> {
    proptest::sample::select(words).prop_map(|(_, meant)| meant)
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        (0u32..=1000).prop_map(|tenths| Limit::Percent(f64::from(tenths) / 10.0)),
        any::<u64>().prop_map(Limit::Count)
    ]
}

fn some_text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| format!("x{text}y"))
}

fn field_mapping() -> impl Strategy<Value = FieldMapping> {
    let origin = prop_oneof![
        // Random letters may spell a blocked name; digits cannot.
        "Col [0-9]{1,6}[\"'\\\\\n\t=]?".prop_map(Origin::Column),
        Just(Origin::Expression("row[\"A \\\"b\"] + '\\n'".to_owned()))
    ];
    let tokens = || proptest::collection::vec(some_text(), 0..3);
    let values = proptest::collection::btree_map(some_text(), "[a-z]{1,9}", 0..3);
    (origin, proptest::sample::subsequence(words::TRANSFORMS.to_vec(), 0..4), values, tokens(), tokens(), any::<bool>())
        .prop_map(|(origin, transforms, values, clear, keep, multiple)| {
            let mut mapping = FieldMapping::new(origin);
            mapping.transforms = transforms.into_iter().map(str::to_owned).collect();
            mapping.values = values;
            mapping.clear_tokens = clear.iter().map(|token| format!("c{token}")).collect();
            mapping.keep_tokens = keep;
            mapping.multiple = multiple;
            mapping.required = multiple;
            mapping
        })
}

fn settings() -> impl Strategy<Value = Settings> {
    let modes = (word(words::MODE), word(words::IMPORT), word(words::ON_NEW), word(words::ON_ABSENT));
    let file = (word(words::DELIMITER), word(words::ENCODING), any::<bool>(), 0u32..=100, "[;|/~]");
    let gates = (limit(), limit(), limit(), limit(), limit());
    let texts = (some_text(), some_text(), proptest::collection::vec("[a-z]{1,8}@acme\\.io", 0..3));
    let switches = any::<[bool; 5]>();
    (modes, file, gates, texts, switches, proptest::collection::vec(field_mapping(), 6)).prop_map(
        |(modes, file, gates, (name, group, report_to), on, mappings)| {
            let mut settings = Settings::new(AccountId::parse("acme").unwrap(), "N".to_owned());
            settings.name = name.chars().take(30).collect();
            settings.group = group.chars().take(99).collect();
            (settings.mode, settings.import, settings.on_new, settings.on_absent) = modes;
            settings.report_to = report_to;
            settings.groups_are_public = on[4];
            settings.switches = Switches { adds: on[0], updates: on[1], deactivations: on[2], removals: on[3] };
            settings.gates =
                GateLimits { removals: gates.0, updates: gates.1, new: gates.2, rows: gates.3, field_change: gates.4 };
            settings.file.delimiter = file.0;
            settings.file.encoding = file.1;
            settings.file.stray_quotes_are_text = file.2;
            settings.file.skip_lines = file.3;
            settings.file.multi_value_separator = file.4.chars().next().unwrap();
            settings.fields.insert(Field::UNIQUE_ID, FieldMapping::new(Origin::Column("ID".to_owned())));
            let names = ["city", "division", "custom_1", "custom_2", "job_title", "cost_center"];
            settings.fields.extend(names.iter().filter_map(|name| Field::by_name(name)).zip(mappings));
            settings
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(settings in settings()) {
        prop_assume!(settings.problems().is_empty());
        prop_assert_eq!(Settings::from_toml(&settings.to_toml()), Ok(settings));
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>()) {
        let _ = Settings::from_toml(&text);
    }

    #[test]
    fn no_damage_to_a_good_file_makes_reading_panic(at in 0..FULL.len(), inside in "[\\x00-\\x7f]{0,3}", cut in 0usize..9) {
        let end = FULL.floor_char_boundary((at + cut).min(FULL.len()));
        let at = FULL.floor_char_boundary(at);
        let text = format!("{}{inside}{}", &FULL[..at], &FULL[end..]);
        if let Err(error) = Settings::from_toml(&text) {
            prop_assert!(!error.problems.is_empty());
        }
    }
}
