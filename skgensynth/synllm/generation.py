"""How much SynLLM's prompts show and how many rows they ask for, so that both fit into a model's context."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skgensynth.llm import LanguageModel, Message
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.asking import Draft, RowAsker, RowPrompt, fit_into_context, tokens_per_row, warn_of_shortening
from skgensynth.prompted.wording import SYSTEM
from skgensynth.sampling import Candidates
from skgensynth.synllm.prompts import Detail, PromptWriter

__all__ = ["PromptAsker"]

ROWS_PER_REQUEST = 10  # ours: long enough to pay for the prompt, short enough that a model keeps to the form
# A prompt is shortened until so many rows fit behind it; fewer are taken only if nothing more can be left out.
FEW_ROWS = 3


@dataclass(frozen=True)
class PromptAsker:
    """Asks a language model for rows with one of SynLLM's prompts.

    Attributes
    ----------
    asker : RowAsker
        Sends the prompts and reads the replies.
    writer : PromptWriter
        Writes the prompts.
    detail : Detail
        How much the prompts show.
    rows_per_request : int
        Rows asked for at once, at most.
    shown : ndarray of shape (n_examples, n_modelled) or None
        Encoded rows that are not to come back.
    """

    asker: RowAsker
    writer: PromptWriter
    detail: Detail
    rows_per_request: int
    shown: np.ndarray | None

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
        shown: np.ndarray | None = None,
    ) -> PromptAsker:
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
        per_row = tokens_per_row(model, form)
        detail, n_rows = fit_into_context(model, _drafts(writer), per_row)
        if writer.write(1, detail) != writer.write(1, writer.full):
            warn_of_shortening(model, _left_out(writer.full, detail))
        return cls(RowAsker(model, form, temperature, top_p, repair, per_row), writer, detail, n_rows, shown)

    def messages(self, n_rows: int) -> tuple[Message, ...]:
        """The messages of a request."""
        return Message("system", SYSTEM), Message("user", self.writer.write(n_rows, self.detail))

    def ask(self, n_rows: int, rng: np.random.Generator) -> Candidates:
        """Ask for rows, spread evenly over as few requests as possible; see `RowAsker.ask`."""
        n_requests = math.ceil(n_rows / self.rows_per_request)
        counts = [n_rows // n_requests + (place < n_rows % n_requests) for place in range(n_requests)]
        known = {count: RowPrompt(self.messages(count), count, self.shown) for count in set(counts)}
        return self.asker.ask([known[count] for count in counts], rng)


def _drafts(writer: PromptWriter) -> Iterator[tuple[Detail, Draft]]:
    details = writer.shortenings()
    for detail in details:
        texts = (SYSTEM, writer.write(ROWS_PER_REQUEST, detail))
        yield detail, Draft(texts, ROWS_PER_REQUEST, 1 if detail == details[-1] else FEW_ROWS)


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
