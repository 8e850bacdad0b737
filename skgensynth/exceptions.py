"""Errors and warnings of skgensynth.

Each error is also one of Python's own, so that ``except ValueError`` keeps working in code that knows nothing of this
package. An estimator that was not fitted raises :class:`sklearn.exceptions.NotFittedError`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "BudgetExceededError",
    "CausalGraphError",
    "ConditionError",
    "ConstraintError",
    "ConstraintWarning",
    "ContextOverflowError",
    "GrammarError",
    "IdentifierWarning",
    "InterruptedTrainingWarning",
    "LanguageModelError",
    "ModelNotFoundError",
    "PersistenceError",
    "PromptError",
    "PromptWarning",
    "RemoteRowsError",
    "SamplingError",
    "SchemaError",
    "SchemaMismatchError",
    "SkgensynthError",
    "SkgensynthWarning",
    "TrainingRowsUnavailableError",
]


class SkgensynthError(Exception):
    """Base of every error that skgensynth raises on purpose."""


class SchemaError(SkgensynthError, ValueError):
    """A table, or a description of its columns, cannot be used; the message names the column."""


class SchemaMismatchError(SchemaError):
    """A table does not have the columns or the kinds of values of the table that was learned."""


class ConditionError(SkgensynthError, ValueError):
    """A condition names an unknown column or asks for what no row can fulfil; the message says what is allowed."""


class ConstraintError(SkgensynthError, ValueError):
    """A constraint cannot be read, or does not suit the table; the message says where and what is allowed."""


class CausalGraphError(SkgensynthError, ValueError):
    """A causal graph names an unknown column, has a cycle, or contradicts an expert; the message names the columns."""


class SamplingError(SkgensynthError, RuntimeError):
    """Too few candidates were valid to gather the rows asked for.

    Parameters
    ----------
    message : str
        What happened and what to change.
    partial : object, default=None
        The valid rows made so far, in the container of the training table; None where there are none.
    n_requested : int, default=0
        Number of rows asked for.
    reasons : mapping of str to int, default=None
        How many candidates were rejected for each reason.
    examples : sequence, default=()
        Some of the rejected candidates.

    Attributes
    ----------
    partial, n_requested, examples
        As given.
    reasons : collections.Counter
        As given.
    """

    def __init__(
        self,
        message: str,
        *,
        partial: Any = None,
        n_requested: int = 0,
        reasons: Mapping[str, int] | None = None,
        examples: Sequence[Any] = (),
    ) -> None:
        super().__init__(message)
        self.partial = partial
        self.n_requested = n_requested
        self.reasons: Counter[str] = Counter(reasons or {})
        self.examples = list(examples)


class ModelNotFoundError(SkgensynthError, OSError):
    """A model's files are not where they were looked for."""


class LanguageModelError(SkgensynthError, RuntimeError):
    """A language model gave no reply; the message says why and what to change.

    Parameters
    ----------
    message : str
        What happened and what to change.
    replies : mapping of int to Reply, default=None
        The replies that were made, by the position of their request.
    partial : object, default=None
        While rows were drawn: the valid ones made so far, in the container of the training table; None where there are
        none.

    Attributes
    ----------
    replies : dict
        As given.
    partial : object
        As given.
    """

    def __init__(self, message: str, *, replies: Mapping[int, Any] | None = None, partial: Any = None) -> None:
        super().__init__(message)
        self.replies: dict[int, Any] = dict(replies or {})
        self.partial = partial


class BudgetExceededError(LanguageModelError):
    """The requests or tokens that were granted are used up; ``replies`` holds what was made with them."""


class ContextOverflowError(SkgensynthError, ValueError):
    """A prompt and its reply do not fit into the model's context; the message gives the numbers of tokens."""


class PromptError(SkgensynthError, ValueError):
    """A prompt cannot be made; the message names the placeholder or the parameter."""


class GrammarError(SkgensynthError, ValueError):
    """A grammar or a JSON schema for a reply cannot be read, or nothing can be written under it."""


class RemoteRowsError(SkgensynthError, ValueError):
    """Real rows would be sent to another machine, which was not allowed."""


class PersistenceError(SkgensynthError, ValueError):
    """A model cannot be written without pickle, or its files cannot be used; the message says which part."""


class TrainingRowsUnavailableError(SkgensynthError, ValueError):
    """The training rows are needed but were not kept, as in an estimator that was loaded or unpickled."""


class SkgensynthWarning(UserWarning):
    """Base of every warning that skgensynth gives."""


class IdentifierWarning(SkgensynthWarning):
    """Columns look like identifiers or free text and are not learned; the message names them."""


class InterruptedTrainingWarning(SkgensynthWarning):
    """Training was interrupted; the best state so far is kept."""


class PromptWarning(SkgensynthWarning):
    """A prompt was shortened to fit into the model's context, or a model's rows are not what they should be.

    The message says what was left out, or what is wrong with the rows and what helps.
    """


class ConstraintWarning(SkgensynthWarning):
    """Constraints were not looked for everywhere, or the table breaks one that was given; the message says which."""
