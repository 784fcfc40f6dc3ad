//! The SDK's clients. A function calls only the ones it needs, so it links only those.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};

use crate::ConfigError;

/// How often a call is tried before its failure is the caller's.
const ATTEMPTS: u32 = 4;

/// Makes clients of the AWS services.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// From the SDK's own environment: credentials, region, `AWS_ENDPOINT_URL_…`.
    pub async fn from_env() -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Self::transport())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .load()
            .await;
        Self { config }
    }

    /// Over the caller's own transport, with fixed credentials and region; a call is tried at most
    /// `attempts` times, with pauses of 1 to 2 ms.
    pub fn with_http(http_client: impl HttpClient + 'static, attempts: u32) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(Duration::from_millis(1))
            .with_max_backoff(Duration::from_millis(2));
        let credentials = Credentials::new("local", "local", None, None, "fixed");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client)
            .retry_config(retries)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { config }
    }

    /// From another environment than the process's own: looks variables up in `told`, which must have
    /// `AWS_ENDPOINT_URL`s, credentials and a region. For tools that work on a stand-in.
    ///
    /// # Errors
    /// The name of a missing variable.
    pub fn told(
        told: &dyn Fn(&str) -> Option<String>,
        http: SharedHttpClient,
        attempts: u32,
    ) -> Result<Self, ConfigError> {
        let needed = |name: &'static str| told(name).ok_or(ConfigError(name));
        let credentials =
            Credentials::new(needed("AWS_ACCESS_KEY_ID")?, needed("AWS_SECRET_ACCESS_KEY")?, None, None, "told");
        let mut clients = Self::with_http(http, attempts);
        clients.config = clients
            .config
            .to_builder()
            .region(Region::new(needed("AWS_REGION")?))
            .endpoint_url(needed("AWS_ENDPOINT_URL_S3")?)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Ok(clients)
    }

    /// The plain transport, for [`Clients::told`].
    pub fn transport() -> SharedHttpClient {
        let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        Builder::new().tls_provider(ring).build_https()
    }

    /// The table's client.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// The bucket's client.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.config)
    }

    /// The queues' client.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// The event bus's client.
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config)
    }

    /// The parameter store's client.
    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.config)
    }

    /// The mail service's client. It never tries twice: `SendEmail` has no idempotency token, so a
    /// second try after a lost answer would be a second mail.
    pub fn sesv2(&self) -> aws_sdk_sesv2::Client {
        let config = aws_sdk_sesv2::config::Builder::from(&self.config)
            .retry_config(RetryConfig::standard().with_max_attempts(1))
            .build();
        aws_sdk_sesv2::Client::from_conf(config)
    }
}
