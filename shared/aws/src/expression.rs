//! Update expressions put together piece by piece. Every name goes through an alias, since so many
//! plain words are reserved.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use muster_core::format::{ATTRIBUTE, Format};

use crate::items::{Item, n};

/// What lets a write leave alone what a newer Muster wrote.
pub(crate) const NOT_NEWER: &str = "attribute_not_exists(#fv) OR #fv <= :fv";

/// One write of a transaction.
#[derive(Debug)]
pub(crate) struct Step {
    /// The form of its item.
    pub(crate) format: &'static Format,
    /// As the service takes it; shows the stored item when its condition does not hold.
    pub(crate) write: TransactWriteItem,
}

/// A conditional update of one item, or its deletion. Whatever is written says in which form it is, and nothing is
/// written over an item of a newer one.
#[derive(Debug)]
pub(crate) struct Expression {
    format: &'static Format,
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Expression {
    /// Of an item of this form.
    pub(crate) fn of(format: &'static Format) -> Self {
        let (names, values) = (HashMap::new(), Item::new());
        let empty = Self { format, set: vec![], add: vec![], remove: vec![], conditions: vec![], names, values };
        empty.value(ATTRIBUTE, n(format.version)).when(NOT_NEWER)
    }

    /// The form of the item.
    pub(crate) fn format(&self) -> &'static Format {
        self.format
    }

    /// Sets an attribute.
    pub(crate) fn set(mut self, name: &str, value: AttributeValue) -> Self {
        let alias = self.alias(name);
        self.set.push(format!("{alias} = :{name}"));
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// Sets an attribute, or removes it.
    pub(crate) fn set_or_remove(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    /// Sets an attribute to an expression in which names are written `#name` and values `:value`.
    pub(crate) fn set_to(mut self, name: &str, expression: &str) -> Self {
        self.learn(expression);
        let alias = self.alias(name);
        self.set.push(format!("{alias} = {expression}"));
        self
    }

    /// Adds to a number or a set.
    pub(crate) fn add(mut self, name: &str, value: AttributeValue) -> Self {
        let alias = self.alias(name);
        self.add.push(format!("{alias} :add_{name}"));
        self.values.insert(format!(":add_{name}"), value);
        self
    }

    /// Removes an attribute.
    pub(crate) fn remove(mut self, name: &str) -> Self {
        let alias = self.alias(name);
        self.remove.push(alias);
        self
    }

    /// A condition in which names are written `#name` and values `:value`; all conditions must hold.
    pub(crate) fn when(mut self, condition: &str) -> Self {
        self.learn(condition);
        self.conditions.push(format!("({condition})"));
        self
    }

    /// The condition that an attribute has this value.
    pub(crate) fn when_is(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":was_{name}"), value);
        self.when(&format!("#{name} = :was_{name}"))
    }

    /// A value that an expression or a condition names.
    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// Does something only if `yes`.
    pub(crate) fn also(self, yes: bool, then: impl FnOnce(Self) -> Self) -> Self {
        if yes { then(self) } else { self }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }

    /// As a request of its own that shows the stored item when the condition does not hold.
    pub(crate) fn on(self, request: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        request
            .update_expression(self.text())
            .set_condition_expression(self.condition())
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Only its conditions, for a deletion that shows the stored item when they do not hold.
    pub(crate) fn on_deletion(self, request: DeleteItemFluentBuilder) -> DeleteItemFluentBuilder {
        request
            .set_condition_expression(self.condition())
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// As a part of a transaction.
    #[expect(clippy::expect_used, reason = "key, table and expression are given")]
    pub(crate) fn within(self, table: &str, key: Item) -> Step {
        let format = self.format;
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(self.text())
            .set_condition_expression(self.condition())
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .expect("an update with key, table and expression");
        Step { format, write: TransactWriteItem::builder().update(update).build() }
    }

    fn text(&self) -> String {
        let set = [format!("#{ATTRIBUTE} = :{ATTRIBUTE}")].into_iter().chain(self.set.iter().cloned()).collect();
        [("SET", &set), ("ADD", &self.add), ("REMOVE", &self.remove)]
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn condition(&self) -> Option<String> {
        (!self.conditions.is_empty()).then(|| self.conditions.join(" AND "))
    }

    fn alias(&mut self, name: &str) -> String {
        let alias = format!("#{name}");
        self.names.insert(alias.clone(), name.to_owned());
        alias
    }

    fn learn(&mut self, expression: &str) {
        for part in expression.split('#').skip(1) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            self.alias(&part[..end]);
        }
    }
}
