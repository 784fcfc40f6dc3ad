//! Who calls, and what that allows.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::ids::AccountId;

/// The account that the product team's own decisions are kept under; no customer can be called so.
pub(crate) const OPERATORS: &str = "-";

/// What somebody is to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The customer's owner.
    Owner,
    /// Changes settings and decides.
    Admin,
    /// Does what the permissions in the token say: `people`, `segments`.
    Member,
    /// Sees the groups that the token names.
    Editor,
    /// The product team: accounts and entitlements, nobody's people.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Member, Self::Editor, Self::Operator];

    /// The role's name in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Editor => "editor",
            Self::Operator => "operator",
        }
    }
}

/// What a route needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it is open, or a signed token in its path is the authority.
    Nobody,
    /// Anybody of an account.
    Anyone,
    /// Sees settings and runs.
    ReadSettings,
    /// Changes settings.
    ChangeSettings,
    /// Decides about plans, and erases.
    Decide,
    /// Sees people.
    ReadPeople,
    /// Changes people by hand.
    ChangePeople,
    /// Sees segments.
    ReadSegments,
    /// Changes segments.
    ChangeSegments,
    /// Sees groups: an editor those of the token only.
    ReadGroups,
    /// Runs the installation.
    Operate,
}

/// A signed-in caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose data it may see; from the token only.
    pub account: AccountId,
    /// What the caller is to the account.
    pub role: Role,
    /// Who it is, as the issuer names them.
    pub user: String,
    /// A member's permissions: `people`, `segments`.
    pub permissions: BTreeSet<String>,
    /// The ids of an editor's groups.
    pub groups: BTreeSet<String>,
}

/// How an issuer calls the claims.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of that claim")]
pub struct ClaimNames {
    pub account: String,
    pub role: String,
    pub user: String,
    pub permissions: String,
    pub groups: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let name = str::to_owned;
        Self {
            account: name("account"),
            role: name("role"),
            user: name("sub"),
            permissions: name("permissions"),
            groups: name("groups"),
        }
    }
}

impl ClaimNames {
    /// From variables of the function's environment, `MUSTER_CLAIM_ACCOUNT` and so on, where they are set.
    pub fn told(told: &dyn Fn(&str) -> Option<String>) -> Self {
        let usual = Self::default();
        Self {
            account: told("MUSTER_CLAIM_ACCOUNT").unwrap_or(usual.account),
            role: told("MUSTER_CLAIM_ROLE").unwrap_or(usual.role),
            user: told("MUSTER_CLAIM_USER").unwrap_or(usual.user),
            permissions: told("MUSTER_CLAIM_PERMISSIONS").unwrap_or(usual.permissions),
            groups: told("MUSTER_CLAIM_GROUPS").unwrap_or(usual.groups),
        }
    }
}

impl Caller {
    /// From the claims of a verified token; `None` where they name no account, role or user.
    pub fn of(claims: &BTreeMap<String, String>, names: &ClaimNames) -> Option<Self> {
        let role = claims.get(&names.role)?;
        let role = Role::ALL.into_iter().find(|known| known.as_str() == role)?;
        let account = match role {
            Role::Operator => OPERATORS,
            _ => claims.get(&names.account).filter(|account| *account != OPERATORS)?,
        };
        let user = claims.get(&names.user).filter(|user| !user.trim().is_empty())?;
        Some(Self {
            account: AccountId::parse(account).ok()?,
            role,
            user: user.chars().take(200).collect(),
            permissions: words(claims.get(&names.permissions)),
            groups: words(claims.get(&names.groups)),
        })
    }

    /// Whether the caller may do what needs this.
    pub fn may(&self, need: Need) -> bool {
        use Need::{Anyone, ChangeSegments, Nobody, Operate, ReadGroups, ReadPeople, ReadSegments};
        let has = |permission: &str| self.permissions.contains(permission);
        match (self.role, need) {
            (_, Nobody) | (Role::Operator, Operate) => true,
            (Role::Operator, _) | (_, Operate) => false,
            (Role::Owner | Role::Admin, _) | (_, Anyone) => true,
            (Role::Member, ReadPeople | ReadGroups) => has("people"),
            (Role::Member, ReadSegments | ChangeSegments) => has("segments"),
            (Role::Editor, ReadGroups) => true,
            (Role::Member | Role::Editor, _) => false,
        }
    }
}

/// API Gateway hands a list over as `[a b]`; others write it with commas, or as JSON.
fn words(claim: Option<&String>) -> BTreeSet<String> {
    let apart = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | ',' | '"');
    claim.into_iter().flat_map(|list| list.split(apart)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(claims: &[(&str, &str)]) -> Option<Caller> {
        let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Caller::of(&claims, &ClaimNames::default())
    }

    #[test]
    fn a_token_without_account_role_or_user_is_nobody() {
        let whole = [("account", "acme"), ("role", "admin"), ("sub", "ana")];
        assert!(caller(&whole).is_some());
        for left_out in 0..3 {
            let part: Vec<_> = (0..3).filter(|at| *at != left_out).map(|at| whole[at]).collect();
            assert_eq!(caller(&part), None);
        }
        assert_eq!(caller(&[("account", "acme"), ("role", "root"), ("sub", "ana")]), None);
        assert_eq!(caller(&[("account", "../b"), ("role", "admin"), ("sub", "ana")]), None);
        assert_eq!(caller(&[("account", "-"), ("role", "admin"), ("sub", "ana")]), None);
    }

    #[test]
    fn lists_are_read_in_every_form_that_issuers_and_gateways_write() {
        for list in ["[people segments]", "people,segments", "[\"people\",\"segments\"]", "people segments"] {
            let found = caller(&[("account", "acme"), ("role", "member"), ("sub", "ana"), ("permissions", list)]);
            assert_eq!(found.unwrap().permissions.into_iter().collect::<Vec<_>>(), ["people", "segments"], "{list}");
        }
    }

    #[test]
    fn an_operator_sees_no_account_and_an_admin_does_not_operate() {
        let operator = caller(&[("account", "acme"), ("role", "operator"), ("sub", "ops")]).unwrap();
        assert_eq!(operator.account.as_str(), OPERATORS);
        assert!(operator.may(Need::Operate) && !operator.may(Need::ReadPeople) && !operator.may(Need::Anyone));
        let admin = caller(&[("account", "acme"), ("role", "owner"), ("sub", "ana")]).unwrap();
        assert!(admin.may(Need::Decide) && !admin.may(Need::Operate));
    }

    #[test]
    fn a_member_may_what_is_granted_and_no_more() {
        let of =
            |list| caller(&[("account", "acme"), ("role", "member"), ("sub", "ana"), ("permissions", list)]).unwrap();
        assert!(of("people").may(Need::ReadPeople) && !of("people").may(Need::ReadSegments));
        assert!(of("segments").may(Need::ChangeSegments) && !of("segments").may(Need::ReadPeople));
        assert!(!of("people segments").may(Need::ReadSettings) && !of("people").may(Need::ChangePeople));
    }
}
