"""Plants faults in the transformed template and shows that each is seen by the rule that is there for it.

Usage: selftest.py TRANSFORMED.json FUNCTIONS_DIR
"""

import copy
import json
import os
import sys

from template_rules import RULES, faults


def put(*path_and_value):
    """A fault that sets what stands at a path below Resources."""
    *path, last, value = path_and_value

    def plant(template):
        place = template["Resources"]
        for key in path:
            place = place[key]
        place[last] = value

    return plant


def drop(*path):
    """A fault that takes away what stands at a path below Resources."""

    def plant(template):
        place = template["Resources"]
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return plant


def statement(role, sid, **changes):
    """A fault in one statement of a role's policy."""

    def plant(template):
        found = template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        next(one for one in found if one["Sid"] == sid).update(changes)

    return plant


def also_triggers_on_homes(template):
    configurations = template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    extra = copy.deepcopy(configurations[0])
    extra["Filter"]["S3Key"]["Rules"][0]["Value"] = "sftp/"
    configurations.append(extra)


def second_resource(template):
    template["Resources"]["Twin"] = copy.deepcopy(template["Resources"]["ApplyFunction"])


def open_to_all(template):
    group = template["Resources"]["SftpSecurityGroup"]["Properties"]
    group["SecurityGroupIngress"][0]["CidrIp"] = "0.0.0.0/0"


def open_by_default(template):
    template["Parameters"]["SftpAllowedCidr"]["Default"] = "0.0.0.0/0"


def old_versions_stay(template):
    for rule in template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]:
        rule.pop("NoncurrentVersionExpiration", None)


def lifecycle_forgets_homes(template):
    lifecycle = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]
    lifecycle["Rules"] = [rule for rule in lifecycle["Rules"] if rule.get("Prefix") != "sftp/"]


def open_route(template):
    paths = template["Resources"]["WebhookApi"]["Properties"]["Body"]["paths"]
    paths["/{proxy+}"] = copy.deepcopy(paths["/webhooks/{connector}"])


def properties(resource, *path):
    return (resource, "Properties", *path)


QUEUE_SOURCE = ("PolicyDocument", "Statement", 1, "Condition", "StringEquals")
STAGE = "WebhookApiApiGatewayDefaultStage"
MINUTE = properties("ScheduledPollFunctionMinute", "Targets", 0)
SERVER = properties("SftpServer")
HOOK = ("Body", "paths", "/webhooks/{connector}")
SCHEME = ("BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault")

