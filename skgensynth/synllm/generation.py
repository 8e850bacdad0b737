"""How much SynLLM's prompts show and how many rows they ask for, so that both fit into a model's context."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from skgensynth.llm import LanguageModel, LarkGrammar, Message
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.asking import Draft, Question, RowAsker, RowPrompt, fit_into_context, tokens_per_row
from skgensynth.prompted.wording import SYSTEM
from skgensynth.sampling import Candidates
from skgensynth.synllm.profiles import Profiles
from skgensynth.synllm.prompts import Detail, PromptWriter

__all__ = ["PromptAsker"]

# Rows of a request where each has to pay for the reading of its prompt (ours). Where a shared prompt is read once, a
# row each is as fast, and rows do not repeat those before them.
ROWS_PER_REQUEST = 10
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
    left_out : tuple of str
        What the prompts lack to fit into the context.
    profiles : Profiles or None
        Draws what the cells of each row may be; None leaves all to the model.
    """

    asker: RowAsker
    writer: PromptWriter
    detail: Detail
    rows_per_request: int
    shown: np.ndarray | None
    left_out: tuple[str, ...] = ()
    profiles: Profiles | None = None
    _prompts: dict[int, RowPrompt] = field(default_factory=dict, init=False, repr=False, compare=False)

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
        rows_per_request: int | None = None,
        shown: np.ndarray | None = None,
        profiles: Profiles | None = None,
    ) -> PromptAsker:
        """Choose how much the prompts show and how many rows a request asks for, so that both fit into the context.

        Raises
        ------
        ContextOverflowError
            If not even the shortest prompt and one row fit.
        """
        per_row = tokens_per_row(model, form)
        if rows_per_request is None:
            rows_per_request = 1 if getattr(model, "shares_prompts", False) else ROWS_PER_REQUEST
        detail, n_rows = fit_into_context(model, _drafts(writer, rows_per_request), per_row)
        shortened = writer.write(1, detail) != writer.write(1, writer.full)
        left_out = tuple(_left_out(writer.full, detail)) if shortened else ()
        asker = RowAsker(model, form, temperature, top_p, repair, per_row)
        # Servers take JSON schemas alone, in which all rows are alike.
        drawn = profiles if LarkGrammar in model.supports else None
        return cls(asker, writer, detail, n_rows, shown, left_out, drawn)

    @property
    def prompt(self) -> str:
        """The text of a full request."""
        return "\n\n".join(message.content for message in self.messages(self.rows_per_request))

    def messages(self, n_rows: int) -> tuple[Message, ...]:
        """The messages of a request."""
        return Message("system", SYSTEM), Message("user", self.writer.write(n_rows, self.detail))

    def questions(self, n_rows: int, rng: np.random.Generator) -> list[Question]:
        """Requests for rows, spread evenly over as few as possible; profiles are drawn from ``rng``."""
        n_requests = math.ceil(n_rows / self.rows_per_request)
        counts = [n_rows // n_requests + (place < n_rows % n_requests) for place in range(n_requests)]
        for count in set(counts) - set(self._prompts):
            self._prompts[count] = RowPrompt(self.messages(count), count, self.shown)
        prompts = [self._prompts[count] for count in counts]
        if self.profiles is not None:
            rows = iter(self.profiles.draw(n_rows, rng))
            prompts = [prompt._replace(narrowed=tuple(islice(rows, prompt.n_rows))) for prompt in prompts]
        return [(self.asker, prompt) for prompt in prompts]

    def ask(self, n_rows: int, rng: np.random.Generator) -> Candidates:
        """Ask for rows; see `RowAsker.ask`."""
        return RowAsker.ask_together(self.questions(n_rows, rng), rng)


def _drafts(writer: PromptWriter, n_rows: int) -> Iterator[tuple[Detail, Draft]]:
    details = writer.shortenings()
    for detail in details:
        texts = (SYSTEM, writer.write(n_rows, detail))
        yield detail, Draft(texts, n_rows, 1 if detail == details[-1] else min(FEW_ROWS, n_rows))


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
