//! The admin API: HTTP in, HTTP out, over ports. Routes, roles, wire types and the `OpenAPI` document; no sockets, no AWS.
//!
//! An area of the API is a file or folder with `routes()`; a route says its path, who may, what it takes and gives, and
//! both the router and the document are made of that. Rules and effects are use cases of `muster_sync`.

mod call;
mod caller;
mod cursor;
mod once;
mod openapi;
mod problem;
mod reply;
mod route;
mod serve;
mod time;
mod world;

mod accounts;
mod audiences;
mod audit;
mod connections;
mod connectors;
mod edits;
mod groups;
mod links;
mod mapping;
mod people;
mod runs;
mod segments;

pub use caller::{Caller, ClaimNames, Need, Role};
pub use openapi::document;
pub use serve::{Api, Request, Response};
pub use world::{Config, World};

use route::Route;

/// Every route, area by area.
fn routes<W: World>() -> Vec<Route<W>> {
    let mut routes = Vec::new();
    routes.extend(accounts::routes());
    routes.extend(audit::routes());
    routes.extend(edits::routes());
    routes.extend(connectors::routes());
    routes.extend(connections::routes());
    routes.extend(runs::routes());
    routes.extend(mapping::routes());
    routes.extend(people::routes());
    routes.extend(groups::routes());
    routes.extend(segments::routes());
    routes.extend(audiences::routes());
    routes.extend(links::routes());
    routes.extend(openapi::routes());
    routes
}
