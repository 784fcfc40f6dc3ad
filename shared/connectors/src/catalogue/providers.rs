//! The list. Where it comes from: Apideck's connector pages and setup guides, Merge's list of link identifiers,
//! Finch's provider list (of 2023 but for ADP, Workday and `BambooHR`, hence not `sure`), `WorkOS`'s directory types and
//! guides. Not `sure` are also ways whose sign-in we have not seen described. Either may change without notice: the
//! aggregator's own connect page has the last word.

use super::{Cadence, Need, Provider, Way};

/// How the customer lets us or the aggregator in.
enum By {
    ApiKey,
    ApiKeyAndSubdomain,
    OAuth,
    ClientCredentials,
    ServiceAccount,
}

impl By {
    const fn needs(&self) -> &'static [Need] {
        match self {
            Self::ApiKey => &[Need::ApiKey, Need::CustomerAdmin],
            Self::ApiKeyAndSubdomain => &[Need::Subdomain, Need::ApiKey, Need::CustomerAdmin],
            Self::OAuth => &[Need::OAuth, Need::CustomerAdmin],
            Self::ClientCredentials => &[Need::ClientCredentials, Need::CustomerAdmin],
            Self::ServiceAccount => &[Need::ServiceAccount, Need::CustomerAdmin],
        }
    }

    /// What to do on a connect page that an aggregator shows.
    const fn on_connect_page(&self) -> &'static str {
        match self {
            Self::ApiKey => {
                "Open the connect page we send you and paste an API key that you make in the system's settings. \
                 The key needs to read employees, and nothing more."
            }
            Self::ApiKeyAndSubdomain => {
                "Open the connect page we send you and enter your subdomain and an API key that you make in the \
                 system's settings. The key needs to read employees, and nothing more."
            }
            Self::OAuth => {
                "Open the connect page we send you, sign in to the system as an administrator and agree to what is \
                 asked for."
            }
            Self::ClientCredentials => {
                "Register an application in the system (some vendors' support does it for you), then open the \
                 connect page we send you and enter its client id and client secret."
            }
            Self::ServiceAccount => {
                "Make a user for this integration that may read employees, then open the connect page we send you \
                 and enter its name and password or token."
            }
        }
    }
}

const fn apideck(slug: Option<&'static str>, auth: By, sure: bool) -> Way {
    let (needs, set_up) = (auth.needs(), auth.on_connect_page());
    Way { connector: "apideck", cadence: Cadence::Automated, needs, slug, set_up, sure }
}

const fn merge(slug: Option<&'static str>, sure: bool) -> Way {
    Way {
        connector: "merge",
        cadence: Cadence::Automated,
        needs: &[Need::CustomerAdmin],
        slug,
        set_up: "Open the connect page we send you and follow its steps as an administrator of the system; it asks \
            for the access that this system needs.",
        sure,
    }
}

const fn finch(slug: &'static str, sure: bool) -> Way {
    Way {
        connector: "finch",
        cadence: Cadence::Automated,
        needs: &[Need::CustomerAdmin],
        slug: Some(slug),
        set_up: "Open the connect page we send you, agree to what is asked for and sign in to the system as an \
            administrator. Data is read daily.",
        sure,
    }
}

const fn finch_assisted(slug: &'static str, sure: bool) -> Way {
    Way {
        connector: "finch",
        cadence: Cadence::Assisted,
        needs: &[Need::ThirdPartyAdmin, Need::CustomerAdmin],
        slug: Some(slug),
        set_up: "Open the connect page we send you and make a third-party administrator as it says. The first data \
            comes after one to two weeks, then every 7 days.",
        sure,
    }
}

const fn workos(slug: &'static str, auth: By, sure: bool) -> Way {
    let (needs, set_up) = (auth.needs(), auth.on_connect_page());
    Way { connector: "workos", cadence: Cadence::Automated, needs, slug: Some(slug), set_up, sure }
}

const fn workos_scim(slug: &'static str) -> Way {
    Way {
        connector: "workos",
        cadence: Cadence::Automated,
        needs: &[Need::CustomerAdmin],
        slug: Some(slug),
        set_up: "Open the set-up link we send you: it shows the address and token to enter in your identity \
            provider's provisioning settings.",
        sure: true,
    }
}

