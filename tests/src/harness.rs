//! What runs tests whose program is also the functions (`--function NAME`), which the standard harness has no room for.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

/// A test by its name.
pub type Test = (&'static str, fn());

/// Makes the list of tests from the names of async functions.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), || $crate::harness::runtime().block_on($name()))),*]
    };
}

/// Is a function where the program was started as one; else runs the tests whose names contain the first argument.
pub fn main(tests: &[Test]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--function", name] => match muster_local::run_function(name) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        filter => run(tests, filter.iter().find(|a| !a.starts_with('-')).copied().unwrap_or_default()),
    }
}

fn run(tests: &[Test], filter: &str) -> ExitCode {
    crate::suite_logs::watch();
    let mut failed = false;
    for (name, test) in tests.iter().filter(|(name, _)| name.contains(filter)) {
        let begin = std::time::Instant::now();
        let passed = std::panic::catch_unwind(AssertUnwindSafe(test)).is_ok();
        eprintln!("test {name} ... {} ({:.1?})", if passed { "ok" } else { "FAILED" }, begin.elapsed());
        failed |= !passed;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What a test runs on.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
