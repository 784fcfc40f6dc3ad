//! The one HTTP address: AWS services, mail page, control routes and the Lambda Runtime API.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::HeaderValue,
    response::Response,
    routing::get,
};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    authorizer::Authorizer,
    control,
    controls::Controls,
    cors, gateway,
    issuer::{self, Key},
    lambda::Lambda,
    mail_page,
    services::Services,
};

/// Serves everything on `listener`, tokens of `issuer` under its address, pages of the origin `console` let in, until `stop` fires or is dropped; then ends once the requests under way are answered.
pub(crate) fn serve(
    listener: TcpListener,
    services: Services,
    lambda: &Lambda,
    controls: Controls,
    (issuer, key): (&str, &Key),
    console: Option<&HeaderValue>,
    stop: oneshot::Receiver<()>,
) -> JoinHandle<()> {
    let aws = Router::new().fallback(aws).with_state(services.clone()).layer(cors::of_bucket(console));
    let router = Router::new()
        .route("/health", get(async || Json(json!({"ok": true}))))
        .merge(control::router(controls))
        .merge(mail_page::router(services.ses))
        .merge(crate::bus::router(services.bus))
        .merge(lambda.router())
        .merge(issuer::router(issuer, key))
        .merge(gateway::router(lambda, Authorizer::new(issuer, key), cors::of_admin_api(console)))
        .fallback_service(aws);
    // Webhooks are told where they came from.
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        let stopped = async move { drop(stop.await) };
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopped).await {
            tracing::error!("http: {error}");
        }
    })
}

async fn aws(State(services): State<Services>, request: Request) -> Response {
    let service = Services::service_of(&request);
    match services.handle(service, request).await {
        Ok(answer) => answer,
        Err(lost) => {
            // A body that fails makes the server close the connection.
            let broken = futures::stream::once(async move { Err::<Bytes, _>(lost) });
            Response::new(Body::from_stream(broken))
        }
    }
}
