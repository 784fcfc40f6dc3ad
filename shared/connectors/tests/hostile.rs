//! Webhooks as attackers send them, by the rows W01–W24 of the fault list. Each is refused for one reason only: all the
//! rest of it is right.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use muster_connectors::Secret;
use support::{SCHEMES, Scheme, Vector, hex, mac, signature, signed, stamp};

const NOW_MS: i64 = 1_793_793_600_000;
const BODY: &[u8] = br#"{"event":"employee.updated","data":{"id":"e-1","list":[1,2]}}"#;
const OTHER_BODY: &[u8] = br#"{"event":"employee.updated","data":{"id":"e-2","list":[1,2]}}"#;

/// Base64, so that it is a secret for every scheme.
const SECRET: &str = "bXVzdGVyLWV4YW1wbGUta2V5LTMyLWJ5dGVzLWxvbmc=";
const OTHER_SECRET: &str = "bXVzdGVyLWFub3RoZXIta2V5LTMyLWJ5dGVzLWxvbmc=";

fn good(scheme: &Scheme) -> Vector {
    signed(scheme.connector, SECRET, "evt_1", &stamp(scheme.connector, NOW_MS), BODY, NOW_MS)
}

/// Runs a change over one good delivery of every scheme; what comes of it must be refused.
fn refused(what: &str, change: impl Fn(&Scheme, &mut Vector)) {
    for scheme in SCHEMES {
        let mut vector = good(scheme);
        assert!(vector.accepted(), "{}: the unchanged delivery", scheme.connector);
        change(scheme, &mut vector);
        assert!(!vector.accepted(), "{}: {what}", scheme.connector);
    }
}

/// Sets the signature, keeping the timestamp where it stands in the same header.
fn set_signature(scheme: &Scheme, vector: &mut Vector, signature: &str) {
    let text = match scheme.connector {
        "workos" => format!("t={NOW_MS}, {signature}"),
        _ => signature.to_owned(),
    };
    vector.headers.insert(scheme.signature.to_owned(), text);
}

/// The 32 bytes of the right signature.
fn right_bytes(scheme: &Scheme) -> Vec<u8> {
    let timestamp = stamp(scheme.connector, NOW_MS);
    match scheme.connector {
        "workos" => mac(SECRET.as_bytes(), &[timestamp.as_bytes(), b".", BODY].concat()),
        "finch" => {
            let text = [b"evt_1.", timestamp.as_bytes(), b".", BODY].concat();
            mac(&STANDARD.decode(SECRET).unwrap(), &text)
        }
        "bamboohr" => mac(SECRET.as_bytes(), &[BODY, timestamp.as_bytes()].concat()),
        "merge" => mac(SECRET.as_bytes(), BODY),
        _ => Vec::new(),
    }
}

/// W01–W05.
#[test]
fn a_missing_empty_garbled_or_cut_signature_is_refused() {
    refused("the header is missing", |scheme, vector| drop(vector.headers.remove(scheme.signature)));
    for text in ["", " ", ",", "=", "v1", "v1,", "v1=", "t=", "t=,v1=", "💥", "v1,💥", "null", "0", "\u{0}"] {
        refused("a garbled header", |scheme, vector| {
            vector.headers.insert(scheme.signature.to_owned(), text.to_owned());
        });
    }
    for len in 0..64 {
        refused("a cut signature", |scheme, vector| {
            let whole = vector.headers[scheme.signature].clone();
            // A signature in base64 ends in padding, which says nothing.
            let whole = whole.trim_end_matches('=');
            let cut: String = whole.chars().take(len.min(whole.len() - 1)).collect();
            vector.headers.insert(scheme.signature.to_owned(), cut);
        });
    }
}

/// W06.
#[test]
fn the_right_signature_in_another_encoding_is_refused() {
    refused("another encoding", |scheme, vector| {
        let bytes = right_bytes(scheme);
        let text = match scheme.connector {
            "workos" => format!("v1={}", STANDARD.encode(&bytes)),
            "finch" => format!("v1,{}", hex(&bytes)),
            "merge" => hex(&bytes),
            _ => STANDARD.encode(&bytes),
        };
        set_signature(scheme, vector, &text);
    });
    refused("capital digits", |scheme, vector| {
        let text = match vector.headers[scheme.signature].split_once("v1=") {
            Some((before, digits)) => format!("{before}v1={}", digits.to_uppercase()),
            None => vector.headers[scheme.signature].to_uppercase(),
        };
        vector.headers.insert(scheme.signature.to_owned(), text);
    });
}

