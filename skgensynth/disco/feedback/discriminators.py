"""Discriminators at four levels, each trained on one half of the rows and believed as far as the other half allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skgensynth.disco.feedback.calibration import held_out_auc, trusted_slope
from skgensynth.disco.feedback.heads import GENERATED, REAL, SHUFFLED, FeatureHead, SentenceHead, TokenHead
from skgensynth.disco.feedback.settings import LEVELS
from skgensynth.disco.feedback.trees import RowTrees
from skgensynth.disco.feedback.units import Units, UnitSpace
from skgensynth.disco.threads import one_torch_thread, worker_threads

__all__ = ["Corpus", "Discriminators", "Scores", "shuffled"]

N_FOLDS = 2
BATCH_SIZE = 64
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-2
# Share of a real row's columns that take the values of other rows.
SHUFFLED_SHARE = 0.25
# Most steps of the networks when they are new, and when they are refreshed; few rows have less to teach.
FIRST_STEPS, NEXT_STEPS = 120, 30
MAX_EPOCHS = 60
# Shuffled rows for each real one; more only repeat each other.
SHUFFLES = 4
IGNORED = -100
# One token must not outweigh a whole row.
MAX_LOG_ODDS = 4.0

Write = Callable[[NDArray[np.float64]], Units]


@dataclass(frozen=True)
class Corpus:
    """Rows in both forms that discriminators read.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Encoded rows.
    units : Units
        The same rows as tokens.
    """

    values: NDArray[np.float64]
    units: Units

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> Corpus:
        return Corpus(self.values[rows], self.units[rows])


@dataclass(frozen=True)
class Scores:
    """Log-odds of real against generated, by level.

    Attributes
    ----------
    token : ndarray of shape (n_rows, length)
        NaN where a row has no token.
    sentence : ndarray of shape (n_rows, n_columns)
    feature : ndarray of shape (n_rows, n_groups)
    row : ndarray of shape (n_rows, 1)
    """

    token: NDArray[np.float64]
    sentence: NDArray[np.float64]
    feature: NDArray[np.float64]
    row: NDArray[np.float64]


def shuffled(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rows some of whose values come from other rows.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Encoded rows.
    rng : numpy.random.Generator
        Source of the choice.

    Returns
    -------
    values : ndarray of shape (n_rows, n_columns)
        Rows in each of which at least one column was chosen.
    changed : ndarray of shape (n_rows, n_columns), bool
        Where the value is another one than before.
    """
    n_rows, n_columns = values.shape
    draws = rng.random(values.shape)
    chosen = (draws < SHUFFLED_SHARE) | (draws == draws.min(axis=1, keepdims=True))
    others = np.take_along_axis(values, rng.integers(n_rows, size=(n_rows, n_columns)), axis=0)
    out = np.where(chosen, others, values)
    same = (out == values) | (np.isnan(out) & np.isnan(values))
    return out, ~same


class Discriminators:
    """Discriminators of real against generated rows at four levels.

    Tokens, the values of single columns in their rows, and groups of associated columns are judged by small networks
    (see `heads`), whole rows by boosted trees. Each learns to tell real rows, generated ones and real ones with
    shuffled values apart; the reward is the log-odds of real against generated alone, so that it vanishes when the
    generated rows are like the real ones (ours). The real rows are split in halves, and each half has discriminators
    of its own. What these say of the other half's rows decides how far they are believed: see `trusted_slope`.

    Parameters
    ----------
    space : UnitSpace
        The tokens.
    groups : sequence of sequence of int
        Columns of each group of associated columns.
    real : Corpus
        The training rows.
    write : callable ``(values) -> Units``
        Writes encoded rows as tokens.
    rng : numpy.random.Generator
        Source of all randomness.

    Attributes
    ----------
    auc_ : dict of str to float
        For each level, how well real rows that it was not trained on are told from generated ones; 0.5 is not at all.
    trust_ : dict of str to float
        For each level, the mean factor of its log-odds, in [0, 1].
    """

    def __init__(
        self,
        space: UnitSpace,
        groups: Sequence[Sequence[int]],
        real: Corpus,
        write: Write,
        rng: np.random.Generator,
    ) -> None:
        self._write = write
        self._rng = rng
        halves = np.array_split(rng.permutation(len(real)), N_FOLDS)
        self._folds = [
            _Fold(space, groups, real[np.sort(half)], child)
            for half, child in zip(halves, rng.spawn(N_FOLDS), strict=True)
        ]
        self.auc_: dict[str, float] = dict.fromkeys(LEVELS, 0.5)
        self.trust_: dict[str, float] = dict.fromkeys(LEVELS, 0.0)

    def refresh(self, generated: Corpus, *, n_threads: int = 1) -> None:
        """Train on newly generated rows, and find out how far to believe it.

        Parameters
        ----------
        generated : Corpus
            Rows of the present policy.
        n_threads : int, default=1
            Threads; the result does not depend on it.
        """
        parts = np.array_split(self._rng.permutation(len(generated)), N_FOLDS)
        with one_torch_thread(), worker_threads(n_threads) as pool:
            list(pool.map(lambda fold, part: fold.train(generated[part], self._write), self._folds, parts))
        figures = [
            fold.judge(other.real, generated[part])
            for fold, other, part in zip(self._folds, self._folds[::-1], parts[::-1], strict=True)
        ]
        self.auc_ = {level: float(np.mean([auc[level] for auc, _ in figures])) for level in LEVELS}
        self.trust_ = {level: float(np.mean([trust[level] for _, trust in figures])) for level in LEVELS}

    def scores(self, rows: Corpus) -> Scores:
        """Log-odds of generated rows, as far as they are believed: the mean of both halves' discriminators."""
        parts = [fold.trusted_scores(rows) for fold in self._folds]
        return Scores(*(np.mean([getattr(part, level) for part in parts], axis=0) for level in LEVELS))


