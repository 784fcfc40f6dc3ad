//! The Lambda entry point.
fn main() -> Result<(), lambda_runtime::Error> {
    report_email::main()
}
