//! `muster providers`.

use std::io::Write as _;

use muster_connectors::catalogue::{PROVIDERS, Provider, Way, search, unlisted};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::{Ended, args};

/// Lists the systems that a text may mean; where none does, the way for one that is not listed.
pub(crate) fn run(arguments: &args::Providers) -> Result<Ended, Failure> {
    let mut found: Vec<&Provider> =
        if arguments.text.trim().is_empty() { PROVIDERS.iter().collect() } else { search(&arguments.text) };
    if found.is_empty() {
        found.push(unlisted());
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", found.into_iter().map(to_json).collect::<Value>())?;
        return Ok(Ended::Well);
    }
    for provider in found {
        writeln!(out, "{}", provider.name)?;
        for way in provider.ways {
            writeln!(out, "  {:<10} {}", way.connector, line(way))?;
        }
    }
    Ok(Ended::Well)
}

fn line(way: &Way) -> String {
    let doubt = if way.sure { "" } else { " (ask first: not confirmed by a current page)" };
    format!("{:?}: {}{doubt}", way.cadence, way.set_up)
}

fn to_json(provider: &Provider) -> Value {
    let way = |way: &Way| {
        json!({
            "connector": way.connector,
            "cadence": format!("{:?}", way.cadence).to_lowercase(),
            "needs": way.needs.iter().map(|need| format!("{need:?}")).collect::<Vec<_>>(),
            "slug": way.slug,
            "set_up": way.set_up,
            "sure": way.sure,
        })
    };
    json!({"name": provider.name, "aliases": provider.aliases, "ways": provider.ways.iter().map(way).collect::<Vec<_>>()})
}
