//! The default catalogue. A product team renames, adds or drops flexible fields here and nowhere else.

use super::{FieldSpec, Kind};

const fn field(
    name: &'static str,
    label: &'static str,
    stored_as: &'static str,
    kind: Kind,
    max_chars: usize,
) -> FieldSpec {
    FieldSpec { name, label, stored_as, kind, flexible: false, dynamic: false, max_chars }
}

const fn dynamic(mut spec: FieldSpec) -> FieldSpec {
    spec.dynamic = true;
    spec
}

const fn flexible(mut spec: FieldSpec) -> FieldSpec {
    spec.flexible = true;
    spec.dynamic = true;
    spec
}

/// The recipient fields, in the order of reports.
pub const CATALOGUE: [FieldSpec; 33] = [
    field("unique_id", "Unique ID", "id", Kind::UniqueId, 256),
    field("first_name", "First name", "fn", Kind::Name, 100),
    field("last_name", "Last name", "ln", Kind::Name, 100),
    field("preferred_name", "Preferred name", "pn", Kind::Name, 100),
    field("email_1", "Email 1", "e1", Kind::Email, 254),
    field("email_2", "Email 2", "e2", Kind::Email, 254),
    field("text_1", "Text 1", "t1", Kind::Phone, 16),
    field("text_2", "Text 2", "t2", Kind::Phone, 16),
    field("voice_1", "Voice 1", "v1", Kind::Phone, 16),
    field("voice_2", "Voice 2", "v2", Kind::Phone, 16),
    field("voice_3", "Voice 3", "v3", Kind::Phone, 16),
    field("address_line_1", "Address line 1", "a1", Kind::Address, 200),
    field("address_line_2", "Address line 2", "a2", Kind::Address, 200),
    dynamic(field("city", "City", "ci", Kind::Text, 100)),
    dynamic(field("region", "Region", "rg", Kind::Text, 100)),
    dynamic(field("postal_code", "Postal code", "pc", Kind::Text, 20)),
    dynamic(field("country", "Country", "co", Kind::Country, 2)),
    field("raw_address", "Address", "ra", Kind::Address, 500),
    dynamic(field("preferred_language", "Preferred language", "la", Kind::Language, 35)),
    dynamic(field("employment_status", "Employment status", "st", Kind::Status, 20)),
    flexible(field("employee_type", "Employee type", "et", Kind::Text, 100)),
    flexible(field("job_title", "Job title", "jt", Kind::Text, 150)),
    flexible(field("department", "Department", "dp", Kind::Text, 150)),
    flexible(field("division", "Division", "dv", Kind::Text, 150)),
    flexible(field("cost_center", "Cost center", "cc", Kind::Text, 100)),
    flexible(field("location", "Location", "lo", Kind::Text, 150)),
    dynamic(field("manager_id", "Manager ID", "mi", Kind::Reference, 256)),
    dynamic(field("manager_name", "Manager name", "mn", Kind::Name, 200)),
    dynamic(field("manager_email", "Manager email", "me", Kind::Email, 254)),
    dynamic(field("start_date", "Start date", "sd", Kind::Date, 10)),
    dynamic(field("end_date", "End date", "ed", Kind::Date, 10)),
    flexible(field("custom_1", "Custom 1", "c1", Kind::Text, 255)),
    flexible(field("custom_2", "Custom 2", "c2", Kind::Text, 255)),
];
