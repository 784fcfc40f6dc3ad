"""Runs checkov and shows what is suppressed and why; fails on anything that is not, and on suppressions without a reason.

Usage: suppressed.py CHECKOV TRANSFORMED.json TEMPLATE
The transformed template is looked at in every way, the one as written for secrets in its comments and words too.
"""

import json
import subprocess
import sys

# More kinds than these are no exceptions any more.
MOST_KINDS = 5


def results(checkov, file, *frameworks):
    """What checkov says of a file: checks that passed, failed and were skipped."""
    command = [checkov, "--skip-download", "--framework", *frameworks, "--output", "json", "--file", file]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    # One report by itself, several in a list, and only counts where there was nothing to look at.
    reports = answer if isinstance(answer, list) else [answer]
    if any(report.get("results", {}).get("parsing_errors") for report in reports):
        sys.exit(f"checkov cannot read {file}")
    kinds = ("passed_checks", "failed_checks", "skipped_checks")
    return [[one for report in reports for one in report.get("results", {}).get(kind, [])] for kind in kinds]


def main(checkov, transformed, template):
    passed, failed, skipped = results(checkov, transformed, "cloudformation", "secrets")
    failed += results(checkov, template, "secrets")[1]
    reasons = {}
    for one in skipped:
        reason = one["check_result"].get("suppress_comment") or ""
        reasons.setdefault((one["check_id"], one["check_name"], reason), []).append(one["resource"].split(".")[-1])
    for (check, name, reason), resources in sorted(reasons.items()):
        print(f"suppressed: {check} ({name}) for {', '.join(sorted(resources))}: {reason}")
    for one in failed:
        print(f"{one['check_id']}: {one['check_name']}: {one['resource']}")
    kinds = {check for check, _, _ in reasons}
    print(f"checkov: {len(passed)} passed, {len(failed)} failed, {len(skipped)} suppressed of {len(kinds)} kinds")
    # Without a reason checkov writes one of its own.
    bare = [check for check, _, reason in reasons if not reason or reason == "No comment provided"]
    return bool(failed or bare or not passed or len(kinds) > MOST_KINDS)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
