use std::collections::BTreeSet;

use super::{Cadence, PROVIDERS, Provider, WITHOUT_API, search, unlisted};
use crate::connector;

fn all() -> impl Iterator<Item = &'static Provider> {
    PROVIDERS.iter().chain([unlisted()])
}

#[track_caller]
fn finds(text: &str, first: &str) {
    assert_eq!(search(text).first().map(|provider| provider.name), Some(first), "{text:?}");
}

#[test]
fn every_way_names_a_connector_or_a_way_without_one() {
    for provider in all() {
        assert!(!provider.ways.is_empty(), "{}", provider.name);
        for way in provider.ways {
            let known = WITHOUT_API.contains(&way.connector) || connector(way.connector).is_some();
            assert!(known, "{}: {} is no connector", provider.name, way.connector);
        }
    }
}

#[test]
fn names_are_unique_and_every_way_tells_what_to_do() {
    let mut names = BTreeSet::new();
    for provider in all() {
        for name in [provider.name].iter().chain(provider.aliases) {
            assert!(names.insert(name.to_lowercase()), "{name} stands twice");
        }
        for way in provider.ways {
            assert!(way.set_up.ends_with('.') && !way.needs.is_empty(), "{}: {way:?}", provider.name);
            assert!(way.slug.is_none_or(|slug| !slug.is_empty()), "{}", provider.name);
            let sent = WITHOUT_API.contains(&way.connector);
            assert_eq!(sent, way.cadence == Cadence::Sent, "{}: {way:?}", provider.name);
            assert!(way.cadence != Cadence::Assisted || way.connector == "finch", "{}: {way:?}", provider.name);
        }
    }
    assert!(PROVIDERS.len() >= 40, "{}", PROVIDERS.len());
}

#[test]
fn every_hr_system_that_customers_named_is_listed() {
    for name in [
        "Workday",
        "Dayforce",
        "UKG Pro",
        "UKG Ready",
        "ADP Workforce Now",
        "RUN Powered by ADP",
        "Sage HR",
        "Sage People",
        "Personio",
        "Access People HR",
        "HiBob",
        "Rippling",
        "Oracle HCM",
        "SAP SuccessFactors",
        "BambooHR",
        "Paylocity",
        "Paycom",
        "Paychex Flex",
        "Gusto",
        "Namely",
        "Zenefits",
        "TriNet",
        "Justworks",
        "Insperity",
        "Deel",
        "Remote",
        "Factorial",
        "Cezanne HR",
        "Breathe HR",
        "CharlieHR",
        "IRIS Cascade",
        "Paycor",
        "isolved",
        "Square Payroll",
        "QuickBooks Payroll",
        "Humaans",
        "AlexisHR",
        "Lucca",
        "Kenjo",
        "Okta",
        "Microsoft Entra ID",
        "Google Workspace",
        "OneLogin",
        "JumpCloud",
        "PingFederate",
        "CyberArk Identity",
        "Fourth",
    ] {
        finds(name, name);
    }
}

#[test]
fn former_names_and_short_names_are_found() {
    finds("Ceridian", "Dayforce");
    finds("UltiPro", "UKG Pro");
    finds("Kronos", "UKG Ready");
    finds("Azure AD", "Microsoft Entra ID");
    finds("active directory", "Microsoft Entra ID");
    finds("G Suite", "Google Workspace");
    finds("bob", "HiBob");
    finds("PeopleHR", "Access People HR");
    finds("Fusion", "Oracle HCM");
    finds("Simployer", "AlexisHR");
    finds("adp", "ADP Workforce Now");
}

#[test]
fn case_accents_and_punctuation_do_not_matter() {
    finds("BAMBOO-HR", "BambooHR");
    finds("bamboo hr", "BambooHR");
    finds("  ságe.hr ", "Sage HR");
    finds("u.k.g. ready", "UKG Ready");
    finds("ＷＯＲＫＤＡＹ", "Workday");
}

#[test]
fn beginnings_and_small_typing_errors_are_enough() {
    finds("work", "Workday");
    finds("succ", "SAP SuccessFactors");
    finds("workforce n", "ADP Workforce Now");
    finds("Wrokday", "Workday");
    finds("Personnio", "Personio");
    finds("Ripling", "Rippling");
    finds("sucessfactors", "SAP SuccessFactors");
    finds("jumpclod", "JumpCloud");
}

#[test]
fn what_is_not_listed_finds_nobody_and_has_a_way() {
    for text in ["Zyxwvut", "our own Excel sheet", "xx"] {
        assert_eq!(search(text), Vec::<&Provider>::new(), "{text:?}");
    }
    let ways: Vec<&str> = unlisted().ways.iter().map(|way| way.connector).collect();
    assert_eq!(ways, ["sftp", "scim", "upload"]);
    assert_eq!(search(" - ").len(), PROVIDERS.len());
}
