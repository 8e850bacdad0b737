"""Requests for rows that fit into a model's context, and what is read from the replies."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from skgensynth.conditions import Allowed
from skgensynth.copies import COPIED, row_keys
from skgensynth.exceptions import ContextOverflowError, LanguageModelError, PromptWarning
from skgensynth.llm import Constraint, JsonSchema, LanguageModel, LarkGrammar, Message, Reply, Request, SamplingSettings
from skgensynth.llm.callables import most_tokens
from skgensynth.llm.rows import RowFormat
from skgensynth.sampling import CUT_OFF, REPLY_CUT_OFF, Candidates

__all__ = [
    "MARGIN",
    "Draft",
    "Question",
    "RowAsker",
    "RowPrompt",
    "fit_into_context",
    "tokens_per_row",
    "warn_of_shortening",
    "with_room",
]

# Tokens of a chat template and of what a count of separate texts misses.
MARGIN = 64
SLACK = 1.25  # rows may be longer than those that were measured
# What no grammar of ours holds to the form may put spaces, line ends and fences around it, or a wrapper (ours). A limit
# that is not used costs nothing.
ROOM = 3
WRAPPING = 64
N_EXAMPLES = 5
N_COUNTED = 50  # levels of a column whose tokens are counted
_PLAIN = re.compile(r"[A-Za-z]+")

Detail = TypeVar("Detail")


class RowPrompt(NamedTuple):
    """A question for rows.

    Attributes
    ----------
    messages : tuple of Message
        The prompt.
    n_rows : int
        Rows that it asks for.
    shown : ndarray of shape (n_shown, n_modelled) or None
        Encoded rows that it shows and that are not to come back; None where any row may.
    narrowed : tuple of mapping of int to Allowed
        For each row what some columns may be, by their places, as `RowFormat.grammar` takes it; empty where rows may be
        alike. Only for models that take grammars, and not demanded of what they write.
    """

    messages: tuple[Message, ...]
    n_rows: int
    shown: np.ndarray | None = None
    narrowed: tuple[Mapping[int, Allowed], ...] = ()


@dataclass(frozen=True)
class RowAsker:
    """Asks a language model for rows of a table.

    Attributes
    ----------
    model : LanguageModel
        Who answers.
    form : RowFormat
        How rows are written, and under which conditions.
    temperature, top_p : float
        How replies are drawn.
    repair : bool
        Whether cells that are nearly right are put right.
    tokens_per_row : int
        Tokens that a row may have, in the form that is asked for.
    """

    model: LanguageModel
    form: RowFormat
    temperature: float
    top_p: float
    repair: bool
    tokens_per_row: int
    _constraints: dict[int, Constraint] = field(default_factory=dict, init=False, repr=False, compare=False)

    def ask(self, prompts: Sequence[RowPrompt], rng: np.random.Generator) -> Candidates:
        """Ask for rows.

        Parameters
        ----------
        prompts : sequence of RowPrompt
            The questions.
        rng : numpy.random.Generator
            Source of a seed for each request.

        Returns
        -------
        Candidates
            The rows in the order of the requests, and what was none. If the model stopped answering, its error is in
            there along with what it answered before.
        """
        return self.ask_together([(self, prompt) for prompt in prompts], rng)

    @staticmethod
    def ask_together(
        questions: Sequence[Question], rng: np.random.Generator, order: Sequence[int] | None = None
    ) -> Candidates:
        """Ask for rows in several forms at once; see `ask`.

        Parameters
        ----------
        questions : sequence of (RowAsker, RowPrompt)
            At least one. All are put to the model of the first asker.
        rng : numpy.random.Generator
            Source of a seed for each request.
        order : sequence of int, default=None
            Places of the questions in the order in which they are sent, which changes no reply; None sends them as
            they stand.

        Returns
        -------
        Candidates
        """
        order = range(len(questions)) if order is None else order
        requests = [asker._request(prompt, int(rng.integers(2**31))) for asker, prompt in questions]
        replies: dict[int, Reply] = {}
        stopped = None
        try:
            for index, reply in questions[0][0].model.generate([requests[place] for place in order]):
                replies[order[index]] = reply
        except LanguageModelError as error:
            stopped = error
        return RowAsker._read(replies, questions, stopped)

    @staticmethod
    def _read(
        replies: dict[int, Reply], questions: Sequence[Question], stopped: LanguageModelError | None
    ) -> Candidates:
        """What the replies hold."""
        values = [np.empty((0, len(questions[0][0].form.schema.modelled)))]
        reasons: Counter[str] = Counter()
        examples: list[str] = []
        origins: list[int] = []
        for index in sorted(replies):
            reply, (asker, prompt) = replies[index], questions[index]
            rows = asker.form.parse(reply.text, repair=asker.repair, cut_off=reply.finish_reason == "length")
            new = _without(rows.values, prompt.shown, asker.form)
            values.append(new)
            origins += [index] * len(new)
            reasons += rows.reasons
            if len(new) < len(rows.values):
                reasons[COPIED] += len(rows.values) - len(new)
            examples += [row.text for row in rows.rejected[: N_EXAMPLES - len(examples)]]
            lacking = prompt.n_rows - len(rows.values) - len(rows.rejected)
            if lacking > 0:
                cut_off = reply.finish_reason == "length" or CUT_OFF in rows.reasons
                reasons[REPLY_CUT_OFF if cut_off else "the reply has fewer rows than were asked for"] += lacking
            if not len(rows.values) and not rows.rejected and len(examples) < N_EXAMPLES:
                examples.append(reply.text[:1000])
        return Candidates(np.concatenate(values), reasons, examples, stopped, np.array(origins, dtype=np.intp))

    def _request(self, prompt: RowPrompt, seed: int) -> Request:
        n_rows = prompt.n_rows
        n_tokens = n_rows * self.tokens_per_row
        limit = with_room(self.model, [message.content for message in prompt.messages], n_tokens)
        guided = LarkGrammar in self.model.supports
        expected = None if guided else min(n_tokens, n_rows * self._likely_per_row)
        settings = SamplingSettings(limit, self.temperature, self.top_p)
        refused = () if prompt.shown is None else tuple(dict.fromkeys(self.form.write_each(prompt.shown)))
        if prompt.narrowed:
            grammar = self.form.grammar(n_rows, narrowed=prompt.narrowed)
            return Request(prompt.messages, settings, seed, grammar, refused, expected)
        if n_rows not in self._constraints:
            self._constraints[n_rows] = self._constraint(n_rows)
        return Request(prompt.messages, settings, seed, self._constraints[n_rows], refused, expected)

    @cached_property
    def _likely_per_row(self) -> int:
        """Tokens of a long row by the model's own count, which may be an estimate."""
        return _count_row(self.form, self.model.count_tokens)

    def _constraint(self, n_rows: int) -> Constraint:
        """What the reply has to look like, in the words that the model understands best."""
        supported = self.model.supports
        if self.form.output == "json" and JsonSchema in supported and LarkGrammar not in supported:
            return self.form.json_schema(n_rows)
        return self.form.grammar(n_rows)


