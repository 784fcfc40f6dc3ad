//! The Lambda entry point.
fn main() -> Result<(), lambda_runtime::Error> {
    sftp_identity::main()
}
