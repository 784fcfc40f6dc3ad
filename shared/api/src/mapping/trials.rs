//! Trying settings out before they are saved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use muster_core::settings::{Problem as Wrong, Settings, SettingsError, credentials_of};
use muster_sync::{Connection, Drawn, NotSaved, Terms, TriedOut, TryOut, check_settings};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::PATIENCE_MS;
use super::looked_at::{FindingShown, LookedAtShown};
use super::plan_shown::{TrialPlan, plan};
use crate::call::Call;
use crate::caller::Need;
use crate::connections::{ConnectionFile, LONGEST_FILE};
use crate::problem::{FieldProblem, Problem};
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

/// Findings shown of a source that cannot be planned.
const SHOWN: usize = 100;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::post("/v1/connections/{connection}/trials", "try_settings", Need::ReadSettings, |call| {
            Box::pin(try_out(call))
        })
        .says(
            "Tries settings out: the plan that they would make of the last file or listing",
            "Without a body, or with an empty one, the settings as they are. Nothing is stored, no run is opened, and \
             nobody is told. With `validate_only` it answers whether the settings would be saved, and everything that \
             is wrong with them.",
        )
        .query::<TrySettings>()
        .body::<Candidate>()
        .body_as::<String>("application/toml")
        .body_optional()
        .only_looks()
        .gives::<TrialShown>(200, "what the settings would do; with `validate_only` whether they would be saved")
        .may(409, "`no_source`: there is no file or listing to try them with; `source_unreadable`: it cannot be read"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrySettings {
    /// Whether the settings are only checked.
    validate_only: Option<bool>,
}

/// Settings to try.
struct Candidate;

impl JsonSchema for Candidate {
    fn schema_name() -> Cow<'static, str> {
        "Candidate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let file = generator.subschema_for::<ConnectionFile>();
        json_schema!({
            "description": "A connection file; `{}` stands for the settings as they are.",
            "anyOf": [file, {"type": "object", "maxProperties": 0}],
        })
    }
}

/// What settings would do.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct TrialShown {
    /// Whether the settings would be saved.
    valid: bool,
    /// What is wrong with them.
    problems: Vec<FieldProblem>,
    /// The source that they were tried with; null where they were only checked.
    looked_at: Option<LookedAtShown>,
    /// Whether the whole source was tried: not where the time was up.
    complete: bool,
    /// People who were looked up until the time was up.
    people_looked_up: Option<u64>,
    /// Why there would be no plan: the source cannot be planned with these settings.
    refused: Option<String>,
    /// What was found in a source that cannot be planned.
    findings: Vec<FindingShown>,
    /// The plan.
    plan: Option<TrialPlan>,
}

async fn try_out<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let query: TrySettings = call.query()?;
    let only_checked = query.validate_only == Some(true);
    let candidate = match checked(call, &connection).await {
        Ok(candidate) => candidate,
        Err(NotChecked::Settings(error)) if only_checked => {
            return Ok(Reply::json(200, &TrialShown { problems: problems(error), ..TrialShown::default() }));
        }
        Err(NotChecked::Settings(error)) => {
            let told = problems(error).into_iter();
            return Err(Problem::all_invalid(told.map(|wrong| (wrong.field, wrong.problem))));
        }
        Err(NotChecked::Other(problem)) => return Err(*problem),
    };
    if only_checked {
        return Ok(Reply::json(200, &TrialShown { valid: true, complete: true, ..TrialShown::default() }));
    }
    let world = call.world;
    let trial = TryOut {
        ledger: world.table(),
        directory: world.table(),
        objects: world.objects(),
        clock: world.clock(),
        until_ms: call.now_ms() + PATIENCE_MS,
    };
    let trial = trial.try_out(&candidate).await?;
    let looked_at = Some(trial.source.into());
    let shown = TrialShown { valid: true, looked_at, ..TrialShown::default() };
    Ok(Reply::json(
        200,
        &match trial.tried {
            TriedOut::Planned(tried) => TrialShown { complete: true, plan: Some(plan(*tried)), ..shown },
            TriedOut::TimeUp { people } => TrialShown { people_looked_up: Some(people), ..shown },
            TriedOut::Refused { reason, issues } => TrialShown {
                complete: true,
                refused: Some(reason),
                findings: issues.iter().take(SHOWN).map(FindingShown::from).collect(),
                ..shown
            },
        },
    ))
}

/// Why there is nothing to try.
enum NotChecked {
    /// These are no settings.
    Settings(SettingsError),
    /// Anything else.
    Other(Box<Problem>),
}

impl From<Problem> for NotChecked {
    fn from(problem: Problem) -> Self {
        Self::Other(Box::new(problem))
    }
}

/// The connection with the settings of the body, as it would be once they are saved.
async fn checked<W: World>(call: Call<'_, W>, connection: &Connection) -> Result<Connection, NotChecked> {
    let Some(given) = given(call)? else { return Ok(connection.clone()) };
    let drawn = Drawn { seed: 0, password: [0; 20], salt: [0; 16], link_key: [0; 32] };
    let base_urls = call.world.config().base_urls;
    let terms = Terms { drawn, public_keys: &[], base_urls, now_ms: call.now_ms() };
    let (table, secrets) = (call.world.table(), call.world.secrets());
    match check_settings(table, secrets, connection, given, terms).await {
        Ok(settings) => Ok(Connection {
            settings: settings.to_toml(),
            settings_version: connection.settings_version + 1,
            ..connection.clone()
        }),
        Err(NotSaved::Settings(error)) => Err(NotChecked::Settings(error)),
        Err(error) => Err(NotChecked::Other(Box::new(error.into()))),
    }
}

/// Settings, and the credentials beside them.
type Given = (Settings, BTreeMap<String, String>);

/// What the body gives; `None` where it says nothing.
fn given<W: World>(call: Call<'_, W>) -> Result<Option<Given>, NotChecked> {
    let kind = call.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if call.request.body.is_empty() {
        return Ok(None);
    }
    let is_toml = kind.eq_ignore_ascii_case("application/toml");
    let text = if is_toml {
        call.text()?.to_owned()
    } else if call.body::<Value>()? == Value::Object(Map::new()) {
        return Ok(None);
    } else {
        call.body::<ConnectionFile>()?.to_toml(&call.caller.account)?
    };
    if text.len() > LONGEST_FILE {
        let message = format!("the connection file is longer than {LONGEST_FILE} bytes");
        let problem = Wrong { path: "file".to_owned(), line: None, message };
        return Err(NotChecked::Settings(SettingsError { problems: vec![problem] }));
    }
    let settings = Settings::from_toml(&text).map_err(|mut error| {
        // Lines of a text that nobody wrote would only mislead.
        error.problems.iter_mut().for_each(|problem| problem.line = problem.line.filter(|_| is_toml));
        NotChecked::Settings(error)
    })?;
    Ok(Some((settings, credentials_of(&text))))
}

fn problems(error: SettingsError) -> Vec<FieldProblem> {
    let told = error.problems.into_iter().map(|Wrong { path, line, message }| {
        let line = line.map_or(String::new(), |line| format!("line {line}: "));
        FieldProblem { field: path, problem: line + &message }
    });
    told.collect()
}
