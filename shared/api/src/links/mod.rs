//! Linking connections to their providers: what will be read, flows, credentials, links for approvers, and the product
//! team's own keys at the providers.

mod fields;
mod html;
mod operator;
mod page;
mod wire;

use muster_sync::{
    Connection, Consent, LinkOpened, LinkWish, Linker, NoApproval, NotLinked, Said, account_terms, ask_approver,
};
use serde_json::json;

use self::fields::{address, checked_redirect};
use self::wire::{
    ApproverLink, ApproverWish, ConsentShown, CredentialsGiven, CredentialsTried, LinkEnd, LinkShown, LinkStart,
    LinkedShown,
};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::time::shown;
use crate::world::World;

/// Days that an approver's link is good where nothing else is said.
const USUAL_DAYS: u32 = 7;
const MOST_DAYS: u32 = 30;
const DAY_MS: i64 = 24 * 3_600_000;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    let mut routes = flows();
    routes.extend(operator::routes());
    routes.extend(page::routes());
    routes
}

fn flows<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/connections/{connection}/consent", "show_consent", Need::ReadSettings, |call| {
            Box::pin(consent(call))
        })
        .says(
            "Shows what the connection will read, before anything is read",
            "Exactly the columns that each field is made of, what is asked of the provider, what is never read, and what \
             happens with it.",
        )
        .gives::<ConsentShown>(200, "what will be read"),
        Route::post("/v1/connections/{connection}/link", "start_link", Need::ChangeSettings, |call| {
            Box::pin(start(call))
        })
        .says(
            "Starts linking in the provider's own pages, or signing in again",
            "Address and token are shown once. Only who starts a link can finish it, within a day, and only while the \
             settings are as they were. A connection that has a link keeps it until the new one is finished.",
        )
        .body::<LinkStart>()
        .body_optional()
        .gives::<LinkShown>(201, "where to send the browser"),
        Route::post("/v1/connections/{connection}/link/{link}/finish", "finish_link", Need::ChangeSettings, |call| {
            Box::pin(finish(call))
        })
        .says(
            "Finishes a link with what the provider's page handed over",
            "The connection is due at once. Something that was made for another connection is refused.",
        )
        .body::<LinkEnd>()
        .body_optional()
        .gives::<LinkedShown>(200, "the connection as it is now"),
        Route::post("/v1/connections/{connection}/credentials", "try_credentials", Need::ChangeSettings, |call| {
            Box::pin(credentials(call))
        })
        .says(
            "Tries credentials at the provider, and stores good ones",
            "The first step of a full reading is made and nothing of it is kept. What is refused is stored only with \
             `force`. Keys that are not given stay as they are.",
        )
        .body::<CredentialsGiven>()
        .gives::<CredentialsTried>(200, "what the provider said"),
        Route::post("/v1/connections/{connection}/approver-link", "make_approver_link", Need::ChangeSettings, |call| {
            Box::pin(approver_link(call))
        })
        .says(
            "Makes a link for an approver who is not the asker",
            "Whoever opens it sees what will be read and who asked, and can link or give credentials there. It ends with \
             its time, and with every change of the settings.",
        )
        .body::<ApproverWish>()
        .body_optional()
        .gives::<ApproverLink>(201, "the address to send to the approver"),
    ]
}

/// The use case over the call's world.
fn linker<'a, W: World>(world: &'a W, by: &'a str) -> Linker<'a, W::Table, W::Secrets, W::Web, W::Clock> {
    Linker {
        table: world.table(),
        secrets: world.secrets(),
        web: world.web(),
        clock: world.clock(),
        base_urls: world.config().base_urls,
        by,
    }
}

/// The caller, as settings' versions name who saved them.
fn who<W: World>(call: Call<'_, W>) -> String {
    format!("{}:{}", call.caller.role.as_str(), call.caller.user)
}

/// A name that nobody guesses.
fn drawn<W: World>(world: &W) -> String {
    world.random()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn target(connection: &Connection) -> String {
    format!("connection/{}", connection.id)
}

async fn consent<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    Ok(Reply::json(200, &ConsentShown::of(Consent::of(&connection)?)))
}

async fn start<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: LinkStart = optional(call)?;
    let redirect_url = checked_redirect(wish.redirect_url.as_deref())?;
    let email = address(wish.email.as_deref())?;
    let connection = call.connection().await?;
    let organization = organization(call, &connection, wish.organization_name.as_deref()).await?;
    let id = drawn(call.world);
    call.audit("link.started", &target(&connection), None, Some(json!({"link": id}))).await?;
    let asker = call.caller.user.as_str();
    let wish = LinkWish { id: &id, asker, organization: &organization, email, redirect_url };
    let opened = linker(call.world, &who(call)).start(&connection, wish).await?;
    Ok(Reply::json(201, &link_shown(id, opened)).shown_once(&["url", "token"]))
}

fn link_shown(link_id: String, opened: LinkOpened) -> LinkShown {
    let LinkOpened { url, token, expires_ms, finish_ms, brings } = opened;
    LinkShown {
        link_id,
        url: url.map(|url| url.reveal().to_owned()),
        token: token.map(|token| token.reveal().to_owned()),
        expires_at: shown(expires_ms),
        finish_by: shown(finish_ms),
        brings: brings.map(str::to_owned),
    }
}

