//! What stands on disk.

use super::*;
use crate::format;
use crate::ids::ConnectionId;

fn update() -> Change {
    Change {
        kind: ChangeKind::Update,
        reason: Reason::Source,
        unique_id: id("E-7"),
        old: Some(recipient("E-7 active first_name=Ana")),
        new: Some(recipient("E-7 active first_name=Eva department=Sales|Legal")),
        record: None,
    }
}

fn chunk(lines: &str) -> Vec<Result<Change, StoredError>> {
    ChunkReader::new(format!("{{\"v\":1}}\n{lines}").as_bytes()).unwrap().collect()
}

#[test]
fn a_change_is_one_line_with_short_names() {
    let mut out = Vec::new();
    start_chunk(&mut out);
    encode_change(&update(), &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        concat!(
            "{\"v\":1}\n",
            r#"{"k":"update","why":"source","id":"E-7","old":{"st":"active","f":{"fn":"Ana"}},"#,
            r#""new":{"st":"active","f":{"fn":"Eva","dp":["Sales","Legal"]}}}"#,
            "\n"
        )
    );
}

#[test]
fn a_change_tells_its_record_and_one_without_it_is_as_before() {
    let mut out = Vec::new();
    encode_change(&Change { record: Some(17), ..update() }, &mut out);
    let line = String::from_utf8(out).unwrap();
    assert!(line.ends_with("}},\"row\":17}\n"), "{line}");
    assert_eq!(chunk(&line), [Ok(Change { record: Some(17), ..update() })]);
    let before = line.replace(",\"row\":17", "");
    assert_eq!(chunk(&before), [Ok(update())]);
}

#[test]
fn a_chunk_of_another_version_is_refused_by_its_number() {
    let error = ChunkReader::new(b"{\"v\":2}\n").unwrap_err();
    assert_eq!(error, StoredError::Version(format::PLAN.check(Some(2)).unwrap_err()));
    assert!(error.to_string().contains("version 2"));
    assert_eq!(ChunkReader::new(b"").unwrap_err(), StoredError::NoVersion);
    assert_eq!(ChunkReader::new(b"{\"v\":1}").unwrap_err(), StoredError::NoVersion);
}

#[test]
fn a_line_that_is_not_ours_is_an_error_that_quotes_no_value() {
    let wrong = [
        r#"{"k":"update","why":"source","id":"E-7","old":{"st":"active","f":{"fn":7}}}"#,
        r#"{"k":"add","why":"source","id":"E-7"}"#,
        r#"{"k":"remove","why":"source","id":"E-7","new":{"st":"active","f":{}}}"#,
        r#"{"k":"adopt","why":"source","id":"E-7","new":{"st":"active","f":{}}}"#,
        r#"{"k":"add","why":"Secret","id":"E-7","new":{"st":"active","f":{}}}"#,
        r#"{"k":"add","why":"source","id":"E-7","new":{"st":"active","f":{"zz":"Secret"}}}"#,
        r#"{"k":"add","why":"source","id":"E-7","new":{"st":"active","f":{"fn":""}}}"#,
        r#"{"k":"add","why":"source","id":"E-7","new":{"st":"active","f":{"dp":[]}}}"#,
        r#"{"k":"add","why":"source","id":"E-7","new":{"st":"Secret","f":{}}}"#,
        r#"{"k":"add","why":"source","id":"E-7","new":{"st":"active","f":{}},"more":"Secret"}"#,
        r#"{"k":"add","why":"source","id":"E-7","new":{"st":"act"#,
        "",
    ];
    for line in wrong {
        let read = chunk(&format!("{line}\n{line}\n"));
        assert_eq!(read.len(), 1, "reading stops at the first wrong line: {line}");
        let error = read[0].clone().unwrap_err().to_string();
        assert!(error.starts_with("line 2: ") && !error.contains("Secret"), "{error}");
    }
}

