"""What each function may do: the actions of its ports, no more and no fewer.

A port that starts to use another action gets it here and in template.yaml, in the same commit.
"""

COMMON = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:ListBucket",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}

DIRECTORY = {
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
}

# Reading credentials, and storing tokens that a provider changed; SSM asks for kms:Encrypt of whoever stores.
CREDENTIALS = {"kms:Encrypt", "ssm:GetParameter", "ssm:PutParameter"}

ACTIONS = {
    "file-import": COMMON
    | DIRECTORY
    | {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "sqs:SendMessage", "ssm:GetParameter"},
    "apply": COMMON | DIRECTORY | {"events:PutEvents", "s3:GetObject", "s3:PutObject", "sqs:SendMessage"},
    "report-email": COMMON
    | {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"}
    | {"events:PutEvents", "s3:GetObject", "s3:PutObject", "ses:SendEmail"},
    # The one that anybody can call may least: nothing of people, and no writing but to its queue.
    "webhook-intake": {
        "dynamodb:GetItem",
        "kms:Decrypt",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "ssm:GetParameter",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    },
    # Transfer calls it with whatever anybody types: it reads two items and does nothing else.
    "sftp-identity": {
        "dynamodb:GetItem",
        "kms:Decrypt",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    },
    "webhook-apply": COMMON
    | DIRECTORY
    | CREDENTIALS
    | {"events:PutEvents", "s3:GetObject", "s3:PutObject", "sqs:SendMessage"},
    "scheduled-poll": COMMON | DIRECTORY | CREDENTIALS | {"s3:GetObject", "s3:PutObject", "sqs:SendMessage"},
}

# It has no queue to receive from, and it may erase.
ACTIONS["admin-api"] = (
    (COMMON | DIRECTORY | CREDENTIALS)
    - {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
    | {"dynamodb:DeleteItem", "events:PutEvents", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject"}
    | {"s3:GetObjectVersion", "s3:ListBucketVersions", "s3:PutObject", "sqs:SendMessage"}
)

# AWS knows no resources for these; everything else names what it touches.
WITHOUT_RESOURCE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
