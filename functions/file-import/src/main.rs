//! The Lambda entry point.
fn main() -> Result<(), lambda_runtime::Error> {
    file_import::main()
}
