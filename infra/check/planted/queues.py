"""Faults that the rules of rules/queues.py must see: (what is wrong, the rule that must say so, how to plant it)."""

from planted.making import drop, properties, put

QUEUE_SOURCE = ("PolicyDocument", "Statement", 1, "Condition", "StringEquals")

PLANTED = [
    ("visibility below the timeout", "visibility", put(*properties("ImportQueue", "VisibilityTimeout"), 30)),
    ("visibility below six timeouts", "visibility", put(*properties("ImportQueue", "VisibilityTimeout"), 1799)),
    ("no dead letters", "redrive", drop(*properties("ApplyQueue", "RedrivePolicy"))),
    ("queue without TLS rule", "tls_only", put(*properties("ApplyQueuePolicy", "PolicyDocument", "Statement"), [])),
    ("bucket without TLS rule", "tls_only", drop("BucketPolicy")),
    ("queue open to other accounts", "source_account",
     drop(*properties("ImportQueuePolicy", *QUEUE_SOURCE, "aws:SourceAccount"))),
    ("nobody watches dead letters", "queues_are_watched", drop("ReportDeadLettersAlarm")),
    ("plain queue", "queue_encryption", drop(*properties("ApplyQueue", "SqsManagedSseEnabled"))),
    ("queue open to every bucket", "source_account",
     drop(*properties("ImportQueuePolicy", "PolicyDocument", "Statement", 1, "Condition", "ArnEquals"))),
    ("dead letters of a FIFO queue are none", "fifo_dead_letters", drop(*properties("EventsDeadLetters", "FifoQueue"))),
    ("FIFO dead letters of a plain queue", "fifo_dead_letters", put(*properties("PollDeadLetters", "FifoQueue"), True)),
    ("events in any order", "events_in_order", drop(*properties("EventsQueue", "FifoQueue"))),
    ("one busy connection slows all", "events_in_order", drop(*properties("EventsQueue", "FifoThroughputLimit"))),
    ("events hidden too briefly", "visibility", put(*properties("EventsQueue", "VisibilityTimeout"), 719)),
    ("listings hidden too briefly", "visibility", put(*properties("PollQueue", "VisibilityTimeout"), 900)),
    ("nobody watches the schedule", "queues_are_watched", drop("ScheduleDeadLettersAlarm")),
    ("schedule's dead letters are forgotten", "redrive",
     drop(*properties("ScheduleDeadLetters", "MessageRetentionPeriod"))),
    ("dead letters open to every rule", "source_account",
     drop(*properties("ScheduleDeadLettersPolicy", "PolicyDocument", "Statement", 1, "Condition", "ArnEquals"))),
    ("dead letters of every queue", "redrive_allowed", drop(*properties("ApplyDeadLetters", "RedriveAllowPolicy"))),
    ("dead letters of another queue", "redrive_allowed",
     put(*properties("ApplyQueue", "QueueName"), {"Fn::Sub": "${AWS::StackName}-chunks"})),
]
