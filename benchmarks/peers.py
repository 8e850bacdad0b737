"""The methods that are compared. Each is a function (train, target, task, seed) -> sample, and sample(n) -> frame.

A sampler of a method that can be asked for a class takes it as ``label``.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from benchmarks.tables import discrete_columns

_ABSENT = "(missing)"


def real(train, target, task, seed):
    """No synthesizer: the training rows themselves, for the ceiling of utility."""
    return lambda n: train


def smotenc(train, target, task, seed):
    """SMOTE, SMOTENC or SMOTEN as a generator: classes are oversampled, and the new rows alone are kept.

    As many new rows of each class are made as n rows in the real proportions need. Needs classes.
    """
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    complete = _Complete(train)
    table = complete.encode(train)
    X, y = table.drop(columns=target), table[target]
    discrete = [column for column in complete.discrete if column != target]
    counts = y.value_counts()

    def sample(n, label=None):
        only = None if label is None else complete.code(target, label)
        more = (n * counts / len(y)).round().astype(int) if only is None else n * (counts.index == only)
        settings = {
            "sampling_strategy": (counts + more).to_dict(),
            "k_neighbors": min(5, counts.min() - 1),
            "random_state": seed,
        }
        if not discrete:
            sampler = SMOTE(**settings)
        elif len(discrete) == X.shape[1]:
            sampler = SMOTEN(**settings)
        else:
            sampler = SMOTENC(categorical_features=discrete, **settings)
        X_new, y_new = sampler.fit_resample(X, y)
        rows = pd.concat([X_new, y_new], axis=1).iloc[len(train) :]
        return complete.decode(rows)

    return sample


def cart(train, target, task, seed):
    """Sequential trees as synthpop draws them: each column from a tree on the columns before it (see `_Cart`)."""
    return _Cart(np.random.default_rng(seed)).fit(train).sample


def ctgan(train, target, task, seed):
    """CTGAN of the package ctgan, defaults: 300 epochs."""
    from ctgan import CTGAN

    return _fit_neural_peer(CTGAN(enable_gpu=False), train, seed)


def tvae(train, target, task, seed):
    """TVAE of the package ctgan, defaults: 300 epochs."""
    from ctgan import TVAE

    return _fit_neural_peer(TVAE(enable_gpu=False), train, seed)


def forest(train, target, task, seed):
    """Forest diffusion (Jolicoeur-Martineau, Fatras and Kachman 2024) of the package ForestDiffusion, made affordable.

    Flow matching with boosted trees on 50 noise levels and a model for each class, as by default. Reduced: 10 trees
    instead of 100 for each noise level, 64 bins instead of 256, 20 noise samples a row (10 above 1,000 rows) instead
    of 100, and whole numbers in the order of frequency instead of dummies for columns with more than ten levels.
    """
    from ForestDiffusion import ForestDiffusionModel

    complete = _Complete(train)
    table = complete.encode(train)
    label = target if task == "classification" else None
    levels = {column: table[column].value_counts().index for column in complete.discrete}
    dummies = [column for column in levels if column != label and 2 < len(levels[column]) <= 10]
    whole = [column for column in levels if column != label and column not in dummies]
    # Dummies first: the package takes those of column 11 for some of column 1 as well.
    columns = [*dummies, *whole, *(column for column in table if column not in levels)]
    codes = table.assign(**{column: index.get_indexer(table[column]) for column, index in levels.items()})
    model = ForestDiffusionModel(
        codes[columns].to_numpy(dtype=float),
        label_y=None if label is None else codes[label].to_numpy(),
        cat_indexes=list(range(len(dummies))),
        int_indexes=list(range(len(dummies), len(dummies) + len(whole))),
        n_estimators=10,
        max_bin=64,
        duplicate_K=min(20, 20_000 // len(train)),
        n_batch=0,  # fewer bins cannot be had with the package's own iterator
        n_jobs=1,
        seed=seed,
    )

    def sample(n):
        rows = pd.DataFrame(model.generate(n), columns=columns if label is None else [*columns, label])
        names = {column: index[rows[column].round().astype(int)] for column, index in levels.items()}
        return complete.decode(rows.assign(**names))

    return sample


def disco(train, target, task, seed, feedback=None, policy_params=None):
    """The supervised stage of DiscoTabSynthesizer."""
    from skgensynth import DiscoTabSynthesizer

    synthesizer = DiscoTabSynthesizer(feedback=feedback, policy_params=policy_params, random_state=seed)
    synthesizer.fit(train.drop(columns=target), train[target])

    def sample(n, label=None):
        X, y = synthesizer.sample(n, conditions=None if label is None else {target: label})
        return X.assign(**{target: y})[train.columns]

    return sample


METHODS = {
    "real": real,
    "smotenc": smotenc,
    "cart": cart,
    "tvae": tvae,
    "ctgan": ctgan,
    "forest": forest,
    "disco": disco,
    "feedback": partial(disco, feedback="hierarchical"),
}
LABELS = {
    "real": "real training rows",
    "smotenc": "SMOTE / SMOTE-NC",
    "cart": "sequential CART",
    "tvae": "TVAE",
    "ctgan": "CTGAN",
    "forest": "Forest diffusion",
    "disco": "DiscoTabSynthesizer, supervised stage",
    "feedback": "DiscoTabSynthesizer",
}
_PACKAGES = {
    "smotenc": ("imbalanced-learn",),
    "ctgan": ("ctgan", "torch"),
    "tvae": ("ctgan", "torch"),
    "forest": ("ForestDiffusion",),
    "disco": ("torch",),
    "feedback": ("torch", "xgboost", "mlxtend"),
}


def versions(method: str) -> dict[str, str]:
    """Versions of what a method and its measurement rest on."""
    packages = ("numpy", "pandas", "scikit-learn", "xgboost", *_PACKAGES.get(method, ()))
    return {package: version(package) for package in packages}


def _fit_neural_peer(model, train, seed):
    import torch

    # The package draws from the global generators in places where its own set_random_state does not reach.
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    complete = _Complete(train)
    model.fit(complete.encode(train), complete.discrete)
    return lambda n: complete.decode(model.sample(n))


class _Complete:
    """Tables without missing values for peers that cannot take them, and the way back.

    A missing category is a level of its own; a missing number becomes the median, with one more discrete column that
    says that it was missing.
    """

    def __init__(self, train):
        self.train = train
        self.levels = discrete_columns(train)
        self.gappy = [column for column in train if column not in self.levels and train[column].isna().any()]
        self.discrete = self.levels + [self._flag(column) for column in self.gappy]

    def encode(self, frame):
        # Levels are numbered, so that every peer takes them, whatever their dtype was.
        self.categories = {column: frame[column].dropna().unique().tolist() for column in self.levels}
        encoded = frame.copy()
        for column, categories in self.categories.items():
            names = {value: self.code(column, value) for value in categories}
            encoded[column] = frame[column].map(names).astype(object).fillna(_ABSENT)
        for column in self.gappy:
            encoded[column] = frame[column].fillna(frame[column].median())
            encoded[self._flag(column)] = np.where(frame[column].isna(), "yes", "no")
        return encoded

    def decode(self, rows):
        rows = rows.reset_index(drop=True)
        decoded = pd.DataFrame(index=rows.index)
        for column in self.train:
            if column in self.categories:
                values = {self.code(column, value): value for value in self.categories[column]}
                decoded[column] = rows[column].map(values)
            else:
                # As SDV's wrapper around these peers does: as many decimals as the real column has.
                numbers = rows[column].astype(float).round(_decimals(self.train[column]))
                decoded[column] = numbers.where(rows[self._flag(column)] == "no") if column in self.gappy else numbers
        return decoded

    def code(self, column, value):
        """What peers see of a level."""
        return f"level {self.categories[column].index(value)}"

    @staticmethod
    def _flag(column):
        return f"{column} is missing"


def _decimals(series):
    """Decimals that a real column needs, at most 12."""
    numbers = series.dropna().to_numpy(dtype=float)
    return next((d for d in range(12) if np.array_equal(np.round(numbers, d), numbers)), 12)


class _Cart:
    """Sequential classification and regression trees with donors from leaves, after Nowok, Raab and Dibben (2016).

    The first column is a bootstrap of the real one; each further column is fitted by a tree with at least five rows in
    a leaf on the columns before it, and takes the value of a real row in the leaf that a synthetic row falls into. A
    number's being missing is drawn first, by a tree of its own. Categories enter as codes, in the order of their
    frequency. Columns are visited as in the table, so the target comes last.
    """

    MIN_SAMPLES_LEAF = 5

    def __init__(self, rng):
        self.rng = rng

    def fit(self, train):
        self.train = train
        codes = {
            column: train[column].map({value: code for code, value in enumerate(train[column].value_counts().index)})
            for column in train
            if not pd.api.types.is_numeric_dtype(train[column])
        }
        self.values = train.assign(**codes).to_numpy(dtype=float)
        labels = set(discrete_columns(train))
        self.steps = []
        for j, column in enumerate(train):
            y, X = self.values[:, j], self.values[:, :j]
            absent = np.isnan(y)
            if column in labels:
                self.steps.append((self._tree(X, np.where(absent, -1, y), DecisionTreeClassifier), None))
            else:
                gaps = self._tree(X, absent, DecisionTreeClassifier) if absent.any() else None
                self.steps.append((self._tree(X, y, DecisionTreeRegressor, np.flatnonzero(~absent)), gaps))
        return self

    def sample(self, n):
        # Row numbers of donors, column by column: values go back to the table as they are, with their dtypes.
        rows = np.empty((n, self.values.shape[1]))
        columns = {}
        for j, (draw, draw_gaps) in enumerate(self.steps):
            donors = draw(rows[:, :j])
            series = self.train.iloc[donors, j].reset_index(drop=True)
            rows[:, j] = self.values[donors, j]
            if draw_gaps is not None:
                absent = np.isnan(self.values[draw_gaps(rows[:, :j]), j])
                series, rows[absent, j] = series.mask(absent), np.nan
            columns[self.train.columns[j]] = series
        return pd.DataFrame(columns)

    def _tree(self, X, y, tree_class, kept=None):
        """Fit a tree on the kept rows and return the function that draws donors (row numbers) for new rows."""
        kept = np.arange(len(y)) if kept is None else kept
        if X.shape[1] == 0:
            return lambda X_new: self.rng.choice(kept, len(X_new))
        tree = tree_class(min_samples_leaf=self.MIN_SAMPLES_LEAF, random_state=int(self.rng.integers(2**31)))
        leaves = tree.fit(X[kept], y[kept]).apply(X[kept])
        by_leaf = kept[np.argsort(leaves, kind="stable")]
        counts = np.bincount(leaves, minlength=tree.tree_.node_count)
        starts = np.cumsum(counts) - counts

        def draw(X_new):
            new_leaves = tree.apply(X_new)
            return by_leaf[starts[new_leaves] + (self.rng.random(len(X_new)) * counts[new_leaves]).astype(int)]

        return draw
