"""Rules about queues, what feeds them and what watches them."""

from rules.reading import as_list, dead_letter_queues, denies_plain_http, get, mappings, of_type, target


def visibility(template, _):
    for name, mapping, function, queue in mappings(template):
        timeout = template["Resources"][function]["Properties"].get("Timeout", 3)
        hidden = template["Resources"][queue]["Properties"].get("VisibilityTimeout", 30)
        need = 6 * timeout + mapping.get("MaximumBatchingWindowInSeconds", 0)
        if hidden < need:
            yield f"{queue} hides a message for {hidden} s; {function} may take {timeout} s, so it wants {need} s"


def redrive(template, _):
    dead = dead_letter_queues(template)
    for name, queue in of_type(template, "SQS::Queue"):
        if name in dead:
            if queue.get("MessageRetentionPeriod") != 1209600:
                yield f"{name} does not keep dead letters for 14 days"
        elif not queue.get("RedrivePolicy"):
            yield f"{name} has no dead-letter queue"


def redrive_allowed(template, _):
    """A queue of dead letters takes those of its own queue, and none that another queue of the account is pointed at it for."""
    queues = dict(of_type(template, "SQS::Queue"))
    sources = {target(get(queue, "RedrivePolicy", "deadLetterTargetArn")): name for name, queue in queues.items()}
    for name in sorted(dead_letter_queues(template)):
        policy = queues[name].get("RedriveAllowPolicy") or {}
        own = get(queues.get(sources.get(name), {}), "QueueName", "Fn::Sub")
        allowed = [str(get(arn, "Fn::Sub")).split("${AWS::AccountId}:")[-1] for arn in as_list(policy.get("sourceQueueArns"))]
        wanted = ("byQueue", [own]) if name in sources else ("denyAll", [])
        if (policy.get("redrivePermission"), allowed) != wanted:
            yield f"{name} takes dead letters of {policy.get('redrivePermission', 'every queue')} {allowed}, not of {wanted}"


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


RULES = [
    visibility,
    redrive,
    redrive_allowed,
    fifo_dead_letters,
    events_in_order,
    queue_encryption,
    tls_only,
    source_account,
]
