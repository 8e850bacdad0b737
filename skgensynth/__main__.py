"""``python -m skgensynth`` is the same as ``skgensynth``."""

import sys

from skgensynth.cli import main

if __name__ == "__main__":
    sys.exit(main())
