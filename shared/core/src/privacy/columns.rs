//! Columns that are blocked by their name.

use unicode_normalization::UnicodeNormalization;

/// One reason and the names that give it. A name is one or several words; it is found where the
/// column's words, run together, are exactly the name's: `DateOfBirth`, `date_of_birth` and
/// `Dateofbirth` are one, but `Message` holds no `age`.
type Group = (&'static str, &'static [&'static str]);

#[rustfmt::skip]
const BLOCKED: [Group; 8] = [
    (
        "national ids are never stored",
        &[
            "ssn", "ssns", "social security", "soc sec", "social insurance number", "sin number", "sin no", "itin",
            "tax id", "tax identification", "tax identifier", "tax file number", "tfn", "taxpayer", "tax payer id",
            "national id", "national identity", "national identifier", "national identification",
            "national insurance", "ni number", "nino", "nhs number", "nhs no", "passport", "drivers license",
            "driver license", "driving license", "drivers licence", "driver licence", "driving licence",
            "license number dl", "aadhaar", "aadhar", "pan card", "pan number", "cpf", "curp", "rfc", "nif", "nie",
            "dni", "bsn", "burgerservicenummer", "pesel", "cnp", "nric", "hkid", "personnummer", "fodselsnummer",
            "cpr number", "codice fiscale", "steuer id", "steuernummer", "steueridentifikationsnummer",
            "sozialversicherungsnummer", "sv nummer", "numero de securite sociale", "securite sociale",
            "government id", "citizen id", "identity card", "id card number", "green card",
            "personal identity number",
        ],
    ),
    (
        "gender is never stored",
        &["gender", "genders", "sex", "transgender", "sexual orientation", "geschlecht", "genero", "sexo", "sexe"],
    ),
    (
        "ethnicity is never stored",
        &["ethnicity", "ethnicities", "ethnic", "race", "races", "racial", "national origin", "ethnie", "etnia"],
    ),
    (
        "birth dates and ages are never stored",
        &[
            "birth", "birthdate", "birthday", "birth day", "birthdays", "birthplace", "dob", "born", "age", "ages",
            "geburtsdatum", "geburtstag", "geboortedatum", "nacimiento", "naissance", "nascimento",
            "data di nascita",
        ],
    ),
    (
        "religion is never stored",
        &["religion", "religions", "religious", "faith", "creed", "denomination", "church tax", "konfession"],
    ),
    (
        "health data are never stored",
        &[
            "health", "healthcare plan", "medical", "disability", "disabilities", "disabled", "handicap",
            "handicapped", "illness", "diagnosis", "diagnoses", "pregnant", "pregnancy", "vaccination", "vaccinated",
            "vaccine", "immunization", "blood type", "blood group", "allergy", "allergies", "medication",
            "veteran disability", "schwerbehinderung", "schwerbehindert", "sick leave reason",
        ],
    ),
    (
        "marital status is never stored",
        &[
            "marital", "marriage", "married", "civil status", "civil state", "familienstand", "estado civil",
            "etat civil",
        ],
    ),
    (
        "bank and pay data are never stored",
        &[
            "bank", "iban", "bic", "swift", "swift code", "routing number", "routing no", "routing num", "routing",
            "aba number", "account number", "account no", "account num", "acct number", "acct no",
            "sort code", "direct deposit", "credit card", "debit card", "card number", "pay", "salary", "salaries",
            "wage", "wages", "compensation", "comp rate", "bonus", "bonuses", "earnings", "income", "remuneration",
            "hourly rate", "annual rate", "base rate", "gehalt", "lohn", "salario", "salaire", "stipendio",
            "garnishment", "401k",
        ],
    ),
];

/// Names that hold a blocked word and mean something else.
const HARMLESS: [&str; 21] = [
    "health and safety",
    "health safety",
    "health system",
    "health center",
    "health centre",
    "health unit",
    "health region",
    "health network",
    "health department",
    "account disabled",
    "user disabled",
    "login disabled",
    "disabled account",
    "is disabled",
    "mail routing",
    "pay pal",
    "pay roll",
    "pay group",
    "pay location",
    "bank holiday",
    "food bank",
];

/// What is never stored, for people: `national ids are never stored`.
pub fn blocked_kinds() -> impl Iterator<Item = &'static str> {
    BLOCKED.iter().map(|(reason, _)| *reason)
}

/// Why a column with this name is never stored, or `None`. Works by words, so `Essex`, `Usage`,
/// `Passenger` and `Account Manager` are not blocked.
pub fn blocked_column(name: &str) -> Option<&'static str> {
    let words = words(name);
    let mut harmless = vec![false; words.len()];
    for (from, length, run) in runs(&words) {
        if is_in(&run, &HARMLESS) {
            harmless[from..from + length].fill(true);
        }
    }
    runs(&words)
        .filter(|(from, length, _)| !harmless[*from..from + length].iter().all(|word| *word))
        .find_map(|(.., run)| BLOCKED.iter().find(|(_, names)| is_in(&run, names)).map(|(reason, _)| *reason))
}

