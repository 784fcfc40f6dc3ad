"""Rules about the deployed template that cfn-lint does not know, on the transformed JSON.

Usage: template_rules.py TRANSFORMED.json FUNCTIONS_DIR
Each rule is a function of the template that yields one sentence a fault; RULES lists them by name.
"""

import json
import os
import re
import sys

from actions import ACTIONS, WITHOUT_RESOURCE

# Which making of objects starts runs, by prefix. In the homes only a copy does: that is a rename, never a fragment.
TRIGGERS = {"inbox/": "s3:ObjectCreated:*", "partial/": "s3:ObjectCreated:*", "sftp/": "s3:ObjectCreated:Copy"}
OLDEST_SSH_POLICY = "TransferSecurityPolicy-2024-01"
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
# Where credentials lie: what else SSM keeps in the account is nobody's business here.
PARAMETERS = ":parameter/muster/${AWS::StackName}/"
TABLE_WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
# All that the internet may call.
ROUTES = {
    "WebhookApi": [("/webhooks/{connector}", ["post"]), ("/webhooks/{connector}/{connection}", ["post"])],
    "AdminApi": [
        ("/consents/{token}", ["get", "post"]),
        ("/consents/{token}/finish", ["post"]),
        ("/decisions/{token}", ["get", "post"]),
        ("/v1/openapi.json", ["get"]),
        ("/v1/{proxy+}", ["delete", "get", "patch", "post", "put"]),
    ],
}


# ---- reading a template ------------------------------------------------------------------------------------------