async fn finish<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let end: LinkEnd = optional(call)?;
    let given = end.given()?;
    let connection = call.connection().await?;
    let id = call.path("link");
    if !is_drawn(id) {
        return Err(Problem::not_found());
    }
    call.audit("link.finished", &target(&connection), None, Some(json!({"link": id}))).await?;
    let after = linker(call.world, &who(call)).finish(&connection, id, &call.caller.user, given).await?;
    Ok(Reply::json(200, &LinkedShown::of(&after)?).etag(after.settings_version))
}

fn is_drawn(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

async fn credentials<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let given: CredentialsGiven = call.body()?;
    let connection = call.connection().await?;
    let keys: Vec<&String> = given.credentials.keys().chain(given.provider.keys()).collect();
    let told = json!({"keys": keys, "force": given.force});
    call.audit("credentials.given", &target(&connection), None, Some(told)).await?;
    let CredentialsGiven { credentials, provider, force } = given;
    let tried = linker(call.world, &who(call)).try_credentials(&connection, provider, credentials, force).await?;
    let after = tried.stored.as_ref().unwrap_or(&connection);
    let answer = CredentialsTried {
        said: word_of(tried.said).to_owned(),
        detail: tried.words,
        stored: tried.stored.is_some(),
        connection: LinkedShown::of(after)?,
    };
    Ok(Reply::json(200, &answer).etag(after.settings_version))
}

fn word_of(said: Said) -> &'static str {
    match said {
        Said::Good => "good",
        Said::Unauthorized => "unauthorized",
        Said::Forbidden => "forbidden",
        Said::NotNow => "not_now",
        Said::Refused => "refused",
    }
}

async fn approver_link<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: ApproverWish = optional(call)?;
    let email = address(wish.email.as_deref())?;
    let days = wish.days.unwrap_or(USUAL_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::invalid("days", format!("days: must be 1 to {MOST_DAYS}")));
    }
    let connection = call.connection().await?;
    let Some(public_url) = call.public_url() else {
        return Err(Problem::conflict(
            "no_public_url",
            "an operator must set MUSTER_PUBLIC_URL: where this API is reached",
        ));
    };
    let expires_ms = call.now_ms() + i64::from(days) * DAY_MS;
    let id = drawn(call.world);
    call.audit("approver.asked", &target(&connection), None, Some(json!({"approval": id, "days": days}))).await?;
    let asked = (call.caller.user.as_str(), email);
    let token = ask_approver(call.world.table(), &connection, asked, &id, expires_ms).await?;
    let answer = ApproverLink { url: Some(format!("{public_url}/consents/{token}")), expires_at: shown(expires_ms) };
    Ok(Reply::json(201, &answer).shown_once(&["url"]))
}

/// The customer's name for the provider's pages: as given, or as the account is called.
async fn organization<W: World>(
    call: Call<'_, W>,
    connection: &Connection,
    given: Option<&str>,
) -> Result<String, Problem> {
    if let Some(name) = given.map(str::trim).filter(|name| !name.is_empty()) {
        if name.chars().count() > 200 || name.chars().any(char::is_control) {
            let detail = "organization_name: at most 200 characters, none of them a control character";
            return Err(Problem::invalid("organization_name", detail));
        }
        return Ok(name.to_owned());
    }
    let terms = account_terms(call.world.table(), &connection.account).await?;
    let name = terms.map(|(terms, _)| terms.name).filter(|name| !name.trim().is_empty());
    Ok(name.unwrap_or_else(|| connection.account.to_string()))
}

/// The body, or what its absence means.
fn optional<W: World, T: serde::de::DeserializeOwned + Default>(call: Call<'_, W>) -> Result<T, Problem> {
    if call.request.body.is_empty() { Ok(T::default()) } else { call.body() }
}

impl From<NotLinked> for Problem {
    fn from(error: NotLinked) -> Self {
        use muster_connectors::FaultKind::{Failing, NotReady, Throttled};
        let detail = error.to_string();
        match error {
            NotLinked::NoFlow(_) => Self::conflict("no_link_flow", detail),
            NotLinked::Files => Self::conflict("nothing_to_link", detail),
            NotLinked::Off => Self::conflict("switched_off", detail),
            NotLinked::NotSetUp { .. } => Self::conflict("not_set_up", detail),
            NotLinked::NoSuchFlow => Self::not_found(),
            NotLinked::Used => Self::conflict("link_used", detail),
            NotLinked::Changed => Self::conflict("settings_changed", detail),
            NotLinked::Missing(key) => Self::invalid(key, detail),
            NotLinked::Provider(fault) => match fault.kind {
                NotReady => Self::conflict("not_finished", detail),
                Throttled | Failing => Self::new(503, "provider_failing", detail),
                _ => Self::conflict("provider_refused", detail),
            },
            NotLinked::NotSaved(error) => error.into(),
            NotLinked::Port(error) => error.into(),
        }
    }
}

impl From<NoApproval> for Problem {
    fn from(error: NoApproval) -> Self {
        match error {
            NoApproval::Port(error) => error.into(),
            error => Self::conflict("no_approval", error.to_string()),
        }
    }
}
