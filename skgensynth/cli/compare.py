"""``skgensynth compare``: language models and prompts side by side, on one table or several."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import skgensynth
from skgensynth.cli.generate import METHODS
from skgensynth.cli.terminal import (
    Progress,
    add_shared,
    check_place,
    check_report,
    check_table_file,
    check_target,
    new_command,
    positive,
    read_rules,
)
from skgensynth.files import read_table

if TYPE_CHECKING:
    from skgensynth.comparison import ComparisonTable

_PROMPTS = ("seed_ex", "featdesc", "statguide", "clin_rule")

_DESCRIPTION = """\
Compare what language models write under several prompts: each table is split, each model with each prompt is shown the
one part as the prompt says, and its rows are measured against the other part. A run that fails is reported, and the
others go on; with --out, an interrupted comparison goes on where it stopped."""

_EPILOG = """\
several tables:
  --target, --context, --descriptions and --rules hold for all tables if given once; else give each as often as there
  are tables, in their order.

rules:
  --rules rules.txt     a file with one rule in each line, such as: usually if age > 80 then ejection_fraction < 60
  --rules cirrhosis     a ready set: cirrhosis, diabetes or stroke
  --rules mined         those that all training rows keep

examples:
  skgensynth compare heart.csv --target DEATH_EVENT --rows 100 --out runs.jsonl --report compare.html
  skgensynth compare a.csv b.csv --target died --llm zephyr.gguf --llm http://localhost:8000/v1#qwen2 --baseline disco
"""


def add_command(commands: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands, "compare", run, help="compare language models and prompts", description=_DESCRIPTION, epilog=_EPILOG
    )
    tables = parser.add_argument_group("the tables")
    tables.add_argument("tables", nargs="+", metavar="TABLE", help="files ending in .csv, .csv.gz or .parquet")
    add_shared(tables, "--target", action="append", default=[])
    tables.add_argument("--context", **_again("TEXT", "a sentence about the table, for the prompts"))
    tables.add_argument(
        "--descriptions", **_again("FILE", "what columns mean, as JSON: an object of column to description")
    )
    tables.add_argument("--rules", **_again("RULES", "rules of the table, see below"))
    compared = parser.add_argument_group("what is compared")
    compared.add_argument(
        "--llm", **_again("MODEL", "name, file, folder or address of a language model (default: smollm2-135m)")
    )
    compared.add_argument(
        "--prompt",
        action="append",
        default=[],
        choices=_PROMPTS,
        help="default: all, featdesc where there are descriptions",
    )
    compared.add_argument(
        "--baseline", action="append", default=[], choices=sorted(METHODS), help="a method to stand beside them"
    )
    rows = parser.add_argument_group("the synthetic rows")
    rows.add_argument(
        "--rows", type=positive, default=200, metavar="N", help="of each run and measured (default: %(default)s)"
    )
    rows.add_argument("--output", choices=["csv", "json"], default="csv", help="how models write rows")
    rows.add_argument("--max-requests", type=positive, metavar="N", help="requests of each run, at most")
    rows.add_argument("--max-tokens", type=positive, metavar="N", help="tokens of each run, read and written, at most")
    rows.add_argument("--allow-remote-rows", action="store_true", help="let prompts with real rows leave this machine")
    results = parser.add_argument_group("the results")
    results.add_argument(
        "--out", metavar="FILE", help="runs, a line of JSON each; those that it holds already are not done again"
    )
    add_shared(results, "--report", "--json", "--holdout", "--seed")
    add_shared(parser, "--jobs", "--quiet")


def _again(metavar: str, text: str) -> dict[str, Any]:
    """An option that may be given several times."""
    return {"action": "append", "default": [], "metavar": metavar, "help": text}


def run(args: argparse.Namespace) -> None:
    """Do what the command says."""
    check_report(args.report)
    for path in (args.out, args.report, args.json):
        check_place(path)
    for path in args.tables:
        check_table_file(path)
    said = Progress(quiet=args.quiet)
    with said.collect_warnings():
        report = skgensynth.compare(
            _read_tables(args, said),
            llms=args.llm or ["smollm2-135m"],
            prompts=args.prompt or None,
            synthesizers={name: getattr(skgensynth, METHODS[name])() for name in args.baseline},
            n_rows=args.rows,
            holdout=args.holdout,
            resume=args.out,
            random_state=args.seed,
            n_jobs=args.jobs,
            verbose=0 if args.quiet else 1,
            output=args.output,
            max_requests=args.max_requests,
            max_tokens_total=args.max_tokens,
            allow_remote_rows=args.allow_remote_rows,
        )
    print(f"\n{report}\n")
    if args.json:
        report.to_json(args.json)
        print(f"{args.json}: the figures")
    if args.report:
        report.to_html(args.report)
        print(f"{args.report}: the report")
    if report.failed:
        again = "the same command tries them again" if args.out else "with --out, they can be tried again"
        raise RuntimeError(f"{len(report.failed)} of {len(report.runs)} runs failed; {again}")


def _read_tables(args: argparse.Namespace, said: Progress) -> dict[str, ComparisonTable]:
    from skgensynth.comparison import ComparisonTable

    n = len(args.tables)
    given = zip(
        args.tables,
        *(_for_each(name, getattr(args, name), n) for name in ("target", "context", "descriptions", "rules")),
        strict=True,
    )
    tables = {}
    for path, target, context, descriptions, rules in given:
        rows = read_table(path)
        said.step(f"{path}: {len(rows):,} rows, {rows.shape[1]} columns")
        check_target(target, rows, path)
        name = path if Path(path).name in tables else Path(path).name
        tables[name] = ComparisonTable(rows, target, context, _read_descriptions(descriptions), _rules(rules, rows))
    if len(tables) < n:
        raise ValueError("a table is given twice.")
    return tables


def _for_each(option: str, given: Sequence[str], n: int) -> Sequence[str | None]:
    """What an option says of each table."""
    if len(given) not in (0, 1, n):
        raise ValueError(f"--{option}: give it once for all tables, or {n} times, once for each.")
    return given if len(given) == n else [given[0] if given else None] * n


def _read_descriptions(path: str | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        descriptions = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path}: no JSON in UTF-8: {error}.") from error
    if not isinstance(descriptions, dict) or not all(isinstance(text, str) for text in descriptions.values()):
        raise ValueError(f'{path}: write an object of column to description, such as {{"age": "in years"}}.')
    return descriptions


def _rules(rules: str | None, rows: Any) -> Any:
    """Rules as SynLLM takes them: a name of rules that it knows, or sentences from a file."""
    from skgensynth.synllm.rules import MINED, READY_RULES

    if rules is None or rules == MINED or rules in READY_RULES:
        return rules
    if not Path(rules).is_file():
        raise ValueError(f"--rules {rules!r}: there is no such file; {', '.join([MINED, *READY_RULES])} are known.")
    return read_rules(rules, rows)
