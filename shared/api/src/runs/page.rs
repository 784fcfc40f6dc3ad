//! The page that the mail of a held plan leads to. Looking at it changes nothing, however often and by whatever program;
//! only the form on it decides.

use muster_core::issue::Issue;
use muster_core::plan::{Outcome, Summary};
use muster_core::report::{Again, LONGEST_NAME, Report, SourceKind, decision_page, notice_page, page_policy};
use muster_sync::{
    BadLink, Cause, Connection, DecisionLink, Inspection, Ledger, NewEntry, PortError, Refused, Run, RunState,
    Standing, append_audit, inspect, prove_decision, read_link, settings_of,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::decide::{before, checked_reason, decider, target};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

const HTML: &str = "text/html; charset=utf-8";
const FORM: &str = "application/x-www-form-urlencoded";
const PATH: &str = "/decisions/{token}";

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    let page = |route: Route<W>| {
        route
            .gives_as::<String>(200, "a page", "text/html")
            .gives_as::<String>(404, "a page: the link is none of this installation's", "text/html")
            .gives_as::<String>(409, "a page: the plan is decided, or another one", "text/html")
            .gives_as::<String>(410, "a page: the link has expired", "text/html")
    };
    vec![
        page(Route::get(PATH, "show_decision", Need::Nobody, |call| Box::pin(show(call))))
            .says("Shows a held plan and asks what to do with it", "The link of the plan's mail. Changes nothing."),
        page(Route::post(PATH, "decide", Need::Nobody, |call| Box::pin(decide(call))))
            .says("Approves or rejects the plan of the link", "What the form of the page sends.")
            .body_as::<Form>(FORM)
            .gives_as::<String>(422, "the page again: something is missing in the form", "text/html"),
    ]
}

/// What the form of the page sends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    decision: Decision,
    /// Who decides.
    #[serde(default)]
    #[schemars(length(max = 100))]
    decided_by: String,
    /// Why; needed to reject.
    #[serde(default)]
    #[schemars(length(max = 500))]
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Approve,
    Reject,
}

/// A held plan that a link is about.
struct Held {
    connection: Connection,
    run: Run,
    hash: String,
}

/// What a link leads to.
enum Found {
    Held(Box<Held>),
    /// Nothing to decide (any more).
    Notice(Reply),
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    match find(call).await? {
        Found::Held(held) => form(call, &held, 200, Again::default()).await,
        Found::Notice(reply) => Ok(reply),
    }
}

async fn decide<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let form_sent: Form = serde_urlencoded::from_str(call.text()?)
        .map_err(|_| Problem::bad_request("the form must say `decision`, `decided_by` and, to reject, `reason`"))?;
    let link = match proved(call).await? {
        Ok(link) => link,
        Err(reply) => return Ok(reply),
    };
    let held = match standing(call, link, form_sent.decision).await? {
        Found::Held(held) => held,
        Found::Notice(reply) => return Ok(reply),
    };
    let name = form_sent.decided_by.trim();
    let problem = match form_sent.decision {
        _ if name.is_empty() || name.chars().count() > LONGEST_NAME => {
            Some("Say who you are, in at most 100 characters.")
        }
        Decision::Reject if checked_reason(&form_sent.reason).is_err() => {
            Some("Say why you reject the plan, in at most 500 characters.")
        }
        _ => None,
    };
    if problem.is_some() {
        let again = Again { problem, name, reason: &form_sent.reason };
        return form(call, &held, 422, again).await;
    }
    carry_out(call, &held, &form_sent, name).await
}

