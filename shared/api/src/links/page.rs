//! What an approver's link leads to. Looking at a page starts nothing, however often and by whatever program; only its
//! forms do.

use std::collections::BTreeMap;

use muster_connectors::connector;
use muster_sync::{
    Approver, BadLink, Consent, LinkWish, NewEntry, NoApproval, NotLinked, NotSaved, Said, append_audit, approver,
    settings_of,
};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::html::{Asked, Form, Input, asking, notice};
use super::{drawn, linker, organization, target};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::time::shown;
use crate::world::World;

const FORM: &str = "application/x-www-form-urlencoded";
const PATH: &str = "/consents/{token}";
const BACK: &str = "/consents/return";
/// How long the browser remembers which link it came from, in seconds.
const REMEMBERED: u32 = 24 * 3_600;
const COOKIE: &str = "muster_consent";
/// What a provider's page may hand over.
const BROUGHT: [&str; 2] = ["code", "public_token"];
/// The longest value of a form.
const LONGEST: usize = 4_096;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    let page = |route: Route<W>| {
        route
            .gives_as::<String>(200, "a page", "text/html")
            .gives_as::<String>(404, "a page: the link is none of this installation's", "text/html")
            .gives_as::<String>(409, "a page: it does not fit how things stand", "text/html")
            .gives_as::<String>(410, "a page: the link has expired", "text/html")
    };
    let post = |route: Route<W>| {
        page(route).body_as::<FormSent>(FORM).body_optional().gives_as::<String>(
            422,
            "the page again: something is missing in the form",
            "text/html",
        )
    };
    vec![
        page(Route::get(PATH, "show_approval", Need::Nobody, |call| Box::pin(show(call))))
            .says("Shows what a connection will read, and asks for it", "The approver's link. Starts nothing."),
        post(Route::post(PATH, "approve_consent", Need::Nobody, |call| Box::pin(agree(call))))
            .says("Starts the link, or tries credentials", "What the form of the page sends.")
            .gives_nothing(303, "to the provider's pages"),
        page(Route::get(BACK, "show_approval_return", Need::Nobody, |call| Box::pin(back(call)))).says(
            "Asks for the last step, after the provider's pages",
            "Where providers send the approver's browser back to: the address to register with them. Finishes nothing.",
        ),
        post(Route::post("/consents/{token}/finish", "finish_consent", Need::Nobody, |call| Box::pin(finish(call))))
            .says("Finishes the approver's link", "What the form of the page sends."),
    ]
}

/// What a form of the page sends, by the names of its inputs.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct FormSent(BTreeMap<String, String>);

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    match find(call, call.path("token")).await? {
        Ok(found) => asked(call, &found, 200, None, &[]),
        Err(reply) => Ok(reply),
    }
}

/// The last step is asked for: what the provider's page handed over goes into the form.
async fn back<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let cookies = call.header("cookie").unwrap_or_default().split(';');
    let mut named = cookies.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let Some(token) = named.next() else {
        let text = "Open the link that you were sent once more in this browser, and go on from there.";
        return Ok(notice(409, "Where did you come from?", text));
    };
    let given = values(&call.request.query, &BROUGHT)?;
    match find(call, token).await? {
        Ok(found) => asked(call, &found, 200, None, &given),
        Err(reply) => Ok(reply),
    }
}

async fn agree<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let found = match find(call, call.path("token")).await? {
        Ok(found) => found,
        Err(reply) => return Ok(reply),
    };
    let settings = settings_of(&found.connection)?;
    match connector(&settings.connector) {
        Some(api) if api.link().is_some() => start(call, &found).await,
        Some(_) => give(call, &found).await,
        None => Ok(nothing_to_do()),
    }
}