# (what is wrong, the rule that must say so, how to plant it)
PLANTED = [
    # the matrix of faults that ready-made linters were tried on
    ("recovery off", "table_guards", drop(*properties("Table", "PointInTimeRecoverySpecification"))),
    ("versioning off", "bucket_guards", put(*properties("Bucket", "VersioningConfiguration", "Status"), "Suspended")),
    ("SFTP open to all", "sftp_is_fenced", open_to_all),
    ("secret in the environment", "no_secrets",
     put(*properties("ApplyFunction", "Environment", "Variables", "MUSTER_TABLE"), "hunter2")),
    ("every table action", "no_wildcard_iam", statement("ApplyRole", "State", Action="dynamodb:*", Resource="*")),
    ("every secret", "no_wildcard_iam",
     statement("ApplyRole", "State", Action="secretsmanager:GetSecretValue", Resource="*")),
    ("misspelt action", "exact_actions", statement("ApplyRole", "Send", Action="sqs:SendMesage")),
    ("visibility below the timeout", "visibility", put(*properties("ImportQueue", "VisibilityTimeout"), 30)),
    ("visibility below six timeouts", "visibility", put(*properties("ImportQueue", "VisibilityTimeout"), 1799)),
    ("table goes with the stack", "data_is_retained", drop("Table", "DeletionPolicy")),
    ("no dead letters", "redrive", drop(*properties("ApplyQueue", "RedrivePolicy"))),
    ("no partial batch", "partial_batch", drop(*properties("ApplyFunctionChunk", "FunctionResponseTypes"))),
    ("queue without TLS rule", "tls_only", put(*properties("ApplyQueuePolicy", "PolicyDocument", "Statement"), [])),
    ("bucket without TLS rule", "tls_only", drop("BucketPolicy")),
    ("trigger without prefix", "trigger_prefixes",
     drop(*properties("Bucket", "NotificationConfiguration", "QueueConfigurations", 0, "Filter"))),
    ("no throttle", "throttled", drop(*properties("ApplyFunctionChunk", "ScalingConfig"))),
    ("no deletion protection", "table_guards", drop(*properties("Table", "DeletionProtectionEnabled"))),
    ("no tracing", "tracing", drop(*properties("FileImportFunction", "TracingConfig"))),
    ("queue open to other accounts", "source_account",
     drop(*properties("ImportQueuePolicy", *QUEUE_SOURCE, "aws:SourceAccount"))),
    ("old SSH policy", "ssh_policy", put(*properties("SftpServer", "SecurityPolicyName"), "TransferSecurityPolicy-2020-06")),
    ("no SSH policy", "ssh_policy", drop(*properties("SftpServer", "SecurityPolicyName"))),
    ("bucket without our key", "bucket_guards", put(*properties("Bucket", *SCHEME), {"SSEAlgorithm": "AES256"})),
    # and the others
    ("trigger on the customers' homes", "trigger_prefixes", also_triggers_on_homes),
    ("trigger on every object of the homes", "trigger_prefixes",
     put(*properties("Bucket", "NotificationConfiguration", "QueueConfigurations", 2, "Event"), "s3:ObjectCreated:*")),
    ("renamed files cannot be read", "triggers_can_be_read",
     statement("FileImportRole", "ReadFiles", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    ("public bucket", "bucket_guards",
     put(*properties("Bucket", "PublicAccessBlockConfiguration", "BlockPublicAcls"), False)),
    ("homes kept for ever", "bucket_lifecycle", lifecycle_forgets_homes),
    ("old versions kept for ever", "bucket_lifecycle", old_versions_stay),
    ("function twice", "one_resource_per_function", second_resource),
    ("function built from another package", "one_resource_per_function",
     put("ReportEmailFunction", "Metadata", "BuildProperties", "Binary", "apply")),
    ("variable missing", "environment", drop(*properties("ApplyFunction", "Environment", "Variables", "MUSTER_TABLE"))),
    ("no log group", "log_group", drop(*properties("ApplyFunction", "LoggingConfig"))),
    ("logs for ever", "log_group", drop(*properties("ApplyLogs", "RetentionInDays"))),
    ("nobody watches dead letters", "dead_letter_alarm", drop("ReportDeadLettersAlarm")),
    ("plain queue", "queue_encryption", drop(*properties("ApplyQueue", "SqsManagedSseEnabled"))),
    ("queue open to every bucket", "source_account",
     drop(*properties("ImportQueuePolicy", "PolicyDocument", "Statement", 1, "Condition", "ArnEquals"))),
    ("managed policy", "no_wildcard_iam",
     put(*properties("ApplyRole", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"])),
    ("one action too many", "exact_actions",
     statement("ReportEmailRole", "Mail", Action=["ses:SendEmail", "ses:SendRawEmail"])),
    ("one action too few", "exact_actions", statement("FileImportRole", "ReadFiles", Action="s3:GetObject")),
    ("shared role", "one_role_per_function",
     put(*properties("ApplyFunction", "Role"), {"Fn::GetAtt": ["FileImportRole", "Arn"]})),
    ("function may start itself", "no_function_writes_uploads",
     statement("ApplyRole", "WriteFiles", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    ("function may write anywhere", "no_function_writes_uploads",
     statement("ApplyRole", "WriteFiles", Resource={"Fn::Sub": "${Bucket.Arn}/*"})),
    ("table without our key", "table_guards", drop(*properties("Table", "SSESpecification"))),
    ("bucket replaced with its data", "data_is_retained", put("Bucket", "UpdateReplacePolicy", "Delete")),
    ("key never rotated", "key_rotation", put(*properties("Key", "EnableKeyRotation"), False)),
    ("SES keeps Send to itself", "mail_events",
     put(*properties("MailEventDestination", "EventDestination", "MatchingEventTypes"), ["BOUNCE", "COMPLAINT", "REJECT"])),
    ("public SFTP endpoint", "sftp_is_fenced", put(*properties("SftpServer", "EndpointType"), "PUBLIC")),
    ("SFTP open to all by default", "sftp_is_fenced", open_by_default),
    ("fragments go to the inbox", "uploads_are_copied",
     put(*properties("SftpServer", "WorkflowDetails", "OnPartialUpload", 0, "WorkflowId"),
         {"Fn::GetAtt": ["CompleteUploadWorkflow", "WorkflowId"]})),
    ("uploads stay in the homes", "uploads_are_copied", drop(*properties("SftpServer", "WorkflowDetails"))),
    # webhooks and polling
    ("dead letters of a FIFO queue are none", "fifo_dead_letters", drop(*properties("EventsDeadLetters", "FifoQueue"))),
    ("FIFO dead letters of a plain queue", "fifo_dead_letters", put(*properties("PollDeadLetters", "FifoQueue"), True)),
    ("events in any order", "events_in_order", drop(*properties("EventsQueue", "FifoQueue"))),
    ("one busy connection slows all", "events_in_order", drop(*properties("EventsQueue", "FifoThroughputLimit"))),
    ("events hidden too briefly", "visibility", put(*properties("EventsQueue", "VisibilityTimeout"), 719)),
    ("listings hidden too briefly", "visibility", put(*properties("PollQueue", "VisibilityTimeout"), 900)),
    ("events in whole batches", "partial_batch", drop(*properties("WebhookApplyFunctionEvent", "FunctionResponseTypes"))),
    ("schedule without dead letters", "schedules", drop(*MINUTE, "DeadLetterConfig")),
    ("schedule without retries", "schedules", drop(*MINUTE, "RetryPolicy")),
    ("schedule fails in silence", "schedules", drop("ScheduledPollFunctionEventInvokeConfig")),
    ("no schedule", "schedules", drop("ScheduledPollFunctionMinute")),
    ("nobody watches the schedule", "dead_letter_alarm", drop("ScheduleDeadLettersAlarm")),
    ("schedule's dead letters are forgotten", "redrive",
     drop(*properties("ScheduleDeadLetters", "MessageRetentionPeriod"))),
    ("dead letters open to every rule", "source_account",
     drop(*properties("ScheduleDeadLettersPolicy", "PolicyDocument", "Statement", 1, "Condition", "ArnEquals"))),
    ("API without rate", "http_api", drop(*properties(STAGE, "DefaultRouteSettings", "ThrottlingRateLimit"))),
    ("API without limits", "http_api", drop(*properties(STAGE, "DefaultRouteSettings"))),
    ("API without access log", "http_api", drop(*properties(STAGE, "AccessLogSettings"))),
    ("API logs signatures", "http_api",
     put(*properties(STAGE, "AccessLogSettings", "Format"), "$request.header.x-signature")),
    ("API's log for ever", "http_api", drop(*properties("WebhookApiLogs", "RetentionInDays"))),
    ("API open for other paths", "api_routes", open_route),
    ("API open for other methods", "api_routes", put(*properties("WebhookApi", *HOOK, "get"), {})),
    ("API hands over in the old form", "api_routes",
     put(*properties("WebhookApi", *HOOK, "post", "x-amazon-apigateway-integration", "payloadFormatVersion"), "1.0")),
    ("admin API open", "admin_routes_are_closed",
     drop(*properties("AdminApi", "Body", "paths", "/v1/{proxy+}", "post", "security"))),
    ("apply may write opt-outs", "no_sync_writes_consents", statement("ApplyRole", "LeaveOptOutsAlone", Effect="Allow")),
    ("every parameter", "no_wildcard_iam", statement("WebhookIntakeRole", "Credentials", Resource="*")),
    ("every parameter of the account", "secrets_by_prefix",
     statement("WebhookApplyRole", "Credentials", Resource={"Fn::Sub": "arn:aws:ssm:${AWS::Region}:1:parameter/*"})),
    ("parameters of every stack", "secrets_by_prefix",
     statement("FileImportRole", "Credentials", Resource={"Fn::Sub": "arn:aws:ssm:${AWS::Region}:1:parameter/muster/*"})),
    ("intake may write people", "exact_actions",
     statement("WebhookIntakeRole", "State", Action=["dynamodb:GetItem", "dynamodb:PutItem"])),
    ("intake may read objects", "exact_actions",
     statement("WebhookIntakeRole", "Send", Action=["sqs:SendMessage", "s3:GetObject"])),
    ("secret beside its name", "no_secrets",
     put(*properties("ScheduledPollFunction", "Environment", "Variables", "MUSTER_API_TOKEN"), {"Ref": "MailFrom"})),
    ("what is due cannot be found", "indexes_are_read",
     statement("ScheduledPollRole", "State", Resource={"Fn::GetAtt": ["Table", "Arn"]})),
    ("poll may start an import", "no_function_writes_uploads",
     statement("ScheduledPollRole", "WriteFiles", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    # SFTP logins
    ("logins that another function judges", "sftp_asks_our_function",
     put(*SERVER, "IdentityProviderDetails", "Fn::If", 1, "Function", {"Fn::GetAtt": ["ApplyFunction", "Arn"]})),
    ("logins that no function judges", "sftp_asks_our_function", drop(*SERVER, "IdentityProviderDetails")),
    ("users of Transfer's own beside the function", "sftp_asks_our_function",
     put(*SERVER, "IdentityProviderType", "SERVICE_MANAGED")),
    ("logins with key and password", "sftp_asks_our_function",
     put(*SERVER, "IdentityProviderDetails", "Fn::If", 1, "SftpAuthenticationMethods", "PUBLIC_KEY_AND_PASSWORD")),
    ("any SFTP server may guess passwords", "sftp_asks_our_function",
     drop(*properties("SftpIdentityPermission", "SourceArn"))),
    ("any account may guess passwords", "sftp_asks_our_function",
     drop(*properties("SftpIdentityPermission", "SourceAccount"))),
    ("another service may guess passwords", "sftp_asks_our_function",
     put(*properties("SftpIdentityPermission", "Principal"), "apigateway.amazonaws.com")),
    ("Transfer may not ask", "sftp_asks_our_function", drop("SftpIdentityPermission")),
    ("logins can be written by who judges them", "exact_actions",
     statement("SftpIdentityRole", "ReadLogins", Action=["dynamodb:GetItem", "dynamodb:UpdateItem"])),
    ("SFTP users read plans", "sftp_users_stay_at_home",
     statement("SftpUserRole", "ReadAndDelete", Resource={"Fn::Sub": "${Bucket.Arn}/*"})),
    ("SFTP users write error files", "sftp_users_stay_at_home",
     statement("SftpUserRole", "Upload", Resource={"Fn::Sub": "${Bucket.Arn}/sftp/*"})),
    ("SFTP users start imports", "sftp_users_stay_at_home",
     statement("SftpUserRole", "Upload", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    ("SFTP users list every account", "sftp_users_stay_at_home", statement("SftpUserRole", "ListHomes", Condition={})),
    ("SFTP users may more with objects", "sftp_users_stay_at_home",
     statement("SftpUserRole", "ReadAndDelete", Action=["s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion"])),
    ("SFTP users' role for any account's server", "sftp_users_stay_at_home",
     drop(*properties("SftpUserRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"))),
    ("sessions with the workflow's role", "sftp_users_stay_at_home",
     put(*properties("SftpIdentityFunction", "Environment", "Variables", "MUSTER_SFTP_ROLE_ARN"),
         {"Fn::GetAtt": ["SftpWorkflowRole", "Arn"]})),
    ("folders that nobody made", "sftp_folders_are_there", drop(*SERVER, "S3StorageOptions")),
    ("uploads fail for a file's time", "sftp_takes_times", drop(*SERVER, "ProtocolDetails")),
]


def unseen(template, folders):
    """One sentence for each planted fault that its rule did not see, and for each rule that no fault tried."""
    for title, rule, plant in PLANTED:
        broken = copy.deepcopy(template)
        plant(broken)
        if broken == template:
            yield f"'{title}' changes nothing"
        elif rule not in {name for name, _ in faults(broken, folders)}:
            yield f"{rule} does not see '{title}'"
    for rule in RULES.keys() - {rule for _, rule, _ in PLANTED}:
        yield f"no planted fault tries {rule}"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        base = json.load(file)
    missed = list(unseen(base, sorted(os.listdir(sys.argv[2]))))
    for sentence in missed:
        print(sentence)
    print(f"planted template faults seen: {len(PLANTED) - len(missed)}/{len(PLANTED)}, rules: {len(RULES)}")
    sys.exit(1 if missed else 0)
