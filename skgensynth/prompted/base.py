"""The base of synthesizers that describe a table to a frozen language model and ask it for rows."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgensynth.base import BaseSynthesizer
from skgensynth.conditions import Conditions
from skgensynth.copies import CopyFilter
from skgensynth.llm import Budget, Cached, LanguageModel, Metered, Usage, check_may_leave, resolve

__all__ = ["LLM", "PromptedSynthesizer"]

# What a parameter that holds a language model may be.
LLM: list[Any] = [str, os.PathLike, callable, HasMethods(["generate", "count_tokens"])]


class PromptedSynthesizer(BaseSynthesizer):
    """Base of synthesizers that ask a language model for rows.

    It stores the parameters that they share, resolves and meters the model, keeps real rows from leaving the machine
    without permission and from coming back, and leaves examples out of pickles and saved models. A method fills in the
    hooks of `BaseSynthesizer`, ``_shows_rows`` and ``_new_asker``.

    Parameters
    ----------
    llm, context, feature_descriptions, n_examples, output, temperature, top_p, repair, allow_remote_rows, \
keep_examples, max_requests, max_tokens_total, cache
        See the methods.
    **base
        Parameters of `BaseSynthesizer`.
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseSynthesizer._parameter_constraints,
        "llm": LLM,
        "context": [str, None],
        "feature_descriptions": [Mapping, None],
        "n_examples": [Interval(Integral, 1, None, closed="left")],
        "output": [StrOptions({"csv", "json"})],
        "temperature": [Interval(Real, 0, None, closed="left")],
        "top_p": [Interval(Real, 0, 1, closed="right")],
        "repair": ["boolean"],
        "allow_remote_rows": ["boolean"],
        "keep_examples": ["boolean"],
        "max_requests": [Interval(Integral, 1, None, closed="left"), None],
        "max_tokens_total": [Interval(Integral, 1, None, closed="left"), None],
        "cache": [str, os.PathLike, None],
    }
    # Some dozens of requests at once keep a server busy; of twenty rows, one has to be good.
    _batch_size = 320
    _max_candidates_per_row = 20
    # What `fit` leaves besides public attributes.
    _private: ClassVar[tuple[str, ...]] = ("_examples", "_examples_refused", "_asked", "_decimals", "_meter")

    _meter: Metered | None
    _asked: tuple[Conditions, tuple[Any, ...], Any] | None
    _examples: np.ndarray | None
    _examples_refused: bool
    _decimals: list[int | None] | None
    prompt_: str

    def __init__(
        self,
        llm,
        *,
        context,
        feature_descriptions,
        n_examples,
        output,
        temperature,
        top_p,
        repair,
        allow_remote_rows,
        keep_examples,
        max_requests,
        max_tokens_total,
        cache,
        **base,
    ):
        super().__init__(**base)
        self.llm = llm
        self.context = context
        self.feature_descriptions = feature_descriptions
        self.n_examples = n_examples
        self.output = output
        self.temperature = temperature
        self.top_p = top_p
        self.repair = repair
        self.allow_remote_rows = allow_remote_rows
        self.keep_examples = keep_examples
        self.max_requests = max_requests
        self.max_tokens_total = max_tokens_total
        self.cache = cache

    # Hooks -----------------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def _shows_rows(self) -> bool:
        """Whether prompts hold rows of the training table."""

    @abstractmethod
    def _new_asker(self, conditions: Conditions) -> Any:
        """What asks for rows under conditions."""

    @abstractmethod
    def _asker_settings(self) -> tuple[Any, ...]:
        """Parameters that, changed after `fit`, call for a new asker."""

    # Asking ----------------------------------------------------------------------------------------------------------

    @property
    def usage_(self) -> Usage:
        """Requests and tokens since `fit`."""
        check_is_fitted(self)
        return self._meter.usage if self._meter else Usage()

    def _budget(self) -> Budget:
        return Budget(self.max_requests, self.max_tokens_total)

    @property
    def _may_run_out(self) -> bool:
        """Whether a budget may end a draw."""
        return self._meter is not None and self._meter.budget != Budget()

    def _language_model(self) -> LanguageModel:
        """The model that makes rows, metered and perhaps cached; nothing is loaded yet."""
        if self._meter is None:
            self._meter = Metered(resolve(self._row_llm()), self._budget())
        self._meter.budget = self._budget()
        check_may_leave(self._meter, contains_rows=self._shows_rows, allow_remote_rows=self.allow_remote_rows)
        return self._cached(self._meter)

    def _row_llm(self) -> Any:
        return self.llm

    def _cached(self, model: LanguageModel) -> LanguageModel:
        return model if self.cache is None else Cached(model, self.cache)

    def _asker(self, conditions: Conditions) -> Any:
        """What asks for rows under conditions; that of the last draw is kept."""
        # A permission that was withdrawn is asked for again, and a budget that was raised is there.
        settings = (self.allow_remote_rows, self._budget(), self.cache, *self._asker_settings())
        if self._asked is not None:
            known, with_settings, asker = self._asked
            if with_settings == settings and (known is conditions or not (known or conditions)):
                return asker
        asker = self._new_asker(conditions)
        self._asked = (conditions, settings, asker)
        return asker

    # Example rows ----------------------------------------------------------------------------------------------------

    def _keep_examples(self, examples: np.ndarray | None, values: np.ndarray | None) -> None:
        """Note the rows that prompts may show, and whether the table is such that they must not come back."""
        self._examples, self._examples_refused = examples, False
        if examples is not None and values is not None:
            self._examples_refused = CopyFilter(values, self.schema_).refuses(Conditions())

    def _refuses_examples(self, conditions: Conditions) -> bool:
        """Whether a row that was shown is no new row."""
        copies = getattr(self, "_copies", None)
        return self._examples_refused if copies is None else copies.refuses(conditions)

    # Keeping ---------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        super()._forget()
        for name in self._private:
            self.__dict__.pop(name, None)

    def _prompted_state(self) -> dict[str, Any]:
        """What all prompted synthesizers save."""
        examples: list[list[float | None]] | None = None
        if self._examples is not None and self.keep_examples:
            examples = [[None if np.isnan(value) else value for value in row] for row in self._examples.tolist()]
        return {
            "decimals": self._decimals,
            "examples": examples,
            "examples_refused": self._examples_refused,
            "prompt": getattr(self, "prompt_", None) if self._examples is None or self.keep_examples else None,
        }

    def _restore_prompted(self, state: dict[str, Any]) -> None:
        """Undo `_prompted_state`."""
        self._decimals = state["decimals"]
        examples = state["examples"]
        self._examples = None if examples is None else np.array(examples, dtype=np.float64)
        self._examples_refused = state["examples_refused"]
        if state["prompt"] is not None:
            self.prompt_ = state["prompt"]
        self._meter = self._asked = None

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "_asked" in state:
            state["_asked"] = None
        if state.get("_examples") is not None and not self.keep_examples:
            state["_examples"] = None
            state.pop("prompt_", None)
        return state
