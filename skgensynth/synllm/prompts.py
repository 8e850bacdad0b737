"""The four structured prompts, and templates of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import Formatter
from types import MappingProxyType
from typing import Any

import numpy as np

from skgensynth.conditions import Conditions
from skgensynth.exceptions import PromptError
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.wording import (
    N_LEVELS,
    column_lines,
    condition_line,
    description_lines,
    format_line,
    headed,
    one_line,
)
from skgensynth.synllm.rules import Rules
from skgensynth.synllm.statistics import TableStatistics

__all__ = ["PROMPTS", "Detail", "PromptWriter", "check_prompt", "parts_of"]

PROMPTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "seed_ex": ("context", "columns", "examples"),
        "featdesc": ("context", "columns", "descriptions", "examples"),
        "statguide": ("context", "columns", "descriptions", "statistics", "examples"),
        "clin_rule": ("context", "columns", "descriptions", "statistics", "rules"),
    }
)
PARTS = ("context", "columns", "descriptions", "statistics", "rules", "examples", "conditions", "format")
REQUIRED = ("columns", "n_rows")


@dataclass(frozen=True)
class Detail:
    """How much of each part a prompt shows.

    Attributes
    ----------
    n_associations, n_found, n_examples : int
        Associations, rules found in the training rows, and example rows at most.
    figures : bool
        Whether there are statistics of single columns.
    n_levels : int
        Levels named of one column at most.
    """

    n_associations: int
    n_found: int
    n_examples: int
    figures: bool = True
    n_levels: int = N_LEVELS


def parts_of(prompt: str) -> frozenset[str]:
    """Name the parts that a prompt has.

    Parameters
    ----------
    prompt : str
        Name of a structured prompt, or a template with placeholders.

    Returns
    -------
    frozenset of str

    Raises
    ------
    PromptError
        If it is neither; names the placeholder that is unknown or lacking.
    """
    if prompt in PROMPTS:
        return frozenset(PROMPTS[prompt])
    known = (*PARTS, "n_rows")
    try:
        pieces = [piece[1:] for piece in Formatter().parse(prompt) if piece[1] is not None]
    except ValueError as error:
        raise PromptError(
            f"the template in prompt cannot be read: {error}; a brace that is no placeholder is doubled: {{{{ or }}}}"
        ) from error
    if not pieces:
        raise PromptError(
            f"prompt={prompt[:60]!r} is none of {', '.join(PROMPTS)}, and no template: that has the placeholders "
            "{columns} and {n_rows}"
        )
    for name, form, conversion in pieces:
        if name not in known or form or conversion:
            raise PromptError(
                f"the template in prompt has the placeholder {{{name}}}, which is unknown or has a format; "
                f"placeholders are {', '.join(f'{{{part}}}' for part in known)}"
            )
    names = frozenset(str(name) for name, _, _ in pieces)
    for name in REQUIRED:
        if name not in names:
            raise PromptError(f"the template in prompt lacks the placeholder {{{name}}}")
    return names


def check_prompt(prompt: str, *, has_rows: bool, has_descriptions: bool) -> frozenset[str]:
    """Name the parts of a prompt, and refuse one that would lack what it is made for.

    Parameters
    ----------
    prompt : str
        Name of a structured prompt, or a template.
    has_rows, has_descriptions : bool
        Whether there are training rows and descriptions of columns.

    Returns
    -------
    frozenset of str

    Raises
    ------
    PromptError
        If it is no prompt, or shows what there is not.
    """
    parts = parts_of(prompt)
    if prompt == "featdesc" and not has_descriptions:
        raise PromptError("prompt='featdesc' needs feature_descriptions: a dict of column to its meaning and unit")
    # The rule prompt does without statistics where there are none.
    if not has_rows and ("examples" in parts or ("statistics" in parts and prompt != "clin_rule")):
        raise PromptError(
            f"prompt={prompt[:60]!r} shows real rows or their statistics, and there are no rows: fit on a table, or "
            "use prompt='clin_rule' or a template without {examples} and {statistics}"
        )
    return parts


class PromptWriter:
    """Writes a prompt about a table.

    Parameters
    ----------
    prompt : str
        Name of a structured prompt, or a template.
    form : RowFormat
        How rows are written.
    conditions : Conditions
        What new rows must satisfy.
    context : str
        The user's words about the table.
    descriptions : mapping of str to str
        The user's words about columns, by name.
    statistics : TableStatistics
        Of the training rows.
    rules : Rules
        Of the table.
    examples : ndarray of shape (n_known, n_modelled)
        Encoded rows that may be shown. Under conditions, only those that satisfy them are, unless none does.
    n_examples : int
        How many rows to show; the first ones.
    """

    def __init__(
        self,
        prompt: str,
        form: RowFormat,
        conditions: Conditions,
        *,
        context: str,
        descriptions: Mapping[str, str],
        statistics: TableStatistics,
        rules: Rules,
        examples: np.ndarray,
        n_examples: int,
    ) -> None:
        self._prompt = prompt
        self._form = form
        self._conditions = conditions
        # The class is told at the end, so that prompts for different classes begin alike and are read in part only.
        target = form.schema.target_index
        self._narrowed = Conditions({place: what for place, what in conditions.allowed.items() if place != target})
        self._context = context
        self._descriptions = descriptions
        self._statistics = statistics
        self._rules = rules
        fitting = examples[conditions.mask(examples)]
        self._examples = (fitting if len(fitting) else examples)[:n_examples]
        self._parts = parts_of(prompt)

    @property
    def full(self) -> Detail:
        """Everything."""
        return Detail(
            len(self._statistics.associations) if "statistics" in self._parts else 0,
            len(self._rules.found) if "rules" in self._parts else 0,
            len(self._examples) if "examples" in self._parts else 0,
            figures="statistics" in self._parts,
        )

    def shortenings(self) -> Sequence[Detail]:
        """Details from everything down to the least, in the order in which parts are given up (ours).

        Associations go first, then the rules found in the training rows (the least significant ones first), then the
        statistics of single columns, then examples but for one, then levels of columns of many. The rules, descriptions
        and context that the user gave always stay.
        """
        details = [self.full]
        steps: list[tuple[str, Any]] = [
            *(("n_associations", n) for n in _halved(self.full.n_associations)),
            *(("n_found", n) for n in _halved(self.full.n_found)),
            ("figures", False),
            *(("n_examples", n) for n in range(self.full.n_examples - 1, 0, -1)),
            *(("n_levels", n) for n in (10, 5, 2)),
        ]
        for name, value in steps:
            details.append(replace(details[-1], **{name: value}))
        return details

    def write(self, n_rows: int, detail: Detail) -> str:
        """Write the user's message of a request.

        Parameters
        ----------
        n_rows : int
            Rows to ask for.
        detail : Detail
            How much to show.

        Returns
        -------
        str
        """
        parts = self._written(n_rows, detail)
        if self._prompt in PROMPTS:
            shown = [headed(name, parts[name]) for name in PROMPTS[self._prompt]]
            text = "\n\n".join(part for part in shown if part)
        else:
            text = self._prompt.format(**parts, n_rows=n_rows)
        # A template may leave these to us.
        last = [parts[name] for name in ("conditions", "format") if name not in self._parts]
        return "\n\n".join(part for part in (text, *last) if part)

    def _written(self, n_rows: int, detail: Detail) -> dict[str, str]:
        """Every part as text; what there is nothing to say about is empty."""
        form, shown = self._form, self._examples[: detail.n_examples]
        statistics = self._statistics.association_lines(form, detail.n_associations)
        if detail.figures:
            statistics = self._statistics.column_lines(form, detail.n_levels) + statistics
        rules = [*self._rules.given, *self._rules.found[: detail.n_found]]
        return {
            "context": self._context.strip(),
            "columns": "\n".join(column_lines(form, self._narrowed, detail.n_levels)),
            "descriptions": "\n".join(description_lines(self._descriptions)),
            "statistics": "\n".join(statistics),
            "rules": "\n".join(f"- {one_line(str(rule))}" for rule in rules),
            "examples": (form.header + form.write(shown)).rstrip("\n") if len(shown) else "",
            "conditions": condition_line(form, self._conditions, detail.n_levels),
            "format": format_line(form, n_rows),
        }


def _halved(n: int) -> list[int]:
    """Counts below n down to 0, each about half of the one before."""
    counts = []
    while n:
        n //= 2
        counts.append(n)
    return counts
