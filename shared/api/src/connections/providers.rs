//! What can be connected.

use muster_connectors::catalogue::{self, Cadence, Need as Hand, Provider, Way};
use muster_connectors::{Key, connector};
use muster_sync::{AccountTerms, Entitlement, account_terms};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/providers", "search_providers", Need::ReadSettings, |call| Box::pin(search(call)))
            .says(
                "Searches the catalogue of HR systems and directories",
                "Best first; small typing errors are forgiven. For one that is not listed the answer is the ways that work \
                 for any system: a file by SFTP, SCIM, a file by hand.",
            )
            .query::<Search>()
            .gives::<ProviderList>(200, "a page of providers"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// A name, or a part of one.
    #[schemars(length(max = 100))]
    q: Option<String>,
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of providers.
#[derive(Debug, Serialize, JsonSchema)]
struct ProviderList {
    items: Vec<ProviderShown>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

/// An HR system or directory.
#[derive(Debug, Serialize, JsonSchema)]
struct ProviderShown {
    /// Its name.
    name: String,
    /// Other names it goes by.
    aliases: Vec<String>,
    /// The ways to reach it, the one we advise first.
    ways: Vec<WayShown>,
}

/// One way to reach a system.
#[derive(Debug, Serialize, JsonSchema)]
struct WayShown {
    /// The `connector` of the connection file.
    connector: String,
    /// What kind of connection it is, as entitlements name it.
    kind: String,
    /// Whether the account is entitled to that kind.
    entitled: bool,
    /// How fresh the data is: read daily and on demand; fetched by a person every 7 days; when the customer sends.
    #[schemars(extend("enum" = ["automated", "assisted", "sent"]))]
    cadence: String,
    /// What the customer must have at hand.
    needs: Vec<String>,
    /// The connector's own name for the system.
    slug: Option<String>,
    /// What the customer's administrator does.
    set_up: String,
    /// Whether a current official page says so.
    sure: bool,
    /// How an account is linked, in a few words.
    link: String,
    /// Keys of `[provider]`.
    provider_keys: Vec<KeyShown>,
    /// Keys of `[credentials]`.
    credential_keys: Vec<KeyShown>,
    /// The columns that `unique_id` may be mapped from.
    id_columns: Vec<String>,
    /// The other columns it offers.
    columns: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct KeyShown {
    /// The key.
    key: String,
    /// Whether it must be there.
    needed: bool,
    /// What it is.
    help: String,
}

async fn search<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: Search = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let text = query.q.unwrap_or_default();
    if text.chars().count() > 100 {
        return Err(Problem::invalid("q", "q: at most 100 characters"));
    }
    let begin: usize = query.cursor.as_deref().map(cursor::read).transpose()?.unwrap_or(0);
    let terms = account_terms(call.world.table(), &call.caller.account).await?;
    let terms = terms.map(|(terms, _)| terms).unwrap_or_default();
    let mut found = catalogue::search(&text);
    if found.is_empty() {
        found.push(catalogue::unlisted());
    }
    let end = begin.saturating_add(limit);
    let next = (found.len() > end).then(|| cursor::write(&end));
    let items = found.into_iter().skip(begin).take(limit).map(|provider| shown(provider, &terms)).collect();
    Ok(Reply::json(200, &ProviderList { items, next }))
}

fn shown(provider: &Provider, terms: &AccountTerms) -> ProviderShown {
    ProviderShown {
        name: provider.name.to_owned(),
        aliases: owned(provider.aliases),
        ways: provider.ways.iter().map(|way| way_shown(way, terms)).collect(),
    }
}

fn way_shown(way: &Way, terms: &AccountTerms) -> WayShown {
    let about = connector(way.connector).map(|connector| connector.about());
    let kind = Entitlement::of(way.connector);
    let link = match way.connector {
        "sftp" => "files by SFTP",
        "scim" => "the identity provider pushes",
        "upload" => "files by hand",
        _ => about.map_or("", |about| about.link),
    };
    WayShown {
        connector: way.connector.to_owned(),
        kind: kind.as_str().to_owned(),
        entitled: terms.entitlements.contains(&kind),
        cadence: cadence(way.cadence).to_owned(),
        needs: way.needs.iter().map(|need| hand(*need).to_owned()).collect(),
        slug: way.slug.map(str::to_owned),
        set_up: way.set_up.to_owned(),
        sure: way.sure,
        link: link.to_owned(),
        provider_keys: about.map_or_else(Vec::new, |about| keys(about.provider)),
        credential_keys: about.map_or_else(Vec::new, |about| keys(about.credentials)),
        id_columns: about.map_or_else(Vec::new, |about| owned(about.ids)),
        columns: about.map_or_else(Vec::new, |about| owned(about.columns)),
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn keys(keys: &[Key]) -> Vec<KeyShown> {
    let shown = |key: &Key| KeyShown { key: key.name.to_owned(), needed: key.needed, help: key.help.to_owned() };
    keys.iter().map(shown).collect()
}

fn cadence(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Automated => "automated",
        Cadence::Assisted => "assisted",
        Cadence::Sent => "sent",
    }
}

fn hand(need: Hand) -> &'static str {
    match need {
        Hand::Subdomain => "subdomain",
        Hand::ApiKey => "api_key",
        Hand::OAuth => "oauth",
        Hand::ClientCredentials => "client_credentials",
        Hand::ServiceAccount => "service_account",
        Hand::CustomerAdmin => "customer_admin",
        Hand::ThirdPartyAdmin => "third_party_admin",
        Hand::FileExport => "file_export",
    }
}
