//! A route: what the router and the document know of it.

use futures_util::future::LocalBoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::world::World;

/// What carries a request out.
pub(crate) type Handler<W> = for<'a> fn(Call<'a, W>) -> LocalBoxFuture<'a, Result<Reply, Problem>>;

/// Makes a type's schema, or a reference to it.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A path and method, who may, what it takes and gives.
pub(crate) struct Route<W: World> {
    pub(crate) about: About,
    pub(crate) handler: Handler<W>,
}

/// What is documented about a route.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) method: &'static str,
    /// With parameters as `{connection}`.
    pub(crate) path: &'static str,
    /// The operation's id.
    pub(crate) id: &'static str,
    pub(crate) need: Need,
    pub(crate) summary: &'static str,
    pub(crate) text: &'static str,
    /// The query's type, whole: its properties become parameters.
    pub(crate) query: Option<SchemaOf>,
    /// Content types and schemas of the body; the first is the usual one.
    pub(crate) bodies: Vec<(&'static str, SchemaOf)>,
    /// Whether the body may be left out.
    pub(crate) body_optional: bool,
    /// Status, words, content type and schema of answers that were carried out.
    pub(crate) answers: Vec<(u16, &'static str, &'static str, Option<SchemaOf>)>,
    /// Statuses and words of problems beyond the usual ones.
    pub(crate) problems: Vec<(u16, &'static str)>,
    pub(crate) versioned: bool,
    /// Whether it changes nothing, whatever its method: no answer of it is kept for an idempotency key.
    pub(crate) only_looks: bool,
}

impl<W: World> Route<W> {
    fn new(method: &'static str, path: &'static str, id: &'static str, need: Need, handler: Handler<W>) -> Self {
        let about = About {
            method,
            path,
            id,
            need,
            summary: "",
            text: "",
            query: None,
            bodies: Vec::new(),
            body_optional: false,
            answers: Vec::new(),
            problems: Vec::new(),
            versioned: false,
            only_looks: false,
        };
        Self { about, handler }
    }

    /// Reads.
    pub(crate) fn get(path: &'static str, id: &'static str, need: Need, handler: Handler<W>) -> Self {
        Self::new("GET", path, id, need, handler)
    }

    /// Makes or does.
    pub(crate) fn post(path: &'static str, id: &'static str, need: Need, handler: Handler<W>) -> Self {
        Self::new("POST", path, id, need, handler)
    }

    /// Replaces.
    pub(crate) fn put(path: &'static str, id: &'static str, need: Need, handler: Handler<W>) -> Self {
        Self::new("PUT", path, id, need, handler)
    }

    /// Changes in part.
    pub(crate) fn patch(path: &'static str, id: &'static str, need: Need, handler: Handler<W>) -> Self {
        Self::new("PATCH", path, id, need, handler)
    }

    /// Deletes.
    pub(crate) fn delete(path: &'static str, id: &'static str, need: Need, handler: Handler<W>) -> Self {
        Self::new("DELETE", path, id, need, handler)
    }

    /// What it does: a line, and more where there is more to say.
    pub(crate) fn says(mut self, summary: &'static str, text: &'static str) -> Self {
        (self.about.summary, self.about.text) = (summary, text);
        self
    }

    /// The type of its query.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        self.about.query = Some(|generator| T::json_schema(generator));
        self
    }

    /// The type of its JSON body.
    pub(crate) fn body<T: JsonSchema>(self) -> Self {
        self.body_as::<T>("application/json")
    }

    /// A body of a further content type.
    pub(crate) fn body_as<T: JsonSchema>(mut self, content_type: &'static str) -> Self {
        self.about.bodies.push((content_type, |generator| generator.subschema_for::<T>()));
        self
    }

    /// The body may be left out.
    pub(crate) fn body_optional(mut self) -> Self {
        self.about.body_optional = true;
        self
    }

    /// A JSON answer.
    pub(crate) fn gives<T: JsonSchema>(self, status: u16, words: &'static str) -> Self {
        self.gives_as::<T>(status, words, "application/json")
    }

    /// An answer of a further content type.
    pub(crate) fn gives_as<T: JsonSchema>(mut self, status: u16, words: &'static str, kind: &'static str) -> Self {
        self.about.answers.push((status, words, kind, Some(|generator| generator.subschema_for::<T>())));
        self
    }

    /// An answer without a body.
    pub(crate) fn gives_nothing(mut self, status: u16, words: &'static str) -> Self {
        self.about.answers.push((status, words, "", None));
        self
    }

    /// A problem beyond the usual ones.
    pub(crate) fn may(mut self, status: u16, words: &'static str) -> Self {
        self.about.problems.push((status, words));
        self
    }

    /// Changes nothing, although it takes a body.
    pub(crate) fn only_looks(mut self) -> Self {
        self.about.only_looks = true;
        self
    }

    /// Needs `If-Match`.
    pub(crate) fn versioned(mut self) -> Self {
        self.about.versioned = true;
        self
    }
}
