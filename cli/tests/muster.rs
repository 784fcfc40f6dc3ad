//! The command `muster` as people run it.

#![expect(clippy::unwrap_used, reason = "tests; the helpers of integration tests do not count as such")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const CONNECTION: &str = r#"account = "acme"
name = "Payroll nightly"
mode = "active"
group_by = ["department"]
default_country = "US"
[file]
pattern = "people_{yyyymmdd}.csv"
[gates]
removals = 5
updates = "100%"
new = "50%"
field_change = "100%"
[fields.unique_id]
from = "Id"
[fields.first_name]
from = "First"
[fields.department]
from = "Dept"
[fields.text_1]
from = "Mobile"
[fields.employment_status]
from = "Status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
"#;

const HEADER: &str = "Id,First,Dept,Mobile,Status\n";
const DAY_1: &str = "Id,First,Dept,Mobile,Status
001,Ana,Sales,212-555-0142,A
002,Bo,Ops,212-555-0143,A
003,Cy,Ops,,L
004,Di,Sales,212-555-0144,A
005,Ed,HR,212-555-0145,A
006,Flo,HR,,A
007,Gus,HR,,T
008,Hal,HR,212-555-0146,A
";
/// 001: another department; 002: an invalid number keeps the stored one; 003: back; 004: on leave, and another
/// name; 005: gone by status; 006: missing; 007: still gone; 008: as before; 009: new, in a new department.
const DAY_2: &str = "Id,First,Dept,Mobile,Status
001,Ana,Ops,212-555-0142,A
002,Bo,Ops,call me,A
003,Cy,Ops,,A
004,Dee,Sales,212-555-0144,L
005,Ed,HR,212-555-0145,T
007,Gus,HR,,T
008,Hal,HR,(212) 555-0146,A
009,Ida,Legal,,A
";

/// A folder with a connection file and people files.
struct Desk(TempDir);

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let desk = Self(TempDir::new().unwrap());
        desk.put("c.toml", CONNECTION.as_bytes());
        files.iter().for_each(|(name, text)| desk.put(name, text.as_bytes()));
        desk
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs `muster` with these words as its arguments.
    fn run(&self, words: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        let Output { status, stdout, stderr } =
            command.args(words.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        Ran { code: status.code(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() }
    }

    /// Runs `muster plan --json`, which must end with this exit code.
    #[track_caller]
    fn plan(&self, words: &str, code: i32) -> Value {
        let ran = self.run(&format!("plan --connection c.toml --json {words}"));
        assert_eq!(ran.code, Some(code), "{}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
    }
}

/// The keys of the counts, without the hash.
fn counts(mut plan: Value) -> Value {
    plan.as_object_mut().unwrap().remove("hash");
    plan
}

fn expected_of_day_2() -> Value {
    json!({
        "rows": 8, "added": 1, "proposed": 0, "updated": 1, "deactivated": 1, "reactivated": 1, "removed": 2,
        "unchanged": 2, "issues": {"error": 1, "warning": 0}, "held": [],
    })
}

#[test]
fn without_a_base_everybody_who_is_imported_is_new() {
    let desk = Desk::new(&[("day1.csv", DAY_1)]);
    let plan = desk.plan("day1.csv", 0);
    assert_eq!((&plan["rows"], &plan["added"], &plan["removed"]), (&json!(8), &json!(7), &json!(0)));
    assert_eq!(plan["hash"].as_str().map(str::len), Some(64));
}

#[test]
fn each_kind_of_change_is_counted_once() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", DAY_2)]);
    assert_eq!(counts(desk.plan("--base day1.csv day2.csv", 0)), expected_of_day_2());
}

#[test]
fn a_saved_roster_is_as_good_a_base_as_the_file() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", DAY_2)]);
    desk.plan("--save-roster day1.roster day1.csv", 0);
    assert_eq!(counts(desk.plan("--base day1.roster day2.csv", 0)), expected_of_day_2());
}

