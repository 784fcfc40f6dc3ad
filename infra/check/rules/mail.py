"""Rules about mail."""

from rules.reading import get, of_type


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


RULES = [
    mail_events,
]
