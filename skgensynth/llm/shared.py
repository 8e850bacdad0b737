"""Loaded models and connections, one for all the copies of a description; copied and pickled with none of them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

__all__ = ["release_models", "shared"]

T = TypeVar("T")

MAX_LOADED = 2

_loaded: OrderedDict[Hashable, Any] = OrderedDict()
_guards: dict[Hashable, threading.Lock] = {}
_guard = threading.Lock()


def shared(key: Hashable, load: Callable[[], T]) -> T:
    """What ``load`` returned for this key, loaded once and kept until others were used later.

    Parameters
    ----------
    key : hashable
        The description: a backend itself.
    load : callable
        Called without arguments when nothing is there; threads that ask meanwhile wait for it.

    Returns
    -------
    object
        The same one for the same key in the same process.
    """
    key = (os.getpid(), key)  # threads and connections do not survive a fork
    with _guard:
        guard = _guards.setdefault(key, threading.Lock())
    with guard:
        with _guard:
            if key in _loaded:
                _loaded.move_to_end(key)
                return _loaded[key]
        value = load()
        with _guard:
            _loaded[key] = value
            while len(_loaded) > MAX_LOADED:
                # Whoever still works with it keeps it alive until done.
                dropped, _ = _loaded.popitem(last=False)
                _guards.pop(dropped, None)
        return value


def release_models() -> None:
    """Forget every loaded model, so that its memory is free once nobody works with it; it is loaded again when needed.

    Examples
    --------
    >>> from skgensynth.llm import release_models
    >>> release_models()
    """
    with _guard:
        _loaded.clear()
        _guards.clear()