# Who asks, and what.
Question: TypeAlias = tuple[RowAsker, RowPrompt]


class Draft(NamedTuple):
    """A prompt that might be sent.

    Attributes
    ----------
    texts : tuple of str
        Its messages.
    most, least : int
        Rows that are wanted behind it, and those for which it is better than a shorter one.
    """

    texts: tuple[str, ...]
    most: int
    least: int


def fit_into_context(model: LanguageModel, drafts: Iterable[tuple[Detail, Draft]], per_row: int) -> tuple[Detail, int]:
    """Choose the first prompt that leaves room for its rows, and say for how many.

    Parameters
    ----------
    model : LanguageModel
        Whose context it is.
    drafts : iterable of (detail, Draft)
        Prompts from the longest to the shortest; what goes with each is given back.
    per_row : int
        Tokens that a row may have.

    Returns
    -------
    detail : object
        What goes with the prompt.
    n_rows : int
        Rows that a request can ask for.

    Raises
    ------
    ContextOverflowError
        If not even the last prompt fits.
    """
    n_tokens = 0
    for detail, draft in drafts:
        if model.context_length is None:
            return detail, draft.most
        n_tokens = _count_prompt(model, draft.texts)
        n_rows = min(draft.most, (model.context_length - n_tokens) // per_row)
        if n_rows >= draft.least:
            return detail, n_rows
    raise ContextOverflowError(
        f"The shortest prompt has {n_tokens} tokens and a row up to {per_row}, but {model.name} "
        f"holds {model.context_length}. Leave out columns, shorten context, feature_descriptions and rules, or choose "
        "a model with a larger context."
    )


def warn_of_shortening(model: LanguageModel, left_out: Sequence[str], stacklevel: int = 2) -> None:
    """Say what a prompt lacks to fit into the context.

    Warns
    -----
    PromptWarning
        If there is anything.
    """
    if left_out:
        warnings.warn(
            f"the prompt was shortened to fit into the {model.context_length} tokens of {model.name}: "
            f"{', '.join(left_out)}",
            PromptWarning,
            stacklevel=stacklevel + 1,
        )


def tokens_per_row(model: LanguageModel, form: RowFormat) -> int:
    """Tokens that a row may have, from rows of the longest cells; see `most_tokens`."""
    return _count_row(form, partial(most_tokens, model))


def with_room(model: LanguageModel, texts: Sequence[str], n_tokens: int) -> int:
    """Tokens that a reply is allowed.

    Parameters
    ----------
    model : LanguageModel
        Who answers.
    texts : sequence of str
        The prompt's messages.
    n_tokens : int
        Tokens that the reply may have in the form that is asked for.

    Returns
    -------
    int
        ``n_tokens`` where the model decodes under our grammar. Else about three times as many, as far as the context
        has room for them.
    """
    if LarkGrammar in model.supports:
        return n_tokens
    limit = ROOM * n_tokens + WRAPPING
    if model.context_length is None:
        return limit
    return max(n_tokens, min(limit, model.context_length - _count_prompt(model, texts)))


def specimens(form: RowFormat, count: Callable[[str], int]) -> np.ndarray:
    """Rows that take many tokens.

    Parameters
    ----------
    form : RowFormat
        How rows are written.
    count : callable
        Number of tokens of a text.

    Returns
    -------
    ndarray of shape (5, n_modelled)
        Encoded rows across the ranges of all columns, with the levels of the most tokens. Of more than fifty levels,
        those with the most bytes are counted, and those with the most characters that are no plain letters.
    """
    schema = form.schema
    out = np.full((5, len(schema.modelled)), np.nan)
    for place, column in enumerate(schema.modelled):
        if column.kind == "categorical" and column.levels:
            texts = form.spell(place, np.arange(len(column.levels), dtype=np.float64))
            out[:, place] = max(_longest(texts), key=lambda code: (count(texts[code]), len(texts[code]), code))
        elif column.kind == "continuous":
            steps = np.array([0.0, 0.317, 0.5, 0.713, 1.0])
            out[:, place] = column.minimum * (1 - steps) + column.maximum * steps
    return schema.snap(out)


def _longest(texts: Sequence[str]) -> Iterable[int]:
    """Places of the texts that may have the most tokens."""
    if len(texts) <= N_COUNTED:
        return range(len(texts))
    sizes = np.array([(len(text.encode("utf-8")), len(_PLAIN.sub("", text))) for text in texts])
    return np.unique(np.argsort(-sizes, axis=0, kind="stable")[: N_COUNTED // 2]).tolist()


def _count_row(form: RowFormat, count: Callable[[str], int]) -> int:
    return math.ceil(SLACK * max(count(form.write(row[None])) for row in specimens(form, count))) + 2


def _count_prompt(model: LanguageModel, texts: Iterable[str]) -> int:
    return sum(most_tokens(model, text) for text in texts) + MARGIN


def _without(values: np.ndarray, shown: np.ndarray | None, form: RowFormat) -> np.ndarray:
    """The rows that were not shown."""
    if shown is None or not len(values):
        return values
    return values[~np.isin(row_keys(form.schema.snap(values)), row_keys(form.schema.snap(shown)))]
