"""A synthesizer that gives back what it was told to, for figures that are known beforehand."""

from __future__ import annotations

from sklearn.base import BaseEstimator


class Planted(BaseEstimator):
    """Gives the rows of a frame, over and over, or its training rows; or raises an error while it draws."""

    def __init__(self, rows=None, target=None, error=None, random_state=None):
        self.rows = rows
        self.target = target
        self.error = error
        self.random_state = random_state

    def fit(self, X, y=None):
        self.training_ = (X, y)
        return self

    def sample(self, n_samples):
        if self.error is not None:
            raise self.error
        X, y = self.training_
        if self.rows is not None:
            X = self.rows if self.target is None else self.rows.drop(columns=self.target)
            y = None if self.target is None else self.rows[self.target]
        places = [place % len(X) for place in range(n_samples)]
        X = X.iloc[places].reset_index(drop=True)
        return X if y is None else (X, y.iloc[places].reset_index(drop=True))
