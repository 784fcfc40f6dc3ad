//! What the services' failures mean: whether to try again, without anything a person could be known by.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use muster_sync::{PortError, Retry};

use crate::items::Item;

/// Codes of failures that pass, whatever their HTTP status.
const PASSING: [&str; 24] = [
    "BandwidthLimitExceeded",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "InternalServerError",
    "KMS.ThrottlingException",
    "LimitExceededException",
    "OperationAborted",
    "OverLimit",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The service's code for a failure, if it gave one.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// A failed call of any service. Only the service's code is kept: its message may quote values.
pub(crate) fn failed<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> PortError {
    failed_at(operation, "", error)
}

/// A failed call about the object at `key`.
pub(crate) fn failed_at<E: ProvideErrorMetadata>(
    operation: &'static str,
    key: &str,
    error: &SdkError<E, HttpResponse>,
) -> PortError {
    let (retry, what) = match error {
        SdkError::ConstructionFailure(_) => (Retry::Never, "the request could not be built".to_owned()),
        SdkError::TimeoutError(_) => (Retry::Later, "no answer in time".to_owned()),
        SdkError::DispatchFailure(_) => (Retry::Later, "no connection to the service".to_owned()),
        SdkError::ResponseError(_) => (Retry::Later, "the answer could not be read".to_owned()),
        SdkError::ServiceError(failure) => {
            let status = failure.raw().status().as_u16();
            let code = failure.err().code().unwrap_or("no code");
            // A refusal without a code did not come whole; for S3's the SDK then says `NotFound`.
            let whole = !["no code", "NotFound"].contains(&code);
            let passes = !whole || status >= 500 || status == 429 || PASSING.contains(&code);
            (if passes { Retry::Later } else { Retry::Never }, format!("{code} (HTTP {status})"))
        }
        _ => (Retry::Later, "an unknown failure".to_owned()),
    };
    let detail = if key.is_empty() { what } else { format!("{}: {what}", shown(key)) };
    PortError { operation, retry, detail }
}

/// A key as it may be told: without the name that a customer gave the file.
pub(crate) fn shown(key: &str) -> String {
    let mut parts = key.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(stage @ ("inbox" | "partial" | "sftp")), Some(user), Some(_)) => format!("{stage}/{user}/…"),
        _ => key.to_owned(),
    }
}

/// What a cancelled transaction means: `Ok` when conditions did not hold, with the places of those steps and what is
/// stored there.
pub(crate) fn cancelled(
    operation: &'static str,
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> Result<Vec<(usize, Option<Item>)>, PortError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return Err(failed(operation, error));
    };
    let reasons = || canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let any = |codes: &[&str]| reasons().any(|code| codes.contains(&code));
    let all = canceled.cancellation_reasons().iter().enumerate();
    let unmet = all.filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
    let unmet: Vec<_> = unmet.map(|(at, reason)| (at, reason.item().cloned())).collect();
    if !unmet.is_empty() {
        return Ok(unmet);
    }
    // An unknown reason is tried again: the queue bounds the tries.
    let lasting = any(&["ItemCollectionSizeLimitExceeded", "ValidationError", "AccessDenied"]);
    let detail = reasons().filter(|code| *code != "None").collect::<Vec<_>>().join(", ");
    Err(PortError { operation, retry: if lasting { Retry::Never } else { Retry::Later }, detail })
}

/// An item that this code did not write, or not in this form.
pub(crate) fn unreadable(operation: &'static str, attribute: &str) -> PortError {
    PortError::never(operation, format!("the stored attribute `{attribute}` is missing or of another form"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_told_without_the_name_of_a_customers_file() {
        let check = |key, expected| assert_eq!(super::shown(key), expected);
        check("inbox/acme-hr/jane-doe.csv", "inbox/acme-hr/…");
        check("sftp/acme-hr/errors/jane-doe.csv", "sftp/acme-hr/…");
        check("plans/acme/acme-hr/0a/1/chunk-0", "plans/acme/acme-hr/0a/1/chunk-0");
    }
}