fn is_in(run: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.bytes().filter(|byte| *byte != b' ').eq(run.bytes()))
}

/// Longer runs of words than the longest name need not be tried.
const LONGEST_RUN: usize = 5;

/// Every run of neighbouring words: its first word, how many, and the words run together.
fn runs(words: &[String]) -> impl Iterator<Item = (usize, usize, String)> {
    (1..=LONGEST_RUN.min(words.len()))
        .flat_map(move |length| words.windows(length).enumerate().map(move |(from, run)| (from, length, run.concat())))
}

/// The words of a name: split at everything but letters and digits, between letters and digits, and
/// where capitals show a new word (`birthDate`, `SSNNumber`); without accents, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    let kept = |c: &char| !unicode_normalization::char::is_combining_mark(*c) && !matches!(c, '\'' | '\u{2019}');
    let mut chars = name.nfkd().filter(kept).peekable();
    while let Some(c) = chars.next() {
        let next_is_small = chars.peek().is_some_and(|next| next.is_lowercase());
        let begins = !c.is_alphanumeric()
            || (c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small)))
            || (before.is_alphanumeric() && c.is_numeric() != before.is_numeric());
        if begins {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_columns_are_found_in_many_spellings() {
        let names = [
            "SSN",
            "ssn",
            "S.S.N.",
            "Employee SSN",
            "Social Security Number",
            "socialSecurityNumber",
            "SSN#",
            "Soc. Sec. No.",
            "National ID",
            "NationalId",
            "national_insurance_number",
            "Driver's License",
            "Passport No",
            "Gender",
            "Sex",
            "gender_identity",
            "Geschlecht",
            "Género",
            "Ethnicity",
            "Race",
            "Race/Ethnicity",
            "Birth Date",
            "BirthDate",
            "Birthdate",
            "DOB",
            "DoB",
            "Date of Birth",
            "date_of_birth",
            "Age",
            "Fecha de Nacimiento",
            "Religion",
            "Health Plan",
            "Disability Status",
            "Medical Notes",
            "Marital Status",
            "MaritalStatus",
            "Bank Name",
            "IBAN",
            "Account Number",
            "Acct No",
            "Routing Number",
            "Sort Code",
            "Salary",
            "Annual Salary",
            "Pay Rate",
            "Hourly Rate",
            "Base Pay",
            "Wage",
            "PAY_GRADE",
            "Bonus %",
            "SSNNumber",
            "SSN4",
            "EMPLOYEE_DOB",
            "Pay Group Salary",
        ];
        for name in names {
            assert!(blocked_column(name).is_some(), "{name}");
        }
    }

    #[test]
    fn columns_that_only_look_alike_are_not_blocked() {
        let names = [
            "Message",
            "Essex",
            "Passenger",
            "Page",
            "Usage",
            "Sexton",
            "Employee ID",
            "First Name",
            "Work Email",
            "Account Manager",
            "Acct Manager",
            "Account",
            "Banking Division",
            "Trace",
            "Racetrack",
            "Manager",
            "Language",
            "Package",
            "Payroll ID",
            "PayrollID",
            "Payer",
            "PayPal",
            "Pay Group",
            "Health & Safety Rep",
            "Health and Safety Officer",
            "Account Disabled",
            "Location",
            "Region",
            "Sine",
            "Swiftly",
            "Stage",
            "Cost Center",
            "Hire Date",
            "",
            "Image Url",
        ];
        for name in names {
            assert_eq!(blocked_column(name), None, "{name}");
        }
    }
}