#[test]
fn a_roster_saved_over_its_own_base_remembers_both_days() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", DAY_2)]);
    desk.plan("--save-roster a.roster day1.csv", 0);
    for base in ["a.roster", "day1.csv"] {
        desk.plan(&format!("--base {base} --save-roster b.roster day2.csv"), 0);
        let again = desk.plan("--base b.roster day2.csv", 0);
        let changes = ["added", "updated", "deactivated", "reactivated", "removed"].map(|key| again[key].as_u64());
        assert_eq!((changes, again["unchanged"].as_u64()), ([Some(0); 5], Some(6)), "{base}: {again}");
        // The number that was kept on day 2 is still the stored one: the old spelling brings nothing new.
        let valid = DAY_2.replace("call me", "212-555-0143");
        desk.put("day3.csv", valid.as_bytes());
        assert_eq!(desk.plan("--base b.roster day3.csv", 0)["updated"], 0, "{base}");
    }
    desk.plan("--base a.roster --save-roster a.roster day2.csv", 0);
    assert_eq!(desk.plan("--base a.roster day2.csv", 0)["added"], 0);
}

#[test]
fn whoever_was_deactivated_for_being_absent_is_reactivated_when_they_come_back() {
    let desk = Desk::new(&[("day1.csv", DAY_1)]);
    desk.put("c.toml", CONNECTION.replacen("mode", "on_absent = \"deactivate\"\nmode", 1).as_bytes());
    desk.put("day2.csv", DAY_1.replace("006,Flo,HR,,A\n", "").as_bytes());
    desk.plan("--save-roster a.roster day1.csv", 0);
    assert_eq!(desk.plan("--base a.roster --save-roster b.roster day2.csv", 0)["deactivated"], 1);
    let still_absent = desk.plan("--base b.roster day2.csv", 0);
    assert_eq!((&still_absent["deactivated"], &still_absent["removed"]), (&json!(0), &json!(0)));
    assert_eq!(desk.plan("--base b.roster day1.csv", 0)["reactivated"], 1);
}

#[test]
fn the_four_files_tell_the_changes_and_the_errors() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", DAY_2)]);
    desk.plan("--base day1.csv --out out day2.csv", 0);
    assert!(desk.read("out/invites.csv").contains("009,add,active,Ida,,Legal\r\n"));
    let updates = desk.read("out/updates.csv");
    for row in [
        "001,update,department,Sales,Ops\r\n",
        "003,reactivate,employment_status,inactive,active\r\n",
        "004,deactivate,employment_status,active,inactive\r\n",
        "004,deactivate,first_name,Di,Dee\r\n",
    ] {
        assert!(updates.contains(row), "{row} in {updates}");
    }
    let deletions = desk.read("out/deletions.csv");
    assert!(deletions.contains("005,status terminated,Ed,,\r\n") && deletions.contains("006,absent,Flo,,\r\n"));
    let errors = desk.read("out/errors.csv");
    assert!(
        errors.contains("day2.csv,2,3,error,invalid,text_1,Mobile,") && errors.contains(",002,Bo,Ops,call me,A\r\n")
    );
}

#[test]
fn with_a_roster_the_lists_say_that_old_values_are_not_known() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", DAY_2)]);
    desk.plan("--save-roster day1.roster day1.csv", 0);
    desk.plan("--base day1.roster --out out day2.csv", 0);
    let updates = desk.read("out/updates.csv");
    assert!(updates.contains("001,update,department,(not known: the base is a roster),Ops\r\n"), "{updates}");
    assert_eq!(updates.lines().count(), 5, "{updates}");
}

#[test]
fn the_four_files_are_there_even_if_there_is_nothing_to_tell() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("empty.csv", "")]);
    for (words, code) in [("--base day1.csv --out out day1.csv", 0), ("--out bad empty.csv", 1)] {
        desk.plan(words, code);
        let folder = if code == 0 { "out" } else { "bad" };
        for (name, rows) in [("invites", 1), ("updates", 1), ("deletions", 1), ("errors", 1 + code as usize)] {
            let text = desk.read(&format!("{folder}/{name}.csv"));
            assert_eq!(text.lines().count(), rows, "{folder}/{name}: {text}");
        }
    }
}

