//! The end of items that name a person.

use muster_core::format::{self, Format};
use muster_core::ids::{AccountId, ConnectionId, UniqueId};
use muster_sync::{Erasing, Page, PersonMark, PlanRef, PortError, Run};

use super::Table;
use super::commit::run_item_key;
use crate::expression::Expression;
use crate::fault::{failed, unreadable};
use crate::items::{Item, connection_pk, json, key, n, read_json, read_text, readable, recipient_key, run_from, s};

type Answer<T> = Result<T, PortError>;

const LIST: &str = "list what may name a person";
/// What the places of marks begin with.
const MARKS: &str = "PERSON";

impl Erasing for Table {
    async fn delete_recipient(&self, account: &AccountId, connection: &ConnectionId, id: &UniqueId) -> Answer<bool> {
        let key = recipient_key(account, connection, id.as_str());
        self.delete_known("delete a recipient", format::RECIPIENT, key).await
    }

    async fn runs_page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        single: bool,
        from: Option<&str>,
    ) -> Answer<Page<Run>> {
        let prefix = if single { "EVENT#" } else { "RUN#" };
        let page = self.page_of(&connection_pk(account.as_str(), connection.as_str()), prefix, from).await?;
        let items = page.items.iter().map(|item| run_from(account, connection, item)).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next })
    }

    async fn delete_run(&self, run: &Run) -> Answer<bool> {
        let unchanged =
            Expression::of(format::RUN).when_is("state", s(run.state.as_str())).when_is("fence", n(run.fence));
        self.delete("delete a run", run_item_key(run), unchanged).await
    }

    async fn put_plan(&self, run: &Run, plan: &PlanRef) -> Answer<bool> {
        const PUT: &str = "store the run's plan";
        let change = Expression::of(format::RUN)
            .set("plan", json(PUT, plan)?)
            .when_is("state", s(run.state.as_str()))
            .when_is("fence", n(run.fence));
        self.update(PUT, run_item_key(run), change).await
    }

    async fn marks_page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        from: Option<&str>,
    ) -> Answer<Page<(String, PersonMark)>> {
        let page = self.page_of(&connection_pk(account.as_str(), connection.as_str()), MARKS, from).await?;
        let mark = |item: &Item| -> Answer<(String, PersonMark)> {
            let mark = read_json(LIST, readable(LIST, format::MARK, item)?, "mark")?
                .ok_or_else(|| unreadable(LIST, "mark"))?;
            Ok((read_text(LIST, item, "sk")?, mark))
        };
        Ok(Page { items: page.items.iter().map(mark).collect::<Result<_, _>>()?, next: page.next })
    }

    async fn delete_mark(&self, account: &AccountId, connection: &ConnectionId, place: &str) -> Answer<bool> {
        const DELETE: &str = "delete a person's mark";
        if !place.starts_with(MARKS) {
            return Err(PortError::never(DELETE, format!("{MARKS} does not begin its place")));
        }
        let key = key(&connection_pk(account.as_str(), connection.as_str()), place);
        self.delete_known(DELETE, format::MARK, key).await
    }
}

impl Table {
    /// One page of the items under `pk` whose `sk` begins with `prefix`.
    async fn page_of(&self, pk: &str, prefix: &str, from: Option<&str>) -> Answer<Page<Item>> {
        let request = self.query(pk).key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)");
        let request = request.expression_attribute_names("#sk", "sk").expression_attribute_values(":prefix", s(prefix));
        let request = request.consistent_read(true).set_exclusive_start_key(from.map(|sk| key(pk, sk)));
        let page = request.send().await.map_err(|error| failed(LIST, &error))?;
        let next = page.last_evaluated_key.as_ref().map(|last| read_text(LIST, last, "sk")).transpose()?;
        Ok(Page { items: page.items.unwrap_or_default(), next })
    }

    /// Deletes an item that is there.
    async fn delete_known(&self, operation: &'static str, format: &'static Format, key: Item) -> Answer<bool> {
        self.delete(operation, key, Expression::of(format).when("attribute_exists(#pk)")).await
    }
}
