"""Rules about the SFTP server."""

import json
import re

from rules.reading import as_list, binary, get, of_type, statements, target

OLDEST_SSH_POLICY = "TransferSecurityPolicy-2025-03"


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


RULES = [
    ssh_policy,
    sftp_is_fenced,
    uploads_are_copied,
    sftp_asks_our_function,
    sftp_users_stay_at_home,
    sftp_folders_are_there,
    sftp_takes_times,
]
