//! Bad files against a connection that owns the 40 people of `bad_files/base.csv`: what is told, with record and
//! true line, and what would be done. Rows B01 to B52 of the fault catalogue; B26 is a benchmark, B45 to B48 are
//! in `tests/tests/keys.rs`.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use muster_core::file::{Keys, Limits};
use muster_core::issue::Severity;
use support::{Office, Read};

const SETTINGS: &str = r#"
account = "acme"
name = "people"
mode = "active"
group = "Acme staff"
default_country = "US"
[fields.unique_id]
from = "Employee ID"
[fields.first_name]
from = "First"
[fields.last_name]
from = "Last"
[fields.email_1]
from = "Work Email"
[fields.text_1]
from = "Mobile"
[fields.raw_address]
from = "Address"
[fields.department]
from = "Dept"
[fields.employment_status]
from = "Status"
values = { "A" = "active", "L" = "inactive", "T" = "terminated" }
"#;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_files").join(name)).unwrap()
}

fn office() -> Office {
    Office::with(SETTINGS, &fixture("base.csv"))
}

/// The file's issues (`code record:line field #id`) and its plan. Nobody of the base may be removed by it.
#[track_caller]
fn check(name: &str, issues: &[&str], plan: &str) -> Read {
    check_in(&office(), &fixture(name), issues, plan)
}

#[track_caller]
fn check_in(office: &Office, bytes: &[u8], issues: &[&str], plan: &str) -> Read {
    let read = office.read(bytes);
    assert_eq!(
        (read.issue_lines().join("\n"), read.plan_line().as_str()),
        (issues.join("\n"), plan),
        "{}",
        read.shown()
    );
    let removes = read.changes.iter().any(|change| change.new.is_none());
    assert!(!removes || !read.held.is_empty(), "nobody is removed without a decision: {}", read.plan_line());
    read
}

/// Each row-level issue stands in the error file with its reason and its whole original record.
#[track_caller]
fn check_error_file(read: &Read, records: &[&str]) {
    let text = read.error_file();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let errors = read.issues.iter().filter(|issue| issue.code.severity() == Severity::Error && issue.place.record > 0);
    for issue in errors {
        let row = rows.iter().find(|row| {
            row[1] == issue.place.record.to_string()
                && row[4] == *issue.code.as_str()
                && row[7].contains(&issue.message)
        });
        assert!(row.is_some_and(|row| row[2] == issue.place.line.to_string()), "{issue:?} in\n{text}");
    }
    for record in records {
        let cells: Vec<&str> = record.split(',').collect();
        let found = rows.iter().any(|row| row.iter().skip(8).take(cells.len()).eq(cells.iter().copied()));
        assert!(found, "{record} in\n{text}");
    }
}

/// The file reads as the base does: nothing is told, nothing is done.
#[track_caller]
fn check_is_base(name: &str) {
    let read = check(name, &[], "");
    assert_eq!((read.rows, read.unchanged, read.absent.len()), (40, 40, 0));
}

