//! The Lambda entry point.
fn main() -> Result<(), lambda_runtime::Error> {
    webhook_intake::main()
}
