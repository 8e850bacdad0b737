"""Fail on skipped and excused tests that allowed_skips.toml does not list with a reason.

Usage: check_skips.py JUNIT.xml
"""

import os
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree


def main(junit):
    rules = tomllib.loads(Path(__file__).with_name("allowed_skips.toml").read_text(encoding="utf-8")).get("skip", [])
    unlisted = []
    for case in ElementTree.parse(junit).iter("testcase"):
        for skipped in case.iter("skipped"):
            name = f"{case.get('classname')}::{case.get('name')}"
            if not any(_covers(rule, name) for rule in rules):
                unlisted.append(f"{name}: {skipped.get('message')}")
    for line in unlisted:
        print("skipped without a listed reason:", line, file=sys.stderr)
    return 1 if unlisted else 0


def _covers(rule, name):
    """Whether a rule is about a test, in this environment."""
    needed = rule.get("unless_set")
    return fnmatchcase(name, rule["test"]) and not (needed and os.environ.get(needed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
