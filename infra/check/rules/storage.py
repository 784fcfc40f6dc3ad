"""Rules about the bucket, the table and their key."""

from rules.reading import as_list, data_buckets, get, of_type, statements, target

# Which making of objects starts runs, by prefix. In the homes only a copy does: that is a rename, never a fragment.
TRIGGERS = {"inbox/": "s3:ObjectCreated:*", "partial/": "s3:ObjectCreated:*", "sftp/": "s3:ObjectCreated:Copy"}


def trigger_prefixes(template, _):
    for name, bucket in data_buckets(template):
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
    uploads = ("inbox/*", "partial/*", "sftp/*/inbound/*")
    for action, wanted in (("s3:GetObjectVersion", uploads), ("s3:GetObject", (*uploads, "keys/*/pgp.asc"))):
        granted = [s for s in allowed if action in as_list(s.get("Action"))]
        places = " ".join(str(place) for statement in granted for place in as_list(statement["Resource"]))
        for place in wanted:
            if f"Arn}}/{place}" not in places:
                yield f"FileImportRole lacks {action} on {place}"


def bucket_guards(template, _):
    for name, bucket in of_type(template, "S3::Bucket"):
        if get(bucket, "VersioningConfiguration", "Status") != "Enabled":
            yield f"{name} has no versions, so a run cannot read the very object that caused it"
        if list((bucket.get("PublicAccessBlockConfiguration") or {}).values()) != [True] * 4:
            yield f"{name} does not block all public access"
        if (name, bucket) not in data_buckets(template):
            continue  # S3 writes access logs to buckets under its own keys only
        encryption = as_list(get(bucket, "BucketEncryption", "ServerSideEncryptionConfiguration")) or [{}]
        if not get(encryption[0], "ServerSideEncryptionByDefault", "KMSMasterKeyID"):
            yield f"{name} has no KMS key"


def bucket_lifecycle(template, _):
    for name, bucket in data_buckets(template):
        listed = get(bucket, "LifecycleConfiguration", "Rules") or []
        for key in ("Id", "Prefix"):
            values = [rule.get(key) for rule in listed]
            for value in sorted({str(value) for value in values if values.count(value) > 1}):
                yield f"{name} has two lifecycle rules of {key} {value}; S3 takes no Id twice, and one place wants one rule"
        rules = {rule.get("Prefix"): rule for rule in listed}
        for prefix in ("sftp/", "inbox/", "partial/", "polls/", "plans/", "rosters/", "reports/", "exports/"):
            rule = rules.get(prefix, {})
            if rule.get("Status") != "Enabled" or not rule.get("ExpirationInDays"):
                yield f"{name} keeps {prefix} for ever"
            elif not get(rule, "NoncurrentVersionExpiration", "NoncurrentDays"):
                yield f"{name} keeps old versions under {prefix} for ever"


def access_logs(template, _):
    """Who asked for which object is written down, and not kept for ever."""
    buckets = dict(of_type(template, "S3::Bucket"))
    for name, bucket in data_buckets(template):
        log = buckets.get(target(get(bucket, "LoggingConfiguration", "DestinationBucketName")))
        rules = get(log or {}, "LifecycleConfiguration", "Rules") or []
        if log is None:
            yield f"{name} has no access log"
        elif not any(rule.get("ExpirationInDays") and not rule.get("Prefix") for rule in rules):
            yield f"the access log of {name} is kept for ever"


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


def key_serves_logs(template, _):
    """A log group under the key cannot be made unless the key's policy names it."""
    named = [
        get(arn, "Fn::Sub").split(":log-group:")[-1]
        for _, key in of_type(template, "KMS::Key")
        for statement in get(key, "KeyPolicy", "Statement")
        for arn in as_list(get(statement, "Condition", "ArnLike", "kms:EncryptionContext:aws:logs:arn"))
    ]
    for name, group in of_type(template, "Logs::LogGroup"):
        place = str(get(group.get("LogGroupName"), "Fn::Sub"))
        if not group.get("KmsKeyId"):
            yield f"{name} is not under the stack's key"
        elif not any(place == one or one.endswith("*") and place.startswith(one[:-1]) for one in named):
            yield f"{name} is called {place}, for which the key's policy lets nobody write: {named}"


RULES = [
    trigger_prefixes,
    triggers_can_be_read,
    bucket_guards,
    bucket_lifecycle,
    access_logs,
    table_guards,
    indexes_are_read,
    data_is_retained,
    key_rotation,
    key_serves_logs,
]
