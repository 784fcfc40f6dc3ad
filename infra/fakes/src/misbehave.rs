//! The ways in which a provider can misbehave, and when.

use serde_json::Value;

use crate::name::Name;

/// One way to misbehave; written `name` or `name:argument`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    // Instead of an answer.
    ThrottleSeconds(u64),
    ThrottleDate(u64),
    ThrottleNegative,
    ThrottleYears,
    ThrottleBare,
    Status(u16),
    Reset,
    Unauthorized,
    // An answer that comes late or damaged.
    Hang(u64),
    Drip(u64),
    Html,
    Empty,
    TruncatedJson,
    Huge(usize),
    DepthBomb(usize),
    // A listing that lies.
    TruncatedPage,
    CursorSame,
    CursorLoop,
    CursorEndless,
    RepeatPerson { different: bool },
    Shift,
    Shuffle,
    ZeroPeople,
    NextElsewhere(String),
    Partial,
    NotReady,
    // People that look odd.
    ForbiddenField(String),
    FutureUpdatedAt,
    BackUpdatedAt,
    UnknownStatus(String),
}

impl Kind {
    /// Reads a kind; the error says which are known.
    pub(crate) fn parse(text: &str) -> Result<Kind, String> {
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let number = |default: u64| match argument {
            None => Ok(default),
            Some(digits) => digits.parse::<u64>().map_err(|_| format!("{name}: {digits:?} is no whole number")),
        };
        let word = |default: &str| argument.unwrap_or(default).to_owned();
        Ok(match name {
            "throttle_seconds" => Kind::ThrottleSeconds(number(1)?),
            "throttle_date" => Kind::ThrottleDate(number(2)?),
            "throttle_absurd_negative" => Kind::ThrottleNegative,
            "throttle_absurd_years" => Kind::ThrottleYears,
            "throttle_bare" => Kind::ThrottleBare,
            "status" => Kind::Status(u16::try_from(number(503)?).map_err(|_| "status: 100 to 599".to_owned())?),
            "reset" => Kind::Reset,
            "unauthorized_after" => Kind::Unauthorized,
            "hang" => Kind::Hang(number(60_000)?),
            "drip" => Kind::Drip(number(50)?),
            "html" => Kind::Html,
            "empty" => Kind::Empty,
            "truncated_json" => Kind::TruncatedJson,
            "huge" => Kind::Huge(usize_of(number(200 << 20)?)),
            "depth_bomb" => Kind::DepthBomb(usize_of(number(200_000)?)),
            "truncated_page" => Kind::TruncatedPage,
            "cursor_same" => Kind::CursorSame,
            "cursor_loop" => Kind::CursorLoop,
            "cursor_endless" => Kind::CursorEndless,
            "repeat_person" => Kind::RepeatPerson { different: argument == Some("different") },
            "shift" => Kind::Shift,
            "shuffle" => Kind::Shuffle,
            "zero_people" => Kind::ZeroPeople,
            "next_elsewhere" => Kind::NextElsewhere(word("http://169.254.169.254/latest/meta-data")),
            "partial" => Kind::Partial,
            "not_ready" => Kind::NotReady,
            "forbidden_field" => Kind::ForbiddenField(word("mobile_phone")),
            "future_updated_at" => Kind::FutureUpdatedAt,
            "back_updated_at" => Kind::BackUpdatedAt,
            "unknown_status" => Kind::UnknownStatus(word("on_sabbatical")),
            _ => return Err(format!("{name}: no such kind; README.md of infra/fakes lists them")),
        })
    }

    /// Whether a provider can do this at all.
    pub(crate) fn fits(&self, name: Name) -> bool {
        match self {
            Kind::NextElsewhere(_) => matches!(name, Name::Apideck | Name::Merge | Name::BambooHr),
            Kind::Partial => matches!(name, Name::Apideck | Name::Merge | Name::Finch),
            Kind::NotReady => name == Name::Finch,
            _ => true,
        }
    }

    /// Whether it concerns how a listing is cut into pages; such a kind counts pages within a listing.
    pub(crate) fn is_of_listings(&self) -> bool {
        matches!(
            self,
            Kind::TruncatedPage
                | Kind::CursorSame
                | Kind::CursorLoop
                | Kind::CursorEndless
                | Kind::RepeatPerson { .. }
                | Kind::Shift
                | Kind::Shuffle
                | Kind::ZeroPeople
                | Kind::NextElsewhere(_)
        )
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A way to misbehave that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Misbehaviour {
    pub kind: Kind,
    /// How often it still happens; `None` is until told to behave.
    pub left: Option<u64>,
    /// How many pages are in order first.
    pub after_pages: u64,
    /// Pages served since it was asked for.
    pub pages: u64,
}

impl Misbehaviour {
    /// Reads `{"kind": …, "times": n|null, "after_pages": k}`.
    pub(crate) fn parse(name: Name, asked: &Value) -> Result<Misbehaviour, String> {
        let text = asked["kind"].as_str().ok_or("kind: missing")?;
        let kind = Kind::parse(text)?;
        if !kind.fits(name) {
            return Err(format!("{text}: {} has nothing of the kind", name.path()));
        }
        Ok(Misbehaviour {
            kind,
            left: asked["times"].as_u64(),
            after_pages: asked["after_pages"].as_u64().unwrap_or(0),
            pages: 0,
        })
    }

    /// Takes one of the times that are left.
    fn take(&mut self) -> bool {
        match &mut self.left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// The kind, if it happens to a request now. Kinds of listings never do: see [`Misbehaviour::on_page`].
    pub(crate) fn on_request(&mut self) -> Option<Kind> {
        let due = !self.kind.is_of_listings() && self.pages >= self.after_pages;
        (due && self.take()).then(|| self.kind.clone())
    }

    /// The kind, if it makes the people in webhooks look odd; none of the times is taken.
    pub(crate) fn in_webhooks(&self) -> Option<Kind> {
        let looks = matches!(
            self.kind,
            Kind::ForbiddenField(_) | Kind::FutureUpdatedAt | Kind::BackUpdatedAt | Kind::UnknownStatus(_)
        );
        (looks && self.left != Some(0)).then(|| self.kind.clone())
    }

    /// The kind, if it happens to this page (counted from 0) of a listing.
    pub(crate) fn on_page(&mut self, page: u64) -> Option<Kind> {
        let due = match self.kind {
            Kind::RepeatPerson { .. } | Kind::Shift => page == self.after_pages.max(1),
            Kind::Shuffle => page == 0,
            _ => self.kind.is_of_listings() && page >= self.after_pages,
        };
        (due && self.take()).then(|| self.kind.clone())
    }
}