#[test]
fn removals_over_the_gate_hold_the_plan() {
    let desk = Desk::new(&[("day1.csv", DAY_1)]);
    desk.put("c.toml", CONNECTION.replace("removals = 5", "removals = 0").as_bytes());
    desk.put("day2.csv", DAY_1.replace("006,Flo,HR,,A\n", "").as_bytes());
    let plan = desk.plan("--base day1.csv day2.csv", 2);
    assert_eq!(plan["held"], json!(["removals", "removals_7_days"]));
}

#[test]
fn preview_mode_holds_every_plan_and_a_paused_connection_applies_none() {
    let desk = Desk::new(&[("day1.csv", DAY_1)]);
    for (mode, held) in [("preview", "preview"), ("paused", "paused")] {
        desk.put("c.toml", CONNECTION.replace("mode = \"active\"", &format!("mode = \"{mode}\"")).as_bytes());
        assert_eq!(desk.plan("day1.csv", 2)["held"], json!([held]));
    }
}

/// A file after day 1 that removes nobody and is held for this gate.
#[track_caller]
fn check_held(text: &str, gate: &str) {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", text)]);
    desk.plan("--save-roster day1.roster day1.csv", 0);
    for base in ["day1.csv", "day1.roster"] {
        let plan = desk.plan(&format!("--base {base} day2.csv"), 2);
        assert!(plan["held"].as_array().unwrap().contains(&json!(gate)), "{plan}");
        assert_eq!((&plan["removed"], &plan["deactivated"]), (&json!(0), &json!(0)), "{plan}");
    }
}

#[test]
fn a_damaged_file_is_held_and_removes_nobody() {
    check_held(HEADER, "no_rows");
    check_held(&DAY_1[..DAY_1.len() - 20], "damage");
    check_held(&DAY_1.replace("002,Bo", "002,\"Bo"), "damage");
}

#[test]
fn a_damaged_base_is_warned_about_and_used_as_far_as_it_goes() {
    let desk = Desk::new(&[("day1.csv", &DAY_1.replace("005,Ed", "005,\"Ed")), ("day2.csv", DAY_1)]);
    let ran = desk.run("plan --connection c.toml --base day1.csv day2.csv --json --any-name");
    assert!(ran.err.contains("in the base: day1.csv:6") && ran.err.contains("damaged"), "{}", ran.err);
    assert!(ran.out.contains("\"unchanged\":4"), "{}", ran.out);
}

/// A file that cannot be read at all: exit code 1, told on both streams.
#[track_caller]
fn check_unreadable(bytes: &[u8], code: &str, told: &str) {
    let desk = Desk::new(&[]);
    desk.put("new.csv", bytes);
    let ran = desk.run("plan --connection c.toml new.csv --json");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["issues"][0]["code"], code, "{said}");
    assert!(ran.err.contains("new.csv") && ran.err.contains(told), "{}", ran.err);
    assert!(said["error"].as_str().unwrap().contains(told), "{said}");
}

#[test]
fn an_unreadable_file_is_told_with_its_reason() {
    check_unreadable(b"", "no_rows", "the file is empty");
    check_unreadable(b"%PDF-1.7\n", "file_kind", "PDF");
    check_unreadable(b"Name,Dept\nAna,Ops\n", "header", "unique id");
    check_unreadable(b"Id,\"First\n001,Ana\n", "unclosed_quote", "new.csv:1");
}

#[test]
fn a_missing_file_is_named() {
    let ran = Desk::new(&[]).run("plan --connection c.toml nowhere.csv");
    assert!(ran.code == Some(1) && ran.err.contains("nowhere.csv"), "{}", ran.err);
}

