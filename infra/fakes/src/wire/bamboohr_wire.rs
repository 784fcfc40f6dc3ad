//! The values of a person under the field names of `BambooHR`.

use serde_json::{Value, json};

use crate::{person::Person, provider::Provider};

/// What old endpoints write for a date that is empty.
const NO_DATE: &str = "0000-00-00";

/// Fields of the directory, with their types and labels.
pub(crate) const DIRECTORY: &[(&str, &str, &str)] = &[
    ("displayName", "text", "Display name"),
    ("firstName", "text", "First name"),
    ("lastName", "text", "Last name"),
    ("preferredName", "text", "Preferred name"),
    ("jobTitle", "list", "Job title"),
    ("mobilePhone", "text", "Mobile Phone"),
    ("workEmail", "email", "Work Email"),
    ("department", "list", "Department"),
    ("division", "list", "Division"),
    ("location", "list", "Location"),
    ("supervisor", "employee", "Supervisor"),
];

/// `Active` or `Inactive`; an unknown status as it stands.
pub(crate) fn status(person: &Person) -> &str {
    match person.status() {
        "active" | "leave" => "Active",
        "inactive" | "pending" | "onboarding" | "prehire" | "terminated" | "retired" | "deceased" => "Inactive",
        other => other,
    }
}

/// The free text of the employment status.
fn employment_status(person: &Person) -> &str {
    match person.status() {
        "active" => "Full-Time",
        "leave" => "Leave of Absence",
        "inactive" => "Suspended",
        "pending" | "onboarding" | "prehire" => "Future Hire",
        "terminated" => "Terminated",
        "retired" => "Retired",
        "deceased" => "Deceased",
        other => other,
    }
}

/// The field's name of our own for one of theirs, for what may not be seen.
fn own_name(field: &str) -> &str {
    match field {
        "mobilePhone" => "mobile_phone",
        "workEmail" | "bestEmail" => "work_email",
        "homeEmail" => "personal_email",
        "jobTitle" | "jobTitleName" => "title",
        "department" | "departmentName" => "department",
        "address1" | "address2" | "city" | "state" | "zipcode" | "country" => "address",
        field => field,
    }
}

/// Whether a field may not be seen now.
pub(crate) fn is_forbidden(provider: &Provider, field: &str) -> bool {
    provider.forbidden().is_some_and(|forbidden| forbidden == field || own_name(field) == forbidden)
}

/// The value of a field on old endpoints: empty dates are zeros. `None` for a field that there is not.
pub(crate) fn old_value(provider: &Provider, person: &Person, field: &str) -> Option<Value> {
    let value = value(provider, person, field)?;
    let is_date = matches!(field, "hireDate" | "originalHireDate" | "terminationDate");
    Some(if is_date && value.is_null() { json!(NO_DATE) } else { value })
}

/// The value of a field; null where it is empty, `None` for a field that there is not.
pub(crate) fn value(provider: &Provider, person: &Person, field: &str) -> Option<Value> {
    let manager = || provider.person(person.manager_id.as_deref()?);
    let part = |part: fn(&crate::person::Address) -> &Option<String>| {
        json!(person.address.as_ref().and_then(|a| part(a).clone()))
    };
    Some(match field {
        "id" | "employeeId" | "eeid" => json!(person.id),
        "employeeNumber" => json!(person.employee_number),
        "firstName" => json!(person.first_name),
        "middleName" => json!(person.middle_name),
        "lastName" => json!(person.last_name),
        "preferredName" => json!(person.preferred_name),
        "displayName" | "fullName1" => json!(person.full_name()),
        "workEmail" => json!(person.work_email),
        "bestEmail" => json!(person.work_email.as_ref().or(person.personal_email.as_ref())),
        "homeEmail" => json!(person.personal_email),
        "mobilePhone" => json!(person.mobile_phone),
        "workPhone" | "homePhone" | "photoUrl" | "workPhoneExtension" | "birthDate" => Value::Null,
        "jobTitle" | "jobTitleName" => json!(person.title),
        "department" | "departmentName" => json!(person.department),
        "division" | "divisionName" => json!(person.division),
        "location" | "locationName" => json!(person.location),
        "hireDate" | "originalHireDate" => json!(person.start_date),
        "terminationDate" => json!(person.end_date),
        "status" => json!(status(person)),
        "employmentStatus" | "employmentStatusName" | "employmentHistoryStatus" => json!(employment_status(person)),
        "supervisor" | "reportsTo" | "reportsToName" => json!(manager().map(Person::full_name)),
        "supervisorEId" | "supervisorId" | "reportsToId" => json!(person.manager_id),
        "supervisorEmail" => json!(manager().and_then(|manager| manager.work_email.clone())),
        "address1" => part(|a| &a.line1),
        "address2" => part(|a| &a.line2),
        "city" => part(|a| &a.city),
        "state" => part(|a| &a.state),
        "zipcode" => part(|a| &a.postal_code),
        "country" => part(|a| &a.country),
        "lastChanged" => json!(crate::clock::iso_offset(person.updated_at)),
        custom => person.custom.get(custom)?.clone(),
    })
}
