"""Rules about the SFTP server."""

import json
import re

from rules.reading import as_list, get, of_type, statements, target

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


def sftp_users_stay_home(template, _):
    """Users see a home of their own and nothing else: by logical mapping, by session policy, and at most all homes by role."""
    for name, user in of_type(template, "Transfer::User"):
        if user.get("HomeDirectoryType") != "LOGICAL" or not user.get("Policy"):
            yield f"{name} has no logical home with a session policy"
    role = template["Resources"]["SftpUserRole"]["Properties"]
    for statement in statements(role):
        actions = as_list(statement.get("Action"))
        for place in map(json.dumps, as_list(statement.get("Resource"))):
            if "s3:ListBucket" in actions:
                prefixes = as_list(get(statement, "Condition", "StringLike", "s3:prefix"))
                if not prefixes or not all(prefix.startswith("sftp/") for prefix in prefixes):
                    yield "SftpUserRole may list more than homes"
            elif any(action.startswith("s3:") for action in actions):
                writes = "s3:PutObject" in actions
                if not re.search(r"/sftp/\*/inbound/\*" if writes else r"/sftp/\*/(inbound|errors)/\*", place):
                    yield f"SftpUserRole may {'write' if writes else 'read'} {place}"


RULES = [
    ssh_policy,
    sftp_is_fenced,
    uploads_are_copied,
    sftp_users_stay_home,
]