/// W07–W09.
#[test]
fn a_signature_of_another_body_id_or_timestamp_is_refused() {
    refused("another body", |_, vector| vector.body = OTHER_BODY.to_vec());
    for scheme in SCHEMES.iter().filter(|scheme| scheme.id.is_some()) {
        let mut vector = good(scheme);
        vector.headers.insert(scheme.id.unwrap().to_owned(), "evt_2".to_owned());
        assert!(!vector.accepted(), "{}: another id", scheme.connector);
    }
    for scheme in SCHEMES.iter().filter(|scheme| scheme.window.is_some()) {
        let mut vector = good(scheme);
        let later = stamp(scheme.connector, NOW_MS + 1_000);
        let made = signature(scheme.connector, SECRET, "evt_1", &stamp(scheme.connector, NOW_MS), BODY);
        match scheme.timestamp {
            Some(name) => vector.headers.insert(name.to_owned(), later),
            None => vector.headers.insert(scheme.signature.to_owned(), format!("t={later}, {made}")),
        };
        assert!(!vector.accepted(), "{}: another timestamp", scheme.connector);
    }
}

/// W10, W11.
#[test]
fn a_signature_under_another_connections_secret_is_refused() {
    refused("another secret", |_, vector| vector.secret = OTHER_SECRET.to_owned());
    refused("its beginning", |_, vector| vector.secret = SECRET[..40].to_owned());
    refused("more of it", |_, vector| vector.secret = format!("{SECRET}AAAA"));
}

/// W12. Apideck signs what the JSON means, not how it is written, so there only the meaning counts.
#[test]
fn a_body_written_anew_is_refused() {
    let pretty = serde_json::to_vec_pretty(&serde_json::from_slice::<serde_json::Value>(BODY).unwrap()).unwrap();
    let bodies = [
        pretty,
        [BODY, b" "].concat(),
        [b" ", BODY].concat(),
        [BODY, b"\n"].concat(),
        [BODY, b"\r\n"].concat(),
        [b"\xef\xbb\xbf", BODY].concat(),
        Vec::new(),
    ];
    for body in bodies {
        for scheme in SCHEMES.iter().filter(|scheme| scheme.connector != "apideck") {
            let vector = Vector { body: body.clone(), ..good(scheme) };
            assert!(!vector.accepted(), "{}: {:?}", scheme.connector, String::from_utf8_lossy(&vector.body));
        }
    }
    for body in ["", "{}", "{\"event\":", "[1,2]", &format!("{}1", String::from_utf8_lossy(BODY))] {
        let vector = Vector { body: body.as_bytes().to_vec(), ..good(support::scheme("apideck")) };
        assert!(!vector.accepted(), "apideck: {body:?}");
    }
}

/// W13.
#[test]
fn another_version_of_a_signature_is_never_taken_for_v1() {
    for name in ["finch", "workos"] {
        let scheme = support::scheme(name);
        let made = signature(name, SECRET, "evt_1", &stamp(name, NOW_MS), BODY);
        let bare = &made[3..];
        let sign = if name == "finch" { ',' } else { '=' };
        for version in ["v1a", "v0", "v2", "v11", "V1", "", "v", "1"] {
            let mut vector = good(scheme);
            set_signature(scheme, &mut vector, &format!("{version}{sign}{bare}"));
            assert!(!vector.accepted(), "{name}: {version:?}");
        }
        let mut vector = good(scheme);
        set_signature(scheme, &mut vector, bare);
        assert!(!vector.accepted(), "{name}: without a version");
    }
}

/// W14: what a connection without its secret would accept, anybody could sign.
#[test]
fn no_secret_and_an_empty_secret_verify_nothing() {
    for scheme in SCHEMES {
        assert!(!good(scheme).accepted_with(&[]), "{}: no secret", scheme.connector);
        let timestamp = stamp(scheme.connector, NOW_MS);
        let vector = signed(scheme.connector, "", "evt_1", &timestamp, BODY, NOW_MS);
        assert!(!vector.accepted(), "{}: signed with an empty secret, and expected so", scheme.connector);
        assert!(!vector.accepted_with(&[Secret::new(""), Secret::new(SECRET)]), "{}", scheme.connector);
    }
}

/// W15, W16.
#[test]
fn while_a_secret_is_changed_the_old_one_counts_and_afterwards_it_does_not() {
    for scheme in SCHEMES {
        let vector = good(scheme);
        let (old, new) = (Secret::new(SECRET), Secret::new(OTHER_SECRET));
        assert!(vector.accepted_with(&[new.clone(), old.clone()]), "{}: both", scheme.connector);
        assert!(vector.accepted_with(&[old, new.clone()]), "{}: in either order", scheme.connector);
        assert!(!vector.accepted_with(&[new]), "{}: the new one only", scheme.connector);
    }
}

