"""Checks the AWS CLI commands in documents: each is parsed by the CLI itself and sent nowhere.

commands.py DOCUMENT...      with awscli in the same Python environment
"""
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# Of version 2 only; the CLI on PyPI is version 1.
NEWER = {("logs", "tail")}
NOWHERE = ["--endpoint-url", "http://127.0.0.1:9", "--no-sign-request", "--region", "us-east-1", "--cli-connect-timeout", "1"]
LOCAL = {"configure"}
# What stands for a value that a shell or the reader fills in, where a mere word would not do.
VALUES = {
    "--server-id": "s-0123456789abcdef0",
    "--host-key-id": "hostkey-0123456789abcdef0",
    "--item": '{"pk": {"S": "x"}}',
    "--parameters": "[]",
    "--uuid": "00000000-0000-0000-0000-000000000000",
    "--source-ip": "192.0.2.7",
}


def blocks(text):
    """Shell blocks, and commands in single backticks."""
    yield from re.findall(r"```sh\n(.*?)```", text, re.S)
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    # One without options is only named.
    yield from (named for named in re.findall(r"`(aws [^`]+)`", prose) if " --" in named)


def plain(block):
    """A block without what a shell would fill in, a command a line; commands within $(...) come first."""
    block = re.sub(r"\\\n\s*", " ", block)
    found = []
    # Innermost first: a command in a command is one of its own, and a word of the outer one.
    while True:
        inner = re.search(r"\$\(([^()]*)\)", block)
        if not inner:
            break
        found.append(inner.group(1))
        block = block[: inner.start()] + "word" + block[inner.end():]
    block = re.sub(r"\$\{?[A-Za-z_@*0-9][A-Za-z_0-9:@]*\}?", "word", block)
    return [*found, *block.split("\n")]


def commands(block):
    """The words of every `aws` command of a block."""
    for line in plain(block):
        for at in re.finditer(r"(?:^\s*|[;|&{(]\s*|\bdo\s+|=)(aws\s)", line):
            lexer = shlex.shlex(line[at.start(1):], posix=True, punctuation_chars=";|&")
            lexer.whitespace_split, lexer.commenters = True, "#"
            words = []
            for word in lexer:
                if set(word) <= set(";|&") or word in ("}", "<", ">"):
                    break
                words.append(VALUES.get(words[-1], word) if words else word)
            yield words


def fault(words):
    """What the CLI says against a command; None when it would have sent it."""
    if tuple(words[1:3]) in NEWER or words[1] in LOCAL:
        return None
    environment = {**os.environ, "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}
    here = [word.replace("file://", "fileb://") if word.startswith("file://") else word for word in words[1:]]
    ran = subprocess.run([sys.executable, "-m", "awscli", *here, *NOWHERE], env=environment, capture_output=True, text=True, timeout=120)
    said = (ran.stderr + ran.stdout).strip()
    if "Could not connect to the endpoint URL" in said or "Connection refused" in said:
        return None
    if re.search(r"Unable to load paramfile|Error parsing parameter .*(file|No such file)|does not exist", said):
        return None  # A file that the reader makes.
    return said.splitlines()[-1] if said else f"ended with {ran.returncode} and said nothing"


def check(text):
    """Sentences about every command of a text that the CLI does not take, and how many commands there are."""
    seen = []
    for words in (words for block in blocks(text) for words in commands(block)):
        if words not in seen:
            seen.append(words)
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(fault, seen))
    return [f"{' '.join(words)}\n    {why}" for words, why in zip(seen, said) if why], len(seen)


def selftest():
    """The check sees faults."""
    wrong = {
        "```sh\naws sqs start-message-move-task --source-arm x\n```": "source-ar",
        "`aws sqs purge-queues --queue-url x`": "purge-queue",
        "```sh\nx=$(aws dynamodb describe-table --query Table)\n```": "table-name",
    }
    for text, expected in wrong.items():
        faults, _ = check(text)
        if not faults or expected not in faults[0]:
            sys.exit(f"not seen: {expected} in {text}: {faults}")
    faults, count = check("```sh\nfor x in $(aws sqs list-queues --query 'QueueUrls[]'); do aws sqs purge-queue --queue-url \"$x\"; done\n```")
    if faults or count != 2:
        sys.exit(f"{count} commands, {faults}")


def main():
    selftest()
    failed = False
    for place in sys.argv[1:]:
        with open(place, encoding="utf-8") as document:
            faults, count = check(document.read())
        print(f"{place}: {count} commands, {len(faults)} faults")
        for one in faults:
            print(f"  {one}")
        failed = failed or bool(faults)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
