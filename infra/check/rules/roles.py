"""Rules about what each function may do."""

import re

from actions import ACTIONS, WITHOUT_RESOURCE
from places import EVERYWHERE, PLACES
from rules.reading import all_statements, as_list, binary, get, mappings, of_type, role_of, statements, target

# Where credentials lie: what else SSM keeps in the account is nobody's business here.
PARAMETERS = ":parameter/muster/${AWS::StackName}/"
# By which keys those find a connection who answer callers that are not known yet.
DOORS = {"WebhookIntakeRole": ["HOOK#*", "SFTP#*"], "SftpIdentityRole": ["SFTP#*"]}
TABLE_WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}


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


def place(resource):
    """`Table`, `Bucket/plans/*`, `parameter/connections/*`: what a policy names, without what every name has."""
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        text = re.sub(r"\$\{(\w+)\.Arn\}", r"\1", resource["Fn::Sub"])
        text = re.sub(r"^arn:.*\$\{AWS::AccountId\}:", "", text)
        return text.replace("parameter/muster/${AWS::StackName}/", "parameter/")
    return target(resource) or str(resource)


def places_of(template, name):
    """Which places of each action the code of a function touches."""
    function = binary(template, name)
    own = {"logs": {target(get(template["Resources"][name]["Properties"], "LoggingConfig", "LogGroup"))}}
    fed_by = {queue for _, _, fed, queue in mappings(template) if fed == name}
    own |= {action: fed_by for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")}
    return EVERYWHERE | own | PLACES.get(function, {})


def exact_places(template, _):
    for name, _ in of_type(template, "Lambda::Function"):
        wanted = places_of(template, name)
        allowed = {}
        for statement in statements(template["Resources"].get(role_of(template, name), {}).get("Properties", {})):
            for action in as_list(statement.get("Action")):
                places = {place(resource) for resource in as_list(statement.get("Resource"))}
                allowed[action] = allowed.get(action, set()) | places
        for action, places in sorted(allowed.items()):
            need = wanted.get(action) or wanted.get(action.split(":")[0], set())
            if places != need:
                yield f"{name} has {action} on {sorted(places)}, and its ports touch {sorted(need)}"


def key_through_services(template, _):
    """A role that could use the key by itself could read what it was never handed."""
    for name, role in of_type(template, "IAM::Role"):
        for statement in statements(role):
            if any(action.startswith("kms:") for action in as_list(statement.get("Action"))):
                if not get(statement, "Condition", "StringEquals", "kms:ViaService"):
                    yield f"{name} may use the key by itself, not only through the services that hold the data"


def doors_read_no_people(template, _):
    """Whom anybody can call may read where a caller belongs, and nothing that lies below a connection."""
    for name, wanted in DOORS.items():
        keys = {
            statement["Effect"]: get(statement, "Condition", kind, "dynamodb:LeadingKeys")
            for statement in all_statements(template["Resources"][name]["Properties"])
            for kind in ("ForAllValues:StringLike", "ForAnyValue:StringLike")
            if "dynamodb:GetItem" in as_list(statement.get("Action")) and get(statement, "Condition", kind)
        }
        if keys != {"Allow": [*wanted, "A#*#C#*"], "Deny": ["A#*#C#*#*"]}:
            yield f"{name} may read {keys}: people lie below their connection"


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


RULES = [
    no_sync_writes_consents,
    no_wildcard_iam,
    secrets_by_prefix,
    one_role_per_function,
    exact_actions,
    exact_places,
    key_through_services,
    doors_read_no_people,
    no_function_writes_uploads,
]
