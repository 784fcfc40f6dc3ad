//! Placeholder until the use case is wired in.

/// Runs the function until the runtime stops it.
///
/// # Errors
/// When the Lambda Runtime API cannot be reached.
pub fn main() -> Result<(), lambda_runtime::Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        lambda_runtime::run(lambda_runtime::service_fn(
            |event: lambda_runtime::LambdaEvent<serde_json::Value>| async move {
                Ok::<_, lambda_runtime::Error>(event.payload)
            },
        ))
        .await
    })
}
