//! Looks through what functions wrote while the suite ran: `cargo run -p muster-tests --example suite_logs`, after
//! `cargo test`. Each line was looked through when it was written; this shows how many there were, and that every
//! function is among them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a check that cannot read the logs has failed")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use muster_tests::{canary, suite_logs};

fn main() -> ExitCode {
    let mut lines: BTreeMap<&str, u64> = muster_local::FUNCTIONS.map(|function| (function, 0)).into();
    let mut hits = 0;
    let folder = suite_logs::folder();
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("{}: no logs; run `cargo test -p muster-tests` first", folder.display());
        return ExitCode::FAILURE;
    };
    for file in files.map(|file| file.unwrap().path()) {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            for what in canary::found(line) {
                hits += 1;
                println!("{}: {what}: {line}", file.display());
            }
            for (function, count) in &mut lines {
                *count += u64::from(line.contains(&format!(r#""function":"{function}""#)));
            }
        }
    }
    println!("{hits} hits of {} canaries and of shapes in {lines:?} lines", canary::PLANTED.len());
    let silent = lines.values().any(|count| *count == 0);
    if hits > 0 || silent { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
