//! Groups: a connection's own, and one for each value of its grouping fields.

pub(crate) mod shown;

use std::collections::BTreeSet;

use muster_core::ids::ConnectionId;
use muster_sync::{
    Connection, GroupShown as Group, Within, find_group, forget_group, group_page, set_group_visibility,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use self::shown::{GroupList, GroupShown, Visibility, shown};
use crate::call::Call;
use crate::caller::{Need, Role};
use crate::cursor;
use crate::people::{Looked, PersonList, found};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

const WHOSE: &str = "Editors see the groups that their token names, by id.";
const MADE: &str = "Groups are made, filled and emptied by their connections: the name of a connection's own group is changed with \
    the connection's settings, the other groups are called after the value that their members have.";

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    const ONE: &str = "/v1/groups/{group}";
    vec![
        Route::get("/v1/groups", "list_groups", Need::ReadGroups, |call| Box::pin(list(call)))
            .says("Lists the groups with their counts, connection by connection", WHOSE)
            .query::<ListGroups>()
            .gives::<GroupList>(200, "a page of groups"),
        Route::get(ONE, "show_group", Need::ReadGroups, |call| Box::pin(show(call)))
            .says("Shows a group", WHOSE)
            .gives::<GroupShown>(200, "the group"),
        Route::patch(ONE, "rename_group", Need::ChangeSettings, |call| Box::pin(rename(call)))
            .says("Says where the name of a group comes from", MADE)
            .body::<NameWish>()
            .gives::<GroupShown>(200, "the group, if that is its name already")
            .may(409, "`group_protected` or `group_of_value`: the connection makes the name"),
        Route::delete(ONE, "delete_group", Need::ChangeSettings, |call| Box::pin(delete(call)))
            .says(
                "Forgets the group of a value that nobody has any more",
                "A group with members stays, and so does a connection's own. One that was forgotten is made anew when \
                 its value appears again.",
            )
            .gives_nothing(204, "it is forgotten")
            .may(409, "`group_protected`: it is a connection's own; or `group_in_use`: somebody has its value"),
        Route::get("/v1/groups/{group}/members", "list_group_members", Need::ReadGroups, |call| {
            Box::pin(members(call))
        })
        .says(
            "Lists the members of a group, inactive ones too",
            "A page makes a bounded number of requests and so may be short, even empty, while `next` is not null. \
             Membership may lag a moment behind what was written.",
        )
        .query::<ListMembers>()
        .gives::<PersonList>(200, "a page of members"),
        Route::put("/v1/groups/{group}/visibility", "put_group_visibility", Need::ChangeSettings, |call| {
            Box::pin(put_visibility(call))
        })
        .says(
            "Decides whether a group is public or private, whatever the connection's settings say",
            "`If-Match` with the version that was read keeps two people from overwriting each other; without it the \
             newest word counts.",
        )
        .body::<VisibilityWish>()
        .gives::<GroupShown>(200, "the group as it is now")
        .may(412, "it was changed since it was read"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListGroups {
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListMembers {
    /// The most items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Who may see a group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VisibilityWish {
    visibility: Visibility,
}

/// What a group is to be called.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NameWish {
    /// Its name.
    #[schemars(length(min = 1, max = 200))]
    name: String,
}

/// An editor's groups; `None` for everybody else, who sees all.
fn only<'c, W: World>(call: &Call<'c, W>) -> Option<&'c BTreeSet<String>> {
    (call.caller.role == Role::Editor).then_some(&call.caller.groups)
}

/// The `{group}` of the path.
async fn one<W: World>(call: &Call<'_, W>) -> Result<(Group, Connection), Problem> {
    let id = call.path("group");
    if only(call).is_some_and(|groups| !groups.contains(id)) {
        return Err(Problem::not_found());
    }
    find_group(call.world.table(), &call.caller.account, id).await?.ok_or_else(Problem::not_found)
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListGroups = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: Option<String> = query.cursor.as_deref().map(cursor::read).transpose()?;
    let connection = |id: &String| ConnectionId::parse(id.split('.').next().unwrap_or_default()).is_ok();
    if from.as_ref().is_some_and(|from| !connection(from)) {
        return Err(cursor::foreign());
    }
    let page = group_page(call.world.table(), &call.caller.account, from.as_deref(), limit, only(&call)).await?;
    let next = page.next.as_ref().map(cursor::write);
    Ok(Reply::json(200, &GroupList { items: page.groups.iter().map(shown).collect(), next }))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (group, _) = one(&call).await?;
    Ok(Reply::json(200, &shown(&group)).etag(group.version))
}

async fn members<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListMembers = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let (group, connection) = one(&call).await?;
    let looked = Looked { filter: group.filter(), limit, cursor: query.cursor };
    found(call, Within::Connection(&connection), looked).await
}

async fn put_visibility<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: VisibilityWish = call.body()?;
    let (mut group, _) = one(&call).await?;
    if call.header("if-match").is_some() && call.if_match()? != group.version {
        return Err(Problem::stale());
    }
    let public = wish.visibility == Visibility::Public;
    let (before, after) = (json!({"public": group.public}), json!({"public": public}));
    call.audit("group.visibility", &format!("group/{}", group.id), Some(before), Some(after)).await?;
    if !set_group_visibility(call.world.table(), &call.caller.account, &group, public).await? {
        return Err(Problem::stale());
    }
    (group.public, group.version) = (public, group.version + 1);
    Ok(Reply::json(200, &shown(&group)).etag(group.version))
}

async fn rename<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: NameWish = call.body()?;
    let (group, _) = one(&call).await?;
    if wish.name == group.name {
        return Ok(Reply::json(200, &shown(&group)).etag(group.version));
    }
    Err(made_by_connection(&group))
}

async fn delete<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (group, connection) = one(&call).await?;
    if group.field.is_none() {
        return Err(made_by_connection(&group));
    }
    let in_use = || {
        let id = &connection.id;
        let detail = format!("people of the connection {id} have this value, or a plan of it is being written");
        Problem::conflict("group_in_use", detail)
    };
    if group.members > 0 || connection.active.is_some() {
        return Err(in_use());
    }
    call.audit("group.forgotten", &format!("group/{}", group.id), None, None).await?;
    if forget_group(call.world.table(), (&group, &connection)).await? { Ok(Reply::empty()) } else { Err(in_use()) }
}

fn made_by_connection(group: &Group) -> Problem {
    let connection = &group.connection;
    match group.field {
        None => Problem::conflict(
            "group_protected",
            format!(
                "this group is the connection {connection}'s own: rename it in that connection's settings; it lives as \
                 long as the connection"
            ),
        ),
        Some(field) => Problem::conflict(
            "group_of_value",
            format!("this group is made of the {field:?} of the connection {connection}'s people, and follows it"),
        ),
    }
}
