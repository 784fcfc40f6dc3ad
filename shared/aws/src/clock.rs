//! The time.

use std::path::PathBuf;
use std::rc::Rc;

use muster_sync::Clock;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
    }
}

/// A clock that stands where a file says, in milliseconds since 1970; the machine's while there is no such file. So
/// recorded webhooks can be judged at their own time.
#[derive(Debug, Clone)]
struct FileClock(PathBuf);

impl Clock for FileClock {
    fn now_ms(&self) -> i64 {
        let told = std::fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse().ok());
        told.unwrap_or_else(|| SystemClock.now_ms())
    }
}

/// The clock of a function: the machine's, and only on a developer's machine (`MUSTER_LOCAL=1`) the one that
/// `MUSTER_LOCAL_CLOCK` names.
pub(crate) fn clock_told(told: &dyn Fn(&str) -> Option<String>) -> Rc<dyn Clock> {
    match told("MUSTER_LOCAL_CLOCK") {
        Some(file) if told("MUSTER_LOCAL").as_deref() == Some("1") => Rc::new(FileClock(file.into())),
        _ => Rc::new(SystemClock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_where_its_file_says_and_only_on_a_developers_machine() {
        let folder = std::env::temp_dir().join(format!("muster-clock-{}", std::process::id()));
        let told = |local: &'static str, file: &std::path::Path| {
            let file = file.display().to_string();
            clock_told(&move |name| match name {
                "MUSTER_LOCAL" => Some(local.to_owned()),
                "MUSTER_LOCAL_CLOCK" => Some(file.clone()),
                _ => None,
            })
            .now_ms()
        };
        std::fs::write(&folder, "1793793600000\n").unwrap();
        assert_eq!(told("1", &folder), 1_793_793_600_000);
        assert_ne!(told("", &folder), 1_793_793_600_000);
        std::fs::remove_file(&folder).unwrap();
        assert!(told("1", &folder).abs_diff(SystemClock.now_ms()) < 60_000);
    }
}
