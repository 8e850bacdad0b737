"""What the commands have in common: options, checks before the work, what is said on the way, how they end."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from skgensynth.exceptions import SkgensynthWarning
from skgensynth.files import PARQUET_SUFFIXES, suffix_of

if TYPE_CHECKING:
    import pandas as pd

    from skgensynth.constraints import Constraint


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and end."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


class Progress:
    """What is said on the way, on the terminal's error stream."""

    def __init__(self, *, quiet: bool):
        self.quiet = quiet
        self.warnings: list[str] = []

    def step(self, text: str) -> None:
        """Say what is done next."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def collect_warnings(self) -> Iterator[None]:
        """Say each of the package's own warnings once, in a line, and keep it for the page."""
        with warnings.catch_warnings():
            show_others = warnings.showwarning

            def show(message, category, *place, **rest):
                if not issubclass(category, SkgensynthWarning):
                    show_others(message, category, *place, **rest)
                elif (text := " ".join(str(message).split())) not in self.warnings:
                    self.warnings.append(text)
                    print(f"warning: {text}", file=sys.stderr, flush=True)

            warnings.showwarning = show
            yield


def fail(error: BaseException | str, code: int) -> int:
    """Say in one line what went wrong, and return the exit code."""
    print("skgensynth: error:", " ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
    return code


def positive(text: str) -> int:
    """Whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def share(text: str) -> float:
    """Share between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


# Options that mean the same in several commands.
_OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "--target": {"metavar": "NAME", "help": "column that models should predict; needed for utility"},
        "--holdout": {
            "type": share,
            "default": 0.25,
            "metavar": "SHARE",
            "help": "share of rows held out (default: %(default)s)",
        },
        "--report": {"metavar": "FILE", "help": "write an HTML page with plots"},
        "--json": {"metavar": "FILE", "help": "write all figures as JSON"},
        "--seed": {"type": int, "default": 0, "metavar": "N", "help": "default: %(default)s"},
        "--jobs": {"type": positive, "default": 1, "metavar": "N", "help": "threads (default: %(default)s)"},
        "--quiet": {"action": "store_true", "help": "no progress on the terminal"},
    }
)


def new_command(
    commands: argparse._SubParsersAction, name: str, run: Callable, **texts: Any
) -> argparse.ArgumentParser:
    """Begin a command: its help is shown as it is written, and `run` does its work."""
    parser = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts)
    parser.set_defaults(run=run)
    return parser


def add_shared(group: argparse._ActionsContainer, *names: str, **changes: Any) -> None:
    """Add options that mean the same in several commands."""
    for name in names:
        group.add_argument(name, **_OPTIONS[name], **changes)


def check_target(target: str | None, table: pd.DataFrame, source: str) -> None:
    """Find out before the long work whether the target is a column."""
    if target is not None and target not in table.columns:
        raise ValueError(f"{source} has no column {target!r}; its columns are {', '.join(map(str, table.columns))}.")


def check_report(path: str | None) -> None:
    """Find out before the long work whether the page can be made."""
    if path and find_spec("jinja2") is None:
        raise ValueError("--report needs jinja2: pip install 'skgensynth[report]'.")


def check_table_file(path: str) -> None:
    """Find out before the long work whether a table of this name can be read or written."""
    if suffix_of(path) in PARQUET_SUFFIXES and find_spec("pyarrow") is None:
        raise ValueError("Parquet files need pyarrow: pip install 'skgensynth[parquet]'.")


def check_place(path: str | None) -> None:
    """Find out before the long work whether there is a place to write to."""
    if path and not Path(path).resolve().parent.is_dir():
        raise ValueError(f"{path}: there is no folder {Path(path).parent} to write to.")
    if path and Path(path).is_dir():
        raise ValueError(f"{path}: is a folder, not a file to write to.")


def read_rules(path: str, table: pd.DataFrame) -> list[Constraint]:
    """Rules of a file, one sentence in each line; an error names the line."""
    from skgensynth.constraints import parse_constraint

    rules = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8-sig").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            rules.append(parse_constraint(text, table))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    if not rules:
        raise ValueError(f"{path}: there is no rule in the file.")
    return rules