async fn carry_out<W: World>(call: Call<'_, W>, held: &Held, form: &Form, name: &str) -> Result<Reply, Problem> {
    let (ids, decider) = ((&held.run.account, &held.run.connection, &held.run.id), decider(call.world));
    let done = match form.decision {
        Decision::Approve => {
            let standing = match decider.may_approve(ids, &held.hash).await {
                Ok(standing) => standing,
                Err(refused) => return refusal(refused),
            };
            if standing == Standing::Open {
                let after = json!({"state": "applying", "hash": held.hash});
                audit(call, held, "run.approved", name, after).await?;
            }
            decider.approve(ids, &held.hash).await
        }
        Decision::Reject => {
            let reason = checked_reason(&form.reason)?;
            audit(call, held, "run.rejected", name, json!({"state": "rejected", "reason": reason})).await?;
            decider.reject(ids, reason).await
        }
    };
    match (done, form.decision) {
        (Ok(()), Decision::Approve) => Ok(approved()),
        (Ok(()), Decision::Reject) => Ok(rejected()),
        (Err(refused), _) => refusal(refused),
    }
}

/// Writes the decision into the account's chain: who holds the link of the mail, and the name they gave.
async fn audit<W: World>(
    call: Call<'_, W>,
    held: &Held,
    action: &str,
    name: &str,
    after: Value,
) -> Result<(), Problem> {
    let plain: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let entry = NewEntry {
        at_ms: call.now_ms(),
        by: format!("mail link:{plain}"),
        action: action.to_owned(),
        target: target(&held.run),
        before: before(&held.run),
        after: Some(after),
    };
    append_audit(call.world.table(), &held.run.account, entry).await?;
    Ok(())
}

fn refusal(refused: Refused) -> Result<Reply, Problem> {
    let text = match refused {
        Refused::Port(error) => return Err(error.into()),
        Refused::Unknown => return Ok(no_link()),
        Refused::Stale => {
            "The directory has changed since this plan was made. It is being made anew, and another mail will come."
        }
        Refused::Hash { .. } => "The plan is another one now. Decide by the newest mail.",
        Refused::Deleted => "The connection is deleted, so nothing of it changes any more.",
        Refused::State { .. } | Refused::Busy => {
            "Another run of this connection is being applied, or the plan was decided at this moment. Look again in a minute."
        }
    };
    Ok(notice(409, "Not carried out", text))
}

/// The token of the path, as far as its connection's key vouches for it.
async fn proved<W: World>(call: Call<'_, W>) -> Result<Result<(Connection, DecisionLink), Reply>, Problem> {
    let token = match read_link(call.path("token")) {
        Ok(token) => token,
        Err(newer @ BadLink::Newer) => return Ok(Err(notice(503, "Not yet", &newer.to_string()))),
        Err(_) => return Ok(Err(no_link())),
    };
    let (account, connection) = token.whose();
    let Some(connection) = call.world.table().connection(account, connection).await? else { return Ok(Err(no_link())) };
    Ok(match prove_decision(token, &connection, call.now_ms()) {
        Ok(link) => Ok((connection, link)),
        Err(BadLink::Expired) => Err(notice(
            410,
            "This link has expired",
            "A link decides for 7 days. Whoever signs in to the product can still decide about the plan.",
        )),
        Err(BadLink::Invalid | BadLink::NoKey | BadLink::Newer) => Err(no_link()),
    })
}

async fn find<W: World>(call: Call<'_, W>) -> Result<Found, Problem> {
    match proved(call).await? {
        Ok(link) => held_of(call, link).await,
        Err(reply) => Ok(Found::Notice(reply)),
    }
}

/// As for looking, but who sends the same decision again is told that it was carried out.
async fn standing<W: World>(
    call: Call<'_, W>,
    link: (Connection, DecisionLink),
    decision: Decision,
) -> Result<Found, Problem> {
    let run = call.world.table().run(&link.0.account, &link.0.id, &link.1.run).await?;
    let same = run.as_ref().and_then(|run| run.plan.as_ref()).is_some_and(|plan| plan.hash == link.1.hash);
    match (run.map(|run| run.state), decision) {
        (Some(RunState::Applying | RunState::Applied), Decision::Approve) if same => Ok(Found::Notice(approved())),
        (Some(RunState::Rejected), Decision::Reject) if same => Ok(Found::Notice(rejected())),
        _ => held_of(call, link).await,
    }
}

