"""Comparison runs: models, prompts and other synthesizers on tables, measured alike, going on where they stopped."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import pandas as pd
from sklearn.base import clone
from tqdm import tqdm

from skgensynth.comparison.layout import run_names
from skgensynth.comparison.measuring import Setting, prepare, try_out
from skgensynth.comparison.records import RunFile, describe, digest, table_digest
from skgensynth.comparison.results import FIGURES, ComparisonReport, ComparisonRun
from skgensynth.exceptions import PromptError, SchemaMismatchError, SkgensynthError
from skgensynth.llm import resolve
from skgensynth.synllm.prompts import PROMPTS, check_prompt
from skgensynth.synllm.synthesizer import SynLLMSynthesizer

__all__ = ["ComparisonTable", "compare"]

SYNLLM = "SynLLM"
# What every run of SynLLM gets from its table, or from the comparison.
_SET_ELSEWHERE = {
    **dict.fromkeys(("feature_descriptions", "context", "rules"), "belongs to a table: give a ComparisonTable"),
    "llm": "is given in llms",
    "prompt": "is given in prompts",
}
_KINDS = ("categorical_features", "column_kinds")


@dataclass(frozen=True, eq=False)
class ComparisonTable:
    """A table for a comparison, with what is known about it.

    Attributes
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Real rows, the target among the columns.
    target : column label, default=None
        Column that models should predict; without it, utility is not measured.
    context : str, default=None
        A sentence about the table for prompts, as in `SynLLMSynthesizer`.
    feature_descriptions : dict of str to str, default=None
        What columns mean and their units, for prompts that tell it.
    rules : str, Constraint or list of these, default=None
        Rules of the table, as `SynLLMSynthesizer` takes them: told in prompts that show rules, kept if they are hard,
        and checked in the rows of every synthesizer. Rules that all training rows keep are checked in any case.
    """

    rows: pd.DataFrame
    target: Any = None
    context: str | None = None
    feature_descriptions: Mapping[str, str] | None = None
    rules: Any = None


@dataclass(frozen=True, eq=False)
class _Plan:
    """A run that is to be done."""

    table: str
    synthesizer: str
    llm: str
    prompt: str
    estimator: Any
    fingerprint: str

    def name(self, run: ComparisonRun) -> ComparisonRun:
        """The run under the names of this comparison."""
        return replace(run, table=self.table, synthesizer=self.synthesizer, llm=self.llm, prompt=self.prompt)


def compare(
    tables,
    *,
    llms=("smollm2-135m",),
    prompts=None,
    synthesizers=None,
    n_rows=200,
    holdout=0.25,
    resume=None,
    random_state=0,
    n_jobs=1,
    verbose=0,
    **params,
) -> ComparisonReport:
    """Compare language models and prompts, and other synthesizers, on tables.

    Each table is split. `SynLLMSynthesizer` with each model and prompt, and each other synthesizer, is fitted to the
    one part, draws the same number of rows, and is measured against the other: share of valid rows, fidelity, utility,
    privacy, broken rules, class gaps, tokens and time, and SynLLM's harmonic score of privacy and utility (Ilaty et
    al., SynLLM, 2025). `ComparisonRun` has the definitions. A run that fails is reported with its reason, and the
    others go on.

    Parameters
    ----------
    tables : dict of str to ComparisonTable or DataFrame
        The tables by name; a frame is one without a target.
    llms : str, path-like, LanguageModel, callable, list or dict of str to these, default=("smollm2-135m",)
        Language models, as `SynLLMSynthesizer` takes them. A dict gives them names.
    prompts : list of str or dict of str to str, default=None
        Names of structured prompts; a dict gives names to templates. None takes all four, "featdesc" only for tables
        with descriptions.
    synthesizers : dict of str to estimator, default=None
        Other synthesizers, such as ``{"DISCO": DiscoTabSynthesizer()}``. Where ``random_state`` is None, it is set.
    n_rows : int, default=200
        Synthetic rows of each run.
    holdout : float, default=0.25
        Share of the rows of each table that are held out.
    resume : str or Path, default=None
        File of runs, a line of JSON each. Every run is added as soon as it ends; runs that it holds from before are
        not done again, unless they failed, or the table or a setting that matters is another one. A function as a
        model or parameter counts by its name.
    random_state : int, default=0
        Seed of the splits, the synthesizers and the figures.
    n_jobs : int, default=1
        Threads of the models behind the figures.
    verbose : int, default=0
        1 shows progress on the terminal's error stream.
    **params
        Further parameters of `SynLLMSynthesizer` for all of its runs, such as ``temperature``, ``output``,
        ``max_requests`` and ``allow_remote_rows``. Budgets are for each run.

    Returns
    -------
    ComparisonReport
        The runs, by table.

    Raises
    ------
    SchemaMismatchError
        If a target is not a column of its table.
    PromptError
        If a prompt is unknown, or needs descriptions that a table lacks.
    ConstraintError
        If a rule does not suit its table.
    ValueError
        If a table has too few rows or its target missing values, or a parameter cannot be used; names it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth import DiscoTabSynthesizer, compare
    >>> from skgensynth.comparison import ComparisonTable
    >>> iris = ComparisonTable(load_iris(as_frame=True).frame, target="target")
    >>> quick = {"DISCO": DiscoTabSynthesizer(n_epochs=2, feedback=None)}
    >>> report = compare({"iris": iris}, llms=[], synthesizers=quick, n_rows=50)
    >>> report.to_frame()[["table", "synthesizer", "validity"]].values.tolist()
    [['iris', 'DISCO', 1.0]]
    """
    _check(n_rows, holdout, random_state, params)
    if not isinstance(tables, Mapping):
        raise TypeError(f"tables must be a dict of name to table, got {type(tables).__name__}.")
    known = {str(name): _check_table(str(name), table) for name, table in tables.items()}
    if len(known) < len(tables) or not known:
        raise ValueError("tables must be a dict of at least one table, and no two names may read alike.")
    settings = {"n_rows": int(n_rows), "holdout": float(holdout), "seed": int(random_state)}
    models, others = _named_models(llms), _check_synthesizers(synthesizers)
    kinds = {name: params[name] for name in _KINDS if name in params}
    plans = []
    for name, table in known.items():
        made = _synllm(name, table, models, prompts, {**params, "random_state": random_state, "verbose": verbose})
        made += [(label, "", "", _seeded(estimator, random_state)) for label, estimator in others.items()]
        content = [table_digest(table.rows), *map(describe, (table.target, table.rules, kinds, settings))]
        plans += [_Plan(name, *names, digest([content, describe(names[-1])])) for names in made]
    if not plans:
        raise ValueError("there is nothing to compare: give llms with prompts, or synthesizers.")
    file = RunFile(resume)
    todo = [plan for plan in plans if file.find(plan.fingerprint) is None]
    ready = {name: _prepare(name, known[name], kinds, settings, n_jobs) for name in _names(todo)}
    done = _run_all(todo, ready, file, _announcer(verbose, len(plans), len(todo)))
    runs = [plan.name(file.find(plan.fingerprint) or done[plan.fingerprint]) for plan in plans]
    return ComparisonReport(tuple(runs))


def _run_all(
    todo: Sequence[_Plan], ready: Mapping[str, Setting], file: RunFile, say: Callable[..., None]
) -> dict[str, ComparisonRun]:
    """Do the runs, model by model, so that each is loaded once; keep each as soon as it ends."""
    done: dict[str, ComparisonRun] = {}
    order = list(dict.fromkeys(plan.llm for plan in todo))
    for plan in sorted(todo, key=lambda plan: order.index(plan.llm)):
        if plan.fingerprint in done:  # the same under another name
            continue
        say(plan)
        outcome = try_out(clone(plan.estimator), ready[plan.table])
        run = ComparisonRun(
            plan.table,
            plan.synthesizer,
            plan.llm,
            plan.prompt,
            outcome.error,
            dict.fromkeys(FIGURES, math.nan) | outcome.figures,
            outcome.reasons,
            outcome.notes,
            plan.fingerprint,
        )
        done[plan.fingerprint] = run
        file.add(run)
        say(plan, run)
    return done


def _announcer(verbose: int, n_plans: int, n_todo: int) -> Callable[..., None]:
    """A function that tells which run begins, or how it ended."""
    n_begun = n_plans - n_todo

    def say(plan: _Plan, run: ComparisonRun | None = None) -> None:
        nonlocal n_begun
        if run is None:
            n_begun += 1
            named = ", ".join(part for part in (plan.table, *run_names(plan)) if part)
            text = f"run {n_begun} of {n_plans}: {named}"
        elif run.error:
            text = f"  failed: {run.error}"
        else:
            known = [
                name for name in ("validity", "fidelity", "utility", "privacy") if not math.isnan(run.figures[name])
            ]
            told = ", ".join(f"{name} {run.figures[name]:.2f}" for name in known)
            text = f"  {told}; {run.figures['seconds']:.0f} s"
        for line in (text, *(f"  note: {note}" for note in (run.notes if run else ()))):
            tqdm.write(line, file=sys.stderr)

    return say if verbose else lambda *_: None


def _names(plans: Sequence[_Plan]) -> list[str]:
    return list(dict.fromkeys(plan.table for plan in plans))


def _prepare(name: str, table: ComparisonTable, kinds: dict, settings: dict, n_jobs: int) -> Setting:
    """Make a table ready; an error says which."""
    try:
        return prepare(
            table.rows,
            table.target,
            table.rules,
            kinds,
            n_jobs=n_jobs,
            **settings,
        )
    except ValueError as error:
        sort = type(error) if isinstance(error, SkgensynthError) else ValueError
        raise sort(f"table {name!r}: {error}") from error


def _synllm(
    name: str, table: ComparisonTable, models: Mapping[str, Any], prompts: Any, params: dict[str, Any]
) -> list[tuple[str, str, str, Any]]:
    """Names and estimators of each model with each prompt, for one table."""
    told = {
        "feature_descriptions": table.feature_descriptions,
        "context": table.context,
        "rules": table.rules,
    }
    made = [
        (SYNLLM, model, label, SynLLMSynthesizer(llm, prompt, **told, **params))
        for model, llm in models.items()
        for label, prompt in _named_prompts(name, table, prompts).items()
    ]
    for *_, synthesizer in made:
        synthesizer._validate_params()
    return made


def _named_prompts(name: str, table: ComparisonTable, prompts: Any) -> dict[str, str]:
    """Prompts by name, checked against what is known of a table."""
    described = bool(table.feature_descriptions)
    if prompts is None:
        return {prompt: prompt for prompt in PROMPTS if described or prompt != "featdesc"}
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, Mapping):
        for prompt in prompts:
            if prompt not in PROMPTS:
                raise PromptError(
                    f"prompts: {str(prompt)[:60]!r} is none of {', '.join(PROMPTS)}; templates of your own are given "
                    "as a dict of name to template"
                )
        prompts = {prompt: prompt for prompt in prompts}
    for prompt in prompts.values():
        try:
            check_prompt(prompt, has_rows=True, has_descriptions=described)
        except PromptError as error:
            raise PromptError(f"table {name!r}: {error}") from error
    return dict(prompts)


def _named_models(llms: Any) -> dict[str, Any]:
    """Language models by name."""
    if isinstance(llms, Mapping):
        return {str(name): llm for name, llm in llms.items()}
    if isinstance(llms, (str, os.PathLike)) or callable(llms) or hasattr(llms, "generate"):
        llms = [llms]
    named: dict[str, Any] = {}
    for llm in llms:
        name = os.fspath(llm) if isinstance(llm, (str, os.PathLike)) else resolve(llm).name
        if name in named:
            raise ValueError(f"llms: two models are called {name!r}; give a dict of name to model.")
        named[name] = llm
    return named


def _seeded(estimator: Any, seed: int) -> Any:
    """A copy of an estimator, with a seed where it has none."""
    copy = clone(estimator)
    if "random_state" in (params := copy.get_params(deep=False)) and params["random_state"] is None:
        copy.set_params(random_state=seed)
    return copy


def _check(n_rows: Any, holdout: Any, random_state: Any, params: Mapping[str, Any]) -> None:
    if not isinstance(n_rows, Integral) or n_rows < 1:
        raise ValueError(f"n_rows must be a whole number of at least 1, got {n_rows!r}.")
    if not isinstance(holdout, Real) or not 0 < float(holdout) < 1:
        raise ValueError(f"holdout must be above 0 and below 1, got {holdout!r}.")
    if not isinstance(random_state, Integral) or random_state < 0:
        raise ValueError(f"random_state must be a whole number of at least 0, got {random_state!r}.")
    allowed = SynLLMSynthesizer().get_params()
    for name in params:
        if name in _SET_ELSEWHERE:
            raise TypeError(f"{name} {_SET_ELSEWHERE[name]}.")
        if name not in allowed:
            raise TypeError(f"compare and SynLLMSynthesizer have no parameter {name!r}.")


def _check_table(name: str, table: Any) -> ComparisonTable:
    if isinstance(table, pd.DataFrame):
        table = ComparisonTable(table)
    if not isinstance(table, ComparisonTable) or not isinstance(table.rows, pd.DataFrame):
        raise TypeError(f"table {name!r} must be a DataFrame or a ComparisonTable of one.")
    if table.target is not None and table.target not in table.rows.columns:
        raise SchemaMismatchError(f"table {name!r} has no column {table.target!r}, its target.")
    if table.target is not None and table.rows[table.target].isna().any():
        raise ValueError(f"table {name!r}: the target {table.target!r} has missing values: drop those rows first.")
    return table


def _check_synthesizers(synthesizers: Any) -> dict[str, Any]:
    if not isinstance(synthesizers, Mapping | None):
        raise TypeError(f"synthesizers must be a dict of name to synthesizer, got {type(synthesizers).__name__}.")
    named = {} if synthesizers is None else dict(synthesizers)
    for name, estimator in named.items():
        if not callable(getattr(estimator, "fit", None)) or not callable(getattr(estimator, "sample", None)):
            raise TypeError(f"synthesizers: {name!r} is no synthesizer: it has no fit and sample.")
    return {str(name): estimator for name, estimator in named.items()}
