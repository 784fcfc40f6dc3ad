"""Rules about what whoever deploys is asked for, and about stages."""

import json
import re

from rules.reading import as_list, get, of_type


def parameters_are_explained(template, _):
    """Whoever deploys for the first time is asked for each parameter once, in an order, with words."""
    groups = get(template, "Metadata", "AWS::CloudFormation::Interface", "ParameterGroups") or []
    shown = [name for group in groups for name in group["Parameters"]]
    for name, parameter in template["Parameters"].items():
        if not parameter.get("Description"):
            yield f"the parameter {name} has no description"
        if shown.count(name) != 1:
            yield f"the parameter {name} is in {shown.count(name)} parameter groups"
        if parameter.get("AllowedPattern") and not parameter.get("ConstraintDescription"):
            yield f"the parameter {name} does not say what its pattern wants"
    for name in shown:
        if name not in template["Parameters"]:
            yield f"the parameter group names {name}, which is no parameter"


def settings_come_together(template, _):
    """A setting that is of no use without another is refused before anything is made."""
    for one, other in (
        ("AdminDomainName", "AdminCertificateArn"),
        ("WebhookDomainName", "WebhookCertificateArn"),
        ("HostedZoneId", "AdminDomainName"),
        ("SftpVpcId", "SftpSubnetIds"),
    ):
        if not any({one, other} <= refs(rule) for rule in template.get("Rules", {}).values()):
            yield f"no rule says that {one} wants {other}"


def refs(rule):
    """The parameters that a rule speaks of."""
    return set(re.findall(r'"Ref": "(\w+)"', json.dumps(rule)))


def staged(template, _):
    for kind in ("Lambda::Function", "DynamoDB::Table", "S3::Bucket", "KMS::Key", "Events::EventBus", "Transfer::Server"):
        for name, properties in of_type(template, kind):
            if {"Key": "muster-stage", "Value": {"Ref": "Stage"}} not in as_list(properties.get("Tags")):
                yield f"{name} does not say of which stage it is"


RULES = [
    parameters_are_explained,
    settings_come_together,
    staged,
]
