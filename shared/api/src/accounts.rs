//! Accounts and what they are entitled to: for the product team only.

use muster_core::ids::AccountId;
use muster_sync::{AccountTerms, Admin, Entitlement, account_terms, put_account_terms};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Call;
use crate::caller::{Need, OPERATORS};
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    const ONE: &str = "/v1/operator/accounts/{account}";
    vec![
        Route::get("/v1/operator/accounts", "list_accounts", Need::Operate, |call| Box::pin(list(call)))
            .says("Lists the accounts, by id", "")
            .query::<ListAccounts>()
            .gives::<AccountList>(200, "a page of accounts"),
        Route::get(ONE, "show_account", Need::Operate, |call| Box::pin(show(call)))
            .says("Shows an account and its entitlements", "")
            .gives::<AccountShown>(200, "the account"),
        Route::put(ONE, "put_account", Need::Operate, |call| Box::pin(put(call)))
            .says(
                "Makes an account, or decides about it anew",
                "Connections of a kind that is taken away are switched off with that reason; they are not switched on \
                 again by themselves. `If-Match` with the version that was read keeps two people from overwriting \
                 each other; without it the newest word counts.",
            )
            .body::<AccountWish>()
            .gives::<AccountShown>(200, "the account as it is now")
            .may(412, "it was changed since it was read"),
        Route::get("/v1/account", "show_own_account", Need::Anyone, |call| Box::pin(own(call)))
            .says("Shows the caller's own account, and who the caller is", "")
            .gives::<OwnAccount>(200, "account and caller"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListAccounts {
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of accounts.
#[derive(Debug, Serialize, JsonSchema)]
struct AccountList {
    items: Vec<AccountName>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AccountName {
    /// The account's id.
    account: String,
}

/// A kind of connection.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    DataConnector,
    Sftp,
    Scim,
    Upload,
}

/// What is to be decided about an account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AccountWish {
    /// The customer's name.
    #[serde(default)]
    #[schemars(length(max = 200))]
    name: String,
    /// Which kinds of connections work in it.
    #[schemars(length(max = 16))]
    entitlements: Vec<Kind>,
}

/// An account.
#[derive(Debug, Serialize, JsonSchema)]
struct AccountShown {
    /// The account's id.
    account: String,
    /// The customer's name.
    name: String,
    /// Which kinds of connections work in it.
    entitlements: Vec<Kind>,
    /// Grows with every decision.
    version: u64,
}

/// The caller's own account.
#[derive(Debug, Serialize, JsonSchema)]
struct OwnAccount {
    /// The account's id.
    account: String,
    /// The customer's name.
    name: String,
    /// Which kinds of connections work in it.
    entitlements: Vec<Kind>,
    /// Who the caller is.
    user: String,
    /// What the caller is to the account.
    role: String,
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListAccounts = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: Option<String> = query.cursor.as_deref().map(cursor::read).transpose()?;
    let mut accounts = call.world.table().accounts().await?;
    accounts.sort();
    let mut rest = accounts.into_iter().filter(|account| from.as_deref().is_none_or(|from| account.as_str() > from));
    let items: Vec<_> = rest.by_ref().take(limit).map(|account| AccountName { account: account.to_string() }).collect();
    let next = rest.next().and(items.last()).map(|last| cursor::write(&last.account));
    Ok(Reply::json(200, &AccountList { items, next }))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let account = account_of(call)?;
    let (terms, version) = account_terms(call.world.table(), &account).await?.ok_or_else(Problem::not_found)?;
    Ok(Reply::json(200, &shown(&account, terms, version)).etag(version))
}

async fn put<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let account = account_of(call)?;
    let wish: AccountWish = call.body()?;
    if wish.name.chars().count() > 200 {
        return Err(Problem::invalid("name", "name: at most 200 characters"));
    }
    let before = account_terms(call.world.table(), &account).await?;
    let version = before.as_ref().map(|(_, version)| *version);
    if call.header("if-match").is_some() && Some(call.if_match()?) != version {
        return Err(Problem::stale());
    }
    let terms = AccountTerms {
        name: wish.name,
        entitlements: wish.entitlements.into_iter().map(|kind| Entitlement::of(name_of(kind))).collect(),
    };
    let told = |terms: &AccountTerms| json!({"name": terms.name, "entitlements": terms.entitlements});
    let target = format!("account/{account}");
    call.audit("account.decided", &target, before.as_ref().map(|(terms, _)| told(terms)), Some(told(&terms))).await?;
    if !put_account_terms(call.world.table(), &account, &terms, version).await? {
        return Err(Problem::stale());
    }
    let version = version.unwrap_or(0) + 1;
    Ok(Reply::json(200, &shown(&account, terms, version)).etag(version))
}

async fn own<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let terms = account_terms(call.world.table(), &call.caller.account).await?;
    let (terms, _) = terms.unwrap_or_default();
    Ok(Reply::json(
        200,
        &OwnAccount {
            account: call.caller.account.to_string(),
            name: terms.name,
            entitlements: terms.entitlements.into_iter().map(kind_of).collect(),
            user: call.caller.user.clone(),
            role: call.caller.role.as_str().to_owned(),
        },
    ))
}

fn account_of<W: World>(call: Call<'_, W>) -> Result<AccountId, Problem> {
    let account = AccountId::parse(call.path("account")).map_err(|_| Problem::not_found())?;
    if account.as_str() == OPERATORS { Err(Problem::not_found()) } else { Ok(account) }
}

fn shown(account: &AccountId, terms: AccountTerms, version: u64) -> AccountShown {
    let entitlements = terms.entitlements.into_iter().map(kind_of).collect();
    AccountShown { account: account.to_string(), name: terms.name, entitlements, version }
}

fn kind_of(entitlement: Entitlement) -> Kind {
    match entitlement {
        Entitlement::DataConnector => Kind::DataConnector,
        Entitlement::Sftp => Kind::Sftp,
        Entitlement::Scim => Kind::Scim,
        Entitlement::Upload => Kind::Upload,
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::DataConnector => "data_connector",
        Kind::Sftp => "sftp",
        Kind::Scim => "scim",
        Kind::Upload => "upload",
    }
}
