"""An estimator that keeps what it is fitted on, importable wherever joblib runs."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class RowKeeper(ClassifierMixin, BaseEstimator):
    """Keeps its training rows as they come; predicts the most frequent class."""

    def fit(self, X, y, sample_weight=None, note=None):
        self.X_, self.y_, self.sample_weight_, self.note_ = X, y, sample_weight, note
        self.classes_, counts = np.unique(np.asarray(y), return_counts=True)
        self.most_frequent_ = self.classes_[counts.argmax()]
        return self

    def predict(self, X):
        return np.full(len(X), self.most_frequent_)
