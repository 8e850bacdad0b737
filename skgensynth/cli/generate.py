"""``skgensynth generate``: a table in, a synthetic table out, with the figures that say what it is worth."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import skgensynth
from skgensynth.cli.terminal import (
    Progress,
    add_shared,
    check_place,
    check_report,
    check_table_file,
    check_target,
    new_command,
    positive,
)
from skgensynth.condition_text import parse_condition_texts
from skgensynth.exceptions import ConstraintError
from skgensynth.files import DATASETS, load_dataset, read_table, write_table
from skgensynth.holdout import draw_table, hold_out, split_target

if TYPE_CHECKING:
    import pandas as pd

    from skgensynth.report import QualityReport

METHODS = {"disco": "DiscoTabSynthesizer"}

_DESCRIPTION = """\
Learn a table and write synthetic rows, with the figures that say what they are worth: the table is split, a
synthesizer is fitted to one part and measured against the other, which it never saw; the rows written come from the
same settings fitted to all rows."""

_KINDS = ("categorical", "continuous", "identifier")

_EPILOG = """\
conditions:
  --condition "age=65.."            65 or more ("..40": 40 or less, "65..80": from 65 to 80, both included)
  --condition "sex=F"               this value
  --condition "region=north,east"   one of these (a value that holds a comma in double quotes)
  --condition "bmi="                missing
  Each condition names one column; give the option once for each.

laws:
  --constraint "admitted <= discharged"         a law, besides those that are found in the table
  --constraint "if age < 18 then copd is no"    another one
  --constraint "usually bmi < 40"               rows may break it
  --forbid ward                                 nothing about this column is a law
  --forbid "age,ward"                           nothing about both of these columns is
  --forbid "if age < 18 then copd is no"        this is none
  A name that is no single word stands in backquotes in a sentence: "`blood pressure` > 40".

examples:
  skgensynth generate --dataset breast_cancer --rows 5000 --out synthetic.csv --report report.html
  skgensynth generate heart.csv --target DEATH_EVENT --rows 2000 --condition "age=65.." --out older.parquet
  skgensynth generate stays.csv --constraint "admitted <= discharged" --violations refuse --out synthetic.csv
