//! Segments: a saved filter over recipients, as a CEL expression.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, ExecutionError, Program, Value as Cel};
use jiff::ToSpan;
use jiff::civil::Date;

use crate::field::Field;
use crate::mapping::ExpressionError;
use crate::mapping::expression::{compiled, context, executed};
use crate::mapping::uses::Offer;
use crate::recipient::{Recipient, Value, Values};
use crate::status::Status;

/// What a filter may name.
const PERSON: Offer = Offer {
    record: "person",
    variables: &["status", "connection"],
    functions: &["today", "days_ago", "days_from_now"],
    hint: "a filter has person.<field>, status and connection",
};

/// The most days that a relative date may lie away.
const MOST_DAYS: i64 = 36_600;

/// A compiled filter: an expression over one recipient that is true or false.
///
/// `person.<field>` is every dynamic field of the catalogue: text (`""` where there is no value), or a list where the
/// field has several values. `status` is `"active"` or `"inactive"`, `connection` the id of the connection that owns the
/// person. `today()`, `days_ago(n)` and `days_from_now(n)` are dates such as `"2026-11-23"`, in UTC, comparable with the
/// date fields. Operators, macros and functions are those of [`crate::mapping::Expression`].
pub struct Filter {
    program: Program,
    fields: Vec<Field>,
}

impl Filter {
    /// Compiles a filter of at most 4096 bytes.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be parsed, names or calls what is not offered, names a field that segments may
    /// not be driven by, or gives anything but true or false.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let (program, uses) = compiled(source, &PERSON)?;
        if let Some(name) = uses.asked.first() {
            dynamic(name)?;
            return Err(ExpressionError::new(format!(
                "asks whether person has {name:?}; every field is there, so write person.{name} != \"\""
            )));
        }
        if uses.whole {
            return Err(ExpressionError::new("takes person as a whole; name a field, as in person.department"));
        }
        let fields = uses.needed.iter().map(|name| dynamic(name)).collect::<Result<_, _>>()?;
        let filter = Self { program, fields };
        filter.refuse_other_results()?;
        Ok(filter)
    }

    /// Whether the person is in the segment on that day (in UTC).
    ///
    /// # Errors
    /// Why the filter cannot be decided for this person, without their values.
    pub fn matches(&self, person: &Recipient, connection: &str, today: Date) -> Result<bool, String> {
        match self.result(person, connection, today)? {
            Cel::Bool(is_in) => Ok(is_in),
            other => Err(kind(&other)),
        }
    }

    fn result(&self, person: &Recipient, connection: &str, today: Date) -> Result<Cel, String> {
        let mut context = context();
        add_dates(&mut context, today).map_err(|_| "has no calendar".to_owned())?;
        let fields = self.fields.iter().map(|field| (Key::from(field.name()), shown(person, *field)));
        let fields: HashMap<Key, Cel> = fields.collect();
        context.add_variable_from_value("person", Cel::Map(Map { map: Arc::new(fields) }));
        context.add_variable_from_value("status", person.status.as_str());
        context.add_variable_from_value("connection", connection);
        executed(&self.program, &context)
    }

    /// A result of another kind shows on anybody; what fails on nobody in particular may work on others.
    fn refuse_other_results(&self) -> Result<(), ExpressionError> {
        let Ok(unique_id) = crate::ids::UniqueId::parse("nobody") else { return Ok(()) };
        let nobody = Recipient { unique_id, status: Status::Active, values: Values::new() };
        match self.result(&nobody, "", Date::constant(2024, 2, 29)) {
            Ok(Cel::Bool(_)) | Err(_) => Ok(()),
            Ok(other) => Err(ExpressionError::new(kind(&other))),
        }
    }
}

fn kind(value: &Cel) -> String {
    format!("gives a {:?}, not true or false", value.type_of()).to_lowercase()
}

/// The field of that name, if segments may be driven by it.
fn dynamic(name: &str) -> Result<Field, ExpressionError> {
    let names = || Field::all().filter(|field| field.spec().dynamic).map(Field::name);
    match Field::by_name(name) {
        Some(field) if field.spec().dynamic => Ok(field),
        Some(field) => Err(ExpressionError::new(format!(
            "names person.{name}; {} is no dynamic field: names, ids, contact channels and street lines drive no segments",
            field.spec().label
        ))),
        None => {
            let hint = crate::settings::words::hint(name, names());
            Err(ExpressionError::new(format!("names person.{name}, which is no field{hint}")))
        }
    }
}

fn shown(person: &Recipient, field: Field) -> Cel {
    if field == Field::EMPLOYMENT_STATUS {
        return Cel::from(person.status.as_str());
    }
    match person.values.get(&field) {
        None => Cel::from(""),
        Some(Value::One(text)) => Cel::from(text.as_str()),
        Some(Value::Many(texts)) => Cel::List(Arc::new(texts.iter().map(|text| Cel::from(text.as_str())).collect())),
    }
}