#[test]
fn an_unknown_key_of_the_connection_file_is_told_with_the_nearest_known_one() {
    let desk = Desk::new(&[("day1.csv", DAY_1)]);
    desk.put("c.toml", CONNECTION.replace("group_by", "groupby").as_bytes());
    for words in ["plan --connection c.toml day1.csv", "validate --connection c.toml"] {
        let ran = desk.run(words);
        assert_eq!(ran.code, Some(1));
        for part in ["c.toml", "line 4", "groupby", "\"group_by\""] {
            assert!(ran.err.contains(part), "{part} in {}", ran.err);
        }
    }
    let ran = desk.run("validate --connection c.toml --json");
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&said["issues"][0]["line"], &said["issues"][0]["path"]), (&json!(4), &json!("groupby")));
}

#[test]
fn a_name_that_does_not_match_is_a_warning_unless_it_is_to_be_checked() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("people_20260131.csv", DAY_1)]);
    for (words, code, told) in [
        ("day1.csv", 0, true),
        ("day1.csv --any-name", 0, false),
        ("day1.csv --check-name", 1, true),
        ("people_20260131.csv --check-name", 0, false),
    ] {
        let ran = desk.run(&format!("plan --connection c.toml {words}"));
        assert_eq!((ran.code, ran.err.contains("does not match")), (Some(code), told), "{words}: {}", ran.err);
    }
}

#[test]
fn the_summary_shows_counts_changes_gates_issues_and_what_would_happen() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", DAY_2)]);
    let ran = desk.run("plan --connection c.toml --base day1.csv day2.csv");
    for part in [
        "2 removed",
        "~ 001 department: \"Sales\" → \"Ops\"",
        "+ 009 Ida",
        "- 005 Ed (terminated)",
        "- 006 Flo (absent)",
        "ok   removals ",
        "day2.csv:3 record 2 text_1 invalid: ",
        "department: Legal (1 people)",
        "would be applied",
    ] {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_as_a_command() {
    let desk = Desk::new(&[]);
    desk.put("new.csv", "Id,First,Dept,Mobile,Status\n1,A\u{202e}na\u{9b}31m,Ops,\u{1b}[31m,A\n".as_bytes());
    for words in ["plan", "validate"] {
        let ran = desk.run(&format!("{words} --connection c.toml new.csv"));
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!ran.out.contains(obeyed) && !ran.err.contains(obeyed), "{:?}", ran.out);
    }
}

#[test]
fn a_packed_file_is_planned_as_its_text() {
    let desk = Desk::new(&[("day1.csv", DAY_1)]);
    // Stored members only need their sizes and checksum.
    desk.put("day1.zip", &stored_zip("people.csv", DAY_1.as_bytes()));
    assert_eq!(counts(desk.plan("day1.zip", 0)), counts(desk.plan("day1.csv", 0)));
}

#[test]
fn a_roster_that_was_altered_or_cut_is_no_base() {
    let desk = Desk::new(&[("day1.csv", DAY_1)]);
    desk.plan("--save-roster good.roster day1.csv", 0);
    let good = fs::read(desk.path("good.roster")).unwrap();
    for at in (0..good.len()).step_by(17) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        // Without its magic it is taken for a people file, and that fails too.
        for bytes in [bad.as_slice(), &good[..at]] {
            desk.put("bad.roster", bytes);
            let ran = desk.run("plan --connection c.toml --base bad.roster day1.csv");
            assert_eq!(ran.code, Some(1), "byte {at}: {}", ran.out);
        }
    }
}

#[test]
fn validate_tells_every_issue_with_its_place() {
    let desk = Desk::new(&[("day1.csv", DAY_1), ("day2.csv", DAY_2), ("empty.csv", ""), ("head.csv", HEADER)]);
    for (file, code, told) in [
        ("day1.csv", 0, "8 rows, 0 errors, 0 warnings"),
        ("day2.csv", 3, "day2.csv:3 record 2 text_1 invalid: "),
        ("head.csv", 3, "head.csv no_rows: "),
    ] {
        let ran = desk.run(&format!("validate {file} --connection c.toml --any-name"));
        assert!(ran.code == Some(code) && ran.out.contains(told), "{file}: {:?} {}", ran.code, ran.out);
    }
    assert_eq!(desk.run("validate empty.csv --connection c.toml").code, Some(1));
    let ran = desk.run("validate day2.csv --connection c.toml --json");
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["issues"], json!({"error": 1, "warning": 0}));
    assert_eq!((&said["found"][0]["line"], &said["found"][0]["field"]), (&json!(3), &json!("text_1")));
}

