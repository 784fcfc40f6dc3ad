//! How HR exports call the fields, the most telling names first.

/// A field, the type that its names mean (where it has one), and the names: lower-case words, a space between them.
/// A field may stand several times, once for each type.
pub(super) type Names = (&'static str, Option<&'static str>, &'static [&'static str]);

#[rustfmt::skip]
pub(super) const SYNONYMS: &[Names] = &[
    ("unique_id", None, &[
        "unique id", "employee id", "employee number", "employee no", "emp id", "emp no", "emp num", "emp number",
        "person id", "person number", "personnel number", "personnel id", "personnel no", "worker id",
        "associate id", "staff id", "staff number", "staff no", "badge", "badge id", "badge number", "badge no",
        "payroll number", "user id", "member id", "external id", "id", "number",
    ]),
    ("first_name", None, &["first name", "given name", "legal first name", "forename", "first", "fname"]),
    ("last_name", None, &["last name", "surname", "family name", "legal last name", "last", "lname"]),
    ("preferred_name", None, &[
        "preferred name", "preferred first name", "nickname", "known as", "goes by", "display name",
    ]),
    ("email_1", Some("Work"), &[
        "work email", "work email address", "business email", "company email", "corporate email", "office email",
        "email work",
    ]),
    ("email_1", None, &["email 1", "primary email", "email", "email address", "mail", "e mail", "e mail address"]),
    ("email_2", Some("Personal"), &["personal email", "personal email address", "private email", "email personal"]),
    ("email_2", Some("Home"), &["home email", "home email address", "email home"]),
    ("email_2", None, &["email 2", "secondary email", "alternate email", "other email"]),
    ("text_1", Some("Mobile"), &[
        "mobile", "mobile phone", "mobile number", "mobile phone number", "cell", "cell phone", "cell number",
        "cellphone", "personal mobile", "phone mobile", "sms", "mobile no",
    ]),
    ("text_1", None, &["text 1", "text number", "sms number"]),
    ("text_2", Some("Work"), &["work mobile", "work cell", "work cell phone", "business mobile", "company mobile"]),
    ("text_2", None, &["text 2", "mobile 2", "second mobile", "secondary mobile"]),
    ("voice_1", Some("Work"), &[
        "work phone", "work phone number", "office phone", "business phone", "phone work", "work telephone", "desk phone",
    ]),
    ("voice_1", None, &["voice 1", "phone", "phone number", "telephone", "telephone number", "primary phone", "tel"]),
    ("voice_2", Some("Home"), &["home phone", "home phone number", "phone home", "home telephone"]),
    ("voice_2", None, &["voice 2", "phone 2", "secondary phone", "alternate phone"]),
    ("voice_3", None, &["voice 3", "phone 3", "other phone"]),
    ("address_line_1", None, &[
        "address line 1", "address 1", "street", "street address", "street 1", "street line 1", "addr 1",
    ]),
    ("address_line_1", Some("Home"), &["home address line 1", "home street", "home address 1"]),
    ("address_line_2", None, &[
        "address line 2", "address 2", "street 2", "street line 2", "apartment", "suite", "unit", "addr 2",
    ]),
    ("address_line_2", Some("Home"), &["home address line 2", "home address 2"]),
    ("city", None, &["city", "town", "municipality"]),
    ("city", Some("Home"), &["home city"]),
    ("city", Some("Office"), &["work city", "office city"]),
    ("region", None, &["region", "state", "province", "state province", "county", "state or province"]),
    ("region", Some("Home"), &["home state"]),
    ("region", Some("Office"), &["work state"]),
    ("postal_code", None, &["postal code", "zip", "zip code", "zipcode", "postcode", "post code"]),
    ("postal_code", Some("Home"), &["home zip", "home postal code"]),
    ("country", None, &["country", "country code", "country name"]),
    ("country", Some("Office"), &["work country"]),
    ("raw_address", None, &["raw address", "address", "full address", "mailing address", "complete address"]),
    ("raw_address", Some("Home"), &["home address"]),
    ("preferred_language", None, &["preferred language", "language", "language code", "locale"]),
    ("employment_status", None, &[
        "employment status", "employee status", "emp status", "worker status", "status", "active status", "active",
        "status code", "hr status",
    ]),
    ("employee_type", None, &[
        "employee type", "employment type", "worker type", "emp type", "type", "contract type", "employee class",
    ]),
    ("job_title", None, &["job title", "title", "position", "position title", "job", "role", "business title"]),
    ("department", None, &["department", "dept", "department name", "dept name", "team", "org unit"]),
    ("division", None, &["division", "business unit", "division name", "bu", "line of business"]),
    ("cost_center", None, &["cost center", "cost centre", "cost center code", "cc", "cost center name"]),
    ("location", None, &[
        "location", "work location", "office", "site", "location name", "office location", "work site", "building",
        "facility", "campus",
    ]),
    ("manager_id", None, &[
        "manager id", "manager employee id", "supervisor id", "manager number", "reports to id", "reports to",
        "manager emp id", "manager unique id", "mgr id",
    ]),
    ("manager_name", None, &["manager name", "manager", "supervisor", "supervisor name", "line manager"]),
    ("manager_email", None, &["manager email", "supervisor email", "manager email address", "manager work email"]),
    ("start_date", None, &[
        "start date", "hire date", "date hired", "date of hire", "original hire date", "joining date", "date joined",
        "employment start date",
    ]),
    ("end_date", None, &[
        "end date", "termination date", "term date", "leave date", "date terminated", "last day", "last working day",
        "separation date",
    ]),
    ("custom_1", None, &["custom 1", "custom field 1"]),
    ("custom_2", None, &["custom 2", "custom field 2"]),
];
