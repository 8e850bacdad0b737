"""The simplest synthesizer that honours the whole contract: independent columns, drawn from their marginals."""

import numpy as np
from safetensors.numpy import load_file, save_file

from skgensynth.base import BaseSynthesizer

_QUANTILES = np.linspace(0, 1, 33)


class MarginalsSynthesizer(BaseSynthesizer):
    """Draws every column by itself; conditions bound the column they name."""

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        categorical_features=None,
        column_kinds=None,
        identifiers="regenerate",
        copies="refuse",
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            sampling_strategy=sampling_strategy,
            categorical_features=categorical_features,
            column_kinds=column_kinds,
            identifiers=identifiers,
            copies=copies,
            random_state=random_state,
            verbose=verbose,
        )

    def _fit_model(self, values, rng):
        self.marginals_ = [
            self._marginal(column, values[:, index]) for index, column in enumerate(self.schema_.modelled)
        ]

    @staticmethod
    def _marginal(column, values):
        """Share of missing values, then the levels' frequencies or the numbers' quantiles."""
        present = values[~np.isnan(values)]
        missing = 1 - len(present) / len(values)
        if column.kind == "categorical":
            rest = np.bincount(present.astype(int), minlength=len(column.levels)) / len(values)
        else:
            rest = np.quantile(present, _QUANTILES) if len(present) else np.empty(0)
        return np.concatenate([[missing], rest])

    def _sample_model(self, n, conditions, rng):
        columns = [
            self._column(column, self.marginals_[index], conditions.allowed.get(index), n, rng)
            for index, column in enumerate(self.schema_.modelled)
        ]
        return np.column_stack(columns)

    def _column(self, column, marginal, allowed, n, rng):
        missing = marginal[0] if allowed is None or allowed.missing else 0.0
        if column.kind == "categorical":
            weights = marginal[1:] if allowed is None else marginal[1:] * allowed.codes
            if not weights.sum() and allowed is not None and allowed.codes.any():
                weights = allowed.codes.astype(float)
            weights = np.concatenate([[missing], weights]) if missing or weights.sum() else np.array([1.0])
            codes = rng.choice(len(weights), size=n, p=weights / weights.sum()) - 1
            return np.where(codes < 0, np.nan, codes)
        present = len(marginal) > 1 and (allowed is None or len(allowed.intervals) > 0)
        if not present:
            return np.full(n, np.nan)
        values = np.interp(rng.random(n), _QUANTILES, marginal[1:])
        if allowed is not None:
            intervals = np.array(allowed.intervals)
            within = ((values[:, None] >= intervals[:, 0]) & (values[:, None] <= intervals[:, 1])).any(axis=1)
            low, high = intervals[rng.integers(len(intervals), size=n)].T
            values = np.where(within, values, rng.uniform(low, high))
        return np.where(rng.random(n) < missing, np.nan, values)

    def _save_model(self, folder):
        arrays = {str(index): marginal for index, marginal in enumerate(self.marginals_)}
        save_file(arrays, folder / "marginals.safetensors")
        return {"n_columns": len(self.marginals_)}

    def _load_model(self, folder, state):
        arrays = load_file(folder / "marginals.safetensors")
        self.marginals_ = [arrays[str(index)] for index in range(state["n_columns"])]
