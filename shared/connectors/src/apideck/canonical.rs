//! The text that Apideck signs: the JSON of the body as JavaScript writes it once the keys of every object are in
//! order. Two bodies that mean the same have the same text; a body that could be read in two ways has none.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The signed text of a body; `None` where it is no JSON, is nested too deeply or names a key twice in one object.
pub(super) fn text(body: &[u8]) -> Option<String> {
    // serde_json stops at 128 levels, so neither reading nor writing runs out of stack.
    let json: Json = serde_json::from_slice(body).ok()?;
    let mut text = String::with_capacity(body.len());
    json.write(&mut text);
    Some(text)
}

/// JSON whose objects are sorted lists without a key twice.
enum Json {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn write(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
            Self::Number(number) => text.push_str(&javascript(*number)),
            Self::String(string) => quote(string, text),
            Self::Array(list) => {
                text.push('[');
                for (place, value) in list.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    value.write(text);
                }
                text.push(']');
            }
            Self::Object(entries) => {
                text.push('{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    quote(key, text);
                    text.push(':');
                    value.write(text);
                }
                text.push('}');
            }
        }
    }
}

/// A string as `JSON.stringify` writes it: serde_json escapes the same characters in the same way.
fn quote(string: &str, text: &mut String) {
    text.push_str(&Value::from(string).to_string());
}

/// The place of a key: JavaScript lists keys that look like array indexes first and by number, whatever order they
/// were sorted into; all others by UTF-16 code units.
fn place(key: &str) -> (u32, Vec<u16>) {
    let plain = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    match key.parse::<u32>().ok().filter(|index| plain && *index < u32::MAX) {
        Some(index) => (index, Vec::new()),
        None => (u32::MAX, key.encode_utf16().collect()),
    }
}

/// A number as JavaScript prints it: ECMA-262, Number::toString.
fn javascript(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    // Rust's exponent form has the same shortest digits: `-1.25e-7`.
    let shortest = format!("{:e}", number.abs());
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = digits.replace('.', "");
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    let sign = if number < 0.0 { "-" } else { "" };
    let count = digits.len() as i32;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let written = match point {
        1..=21 if count <= point => format!("{digits}{}", zeros(point - count)),
        1..=21 => {
            let (whole, rest) = digits.split_at(usize::try_from(point).unwrap_or_default());
            format!("{whole}.{rest}")
        }
        -5..=0 => format!("0.{}{digits}", zeros(-point)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            format!("{first}{dot}{rest}e{:+}", point - 1)
        }
    };
    format!("{sign}{written}")
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a key twice in one object")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    // JavaScript has no other numbers than these, so larger integers are rounded there too.
    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_str<E: Error>(self, string: &str) -> Result<Json, E> {
        Ok(Json::String(string.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = entries.next_element()? {
            list.push(value);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let (mut object, mut known) = (Vec::new(), BTreeSet::new());
        while let Some((key, value)) = entries.next_entry::<String, Json>()? {
            if !known.insert(key.clone()) {
                return Err(A::Error::custom("a key stands twice"));
            }
            object.push((key, value));
        }
        object.sort_by_cached_key(|(key, _)| place(key));
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<&str>) {
        assert_eq!(text(body.as_bytes()).as_deref(), expected, "{body}");
    }

    #[test]
    fn keys_are_in_order_at_every_depth_and_lists_keep_theirs() {
        check(
            r#" { "b" : [ {"d":1,"c":null}, 2, true ], "a" : "x" } "#,
            Some(r#"{"a":"x","b":[{"c":null,"d":1},2,true]}"#),
        );
        check(r#"{"Z":1,"a":2,"":3,"_":4}"#, Some(r#"{"":3,"Z":1,"_":4,"a":2}"#));
    }

    #[test]
    fn keys_that_look_like_indexes_come_first_by_number() {
        check(
            r#"{"a":1,"10":2,"9":3,"01":4,"-1":5,"4294967294":6,"4294967295":7,"0":8,"+3":9}"#,
            Some(r#"{"0":8,"9":3,"10":2,"4294967294":6,"+3":9,"-1":5,"01":4,"4294967295":7,"a":1}"#),
        );
    }

    #[test]
    fn keys_are_compared_by_utf16_units() {
        // U+FB01 is after U+1F600 there, whose first unit is 0xD83D.
        check("{\"\u{fb01}\":1,\"\u{1f600}\":2}", Some("{\"\u{1f600}\":2,\"\u{fb01}\":1}"));
    }

    #[test]
    fn strings_are_escaped_as_javascript_does() {
        check(
            r#""\u00fc\/\u0008\f\n\r\t\u001F\u007f\"\\\u2028\ud83d\ude00""#,
            Some("\"ü/\\b\\f\\n\\r\\t\\u001f\u{7f}\\\"\\\\\u{2028}😀\""),
        );
    }

    #[test]
    fn numbers_are_printed_as_javascript_does() {
        for (given, printed) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("-1.50", "-1.5"),
            ("100e-2", "1"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1.25e22", "1.25e+22"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("-1.5e-7", "-1.5e-7"),
            ("9007199254740993", "9007199254740992"),
            ("-7", "-7"),
            ("123.456", "123.456"),
        ] {
            check(given, Some(printed));
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_or_is_no_json_has_no_text() {
        for body in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"a":1,"a":2}}]"#, "", "{} {}", "{\"a\":}", "NaN"]
        {
            check(body, None);
        }
        check(r#""\ud800""#, None);
        check(&["[".repeat(10_000), "]".repeat(10_000)].concat(), None);
    }
}
