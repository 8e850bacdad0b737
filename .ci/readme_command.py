"""Print a command of the README, so that what it says and what is run cannot drift apart.

A command is the fenced block that follows a comment ``<!-- command: NAME -->``.
"""

import re
import sys
from pathlib import Path

name = sys.argv[1]
readme = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
found = re.findall(rf"<!-- command: {re.escape(name)} -->\s*```\w*\n(.*?)```", readme, flags=re.DOTALL)
if len(found) != 1:
    sys.exit(f"README.md has {len(found)} commands called {name!r}, not one.")
print(found[0].strip())