fn add_dates(context: &mut Context<'_, '_>, today: Date) -> Result<(), cel::DeclarationError> {
    context.add_function("today", move || today.to_string())?;
    context.add_function("days_ago", move |days: i64| relative("days_ago", today, days.checked_neg()))?;
    context.add_function("days_from_now", move |days: i64| relative("days_from_now", today, Some(days)))
}

fn relative(function: &str, today: Date, days: Option<i64>) -> Result<Cel, ExecutionError> {
    let days = days.filter(|days| (-MOST_DAYS..=MOST_DAYS).contains(days));
    let date = days.and_then(|days| today.checked_add(days.days()).ok());
    let date = date.ok_or_else(|| ExecutionError::function_error(function, "too many days"))?;
    Ok(Cel::from(date.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UniqueId;

    const TODAY: Date = Date::constant(2026, 11, 23);

    fn person(values: &[(&str, &str)]) -> Recipient {
        let value = |(name, text): &(&str, &str)| {
            let texts: Vec<_> = text.split('|').map(str::to_owned).collect();
            let value = if texts.len() > 1 { Value::Many(texts) } else { Value::One((*text).to_owned()) };
            (Field::by_name(name).unwrap(), value)
        };
        let values = values.iter().map(value).collect();
        Recipient { unique_id: UniqueId::parse("1").unwrap(), status: Status::Active, values }
    }

    fn check(filter: &str, values: &[(&str, &str)], expected: bool) {
        let compiled = Filter::compile(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(compiled.matches(&person(values), "acme-payroll", TODAY), Ok(expected), "{filter}");
    }

    fn refused(filter: &str, part: &str) {
        let error = Filter::compile(filter).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(part), "{filter}: {error:?}");
    }

    #[test]
    fn relative_dates_compare_with_the_date_fields() {
        for (start, expected) in [("2026-10-24", true), ("2026-10-23", false), ("2026-11-23", true)] {
            check("person.start_date >= days_ago(30)", &[("start_date", start)], expected);
        }
        check("person.start_date >= days_ago(30)", &[], false);
        check("person.end_date != '' && person.end_date <= days_from_now(7)", &[("end_date", "2026-11-30")], true);
        check("person.end_date != '' && person.end_date <= days_from_now(7)", &[], false);
        check("today() == '2026-11-23' && days_ago(-1) == days_from_now(1)", &[], true);
    }

    #[test]
    fn teams_places_and_lists_can_be_asked_for() {
        check("person.manager_id == '0042'", &[("manager_id", "0042")], true);
        check("person.manager_email.lowerAscii() == 'bo@acme.io'", &[("manager_email", "Bo@acme.io")], true);
        check("person.city in ['Rome', 'Oslo']", &[("city", "Oslo")], true);
        check("'R&D' in person.department", &[("department", "Sales|R&D")], true);
        check("person.job_title.contains('Engineer') && person.cost_center.startsWith('4')", &[], false);
        check("status == 'active' && person.employment_status == status && connection == 'acme-payroll'", &[], true);
    }

    #[test]
    fn every_dynamic_field_is_there_and_no_other() {
        for field in Field::all() {
            let filter = format!("person.{} == ''", field.name());
            assert_eq!(Filter::compile(&filter).is_ok(), field.spec().dynamic, "{filter}");
        }
        refused("person.email_1 == 'a@acme.io'", "no dynamic field");
        refused("person['first_name'] == 'Ana'", "no dynamic field");
        refused("person.departmnt == 'Sales'", "department");
    }

    #[test]
    fn what_is_not_offered_is_refused_when_compiling() {
        refused("row.Dept == 'x'", "person.<field>");
        refused("persons.city == 'x'", "person.<field>");
        refused("now() > days_ago(1)", "not offered");
        refused("person == 'x'", "as a whole");
        refused("['city'].exists(f, person[f] == 'x')", "as a whole");
        refused("has(person.city)", "!= \"\"");
        refused("'city' in person", "!= \"\"");
        refused("person.city", "not true or false");
        refused("days_ago(3)", "not true or false");
        refused(&format!("{}true{}", "(".repeat(40), ")".repeat(40)), "deep");
        refused("", "empty");
        refused("person.city ==", "parsed");
    }

    #[test]
    fn what_fails_on_a_person_is_an_error_of_that_person_only() {
        let filter = Filter::compile("person.cost_center.charAt(3) == '7'").unwrap();
        assert_eq!(filter.matches(&person(&[("cost_center", "4447")]), "c", TODAY), Ok(true));
        assert!(filter.matches(&person(&[("cost_center", "4")]), "c", TODAY).is_err());
        for days in ["99999999", "-9223372036854775808"] {
            let filter = Filter::compile(&format!("person.start_date >= days_ago({days})")).unwrap();
            assert!(filter.matches(&person(&[]), "c", TODAY).is_err(), "{days}");
        }
    }
}
