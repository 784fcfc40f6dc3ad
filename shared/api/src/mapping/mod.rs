//! Mapping: the fields, what a source offers, trying settings out, and the values that fields take.

mod fields;
mod looked_at;
mod plan_shown;
mod source;
mod trials;
mod values;

use muster_sync::NotLooked;

use crate::problem::{FieldProblem, Problem};
use crate::route::Route;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    let mut routes = fields::routes();
    routes.extend(source::routes());
    routes.extend(trials::routes());
    routes.extend(values::routes());
    routes
}

/// How long a request looks or tries, in milliseconds: the function has 29 seconds.
const PATIENCE_MS: i64 = 20_000;

/// Findings told in a problem.
const TOLD: usize = 20;

impl From<NotLooked> for Problem {
    fn from(error: NotLooked) -> Self {
        let detail = error.to_string();
        match error {
            NotLooked::NoSource(_) => Self::conflict("no_source", detail),
            NotLooked::Unreadable(issues) => {
                let first = issues.first().map_or(detail, |issue| issue.message.clone());
                let mut problem = Self::conflict("source_unreadable", first);
                let told = issues.into_iter().take(TOLD);
                problem.body.errors = told
                    .map(|issue| FieldProblem { field: issue.code.as_str().to_owned(), problem: issue.message })
                    .collect();
                problem
            }
            NotLooked::Provider(_) => Self::conflict("provider_refused", detail),
            NotLooked::Port(error) => error.into(),
        }
    }
}
