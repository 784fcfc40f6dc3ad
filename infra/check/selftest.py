"""Plants faults in the transformed template and shows that each is seen by the rule that is there for it.

Usage: selftest.py TRANSFORMED.json FUNCTIONS_DIR
The faults stand in planted/, one file for each file of rules/.
"""

import copy
import json
import os
import sys

from planted import alarms, apis, functions, mail, queues, roles, settings, sftp, storage
from template_rules import RULES, faults

SECTIONS = (alarms, functions, queues, apis, roles, storage, mail, sftp, settings)
PLANTED = [fault for section in SECTIONS for fault in section.PLANTED]


def unseen(template, folders):
    """One sentence for each planted fault that its rule did not see, and for each rule that no fault tried."""
    for title, rule, plant in PLANTED:
        broken = copy.deepcopy(template)
        plant(broken)
        if broken == template:
            yield f"'{title}' changes nothing"
        elif rule not in {name for name, _ in faults(broken, folders)}:
            yield f"{rule} does not see '{title}'"
    for rule in RULES.keys() - {rule for _, rule, _ in PLANTED}:
        yield f"no planted fault tries {rule}"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        base = json.load(file)
    missed = list(unseen(base, sorted(os.listdir(sys.argv[2]))))
    for sentence in missed:
        print(sentence)
    print(f"planted template faults seen: {len(PLANTED) - len(missed)}/{len(PLANTED)}, rules: {len(RULES)}")
    sys.exit(1 if missed else 0)
