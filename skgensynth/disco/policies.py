"""What a language model of rows has to be able to do, and which one a name stands for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from skgensynth.conditions import Conditions
from skgensynth.exceptions import ModelNotFoundError, PersistenceError
from skgensynth.laws import Laws
from skgensynth.schema import TableSchema

__all__ = ["COMPACT", "Policy", "make_policy", "policy_class", "read_weights"]

COMPACT = "compact"


class Policy(Protocol):
    """Probability distribution over encoded rows; see `CompactPolicy` and `PretrainedPolicy`."""

    history_: list[dict[str, Any]]
    interrupted_: bool

    def fit(
        self, values: NDArray[np.float64], schema: TableSchema, *, rng: np.random.Generator, verbose: int = 0
    ) -> Policy:
        """Learn the rows."""

    def log_prob(self, values: NDArray[np.float64], rng: np.random.Generator | None = None) -> NDArray[np.float64]:
        """Natural logarithm of the probability of rows."""

    def sample(self, n: int, conditions: Conditions, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw rows that satisfy the schema and the conditions."""

    def obey(self, laws: Laws, rng: np.random.Generator | None = None) -> None:
        """Draw rows that keep the laws, as far as the policy can; fit to them what depends on them."""

    def save(self, folder: str | Path) -> dict[str, Any]:
        """Write the weights to a folder; give back the rest as JSON values."""

    @classmethod
    def load(cls, folder: str | Path, state: Mapping[str, Any], schema: TableSchema) -> Self:
        """Undo `save`."""


def read_weights(folder: str | Path, name: str) -> dict[str, NDArray[Any]]:
    """Arrays of a safetensors file of a saved policy.

    Parameters
    ----------
    folder : str or Path
        Folder that `Policy.save` wrote to.
    name : str
        Name of the file.

    Returns
    -------
    dict of str to ndarray
        Arrays by name.

    Raises
    ------
    ModelNotFoundError
        If the file is not there.
    PersistenceError
        If it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = Path(folder) / name
    if not path.is_file():
        raise ModelNotFoundError(f"The folder {str(folder)!r} has no {name}; save the synthesizer again.")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise PersistenceError(f"{path} is damaged ({error}): save the synthesizer again.") from error


def policy_class(policy: str | Path) -> Any:
    """Class that a user's choice stands for; torch is imported here, not before."""
    if policy == COMPACT:
        from skgensynth.disco.compact import CompactPolicy

        return CompactPolicy
    from skgensynth.disco.pretrained import PretrainedPolicy

    return PretrainedPolicy


def make_policy(policy: str | Path, parameters: Mapping[str, Any]) -> Policy:
    """Make an untrained policy.

    Parameters
    ----------
    policy : str or Path
        ``"compact"``, or a model for `PretrainedPolicy`.
    parameters : mapping
        Parameters of the policy; those that are None keep its defaults.

    Returns
    -------
    Policy
        The policy.

    Raises
    ------
    ValueError
        If the policy has no such parameter; names it and those there are.
    """
    cls = policy_class(policy)
    known = [name for name in inspect.signature(cls).parameters if name != "model"]
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise ValueError(
            f"policy_params names {', '.join(map(repr, unknown))}, which {cls.__name__} does not have; "
            f"it has {', '.join(known)}"
        )
    chosen = {name: value for name, value in parameters.items() if value is not None}
    return cls(**chosen) if policy == COMPACT else cls(policy, **chosen)
