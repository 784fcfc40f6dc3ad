"""Rules about what the internet may call."""

import json
import re

from rules.reading import as_list, get, of_type, target

# All that the internet may call.
ROUTES = {
    "WebhookApi": [("/webhooks/{connector}", ["post"]), ("/webhooks/{connector}/{connection}", ["post"])],
    "AdminApi": [
        ("/consents/{token}", ["get", "post"]),
        ("/consents/{token}/finish", ["post"]),
        ("/decisions/{token}", ["get", "post"]),
        ("/v1/openapi.json", ["get"]),
        ("/v1/{proxy+}", ["delete", "get", "patch", "post", "put"]),
    ],
}


def http_api(template, _):
    groups = dict(of_type(template, "Logs::LogGroup"))
    for name, stage in of_type(template, "ApiGatewayV2::Stage"):
        for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            if not get(stage, "DefaultRouteSettings", limit):
                yield f"{name} has no {limit}: whoever calls most takes all executions of the account"
        if not groups.get(target(get(stage, "AccessLogSettings", "DestinationArn")), {}).get("RetentionInDays"):
            yield f"{name} has no access log with a retention"
        if re.search(r"header|querystring|body", str(get(stage, "AccessLogSettings", "Format")), re.IGNORECASE):
            yield f"{name} logs what callers send; signatures and people are there"


def api_routes(template, _):
    for name, api in of_type(template, "ApiGatewayV2::Api"):
        routes = sorted((path, sorted(methods)) for path, methods in (get(api, "Body", "paths") or {}).items())
        if routes != ROUTES[name]:
            yield f"{name} answers {routes}, not {ROUTES[name]}"
        for path, methods in (get(api, "Body", "paths") or {}).items():
            for method in methods.values():
                if str(get(method, "x-amazon-apigateway-integration", "payloadFormatVersion")) != "2.0":
                    yield f"{name} hands {path} over in another form than the function reads"


def admin_routes_are_closed(template, _):
    """Everything but the document and the pages behind signed links wants a token of the issuer."""
    for path, methods in (get(template["Resources"]["AdminApi"]["Properties"], "Body", "paths") or {}).items():
        for method, operation in methods.items():
            closed = [{"Issuer": []}] == operation.get("security")
            if closed != (path == "/v1/{proxy+}"):
                yield f"AdminApi lets {'nobody' if closed else 'anybody'} {method} {path}"


def no_waf_on_http_api(template, _):
    """AWS WAF takes no HTTP APIs: a claim that it does fails to deploy, or protects nothing."""
    for name, claim in of_type(template, "WAFv2::WebACLAssociation"):
        place = json.dumps(claim.get("ResourceArn", ""))
        if "apigateway" in place or any(api in place for api, _ in of_type(template, "ApiGatewayV2::Api")):
            yield f"{name} puts WAF before an HTTP API, which AWS does not have; rates bound what callers cost"


def own_domains(template, _):
    """Behind an own host name: nothing older than TLS 1.2, and API Gateway's own address closed."""
    domains = dict(of_type(template, "ApiGatewayV2::DomainName"))
    mapped = {target(mapping["ApiId"]): mapping for _, mapping in of_type(template, "ApiGatewayV2::ApiMapping")}
    for name, api in of_type(template, "ApiGatewayV2::Api"):
        domain = domains.get(target(get(mapped.get(name, {}), "DomainName")), {})
        if not domain:
            yield f"{name} cannot have a host name of its own"
        for one in as_list(domain.get("DomainNameConfigurations")):
            if one.get("SecurityPolicy") != "TLS_1_2":
                yield f"{name} takes {one.get('SecurityPolicy') or 'TLS 1.0'} under its own host name"
        if "disableExecuteApiEndpoint" not in json.dumps(get(api, "Body", "servers")):
            yield f"{name} stays open under API Gateway's address"


def only_the_console_calls_across_origins(template, _):
    """A page of any other origin must not call the API or the bucket with what a browser knows."""
    origin = [{"Ref": "ConsoleOrigin"}]
    for name, api in of_type(template, "ApiGatewayV2::Api"):
        cors = get(api, "Body", "x-amazon-apigateway-cors") or {}
        if cors.get("allowOrigins") != (origin if name == "AdminApi" else None) or cors.get("allowCredentials"):
            yield f"{name} lets pages of {cors.get('allowOrigins')} call it"
    for name, bucket in of_type(template, "S3::Bucket"):
        for rule in get(bucket, "CorsConfiguration", "CorsRules") or []:
            if rule.get("AllowedOrigins") != origin or not set(rule["AllowedMethods"]) <= {"GET", "PUT"}:
                yield f"{name} lets pages of {rule.get('AllowedOrigins')} {rule['AllowedMethods']}"
    if not str(template["Parameters"]["ConsoleOrigin"].get("Default")).endswith(".invalid"):
        yield "ConsoleOrigin lets somebody's page in by default"


RULES = [
    http_api,
    api_routes,
    admin_routes_are_closed,
    no_waf_on_http_api,
    own_domains,
    only_the_console_calls_across_origins,
]
