"""What each function may do: the actions of its ports, no more and no fewer.

A port that starts to use another action gets it here and in template.yaml, in the same commit; its places stand in
places.py.
"""

# What every function does: its logs and traces, and its variables, its items and its files under the stack's key.
COMMON = {
    "dynamodb:GetItem",
    "kms:Decrypt",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
RECEIVE = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
# Without s3:ListBucket an object that is gone is refused, not missing.
READ = {"s3:GetObject", "s3:ListBucket"}
WRITE = {"kms:GenerateDataKey", "s3:PutObject"}
# Runs, leases and people.
DIRECTORY = {"dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"}
# Reading credentials, and storing tokens that a provider changed; SSM asks for kms:Encrypt of whoever stores.
CREDENTIALS = {"kms:Encrypt", "ssm:GetParameter", "ssm:PutParameter"}

ACTIONS = {
    "file-import": COMMON | RECEIVE | READ | WRITE | DIRECTORY | {"s3:GetObjectVersion", "sqs:SendMessage"},
    "apply": COMMON
    | RECEIVE
    | READ
    | {"dynamodb:PutItem", "dynamodb:UpdateItem", "events:PutEvents", "kms:GenerateDataKey", "sqs:SendMessage"},
    "report-email": COMMON | RECEIVE | READ | WRITE | {"dynamodb:UpdateItem", "events:PutEvents", "ses:SendEmail"},
    # The one that anybody can call may least: nothing of people, and no writing but to its queue.
    "webhook-intake": COMMON | {"sqs:SendMessage", "ssm:GetParameter"},
    # Transfer calls it with whatever anybody types: it reads two items and does nothing else.
    "sftp-identity": COMMON,
    "webhook-apply": COMMON
    | RECEIVE
    | READ
    | WRITE
    | DIRECTORY
    | CREDENTIALS
    | {"events:PutEvents", "sqs:SendMessage"},
    "scheduled-poll": COMMON | RECEIVE | READ | WRITE | DIRECTORY | CREDENTIALS | {"sqs:SendMessage"},
    # It has no queue to receive from, and it may erase.
    "admin-api": COMMON
    | READ
    | WRITE
    | DIRECTORY
    | CREDENTIALS
    | {"dynamodb:DeleteItem", "events:PutEvents", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectVersion"}
    | {"s3:ListBucketVersions", "sqs:SendMessage"},
}

# AWS knows no resources for these; everything else names what it touches.
WITHOUT_RESOURCE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
