"""Requests for rows that fit into a model's context, and what is read from the replies."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np

from skgensynth.exceptions import ContextOverflowError, LanguageModelError, PromptWarning
from skgensynth.llm import Constraint, JsonSchema, LanguageModel, LarkGrammar, Message, Reply, Request, SamplingSettings
from skgensynth.llm.rows import RowFormat
from skgensynth.sampling import Candidates
from skgensynth.schema import TableSchema
from skgensynth.synllm.prompts import SYSTEM, Detail, PromptWriter

__all__ = ["RowAsker"]

ROWS_PER_REQUEST = 10  # ours: long enough to pay for the prompt, short enough that a model keeps to the form
# A prompt is shortened until so many rows fit behind it; fewer are taken only if nothing more can be left out.
FEW_ROWS = 3
# Tokens of a chat template and of what a count of separate texts misses.
MARGIN = 64
SLACK = 1.25  # rows may be longer than those that were measured
N_EXAMPLES = 5


@dataclass(frozen=True)
class RowAsker:
    """Asks a language model for rows of a table.

    Attributes
    ----------
    model : LanguageModel
        Who answers.
    form : RowFormat
        How rows are written, and under which conditions.
    writer : PromptWriter
        Writes the prompts.
    temperature, top_p : float
        How replies are drawn.
    repair : bool
        Whether cells that are nearly right are put right.
    detail : Detail
        How much the prompts show.
    rows_per_request : int
        Rows asked for at once, at most.
    tokens_per_row : int
        Tokens that a row may have.
    """

    model: LanguageModel
    form: RowFormat
    writer: PromptWriter
    temperature: float
    top_p: float
    repair: bool
    detail: Detail
    rows_per_request: int
    tokens_per_row: int

    @classmethod
    def fitted(
        cls,
        model: LanguageModel,
        form: RowFormat,
        writer: PromptWriter,
        *,
        temperature: float,
        top_p: float,
        repair: bool,
    ) -> RowAsker:
        """Choose how much the prompts show and how many rows a request asks for, so that both fit into the context.

        Raises
        ------
        ContextOverflowError
            If not even the shortest prompt and one row fit.

        Warns
        -----
        PromptWarning
            If prompts had to be shortened; says what was left out.
        """
        per_row = _tokens_per_row(model, form)
        details = writer.shortenings()
        for detail in details:
            n_rows = _rows_that_fit(model, writer, detail, per_row)
            if n_rows >= FEW_ROWS or (detail == details[-1] and n_rows):
                break
        else:
            raise ContextOverflowError(_too_long(model, writer, details[-1], per_row))
        if writer.write(1, detail) != writer.write(1, writer.full):
            left_out = ", ".join(_left_out(writer.full, detail))
            warnings.warn(
                f"the prompt was shortened to fit into the {model.context_length} tokens of {model.name}: {left_out}",
                PromptWarning,
                stacklevel=2,
            )
        return cls(model, form, writer, temperature, top_p, repair, detail, n_rows, per_row)

    def messages(self, n_rows: int) -> tuple[Message, ...]:
        """The messages of a request."""
        return Message("system", SYSTEM), Message("user", self.writer.write(n_rows, self.detail))

    def ask(self, n_rows: int, rng: np.random.Generator) -> Candidates:
        """Ask for rows.

        Parameters
        ----------
        n_rows : int
            How many; spread evenly over as few requests as possible.
        rng : numpy.random.Generator
            Source of a seed for each request.

        Returns
        -------
        Candidates
            The rows in the order of the requests, and what was none. If the model stopped answering, its error is in
            there along with what it answered before.
        """
        n_requests = math.ceil(n_rows / self.rows_per_request)
        counts = [n_rows // n_requests + (place < n_rows % n_requests) for place in range(n_requests)]
        known = {count: (self.messages(count), self._constraint(count)) for count in set(counts)}
        requests = [
            Request(known[count][0], self._settings(count), int(rng.integers(2**31)), known[count][1])
            for count in counts
        ]
        replies: dict[int, Reply] = {}
        stopped = None
        try:
            for index, reply in self.model.generate(requests):
                replies[index] = reply
        except LanguageModelError as error:
            stopped = error
        return self._read(replies, counts, stopped)

    def _read(self, replies: dict[int, Reply], counts: list[int], stopped: LanguageModelError | None) -> Candidates:
        """What the replies hold."""
        values = [np.empty((0, len(self.form.schema.modelled)))]
        reasons: Counter[str] = Counter()
        examples: list[str] = []
        for index in sorted(replies):
            reply = replies[index]
            rows = self.form.parse(reply.text, repair=self.repair, cut_off=reply.finish_reason == "length")
            values.append(rows.values)
            reasons += rows.reasons
            examples += [row.text for row in rows.rejected[: N_EXAMPLES - len(examples)]]
            lacking = counts[index] - len(rows.values) - len(rows.rejected)
            if lacking > 0:
                reasons["the reply has fewer rows than were asked for"] += lacking
            if not len(rows.values) and not rows.rejected and len(examples) < N_EXAMPLES:
                examples.append(reply.text[:1000])
        return Candidates(np.concatenate(values), reasons, examples, stopped)

    def _settings(self, n_rows: int) -> SamplingSettings:
        return SamplingSettings(n_rows * self.tokens_per_row, self.temperature, self.top_p)

    def _constraint(self, n_rows: int) -> Constraint:
        """What the reply has to look like, in the words that the model understands best."""
        supported = self.model.supports
        if self.form.output == "json" and JsonSchema in supported and LarkGrammar not in supported:
            return self.form.json_schema(n_rows)
        return self.form.grammar(n_rows)


def _tokens_per_row(model: LanguageModel, form: RowFormat) -> int:
    """Tokens that a row may have, from rows of the longest cells."""
    counts = [model.count_tokens(form.write(row[None])) for row in _specimens(form)]
    return math.ceil(SLACK * max(counts)) + 2


def _specimens(form: RowFormat) -> np.ndarray:
    """Rows across the ranges of all columns, with the longest levels."""
    schema: TableSchema = form.schema
    out = np.full((5, len(schema.modelled)), np.nan)
    for place, column in enumerate(schema.modelled):
        if column.kind == "categorical" and column.levels:
            codes = np.arange(len(column.levels), dtype=np.float64)
            out[:, place] = max(zip(map(len, form.spell(place, codes)), codes, strict=True))[1]
        elif column.kind == "continuous":
            steps = np.array([0.0, 0.317, 0.5, 0.713, 1.0])
            out[:, place] = column.minimum * (1 - steps) + column.maximum * steps
    return schema.snap(out)


def _rows_that_fit(model: LanguageModel, writer: PromptWriter, detail: Detail, per_row: int) -> int:
    """Rows that a request can ask for."""
    if model.context_length is None:
        return ROWS_PER_REQUEST
    return max(0, min(ROWS_PER_REQUEST, (model.context_length - _tokens(model, writer, detail)) // per_row))


def _tokens(model: LanguageModel, writer: PromptWriter, detail: Detail) -> int:
    """Tokens of a prompt."""
    return sum(map(model.count_tokens, (SYSTEM, writer.write(ROWS_PER_REQUEST, detail)))) + MARGIN


def _too_long(model: LanguageModel, writer: PromptWriter, detail: Detail, per_row: int) -> str:
    return (
        f"The shortest prompt has {_tokens(model, writer, detail)} tokens and a row up to {per_row}, but {model.name} "
        f"holds {model.context_length}. Leave out columns, shorten context, feature_descriptions and rules, or choose "
        "a model with a larger context."
    )


def _left_out(full: Detail, detail: Detail) -> list[str]:
    """What a shorter prompt lacks."""
    shown = [
        (full.n_associations, detail.n_associations, "associations"),
        (full.n_found, detail.n_found, "rules found in the training rows"),
        (full.n_examples, detail.n_examples, "example rows"),
    ]
    parts = [f"it shows {kept} of {n} {what}" for n, kept, what in shown if kept < n]
    parts += ["no statistics of single columns"] * (full.figures and not detail.figures)
    return parts + [f"at most {detail.n_levels} levels of a column"] * (detail.n_levels < full.n_levels)
