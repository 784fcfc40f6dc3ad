"""Turns template.yaml into the CloudFormation template that SAM deploys, offline.

Usage: transform.py TEMPLATE OUT.json
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# The build replaces CodeUri by the place of the built binary; the translator takes only an S3 URI.
BUILT = "s3://built/function.zip"


class NoManagedPolicies(ManagedPolicyLoader):
    """The template names no AWS managed policy, so nobody has to ask IAM for their ARNs."""

    def __init__(self):
        super().__init__(None)

    def load(self):
        return {}


def transformed(path):
    """The template at `path` after the SAM transform, as a dict."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    template["Globals"]["Function"]["CodeUri"] = BUILT
    # Each parameter stands for itself. Without a value the translator would write its default into some places, and a
    # deployment, which has values, would be another template than the checked one.
    parameters = {name: {"Ref": name} for name in template["Parameters"]}
    return transform(template, parameters, NoManagedPolicies())


if __name__ == "__main__":
    source, out = sys.argv[1:]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(transformed(source), file, indent=1)
