//! A person as the 33 cells of a row.

use crate::data::{
    COUNTRIES, Country, DEPARTMENTS, FIRST, LAST, PREFERRED, SECOND_LINES, SHIFTS, SITES, TITLES, TYPES,
};
use crate::person::{Person, Status};
use crate::text::{push_id, push_number, push_pattern, push_phone};

/// The columns, in the order of the file and of the recipient fields of the catalogue.
pub const COLUMNS: [&str; 33] = [
    "Employee ID",
    "First Name",
    "Last Name",
    "Preferred Name",
    "Work Email",
    "Personal Email",
    "Mobile",
    "Mobile 2",
    "Work Phone",
    "Home Phone",
    "Other Phone",
    "Address 1",
    "Address 2",
    "City",
    "State",
    "Zip",
    "Country",
    "Full Address",
    "Language",
    "Status",
    "Type",
    "Title",
    "Dept",
    "Division",
    "Cost Center",
    "Site",
    "Manager ID",
    "Manager",
    "Manager Email",
    "Hire Date",
    "End Date",
    "Badge",
    "Shift",
];

/// Places of columns that are written specially.
pub(crate) mod at {
    pub(crate) const FIRST_NAME: usize = 1;
    pub(crate) const LAST_NAME: usize = 2;
    pub(crate) const WORK_EMAIL: usize = 4;
    pub(crate) const MOBILE: usize = 6;
    pub(crate) const STATUS: usize = 19;
    pub(crate) const TITLE: usize = 21;
    pub(crate) const HIRE_DATE: usize = 29;
    pub(crate) const BADGE: usize = 31;
    pub(crate) const SHIFT: usize = 32;
}

/// The text of the cells of one row; reused from row to row.
pub(crate) struct Cells {
    text: String,
    ends: [usize; COLUMNS.len()],
    count: usize,
}

impl Cells {
    pub(crate) fn new() -> Self {
        Self { text: String::new(), ends: [0; COLUMNS.len()], count: 0 }
    }

    pub(crate) fn get(&self, at: usize) -> &str {
        let from = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[from..self.ends[at]]
    }

    /// Writes the cells of a person; `restyle` in another style of the same meaning.
    pub(crate) fn fill(&mut self, seed: u64, person: &Person, restyle: bool) {
        self.text.clear();
        self.count = 0;
        let country = &COUNTRIES[usize::from(SITES[usize::from(person.site)].1)];
        self.names(person);
        self.channels(person, country, restyle);
        self.address(person, country, restyle);
        self.job(person, country);
        self.manager(seed, person, restyle);
        self.date(1990, person.hired);
        if let Some(ends) = person.ends {
            self.push_date(2026, ends);
        }
        self.end();
        self.text.push('B');
        self.number(person.badge, 6);
        self.end();
        self.cell(person.shift.map_or("", |shift| SHIFTS[usize::from(shift)]));
    }

    /// Copies a row with one cell replaced.
    pub(crate) fn replace(&mut self, column: usize, value: &str) {
        let texts: Vec<String> = (0..COLUMNS.len()).map(|at| self.get(at).to_owned()).collect();
        self.text.clear();
        self.count = 0;
        for (at, text) in texts.iter().enumerate() {
            self.cell(if at == column { value } else { text });
        }
    }

    fn end(&mut self) {
        self.ends[self.count] = self.text.len();
        self.count += 1;
    }

    fn cell(&mut self, text: &str) {
        self.text.push_str(text);
        self.end();
    }

    fn number(&mut self, number: u32, width: usize) {
        push_number(&mut self.text, number, width);
    }

    fn names(&mut self, person: &Person) {
        push_id(&mut self.text, person.k);
        self.end();
        self.cell(FIRST[usize::from(person.first)].0);
        self.text.push_str(LAST[usize::from(person.last)].0);
        if person.suffix {
            self.text.push_str(", Jr.");
        }
        self.end();
        self.cell(person.preferred.map_or("", |name| PREFERRED[usize::from(name)]));
    }

