//! Trace ids: what one upload, webhook or request leads to is one trace, through every queue and into the mail.
//!
//! Whoever takes a message runs its handling [`within`] the message's trace; the adapters read it where they send
//! something on. So no port carries it.

use std::future::Future;

tokio::task_local! {
    static CURRENT: Trace;
}

/// The trace of what is handled now: the header of X-Ray, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    header: String,
    root: String,
}

impl Trace {
    /// Reads `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. Of what else it may say
    /// nothing is kept; `None` where it names no root of that form, since others may have written it.
    pub fn of_header(header: &str) -> Option<Self> {
        let part = |name: &str| {
            let parts = header.split(';').filter_map(|part| part.trim().split_once('='));
            parts.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
        };
        let root = part("Root").filter(|root| is_root(root))?;
        let parent = part("Parent").filter(|parent| is_hex(parent, 16)).map(|parent| format!(";Parent={parent}"));
        let sampled = part("Sampled").filter(|sampled| ["0", "1"].contains(sampled));
        let sampled = sampled.map(|sampled| format!(";Sampled={sampled}"));
        let header = format!("Root={root}{}{}", parent.unwrap_or_default(), sampled.unwrap_or_default());
        Some(Self { header, root: root.to_owned() })
    }

    /// `1-5759e988-bd862e3fe1be46a994272793`
    pub fn root(&self) -> &str {
        &self.root
    }

    /// As it goes on with a message.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }
}

fn is_root(root: &str) -> bool {
    let mut parts = root.split('-');
    let is = |part: Option<&str>, length| part.is_some_and(|part| is_hex(part, length));
    parts.next() == Some("1") && is(parts.next(), 8) && is(parts.next(), 24) && parts.next().is_none()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Runs something as a part of that trace.
pub(crate) async fn within<T>(trace: Option<Trace>, work: impl Future<Output = T>) -> T {
    match trace {
        Some(trace) => CURRENT.scope(trace, work).await,
        None => work.await,
    }
}

/// The trace of what is handled now; `None` outside of any.
pub(crate) fn current() -> Option<Trace> {
    CURRENT.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";

    #[test]
    fn a_header_is_read_however_its_parts_are_ordered_and_nothing_else_is_kept() {
        let check = |header: &str, expected: Option<&str>| {
            let read = Trace::of_header(header);
            assert_eq!(read.as_ref().map(Trace::header), expected, "{header}");
            assert!(read.is_none_or(|read| read.root() == ROOT));
        };
        let whole = format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1");
        check(&whole, Some(&whole));
        check(&format!("Sampled=0; Root={ROOT};Lineage=a:1|b:2;Self=x"), Some(&format!("Root={ROOT};Sampled=0")));
        check(&format!("Root={ROOT};Parent=jane;Sampled=?"), Some(&format!("Root={ROOT}")));
        for bad in
            ["", "Root=", "Root=1-5759e988-jane", "Parent=53995c3f42cd8ad8", "Root=2-5759e988-bd862e3fe1be46a994272793"]
        {
            check(bad, None);
        }
    }

    #[tokio::test]
    async fn traces_of_messages_handled_at_once_do_not_mix() {
        let trace = |n: u8| Trace::of_header(&format!("Root=1-0000000{n}-bd862e3fe1be46a994272793")).unwrap();
        let one = |n| async move {
            within(Some(trace(n)), async {
                tokio::task::yield_now().await;
                current()
            })
            .await
        };
        let (first, second) = futures_util::future::join(one(1), one(2)).await;
        assert_eq!((first, second), (Some(trace(1)), Some(trace(2))));
        assert_eq!(current(), None);
    }
}
