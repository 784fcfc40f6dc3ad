"""Plants the matrix of nineteen faults and shows who sees each: own rules, cfn-lint, and checkov where it is at hand.

Usage: matrix.py TRANSFORMED.json FUNCTIONS_DIR [CHECKOV]
Without CHECKOV, cfn-lint is asked only about the faults that it must see; with it, both are asked about all.
"""

import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from planted.matrix import MATRIX
from template_rules import faults

TOOLS = ("own rules", "cfn-lint", "checkov")


def own_rules(templates, folders):
    """Per template, the rules that say something."""
    return [{rule for rule, _ in faults(template, folders)} for template in templates]


def cfn_lint(files):
    """Per file, the ids of what cfn-lint finds, also of what it only mentions."""
    binary = pathlib.Path(sys.executable).with_name("cfn-lint")
    command = [binary, "--include-checks", "I", "--format", "json", "--template", *files]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return [{one["Rule"]["Id"] for one in found if one["Filename"] == str(file)} for file in files]


def checkov(binary, files):
    """Per file, the ids of the checks that fail."""
    command = [binary, "--skip-download", "--quiet", "--framework", "cloudformation", "secrets", "--output", "json"]
    command += [part for file in files for part in ("--file", file)]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    failed = [one for report in answer for one in report["results"]["failed_checks"]]
    return [{one["check_id"] for one in failed if one["file_abs_path"] == str(file)} for file in files]


def planted(template, folder):
    """The broken templates, and where each lies as a file."""
    templates, files = [], []
    for number, (title, plant, _) in enumerate(MATRIX):
        broken = copy.deepcopy(template)
        plant(broken)
        if broken == template:
            sys.exit(f"'{title}' changes nothing")
        templates.append(broken)
        files.append(pathlib.Path(folder) / f"{number:02}.json")
        files[-1].write_text(json.dumps(broken, indent=1), encoding="utf-8")
    return templates, files


def seen(template, folders, with_checkov):
    """Per fault, what each tool says of it; a tool that was not asked says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        templates, files = planted(template, os.path.realpath(folder))
        asked = [at for at, (_, _, expected) in enumerate(MATRIX) if with_checkov or expected[1]]
        said = [[own, set(), set()] for own in own_rules(templates, folders)]
        for at, found in zip(asked, cfn_lint([files[at] for at in asked]), strict=True):
            said[at][1] = found
        if with_checkov:
            for at, found in enumerate(checkov(with_checkov, files)):
                said[at][2] = found
        return said


def report(said, tools):
    """Prints the table; answers a sentence for each fault that somebody who must see it does not see."""
    print(f"{'planted fault':34}" + "".join(f"{tool:46}" for tool in TOOLS[:tools]))
    missed = []
    for (title, _, expected), found in zip(MATRIX, said, strict=True):
        print(f"{title:34}" + "".join(f"{', '.join(sorted(ids)) or '-':46}" for ids in found[:tools]))
        for tool, must, ids in zip(TOOLS[:tools], expected, found):
            if must and must not in ids:
                missed.append(f"{tool} does not say {must} of '{title}'")
    count = sum(1 for found in said if any(found[:tools]))
    print(f"faults of the matrix seen: {count}/{len(MATRIX)}")
    return missed if count == len(MATRIX) else [*missed, "not every fault is seen"]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        base = json.load(file)
    checkov_binary = sys.argv[3] if len(sys.argv) > 3 else None
    sentences = report(seen(base, sorted(os.listdir(sys.argv[2])), checkov_binary), 3 if checkov_binary else 2)
    for sentence in sentences:
        print(sentence)
    sys.exit(1 if sentences else 0)
