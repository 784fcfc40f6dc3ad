"""Faults that the rules of rules/functions.py must see: (what is wrong, the rule that must say so, how to plant it)."""

import copy

from planted.making import drop, properties, put, statement

MINUTE = properties("ScheduledPollFunctionMinute", "Targets", 0)


def second_resource(template):
    template["Resources"]["Twin"] = copy.deepcopy(template["Resources"]["ApplyFunction"])


def set_aside(template):
    template["Parameters"]["ReserveConcurrency"]["Default"] = "yes"


def fewer_for_polls(template):
    template["Mappings"]["PollReserves"]["50"]["Executions"] = 50


def another_setting(template):
    template["Parameters"]["PollConcurrency"]["AllowedValues"].append(200)


ASIDE = "ReservedConcurrentExecutions"
QUEUE = {"Fn::GetAtt": ["ApplyQueue", "Arn"]}

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
    ("nothing to be set aside", "concurrency", drop(*properties("AdminApiFunction", ASIDE))),
    ("more messages than executions", "concurrency",
     put(*properties("FileImportFunctionImport", "ScalingConfig", "MaximumConcurrency"), {"Ref": "ApplyConcurrency"})),
    ("fewer executions than messages", "concurrency",
     put(*properties("ReportEmailFunction", ASIDE), {"Fn::If": ["ReservesConcurrency", 1, {"Ref": "AWS::NoValue"}]})),
    ("no execution for the schedule", "concurrency", fewer_for_polls),
    ("setting without executions", "concurrency", another_setting),
    ("cannot be deployed into a new account", "concurrency", set_aside),
    ("loops are allowed", "no_loops", put(*properties("ApplyFunction", "RecursiveLoop"), "Allow")),
    ("apply goes on by itself", "no_loops", statement("ApplyRole", "Send", Resource=QUEUE)),
    ("listing outlives who looks after it", "waits", put(*properties("ScheduledPollFunction", "Timeout"), 1800)),
    ("mail is sent again while it is sent", "waits", put(*properties("ReportEmailFunction", "Timeout"), 900)),
    ("no time to write", "waits", put(*properties("ApplyFunction", "Timeout"), 3)),
]
