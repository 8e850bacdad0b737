"""The command line: ``skgensynth generate``, ``skgensynth evaluate`` and ``skgensynth compare``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import skgensynth
from skgensynth.cli import compare, evaluate, generate
from skgensynth.cli.terminal import Parser, fail
from skgensynth.exceptions import SkgensynthError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        0, or 1 if the work could not be done, 2 if the arguments or the tables are at fault, 130 if interrupted.
    """
    parser = Parser(prog="skgensynth", description="Synthetic tables from language models.")
    parser.add_argument("--version", action="version", version=f"skgensynth {skgensynth.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (generate, evaluate, compare):
        command.add_command(commands)
    args = parser.parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output, such as head, has seen enough; nothing more can be said there, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return fail("interrupted", 130)
    except (RuntimeError, MemoryError) as error:
        return fail(error, 1)
    except (SkgensynthError, ValueError, OSError, ImportError) as error:
        return fail(error, 2)
    return 0
