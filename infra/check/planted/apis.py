"""Faults that the rules of rules/apis.py must see: (what is wrong, the rule that must say so, how to plant it)."""

import copy

from planted.making import drop, properties, put

STAGE = "WebhookApiApiGatewayDefaultStage"
HOOK = ("Body", "paths", "/webhooks/{connector}")


def open_route(template):
    paths = template["Resources"]["WebhookApi"]["Properties"]["Body"]["paths"]
    paths["/{proxy+}"] = copy.deepcopy(paths["/webhooks/{connector}"])


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
]