#[test]
fn the_hash_is_of_the_changes_and_of_what_they_were_made_from() {
    let connection = ConnectionId::parse("acme-payroll").unwrap();
    let from =
        MadeFrom { connection: &connection, settings_version: "1", source_version: "23", directory_version: "4" };
    let hash = |from: &MadeFrom<'_>, pieces: &[&[u8]]| {
        let mut hasher = PlanHasher::new(from);
        pieces.iter().for_each(|piece| hasher.change(piece));
        hasher.finish()
    };
    let first = hash(&from, &[b"a\n", b"b\n"]);
    assert_eq!(first.len(), 64);
    assert_eq!(first, hash(&from, &[b"a\nb\n"]));
    assert_ne!(first, hash(&from, &[b"b\n", b"a\n"]));
    for other in [
        MadeFrom { settings_version: "12", source_version: "3", ..from.clone() },
        MadeFrom { source_version: "24", ..from.clone() },
        MadeFrom { directory_version: "5", ..from.clone() },
    ] {
        assert_ne!(first, hash(&other, &[b"a\n", b"b\n"]));
    }
}

#[test]
fn a_summary_comes_back_as_it_was() {
    let settings = Settings { gates: GateLimits { removals: Limit::Percent(12.3), ..settings().gates }, ..settings() };
    let mut builder = PlanBuilder::new(&settings, Facts { rows_last: Some(3), ..facts(2) });
    builder.rows(3);
    builder.person(&desired("1 active city=Ulm department=A"), None);
    builder.person(&desired("2 inactive city=Ulm"), Some(&recipient("2 active city=Bonn")));
    builder.issue(crate::issue::Code::Invalid, 2);
    builder.issue(crate::issue::Code::TooLong, 2);
    builder.unmapped_value(field("employee_type"), "Z", 4);
    let summary = builder.finish("ab".repeat(32));
    let json = summary_to_json(&summary);
    assert_eq!(summary_from_json(&json), Ok(summary.clone()));
    assert_eq!(summary_to_json(&summary_from_json(&json).unwrap()), json);
}

#[test]
fn a_summary_of_another_version_or_with_an_unknown_key_is_refused() {
    let json = String::from_utf8(summary_to_json(&Summary::default())).unwrap();
    let newer = json.replace("\"v\":1", "\"v\":9");
    assert_eq!(
        summary_from_json(newer.as_bytes()),
        Err(StoredError::Version(format::SUMMARY.check(Some(9)).unwrap_err()))
    );
    let more = json.replace("\"v\":1", "\"v\":1,\"w\":1");
    assert!(matches!(summary_from_json(more.as_bytes()), Err(StoredError::Line { .. })));
    assert_eq!(summary_from_json(b"{}"), Err(StoredError::NoVersion));
}

/// P8: one write unit is 1 KB.
#[test]
fn p8_a_person_with_all_33_fields_fits_one_write_unit() {
    let person = recipient(concat!(
        "E-0012345 active first_name=Maximiliane last_name=Oberhauser-Schmidt preferred_name=Maxi ",
        "email_1=maximiliane.oberhauser-schmidt@acme-industries.example email_2=maxi.oberhauser@mail.example ",
        "text_1=+4915112345678 text_2=+4917612345678 voice_1=+498912345678 voice_2=+498912345679 ",
        "voice_3=+498912345670 address_line_1=Leopoldstraße_112b address_line_2=3._Stock_links ",
        "city=Garmisch-Partenkirchen region=Bayern postal_code=82467 country=DE ",
        "raw_address=Leopoldstraße_112b,_82467_Garmisch-Partenkirchen preferred_language=de-DE ",
        "employee_type=Full-time_permanent job_title=Senior_Project_Manager department=Research_and_Development ",
        "division=Industrial_Automation cost_center=CC-4711-0815 location=Munich_North_Campus ",
        "manager_id=E-0009876 manager_name=Konstantin_Wintersteiger ",
        "manager_email=konstantin.wintersteiger@acme-industries.example start_date=2014-03-01 ",
        "end_date=2031-12-31 custom_1=Badge_88213 custom_2=Shift_B"
    ));
    assert_eq!(person.values.len(), 31, "all fields but the id and the status");
    let size = recipient_size(&person);
    assert!((600..=1024).contains(&size), "{size} bytes");
}

#[test]
fn an_item_counts_names_texts_and_three_bytes_for_a_list() {
    let bare = recipient_size(&recipient("7 active"));
    assert_eq!(recipient_size(&recipient("7 active city=Ulm")), bare + 2 + 3);
    assert_eq!(recipient_size(&recipient("7 active city=Ulm|Bonn")), bare + 2 + 7 + 3 + 2);
    assert_eq!(recipient_size(&recipient("7 active city=Köln")), bare + 2 + 5);
}