def of_type(template, kind):
    """(logical id, properties) of every resource of one type, `kind` without the `AWS::`."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == f"AWS::{kind}":
            yield name, resource.get("Properties", {})


def as_list(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def target(value):
    """The logical id that a Ref, GetAtt or Sub leads to, or None."""
    if not isinstance(value, dict):
        return None
    if "Ref" in value:
        return value["Ref"]
    if "Fn::GetAtt" in value:
        place = value["Fn::GetAtt"]
        return (place if isinstance(place, list) else place.split("."))[0]
    if "Fn::Sub" in value:
        found = re.search(r"\$\{(\w+)", str(value["Fn::Sub"]))
        return found.group(1) if found else None
    return None


def get(properties, *path):
    for key in path:
        properties = properties.get(key) if isinstance(properties, dict) else None
    return properties


def binary(template, function):
    return get(template["Resources"][function], "Metadata", "BuildProperties", "Binary")


def role_of(template, function):
    return target(template["Resources"][function]["Properties"].get("Role"))


def all_statements(role):
    for policy in as_list(role.get("Policies")):
        yield from as_list(policy["PolicyDocument"]["Statement"])


def statements(role):
    """What a role allows."""
    return (statement for statement in all_statements(role) if statement.get("Effect") != "Deny")


def mappings(template):
    """(mapping, properties, function, queue) of every queue that feeds a function."""
    for name, mapping in of_type(template, "Lambda::EventSourceMapping"):
        yield name, mapping, target(mapping["FunctionName"]), target(mapping["EventSourceArn"])


def rule_targets(template):
    """(rule, properties, target) of every target of an event rule."""
    for name, rule in of_type(template, "Events::Rule"):
        for one in as_list(rule.get("Targets")):
            yield name, rule, one


def dead_letter_queues(template):
    redriven = [get(queue, "RedrivePolicy", "deadLetterTargetArn") for _, queue in of_type(template, "SQS::Queue")]
    unmet = [get(one, "DeadLetterConfig", "Arn") for _, _, one in rule_targets(template)]
    failed = [
        get(config, "DestinationConfig", "OnFailure", "Destination")
        for _, config in of_type(template, "Lambda::EventInvokeConfig")
    ]
    return {target(queue) for queue in redriven + unmet + failed} - {None}


def denies_plain_http(policy):
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Principal") == "*"
        and str(get(statement, "Condition", "Bool", "aws:SecureTransport")).lower() == "false"
        for statement in as_list(policy["PolicyDocument"]["Statement"])
    )


# ---- functions and their queues --------------------------------------------------------------------------------------


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


def visibility(template, _):
    for name, mapping, function, queue in mappings(template):
        timeout = template["Resources"][function]["Properties"].get("Timeout", 3)
        hidden = template["Resources"][queue]["Properties"].get("VisibilityTimeout", 30)
        need = 6 * timeout + mapping.get("MaximumBatchingWindowInSeconds", 0)
        if hidden < need:
            yield f"{queue} hides a message for {hidden} s; {function} may take {timeout} s, so it wants {need} s"


def partial_batch(template, _):
    for name, mapping, _, _ in mappings(template):
        if "ReportBatchItemFailures" not in as_list(mapping.get("FunctionResponseTypes")):
            yield f"{name} retries a whole batch for one bad message: no ReportBatchItemFailures"


def throttled(template, _):
    for name, mapping, _, _ in mappings(template):
        if not get(mapping, "ScalingConfig", "MaximumConcurrency"):
            yield f"{name} has no MaximumConcurrency"


def redrive(template, _):
    dead = dead_letter_queues(template)
    for name, queue in of_type(template, "SQS::Queue"):
        if name in dead:
            if queue.get("MessageRetentionPeriod") != 1209600:
                yield f"{name} does not keep dead letters for 14 days"
        elif not queue.get("RedrivePolicy"):
            yield f"{name} has no dead-letter queue"


def fifo_dead_letters(template, _):
    queues = dict(of_type(template, "SQS::Queue"))
    for name, queue in queues.items():
        dead = queues.get(target(get(queue, "RedrivePolicy", "deadLetterTargetArn")))
        if dead is not None and dead.get("FifoQueue", False) != queue.get("FifoQueue", False):
            yield f"{name} and its dead-letter queue must both be FIFO or both not: SQS takes no other"


def events_in_order(template, _):
    """Events of a connection are taken over in their order, and a busy connection does not keep others waiting."""
    queue = template["Resources"]["EventsQueue"]["Properties"]
    wanted = {"FifoQueue": True, "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    for key, value in wanted.items():
        if queue.get(key) != value:
            yield f"EventsQueue has {key} {queue.get(key)}, not {value}"


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


def http_api(template, _):
    groups = dict(of_type(template, "Logs::LogGroup"))
    for name, stage in of_type(template, "ApiGatewayV2::Stage"):
        for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            if not get(stage, "DefaultRouteSettings", limit):
                yield f"{name} has no {limit}: whoever calls most takes all executions of the account"
        if not groups.get(target(get(stage, "AccessLogSettings", "DestinationArn")), {}).get("RetentionInDays"):
            yield f"{name} has no access log with a retention"
        if re.search(r"header|querystring|body", str(get(stage, "AccessLogSettings", "Format")), re.IGNORECASE):
            yield f"{name} logs what callers send; signatures and people are there"


def api_routes(template, _):
    for name, api in of_type(template, "ApiGatewayV2::Api"):
        routes = sorted((path, sorted(methods)) for path, methods in (get(api, "Body", "paths") or {}).items())
        if routes != ROUTES[name]:
            yield f"{name} answers {routes}, not {ROUTES[name]}"
        for path, methods in (get(api, "Body", "paths") or {}).items():
            for method in methods.values():
                if str(get(method, "x-amazon-apigateway-integration", "payloadFormatVersion")) != "2.0":
                    yield f"{name} hands {path} over in another form than the function reads"


def admin_routes_are_closed(template, _):
    """Everything but the document and the pages behind signed links wants a token of the issuer."""
    for path, methods in (get(template["Resources"]["AdminApi"]["Properties"], "Body", "paths") or {}).items():
        for method, operation in methods.items():
            closed = [{"Issuer": []}] == operation.get("security")
            if closed != (path == "/v1/{proxy+}"):
                yield f"AdminApi lets {'nobody' if closed else 'anybody'} {method} {path}"


def no_sync_writes_consents(template, _):
    """An opt-out is a person's own word: no function that syncs may write where they lie."""
    for name, _ in of_type(template, "Lambda::Function"):
        # The last two write nothing to the table.
        if binary(template, name) in ("admin-api", "webhook-intake", "sftp-identity"):
            continue
        denied = [
            statement
            for statement in all_statements(template["Resources"][role_of(template, name)]["Properties"])
            if statement["Effect"] == "Deny" and "A#*#CONSENTS#*" in str(statement.get("Condition"))
        ]
        if not any(set(as_list(statement["Action"])) >= TABLE_WRITES for statement in denied):
            yield f"{name} may write opt-outs"