async fn start<W: World>(call: Call<'_, W>, found: &Approver) -> Result<Reply, Problem> {
    let id = drawn(call.world);
    audit(call, found, "link.started", json!({"link": id})).await?;
    let public_url = call.world.config().public_url.as_deref().unwrap_or_default();
    let redirect_url = if public_url.is_empty() { String::new() } else { format!("{public_url}{BACK}") };
    let organization = organization(call, &found.connection, None).await?;
    let (asker, redirect_url) = (&found.name(), redirect_url.as_str());
    let wish = LinkWish { id: &id, asker, organization: &organization, email: &found.email, redirect_url };
    let opened = match linker(call.world, asker).start(&found.connection, wish).await {
        Ok(opened) => opened,
        Err(refused) => return refusal(call, found, refused),
    };
    let local = call.world.config().base_urls;
    let fits = |url: &&str| url.starts_with("https://") || (local && url.starts_with("http://"));
    let Some(url) = opened.url.as_ref().map(|url| url.reveal()).filter(fits) else {
        let text = "The provider has no page of its own to link in. Whoever asked you must link another way.";
        return Ok(notice(409, "Not started", text));
    };
    found.started(call.world.table(), &id).await?;
    let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={}; Max-Age={REMEMBERED}; Path=/consents; HttpOnly; SameSite=Lax{secure}",
        call.path("token")
    );
    let redirect = Reply { status: 303, ..Reply::empty() };
    Ok(redirect.header("location", url).header("set-cookie", cookie).header("referrer-policy", "no-referrer"))
}

async fn give<W: World>(call: Call<'_, W>, found: &Approver) -> Result<Reply, Problem> {
    let inputs = inputs(found)?;
    let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
    let sent = values(call.text()?, &names)?;
    if sent.is_empty() {
        return asked(call, found, 422, Some("Give the credentials that are needed."), &[]);
    }
    let (mut provider, mut credentials) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in sent {
        let secret = inputs.iter().any(|input| input.name == name && input.secret);
        if secret {
            credentials.insert(name, value)
        } else {
            provider.insert(name, value)
        };
    }
    let keys: Vec<&String> = credentials.keys().chain(provider.keys()).collect();
    audit(call, found, "credentials.given", json!({"keys": keys})).await?;
    match linker(call.world, &found.name()).try_credentials(&found.connection, provider, credentials, false).await {
        Ok(tried) if tried.stored.is_some() => Ok(linked()),
        Ok(tried) => {
            let why = match tried.said {
                Said::NotNow => "The credentials could not be tried",
                _ => "The credentials were refused",
            };
            asked(call, found, 422, Some(&format!("{why}: {}", tried.words)), &[])
        }
        Err(refused) => refusal(call, found, refused),
    }
}

async fn finish<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let found = match find(call, call.path("token")).await? {
        Ok(found) => found,
        Err(reply) => return Ok(reply),
    };
    let given = values(call.text()?, &BROUGHT)?;
    let Some(flow) = &found.flow else {
        return asked(call, &found, 409, Some("Go to the provider's pages first."), &[]);
    };
    audit(call, &found, "link.finished", json!({"link": flow})).await?;
    let given = given.into_iter().collect();
    match linker(call.world, &found.name()).finish(&found.connection, flow, &found.name(), given).await {
        Ok(_) => Ok(linked()),
        Err(refused) => refusal(call, &found, refused),
    }
}

/// What a token lets its holder do now, or the page that says why nothing.
async fn find<W: World>(call: Call<'_, W>, token: &str) -> Result<Result<Approver, Reply>, Problem> {
    let refused = match approver(call.world.table(), token, call.now_ms()).await {
        Ok(found) => return Ok(Ok(found)),
        Err(refused) => refused,
    };
    let text = refused.to_string();
    Ok(Err(match refused {
        NoApproval::Port(error) => return Err(error.into()),
        NoApproval::Link(BadLink::Expired) => notice(410, "This link has expired", &text),
        NoApproval::Link(BadLink::Newer) => notice(503, "Not yet", &text),
        NoApproval::Link(_) => notice(404, "There is nothing here", &text),
        NoApproval::Linked => notice(409, "Nothing is left to do", &text),
        NoApproval::Changed => notice(409, "What would be read has changed", &text),
        NoApproval::Off => notice(409, "Nothing is left to do", &text),
    }))
}

