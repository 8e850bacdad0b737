"""``python -m skgensynth`` is the same as ``skgensynth``."""

import sys

from skgensynth.cli import main

sys.exit(main())