const fn sftp_workday() -> Way {
    Way {
        slug: None,
        set_up: "Have a report with the people's fields exported daily and delivered to the SFTP address we send \
            you.",
        ..SFTP
    }
}

const fn direct(connector: &'static str, auth: By, set_up: &'static str) -> Way {
    Way { connector, cadence: Cadence::Automated, needs: auth.needs(), slug: None, set_up, sure: true }
}

const BAMBOOHR: &str = "Sign in to BambooHR as an administrator, choose API Keys under your name and make a key; \
    send it to us with your subdomain, the name before .bamboohr.com.";
const PAYLOCITY: &str = "Ask Paylocity for API access to your company id; they issue a client id and a client \
    secret, which is good for 365 days.";
const ENTRA: &str = "Register an application in Entra ID, give it the application permission User.Read.All with an \
    administrator's consent, and send us the tenant id, client id and a client secret.";

const SCIM: Way = Way {
    connector: "scim",
    cadence: Cadence::Sent,
    needs: &[Need::CustomerAdmin],
    slug: None,
    set_up: "Add a SCIM 2.0 application in your identity provider, enter the address and token we send you, and \
        assign the people to it.",
    sure: true,
};

const SFTP: Way = Way {
    connector: "sftp",
    cadence: Cadence::Sent,
    needs: &[Need::FileExport],
    slug: None,
    set_up: "Have all current people exported to a CSV file on a schedule, and delivered to the SFTP address we \
        send you.",
    sure: true,
};

const UPLOAD: Way = Way {
    connector: "upload",
    cadence: Cadence::Sent,
    needs: &[Need::FileExport],
    slug: None,
    set_up: "Export all current people to a CSV file and upload it here; again whenever something has changed.",
    sure: true,
};

/// See [`super::unlisted`].
pub(super) static UNLISTED: Provider =
    Provider { name: "Another system", aliases: &["Not listed"], ways: &[SFTP, SCIM, UPLOAD] };

