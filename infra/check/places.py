"""Where each function may do what actions.py lists: the keys and queues that the code of its ports touches.

By action, or by service for all the actions of it that are not named. What every function has is in EVERYWHERE; the queue
that feeds a function and its log group are read from the template.
"""

EVERYWHERE = {
    "dynamodb": {"Table"},
    "events": {"Bus"},
    "kms": {"Key"},
    "s3:ListBucket": {"Bucket"},
    "s3:ListBucketVersions": {"Bucket"},
    "xray": {"*"},
}


def below(*prefixes):
    """Objects of the bucket."""
    return {f"Bucket/{prefix}" for prefix in prefixes}


UPLOADS = below("inbox/*", "partial/*", "sftp/*/inbound/*")
PLANS = below("plans/*", "rosters/*")
# Who is erased is erased from these, in every version.
ERASED = PLANS | below("reports/*", "polls/*", "exports/*", "sftp/*/errors/*")
OWN_SECRETS = {"parameter/connections/*"}
SECRETS = OWN_SECRETS | {"parameter/connectors/*"}
GROUPS = {f"Table/index/by-g{slot}" for slot in (1, 2, 3)}

PLACES = {
    "file-import": {
        "s3:GetObject": UPLOADS | PLANS | below("keys/*/pgp.asc"),
        "s3:GetObjectVersion": UPLOADS,
        "s3:PutObject": PLANS | below("reports/*"),
        "sqs:SendMessage": {"ApplyQueue", "ReportQueue"},
    },
    "apply": {"s3:GetObject": below("plans/*"), "sqs:SendMessage": {"ReportQueue"}},
    "report-email": {
        "s3:GetObject": below("plans/*", "reports/*"),
        "s3:PutObject": below("sftp/*/errors/*"),
        "ses:SendEmail": {"identity/${MailIdentity}", "configuration-set/${MailEvents}"},
    },
    "webhook-intake": {"ssm:GetParameter": SECRETS, "sqs:SendMessage": {"EventsQueue"}},
    "webhook-apply": {
        "s3:GetObject": PLANS,
        "s3:PutObject": PLANS | below("reports/*"),
        "ssm:GetParameter": SECRETS,
        "ssm:PutParameter": OWN_SECRETS,
        "sqs:SendMessage": {"ReportQueue"},
    },
    # To its own queue the schedule's call sends, never a message.
    "scheduled-poll": {
        "dynamodb": {"Table", "Table/index/by-due"},
        "s3:GetObject": PLANS | below("polls/*"),
        "s3:PutObject": PLANS | below("reports/*", "polls/*"),
        "ssm:GetParameter": SECRETS,
        "ssm:PutParameter": OWN_SECRETS,
        "sqs:SendMessage": {"PollQueue", "ApplyQueue", "ReportQueue", "ScheduleDeadLetters"},
    },
    "admin-api": {
        "dynamodb": {"Table", "Table/index/by-time"} | GROUPS,
        "s3:GetObject": ERASED | below("inbox/*", "sftp/*/inbound/*", "keys/*/pgp.asc"),
        "s3:GetObjectVersion": ERASED | below("inbox/*", "sftp/*/inbound/*", "keys/*/pgp.asc"),
        "s3:PutObject": PLANS | below("inbox/*", "reports/*", "exports/*", "sftp/*/errors/*", "keys/*/pgp.asc"),
        "s3:DeleteObject": ERASED,
        "s3:DeleteObjectVersion": ERASED,
        "ssm:GetParameter": SECRETS,
        "ssm:PutParameter": SECRETS,
        "sqs:SendMessage": {"ImportQueue", "ApplyQueue", "ReportQueue", "PollQueue"},
    },
}