def dead_letter_alarm(template, _):
    watched = {
        target(dimension["Value"])
        for _, alarm in of_type(template, "CloudWatch::Alarm")
        for dimension in alarm["Dimensions"]
    }
    for name in sorted(dead_letter_queues(template) - watched):
        yield f"no alarm watches {name}"


def queue_encryption(template, _):
    for name, queue in of_type(template, "SQS::Queue"):
        if queue.get("SqsManagedSseEnabled") is not True and not queue.get("KmsMasterKeyId"):
            yield f"{name} is not said to be encrypted"


def tls_only(template, _):
    covered = set()
    for kind, field in (("SQS::QueuePolicy", "Queues"), ("S3::BucketPolicy", "Bucket")):
        for _, policy in of_type(template, kind):
            if denies_plain_http(policy):
                covered |= {target(place) for place in as_list(policy[field])}
    for kind in ("SQS::Queue", "S3::Bucket"):
        for name, _ in of_type(template, kind):
            if name not in covered:
                yield f"{name} has no policy that refuses plain HTTP"


def source_account(template, _):
    for name, policy in of_type(template, "SQS::QueuePolicy"):
        for statement in as_list(policy["PolicyDocument"]["Statement"]):
            if statement["Effect"] == "Deny":
                continue
            if get(statement, "Condition", "StringEquals", "aws:SourceAccount") != {"Ref": "AWS::AccountId"}:
                yield f"{name} lets in {statement['Principal']} of any account: no aws:SourceAccount"
            if not get(statement, "Condition", "ArnEquals", "aws:SourceArn"):
                yield f"{name} lets in {statement['Principal']} for any resource: no aws:SourceArn"


# ---- roles -------------------------------------------------------------------------------------------------------


def no_wildcard_iam(template, _):
    for name, role in of_type(template, "IAM::Role"):
        if role.get("ManagedPolicyArns"):
            yield f"{name} takes managed policies, whose resources nobody here chose"
        for statement in statements(role):
            actions = as_list(statement.get("Action"))
            if "NotAction" in statement or any("*" in action for action in actions):
                yield f"{name} allows actions by wildcard: {actions}"
            resources = as_list(statement.get("Resource"))
            if not set(actions) <= WITHOUT_RESOURCE and ("NotResource" in statement or "*" in resources):
                yield f"{name} allows {actions} on everything"


def secrets_by_prefix(template, _):
    for name, role in of_type(template, "IAM::Role"):
        for statement in statements(role):
            if any(action.startswith("ssm:") for action in as_list(statement.get("Action"))):
                for place in as_list(statement.get("Resource")):
                    if PARAMETERS not in str(get(place, "Fn::Sub")):
                        yield f"{name} may reach parameters outside of the stack's own: {place}"


def one_role_per_function(template, _):
    roles = [role_of(template, name) for name, _ in of_type(template, "Lambda::Function")]
    if None in roles or len(set(roles)) != len(roles):
        yield f"functions share roles, or have none of their own: {roles}"


def exact_actions(template, _):
    for name, _ in of_type(template, "Lambda::Function"):
        role = template["Resources"].get(role_of(template, name), {}).get("Properties", {})
        allowed = {action for statement in statements(role) for action in as_list(statement.get("Action"))}
        wanted = ACTIONS.get(binary(template, name), set())
        if allowed != wanted:
            yield f"{name} may do too much: {sorted(allowed - wanted)}, and too little: {sorted(wanted - allowed)}"


def no_function_writes_uploads(template, _):
    """A function that could write where it triggers a run could start itself for ever; errors/ takes its puts, not copies."""
    for name, _ in of_type(template, "Lambda::Function"):
        for statement in statements(template["Resources"][role_of(template, name)]["Properties"]):
            if "s3:PutObject" not in as_list(statement.get("Action")):
                continue
            # The admin API starts by requests only, so what it writes cannot start itself.
            more = "|inbox|exports|keys/.*pgp.asc" if binary(template, name) == "admin-api" else ""
            for place in map(str, as_list(statement["Resource"])):
                if not re.search(rf"Arn\}}/(plans|rosters|polls|reports|sftp/\*/errors{more})(/\*|'|$)", place):
                    yield f"{name} may write {place}"