/// Every provider we know a way to, HR systems first.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        name: "Workday",
        aliases: &["Workday HCM"],
        ways: &[
            merge(Some("workday"), true),
            apideck(Some("workday"), By::ServiceAccount, true),
            workos("workday", By::ServiceAccount, false),
            finch("workday", true),
            sftp_workday(),
        ],
    },
    Provider {
        name: "Dayforce",
        aliases: &["Ceridian", "Ceridian Dayforce"],
        ways: &[
            merge(Some("ceridian-dayforce"), true),
            apideck(Some("ceridian-dayforce"), By::OAuth, true),
            finch_assisted("ceridian_dayforce", false),
        ],
    },
    Provider { name: "Ceridian Powerpay", aliases: &["Powerpay"], ways: &[finch_assisted("ceridian_powerpay", false)] },
    Provider {
        name: "UKG Pro",
        aliases: &["UltiPro", "Ultimate Software", "UKG"],
        ways: &[
            merge(Some("ukg-pro"), true),
            apideck(Some("ukg-pro"), By::ServiceAccount, true),
            finch("ulti_pro", false),
        ],
    },
    Provider {
        name: "UKG Ready",
        aliases: &["Kronos", "Kronos Workforce Ready"],
        ways: &[merge(Some("ukg-ready"), true), finch_assisted("ukg_ready", false)],
    },
    Provider {
        name: "ADP Workforce Now",
        aliases: &["ADP", "ADP WFN"],
        ways: &[
            finch("adp_workforce_now", true),
            merge(Some("adp-workforce-now"), true),
            apideck(Some("adp-workforce-now"), By::OAuth, true),
        ],
    },
    Provider { name: "RUN Powered by ADP", aliases: &["ADP Run"], ways: &[finch("adp_run", true), merge(None, true)] },
    Provider { name: "ADP TotalSource", aliases: &["TotalSource"], ways: &[finch_assisted("adp_totalsource", true)] },
    Provider {
        name: "Sage HR",
        aliases: &["CakeHR"],
        ways: &[
            merge(Some("sage-hr"), true),
            apideck(Some("sage-hr"), By::ApiKeyAndSubdomain, true),
            finch("sage_hr", false),
        ],
    },
    Provider { name: "Sage People", aliases: &["Fairsail"], ways: &[SFTP] },
    Provider {
        name: "Personio",
        aliases: &[],
        ways: &[
            merge(Some("personio"), true),
            apideck(Some("personio"), By::OAuth, true),
            workos("personio", By::ClientCredentials, false),
            finch("personio", false),
        ],
    },
    Provider {
        name: "Access People HR",
        aliases: &["PeopleHR", "People HR", "Access PeopleHR"],
        ways: &[
            merge(Some("peoplehr"), true),
            apideck(Some("people-hr"), By::ApiKey, true),
            workos("people hr", By::ApiKey, true),
        ],
    },
    Provider {
        name: "HiBob",
        aliases: &["bob", "Hi Bob"],
        ways: &[
            merge(Some("hibob"), true),
            apideck(Some("hibob"), By::ServiceAccount, true),
            workos("hibob", By::ServiceAccount, true),
            finch("bob", false),
        ],
    },
    Provider {
        name: "Rippling",
        aliases: &[],
        ways: &[
            apideck(Some("rippling"), By::OAuth, false),
            finch("rippling", false),
            workos_scim("rippling scim v2.0"),
        ],
    },
    Provider {
        name: "Oracle HCM",
        aliases: &["Oracle Fusion", "Oracle HCM Cloud", "Oracle Human Capital Management"],
        ways: &[merge(Some("oracle-human-capital-management-hcm"), true), finch_assisted("oracle_fusion", false), SFTP],
    },
    Provider {
        name: "Oracle PeopleSoft",
        aliases: &["PeopleSoft"],
        ways: &[finch_assisted("oracle_peoplesoft", false), SFTP],
    },
    Provider {
        name: "Oracle NetSuite SuitePeople",
        aliases: &["NetSuite", "SuitePeople"],
        ways: &[finch_assisted("suite_people", false)],
    },
    Provider {
        name: "SAP SuccessFactors",
        aliases: &["SuccessFactors"],
        ways: &[
            merge(Some("sap-successfactors"), true),
            apideck(Some("sap-successfactors"), By::ClientCredentials, true),
            finch_assisted("successfactors", false),
        ],
    },
    Provider {
        name: "BambooHR",
        aliases: &["Bamboo"],
        ways: &[
            direct("bamboohr", By::ApiKeyAndSubdomain, BAMBOOHR),
            merge(Some("bamboohr"), true),
            apideck(Some("bamboohr"), By::ApiKeyAndSubdomain, true),
            workos("bamboohr", By::ApiKeyAndSubdomain, true),
            finch("bamboo_hr", true),
        ],
    },
    Provider {
        name: "Paylocity",
        aliases: &[],
        ways: &[
            direct("paylocity", By::ClientCredentials, PAYLOCITY),
            merge(Some("paylocity"), true),
            apideck(Some("paylocity"), By::ClientCredentials, true),
            finch("paylocity", false),
        ],
    },
    Provider { name: "Paycom", aliases: &[], ways: &[merge(Some("paycom"), true), finch("paycom", false)] },
    Provider {
        name: "Paychex Flex",
        aliases: &["Paychex"],
        ways: &[merge(Some("paychex"), true), apideck(Some("paychex"), By::OAuth, true), finch("paychex_flex", false)],
    },
    Provider { name: "Gusto", aliases: &["ZenPayroll"], ways: &[merge(Some("gusto"), true), finch("gusto", false)] },
    Provider {
        name: "Namely",
        aliases: &[],
        ways: &[merge(Some("namely"), true), apideck(Some("namely"), By::OAuth, true), finch("namely", false)],
    },
    Provider {
        name: "Zenefits",
        aliases: &["TriNet Zenefits", "TriNet HR Platform"],
        ways: &[merge(Some("trinet-hr-platform"), true), finch("zenefits", false)],
    },
    Provider { name: "TriNet", aliases: &[], ways: &[merge(Some("trinet"), true), finch("trinet", false)] },
    Provider { name: "Justworks", aliases: &[], ways: &[merge(Some("justworks"), true), finch("justworks", false)] },
    Provider {
        name: "Insperity",
        aliases: &["Insperity Premier"],
        ways: &[merge(Some("insperity-premier"), true), finch("insperity", false)],
    },
    Provider {
        name: "Deel",
        aliases: &[],
        ways: &[merge(Some("deel"), true), apideck(Some("deel"), By::OAuth, true), finch_assisted("deel", false)],
    },
    Provider {
        name: "Remote",
        aliases: &["Remote.com"],
        ways: &[merge(Some("remote"), true), finch_assisted("remote", false)],
    },
    Provider {
        name: "Factorial",
        aliases: &["FactorialHR"],
        ways: &[merge(Some("factorial"), true), apideck(Some("factorialhr"), By::OAuth, true)],
    },
    Provider {
        name: "Cezanne HR",
        aliases: &["Cezanne"],
        ways: &[
            apideck(Some("cezannehr"), By::ClientCredentials, true),
            workos("cezanne hr", By::ClientCredentials, true),
            finch_assisted("cezannehr", false),
        ],
    },
    Provider {
        name: "Breathe HR",
        aliases: &["Breathe", "Breath HR"],
        ways: &[
            merge(Some("breathe"), true),
            apideck(Some("breathehr"), By::ApiKey, true),
            workos("breathe hr", By::ApiKey, true),
        ],
    },
    Provider {
        name: "CharlieHR",
        aliases: &["Charlie"],
        ways: &[
            merge(Some("charlie"), true),
            apideck(Some("charliehr"), By::ApiKey, false),
            finch_assisted("charlie_hr", false),
        ],
    },
    Provider {
        name: "IRIS Cascade",
        aliases: &["Cascade HR", "IRIS Cascade HR", "Cascade HRi"],
        ways: &[merge(Some("iris-cascade"), true), apideck(Some("cascade-hr"), By::ClientCredentials, true)],
    },
    Provider { name: "Paycor", aliases: &[], ways: &[merge(Some("paycor"), true), finch_assisted("paycor", false)] },
    Provider { name: "isolved", aliases: &["iSolved HCM"], ways: &[finch_assisted("isolved", false)] },
    Provider {
        name: "Square Payroll",
        aliases: &["Square"],
        ways: &[merge(Some("square-payroll"), true), finch("square_payroll", false)],
    },
    Provider { name: "QuickBooks Payroll", aliases: &["Intuit", "QuickBooks"], ways: &[finch("quickbooks", false)] },
    Provider {
        name: "Humaans",
        aliases: &[],
        ways: &[merge(Some("humaans"), true), apideck(Some("humaans-io"), By::ApiKey, true), finch("humaans", false)],
    },
    Provider {
        name: "AlexisHR",
        aliases: &["Simployer", "Simployer One"],
        ways: &[merge(Some("alexishr"), true), apideck(Some("alexishr"), By::ApiKey, true)],
    },
    Provider {
        name: "Lucca",
        aliases: &["Lucca HR"],
        ways: &[merge(Some("lucca"), true), apideck(Some("lucca-hr"), By::ApiKey, true)],
    },
    Provider {
        name: "Kenjo",
        aliases: &[],
        ways: &[merge(Some("kenjo"), true), apideck(Some("kenjo"), By::OAuth, true), finch_assisted("kenjo", false)],
    },
    Provider {
        name: "Fourth",
        aliases: &["Fourth HR"],
        ways: &[workos("fourth hr", By::ServiceAccount, false), apideck(Some("fourth"), By::ServiceAccount, false)],
    },
    Provider {
        name: "PayFit",
        aliases: &[],
        ways: &[merge(Some("payfit"), true), apideck(Some("payfit"), By::OAuth, true), finch_assisted("payfit", false)],
    },
    Provider {
        name: "Employment Hero",
        aliases: &[],
        ways: &[merge(Some("employment-hero"), true), apideck(Some("employmenthero"), By::OAuth, true)],
    },
    Provider {
        name: "Zoho People",
        aliases: &["Zoho"],
        ways: &[merge(Some("zoho-people"), true), apideck(Some("zoho-people"), By::OAuth, false)],
    },
    Provider { name: "HR Works", aliases: &["HRworks"], ways: &[apideck(Some("hr-works"), By::OAuth, true)] },
    Provider { name: "Folks HR", aliases: &["FolksRH"], ways: &[apideck(Some("folks-hr"), By::OAuth, true)] },
    Provider {
        name: "Keka HR",
        aliases: &["Keka"],
        ways: &[merge(Some("keka"), true), apideck(Some("keka"), By::OAuth, true)],
    },
    Provider { name: "CIPHR", aliases: &[], ways: &[apideck(Some("ciphr"), By::ApiKey, true)] },
    Provider { name: "Sympa", aliases: &[], ways: &[apideck(Some("sympa"), By::ApiKey, false)] },
    Provider {
        name: "Microsoft Dynamics 365 Human Resources",
        aliases: &["Dynamics 365 HR", "Dynamics HR"],
        ways: &[apideck(Some("microsoft-dynamics-hr"), By::OAuth, false)],
    },
    Provider {
        name: "Freshteam",
        aliases: &[],
        ways: &[merge(Some("freshteam"), true), finch_assisted("freshteam", false)],
    },
    Provider {
        name: "Proliant",
        aliases: &[],
        ways: &[merge(Some("proliant"), true), finch_assisted("proliant", false)],
    },
    Provider { name: "PrimePay", aliases: &[], ways: &[finch_assisted("primepay", false)] },
    Provider { name: "SurePayroll", aliases: &[], ways: &[finch_assisted("surepayroll", false)] },
    Provider { name: "OnPay", aliases: &[], ways: &[finch_assisted("onpay", false)] },
    Provider { name: "Toast Payroll", aliases: &["Toast"], ways: &[finch_assisted("toast_payroll", false)] },
    Provider {
        name: "Microsoft Entra ID",
        aliases: &["Azure AD", "Azure Active Directory", "Active Directory", "Entra", "AAD"],
        ways: &[
            direct("entra", By::ClientCredentials, ENTRA),
            SCIM,
            workos_scim("azure scim v2.0"),
            merge(Some("microsoft-entra-id"), true),
        ],
    },
    Provider {
        name: "Okta",
        aliases: &[],
        ways: &[
            SCIM,
            workos_scim("okta scim v2.0"),
            merge(Some("okta"), true),
            apideck(Some("okta"), By::ApiKey, true),
        ],
    },
    Provider {
        name: "Google Workspace",
        aliases: &["G Suite", "GSuite", "Google Apps"],
        ways: &[
            workos("gsuite directory", By::OAuth, false),
            merge(Some("google-workspace"), true),
            apideck(Some("google-workspace"), By::OAuth, true),
        ],
    },
    Provider {
        name: "OneLogin",
        aliases: &[],
        ways: &[
            SCIM,
            workos_scim("onelogin scim v2.0"),
            merge(Some("onelogin"), true),
            apideck(Some("onelogin"), By::ClientCredentials, true),
        ],
    },
    Provider {
        name: "JumpCloud",
        aliases: &[],
        ways: &[SCIM, workos_scim("jump cloud scim v2.0"), merge(Some("jumpcloud"), true)],
    },
    Provider {
        name: "PingFederate",
        aliases: &["Ping Identity"],
        ways: &[SCIM, workos_scim("pingfederate scim v2.0")],
    },
    Provider { name: "PingOne", aliases: &[], ways: &[merge(Some("pingone"), true)] },
    Provider {
        name: "CyberArk Identity",
        aliases: &["CyberArk", "Idaptive"],
        ways: &[SCIM, workos_scim("cyberark scim v2.0"), merge(Some("cyberark"), true)],
    },
    Provider { name: "SailPoint", aliases: &[], ways: &[workos_scim("sailpoint scim v2.0")] },
];