"""


def add_command(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    generate = new_command(
        commands,
        "generate",
        run,
        help="learn a table and write synthetic rows",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    source = generate.add_argument_group("the real table")
    which = source.add_mutually_exclusive_group(required=True)
    which.add_argument("table", nargs="?", metavar="TABLE", help="a file ending in .csv, .csv.gz or .parquet")
    which.add_argument("--dataset", choices=sorted(DATASETS), help="a table that scikit-learn ships, instead of a file")
    add_shared(source, "--target")
    source.add_argument(
        "--identifiers",
        choices=["regenerate", "drop", "refuse"],
        default="regenerate",
        help="what to do with columns that look like identifiers (default: %(default)s)",
    )
    source.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="COLUMN=KIND",
        help="say that a column is categorical, continuous or identifier; give the option once for each",
    )
    method = generate.add_argument_group("the method")
    method.add_argument("--method", choices=sorted(METHODS), default="disco", help="default: %(default)s")
    method.add_argument("--policy", help='"compact", or the name, folder or GGUF file of a language model')
    method.add_argument(
        "--epochs", type=positive, metavar="N", help="passes over the table (default: chosen by its number of rows)"
    )
    method.add_argument(
        "--feedback",
        choices=["hierarchical", "scalar", "none"],
        default="hierarchical",
        help="second stage, which learns from rewards: for each value and row, for rows only, or left out (default: "
        "%(default)s)",
    )
    add_shared(method, "--seed")
    laws = generate.add_argument_group("the laws of the table")
    laws.add_argument(
        "--constraint", action="append", default=[], metavar="SENTENCE", help="a law that rows should keep, see below"
    )
    laws.add_argument(
        "--forbid", action="append", default=[], metavar="RULE", help="what is not to be taken for a law, see below"
    )
    laws.add_argument(
        "--violations",
        choices=["allow", "refuse"],
        default="allow",
        help="whether rows may break laws, or are drawn again (default: %(default)s)",
    )
    rows = generate.add_argument_group("the synthetic rows")
    rows.add_argument("--rows", type=positive, metavar="N", help="default: as many as the table has")
    rows.add_argument("--condition", action="append", default=[], metavar="COLUMN=VALUE", help="see below")
    rows.add_argument("--out", required=True, metavar="FILE", help="a file ending in .csv, .csv.gz or .parquet")
    figures = generate.add_argument_group("the figures")
    add_shared(figures, "--report", "--holdout")
    figures.add_argument("--no-evaluation", action="store_true", help="only write the rows")
    add_shared(generate, "--jobs", "--quiet")


def run(args: argparse.Namespace) -> None:
    """Do what the command says."""
    _check_outputs(args)
    said = Progress(quiet=args.quiet)
    with said.collect_warnings():
        table, target, source = _read(args)
        said.step(f"{source}: {len(table):,} rows, {table.shape[1]} columns")
        conditions = parse_condition_texts(args.condition, table)
        sentence = _check(args, table, target, conditions)
        report = None if args.no_evaluation else _evaluate(args, table, target, said)
        said.step(f"fitting to all {len(table):,} rows")
        synthesizer = _synthesizer(args, table).fit(*split_target(table, target))
        n_rows = args.rows or len(table)
        said.step(f"drawing {n_rows:,} rows" + (f" where {sentence}" if sentence else ""))
        synthetic = draw_table(synthesizer, n_rows, table, target, conditions=conditions)
        write_table(synthetic, args.out)
        laws = _laws(args, synthesizer, synthetic)
    if report is not None:
        _show(args, report, table, target, source)
        if args.report:
            _write_page(args, report, table, source, synthetic, sentence, synthesizer, laws, said.warnings)
    print(f"{args.out}: {len(synthetic):,} synthetic rows" + (f" where {sentence}" if sentence else ""))
    if laws:
        print(f"laws of the table: {laws}")
    if args.report:
        print(f"{args.report}: the report")


def _check_outputs(args):
    """Find out before the long work whether its results can be written."""
    if args.report and args.no_evaluation:
        raise ValueError("--report needs the figures that --no-evaluation leaves out: drop one of the two.")
    check_report(args.report)
    check_table_file(args.out)
    for path in (args.out, args.report):
        check_place(path)


def _read(args):
    if args.dataset:
        table, target = load_dataset(args.dataset)
        source = args.dataset
    else:
        table, target = read_table(args.table), None
        source = Path(args.table).name
    target = args.target or target
    check_target(target, table, source)
    return table, target, source


def _check(args, table, target, conditions):
    """Find out before the long work whether the table, laws and conditions will do; return the conditions in words."""
    from skgensynth.conditions import Conditions
    from skgensynth.schema import TableSchema

    schema = TableSchema.infer(
        *split_target(table, target), identifiers=args.identifiers, column_kinds=_kinds(args.kind, table)
    )
    for text in args.constraint:
        _check_sentence("--constraint", text, schema)
    for rule in _forbidden(args.forbid, table):
        if isinstance(rule, str) and rule not in table.columns:
            _check_sentence("--forbid", rule, schema)
    return Conditions.parse(conditions, schema).sentence()


def _check_sentence(option, text, schema):
    from skgensynth.constraints import parse_constraint

    try:
        parse_constraint(text, schema)
    except ConstraintError as error:
        other = "" if option == "--constraint" else "write a column, columns with commas between, or a sentence; "
        raise ValueError(f"{option}: {other}{error}") from error


def _forbidden(texts, table):
    """What the user forbids, as the method takes it: names of columns, tuples of names, sentences."""
    rules = []
    for text in texts:
        names = next(csv.reader([text], skipinitialspace=True))
        several = text not in table.columns and names and set(names) <= set(table.columns)
        rules.append(tuple(names) if several else text)
    return rules


def _kinds(texts, table):
    """Kinds of columns as the user gave them, or None."""
    kinds = {}
    for text in texts:
        name, _, kind = text.rpartition("=")
        if name not in table.columns or kind not in _KINDS:
            raise ValueError(f"--kind {text!r}: write a column of the table, =, and one of {', '.join(_KINDS)}.")
        kinds[name] = kind
    return kinds or None


def _synthesizer(args, table):
    chosen = {"policy": args.policy, "n_epochs": args.epochs, "column_kinds": _kinds(args.kind, table)}
    return getattr(skgensynth, METHODS[args.method])(
        feedback=None if args.feedback == "none" else args.feedback,
        constraints=args.constraint,
        forbidden_rules=_forbidden(args.forbid, table),
        violations=args.violations,
        identifiers=args.identifiers,
        random_state=args.seed,
        verbose=0 if args.quiet else 1,
        **{name: value for name, value in chosen.items() if value is not None},
    )


def _evaluate(args, table: pd.DataFrame, target: Any, said: Progress) -> QualityReport:
    """Figures of a synthesizer that was fitted to a part of the table, against the rest."""
    from skgensynth.report import evaluate

    try:
        train, test = hold_out(table, target, args.holdout, args.seed)
    except ValueError as error:
        raise ValueError(f"{error}: use --no-evaluation.") from error
    said.step(f"fitting to {len(train):,} training rows, {len(test):,} held out for the figures")
    synthesizer = _synthesizer(args, table).fit(*split_target(train, target))
    # Ten times the training rows make chance in the figures small beside that of the real rows.
    n_rows = max(len(train), min(10 * len(train), 20_000))
    synthetic = draw_table(synthesizer, n_rows, table, target)
    said.step(f"measuring {n_rows:,} synthetic rows")
    names = {column.name for column in synthesizer.schema_.columns if column.kind != "identifier"}
    kept = [name for name in synthetic.columns if str(name) in names]
    laws = [law for law in synthesizer.constraints_ if names.issuperset(law.columns)]
    return evaluate(
        train[kept],
        test[kept],
        synthetic[kept],
        target=target,
        rules=laws or "auto",
        random_state=args.seed,
        n_jobs=args.jobs,
        verbose=0 if args.quiet else 1,
    )


def _laws(args, synthesizer, synthetic):
    """How many laws there are and how many rows break one, in words; nothing if laws were not looked for."""
    from skgensynth.constraints import ConstraintSet

    laws = synthesizer.constraints_
    if not laws:
        return ""
    n_broken = ConstraintSet(law for law in laws if law.hard).violations(synthetic).any(axis=1).sum()
    n_given = len(args.constraint)
    breaking = f"{n_broken:,} of {len(synthetic):,} rows break one"
    return f"{n_given} given, {len(laws) - n_given} found; {breaking}"


def _show(args, report, table, target, source):
    task = "" if report.utility is None else f", target {target} ({report.utility.real.task})"
    print(f"\n{source}: {len(table):,} rows, {table.shape[1]} columns{task}\n")
    print(report)
    print(
        f"\nThe figures come from {report.n_test:,} held-out rows that the synthesizer behind them never saw: it was "
        f"fitted to the\nother {report.n_train:,}. The rows in {args.out} come from the same settings, fitted to all "
        f"{len(table):,} rows.\n"
    )


def _write_page(args, report, table, source, synthetic, sentence, synthesizer, laws, said_warnings):
    from skgensynth.report import Origin

    parameters = {name: value for name, value in synthesizer.get_params().items() if name != "verbose"}
    settings = {"method": type(synthesizer).__name__, **parameters, "held-out share": args.holdout}
    settings |= {"laws": laws} if laws else {}
    origin = Origin(
        source=source,
        output=Path(args.out).name,
        table=synthetic,
        n_real=len(table),
        conditions=sentence,
        settings=settings,
        warnings=said_warnings,
    )
    report.to_html(args.report, origin)