/// Signs in front of the base's ids.
fn all(sign: &str) -> String {
    (101..=140).map(|n| format!("{sign}{n:05}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn b01_to_b03_a_file_without_rows_removes_nobody() {
    check("b01_empty.csv", &["no_rows 0:0"], "refused");
    check("b02_header_only.csv", &["no_rows 0:0"], "held=rows,no_rows withheld");
    check("b03_header_and_bom.csv", &["no_rows 0:0"], "held=rows,no_rows withheld");
}

#[test]
fn b04_a_file_without_header_is_refused_and_quotes_nobody() {
    let read = check("b04_no_header.csv", &["header 0:1"], "refused");
    assert!(!read.shown().contains("acme.example"), "{}", read.shown());
}

#[test]
fn b05_b06_a_header_without_the_unique_id_is_refused_and_says_what_was_expected_and_found() {
    let read = check("b06_no_unique_id.csv", &["header 0:0 unique_id"], "refused");
    let message = &read.issues[0].message;
    assert!(message.contains("expected are \"Employee ID\"") && message.contains("found are \"First\""), "{message}");
    let read = office().read(&fixture("b05_wrong_header.csv"));
    assert_eq!((read.plan_line().as_str(), read.issues.len()), ("refused", 8), "{}", read.shown());
}

#[test]
fn b07_a_header_with_a_name_twice_is_refused() {
    check("b07_duplicate_header.csv", &["header 0:1"], "refused");
}

#[test]
fn b08_to_b10_b13_to_b17_the_looks_of_a_file_do_not_matter() {
    for name in ["b08_bom", "b09_utf16le", "b10_utf16be", "b13_semicolon", "b14_tab", "b15_pipe", "b16_cr"] {
        check_is_base(&format!("{name}.csv"));
    }
    check_is_base("b17_mixed_line_ends.csv");
    check_is_base("b17_crlf.csv");
}

/// Whatever ends the lines, and with addresses over several lines before it.
#[test]
fn b16_b17_the_line_of_an_issue_is_true_for_every_line_end() {
    let text = String::from_utf8(fixture("b18_short_row.csv")).unwrap();
    for line_end in ["\n", "\r\n", "\r"] {
        let read = office().read(text.replace('\n', line_end).as_bytes());
        assert_eq!(read.issue_lines(), ["column_count 10:12 #00110"], "{line_end:?}");
    }
    let mut mixed = String::new();
    for (at, line) in text.lines().enumerate() {
        mixed.push_str(line);
        mixed.push_str(["\r\n", "\n", "\r"][at % 3]);
    }
    assert_eq!(office().read(mixed.as_bytes()).issue_lines(), ["column_count 10:12 #00110"]);
}

#[test]
fn b11_bytes_of_another_encoding_cost_their_row_unless_it_is_stated() {
    let read = check("b11_cp1252.csv", &["encoding 13:15 #00113"], "");
    assert!(read.issues[0].message.contains("windows-1252"), "{}", read.issues[0].message);
    let mut stated = office();
    stated.settings.file.encoding = muster_core::settings::Encoding::Windows1252;
    check_in(&stated, &fixture("b11_cp1252.csv"), &[], "");
}

#[test]
fn b12_nul_and_control_characters_cost_their_row_and_not_the_person() {
    let read = check("b12_nul_and_control.csv", &["control_character 5:7 #00105", "control_character 7:9 #00107"], "");
    check_error_file(&read, &[]);
}

#[test]
fn b15_a_delimiter_that_cannot_be_told_is_asked_for() {
    check("b15_ambiguous.csv", &["delimiter 0:1"], "refused");
}

#[test]
fn b18_b19_a_row_of_the_wrong_width_is_told_the_others_are_applied_and_nobody_is_removed() {
    let read = check("b18_short_row.csv", &["column_count 10:12 #00110"], "withheld");
    check_error_file(&read, &["00110,Kim,Smith10,kim10@acme.example"]);
    let read = check("b19_long_row.csv", &["column_count 10:12 #00110"], "~00121 withheld");
    check_error_file(&read, &["00110,Kim,Smith10,kim10@acme.example"]);
}

#[test]
fn b20_a_stray_quote_holds_the_file_and_names_its_line() {
    check("b20_stray_quote.csv", &["stray_quote 10:12 #00110"], "held=damage withheld");
    check("b20_two_stray_quotes.csv", &["swallowed_rows 11:13 #00111"], "held=damage withheld");
}

#[test]
fn b21_a_quote_in_the_middle_of_a_field_holds_the_file_unless_it_is_stated_to_be_text() {
    check("b21_quote_in_mid_field.csv", &["stray_quote 11:13 #00111"], "held=damage withheld");
    let mut stated = office();
    stated.settings.file.stray_quotes_are_text = true;
    check_in(&stated, &fixture("b21_quote_in_mid_field.csv"), &[], "~00111");
}

#[test]
fn b22_a_quote_that_is_never_closed_holds_the_file_and_names_its_line() {
    check("b22_unterminated_at_end.csv", &["unclosed_quote 40:44"], "held=damage withheld");
}

/// In bounded memory: the limits are small here, and the input is not.
#[test]
fn b23_to_b25_a_record_beyond_the_limits_stops_the_file() {
    let limits = Limits { max_cell_bytes: 1 << 12, max_record_bytes: 1 << 16, max_columns: 50, ..Limits::default() };
    let base = String::from_utf8(fixture("base.csv")).unwrap();
    let (head, tail) = base.split_at(base.find("00102,").unwrap());
    let checked = |middle: String, told: &str| {
        let text = format!("{head}{middle}{tail}");
        let read = office().read_with(text.as_bytes(), &Keys::none(), &limits);
        assert_eq!((read.issue_lines().join(" ").as_str(), read.plan_line().contains("damage withheld")), (told, true));
    };
    checked(format!("\"{}", "x".repeat(1 << 20)), "unclosed_quote 2:3");
    checked("x".repeat(1 << 20), "too_large 2:3");
    checked(format!("{}\n", "x,".repeat(10_000)), "too_large 2:3");
    checked(format!("00102,{},,,,,,A\n", "x".repeat(5_000)), "too_large 2:3");
    let wide = "c,".repeat(10_000);
    let read = office().read_with(wide.as_bytes(), &Keys::none(), &limits);
    assert_eq!(read.issue_lines(), ["too_large 0:1"]);
}

#[test]
fn b27_the_same_row_twice_counts_once() {
    check("b27_duplicate_same.csv", &["repeated_row 41:45 #00107"], "");
}

#[test]
fn b28_rows_that_contradict_one_another_are_told_and_the_person_stays() {
    let told = ["duplicate_id 7:9 #00107", "duplicate_id 41:45 #00107"];
    let read = check("b28_duplicate_different.csv", &told, "~00101");
    check_error_file(&read, &["00107,Gustav,Smith7"]);
}

/// White space around an id and the Unicode form of a letter are no difference, case is one.
#[test]
fn b29_ids_are_compared_exactly_but_for_space_and_unicode_form() {
    let told = [
        "id_width 0:0",
        "duplicate_id 7:9 #00107",
        "duplicate_id 41:45 #00107",
        "duplicate_id 42:46 #Zo\u{eb}",
        "duplicate_id 43:47 #Zo\u{eb}",
    ];
    check("b29_id_variants.csv", &told, "+zo\u{eb}");
}

#[test]
fn b30_lost_leading_zeros_are_told_and_held() {
    let read = office().read(&fixture("b30_leading_zeros_lost.csv"));
    assert_eq!((read.issue_lines().join(" ").as_str(), read.held.contains(&"removals")), ("id_width 0:0", true));
}

/// Nobody can tell whose row it is, so nobody is taken for missing.
#[test]
fn b31_to_b33_a_row_whose_id_is_unusable_removes_nobody() {
    check("b31_spreadsheet_number.csv", &["id_spreadsheet 3:4 unique_id"], "withheld");
    let told = ["id_missing 3:4 unique_id", "id_missing 6:8 unique_id"];
    let read = check("b32_blank_id.csv", &told, "withheld");
    check_error_file(&read, &[",Di,Smith3,di3@acme.example", "  ,Gus,Li-6,gus6@acme.example"]);
    check("b33_long_id.csv", &["id_invalid 3:4 unique_id"], "withheld");
}

#[test]
fn b34_formulas_are_stored_as_data_and_neutral_in_the_error_file() {
    let read = check("b34_formulas.csv", &["invalid 3:4 text_1 #00103"], "~00101 ~00102");
    assert!(read.canonical().contains("=cmd|'/c calc'!A1"), "{}", read.canonical());
    assert!(read.error_file().contains(",'-12,"), "{}", read.error_file());
}

#[test]
fn b35_to_b37_markup_line_breaks_and_invisible_characters_are_data() {
    let read = check("b35_html.csv", &[], "~00101");
    assert!(read.canonical().contains("<script>"));
    let read = check("b36_line_break_in_name.csv", &[], "~00101");
    assert!(read.canonical().contains("An\\na: x"), "{}", read.canonical());
    check("b37_bidi_and_zero_width.csv", &[], "~00101");
}

#[test]
fn b38_a_bad_phone_and_a_bad_address_cost_the_field_only() {
    let told = ["invalid 1:2 text_1 #00101", "invalid 2:3 email_1 #00102"];
    let read = check("b38_bad_phone_and_email.csv", &told, "");
    check_error_file(&read, &["00101,Bo,Smith1,bo1@acme.example,12", "00102,Cy,Smith2,bo at acme"]);
}

#[test]
fn b39_b42_b44_a_file_of_another_kind_is_refused_by_its_name() {
    for (name, kind) in [("b39_excel.csv", "Excel workbook"), ("b42_pdf.csv", "PDF"), ("b44_png.csv", "PNG")] {
        let read = check(name, &["file_kind 0:0"], "refused");
        assert!(read.issues[0].message.contains(kind), "{}", read.issues[0].message);
    }
}

#[test]
fn b40_b41_a_packed_file_is_read() {
    check_is_base("b40_zip.csv");
    check_is_base("b41_gzip.csv");
}

#[test]
fn b41_a_packed_file_that_is_cut_or_altered_is_refused() {
    check("b41_gzip_cut.csv", &["wrapper 0:0"], "refused");
    check("b41_gzip_broken.csv", &["wrapper 0:0"], "refused");
}

/// The rows before the fault were read; some of them say that their person has left.
#[test]
fn b41_a_fault_far_inside_a_packed_file_removes_nobody() {
    let rows = |status: &str| {
        let mut text = "Employee ID,First,Last,Work Email,Mobile,Address,Dept,Status\n".to_owned();
        for n in 0..60_000u32 {
            let noise = n.wrapping_mul(2_654_435_761);
            let status = if n % 50 == 0 { status } else { "A" };
            text.push_str(&format!("{n:05},Fay,,n{noise:x}@acme.example,,,Sales,{status}\n"));
        }
        text
    };
    let office = Office::with(SETTINGS, rows("A").as_bytes());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, rows("T").as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let whole = office.read(&packed);
    assert_eq!((whole.changes.len(), whole.held.len(), whole.rows), (1_200, 0, 60_000), "{:?}", whole.held);
    let read = office.read(&packed[..packed.len() * 9 / 10]);
    assert!(read.rows > 10_000 && read.rows < 60_000, "{}", read.rows);
    assert_eq!(
        (read.issue_lines().join(" ").as_str(), read.plan_line().as_str(), read.absent.len()),
        ("wrapper 0:0", "held=damage withheld", 0)
    );
}

#[test]
fn b43_a_pgp_message_that_cannot_be_opened_is_refused_by_its_name() {
    let read = check("b43_pgp_for_nobody.csv", &["wrapper 0:0"], "refused");
    assert!(read.issues[0].message.contains("PGP"));
}

#[test]
fn b49_another_customers_file_is_held() {
    let read = office().read(&fixture("b49_other_customer.csv"));
    assert_eq!((read.changes.len(), read.held.as_slice()), (80, ["removals", "removals_7_days", "new"].as_slice()));
}

#[test]
fn b50_blanked_addresses_and_a_changed_id_mapping_are_held() {
    let read = office().read(&fixture("b50_emails_blank.csv"));
    assert_eq!((read.changes.len(), read.held.as_slice()), (25, ["field_change"].as_slice()), "{}", read.shown());
    let read = office().read(&fixture("b50_id_mapping_changed.csv"));
    assert_eq!(read.held, ["removals", "removals_7_days", "new"], "{}", read.shown());
}

#[test]
fn b51_a_fragment_of_the_last_good_file_is_held() {
    let told = ["truncated 36:40", "column_count 36:40 #00136"];
    let read = check("b51_fragment_in_a_row.csv", &told, "held=damage withheld");
    check_error_file(&read, &["00136,Quin,Li-36"]);
    check("b51_fragment_in_the_last_cell.csv", &["truncated 35:39"], "held=damage withheld");
    let read = office().read(&fixture("b51_fragment_at_a_row.csv"));
    assert_eq!(read.held, ["removals", "removals_7_days", "rows"], "{}", read.shown());
}

#[test]
fn b52_marks_and_summary_lines_at_the_end_are_nobody() {
    check("b52_ctrl_z.csv", &["line_skipped 41:45"], "");
    check("b52_trailer.csv", &["trailer_row 41:45"], "");
    check("b52_trailer_full_width.csv", &["trailer_row 41:45"], "");
    check("b52_trailer_wrong_count.csv", &["truncated 41:45"], "held=damage withheld");
    check("b52_summary_unknown.csv", &["column_count 41:45 #That was everybody"], "withheld");
}

/// T11: neither a blocked column nor a value that looks blocked is quoted, planned or kept anywhere.
#[test]
fn blocked_data_appears_in_no_issue_error_file_or_plan() {
    let told = ["column_blocked 0:0", "column_count 7:9 #00107", "unknown_status 4:6 employment_status #00104"];
    let column = office().read(&fixture("blocked_column.csv"));
    assert!(told.iter().all(|line| column.issue_lines().contains(&(*line).to_owned())), "{}", column.shown());
    let values = check(
        "blocked_values.csv",
        &[
            "blocked 1:2 last_name #00101",
            "blocked 2:3 department #00102",
            "column_count 3:4 #00103",
            "id_invalid 4:5 unique_id",
            "unknown_status 5:6 employment_status #00105",
            "control_character 6:7 #00106",
        ],
        "withheld",
    );
    check_error_file(&values, &[]);
    for read in [column, values] {
        let everything = format!("{}{}{:?}", read.shown(), read.canonical(), read.error_file());
        for secret in ["078-05-1120", "212-09-99"] {
            assert!(!everything.contains(secret), "{secret} in {everything}");
            assert!(!read.roster.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

#[test]
fn joined_files_are_held() {
    for (name, told) in
        [("header_again.csv", "header_repeated 41:45"), ("bom_in_the_middle.csv", "byte_order_mark 41:45")]
    {
        let read = office().read(&fixture(name));
        assert_eq!((read.issue_lines()[0].as_str(), read.plan_line().as_str()), (told, "held=damage withheld"));
    }
}

#[test]
fn a_separator_line_and_blank_rows_are_skipped_and_told() {
    check("sep_line.csv", &["line_skipped 0:1"], "");
    let read = check("blank_rows.csv", &["blank_row 10:12", "blank_row 42:47", "blank_row 43:48"], "");
    assert_eq!(read.rows, 40);
}

#[test]
fn a_file_whose_every_row_is_wrong_changes_nobody() {
    let read = office().read(&fixture("every_row_wrong.csv"));
    assert_eq!((read.issues.len(), read.rows, read.plan_line().as_str()), (40, 40, "withheld"));
}

#[test]
fn a_header_that_swallowed_a_row_is_refused_and_quotes_nobody() {
    let read = check("swallowing_header.csv", &["swallowed_rows 0:1"], "refused");
    assert!(!read.shown().contains("00101"), "{}", read.shown());
}

/// An address may have lines with as many commas as the file has columns.
#[test]
fn an_address_of_several_lines_with_commas_is_no_damage() {
    let toml =
        SETTINGS.split("[fields.first_name]").next().unwrap().to_owned() + "[fields.raw_address]\nfrom = \"Address\"\n";
    let text =
        "Employee ID,Address,Town\n7,\"12 Main St, Apt 3, Back\nSpringfield, IL, 62701, USA\",x\n8,\"a\nb, c, d\",y\n";
    let read = Office::new(&toml).read(text.as_bytes());
    assert_eq!((read.issue_lines().len(), read.plan_line().as_str()), (0, "+7 +8"), "{}", read.shown());
}

/// After any of them, the next good file works.
#[test]
fn after_every_bad_file_the_next_good_one_works() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_files");
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let mut office = office();
        let before = office.people.clone();
        let read = office.read(&bytes);
        if !read.refused {
            office.apply(&read);
        }
        let read = office.take(&fixture("base.csv"));
        assert!(read.issues.iter().all(|issue| issue.place.record == 0), "{}", read.shown());
        assert_eq!(office.people, before);
    }
    assert_eq!(all("").split(' ').count(), office().people.len());
}
