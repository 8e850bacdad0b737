"""The generator of MALLM-GAN: a few real rows at a time, and as many new ones in reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from skgensynth.conditions import Allowed, Conditions
from skgensynth.llm import LanguageModel, LarkGrammar, Message
from skgensynth.llm.callables import most_tokens
from skgensynth.llm.rows import RowFormat
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.prompted.asking import Draft, RowAsker, RowPrompt, fit_into_context, specimens, tokens_per_row
from skgensynth.prompted.wording import (
    N_LEVELS,
    SYSTEM,
    column_lines,
    condition_line,
    description_lines,
    format_line,
    headed,
    levels_line,
)
from skgensynth.sampling import Candidates

__all__ = ["Decoding", "RowGenerator", "columns_text"]


@dataclass(frozen=True)
class Decoding:
    """How rows are asked for.

    Attributes
    ----------
    n_examples : int
        Real rows that a request shows, and new rows that it asks for.
    temperature, top_p : float
        How replies are drawn.
    repair : bool
        Whether cells that are nearly right are put right.
    stratify : bool
        Whether a new row has the class of the example in its place, where the model decodes under grammars.
    """

    n_examples: int
    temperature: float
    top_p: float
    repair: bool
    stratify: bool


def columns_text(
    form: RowFormat,
    descriptions: Mapping[str, str],
    conditions: Conditions | None = None,
    n_levels: int = N_LEVELS,
) -> str:
    """Say what each column may be and what it means.

    Parameters
    ----------
    form : RowFormat
        How values are written.
    descriptions : mapping of str to str
        The user's words about columns, by name.
    conditions : Conditions, default=None
        What new rows must satisfy; the values are those that it leaves.
    n_levels : int, default=20
        Levels of a column named at most.

    Returns
    -------
    str
    """
    lines = "\n".join(column_lines(form, conditions or Conditions(), n_levels))
    meanings = headed("descriptions", "\n".join(description_lines(descriptions)))
    return "\n\n".join(part for part in (headed("columns", lines), meanings) if part)


@dataclass(frozen=True)
class RowGenerator:
    """Makes rows by a data generation process: "batches in a batch" (MALLM-GAN, arXiv:2406.10521, 2024).

    Attributes
    ----------
    asker : RowAsker
        Sends the prompts and reads the replies.
    process : DataGenerationProcess
        What every prompt begins with; its columns are what the conditions and the context leave.
    task : str
        What is asked for under conditions; empty without any.
    n_examples : int
        Real rows that a request shows.
    refuses_shown : bool
        Whether a row that a request shows is no new row.
    stratified : int or None
        Place of the column in which a new row is to have the level of the example in its place (ours): left to
        themselves, small models write the classes that they like.
    left_out : tuple of str
        What prompts lack to fit into the context.
    """

    asker: RowAsker
    process: DataGenerationProcess
    task: str
    n_examples: int
    refuses_shown: bool
    stratified: int | None
    left_out: tuple[str, ...]

    @classmethod
    def fitted(
        cls,
        model: LanguageModel,
        form: RowFormat,
        process: DataGenerationProcess,
        conditions: Conditions,
        *,
        descriptions: Mapping[str, str],
        decoding: Decoding,
        refuses_shown: bool,
    ) -> RowGenerator:
        """Choose how much prompts show, so that they and their rows fit into the model's context.

        Levels of columns go first, then examples but for one (ours).

        Raises
        ------
        ContextOverflowError
            If not even the shortest prompt and one row fit.
        """
        per_row = tokens_per_row(model, form)
        asker = RowAsker(model, form, decoding.temperature, decoding.top_p, decoding.repair, per_row)
        longest = specimens(form, partial(most_tokens, model))
        examples = np.resize(longest, (decoding.n_examples, len(form.schema.modelled)))
        target = form.schema.target
        stratified = None
        if decoding.stratify and target is not None and target.kind == "categorical" and LarkGrammar in model.supports:
            place = form.schema.target_index
            stratified = None if place in conditions.allowed else place

        def drafts() -> Iterator[tuple[RowGenerator, Draft]]:
            for n_levels, n_examples in _shortenings(decoding.n_examples):
                columns = columns_text(form, descriptions, conditions, n_levels)
                task = condition_line(form, conditions, n_levels)
                left_out = _left_out(n_levels, n_examples, decoding.n_examples)
                shown = replace(process, columns=columns)
                generator = cls(asker, shown, task, n_examples, refuses_shown, stratified, left_out)
                texts = tuple(message.content for message in generator.messages(examples[:n_examples]))
                yield generator, Draft(texts, n_examples, n_examples)

        return fit_into_context(model, drafts(), per_row)[0]

    def messages(self, examples: np.ndarray) -> tuple[Message, ...]:
        """The prompt that shows some rows; what all prompts have in common comes first, so that it is read once."""
        form = self.asker.form
        parts = [
            self.process.to_text(),
            self.task,
            format_line(form, len(examples)),
            headed("examples", (form.header + form.write(examples)).rstrip("\n")),
            self._class_line(examples),
        ]
        return Message("system", SYSTEM), Message("user", "\n\n".join(part for part in parts if part))

    def make(self, examples: np.ndarray, rng: np.random.Generator) -> Candidates:
        """Ask for as many rows as are shown, in as many requests as it takes.

        Parameters
        ----------
        examples : ndarray of shape (n_rows, n_modelled)
            Encoded real rows on the grids of their columns; each is shown once.
        rng : numpy.random.Generator
            Source of a seed for each request.

        Returns
        -------
        Candidates
            See `RowAsker.ask`.
        """
        return self.make_in_groups([examples], rng)[0]

    def make_in_groups(
        self, groups: Sequence[np.ndarray], rng: np.random.Generator
    ) -> tuple[Candidates, NDArray[np.intp]]:
        """`make` for several groups of examples, of which no request shows two.

        The second result, of shape (n_candidates,), is the place of the group whose examples each row was made from.
        """
        step = self.n_examples
        chunks = [
            (place, group[start : start + step])
            for place, group in enumerate(groups)
            for start in range(0, len(group), step)
        ]
        prompts = [
            RowPrompt(self.messages(chunk), len(chunk), chunk if self.refuses_shown else None, self._classes_of(chunk))
            for _, chunk in chunks
        ]
        made = self.asker.ask(prompts, rng)
        assert made.origins is not None
        return made, np.array([place for place, _ in chunks], dtype=np.intp)[made.origins]

    def _classes_of(self, examples: np.ndarray) -> tuple[dict[int, Allowed], ...]:
        """What new rows in the places of examples may be."""
        place = self.stratified
        if place is None:
            return ()
        levels = np.arange(len(self.asker.form.schema.modelled[place].levels))
        return tuple({place: Allowed(levels == code, (), bool(np.isnan(code)))} for code in examples[:, place])

    def _class_line(self, examples: np.ndarray) -> str:
        """Say the same in words: the features are written before the class, and are to suit it."""
        place = self.stratified
        if place is None:
            return ""
        return levels_line(self.asker.form, place, [allowed[place] for allowed in self._classes_of(examples)])


def _shortenings(n_examples: int) -> list[tuple[int, int]]:
    """Levels named and examples shown, from everything down to the least."""
    levels = [(n_levels, n_examples) for n_levels in (N_LEVELS, 10, 5, 2)]
    return levels + [(2, n) for n in range(n_examples - 1, 0, -1)]


def _left_out(n_levels: int, n_examples: int, n_wanted: int) -> tuple[str, ...]:
    parts = [f"it shows {n_examples} of {n_wanted} example rows"] * (n_examples < n_wanted)
    return (*parts, *[f"at most {n_levels} levels of a column"] * (n_levels < N_LEVELS))
