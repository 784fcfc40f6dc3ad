"""Faults that the rules of rules/mail.py must see: (what is wrong, the rule that must say so, how to plant it)."""

from planted.making import properties, put

PLANTED = [
    ("SES keeps Send to itself", "mail_events",
     put(*properties("MailEventDestination", "EventDestination", "MatchingEventTypes"), ["BOUNCE", "COMPLAINT", "REJECT"])),
]
