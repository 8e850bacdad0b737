"""``skgensynth evaluate``: how good synthetic rows are that lie in a file, wherever they come from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pandas.api import types

from skgensynth.cli.terminal import (
    Progress,
    add_shared,
    check_place,
    check_report,
    check_table_file,
    check_target,
    new_command,
    read_rules,
)
from skgensynth.files import CSV_SUFFIXES, read_table, suffix_of

if TYPE_CHECKING:
    from skgensynth.report import QualityReport

_DESCRIPTION = """\
Measure synthetic rows against the real rows that they were made from (REAL) and, with --holdout, against real rows that
the synthesizer never saw. Only those can tell how useful the rows are and what they give away, so without --holdout
neither is judged: REAL is not split, because the synthesizer saw all of it."""

_EPILOG = """\
A file of rules has one rule in each line, such as
  age is between 18 and 100
  if sex is M then pregnancies is 0
Empty lines, and lines that begin with #, are skipped. Without --rules, rules are mined from REAL.

examples:
  skgensynth evaluate train.csv synthetic.csv --holdout holdout.csv --target DEATH_EVENT --report report.html
  skgensynth evaluate train.parquet synthetic.csv --ignore patient --rules rules.txt
"""


def add_command(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands,
        "evaluate",
        run,
        help="measure synthetic rows that lie in a file",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    tables = parser.add_argument_group("the tables (files ending in .csv, .csv.gz or .parquet)")
    tables.add_argument("real", metavar="REAL", help="real rows that the synthesizer was fitted to")
    tables.add_argument("synthetic", metavar="SYNTH", help="synthetic rows")
    tables.add_argument("--holdout", metavar="FILE", help="real rows of the same source that it never saw")
    add_shared(tables, "--target")
    tables.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN", help="leave a column out; once for each"
    )
    tables.add_argument("--rules", metavar="FILE", help="rules that rows should keep, see below")
    results = parser.add_argument_group("the results")
    add_shared(results, "--report", "--json", "--seed")
    add_shared(parser, "--jobs", "--quiet")


def run(args: argparse.Namespace) -> None:
    """Do what the command says."""
    check_report(args.report)
    for path in (args.report, args.json):
        check_place(path)
    for path in (args.real, args.synthetic, args.holdout):
        if path:
            check_table_file(path)
    said = Progress(quiet=args.quiet)
    with said.collect_warnings():
        real = read_table(args.real)
        paths = [path for path in (args.synthetic, args.holdout) if path]
        files = [(args.real, real), *((path, _read_like(path, real)) for path in paths)]
        _check_columns(args, files)
        tables = [table.drop(columns=args.ignore, errors="ignore") for _, table in files]
        for (path, _), table in zip(files, tables, strict=True):
            said.step(f"{path}: {len(table):,} rows, {table.shape[1]} columns")
        report = _evaluate(args, *tables)
    _show(args, report)
    if args.json:
        report.to_json(args.json)
        print(f"{args.json}: the figures")
    if args.report:
        _write_page(args, report, tables[1], said.warnings)
        print(f"{args.report}: the report")


def _read_like(path, real):
    """Read a table whose CSV columns are text where those of the real table are."""
    table = read_table(path)
    # "112" is a number by itself, and a code beside the "007" of the real table.
    texts = [
        name for name in table.columns if name in real.columns and _is_text(real[name]) and not _is_text(table[name])
    ]
    if texts and suffix_of(path) in CSV_SUFFIXES:
        written = pd.read_csv(path, dtype=str, encoding="utf-8-sig", skipinitialspace=True)
        table = table.assign(**{name: written[name] for name in texts})
    return table


def _is_text(series):
    return types.is_string_dtype(series.dtype) and series.notna().any()


def _check_columns(args, files):
    for name in args.ignore:
        if not any(name in table.columns for _, table in files):
            raise ValueError(f"--ignore {name!r}: no table has such a column.")
    if args.target is not None and args.target in args.ignore:
        raise ValueError(f"--ignore {args.target!r}: the target cannot be left out.")
    (first, real), *others = files
    check_target(args.target, real, first)
    for path, table in others:
        for has, has_path, lacks, lacks_path in ((real, first, table, path), (table, path, real, first)):
            absent = [name for name in has.columns if name not in lacks.columns and name not in args.ignore]
            if absent:
                raise ValueError(
                    f"{lacks_path} has no column {absent[0]!r}, which {has_path} has: add it, or leave it out with "
                    f"--ignore {absent[0]!r}."
                )


def _evaluate(args, real, synthetic, holdout=None) -> QualityReport:
    from skgensynth.report import evaluate

    return evaluate(
        real,
        holdout,
        synthetic,
        target=args.target,
        rules="auto" if args.rules is None else read_rules(args.rules, real),
        random_state=args.seed,
        n_jobs=args.jobs,
        verbose=0 if args.quiet else 1,
    )


def _show(args, report):
    print(f"\n{args.synthetic} against {args.real}" + (f", target {args.target}" if args.target else "") + "\n")
    print(report)
    if args.holdout:
        print(f"\nThe figures hold if the synthesizer was fitted to {args.real} and never saw {args.holdout}.\n")
    else:
        print(
            "\nUtility and privacy were not judged: that takes real rows that the synthesizer never saw (--holdout).\n"
        )


def _write_page(args, report, synthetic, said_warnings):
    from skgensynth.report import Origin

    settings = {"real rows": args.real, "held-out rows": args.holdout or "none", "rules": args.rules or "mined"}
    origin = Origin(
        source=Path(args.real).name,
        output=Path(args.synthetic).name,
        table=synthetic,
        settings=settings | {"seed": args.seed},
        warnings=said_warnings,
    )
    report.to_html(args.report, origin)