class _Fold:
    """Discriminators of one half of the rows."""

    def __init__(
        self, space: UnitSpace, groups: Sequence[Sequence[int]], real: Corpus, rng: np.random.Generator
    ) -> None:
        self.real = real
        self._rng = rng
        self._groups = np.zeros((len(groups), space.n_columns), dtype=bool)
        for place, group in enumerate(groups):
            self._groups[place, list(group)] = True
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self._heads = nn.ModuleDict(
            {
                "token": TokenHead(space, generator),
                "sentence": SentenceHead(space, generator),
                "feature": FeatureHead(space, groups, generator),
            }
        )
        self._optimizer = torch.optim.AdamW(self._heads.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        self._trees: RowTrees | None = None
        self._trust: dict[str, float] = dict.fromkeys(LEVELS, 0.0)

    def train(self, generated: Corpus, write: Write) -> None:
        """Train all levels on generated rows and on real ones, as they are and shuffled."""
        values, changed = shuffled(np.repeat(self.real.values, SHUFFLES, axis=0), self._rng)
        mixed = Corpus(values, write(values))
        most = math.ceil(MAX_EPOCHS * len(self.real) / BATCH_SIZE)
        for _ in range(min(most, NEXT_STEPS if self._trees else FIRST_STEPS)):
            self._step(generated, mixed, changed)
        rows = np.concatenate([self.real.values, generated.values, mixed.values])
        sorts = np.repeat([REAL, GENERATED, SHUFFLED], [len(self.real), len(generated), len(mixed)])
        self._trees = RowTrees(rows, sorts, int(self._rng.integers(2**31)))

    def _step(self, generated: Corpus, mixed: Corpus, changed: NDArray[np.bool_]) -> None:
        """One step of the networks on as many rows of each sort."""
        n = min(BATCH_SIZE, len(self.real))
        picked = [self._rng.choice(len(part), n) for part in (self.real, generated, mixed)]
        parts = [self.real.units[picked[0]], generated.units[picked[1]], mixed.units[picked[2]]]
        labels = self._labels(parts, changed[picked[2]])
        tokens, columns = _joined(parts)
        loss = torch.zeros(())
        for level, head in self._heads.items():
            wanted = labels[level].flatten()
            for scores in head(tokens, columns) if (wanted != IGNORED).any() else ():
                loss = loss + functional.cross_entropy(scores.flatten(0, 1), wanted, ignore_index=IGNORED)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()

    def _labels(self, parts: Sequence[Units], changed: NDArray[np.bool_]) -> dict[str, Tensor]:
        """What is to be said of each token, column and group; nothing of shuffled rows' unchanged values."""
        n, n_columns = changed.shape
        sorts = np.repeat([REAL, GENERATED, SHUFFLED], n)[:, None]
        judged = np.concatenate([np.ones((2 * n, n_columns), dtype=bool), changed])
        columns = np.concatenate(_padded([part.columns for part in parts]))
        at_token = np.take_along_axis(judged, columns.clip(0), axis=1) & (columns >= 0)
        at_group = (judged.astype(np.float32) @ self._groups.T.astype(np.float32)) > 0
        wanted = {"token": at_token, "sentence": judged, "feature": at_group}
        return {level: torch.from_numpy(np.where(mask, sorts, IGNORED)) for level, mask in wanted.items()}

    def scores(self, rows: Corpus) -> Scores:
        """Log-odds of real against generated."""
        assert self._trees is not None
        tokens, columns = rows.units.tensors()
        with torch.no_grad():
            # What a part adds to its surroundings: the log-odds with it, less those without it.
            raw = {level: torch.sub(*head(tokens, columns)).double() for level, head in self._heads.items()}
        odds = {level: (score[..., REAL] - score[..., GENERATED]).numpy() for level, score in raw.items()}
        odds["row"] = self._trees.log_odds(rows.values)[:, None]
        odds = {level: np.clip(score, -MAX_LOG_ODDS, MAX_LOG_ODDS) for level, score in odds.items()}
        odds["token"] = np.where(rows.units.tokens >= 0, odds["token"], np.nan)
        return Scores(**odds)

    def judge(self, real: Corpus, generated: Corpus) -> tuple[dict[str, float], dict[str, float]]:
        """Held-out AUC and trust of each level, on rows that it was not trained on."""
        of_real, of_generated = self.scores(real), self.scores(generated)
        auc = {}
        for level in LEVELS:
            a, b = getattr(of_real, level), getattr(of_generated, level)
            self._trust[level] = trusted_slope(a, b)
            auc[level] = held_out_auc(np.nanmean(a, axis=1), np.nanmean(b, axis=1)) if a.shape[1] else 0.5
        return auc, dict(self._trust)

    def trusted_scores(self, rows: Corpus) -> Scores:
        """Log-odds times trust."""
        found = self.scores(rows)
        return Scores(**{level: self._trust[level] * getattr(found, level) for level in LEVELS})


def _padded(arrays: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Arrays of one length, filled with -1."""
    length = max(array.shape[1] for array in arrays)
    return [np.pad(array, ((0, 0), (0, length - array.shape[1])), constant_values=-1) for array in arrays]


def _joined(parts: Sequence[Units]) -> tuple[Tensor, Tensor]:
    """Tokens and columns of several tables, one below the other."""
    tokens = np.concatenate(_padded([part.tokens for part in parts]))
    columns = np.concatenate(_padded([part.columns for part in parts]))
    return torch.from_numpy(tokens), torch.from_numpy(columns)
