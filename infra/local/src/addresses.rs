//! Where a stack can be reached, and the environment that says so.

use std::{net::SocketAddr, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{options::Options, services::Services, stack::CLOCK_FILE};

/// Where a running stack can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Health and control routes.
    pub http: String,
    /// `host:port` of SFTP.
    pub sftp: String,
    /// Endpoint of S3.
    pub s3: String,
    /// Endpoint of `DynamoDB`.
    pub dynamodb: String,
    /// Endpoint of SQS.
    pub sqs: String,
    /// Endpoint of SES and address of the mail page.
    pub mail: String,
    /// The bucket.
    pub bucket: String,
    /// The table.
    pub table: String,
}

impl Addresses {
    /// The line that says that the stack is ready.
    #[must_use]
    pub fn ready_line(&self) -> String {
        json!({
            "ready": true, "http": self.http, "sftp": self.sftp, "s3": self.s3, "dynamodb": self.dynamodb,
            "sqs": self.sqs, "mail": self.mail, "bucket": self.bucket, "table": self.table,
        })
        .to_string()
    }
}

/// The addresses that belong to the two that are listened on.
pub(crate) fn addresses(http: SocketAddr, sftp: SocketAddr, options: &Options) -> Addresses {
    let base = format!("http://{}", reachable(http));
    Addresses {
        sftp: reachable(sftp).to_string(),
        s3: base.clone(),
        dynamodb: base.clone(),
        sqs: base.clone(),
        mail: format!("{base}/mail"),
        http: base,
        bucket: options.bucket.clone(),
        table: options.table.clone(),
    }
}

/// Nobody can connect to 0.0.0.0, though one can listen there.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// What a function process, or anybody with an AWS SDK, needs to know of this stack.
pub(crate) fn environment(
    addresses: &Addresses,
    services: &Services,
    options: &Options,
    folder: &Path,
) -> Vec<(String, String)> {
    let own = [
        ("AWS_ENDPOINT_URL_S3", addresses.s3.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", addresses.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_SQS", addresses.sqs.clone()),
        ("AWS_ENDPOINT_URL_SESV2", addresses.mail.clone()),
        ("AWS_ENDPOINT_URL_SSM", addresses.http.clone()),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", addresses.http.clone()),
        ("MUSTER_EVENT_BUS", "muster".to_owned()),
        ("AWS_REGION", crate::REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", crate::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", crate::SECRET_KEY.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ("MUSTER_STACK", "muster-local".to_owned()),
        ("MUSTER_TABLE", options.table.clone()),
        ("MUSTER_BUCKET", options.bucket.clone()),
        ("MUSTER_IMPORT_QUEUE", services.sqs.url("import")),
        ("MUSTER_APPLY_QUEUE", services.sqs.url("apply")),
        ("MUSTER_REPORT_QUEUE", services.sqs.url("report")),
        ("MUSTER_EVENTS_QUEUE", services.sqs.url("events.fifo")),
        ("MUSTER_POLL_QUEUE", services.sqs.url("poll")),
        ("MUSTER_PUBLIC_URL", addresses.http.clone()),
        ("MUSTER_WEBHOOK_URL", addresses.http.clone()),
        ("MUSTER_SFTP_HOST", addresses.sftp.clone()),
        // Names only: the SFTP server looks at a session's policy, and nobody at its role.
        ("MUSTER_SFTP_ROLE_ARN", "arn:aws:iam::000000000000:role/muster-sftp-users".to_owned()),
        ("MUSTER_BUCKET_KEY_ARN", "arn:aws:kms:us-east-1:000000000000:key/muster".to_owned()),
        // As the issuer of tokens names them.
        ("MUSTER_CLAIM_ACCOUNT", "account".to_owned()),
        ("MUSTER_CLAIM_ROLE", "role".to_owned()),
        ("MUSTER_SECRETS_KEY", "arn:aws:kms:us-east-1:000000000000:key/muster".to_owned()),
        ("MUSTER_SECRETS_PREFIX", "/muster/local".to_owned()),
        // Fake providers on this machine may be called.
        ("MUSTER_LOCAL", "1".to_owned()),
        ("MUSTER_LOCAL_CLOCK", folder.join(CLOCK_FILE).display().to_string()),
        ("MUSTER_MAIL_FROM", options.mail_from.clone()),
        ("MUSTER_SES_CONFIGURATION_SET", "muster".to_owned()),
        ("MUSTER_MAIL_PATIENCE_SECONDS", "20".to_owned()),
        ("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned())),
    ];
    own.into_iter().map(|(k, v)| (k.to_owned(), v)).chain(options.extra_env.iter().cloned()).collect()
}
