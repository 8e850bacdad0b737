"""Rows asked for class by class, so that a draw has the classes in the shares that they have in the training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from skgensynth.conditions import Allowed, Conditions
from skgensynth.prompted.asking import RowAsker, warn_of_shortening
from skgensynth.sampling import Candidates, Check
from skgensynth.schema import TableSchema
from skgensynth.synllm.generation import PromptAsker

__all__ = ["Quotas", "StratifiedAsker", "class_shares", "of_class", "split"]

# A class is given up when, as in `gather`, fewer rows are good than are tolerated, and at least so many should be.
N_BEFORE_VERDICT = 10


def class_shares(schema: TableSchema, conditions: Conditions, shares: np.ndarray) -> dict[int, float]:
    """Shares of the classes that conditions leave.

    Parameters
    ----------
    schema : TableSchema
        Its target is a category.
    conditions : Conditions
        What rows must satisfy; conditions on other columns than the target change nothing.
    shares : ndarray of shape (n_levels,)
        Shares of the target's levels.

    Returns
    -------
    dict of int to float
        Share by code, the most frequent class first; without classes that have none. Sums to 1 if there are any.
    """
    assert schema.target_index is not None
    allowed = conditions.allowed.get(schema.target_index)
    left = shares if allowed is None or allowed.codes is None else np.where(allowed.codes, shares, 0.0)
    codes = np.argsort(-left, kind="stable")[: np.count_nonzero(left)]
    return {int(code): float(left[code] / left.sum()) for code in codes}


def of_class(conditions: Conditions, schema: TableSchema, code: int) -> Conditions:
    """The conditions and one more: the class, in the last place, so that prompts begin alike for all classes."""
    place, target = schema.target_index, schema.target
    assert place is not None
    assert target is not None
    allowed = {other: condition for other, condition in conditions.allowed.items() if other != place}
    allowed[place] = Allowed(np.arange(len(target.levels)) == code, (), False)
    return Conditions(allowed, (*conditions.phrases, f"{target.name} is {target.format(code)}"))


def split(n: int, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Split a number by shares: each part is its expectation rounded up or down, and right on average.

    One random number serves all parts (systematic sampling, Madow, 1949).

    Parameters
    ----------
    n : int
        What to split.
    shares : ndarray of shape (n_parts,)
        Sum to 1.
    rng : numpy.random.Generator
        Decides about the remainders.

    Returns
    -------
    ndarray of shape (n_parts,), int64
        Sum to n.
    """
    bounds = n * np.append(0.0, np.cumsum(shares))
    bounds[-1] = n
    return np.diff(np.floor(np.round(bounds, 9) + rng.random())).astype(np.int64)


class Quotas:
    """How many rows of each class a draw still lacks.

    Rows of one class are rejected more often than those of another (by rules, or because the model does not keep to the
    class). What is lacking is therefore counted by class, and asked for by the class's own yield so far.

    Parameters
    ----------
    shares : ndarray of shape (n_classes,)
        Shares of the draw; sum to 1.
    n_rows : int
        Rows of the draw.
    max_candidates_per_row : int
        The lowest yield tolerated, as candidates per good row. A class below it is given up, and its rows go to the
        others.
    rng : numpy.random.Generator
        Decides about remainders.
    """

    def __init__(self, shares: np.ndarray, n_rows: int, max_candidates_per_row: int, rng: np.random.Generator) -> None:
        self._shares = shares
        self._tolerated = max_candidates_per_row
        self._quota = split(n_rows, shares, rng)
        self._asked = np.zeros(len(shares), dtype=np.int64)
        self._good = np.zeros(len(shares), dtype=np.int64)
        self.given_up = np.zeros(len(shares), dtype=bool)

    def wanted(self, n_least: int, n_most: int, rng: np.random.Generator) -> np.ndarray:
        """Rows of each class to ask for next, from `n_least` to `n_most` together."""
        self._give_up(rng)
        lacking = np.maximum(self._quota - self._good, 0)
        wanted = np.ceil(lacking * (self._asked + 1) / (self._good + 1)).astype(np.int64)
        n_asked = min(max(int(wanted.sum()), n_least), n_most)
        return wanted if n_asked == wanted.sum() else split(n_asked, wanted / wanted.sum(), rng)

    def note(self, asked: np.ndarray, good: np.ndarray) -> None:
        """Count what was asked for and what was good, by class."""
        self._asked += asked
        self._good += good

    def _give_up(self, rng: np.random.Generator) -> None:
        """Let other classes have the rows of those whose rows are hardly ever good."""
        judged = self._asked >= N_BEFORE_VERDICT * self._tolerated
        hopeless = judged & (self._good * self._tolerated < self._asked) & (self._good < self._quota)
        others = ~(hopeless | self.given_up) & (self._shares > 0)
        # If all are hopeless, `gather` ends the draw.
        if hopeless.any() and others.any():
            self.given_up |= hopeless
            n_lacking = int((self._quota - self._good)[hopeless].sum())
            self._quota[hopeless] = self._good[hopeless]
            shares = np.where(others, self._shares, 0.0)
            self._quota += split(n_lacking, shares / shares.sum(), rng)


