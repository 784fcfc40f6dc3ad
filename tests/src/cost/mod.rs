//! What an installation costs: what real runs use, counted at small scales, times list prices.

mod measure;
mod model;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

pub use measure::{measured, measured_listings};
pub use model::{Installation, Model};
pub use table::{Goal, goals, rendered, replaced};

/// Amounts by what they are amounts of: names of prices, and a few that are not billed by themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage(BTreeMap<&'static str, f64>);

impl Usage {
    /// So much more of one thing.
    pub fn add(&mut self, what: &'static str, amount: f64) {
        *self.0.entry(what).or_default() += amount;
    }

    /// How much of one thing.
    pub fn of(&self, what: &str) -> f64 {
        self.0.get(what).copied().unwrap_or(0.0)
    }

    /// One more amount, as a value.
    #[must_use]
    pub fn with(mut self, what: &'static str, amount: f64) -> Self {
        self.add(what, amount);
        self
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        other.0.iter().fold(self.clone(), |sum, (what, amount)| sum.with(what, *amount))
    }

    /// So many times as much.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|(what, amount)| (*what, amount * factor)).collect())
    }

    /// What is left without another.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        self.plus(&other.times(-1.0))
    }
}

/// A list price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Dollars.
    pub usd: f64,
    /// For so many units.
    pub per: f64,
    /// Whether a page that says so was read.
    pub checked: bool,
    /// Where it stands.
    pub source: String,
}

/// `docs/prices.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The region that they are of.
    pub region: String,
    /// When they were looked up.
    pub date: String,
    /// By name.
    pub price: BTreeMap<String, Price>,
    /// What is neither counted nor on a list.
    pub assumed: BTreeMap<String, f64>,
}

/// Amounts that only explain others.
const NOT_BILLED: [&str; 4] = ["requests", "people_written", "people_write", "pages"];

impl Prices {
    /// The file.
    pub fn read() -> Self {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/prices.toml");
        toml::from_str(&std::fs::read_to_string(place).unwrap()).unwrap()
    }

    /// An assumption.
    pub fn assumed(&self, name: &str) -> f64 {
        *self.assumed.get(name).unwrap_or_else(|| panic!("docs/prices.toml assumes no {name}"))
    }

    /// Dollars for so much of one thing.
    pub fn dollars_for(&self, what: &str, amount: f64) -> f64 {
        if NOT_BILLED.contains(&what) {
            return 0.0;
        }
        let price = self.price.get(what).unwrap_or_else(|| panic!("docs/prices.toml has no price of {what}"));
        amount * price.usd / price.per
    }

    /// Dollars for all of it.
    pub fn dollars(&self, usage: &Usage) -> f64 {
        usage.0.iter().map(|(what, amount)| self.dollars_for(what, *amount)).sum()
    }
}
