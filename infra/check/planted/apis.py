"""Faults that the rules of rules/apis.py must see: (what is wrong, the rule that must say so, how to plant it)."""

import copy

from planted.making import drop, properties, put

STAGE = "WebhookApiApiGatewayDefaultStage"
HOOK = ("Body", "paths", "/webhooks/{connector}")


def open_route(template):
    paths = template["Resources"]["WebhookApi"]["Properties"]["Body"]["paths"]
    paths["/{proxy+}"] = copy.deepcopy(paths["/webhooks/{connector}"])


def claim_waf(template):
    api = "arn:${AWS::Partition}:apigateway:${AWS::Region}::/apis/${AdminApi}/stages/$default"
    association = {"ResourceArn": {"Fn::Sub": api}, "WebACLArn": "arn:aws:wafv2:eu-central-1:1:regional/webacl/a/b"}
    template["Resources"]["Waf"] = {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": association}


PLANTED = [
    ("API without rate", "http_api", drop(*properties(STAGE, "DefaultRouteSettings", "ThrottlingRateLimit"))),
    ("API without limits", "http_api", drop(*properties(STAGE, "DefaultRouteSettings"))),
    ("API without access log", "http_api", drop(*properties(STAGE, "AccessLogSettings"))),
    ("API logs signatures", "http_api",
     put(*properties(STAGE, "AccessLogSettings", "Format"), "$request.header.x-signature")),
    ("API's log for ever", "http_api", drop(*properties("WebhookApiLogs", "RetentionInDays"))),
    ("API open for other paths", "api_routes", open_route),
    ("API open for other methods", "api_routes", put(*properties("WebhookApi", *HOOK, "get"), {})),
    ("API hands over in the old form", "api_routes",
     put(*properties("WebhookApi", *HOOK, "post", "x-amazon-apigateway-integration", "payloadFormatVersion"), "1.0")),
    ("admin API open", "admin_routes_are_closed",
     drop(*properties("AdminApi", "Body", "paths", "/v1/{proxy+}", "post", "security"))),
    ("WAF before an HTTP API", "no_waf_on_http_api", claim_waf),
    ("old TLS under an own host name", "own_domains",
     put(*properties("AdminDomain", "DomainNameConfigurations", 0, "SecurityPolicy"), "TLS_1_0")),
    ("API Gateway's address stays open", "own_domains", drop(*properties("WebhookApi", "Body", "servers"))),
    ("no own host name", "own_domains", drop("WebhookDomainMapping")),
    ("any page calls the admin API", "only_the_console_calls_across_origins",
     put(*properties("AdminApi", "Body", "x-amazon-apigateway-cors", "allowOrigins"), ["*"])),
    ("pages call with the browser's cookies", "only_the_console_calls_across_origins",
     put(*properties("AdminApi", "Body", "x-amazon-apigateway-cors", "allowCredentials"), True)),
    ("pages send webhooks", "only_the_console_calls_across_origins",
     put(*properties("WebhookApi", "Body", "x-amazon-apigateway-cors"), {"allowOrigins": ["*"]})),
    ("pages delete files", "only_the_console_calls_across_origins",
     put(*properties("Bucket", "CorsConfiguration", "CorsRules", 0, "AllowedMethods"), ["GET", "PUT", "DELETE"])),
]