def no_secrets(template, _):
    for name, function in of_type(template, "Lambda::Function"):
        for key, value in (get(function, "Environment", "Variables") or {}).items():
            named = re.search(r"SECRET|TOKEN|PASSWORD|KEY$", key) and key not in NAMES_OF_SECRETS
            if isinstance(value, str) or named:
                yield f"{name} has {key} in its environment; only references belong there"


# ---- bucket and table ------------------------------------------------------------------------------------------------


def trigger_prefixes(template, _):
    for name, bucket in of_type(template, "S3::Bucket"):
        notification = bucket.get("NotificationConfiguration", {})
        if set(notification) != {"QueueConfigurations"}:
            yield f"{name} notifies others than the queue: {sorted(notification)}"
        triggers = []
        for configuration in notification.get("QueueConfigurations", []):
            rules = get(configuration, "Filter", "S3Key", "Rules") or []
            prefixes = [rule["Value"] for rule in rules if rule["Name"] == "prefix"] or [""]
            triggers += [(prefix, configuration.get("Event")) for prefix in prefixes]
        if sorted(triggers) != sorted(TRIGGERS.items()):
            yield f"{name} triggers on {sorted(triggers)}, not on {sorted(TRIGGERS.items())}: fragments or loops"


def triggers_can_be_read(template, _):
    """What starts a run must be readable by the function that plans it."""
    allowed = list(statements(template["Resources"]["FileImportRole"]["Properties"]))
    for action in ("s3:GetObject", "s3:GetObjectVersion"):
        granted = [s for s in allowed if action in as_list(s.get("Action"))]
        places = " ".join(str(place) for statement in granted for place in as_list(statement["Resource"]))
        for place in ("inbox/*", "partial/*", "sftp/*/inbound/*", "keys/*/pgp.asc"):
            if f"Arn}}/{place}" not in places:
                yield f"FileImportRole lacks {action} on {place}"


def bucket_guards(template, _):
    for name, bucket in of_type(template, "S3::Bucket"):
        if get(bucket, "VersioningConfiguration", "Status") != "Enabled":
            yield f"{name} has no versions, so a run cannot read the very object that caused it"
        if list((bucket.get("PublicAccessBlockConfiguration") or {}).values()) != [True] * 4:
            yield f"{name} does not block all public access"
        encryption = as_list(get(bucket, "BucketEncryption", "ServerSideEncryptionConfiguration")) or [{}]
        if not get(encryption[0], "ServerSideEncryptionByDefault", "KMSMasterKeyID"):
            yield f"{name} has no KMS key"


def bucket_lifecycle(template, _):
    for name, bucket in of_type(template, "S3::Bucket"):
        rules = {rule.get("Prefix"): rule for rule in get(bucket, "LifecycleConfiguration", "Rules") or []}
        for prefix in ("sftp/", "inbox/", "partial/", "polls/", "plans/", "rosters/", "reports/"):
            rule = rules.get(prefix, {})
            if rule.get("Status") != "Enabled" or not rule.get("ExpirationInDays"):
                yield f"{name} keeps {prefix} for ever"
            elif not get(rule, "NoncurrentVersionExpiration", "NoncurrentDays"):
                yield f"{name} keeps old versions under {prefix} for ever"


