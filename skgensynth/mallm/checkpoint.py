"""A search's state in a folder, so that it can go on later."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skgensynth.exceptions import PersistenceError
from skgensynth.mallm.discriminators import Discriminator
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.mallm.trajectory import Iteration

__all__ = ["Checkpoint", "State"]

_FILE = "search.json"
_FORMAT = 2
_LEARNED = "discriminator."  # what arrays of the discriminator begin with


@dataclass
class State:
    """Where a search stands.

    Attributes
    ----------
    start : DataGenerationProcess
        The process that the search begins with.
    seed : int
        Of all that is random.
    iterations : list of Iteration
        What was tried. Adjusted scores are worked out at the end.
    made : list of ndarray of shape (n_rows, n_modelled)
        Good rows of each iteration.
    folds : list of ndarray of shape (n_rows,), int
        Fold of the training rows that each of them was made from.
    proposed : DataGenerationProcess or None
        What comes next, once the optimizer has been asked.
    notes : tuple of str
        About the optimizer's reply.
    """

    start: DataGenerationProcess
    seed: int
    iterations: list[Iteration] = field(default_factory=list)
    made: list[np.ndarray] = field(default_factory=list)
    folds: list[np.ndarray] = field(default_factory=list)
    proposed: DataGenerationProcess | None = None
    notes: tuple[str, ...] = ()


class Checkpoint:
    """Keeps the state of a search in a folder of its own: JSON and safetensors, no pickle and no training rows.

    Parameters
    ----------
    folder : str or Path
        Where searches are kept; made if it does not exist.
    described : dict
        Everything that decides about the search, as JSON values. Another search gets another folder inside.
    values : ndarray
        The training rows; a hash of them is kept, so that a search goes on only with the same rows.

    Raises
    ------
    PersistenceError
        If there can be no such folder.
    """

    def __init__(self, folder: str | os.PathLike[str], described: dict[str, Any], values: np.ndarray) -> None:
        digest = hashlib.sha256(json.dumps(described, sort_keys=True, default=repr).encode())
        digest.update(np.ascontiguousarray(values).tobytes())
        self._n_columns = values.shape[1]
        self.folder = Path(folder).expanduser() / digest.hexdigest()[:16]
        # Now, and not when the first rows have been paid for.
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PersistenceError(
                f"checkpoint={str(folder)!r} cannot be used as a folder ({error}): give another one."
            ) from error

    def save(self, state: State, discriminator: Discriminator) -> None:
        """Write the state, in place of an earlier one.

        Parameters
        ----------
        state : State
            Of the search.
        discriminator : Discriminator
            As it is now.
        """
        from safetensors.numpy import save_file

        number = 2 * len(state.iterations) + (state.proposed is not None)
        arrays = {f"{_LEARNED}{name}": np.asarray(part) for name, part in discriminator.get_state().items()}
        # Of no rows at all there is nothing to write.
        for name, parts in (("rows", state.made), ("folds", state.folds)):
            arrays |= {f"{name}.{i}": part for i, part in enumerate(parts) if len(part)}
        save_file({name: np.asarray(part, order="C") for name, part in arrays.items()}, self._arrays(number))
        document = {
            "format": _FORMAT,
            "number": number,
            "seed": state.seed,
            "start": state.start.to_dict(),
            "iterations": [iteration.to_dict() for iteration in state.iterations],
            "proposed": None if state.proposed is None else state.proposed.to_dict(),
            "notes": list(state.notes),
        }
        # Written last and in one step: a state is there whole or not at all.
        draft = self.folder / (_FILE + ".part")
        draft.write_text(json.dumps(document, indent=1), encoding="utf-8")
        os.replace(draft, self.folder / _FILE)
        for path in self.folder.glob("*.safetensors"):
            if path != self._arrays(number):
                path.unlink(missing_ok=True)

    def load(self, discriminator: Discriminator) -> State | None:
        """Read the state, if there is one.

        Parameters
        ----------
        discriminator : Discriminator
            Is put in its state, and gets its seed.

        Returns
        -------
        State or None
            None where the search has not begun.

        Raises
        ------
        PersistenceError
            If the files are damaged or of another version.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self.folder / _FILE
        if not path.is_file():
            return None
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != _FORMAT:
                raise ValueError(f"format {document['format']}")
            arrays = load_file(self._arrays(document["number"]))
            learned = {name: part for name, part in arrays.items() if name.startswith(_LEARNED)}
            discriminator.set_state({name.removeprefix(_LEARNED): part for name, part in learned.items()})
            iterations = [Iteration.from_dict(part) for part in document["iterations"]]
            made = [arrays.get(f"rows.{i}", np.empty((0, self._n_columns))) for i in range(len(iterations))]
            folds = [arrays.get(f"folds.{i}", np.empty(0, dtype=np.intp)) for i in range(len(iterations))]
            start = DataGenerationProcess.from_dict(document["start"])
            proposed = document["proposed"]
            proposed = None if proposed is None else DataGenerationProcess.from_dict(proposed)
            state = State(start, int(document["seed"]), iterations, made, folds, proposed, tuple(document["notes"]))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise PersistenceError(
                f"{self.folder} holds a search that cannot be read ({error}): delete the folder to start anew."
            ) from error
        discriminator.seed = state.seed
        return state

    def _arrays(self, number: int) -> Path:
        return self.folder / f"arrays-{number}.safetensors"
