//! Reports and datasets of `BambooHR`: everybody in one table, for who has an API key only.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    bamboohr::{error, old_row},
    bamboohr_wire::{is_forbidden, status, value},
};
use crate::{
    call::{Answer, Call},
    clock,
    listing::Ask,
    person::Person,
    provider::Provider,
};

/// `POST /reports/custom?format=JSON`.
pub(crate) fn custom(provider: &mut Provider, call: &Call) -> Answer {
    let json_format = match call.query("format") {
        Some(format) => format.eq_ignore_ascii_case("json"),
        None => call.header("accept") == Some("application/json"),
    };
    if !json_format {
        return error(404, "Report format not found");
    }
    let Some(asked) = call.json() else { return error(400, "the report is no JSON") };
    let fields = fields(&asked);
    if fields.len() > 400 {
        return error(400, "at most 400 fields");
    }
    let filters = &asked["filters"];
    let since = filters["lastChanged"]["value"].as_str().map(clock::parse);
    if since == Some(None) {
        return error(400, "lastChanged is no time");
    }
    let ids: Option<Vec<String>> =
        filters["employeeIds"].as_array().map(|ids| ids.iter().map(|id| id.to_string().replace('"', "")).collect());
    let picked = |person: &&Arc<Person>| {
        since.flatten().is_none_or(|since| person.updated_at >= since)
            && ids.as_ref().is_none_or(|ids| ids.contains(&person.id))
    };
    let people: Vec<Arc<Person>> = provider.people.values().filter(picked).cloned().collect();
    let ask = Ask { listing: "report".to_owned(), cursor: None, limit: usize::MAX / 4, newest_first: false };
    let people = provider.page(&people, &ask).map(|page| page.rows).unwrap_or_default();
    let seen: Vec<Value> = fields
        .iter()
        .filter(|field| !is_forbidden(provider, field))
        .map(|field| json!({"id": field, "type": "text", "name": field}))
        .collect();
    let employees: Vec<Value> = people.iter().map(|person| old_row(provider, person, &fields)).collect();
    Answer::ok(&json!({"title": asked["title"].as_str().unwrap_or("Report"), "fields": seen, "employees": employees}))
}

fn fields(asked: &Value) -> Vec<&str> {
    asked["fields"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A numbered page of everybody.
struct Table {
    rows: Vec<Value>,
    page: usize,
    size: usize,
    pages: usize,
    total: usize,
    more: bool,
}

/// `POST /v2/datasets/employee/data`, with `page` and `pageSize` in the body.
pub(crate) fn dataset(provider: &mut Provider, call: &Call) -> Answer {
    let Some(asked) = call.json() else { return problem("the body is no JSON") };
    let number = |name: &str, default: usize| {
        asked[name].as_u64().map_or(default, |number| usize::try_from(number).unwrap_or(0))
    };
    let (page, size) = (number("page", 1), number("pageSize", 100));
    let table = match table(provider, &asked, page, size, asked["filter"].as_str()) {
        Ok(table) => table,
        Err(why) => return problem(why),
    };
    let data: Vec<Value> = table.rows.into_iter().map(|fields| json!({"fields": fields})).collect();
    let next = table.more.then(|| format!("{}/api/v2/datasets/employee/data?page={}", call.base, page + 1));
    Answer::ok(&json!({"data": data, "links": {"next": next, "prev": null},
        "meta": {"page": table.page, "pageSize": table.size, "totalPages": table.pages, "totalItems": table.total}}))
}

/// `POST /v1/datasets/employee?page&page_size`.
pub(crate) fn old_dataset(provider: &mut Provider, call: &Call) -> Answer {
    let Some(asked) = call.json() else { return error(400, "the body is no JSON") };
    let page = call.number("page", 1, 1, usize::MAX).unwrap_or(1);
    let size = call.number("page_size", 500, 1, 1000).unwrap_or(500);
    if asked["filters"].is_object() {
        return error(400, "filters are not supported by this fake");
    }
    let table = match table(provider, &asked, page, size, None) {
        Ok(table) => table,
        Err(why) => return error(400, why),
    };
    let next = table.more.then(|| format!("{}/api/v1/datasets/employee?page={}&page_size={size}", call.base, page + 1));
    Answer::ok(&json!({"data": table.rows, "aggregations": [], "pagination": {"total_records": table.total,
        "current_page": table.page, "total_pages": table.pages, "next_page": next, "prev_page": null}}))
}

fn table(
    provider: &mut Provider,
    asked: &Value,
    page: usize,
    size: usize,
    filter: Option<&str>,
) -> Result<Table, &'static str> {
    let fields = fields(asked);
    if fields.is_empty() {
        return Err("fields is missing");
    }
    if page == 0 || !(1..=1000).contains(&size) {
        return Err("page must be above 0 and the page size 1 to 1000");
    }
    let wanted = match filter {
        None => vec!["Active", "Inactive"],
        Some(filter) => {
            statuses(filter).ok_or("of filters only `status eq` and `status in` are supported by this fake")?
        }
    };
    let people: Vec<Arc<Person>> = provider
        .people
        .values()
        .filter(|person| filter.is_none() || wanted.contains(&status(person)))
        .cloned()
        .collect();
    let (rows, _, total) = provider.offset_page(&people, (page - 1).saturating_mul(size), Some(size));
    let whole = |person: &Person| {
        let person = provider.shown(person);
        let seen = fields.iter().filter(|field| !is_forbidden(provider, field));
        seen.map(|field| ((*field).to_owned(), value(provider, &person, field).unwrap_or_default())).collect()
    };
    let rows = rows.iter().map(|person| Value::Object(whole(person))).collect();
    let pages = total.div_ceil(size).max(1);
    Ok(Table { rows, page, size, pages, total, more: page < pages })
}

/// The words of `status eq 'A'` and `status in ('A','B')`.
fn statuses(filter: &str) -> Option<Vec<&str>> {
    let rest = filter.trim().strip_prefix("status ")?;
    let list = rest.strip_prefix("eq ").or_else(|| rest.strip_prefix("in "))?.trim();
    let list = list.trim_start_matches('(').trim_end_matches(')');
    Some(list.split(',').map(|word| word.trim().trim_matches('\'')).collect())
}

fn problem(detail: &str) -> Answer {
    Answer::text(
        400,
        "application/problem+json",
        json!({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": detail}).to_string(),
    )
}