/// W17–W20.
#[test]
fn a_timestamp_counts_within_its_window_and_not_a_second_further() {
    for scheme in SCHEMES {
        let Some(window) = scheme.window else { continue };
        for (seconds, fits) in [(-window - 1, false), (-window, true), (window, true), (window + 1, false)] {
            let timestamp = stamp(scheme.connector, NOW_MS + seconds * 1_000);
            let vector = signed(scheme.connector, SECRET, "evt_1", &timestamp, BODY, NOW_MS);
            assert_eq!(vector.accepted(), fits, "{}: {seconds} s", scheme.connector);
        }
        for now_ms in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
            let vector = Vector { now_ms, ..good(scheme) };
            assert!(!vector.accepted(), "{}: the clock at {now_ms}", scheme.connector);
        }
    }
}

/// W21. Signed for real, so that only the number's form is at fault.
#[test]
fn a_timestamp_that_is_no_plain_number_is_refused() {
    for scheme in SCHEMES.iter().filter(|scheme| scheme.window.is_some()) {
        let plain = stamp(scheme.connector, NOW_MS);
        let odd = [
            i64::MIN.to_string(),
            i64::MAX.to_string(),
            u64::MAX.to_string(),
            "9".repeat(400),
            format!("+{plain}"),
            format!("-{plain}"),
            format!(" {plain}"),
            format!("{plain} "),
            format!("{plain}.0"),
            format!("{plain},{plain}"),
            format!("0x{plain}"),
            "-1".to_owned(),
            "0".to_owned(),
            "1e3".to_owned(),
            " 5".to_owned(),
            "NaN".to_owned(),
            "١٧٩٣٧٩٣٦٠٠".to_owned(),
            String::new(),
        ];
        for timestamp in odd {
            // Written into one header, a blank around the number or a comma after it belongs to the list.
            if scheme.timestamp.is_none() && timestamp.contains([' ', ',']) {
                continue;
            }
            let vector = signed(scheme.connector, SECRET, "evt_1", &timestamp, BODY, NOW_MS);
            assert!(!vector.accepted(), "{}: {timestamp:?}", scheme.connector);
        }
    }
}

/// W22: `id.timestamp.body` can be cut elsewhere when a body begins with digits and a dot.
#[test]
fn a_dot_moved_from_the_body_into_the_id_is_refused() {
    let timestamp = stamp("finch", NOW_MS);
    let body = [timestamp.as_bytes(), b".", BODY].concat();
    let honest = signed("finch", SECRET, "evt_1", &timestamp, &body, NOW_MS);
    assert!(honest.accepted());
    let mut shifted = Vector { body: BODY.to_vec(), ..honest };
    shifted.headers.insert("finch-event-id".to_owned(), format!("evt_1.{timestamp}"));
    assert!(!shifted.accepted());
}

/// W24.
#[test]
fn signatures_beyond_the_tenth_are_not_looked_at() {
    for (name, blank, decoy) in
        [("finch", " ", format!("v1,{}", STANDARD.encode([7; 32]))), ("workos", ", ", format!("v1={}", "7".repeat(64)))]
    {
        let scheme = support::scheme(name);
        let made = signature(name, SECRET, "evt_1", &stamp(name, NOW_MS), BODY);
        for (before, fits) in [(0, true), (1, true), (20, false), (100_000, false)] {
            let list = [vec![decoy.as_str(); before], vec![made.as_str()]].concat().join(blank);
            let mut vector = good(scheme);
            set_signature(scheme, &mut vector, &list);
            assert_eq!(vector.accepted(), fits, "{name}: after {before} others");
        }
    }
}

/// W23 as far as a connector sees it: a header that came twice is joined by a comma.
#[test]
fn a_doubled_header_is_refused() {
    for scheme in SCHEMES.iter().filter(|scheme| !matches!(scheme.connector, "workos" | "finch")) {
        let mut vector = good(scheme);
        let one = vector.headers[scheme.signature].clone();
        vector.headers.insert(scheme.signature.to_owned(), format!("{one},{one}"));
        assert!(!vector.accepted(), "{}", scheme.connector);
    }
    for scheme in SCHEMES {
        for name in scheme.id.iter().chain(&scheme.timestamp) {
            let mut vector = good(scheme);
            let one = vector.headers[*name].clone();
            vector.headers.insert((*name).to_owned(), format!("{one},{one}"));
            assert!(!vector.accepted(), "{}: {name}", scheme.connector);
        }
    }
}
