//! The runner judged: a small connector, its recorded reading, and one fault of each kind planted in either.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{read, robust};
use crate::{
    About, Brings, Connector, Delivery, Fault, HttpRequest, HttpResponse, Incremental, Page, Person, Refused, Scope,
    Secret, SourceEvent, Step, Target, Unread, Unreadable, Values, VerifiedWebhook,
};

/// What is wrong with the connector.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Planted {
    None,
    TakesCutAnswers,
    TakesAnswersWithoutList,
    LosesPeopleWithoutId,
    PanicsOnOddValues,
    LeaksByName,
    LeaksByValue,
    AsksElsewhere,
    PartMark,
}

struct Sample(Planted);

static ABOUT: About = About {
    id: "sample",
    name: "Sample",
    hosts: &["*.example.com"],
    provider: &[],
    credentials: &[],
    platform: &[],
    ids: &["id"],
    status: ("status", &[]),
    columns: &[],
    incremental: Incremental::None,
    webhooks: Some(Brings::Hint),
    signs_with: None,
    resync: false,
    link: "none",
    page_size: 2,
};

impl Sample {
    fn body(&self, response: &HttpResponse<'_>) -> Result<Value, Fault> {
        match response.json() {
            Err(_) if self.0 == Planted::TakesCutAnswers => Ok(json!({"people": []})),
            body => body,
        }
    }

    fn person(&self, entry: &Value) -> Option<Person> {
        let id = entry.get("id")?.as_str().filter(|id| !id.trim().is_empty())?.to_owned();
        let mut values = Values::default();
        values.take_object(entry, &["dob"]);
        if self.0 == Planted::LeaksByName {
            values.set("gender", "x");
        }
        if self.0 == Planted::LeaksByValue {
            values.take("day", &entry["dob"]);
        }
        if self.0 == Planted::PanicsOnOddValues {
            assert!(entry["name"].is_string());
        }
        Some(Person { id, values, ..Person::default() })
    }
}

impl Connector for Sample {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn routes(&self, _: &BTreeMap<String, String>) -> Vec<String> {
        Vec::new()
    }

    fn verify(&self, _: &Delivery<'_>, _: &[Secret], _: i64) -> Result<(), Refused> {
        Err(Refused("never"))
    }

    fn events(&self, _: &VerifiedWebhook<'_>) -> Result<Vec<SourceEvent>, Unreadable> {
        Ok(Vec::new())
    }

    fn first(&self, _: &Target<'_>, _: &Scope) -> Option<Step> {
        Some(Step::at("1"))
    }

    fn request(&self, _: &Target<'_>, step: &Step) -> HttpRequest {
        let host = if self.0 == Planted::AsksElsewhere { "example.org" } else { "api.example.com" };
        HttpRequest::get(format!("https://{host}/people")).query([("page", step.at.as_str()), ("size", "2")])
    }

    fn read(&self, _: &Target<'_>, _: &Step, response: &HttpResponse<'_>) -> Result<Page, Fault> {
        let body = self.body(response)?;
        let none = Vec::new();
        let list = match body.get("people").and_then(Value::as_array) {
            Some(list) => list,
            None if self.0 == Planted::TakesAnswersWithoutList => &none,
            None => return Err(Fault::new(crate::FaultKind::Failing, "the answer has no list of people")),
        };
        let mut page = Page::default();
        for (place, entry) in list.iter().enumerate() {
            match self.person(entry) {
                Some(person) => page.people.push(person),
                None if self.0 == Planted::LosesPeopleWithoutId => {}
                None => page.unread.push(Unread { id: place.to_string(), why: "no id".to_owned() }),
            }
        }
        page.next = body.get("next").and_then(Value::as_str).map(Step::at);
        if self.0 == Planted::PartMark {
            page.mark = Some("m".to_owned());
        }
        Ok(page)
    }
}