#[test]
fn validate_checks_a_connection_file_alone() {
    let ran = Desk::new(&[]).run("validate --connection c.toml");
    assert!(ran.code == Some(0) && ran.out.contains("5 fields"), "{}{}", ran.out, ran.err);
}

#[test]
fn what_init_proposes_plans_the_file_it_was_made_from() {
    let desk = Desk::new(&[]);
    desk.put("sample.csv", b"Employee ID;First Name;Work Email;Mobile;Hire Date;SSN;Shoe Size");
    let ran = desk.run("init sample.csv");
    assert!(ran.code == Some(0) && ran.out.contains("\"Shoe Size\"") && ran.out.contains("\"SSN\": "), "{}", ran.err);
    assert_eq!(desk.run("init sample.csv --write new.toml").code, Some(0));
    assert_eq!(desk.read("new.toml"), ran.out);
    let full = "Employee ID;First Name;Work Email;Mobile;Hire Date;SSN;Shoe Size\n1;Ana;a@b.example;212-555-0142;2024-01-31;;9\n";
    desk.put("full.csv", full.as_bytes());
    let ran = desk.run("plan --connection new.toml --json full.csv");
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&plan["added"], &plan["held"], ran.code), (&json!(1), &json!(["preview"]), Some(2)), "{}", ran.err);
    assert_eq!(plan["issues"]["error"], 0, "{plan}");
}

#[test]
fn init_keeps_a_file_that_is_there_and_wants_a_unique_id() {
    let desk = Desk::new(&[("sample.csv", "Employee ID,Dept\n"), ("none.csv", "Colour,Size\n")]);
    let ran = desk.run("init sample.csv --write c.toml");
    assert!(ran.code == Some(1) && ran.err.contains("c.toml"), "{}", ran.err);
    assert_eq!(desk.read("c.toml"), CONNECTION);
    let ran = desk.run("init none.csv");
    assert!(ran.code == Some(1) && ran.err.contains("unique id") && ran.err.contains("Colour"), "{}", ran.err);
}

#[test]
fn help_names_the_exit_codes_and_a_wrong_command_line_is_no_hold() {
    let desk = Desk::new(&[]);
    for words in ["--help", "plan --help", "validate --help", "init --help"] {
        let ran = desk.run(words);
        assert!(ran.code == Some(0) && ran.out.contains("2  plan: would be held"), "{}", ran.out);
    }
    assert_eq!(desk.run("plan --bogus").code, Some(1));
}

/// A zip archive of one stored member.
fn stored_zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let crc = !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    let size = u32::try_from(bytes.len()).unwrap();
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    [crc, size, size].iter().for_each(|number| common.extend(number.to_le_bytes()));
    common.extend((name.len() as u16).to_le_bytes());
    common.extend([0, 0]);
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend(name.as_bytes());
    zip.extend(bytes);
    let at = zip.len() as u32;
    zip.extend(b"PK\x01\x02\x14\0");
    zip.extend(&common);
    zip.extend([0; 10]);
    zip.extend(0u32.to_le_bytes());
    zip.extend(name.as_bytes());
    let length = zip.len() as u32 - at;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(length.to_le_bytes());
    zip.extend(at.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

#[test]
fn a_system_is_found_by_a_name_that_is_nearly_its_own() {
    let found = Command::new(env!("CARGO_BIN_EXE_muster")).args(["providers", "bambohr", "--json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found[0]["name"], "BambooHR", "{found}");
    assert!(found[0]["ways"].as_array().unwrap().iter().any(|way| way["connector"] == "bamboohr"));
}

#[test]
fn a_system_that_is_not_listed_has_a_way_too() {
    let found = Command::new(env!("CARGO_BIN_EXE_muster")).args(["providers", "qqqqqq", "--json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert!(found[0]["ways"].as_array().unwrap().iter().any(|way| way["connector"] == "sftp"), "{found}");
}
