"""Faults that the rules of rules/functions.py must see: (what is wrong, the rule that must say so, how to plant it)."""

import copy

from planted.making import drop, properties, put

MINUTE = properties("ScheduledPollFunctionMinute", "Targets", 0)


def second_resource(template):
    template["Resources"]["Twin"] = copy.deepcopy(template["Resources"]["ApplyFunction"])


PLANTED = [
    ("secret in the environment", "no_secrets",
     put(*properties("ApplyFunction", "Environment", "Variables", "MUSTER_TABLE"), "hunter2")),
    ("no partial batch", "partial_batch", drop(*properties("ApplyFunctionChunk", "FunctionResponseTypes"))),
    ("no throttle", "throttled", drop(*properties("ApplyFunctionChunk", "ScalingConfig"))),
    ("no tracing", "tracing", drop(*properties("FileImportFunction", "TracingConfig"))),
    ("function twice", "one_resource_per_function", second_resource),
    ("function built from another package", "one_resource_per_function",
     put("ReportEmailFunction", "Metadata", "BuildProperties", "Binary", "apply")),
    ("variable missing", "environment", drop(*properties("ApplyFunction", "Environment", "Variables", "MUSTER_TABLE"))),
    ("no log group", "log_group", drop(*properties("ApplyFunction", "LoggingConfig"))),
    ("logs for ever", "log_group", drop(*properties("ApplyLogs", "RetentionInDays"))),
    ("events in whole batches", "partial_batch", drop(*properties("WebhookApplyFunctionEvent", "FunctionResponseTypes"))),
    ("schedule without dead letters", "schedules", drop(*MINUTE, "DeadLetterConfig")),
    ("schedule without retries", "schedules", drop(*MINUTE, "RetryPolicy")),
    ("schedule fails in silence", "schedules", drop("ScheduledPollFunctionEventInvokeConfig")),
    ("no schedule", "schedules", drop("ScheduledPollFunctionMinute")),
    ("secret beside its name", "no_secrets",
     put(*properties("ScheduledPollFunction", "Environment", "Variables", "MUSTER_API_TOKEN"), {"Ref": "MailFrom"})),
]