    fn channels(&mut self, person: &Person, country: &Country, restyle: bool) {
        self.work_email(person, restyle);
        self.end();
        if let Some(variant) = person.personal_email {
            let from = self.text.len();
            self.text.push_str(FIRST[usize::from(person.first)].1);
            self.number(u32::from(variant), 2);
            self.number(person.k % 1000, 3);
            self.text.push_str("@mail.example");
            self.restyle_email(from, restyle);
        }
        self.end();
        for phone in person.phones {
            if let Some(phone) = phone {
                push_phone(&mut self.text, phone, country, restyle);
            }
            self.end();
        }
    }

    /// Rests on what never changes about a person, unlike their names.
    fn work_email(&mut self, person: &Person, restyle: bool) {
        let from = self.text.len();
        self.text.push_str(FIRST[usize::from(person.first)].1);
        self.text.push('.');
        self.number(person.k, 1);
        self.text.push_str("@acme.example");
        self.restyle_email(from, restyle);
    }

    fn restyle_email(&mut self, from: usize, restyle: bool) {
        if restyle {
            let upper = self.text[from..].to_ascii_uppercase();
            self.text.truncate(from);
            self.text.push_str(&upper);
        }
    }

    fn address(&mut self, person: &Person, country: &Country, restyle: bool) {
        if person.building {
            self.text.push_str("Building ");
            self.number(u32::from(person.house % 9) + 1, 1);
            self.text.push_str(if restyle { "\r\n" } else { "\n" });
        }
        let street = |text: &mut String| {
            push_number(text, u32::from(person.house), 1);
            text.push(' ');
            text.push_str(country.streets[usize::from(person.street) % country.streets.len()]);
        };
        let second = |text: &mut String| {
            if let Some(line) = person.second_line {
                text.push_str(SECOND_LINES[usize::from(line) % SECOND_LINES.len()]);
                text.push(' ');
                push_number(text, u32::from(line) / 2 + 1, 1);
            }
        };
        street(&mut self.text);
        self.end();
        second(&mut self.text);
        self.end();
        let (city, region) = country.cities[usize::from(person.city) % country.cities.len()];
        self.cell(city);
        self.cell(region);
        push_pattern(&mut self.text, country.postal, person.postal);
        self.end();
        self.cell(if restyle { country.name } else { country.code });
        street(&mut self.text);
        if person.second_line.is_some() {
            self.text.push_str(", ");
            second(&mut self.text);
        }
        for part in [", ", city, ", ", region, " "] {
            self.text.push_str(part);
        }
        push_pattern(&mut self.text, country.postal, person.postal);
        self.end();
    }

    fn job(&mut self, person: &Person, country: &Country) {
        self.cell(country.languages[usize::from(person.language) % country.languages.len()]);
        self.cell(match person.status {
            Status::Active => "A",
            Status::Leave => "L",
            Status::Terminated => "T",
        });
        self.cell(TYPES[usize::from(person.kind)]);
        self.cell(TITLES[usize::from(person.title)]);
        let (department, division) = DEPARTMENTS[usize::from(person.department)];
        self.cell(department);
        self.cell(division);
        self.text.push_str("CC-");
        self.number(u32::from(person.department) * 100 + u32::from(person.site) + 1000, 4);
        self.end();
        self.cell(SITES[usize::from(person.site)].0);
    }

    fn manager(&mut self, seed: u64, person: &Person, restyle: bool) {
        let Some(k) = person.manager else {
            return (0..3).for_each(|_| self.end());
        };
        // Managers never change, so who they are at first is who they are.
        let manager = Person::new(seed, k);
        push_id(&mut self.text, k);
        self.end();
        self.text.push_str(FIRST[usize::from(manager.first)].0);
        self.text.push(' ');
        self.text.push_str(LAST[usize::from(manager.last)].0);
        self.end();
        self.work_email(&manager, restyle);
        self.end();
    }

    fn date(&mut self, year: u32, days: u32) {
        self.push_date(year, days);
        self.end();
    }

    /// MM/DD/YYYY, in years of twelve months of 28 days.
    fn push_date(&mut self, year: u32, days: u32) {
        self.number(days / 28 % 12 + 1, 2);
        self.text.push('/');
        self.number(days % 28 + 1, 2);
        self.text.push('/');
        self.number(year + days / (12 * 28), 4);
    }
}