def table_guards(template, _):
    for name, table in of_type(template, "DynamoDB::Table"):
        if table.get("DeletionProtectionEnabled") is not True:
            yield f"{name} has no deletion protection"
        if get(table, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") is not True:
            yield f"{name} has no point-in-time recovery"
        if not get(table, "SSESpecification", "KMSMasterKeyId"):
            yield f"{name} has no KMS key of ours"
        if table.get("StreamSpecification"):
            yield f"{name} has a stream, which nothing reads"


def indexes_are_read(template, _):
    places = str([list(statements(role)) for _, role in of_type(template, "IAM::Role")])
    for name, table in of_type(template, "DynamoDB::Table"):
        for index in table.get("GlobalSecondaryIndexes", []):
            if f"/index/{index['IndexName']}'" not in places:
                yield f"no role may read {index['IndexName']} of {name}"
    if "/index/by-due" not in str(list(statements(template["Resources"]["ScheduledPollRole"]["Properties"]))):
        yield "ScheduledPollRole may not read by-due, by which it finds what is due"


def data_is_retained(template, _):
    for name, resource in template["Resources"].items():
        if resource["Type"] in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"):
            if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
                yield f"{name} would be deleted with the stack"


def key_rotation(template, _):
    for name, key in of_type(template, "KMS::Key"):
        if key.get("EnableKeyRotation") is not True:
            yield f"{name} is never rotated"


# ---- mail and SFTP ----------------------------------------------------------------------------------------------------


def mail_events(template, _):
    events = [
        destination["EventDestination"]
        for _, destination in of_type(template, "SES::ConfigurationSetEventDestination")
        if get(destination, "EventDestination", "EventBridgeDestination")
    ]
    found = {kind for event in events if event.get("Enabled") for kind in event["MatchingEventTypes"]}
    missing = {"SEND", "BOUNCE", "COMPLAINT", "REJECT"} - found
    if missing:
        yield f"SES does not tell of {sorted(missing)}; a mail whose answer was lost would be sent twice"


def ssh_policy(template, _):
    for name, server in of_type(template, "Transfer::Server"):
        policy = server.get("SecurityPolicyName") or ""
        if not re.fullmatch(r"TransferSecurityPolicy-\d{4}-\d{2}", policy) or policy < OLDEST_SSH_POLICY:
            yield f"{name} takes SSH policy {policy or 'of 2018'}, older than {OLDEST_SSH_POLICY}"


def sftp_is_fenced(template, _):
    groups = dict(of_type(template, "EC2::SecurityGroup"))
    open_cidrs = {"0.0.0.0/0", "::/0"}
    for name, server in of_type(template, "Transfer::Server"):
        members = as_list(get(server, "EndpointDetails", "SecurityGroupIds"))
        if server.get("EndpointType") != "VPC" or not members:
            yield f"{name} is open to the internet: no VPC endpoint with a security group"
        for ingress in (rule for member in members for rule in groups[target(member)]["SecurityGroupIngress"]):
            if any(cidr in json.dumps(ingress) for cidr in open_cidrs):
                yield f"{name} lets in every address"
    for name in ("SftpAllowedCidr",):
        if template["Parameters"].get(name, {}).get("Default") in open_cidrs:
            yield f"{name} lets in every address by default"


def uploads_are_copied(template, _):
    """Whole files to inbox/, fragments to partial/: an upload that was cut off must never look whole."""
    for name, server in of_type(template, "Transfer::Server"):
        for moment, prefix in (("OnUpload", "inbox/"), ("OnPartialUpload", "partial/")):
            keys = [
                get(step, "CopyStepDetails", "DestinationFileLocation", "S3FileLocation", "Key")
                for detail in as_list(get(server, "WorkflowDetails", moment))
                for step in template["Resources"][target(detail["WorkflowId"])]["Properties"]["Steps"]
            ]
            if keys != [prefix + "${transfer:UserName}/"]:
                yield f"{name} copies to {keys} {moment}, not to {prefix} of the user"


def sftp_asks_our_function(template, _):
    """Logins are judged by the product's own function, which nobody but the SFTP server may call."""
    for name, server in of_type(template, "Transfer::Server"):
        if server.get("IdentityProviderType") != {"Fn::If": ["HasSftpIdentity", "AWS_LAMBDA", "SERVICE_MANAGED"]}:
            yield f"{name} takes logins from {server.get('IdentityProviderType')}"
        _, details, without = get(server, "IdentityProviderDetails", "Fn::If") or (None, {}, None)
        function = target(get(details, "Function"))
        if without != {"Ref": "AWS::NoValue"} or not function or binary(template, function) != "sftp-identity":
            yield f"{name} asks {get(details, 'Function')}, not sftp-identity"
            continue
        if get(details, "SftpAuthenticationMethods") != "PUBLIC_KEY_OR_PASSWORD":
            yield f"{name} does not take a key or a password, which the function answers for"
        callers = [
            (one.get("Principal"), target(one.get("SourceArn")), one.get("SourceAccount"))
            for _, one in of_type(template, "Lambda::Permission")
            if target(one["FunctionName"]) == function
        ]
        if callers != [("transfer.amazonaws.com", name, {"Ref": "AWS::AccountId"})]:
            yield f"{function} may be called by {callers}, not by {name} alone"


def sftp_users_stay_at_home(template, _):
    """The role of all SFTP sessions reaches homes and nothing else; what it is given out with names the same bucket's key."""
    role = template["Resources"]["SftpUserRole"]["Properties"]
    trust = as_list(role["AssumeRolePolicyDocument"]["Statement"])
    account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    if [(one["Principal"], one.get("Condition")) for one in trust] != [({"Service": "transfer.amazonaws.com"}, account)]:
        yield f"SftpUserRole can be taken by {trust}"
    inbound, errors = "${Bucket.Arn}/sftp/*/inbound/*", "${Bucket.Arn}/sftp/*/errors/*"
    homes = {
        "s3:GetObject": {inbound, errors},
        "s3:DeleteObject": {inbound, errors},
        "s3:PutObject": {inbound, errors.removesuffix("*")},
    }
    for statement in statements(role):
        for action in as_list(statement["Action"]):
            places = {get(place, "Fn::Sub") for place in as_list(statement["Resource"])}
            if action in homes and places != homes[action]:
                yield f"SftpUserRole may {action} at {sorted(map(str, places))}"
            listed = get(statement, "Condition", "StringLike", "s3:prefix")
            if action == "s3:ListBucket" and listed != ["sftp/*"]:
                yield f"SftpUserRole lists {listed}"
            if action not in homes | {"s3:ListBucket": None, "kms:Decrypt": None, "kms:GenerateDataKey": None}:
                yield f"SftpUserRole may {action}"
    for name, function in of_type(template, "Lambda::Function"):
        told = get(function, "Environment", "Variables") or {}
        if binary(template, name) == "sftp-identity":
            given = (target(told.get("MUSTER_SFTP_ROLE_ARN")), target(told.get("MUSTER_BUCKET_KEY_ARN")))
            if given != ("SftpUserRole", "Key"):
                yield f"{name} hands out {given}"


def sftp_folders_are_there(template, _):
    """Mapped folders must not have to be made by hand before a customer's first login."""
    for name, server in of_type(template, "Transfer::Server"):
        if get(server, "S3StorageOptions", "DirectoryListingOptimization") != "ENABLED":
            yield f"{name} shows folders only once they hold something: no DirectoryListingOptimization"


def sftp_takes_times(template, _):
    """A client that sets a file's time must not be told that its upload failed."""
    for name, server in of_type(template, "Transfer::Server"):
        if get(server, "ProtocolDetails", "SetStatOption") != "ENABLE_NO_OP":
            yield f"{name} fails uploads of clients that set times: no SetStatOption"


RULES = {
    rule.__name__: rule
    for rule in (
        one_resource_per_function,
        tracing,
        environment,
        log_group,
        visibility,
        partial_batch,
        throttled,
        redrive,
        fifo_dead_letters,
        events_in_order,
        schedules,
        http_api,
        api_routes,
        admin_routes_are_closed,
        no_sync_writes_consents,
        dead_letter_alarm,
        queue_encryption,
        tls_only,
        source_account,
        no_wildcard_iam,
        secrets_by_prefix,
        one_role_per_function,
        exact_actions,
        no_function_writes_uploads,
        no_secrets,
        trigger_prefixes,
        triggers_can_be_read,
        bucket_guards,
        bucket_lifecycle,
        table_guards,
        indexes_are_read,
        data_is_retained,
        key_rotation,
        mail_events,
        ssh_policy,
        sftp_is_fenced,
        uploads_are_copied,
        sftp_asks_our_function,
        sftp_users_stay_at_home,
        sftp_folders_are_there,
        sftp_takes_times,
    )
}


def faults(template, folders):
    """Every fault of a transformed template, as (rule, sentence)."""
    return [(name, fault) for name, rule in RULES.items() for fault in rule(template, folders)]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        found = faults(json.load(file), sorted(os.listdir(sys.argv[2])))
    for rule, fault in found:
        print(f"{rule}: {fault}")
    sys.exit(1 if found else 0)
