//! What the demo prints.

use std::{fmt::Display, io::Write, time::Instant};

/// A story told on standard output, with its checks counted.
pub(super) struct Story {
    colours: bool,
    step: usize,
    checked: usize,
    failed: usize,
    begun: Instant,
    step_begun: Instant,
}

impl Story {
    pub(super) fn new(colours: bool) -> Self {
        let now = Instant::now();
        Self { colours, step: 0, checked: 0, failed: 0, begun: now, step_begun: now }
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, title: &str) {
        self.end_step();
        self.step += 1;
        self.step_begun = Instant::now();
        let title = self.painted("1", &format!("{:>2}  {title}", self.step));
        say(&format!("\n{title}\n"));
    }

    /// A line of the step.
    pub(super) fn line(&self, text: &str) {
        text.lines().for_each(|line| say(&format!("    {line}\n")));
    }

    /// A line of no step.
    pub(super) fn plain(&self, text: &str) {
        say(&format!("{text}\n"));
    }

    /// Says whether something was found as expected.
    pub(super) fn check<T: PartialEq + Display>(&mut self, what: &str, found: T, expected: T) {
        let right = found == expected;
        let text =
            if right { format!("{what}: {found}") } else { format!("{what}: expected {expected}, found {found}") };
        self.verdict(right, &text);
    }

    /// Says whether something holds; `found` is shown when it does not.
    pub(super) fn holds(&mut self, what: &str, right: bool, found: &str) {
        let text = if right { what.to_owned() } else { format!("{what}: not so, found {found}") };
        self.verdict(right, &text);
    }

    fn verdict(&mut self, right: bool, text: &str) {
        self.checked += 1;
        self.failed += usize::from(!right);
        let mark = if right { self.painted("32", "✓") } else { self.painted("31", "✗") };
        say(&format!("    {mark} {text}\n"));
    }

    fn end_step(&mut self) {
        if self.step > 0 {
            let took = format!("    {:.1} s", self.step_begun.elapsed().as_secs_f64());
            say(&format!("{}\n", self.painted("2", &took)));
        }
    }

    /// Ends the last step and sums up.
    pub(super) fn end(&mut self) {
        self.end_step();
        let (steps, seconds) = (self.step, self.begun.elapsed().as_secs_f64());
        let right = self.checked - self.failed;
        let sum = format!("{steps} steps in {seconds:.1} s, {right} of {} checks as expected", self.checked);
        let colour = if self.failed == 0 { "1;32" } else { "1;31" };
        say(&format!("\n{}\n", self.painted(colour, &sum)));
    }

    /// How many checks failed.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Prints; nobody listening is no reason to stop.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// `12,345`
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_check_that_finds_something_else_counts_as_failed() {
        let mut story = Story::new(false);
        story.check("added", 1, 1);
        story.check("added", 1, 2);
        story.holds("nothing changed", false, "a change");
        assert_eq!((story.checked, story.failed()), (3, 2));
    }
}
