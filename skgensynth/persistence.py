"""Fitted synthesizers in a folder: one JSON file and the model's own safetensors files, no pickle, no training rows."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skgensynth._version import __version__
from skgensynth.constraints import Constraint, ConstraintSet
from skgensynth.exceptions import ConstraintError, ModelNotFoundError, PersistenceError, SkgensynthError
from skgensynth.jsonable import value_from_json, value_to_json
from skgensynth.schema import TableSchema

if TYPE_CHECKING:
    from skgensynth.base import BaseSynthesizer

    Synthesizer = TypeVar("Synthesizer", bound=BaseSynthesizer)

__all__ = ["load_synthesizer", "save_synthesizer"]

_FILE = "model.json"
_FORMAT = 3
_PAIRS, _TUPLE = "pairs", "tuple"
# Objects that describe themselves by `to_dict`, by the names that they have in the file.
_OBJECTS: dict[str, type[Constraint] | type[ConstraintSet]] = {"constraint": Constraint, "constraints": ConstraintSet}


def save_synthesizer(synthesizer: BaseSynthesizer, folder: str | Path) -> None:
    """Write a fitted synthesizer to a folder; see `BaseSynthesizer.save`."""
    check_is_fitted(synthesizer)
    params = {name: _to_json(value, name) for name, value in synthesizer.get_params(deep=False).items()}
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise PersistenceError(f"{folder} cannot be used as a folder: there is a file of that name.") from error
    # What is there stays whole until all is written, and a folder whose saving was interrupted never looks complete.
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as draft:
        document = {
            "format": _FORMAT,
            "skgensynth": __version__,
            "class": type(synthesizer).__name__,
            "params": params,
            "schema": synthesizer.schema_.to_dict(),
            "n_features_in": synthesizer.n_features_in_,
            "feature_names_in": list(getattr(synthesizer, "feature_names_in_", ())),
            "state": synthesizer._save_model(Path(draft)),
        }
        weights = [path.name for path in Path(draft).iterdir()]
        Path(draft, _FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")
        (folder / _FILE).unlink(missing_ok=True)
        for name in (*weights, _FILE):
            os.replace(Path(draft, name), folder / name)


def load_synthesizer(cls: type[Synthesizer], folder: str | Path) -> Synthesizer:
    """Read a synthesizer back from a folder; see `BaseSynthesizer.load`."""
    folder = Path(folder)
    document = _read(folder)
    known = {known_cls.__name__: known_cls for known_cls in _with_subclasses(cls)}
    if document["class"] not in known:
        raise PersistenceError(
            f"{folder} holds a {document['class']}: load it with {document['class']}.load, not {cls.__name__}.load."
        )
    try:
        return _rebuild(known[document["class"]], folder, document)
    except ConstraintError as error:
        raise PersistenceError(
            f"{folder / _FILE} was written by skgensynth {document['skgensynth']}, and this is {__version__}: {error}. "
            "Load it with that version, import the module that defines the constraint first, or fit and save again."
        ) from error
    except SkgensynthError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise PersistenceError(
            f"{folder} was written by skgensynth {document['skgensynth']}, and this is {__version__}; it is damaged, "
            f"or the versions do not go together ({type(error).__name__}: {error}): fit and save again."
        ) from error


def _rebuild(cls: type[Synthesizer], folder: Path, document: dict[str, Any]) -> Synthesizer:
    """Make the synthesizer that a document describes."""
    synthesizer = cls(**{name: _from_json(value) for name, value in document["params"].items()})
    synthesizer.schema_ = TableSchema.from_dict(document["schema"])
    synthesizer.n_features_in_ = document["n_features_in"]
    if document["feature_names_in"]:
        synthesizer.feature_names_in_ = np.asarray(document["feature_names_in"], dtype=object)
    synthesizer._load_model(folder, document["state"])
    return synthesizer


def _read(folder: Path) -> dict[str, Any]:
    """Give the folder's JSON document, if it is one of ours."""
    try:
        document = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelNotFoundError(f"{folder} holds no saved synthesizer: there is no {_FILE} in it.") from error
    except ValueError as error:
        raise PersistenceError(f"{folder / _FILE} is damaged: {error}.") from error
    if (
        not isinstance(document, dict)
        or document.get("format") != _FORMAT
        or not {"class", "skgensynth"} <= set(document)
    ):
        raise PersistenceError(
            f"{folder / _FILE} was not written by this version of skgensynth ({__version__}): fit and save again."
        )
    return document


def _with_subclasses(cls: type) -> Iterator[type]:
    """Give a class and everything derived from it so far."""
    yield cls
    derived: type
    for derived in cls.__subclasses__():
        yield from _with_subclasses(derived)


def _to_json(value: Any, name: str) -> Any:
    """Turn a constructor parameter into JSON; `name` is the parameter's, for the error."""
    if isinstance(value, (np.ndarray, pd.Index, pd.Series)):
        value = value.tolist()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, list):
        return [_to_json(item, name) for item in value]
    if type(value) is tuple:
        return {_TUPLE: [_to_json(item, name) for item in value]}
    for kind, cls in _OBJECTS.items():
        if isinstance(value, cls):
            return {kind: _to_json(value.to_dict(), name)}
    if isinstance(value, Mapping):
        # As pairs: JSON's own keys are strings only, and class labels or column names may be numbers.
        return {_PAIRS: [[_to_json(key, name), _to_json(item, name)] for key, item in value.items()]}
    try:
        return value_to_json(value)
    except TypeError as error:
        raise PersistenceError(
            f"The parameter {name!r} holds a {type(value).__name__}, which cannot be saved without pickle: "
            f"replace it with set_params({name}=...) before saving."
        ) from error


def _from_json(value: Any) -> Any:
    """Undo `_to_json`."""
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == _PAIRS:
        return {_from_json(key): _from_json(item) for key, item in content}
    if kind == _TUPLE:
        return tuple(_from_json(item) for item in content)
    if kind in _OBJECTS:
        return _OBJECTS[kind].from_dict(_from_json(content))
    return value_from_json(value)