fn fixture() -> Value {
    let exchange = |page: &str, body: Value| {
        json!({"request": {"method": "GET", "url": format!("https://api.example.com/people?size=2&page={page}"),
                "headers": {"Accept": "application/json"}},
            "response": {"status": 200, "body": body}})
    };
    json!({"claim": "two pages", "today": "2026-11-22", "scope": "full",
        "exchanges": [
            exchange("1", json!({"people": [{"id": "b", "name": "Bo", "dob": "1990-02-03"}], "next": "2"})),
            exchange("2", json!({"people": [{"id": "a", "name": "Al", "title": null, "dob": "1991-02-03"}], "next": null})),
        ],
        "expect": {"people": [
            {"id": "a", "values": {"name": "Al", "title": null}, "not_given": ["phone"]},
            {"id": "b", "values": {"name": "Bo"}, "not_given": ["title"]}]}})
}

/// The runner's verdict on the sample with this fault over the fixture with this change.
fn verdict(fault: Planted, pointer: &str, value: Value) -> Result<(), String> {
    let mut fixture = fixture();
    if let Some(place) = fixture.pointer_mut(pointer).filter(|_| !pointer.is_empty()) {
        *place = value;
    }
    let (connector, text) = (Sample(fault), fixture.to_string());
    read::check(&connector, &text)?;
    robust::cut(&connector, &text)?;
    robust::odd_values(&connector, &text)?;
    robust::lost_people(&connector, &text)
}

#[test]
fn the_runner_passes_a_connector_that_does_as_recorded() {
    assert_eq!(verdict(Planted::None, "", Value::Null), Ok(()));
}

#[test]
fn the_runner_finds_every_planted_fault_of_a_connector() {
    for (fault, words) in [
        (Planted::TakesCutAnswers, "a cut answer is taken"),
        (Planted::TakesAnswersWithoutList, "0 people instead of 1"),
        (Planted::LosesPeopleWithoutId, "0 people instead of 1"),
        (Planted::PanicsOnOddValues, "panics at"),
        (Planted::LeaksByName, "leaks"),
        (Planted::LeaksByValue, "has the value of a blocked one"),
        (Planted::AsksElsewhere, "is not to one of"),
        (Planted::PartMark, "a mark before the end"),
    ] {
        let verdict = verdict(fault, "", Value::Null);
        assert!(verdict.as_ref().is_err_and(|problem| problem.contains(words)), "{fault:?}: {verdict:?}");
    }
}

#[test]
fn the_runner_finds_every_difference_from_the_fixture() {
    for (pointer, value, words) in [
        ("/exchanges/0/request/url", json!("https://api.example.com/people?page=1"), "exchange 1: asked GET"),
        ("/exchanges/0/request/method", json!("POST"), "exchange 1: asked GET"),
        ("/exchanges/0/request/headers/Accept", json!("text/html"), "header Accept"),
        ("/exchanges/0/response/body/next", json!(null), "the reading ended before it"),
        ("/exchanges/1/response/body/next", json!("3"), "it asks on"),
        ("/exchanges/1/response/body/people", json!([]), "people: expected"),
        ("/expect/people/0/values/name", json!("Ann"), "a: name: expected"),
        ("/expect/people/0/values/title", json!("x"), "a: title: expected"),
        ("/expect/people/1/not_given", json!(["name"]), "b: name: expected None"),
        ("/expect/people/0/values", json!({"phone": null}), "a: phone: expected"),
        ("/expect", json!({"people": [], "fault": "failing"}), "ended with None"),
        ("/expect", json!({"people": [{"id": "a"}, {"id": "b"}], "partial": true}), "partial: expected"),
        ("/expect", json!({"people": [{"id": "a"}, {"id": "b"}], "gone": ["c"]}), "gone: expected"),
        ("/expect", json!({"people": [{"id": "a"}, {"id": "b"}], "mark": "m"}), "mark: expected"),
        ("/expect", json!({"peopel": []}), "unknown field"),
    ] {
        let verdict = verdict(Planted::None, pointer, value);
        assert!(verdict.as_ref().is_err_and(|problem| problem.contains(words)), "{pointer}: {verdict:?}");
    }
}
