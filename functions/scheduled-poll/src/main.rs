//! The Lambda entry point.
fn main() -> Result<(), lambda_runtime::Error> {
    scheduled_poll::main()
}
