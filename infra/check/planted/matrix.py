"""Nineteen faults that were planted in a template to see what ready-made tools make of it, and who must see each of ours.

(what is wrong, how to plant it, what own rules, cfn-lint and checkov must say of it; None where a tool sees nothing)
"""

from planted.making import drop, properties, put, statement
from planted.queues import QUEUE_SOURCE
from planted.sftp import open_to_all
from planted.storage import SCHEME

STAGE = "WebhookApiApiGatewayDefaultStage"
# Not in one piece: it is no key, and nobody's search for keys shall find one here.
KEY_ID, KEY = "AKIA" + "IOSFODNN7QQZMPLE", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYQQZMPLEKEY"
VARIABLES = properties("ApplyFunction", "Environment", "Variables")


def secret_in_the_environment(template):
    put(*VARIABLES, "MUSTER_API_TOKEN", KEY)(template)
    put(*VARIABLES, "MUSTER_API_ID", KEY_ID)(template)


MATRIX = [
    ("point-in-time recovery off", drop(*properties("Table", "PointInTimeRecoverySpecification")),
     ("table_guards", None, "CKV_AWS_28")),
    ("versioning off", put(*properties("Bucket", "VersioningConfiguration", "Status"), "Suspended"),
     ("bucket_guards", None, "CKV_AWS_21")),
    ("SFTP open to all", open_to_all, ("sftp_is_fenced", None, "CKV_AWS_24")),
    ("secret in the environment", secret_in_the_environment, ("no_secrets", None, "CKV_SECRET_2")),
    ("every table action on everything", statement("ApplyRole", "State", Action="dynamodb:*", Resource="*"),
     ("no_wildcard_iam", None, "CKV_AWS_111")),
    ("every secret", statement("ApplyRole", "State", Action="secretsmanager:GetSecretValue", Resource="*"),
     ("no_wildcard_iam", None, "CKV_AWS_108")),
    ("misspelt action", statement("ApplyRole", "Send", Action="sqs:SendMesage"), ("exact_actions", "W3037", None)),
    ("visibility below the timeout", put(*properties("ImportQueue", "VisibilityTimeout"), 30),
     ("visibility", "E3505", None)),
    ("table goes with the stack", drop("Table", "DeletionPolicy"), ("data_is_retained", "I3011", None)),
    ("no dead letters", drop(*properties("ApplyQueue", "RedrivePolicy")), ("redrive", None, None)),
    ("no partial batch", drop(*properties("ApplyFunctionChunk", "FunctionResponseTypes")), ("partial_batch", None, None)),
    ("bucket without TLS rule", drop("BucketPolicy"), ("tls_only", None, None)),
    ("trigger without prefix", drop(*properties("Bucket", "NotificationConfiguration", "QueueConfigurations", 0, "Filter")),
     ("trigger_prefixes", None, None)),
    ("no throttling", drop(*properties(STAGE, "DefaultRouteSettings")), ("http_api", None, None)),
    ("no deletion protection", drop(*properties("Table", "DeletionProtectionEnabled")), ("table_guards", None, None)),
    ("no tracing", drop(*properties("FileImportFunction", "TracingConfig")), ("tracing", None, None)),
    ("queue open to other accounts", drop(*properties("ImportQueuePolicy", *QUEUE_SOURCE, "aws:SourceAccount")),
     ("source_account", None, None)),
    ("old SSH policy", put(*properties("SftpServer", "SecurityPolicyName"), "TransferSecurityPolicy-2020-06"),
     ("ssh_policy", None, None)),
    ("bucket without our key", put(*properties("Bucket", *SCHEME), {"SSEAlgorithm": "AES256"}),
     ("bucket_guards", None, None)),
]
