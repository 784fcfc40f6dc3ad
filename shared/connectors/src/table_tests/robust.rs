//! Answers as no provider should send them: cut, with odd values, without their list.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::fixture::Recorded;
use super::read::play;
use crate::{Connector, Fault, FaultKind, Page};

/// Places in a body that are tried at most.
const PLACES: usize = 150;

/// Runs it; `None` where it panicked.
pub(super) fn quietly<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Lengths shorter than the whole, spread over it, all of the last ones among them.
pub(super) fn cuts(len: usize) -> impl Iterator<Item = usize> {
    let step = (len / PLACES).max(1);
    (0..len).filter(move |at| at % step == 0 || at + 20 > len)
}

/// Bodies with one scalar or list replaced by something odd, one at a time.
pub(super) fn odd_bodies(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(whole) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let mut places = Vec::new();
    pointers(&whole, String::new(), &mut places);
    let step = (places.len() / PLACES).max(1);
    let mut bodies = Vec::new();
    for place in places.iter().step_by(step) {
        for odd in odd_values_of() {
            let mut changed = whole.clone();
            if let Some(value) = changed.pointer_mut(place) {
                *value = odd;
                bodies.push(changed.to_string().into_bytes());
            }
        }
    }
    bodies
}

fn odd_values_of() -> Vec<Value> {
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(""),
        json!("  "),
        json!("-1"),
        json!("9999-99-99T99:99:99Z"),
        json!("-009999-01-01T00:00:00Z"),
        json!("https://[::1"),
        json!("\u{0}\u{202e}😀"),
        json!("x".repeat(5_000)),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!([]),
        json!([null]),
        json!({}),
        json!({"id": null}),
        nested,
    ]
}

/// Bodies that have nothing to do with what was asked.
pub(super) fn nonsense() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| [open.repeat(10_000), close.repeat(10_000)].concat().into_bytes();
    let mut bodies: Vec<Vec<u8>> =
        ["", " ", "null", "0", "\"x\"", "[]", "{}", "[null]", "[[]]", "1e999", "<html></html>"]
            .map(|text| text.as_bytes().to_vec())
            .to_vec();
    bodies.extend([deep("[", "]"), deep("{\"data\":", "}"), vec![0xff, 0xfe, 0x00], vec![0; 1_000]]);
    bodies
}

fn pointers(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                pointers(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                pointers(value, format!("{at}/{index}"), places);
            }
        }
        _ => {}
    }
    places.push(at);
}

/// Reads every answer of the fixture with other bodies in its place, and judges each result beside the true one.
fn each_answer(
    connector: &dyn Connector,
    text: &str,
    bodies: impl Fn(&[u8]) -> Vec<Vec<u8>>,
    judge: impl Fn(u16, &Result<Page, Fault>, &Result<Page, Fault>) -> Result<(), String>,
) -> Result<(), String> {
    let recorded = Recorded::parse(text)?;
    let target = recorded.target(connector);
    play(connector, &recorded, |exchange, step, truth| {
        for body in bodies(&exchange.response.bytes()) {
            let shown = || String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned();
            let result = exchange
                .response
                .with(&body, recorded.now_ms, |response| quietly(|| connector.read(&target, step, response)));
            let result = result.ok_or_else(|| format!("panics at {}", shown()))?;
            judge(exchange.response.status, truth, &result).map_err(|problem| format!("{problem} at {}", shown()))?;
            // Whatever the step says, asking on does not panic either.
            if let Some(next) = result.ok().and_then(|page| page.next) {
                quietly(|| connector.request(&target, &next))
                    .ok_or_else(|| format!("the request after it panics at {}", shown()))?;
            }
        }
        Ok(())
    })
}

/// Every cut of every good answer must be [`FaultKind::Failing`].
pub(super) fn cut(connector: &dyn Connector, text: &str) -> Result<(), String> {
    let bodies = |body: &[u8]| match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(_) | Value::Array(_)) => cuts(body.len()).map(|at| body[..at].to_vec()).collect(),
        _ => Vec::new(),
    };
    each_answer(connector, text, bodies, |status, _, result| match result {
        Ok(_) if (200..300).contains(&status) => Err("a cut answer is taken".to_owned()),
        Err(fault) if status == 200 && fault.kind != FaultKind::Failing => {
            Err(format!("a cut answer is {:?}, not a failing provider", fault.kind))
        }
        _ => Ok(()),
    })
}

/// Odd values and foreign bodies never panic, and nobody without an id comes of them.
pub(super) fn odd_values(connector: &dyn Connector, text: &str) -> Result<(), String> {
    let bodies = |body: &[u8]| [odd_bodies(body), nonsense()].concat();
    each_answer(connector, text, bodies, |_, _, result| match result {
        Ok(page) if page.people.iter().any(|person| person.id.trim().is_empty()) => {
            Err("a person without an id".to_owned())
        }
        _ => Ok(()),
    })
}

/// A list that is not there, or is no list, and people without their id: a fault, a partial listing or an unread
/// person, never a whole listing of fewer people.
pub(super) fn lost_people(connector: &dyn Connector, text: &str) -> Result<(), String> {
    each_answer(connector, text, without_lists_or_ids, |status, truth, result| match (truth, result) {
        (Ok(truth), Ok(page)) if status == 200 && page.partial.is_none() && told_of(page) < told_of(truth) => {
            Err(format!("{} people instead of {}, as if whole", told_of(page), told_of(truth)))
        }
        _ => Ok(()),
    })
}

fn told_of(page: &Page) -> usize {
    let carried = page.next.as_ref().map_or(0, |next| next.carried.len());
    page.people.len() + page.gone.len() + page.unread.len() + carried
}

/// The body with each list (or table by id) of objects at its top taken out or spoilt, and with each entry's id
/// spoilt or the entry no object at all.
fn without_lists_or_ids(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(whole) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let mut lists: Vec<String> = whole.as_object().into_iter().flatten().map(|(key, _)| format!("/{key}")).collect();
    lists.retain(|list| whole.pointer(list).is_some_and(|value| value.is_array() || value.is_object()));
    let mut places = Vec::new();
    for list in &lists {
        places.push(list.clone());
        for (index, entry) in whole.pointer(list).and_then(Value::as_array).into_iter().flatten().enumerate() {
            places.push(format!("{list}/{index}"));
            let ids = entry.as_object().into_iter().flatten().map(|(key, _)| key);
            let ids = ids.filter(|key| matches!(key.as_str(), "id" | "employeeId" | "individual_id"));
            places.extend(ids.map(|key| format!("{list}/{index}/{key}")));
        }
    }
    let mut bodies = Vec::new();
    for place in &places {
        for odd in [Value::Null, json!("x y"), json!({}), json!([]), json!(false)] {
            let mut changed = whole.clone();
            let Some(value) = changed.pointer_mut(place) else { continue };
            // An empty list of people is an answer of its own (the drop threshold judges it), and "x y" an id.
            if (odd.is_array() && value.is_array())
                || (odd.is_object() && value.is_object())
                || odd == json!("x y") && value.is_string()
            {
                continue;
            }
            *value = odd;
            bodies.push(changed.to_string().into_bytes());
        }
    }
    bodies.extend(lists.iter().filter_map(|list| {
        let mut object = whole.as_object()?.clone();
        object.remove(&list[1..]);
        Some(Value::Object(object).to_string().into_bytes())
    }));
    bodies
}
