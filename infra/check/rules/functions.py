"""Rules about functions and what starts them."""

import re

from rules.reading import as_list, binary, get, mappings, of_type, rule_targets, target

ENVIRONMENT = {
    "MUSTER_TABLE",
    "MUSTER_BUCKET",
    "MUSTER_IMPORT_QUEUE",
    "MUSTER_APPLY_QUEUE",
    "MUSTER_REPORT_QUEUE",
    "MUSTER_EVENTS_QUEUE",
    "MUSTER_POLL_QUEUE",
    "MUSTER_EVENT_BUS",
    "MUSTER_SECRETS_PREFIX",
    "MUSTER_SECRETS_KEY",
    "MUSTER_MAIL_FROM",
    "MUSTER_SES_CONFIGURATION_SET",
}
# What single functions read beyond that.
OWN_ENVIRONMENT = {
    "admin-api": {"MUSTER_PUBLIC_URL", "MUSTER_WEBHOOK_URL", "MUSTER_SFTP_HOST", "MUSTER_CLAIM_ACCOUNT", "MUSTER_CLAIM_ROLE"},
    "report-email": {"MUSTER_PUBLIC_URL"},
    "sftp-identity": {"MUSTER_SFTP_ROLE_ARN", "MUSTER_BUCKET_KEY_ARN"},
}
# Where secrets are and which key they are encrypted under: names of things, no secrets.
NAMES_OF_SECRETS = {"MUSTER_SECRETS_PREFIX", "MUSTER_SECRETS_KEY"}


def one_resource_per_function(template, folders):
    found = sorted(str(binary(template, name)) for name, _ in of_type(template, "Lambda::Function"))
    if found != sorted(folders):
        yield f"functions/ holds {sorted(folders)}, the template builds {found}"


def tracing(template, _):
    for name, function in of_type(template, "Lambda::Function"):
        if get(function, "TracingConfig", "Mode") != "Active":
            yield f"{name} has no tracing"


def environment(template, _):
    for name, function in of_type(template, "Lambda::Function"):
        found = set(get(function, "Environment", "Variables") or {})
        read = ENVIRONMENT | OWN_ENVIRONMENT.get(binary(template, name), set())
        if found != read:
            yield f"{name} has other variables than the functions read: {sorted(found ^ read)}"


def log_group(template, _):
    groups = dict(of_type(template, "Logs::LogGroup"))
    for name, function in of_type(template, "Lambda::Function"):
        group = groups.get(target(get(function, "LoggingConfig", "LogGroup")), {})
        if not group.get("RetentionInDays"):
            yield f"{name} has no log group with a retention"
        elif group.get("LogGroupName") != {"Fn::Sub": f"/aws/lambda/${{AWS::StackName}}-{binary(template, name)}"}:
            yield f"{name} logs into a group of another name"


def partial_batch(template, _):
    for name, mapping, _, _ in mappings(template):
        if "ReportBatchItemFailures" not in as_list(mapping.get("FunctionResponseTypes")):
            yield f"{name} retries a whole batch for one bad message: no ReportBatchItemFailures"


def throttled(template, _):
    for name, mapping, _, _ in mappings(template):
        if not get(mapping, "ScalingConfig", "MaximumConcurrency"):
            yield f"{name} has no MaximumConcurrency"


def schedules(template, _):
    """What a schedule calls without a queue between must be tried again and leave a trace when it comes to nothing."""
    watched = {
        target(config["FunctionName"])
        for _, config in of_type(template, "Lambda::EventInvokeConfig")
        if get(config, "DestinationConfig", "OnFailure", "Destination")
    }
    scheduled = [one for one in rule_targets(template) if one[1].get("ScheduleExpression")]
    if not scheduled:
        yield "nothing starts what is due"
    for name, _, one in scheduled:
        if not get(one, "DeadLetterConfig", "Arn"):
            yield f"{name} has no dead-letter queue"
        if not get(one, "RetryPolicy", "MaximumRetryAttempts"):
            yield f"{name} has no retry policy"
        if target(one["Arn"]) not in watched:
            yield f"{target(one['Arn'])} fails without a trace when {name} calls it: no OnFailure destination"


def no_secrets(template, _):
    for name, function in of_type(template, "Lambda::Function"):
        for key, value in (get(function, "Environment", "Variables") or {}).items():
            named = re.search(r"SECRET|TOKEN|PASSWORD|KEY$", key) and key not in NAMES_OF_SECRETS
            if isinstance(value, str) or named:
                yield f"{name} has {key} in its environment; only references belong there"


RULES = [
    one_resource_per_function,
    tracing,
    environment,
    log_group,
    partial_batch,
    throttled,
    schedules,
    no_secrets,
]
