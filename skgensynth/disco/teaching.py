"""The target taught by a forest: networks learn from it what the target is in rows that they draw themselves."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from skgensynth.disco.codecs import CompactCodec
from skgensynth.disco.network import RowTransformer
from skgensynth.disco.threads import one_torch_thread

__all__ = ["N_TAUGHT_ROWS", "TargetForest", "teach_target"]

# Rows that the networks draw to be taught on.
N_TAUGHT_ROWS = 4096
MIN_LEAF = 3
# Rows that a tree is grown on, at most.
MAX_SAMPLED = 10_000
# So many training rows that are alike are left out together; of more, none says much by itself.
MAX_ALIKE = 3
# Distances that are held at once.
N_DISTANCES = 2_000_000
# Part of a forest's probabilities that goes to the shares of the table, so that nothing is impossible.
DOUBT = 0.01
N_STEPS, BATCH_SIZE, LEARNING_RATE, WARM_UP_STEPS = 150, 128, 1.5e-2, 20


class TargetForest:
    """A random forest (Breiman, 2001) that gives the probability of the target's tokens from those of the features.

    Of a new row, only those trees are asked that were grown without the training row closest to it (ours, after
    Breiman's out-of-bag estimate): what a training row's target happens to be is not said of the rows around it, so
    that nobody can tell by them that it was there. Up to three rows that are equally close are left out together; of
    more, one at random. Where no tree is left, the table's shares are the answer.

    Numbers are judged by thresholds: for each token, a tree predicts whether the target is at most that, so that it
    splits by the ranked probability score (Epstein, 1969).

    Parameters
    ----------
    codec : CompactCodec
        Vocabulary.
    target : int
        Place of the target, which has two tokens or more.
    tokens : ndarray of shape (n_rows, n_columns)
        Tokens of the training rows.
    n_trees : int
        Trees.
    rng : numpy.random.Generator
        Source of the trees' draws.
    """

    def __init__(
        self,
        codec: CompactCodec,
        target: int,
        tokens: NDArray[np.int64],
        n_trees: int,
        rng: np.random.Generator,
    ) -> None:
        self._features = [j for j in range(tokens.shape[1]) if j != target]
        self._columns = [codec.columns[j] for j in self._features]
        self._ordered = codec.columns[target].ordered
        self._tokens = tokens.astype(np.int32)
        self._rng = rng
        size, y = codec.sizes[target], tokens[:, target, None]
        shares = np.bincount(y[:, 0], minlength=size) + 0.5
        self._shares = shares / shares.sum()
        forest = RandomForestRegressor(
            n_trees,
            min_samples_leaf=MIN_LEAF,
            max_features=1.0 if self._ordered else "sqrt",
            max_samples=min(len(tokens), MAX_SAMPLED),
            random_state=int(rng.integers(2**31)),
            n_jobs=1,
        )
        levels = np.arange(size)
        forest.fit(self._matrix(tokens), ((y <= levels) if self._ordered else (y == levels)).astype(np.float64))
        self._trees = forest.estimators_
        self._grown_on = np.zeros((len(tokens), n_trees), dtype=np.float32)
        for number, sampled in enumerate(forest.estimators_samples_):
            self._grown_on[sampled, number] = 1

    def _matrix(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Tokens of the features, NaN where a value is missing."""
        matrix = tokens[:, self._features].astype(np.float32)
        matrix[matrix == [column.size for column in self._columns]] = np.nan
        return matrix

    def probs(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probabilities of the target's tokens.

        Parameters
        ----------
        tokens : ndarray of shape (n_rows, n_columns)
            Tokens; those of the target do not matter.

        Returns
        -------
        ndarray of shape (n_rows, n_target_tokens)
            All above 0.
        """
        matrix, asked = self._matrix(tokens), self._asked(tokens)
        votes = np.zeros((len(tokens), len(self._shares)))
        for tree, rows in zip(self._trees, asked.T, strict=True):
            if rows.any():
                votes[rows] += tree.predict(matrix[rows])
        n_votes = asked.sum(axis=1, keepdims=True)
        probs = votes / n_votes.clip(1)
        if self._ordered:
            probs = np.diff(probs, axis=1, prepend=0.0).clip(0)
        return (1 - DOUBT) * np.where(n_votes > 0, probs, self._shares) + DOUBT * self._shares

    def _asked(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which trees are asked of which rows, of shape (n_rows, n_trees)."""
        step = max(N_DISTANCES // len(self._tokens), 1)
        return np.concatenate([self._without_closest(tokens[i : i + step]) for i in range(0, len(tokens), step)])

    def _without_closest(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Trees that were grown without the closest training rows, of shape (n_rows, n_trees)."""
        distances = self._distances(rows.astype(np.int32))
        closest = distances <= distances.min(axis=1, keepdims=True) + 1e-6
        many = np.flatnonzero(closest.sum(axis=1) > MAX_ALIKE)
        chosen = (closest[many] * self._rng.random((len(many), closest.shape[1]))).argmax(axis=1)
        closest[many] = False
        closest[many, chosen] = True
        return closest.astype(np.float32) @ self._grown_on == 0

    def _distances(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Gower's distance (1971) of the features, numbers by their ranks, from every training row."""
        distances = np.zeros((len(rows), len(self._tokens)), dtype=np.float32)
        for j, column in zip(self._features, self._columns, strict=True):
            here, there = rows[:, j, None], self._tokens[:, j]
            if column.ordered:
                # A missing value is as far from a number as can be.
                known = (here == column.size) == (there == column.size)
                distances += np.where(known, np.abs(here - there) / np.float32(max(column.size - 1, 1)), np.float32(1))
            else:
                distances += here != there
        return distances


def teach_target(
    network: RowTransformer,
    target: int,
    tokens: NDArray[np.int64],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
) -> RowTransformer:
    """A network that gives the target the wanted probabilities after all features (distillation, Hinton et al., 2015).

    The loss is the cross-entropy of the wanted probabilities and those of all members together, in random orders of the
    features (ours).

    Parameters
    ----------
    network : RowTransformer
        Where the new one starts; it does not change.
    target : int
        Place of the target.
    tokens : ndarray of shape (n_rows, n_columns)
        Rows to learn from.
    wanted : ndarray of shape (n_rows, n_target_tokens)
        Their probabilities.
    rng : numpy.random.Generator
        Source of batches and orders.

    Returns
    -------
    RowTransformer
        The network after the last step.
    """
    rows, probs = torch.from_numpy(tokens), torch.from_numpy(wanted).float()
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    features = torch.tensor([j for j in range(rows.shape[1]) if j != target])
    taught = copy.deepcopy(network).requires_grad_(True)
    optimizer = torch.optim.Adam(taught.parameters(), lr=LEARNING_RATE, fused=True)
    with one_torch_thread(), torch.enable_grad():
        for step in range(N_STEPS):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * min((step + 1) / WARM_UP_STEPS, 1 - step / N_STEPS)
            batch = torch.randint(len(rows), (BATCH_SIZE,), generator=generator)
            places = torch.rand(BATCH_SIZE, len(features), generator=generator).argsort(dim=1)
            orders = torch.cat([features[places], torch.full((BATCH_SIZE, 1), target)], dim=1)
            found = taught.last_probs(target, rows[batch], orders).clamp_min(1e-12).log()
            optimizer.zero_grad()
            (-(probs[batch] * found).sum(dim=1).mean()).backward()
            optimizer.step()
    return taught.requires_grad_(False)
