//! Answers the admin API's requests, as API Gateway hands them over with a verified token's claims.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::http::{HeaderName, HeaderValue};
use base64::Engine;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_api::{Api, Caller, ClaimNames, Config, Request, Response, World};
use muster_aws::{Bucket, Invocation, Ports, Queues, SecretStore, Table, WebSender, told_env};
use muster_sync::{Clock, Web};

/// Runs the function until the runtime stops it.
///
/// # Errors
/// When a setting is missing or the Lambda Runtime API cannot be reached.
pub fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        muster_aws::init_logging();
        let ports = Ports::from_env().await?;
        let (names, config) = (ClaimNames::told(&told_env), Config::told(&told_env));
        let api = Api::new(Stage { ports, web: WebSender::from_env(), config });
        lambda_runtime::run(service_fn(|event| handle(&api, &names, event))).await
    })
}

/// Answers one request; never fails, for what fails is an answer too.
pub async fn handle<W: Web>(
    api: &Api<Stage<W>>,
    names: &ClaimNames,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let LambdaEvent { payload, context } = event;
    let invocation = Invocation::new(env!("CARGO_PKG_NAME"), &context.request_id, context.xray_trace_id.as_deref());
    let request = request_of(payload, names);
    // Less than API Gateway waits. Boxed: the state machines of the SDK below are too deep for the compiler otherwise.
    let answer = tokio::time::timeout(Duration::from_secs(27), Box::pin(api.answer(&request)));
    let answer = invocation.handle(async { answer.await.unwrap_or_else(|_| Response::not_in_time()) }).await;
    Ok(answer_of(answer))
}

/// What the API stands on.
#[derive(Debug)]
pub struct Stage<W> {
    /// AWS.
    pub ports: Ports,
    /// The sender of requests to providers.
    pub web: W,
    /// What is set for the installation.
    pub config: Config,
}

impl<W: Web> World for Stage<W> {
    type Table = Table;
    type Objects = Bucket;
    type Queue = Queues;
    type Secrets = SecretStore;
    type Web = W;
    type Clock = Box<dyn Clock>;
    fn table(&self) -> &Table {
        &self.ports.table
    }
    fn objects(&self) -> &Bucket {
        &self.ports.bucket
    }
    fn queue(&self) -> &Queues {
        &self.ports.queues
    }
    fn secrets(&self) -> &SecretStore {
        &self.ports.secrets
    }
    fn web(&self) -> &W {
        &self.web
    }
    fn clock(&self) -> &Box<dyn Clock> {
        &self.ports.clock
    }
    fn random(&self) -> [u8; 64] {
        rand::random()
    }
    fn config(&self) -> &Config {
        &self.config
    }
}

fn request_of(event: ApiGatewayV2httpRequest, names: &ClaimNames) -> Request {
    let claims = event.request_context.authorizer.and_then(|authorizer| authorizer.jwt);
    let claims: Option<BTreeMap<_, _>> = claims.map(|jwt| jwt.claims.into_iter().collect());
    let text = event.body.unwrap_or_default();
    let decoded = event.is_base64_encoded.then(|| base64::engine::general_purpose::STANDARD.decode(&text));
    let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = event.headers.iter().map(|(name, value)| (name.to_string(), shown(value)));
    // API Gateway takes them out of the headers.
    let cookies = event.cookies.filter(|all| !all.is_empty()).map(|all| ("cookie".to_owned(), all.join("; ")));
    Request {
        host: event.request_context.domain_name,
        method: event.request_context.http.method.to_string(),
        path: event.raw_path.unwrap_or_default(),
        query: event.raw_query_string.unwrap_or_default(),
        headers: headers.chain(cookies).collect(),
        body: decoded.map_or(text.into_bytes(), Result::unwrap_or_default),
        caller: claims.and_then(|claims| Caller::of(&claims, names)),
    }
}

fn answer_of(response: Response) -> ApiGatewayV2httpResponse {
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(response.status);
    let headers = response.headers.into_iter();
    answer.headers.extend(
        headers.filter_map(|(name, value)| Some((HeaderName::try_from(name).ok(), HeaderValue::try_from(value).ok()?))),
    );
    answer.body = Some(response.body.into());
    answer
}
