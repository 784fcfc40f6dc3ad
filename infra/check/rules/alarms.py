"""Rules about alarms and the dashboard: what is watched, by which metrics, and that somebody is told what to do."""

import json
import re

from rules.reading import as_list, dead_letter_queues, get, mappings, of_type, target

# The product's own metrics, as the code's table writes them into the document.
OWN = set(re.findall(r"^\| `(\w+)` \|", open("docs/metrics.md", encoding="utf-8").read(), re.MULTILINE))
SECTIONS = set(re.findall(r"^### (.+)$", open("docs/operations.md", encoding="utf-8").read(), re.MULTILINE))
# What AWS counts, by namespace, and by which dimensions.
OF_AWS = {
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}, {"QueueName"}),
    "AWS/Lambda": ({"Errors", "Invocations", "Throttles", "Duration", "ConcurrentExecutions"}, {"FunctionName"}),
    "AWS/ApiGateway": ({"Count", "4xx", "5xx"}, {"ApiId"}),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents"}, {"TableName"}),
    "AWS/SES": ({"Reputation.BounceRate"}, set()),
}
BY_FUNCTION = {"MessageAgeSeconds"}


def metric_faults(where, namespace, name, dimensions):
    """What is wrong with a metric that an alarm or a graph names: such a one stays silent for ever."""
    if namespace == "Muster":
        if name not in OWN:
            yield f"{where} looks at {name}, which no function tells"
        if dimensions - ({"function"} if name in BY_FUNCTION else set()) != {"stack"}:
            yield f"{where} looks at {name} by {sorted(dimensions)}"
        return
    names, by = OF_AWS.get(namespace, (set(), set()))
    if name not in names or dimensions != by:
        yield f"{where} looks at {namespace} {name} by {sorted(dimensions)}, which is not known here"


def alarm_metrics(alarm):
    """(namespace, name, dimensions) of what an alarm looks at."""
    single = [alarm] if alarm.get("MetricName") else []
    for metric in single + [get(one, "MetricStat", "Metric") for one in as_list(alarm.get("Metrics"))]:
        if metric:
            yield metric["Namespace"], metric["MetricName"], as_list(metric.get("Dimensions"))


def watched(template, name):
    """The logical ids of what the alarms on a metric of AWS watch."""
    return {
        target(dimension["Value"])
        for _, alarm in of_type(template, "CloudWatch::Alarm")
        for _, metric, dimensions in alarm_metrics(alarm)
        if metric == name
        for dimension in dimensions
    }


def alarms_are_heard(template, _):
    both = [
        {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]},
        {"Fn::If": ["HasAlarmEmail", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]},
    ]
    for name, alarm in of_type(template, "CloudWatch::Alarm"):
        for actions in ("AlarmActions", "OKActions"):
            if alarm.get(actions) != both:
                yield f"{name} tells nobody: {actions} {alarm.get(actions)}"


def alarms_say_what_to_do(template, _):
    for name, alarm in of_type(template, "CloudWatch::Alarm"):
        section = re.search(r'See "(.+)" in docs/operations\.md\.$', alarm.get("AlarmDescription") or "")
        if not section or section.group(1) not in SECTIONS:
            yield f"{name} names no section of docs/operations.md"


def alarms_watch_what_there_is(template, _):
    for name, alarm in of_type(template, "CloudWatch::Alarm"):
        for namespace, metric, dimensions in alarm_metrics(alarm):
            yield from metric_faults(name, namespace, metric, {dimension["Name"] for dimension in dimensions})


def functions_are_watched(template, _):
    for metric in ("Errors", "Throttles"):
        for name in sorted({name for name, _ in of_type(template, "Lambda::Function")} - watched(template, metric)):
            yield f"no alarm watches the {metric.lower()} of {name}"


def queues_are_watched(template, _):
    fed = {queue for _, _, _, queue in mappings(template)}
    for name in sorted(fed - watched(template, "ApproximateAgeOfOldestMessage")):
        yield f"no alarm tells that messages stay in {name}"
    for name in sorted(dead_letter_queues(template) - watched(template, "ApproximateNumberOfMessagesVisible")):
        yield f"no alarm watches {name}"


# What product.md and the threat model want to be told of, beside functions and queues.
TOLD = {"OldestHeldPlanHours", "LateFiles", "SilentSubscriptions", "RunsFailed", "MailsRefused", "Reputation.BounceRate"}
TOLD |= {"Invocations", "5xx", "ReadThrottleEvents", "WriteThrottleEvents"}


def all_that_matters_is_told(template, _):
    alarms = [alarm for _, alarm in of_type(template, "CloudWatch::Alarm")]
    found = {metric for alarm in alarms for _, metric, _ in alarm_metrics(alarm)}
    for metric in sorted(TOLD - found):
        yield f"no alarm tells of {metric}"
    for name, alarm in of_type(template, "CloudWatch::Alarm"):
        if alarm.get("MetricName") == "Invocations" and alarm.get("TreatMissingData") != "breaching":
            yield f"{name} takes silence for health"


def dashboard_can_be_read(template, _):
    for name, dashboard in of_type(template, "CloudWatch::Dashboard"):
        body = re.sub(r"\$\{[^}]+\}", "x", str(get(dashboard, "DashboardBody", "Fn::Sub")))
        try:
            widgets = json.loads(body)["widgets"]
        except (ValueError, KeyError) as error:
            yield f"{name} is not the JSON of a dashboard: {error}"
            continue
        for widget in widgets:
            for metric in get(widget, "properties", "metrics") or []:
                place = [one for one in metric if not isinstance(one, dict)]
                yield from metric_faults(name, place[0], place[1], set(place[2::2]))


def alarm_topic_is_ours(template, _):
    account = {"Ref": "AWS::AccountId"}
    for name, topic in of_type(template, "SNS::Topic"):
        if not topic.get("KmsMasterKeyId"):
            yield f"{name} is not encrypted"
    for name, policy in of_type(template, "SNS::TopicPolicy"):
        for statement in as_list(policy["PolicyDocument"]["Statement"]):
            if statement["Effect"] == "Allow" and get(statement, "Condition", "StringEquals", "aws:SourceAccount") != account:
                yield f"{name} lets in {statement['Principal']} of any account"


RULES = [
    alarms_are_heard,
    alarms_say_what_to_do,
    alarms_watch_what_there_is,
    functions_are_watched,
    queues_are_watched,
    all_that_matters_is_told,
    dashboard_can_be_read,
    alarm_topic_is_ours,
]
