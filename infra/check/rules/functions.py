"""Rules about functions and what starts them."""

import math
import pathlib
import re

from rules.reading import as_list, binary, get, mappings, of_type, role_of, rule_targets, statements, target

ENVIRONMENT = {
    "RUST_LOG",
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
# Functions that something besides their queue starts: what that sends to the queue comes once, not again and again.
# scheduled-poll: the schedule's call hands out listings; a listing that is put down waits for the schedule's next.
STARTED_BESIDES = {"scheduled-poll"}
# (function, file of shared/sync/src, its constant in milliseconds, whether it is longer than the function's timeout). Leases
# themselves end a margin after the deadline that Lambda tells, so they outlive whatever timeout stands in the template.
WAITS = [
    ("scheduled-poll", "poll/dispatch.rs", "LOOK_AFTER_MS", True),
    ("report-email", "report.rs", "PATIENCE_MS", True),
    ("scheduled-poll", "poll/mod.rs", "MARGIN_MS", False),
    ("apply", "apply/mod.rs", "MARGIN_MS", False),
    ("file-import", "import/mod.rs", "LEASE_MARGIN_MS", False),
    ("admin-api", "by_hand.rs", "LEASE_MARGIN_MS", False),
]
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


def reserved(template, name, setting):
    """Pairs of how many messages come at once and how many executions are set aside for them, for every setting."""
    aside = template["Resources"][name]["Properties"].get("ReservedConcurrentExecutions")
    condition, value, otherwise = get(aside, "Fn::If") or (None, None, None)
    if condition != "ReservesConcurrency" or otherwise != {"Ref": "AWS::NoValue"}:
        return None
    if not get(value, "Fn::FindInMap"):
        return [(setting, value)]
    table, by, key = value["Fn::FindInMap"]
    if by != setting:
        return [(setting, value)]
    settings = template["Parameters"][by["Ref"]]["AllowedValues"]
    # One more than messages, for whatever calls besides the queue.
    return [(one, template["Mappings"][table].get(str(one), {}).get(key, 0) - 1) for one in settings]


def concurrency(template, _):
    """Executions can be set aside for every function, never fewer than its queue hands over, and are not by default."""
    at_once = {function: get(mapping, "ScalingConfig", "MaximumConcurrency") for _, mapping, function, _ in mappings(template)}
    for name, _ in of_type(template, "Lambda::Function"):
        pairs = reserved(template, name, at_once.get(name))
        if pairs is None:
            yield f"{name} has no executions to be set aside by ReserveConcurrency"
        for most, aside in pairs or [] if name in at_once else []:
            if most != aside and not (isinstance(most, int) and isinstance(aside, int) and most <= aside):
                yield f"{name} is handed {most} messages at once and has {aside} executions: the others end as dead letters"
    if get(template, "Parameters", "ReserveConcurrency", "Default") != "no":
        yield "a new AWS account has too few executions to set any aside, so ReserveConcurrency must be no by default"


def no_loops(template, _):
    """Lambda breaks a chain of 16 calls. Ours have no reason for one, so nobody may switch that off."""
    feeds = {function: queue for _, _, function, queue in mappings(template)}
    for name, function in of_type(template, "Lambda::Function"):
        if function.get("RecursiveLoop", "Terminate") != "Terminate":
            yield f"{name} may call itself for ever"
        sends = [
            target(queue)
            for statement in statements(template["Resources"][role_of(template, name)]["Properties"])
            if "sqs:SendMessage" in as_list(statement.get("Action"))
            for queue in as_list(statement["Resource"])
        ]
        if feeds.get(name) in sends and binary(template, name) not in STARTED_BESIDES:
            yield f"{name} may send to {feeds[name]}, which feeds it"


def waits(template, _):
    """What the code waits for is longer than the function that it waits for, and what it keeps back at its end is shorter."""
    timeouts = {binary(template, name): function.get("Timeout", 3) for name, function in of_type(template, "Lambda::Function")}
    for function, file, name, longer in WAITS:
        ms = constant(file, name)
        if ms is None:
            yield f"{file} has no {name} any more: say in WAITS what took its place"
            continue
        timeout_ms = timeouts.get(function, 0) * 1_000
        if not (ms > timeout_ms if longer else ms < timeout_ms):
            yield f"{name} of {file} is {ms} ms, which does not fit {function}'s timeout of {timeout_ms} ms"


def constant(file, name):
    """The value of a constant of the code that is a product of numbers, or None."""
    path = pathlib.Path(__file__).parents[3] / "shared" / "sync" / "src" / file
    found = re.search(rf"const {name}: i64 = ([0-9_* ]+);", path.read_text(encoding="utf-8")) if path.exists() else None
    return found and math.prod(int(factor) for factor in found.group(1).split("*"))


RULES = [
    one_resource_per_function,
    tracing,
    environment,
    log_group,
    partial_batch,
    throttled,
    schedules,
    no_secrets,
    concurrency,
    no_loops,
    waits,
]
