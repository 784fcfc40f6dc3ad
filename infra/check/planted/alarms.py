"""Faults that the rules of rules/alarms.py must see: (what is wrong, the rule that must say so, how to plant it)."""

from planted.making import drop, properties, put


def in_dashboard(old, new):
    """A fault that puts other words into the dashboard."""

    def plant(template):
        body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
        assert old in body["Fn::Sub"], old
        body["Fn::Sub"] = body["Fn::Sub"].replace(old, new, 1)

    return plant


PLANTED = [
    ("alarm that tells nobody", "alarms_are_heard", put(*properties("LateFilesAlarm", "AlarmActions"), [])),
    ("nobody hears that it is over", "alarms_are_heard", drop(*properties("ApplyErrorsAlarm", "OKActions"))),
    ("alarm without a word", "alarms_say_what_to_do", drop(*properties("HeldPlansAlarm", "AlarmDescription"))),
    ("alarm that names a section that is not there", "alarms_say_what_to_do",
     put(*properties("HeldPlansAlarm", "AlarmDescription"), 'A plan waits. See "Plans" in docs/operations.md.')),
    ("misspelt metric of ours", "alarms_watch_what_there_is", put(*properties("LateFilesAlarm", "MetricName"), "LateFile")),
    ("metric of ours by another dimension", "alarms_watch_what_there_is",
     put(*properties("LateFilesAlarm", "Dimensions"), [{"Name": "connection", "Value": "x"}])),
    ("misspelt metric of AWS", "alarms_watch_what_there_is",
     put(*properties("ImportAgeAlarm", "MetricName"), "ApproximateAgeOfOldestMessages")),
    ("metric of AWS by another dimension", "alarms_watch_what_there_is",
     put(*properties("ScheduleAlarm", "Dimensions", 0, "Name"), "Function")),
    ("misspelt metric in a rate", "alarms_watch_what_there_is",
     put(*properties("ApplyErrorsAlarm", "Metrics", 1, "MetricStat", "Metric", "MetricName"), "Error")),
    ("function whose crashes nobody sees", "functions_are_watched", drop("SftpIdentityErrorsAlarm")),
    ("function whose throttles nobody sees", "functions_are_watched", drop("WebhookIntakeThrottlesAlarm")),
    ("queue that nobody watches", "queues_are_watched", drop("EventsAgeAlarm")),
    ("dead letters that nobody watches", "queues_are_watched", drop("PollDeadLettersAlarm")),
    ("held plans that nobody hears of", "all_that_matters_is_told", drop("HeldPlansAlarm")),
    ("late files that nobody hears of", "all_that_matters_is_told", drop("LateFilesAlarm")),
    ("silent subscriptions that nobody hears of", "all_that_matters_is_told", drop("SilentSubscriptionsAlarm")),
    ("schedule that stands still unseen", "all_that_matters_is_told",
     put(*properties("ScheduleAlarm", "TreatMissingData"), "notBreaching")),
    ("dashboard that is no JSON", "dashboard_can_be_read", in_dashboard('"widgets"', "widgets")),
    ("graph of a metric that is not there", "dashboard_can_be_read", in_dashboard('"RowsRead"', '"Rows"')),
    ("graph by another dimension", "dashboard_can_be_read", in_dashboard('"QueueName"', '"Queue"')),
    ("anybody's alarms in our topic", "alarm_topic_is_ours",
     drop(*properties("AlarmTopicPolicy", "PolicyDocument", "Statement", 0, "Condition", "StringEquals"))),
    ("alarms in clear text", "alarm_topic_is_ours", drop(*properties("AlarmTopic", "KmsMasterKeyId"))),
]
