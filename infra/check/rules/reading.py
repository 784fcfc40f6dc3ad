"""Reading a transformed template."""

import re


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


def data_buckets(template):
    """The buckets but those that take the others' access logs."""
    buckets = dict(of_type(template, "S3::Bucket"))
    logs = {target(get(bucket, "LoggingConfiguration", "DestinationBucketName")) for bucket in buckets.values()}
    return [(name, bucket) for name, bucket in buckets.items() if name not in logs]


def denies_plain_http(policy):
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Principal") == "*"
        and str(get(statement, "Condition", "Bool", "aws:SecureTransport")).lower() == "false"
        for statement in as_list(policy["PolicyDocument"]["Statement"])
    )