class StratifiedAsker:
    """Asks for rows class by class, all classes in one call of the model.

    Parameters
    ----------
    schema : TableSchema
        Its target is a category.
    shares : mapping of int to float
        Share of each class, by its code.
    make : callable
        Makes the `PromptAsker` of a class from its code; called when rows of the class are first asked for.
    batch_size : int
        Rows asked for at once, at most.
    in_turns : bool
        Whether requests for different classes take turns, so that whatever ends a draw early leaves the classes in
        their shares. Without, a class is asked for after the other, so that a shared prompt is read once for each.
    """

    def __init__(
        self,
        schema: TableSchema,
        shares: Mapping[int, float],
        make: Callable[[int], PromptAsker],
        batch_size: int,
        *,
        in_turns: bool,
    ) -> None:
        self._schema = schema
        self._codes = np.array(list(shares))
        self._shares = np.array(list(shares.values()))
        self._make = make
        self._batch_size = batch_size
        self._in_turns = in_turns
        self._askers: dict[int, PromptAsker] = {}
        self._warned = False
        self._quotas: Quotas | None = None
        self._check: Check | None = None

    @property
    def prompt(self) -> str:
        """The text of a full request for rows of the most frequent class."""
        return self._asker(int(self._codes[self._shares.argmax()])).prompt

    @property
    def rows_per_request(self) -> int:
        """Rows asked for at once, at most."""
        return max(asker.rows_per_request for asker in self._askers.values())

    @property
    def given_up(self) -> list[str]:
        """Classes of which the last draw could not make the rows."""
        target = self._schema.target
        if self._quotas is None or target is None:
            return []
        return [target.format(code) for code in self._codes[self._quotas.given_up]]

    def begin(self, n_rows: int, check: Check, max_candidates_per_row: int, rng: np.random.Generator) -> None:
        """Begin a draw.

        Parameters
        ----------
        n_rows : int
            Rows of the draw.
        check : callable
            Tells which candidates are good, as for `gather`.
        max_candidates_per_row : int
            The lowest yield tolerated of a class.
        rng : numpy.random.Generator
            Decides about remainders.
        """
        self._check = check
        self._quotas = Quotas(self._shares, n_rows, max_candidates_per_row, rng)

    def ask(self, n_rows: int, rng: np.random.Generator) -> Candidates:
        """Ask for what the draw lacks of each class, and at least for so many rows; they come in random order."""
        assert self._quotas is not None
        assert self._check is not None
        counts = self._quotas.wanted(n_rows, self._batch_size, rng)
        by_class = [
            self._asker(int(self._codes[place])).questions(int(counts[place]), rng)
            for place in rng.permutation(np.flatnonzero(counts))
        ]
        order = _in_turns([len(questions) for questions in by_class], rng.spawn(1)[0]) if self._in_turns else None
        made = RowAsker.ask_together(list(chain(*by_class)), rng, order)
        values = self._schema.snap(made.values)
        good = values[self._check(values)[0], self._schema.target_index]
        self._quotas.note(counts, (good[:, None] == self._codes).sum(axis=0))
        return replace(made, values=values[rng.permutation(len(values))])

    def _asker(self, code: int) -> PromptAsker:
        """What asks for rows of a class."""
        if code not in self._askers:
            asker = self._askers[code] = self._make(code)
            if asker.left_out and not self._warned:
                self._warned = True
                warn_of_shortening(asker.asker.model, asker.left_out)
        return self._askers[code]


def _in_turns(counts: Sequence[int], rng: np.random.Generator) -> list[int]:
    """An order of questions in which those of each class have equal distances: any first ones have the shares of all.

    `counts` is how many questions there are of each class; they stand class by class.
    """
    times = [(np.arange(n) + rng.random()) / n for n in counts]
    return np.argsort(np.concatenate(times), kind="stable").tolist()
