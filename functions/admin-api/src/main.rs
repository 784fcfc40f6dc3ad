//! The Lambda entry point.
fn main() -> Result<(), lambda_runtime::Error> {
    admin_api::main()
}
