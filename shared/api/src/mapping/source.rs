//! What a connection's source offers.

use muster_sync::{Looker, SourceColumn, SourceLook, sample_look};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PATIENCE_MS;
use super::looked_at::{FindingShown, LookedAtShown};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/connections/{connection}/source", "show_source", Need::ReadSettings, |call| {
            Box::pin(show(call))
        })
        .says(
            "Shows what the source offers: columns, how full they are, the shape of their values",
            "Of the first rows of the last file, or of the last listing; with `live` of one page that is fetched now \
             and not stored. Samples are shapes (`Xxxx 99`), never values. A column that is never stored is `blocked` \
             and has no samples.",
        )
        .query::<ShowSource>()
        .gives::<SourceShown>(200, "what it offers")
        .may(
            409,
            "`no_source`: nothing is there to look at; `source_unreadable`: the file cannot be read; \
             `provider_refused`: the provider did not answer as it should",
        ),
        Route::post("/v1/connections/{connection}/source/sample", "look_at_sample", Need::ReadSettings, |call| {
            Box::pin(sample(call))
        })
        .says(
            "Shows what a sample offers",
            "A header, with or without rows, read as the connection's next file would be. Nothing of it is stored.",
        )
        .body_as::<String>("text/csv")
        .only_looks()
        .gives::<SourceShown>(200, "what it offers")
        .may(409, "`source_unreadable`: it is no file of people"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShowSource {
    /// Whether a page is fetched from the provider for this.
    live: Option<bool>,
}

/// What a source offers.
#[derive(Debug, Serialize, JsonSchema)]
struct SourceShown {
    /// What was looked at; null where only the columns are known that the connector offers.
    looked_at: Option<LookedAtShown>,
    /// Rows that were looked at.
    rows: u64,
    /// Rows that could not be read.
    unread_rows: u64,
    /// Whether these are all rows.
    complete: bool,
    /// The columns, in the source's order.
    columns: Vec<ColumnShown>,
    /// Mapped fields whose column is not there.
    missing_fields: Vec<String>,
    /// What was found on opening it.
    findings: Vec<FindingShown>,
}

/// A column.
#[derive(Debug, Serialize, JsonSchema)]
struct ColumnShown {
    /// Its name; masked where it looks like blocked data.
    name: String,
    /// Whether its values are never stored, by its name or by the look of a value.
    blocked: bool,
    /// Why.
    blocked_reason: Option<String>,
    /// Whether its values were looked at: those of a provider's column that is not mapped may not be.
    looked_at: bool,
    /// Rows in which it says something.
    filled: u64,
    /// The share of those rows, 0 to 1; null where no row was looked at.
    #[schemars(range(min = 0, max = 1))]
    fill_rate: Option<f64>,
    /// Up to 5 shapes of its values: letters as `x` and `X`, digits as `9`, e-mail addresses as `x…@x…`.
    #[schemars(length(max = 5))]
    samples: Vec<String>,
    /// What it may be mapped to, by its name.
    guess: Option<GuessShown>,
    /// The fields that are filled from it now.
    mapped_to: Vec<String>,
}

/// What a column may be mapped to.
#[derive(Debug, Serialize, JsonSchema)]
struct GuessShown {
    /// The field.
    field: String,
    /// What `type` to give.
    #[serde(rename = "type")]
    data_type: Option<String>,
    /// Whether the name is only like a known one.
    unsure: bool,
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let query: ShowSource = call.query()?;
    let looker = looker(call);
    let look = match query.live {
        Some(true) => looker.live(&connection).await?,
        _ => looker.source(&connection).await?,
    };
    Ok(Reply::json(200, &shown(look)))
}

async fn sample<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    Ok(Reply::json(200, &shown(sample_look(&connection, call.text()?)?)))
}

/// Who looks at the sources of a world.
type LookerOf<'a, W> = Looker<
    'a,
    <W as World>::Table,
    <W as World>::Objects,
    <W as World>::Secrets,
    <W as World>::Web,
    <W as World>::Clock,
>;

/// Looks until the request's time is up.
pub(super) fn looker<W: World>(call: Call<'_, W>) -> LookerOf<'_, W> {
    let world = call.world;
    Looker {
        ledger: world.table(),
        objects: world.objects(),
        secrets: world.secrets(),
        web: world.web(),
        clock: world.clock(),
        until_ms: call.now_ms() + PATIENCE_MS,
    }
}

fn shown(look: SourceLook) -> SourceShown {
    let rows = look.rows;
    SourceShown {
        looked_at: look.looked_at.map(LookedAtShown::from),
        rows,
        unread_rows: look.unread,
        complete: look.complete,
        columns: look.columns.into_iter().map(|column| column_shown(column, rows)).collect(),
        missing_fields: look.missing.iter().map(|field| field.name().to_owned()).collect(),
        findings: look.issues.iter().map(FindingShown::from).collect(),
    }
}

fn column_shown(column: SourceColumn, rows: u64) -> ColumnShown {
    let SourceColumn { look, fetched } = column;
    let guess = look.guess.map(|guess| GuessShown {
        field: guess.field.name().to_owned(),
        data_type: guess.data_type.map(str::to_owned),
        unsure: guess.unsure,
    });
    ColumnShown {
        name: look.name,
        blocked: look.blocked.is_some(),
        blocked_reason: look.blocked.map(str::to_owned),
        looked_at: fetched,
        filled: look.filled,
        fill_rate: (fetched && rows > 0).then(|| look.filled as f64 / rows as f64),
        samples: look.samples,
        guess,
        mapped_to: look.mapped.iter().map(|field| field.name().to_owned()).collect(),
    }
}