async fn held_of<W: World>(call: Call<'_, W>, link: (Connection, DecisionLink)) -> Result<Found, Problem> {
    let (connection, DecisionLink { run, hash }) = link;
    let Some(run) = call.world.table().run(&connection.account, &connection.id, &run).await? else {
        return Ok(Found::Notice(no_link()));
    };
    let same = run.plan.as_ref().is_some_and(|plan| plan.hash == hash);
    Ok(match run.state {
        RunState::Held if same => Found::Held(Box::new(Held { connection, run, hash })),
        RunState::Held | RunState::Received => Found::Notice(notice(
            409,
            "The plan is another one now",
            "It was made anew since the mail was sent, or is being made anew. Decide by the newest mail.",
        )),
        state => Found::Notice(notice(409, "This plan is decided", decided(state))),
    })
}

fn decided(state: RunState) -> &'static str {
    match state {
        RunState::Applying => "It was approved and is being applied.",
        RunState::Applied => "It was approved and is applied.",
        RunState::Rejected => "It was rejected: nothing of it was applied.",
        RunState::Superseded => "A newer source took its place: nothing of it was applied.",
        RunState::Failed | RunState::Held | RunState::Received => "It came to an end without being applied.",
    }
}

async fn form<W: World>(call: Call<'_, W>, held: &Held, status: u16, again: Again<'_>) -> Result<Reply, Problem> {
    let found = inspect(call.world.objects(), held.run.clone()).await?;
    let Some(summary) = &found.summary else {
        return Ok(notice(
            409,
            "The plan is no longer kept",
            "It is older than 90 days. The next source makes a new one.",
        ));
    };
    let settings = settings_of(&held.connection)?;
    let report = Report { connection: &settings.name, group: &settings.group, ..report_of(held, &found, summary)? };
    Ok(html(status, decision_page(&report, &held.hash, again)))
}

/// The mail's own view of the plan, without findings one by one and without addresses.
fn report_of<'a>(held: &'a Held, found: &'a Inspection, summary: &'a Summary) -> Result<Report<'a>, PortError> {
    let run = &held.run;
    const NOBODY: &[String] = &[];
    const NOTHING: &[Issue] = &[];
    Ok(Report {
        account: run.account.as_str(),
        connection: "",
        connection_id: run.connection.as_str(),
        group: "",
        run: run.id.as_str(),
        source: &run.source,
        received: jiff::Timestamp::from_millisecond(run.received_ms).unwrap_or_default(),
        outcome: Outcome::Held,
        first_success: false,
        summary,
        top_issues: NOTHING,
        error_file: None,
        error_rows: found.issues.error_rows,
        decide: None,
        replaced_run: found.issues.replaces.as_deref(),
        failure: None,
        told: NOBODY,
        resent: false,
        rollback_of: match &run.cause {
            Cause::Rollback { run, .. } => Some(run.as_str()),
            _ => None,
        },
        from: if matches!(run.cause, Cause::Poll { .. }) { SourceKind::Provider } else { SourceKind::File },
        by_events: None,
    })
}

fn approved() -> Reply {
    notice(200, "Approved", "Exactly this plan is being applied, or is applied already. A mail tells when it is done.")
}

fn rejected() -> Reply {
    notice(200, "Rejected", "Nothing of this plan is applied.")
}

fn no_link() -> Reply {
    notice(
        404,
        "This link is not valid",
        "It is incomplete, was changed, or belongs to nothing here. Open the link of the mail as a whole.",
    )
}

fn notice(status: u16, title: &str, text: &str) -> Reply {
    html(status, notice_page(title, text))
}

fn html(status: u16, page: String) -> Reply {
    Reply::text(status, HTML, page)
        .header("content-security-policy", page_policy())
        .header("referrer-policy", "no-referrer")
        .header("x-frame-options", "DENY")
        .header("x-robots-tag", "noindex, nofollow")
}
