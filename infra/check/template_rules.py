"""Rules about the deployed template that cfn-lint does not know, on the transformed JSON.

Usage: template_rules.py TRANSFORMED.json FUNCTIONS_DIR
Each rule is a function of the template and of the names of the functions' folders that yields one sentence a fault. They
stand in rules/, one file a section of the template, each of which lists its own.
"""

import json
import os
import sys

from rules import alarms, apis, functions, mail, queues, roles, settings, sftp, storage

SECTIONS = (alarms, functions, queues, apis, roles, storage, mail, sftp, settings)
RULES = {rule.__name__: rule for section in SECTIONS for rule in section.RULES}


def faults(template, folders):
    """Every fault of a transformed template, as (rule, sentence)."""
    return [(name, fault) for name, rule in RULES.items() for fault in rule(template, folders)]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        found = faults(json.load(file), sorted(os.listdir(sys.argv[2])))
    for rule, fault in found:
        print(f"{rule}: {fault}")
    sys.exit(1 if found else 0)
