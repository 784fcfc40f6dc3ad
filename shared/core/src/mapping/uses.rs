//! What an expression refers to, and whether all of it is offered.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::settings::words;

/// How deep brackets and operators may be nested: evaluation recurses as deep.
pub(super) const DEEPEST: usize = 24;
/// How many macros may stand in one another: each multiplies the time that a record takes.
const MOST_MACROS: usize = 2;
pub(super) const TOO_DEEP: &str = "is nested too deeply; write it shorter";

/// What an expression may call: the standard library and the standard string extension.
#[rustfmt::skip]
const FUNCTIONS: [&str; 26] = [
    "trim", "split", "join", "lowerAscii", "upperAscii", "replace", "substring", "indexOf", "lastIndexOf", "charAt",
    "reverse", "format", "strings.quote", "quote", "size", "contains", "startsWith", "endsWith", "string", "int",
    "uint", "double", "bool", "bytes", "type", "dyn",
];
#[rustfmt::skip]
const TYPES: [&str; 10] = ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "type", "null_type"];

/// What a kind of expression may name and call beside the standard functions.
pub(crate) struct Offer {
    /// The variable whose members are named: `row`, `person`.
    pub(crate) record: &'static str,
    /// Further variables.
    pub(crate) variables: &'static [&'static str],
    /// Further functions.
    pub(crate) functions: &'static [&'static str],
    /// How to name things, for whoever named something else.
    pub(crate) hint: &'static str,
}

/// What an expression refers to.
pub(crate) struct Uses {
    offer: &'static Offer,
    /// Columns by name that must be there.
    pub(crate) needed: BTreeSet<String>,
    /// Columns by name whose presence is asked first.
    pub(crate) asked: BTreeSet<String>,
    /// Whether it goes over the whole row.
    pub(crate) whole: bool,
    /// How deep the visit is in the tree.
    depth: usize,
    /// How many macros are around it.
    macros: usize,
    pub(super) wrong: Option<String>,
}

impl Uses {
    pub(super) fn new(offer: &'static Offer) -> Self {
        let (needed, asked) = Default::default();
        Self { offer, needed, asked, whole: false, depth: 0, macros: 0, wrong: None }
    }

    /// Visits an expression; `local` holds the variables of the macros around it.
    pub(super) fn visit(&mut self, expression: &IdedExpr, local: &mut Vec<String>) {
        self.depth += 1;
        if self.depth > DEEPEST {
            self.refuse(TOO_DEEP.to_owned());
        } else {
            self.look_into(expression, local);
        }
        self.depth -= 1;
    }

    fn look_into(&mut self, expression: &IdedExpr, local: &mut Vec<String>) {
        match &expression.expr {
            Expr::Ident(name) => self.ident(name, local),
            Expr::Select(select) if self.is_record(&select.operand) => {
                let column = select.field.clone();
                if select.test {
                    self.asked.insert(column)
                } else {
                    self.needed.insert(column)
                };
            }
            Expr::Select(select) => self.visit(&select.operand, local),
            Expr::Call(call) => self.call(call, local),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, local),
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element, local)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr, local)),
            Expr::Struct(built) => {
                self.refuse(format!("builds a {:?}, which is not offered", built.type_name));
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn ident(&mut self, name: &str, local: &[String]) {
        if name == self.offer.record {
            self.whole = true;
        } else if !local.iter().any(|known| known == name)
            && !TYPES.contains(&name)
            && !self.offer.variables.contains(&name)
        {
            self.refuse(format!("names {name:?}; {}", self.offer.hint));
        }
    }

    fn call(&mut self, call: &CallExpr, local: &mut Vec<String>) {
        let name = call.func_name.as_str();
        match call.args.as_slice() {
            [row, key] if name == operators::INDEX && self.is_record(row) => {
                return self.column(key, false, local);
            }
            [key, row] if name == operators::IN && self.is_record(row) => {
                return self.column(key, true, local);
            }
            _ => {}
        }
        let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_word && !FUNCTIONS.contains(&name) && !self.offer.functions.contains(&name) {
            let hint = words::hint(name, FUNCTIONS.iter().chain(self.offer.functions).copied());
            self.refuse(format!("calls {name}(), which is not offered{hint}"));
        }
        if let Some(target) = &call.target
            && !matches!(&target.expr, Expr::Ident(name) if name == "strings")
        {
            self.visit(target, local);
        }
        call.args.iter().for_each(|argument| self.visit(argument, local));
    }

    fn column(&mut self, key: &IdedExpr, asked: bool, local: &mut Vec<String>) {
        match &key.expr {
            Expr::Literal(LiteralValue::String(name)) => {
                let column = name.inner().to_string();
                if asked {
                    self.asked.insert(column)
                } else {
                    self.needed.insert(column)
                };
            }
            _ => {
                self.whole = true;
                self.visit(key, local);
            }
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr, local: &mut Vec<String>) {
        self.visit(&comprehension.iter_range, local);
        self.macros += 1;
        if self.macros > MOST_MACROS {
            self.refuse("has a macro (map, filter, all, exists …) inside two others; write it flatter".to_owned());
        }
        let before = local.len();
        local.push(comprehension.iter_var.clone());
        local.extend(comprehension.iter_var2.clone());
        local.push(comprehension.accu_var.clone());
        let parts =
            [&comprehension.accu_init, &comprehension.loop_cond, &comprehension.loop_step, &comprehension.result];
        parts.into_iter().for_each(|part| self.visit(part, local));
        local.truncate(before);
        self.macros -= 1;
    }

    fn entry(&mut self, entry: &EntryExpr, local: &mut Vec<String>) {
        match entry {
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key, local);
                self.visit(&entry.value, local);
            }
            EntryExpr::StructField(field) => self.visit(&field.value, local),
        }
    }

    fn is_record(&self, expression: &IdedExpr) -> bool {
        matches!(&expression.expr, Expr::Ident(name) if name == self.offer.record)
    }

    fn refuse(&mut self, message: String) {
        self.wrong.get_or_insert(message);
    }
}
