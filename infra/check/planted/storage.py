"""Faults that the rules of rules/storage.py must see: (what is wrong, the rule that must say so, how to plant it)."""

import copy

from planted.making import drop, properties, put, statement

SCHEME = ("BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault")


def also_triggers_on_homes(template):
    configurations = template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    extra = copy.deepcopy(configurations[0])
    extra["Filter"]["S3Key"]["Rules"][0]["Value"] = "sftp/"
    configurations.append(extra)


def old_versions_stay(template):
    for rule in template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]:
        rule.pop("NoncurrentVersionExpiration", None)


def lifecycle_forgets_homes(template):
    lifecycle = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]
    lifecycle["Rules"] = [rule for rule in lifecycle["Rules"] if rule.get("Prefix") != "sftp/"]


def lifecycle(change):
    """A fault in the bucket's lifecycle rules."""

    def plant(template):
        change(template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"])

    return plant


def same_rule_twice(rules, **changes):
    rules.append(next(rule for rule in rules if rule.get("Prefix") == "exports/") | changes)


PLANTED = [
    ("recovery off", "table_guards", drop(*properties("Table", "PointInTimeRecoverySpecification"))),
    ("versioning off", "bucket_guards", put(*properties("Bucket", "VersioningConfiguration", "Status"), "Suspended")),
    ("table goes with the stack", "data_is_retained", drop("Table", "DeletionPolicy")),
    ("trigger without prefix", "trigger_prefixes",
     drop(*properties("Bucket", "NotificationConfiguration", "QueueConfigurations", 0, "Filter"))),
    ("no deletion protection", "table_guards", drop(*properties("Table", "DeletionProtectionEnabled"))),
    ("bucket without our key", "bucket_guards", put(*properties("Bucket", *SCHEME), {"SSEAlgorithm": "AES256"})),
    ("trigger on the customers' homes", "trigger_prefixes", also_triggers_on_homes),
    ("trigger on every object of the homes", "trigger_prefixes",
     put(*properties("Bucket", "NotificationConfiguration", "QueueConfigurations", 2, "Event"), "s3:ObjectCreated:*")),
    ("renamed files cannot be read", "triggers_can_be_read",
     statement("FileImportRole", "ReadFiles", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    ("public bucket", "bucket_guards",
     put(*properties("Bucket", "PublicAccessBlockConfiguration", "BlockPublicAcls"), False)),
    ("homes kept for ever", "bucket_lifecycle", lifecycle_forgets_homes),
    ("old versions kept for ever", "bucket_lifecycle", old_versions_stay),
    ("two lifecycle rules of one name", "bucket_lifecycle",
     lifecycle(lambda rules: same_rule_twice(rules, Prefix="elsewhere/"))),
    ("two lifecycle rules of one place", "bucket_lifecycle", lifecycle(lambda rules: same_rule_twice(rules, Id="again"))),
    ("exports kept for ever", "bucket_lifecycle",
     lifecycle(lambda rules: rules.remove(next(rule for rule in rules if rule.get("Prefix") == "exports/")))),
    ("table without our key", "table_guards", drop(*properties("Table", "SSESpecification"))),
    ("bucket replaced with its data", "data_is_retained", put("Bucket", "UpdateReplacePolicy", "Delete")),
    ("key never rotated", "key_rotation", put(*properties("Key", "EnableKeyRotation"), False)),
    ("what is due cannot be found", "indexes_are_read",
     statement("ScheduledPollRole", "State", Resource={"Fn::GetAtt": ["Table", "Arn"]})),
    ("nobody sees who read the files", "access_logs", drop(*properties("Bucket", "LoggingConfiguration"))),
    ("access logs for ever", "access_logs",
     drop(*properties("AccessLogs", "LifecycleConfiguration", "Rules", 0, "ExpirationInDays"))),
    ("log group that the key does not know", "key_serves_logs",
     put(*properties("ApplyLogs", "LogGroupName"), {"Fn::Sub": "/muster/${AWS::StackName}"})),
    ("logs under no key", "key_serves_logs", drop(*properties("ApplyLogs", "KmsKeyId"))),
]