fn asked<W: World>(
    call: Call<'_, W>,
    found: &Approver,
    status: u16,
    problem: Option<&str>,
    given: &[(String, String)],
) -> Result<Reply, Problem> {
    let settings = settings_of(&found.connection)?;
    let form = match connector(&settings.connector) {
        Some(api) if api.link().is_some() && !given.is_empty() => Form::Finish(given.to_vec()),
        Some(api) if api.link().is_some() => Form::Start,
        Some(_) => Form::Credentials(inputs(found)?),
        None => return Ok(nothing_to_do()),
    };
    let token = if call.path("token").is_empty() { back_token(call) } else { call.path("token") };
    let asked = Asked {
        by: found.asked_by.clone(),
        account: found.connection.account.to_string(),
        until: shown(found.expires_ms),
        consent: Consent::of(&found.connection)?,
        action: format!("/consents/{token}"),
        under_way: found.flow.is_some(),
        form,
    };
    Ok(asking(status, &asked, problem, call.world.config().base_urls))
}

/// The token of the browser's own memory.
fn back_token<'a, W: World>(call: Call<'a, W>) -> &'a str {
    let cookies = call.header("cookie").unwrap_or_default().split(';');
    cookies.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=')).next().unwrap_or_default()
}

/// The keys that a connection lacks, and its credentials.
fn inputs(found: &Approver) -> Result<Vec<Input>, Problem> {
    let settings = settings_of(&found.connection)?;
    let Some(api) = connector(&settings.connector) else { return Ok(Vec::new()) };
    let about = api.about();
    let lacks = about.provider.iter().filter(|key| key.needed && !settings.provider.contains_key(key.name));
    let lacks = lacks.map(|key| Input { name: key.name, help: key.help, needed: true, secret: false });
    let secrets = about.credentials.iter().filter(|key| key.name != "webhook_secret");
    let secrets = secrets.map(|key| Input { name: key.name, help: key.help, needed: key.needed, secret: true });
    Ok(lacks.chain(secrets).collect())
}

/// The values of a form or query under these names; empty ones are not there, others are not looked at.
fn values(text: &str, names: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(text).map_err(|_| Problem::bad_request("the form cannot be read"))?;
    if pairs.iter().any(|(_, value)| value.len() > LONGEST) {
        return Err(Problem::bad_request(format!("a value is longer than {LONGEST} bytes")));
    }
    Ok(pairs.into_iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.trim().is_empty()).collect())
}

fn refusal<W: World>(call: Call<'_, W>, found: &Approver, refused: NotLinked) -> Result<Reply, Problem> {
    let words = refused.to_string();
    match refused {
        NotLinked::Port(error) | NotLinked::NotSaved(NotSaved::Port(error)) => Err(error.into()),
        NotLinked::Missing(_) | NotLinked::NotSaved(_) => asked(call, found, 422, Some(&words), &[]),
        _ => asked(call, found, 409, Some(&words), &[]),
    }
}

fn linked() -> Reply {
    notice(
        200,
        "Thank you: the connection is linked",
        "Its people are read now, as you were shown. You can close this page.",
    )
}

fn nothing_to_do() -> Reply {
    notice(409, "Nothing is left to do", "This connection takes files: there is nothing to link.")
}

/// Writes into the account's chain who did it: whoever holds the link that somebody asked for.
async fn audit<W: World>(call: Call<'_, W>, found: &Approver, action: &str, after: Value) -> Result<(), Problem> {
    let entry = NewEntry {
        at_ms: call.now_ms(),
        by: format!("{} asked by {}", found.name(), found.asked_by),
        action: action.to_owned(),
        target: target(&found.connection),
        before: None,
        after: Some(after),
    };
    append_audit(call.world.table(), &found.connection.account, entry).await?;
    Ok(())
}
