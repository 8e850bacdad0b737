"""From what a user calls a language model to the model."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skgensynth.exceptions import ModelNotFoundError
from skgensynth.llm.base import LanguageModel
from skgensynth.llm.callables import CallableModel
from skgensynth.llm.catalog import CATALOG, CatalogEntry, find_entry
from skgensynth.llm.hf import TransformersModel
from skgensynth.llm.llama_cpp import LlamaCppModel
from skgensynth.llm.loading import PACKAGED_MODELS, find_cached, find_gguf
from skgensynth.llm.server import ServerModel

__all__ = ["resolve"]

_MEMBERS = ("name", "is_local", "supports", "count_tokens", "generate")  # context_length may be None


def resolve(llm: Any, **options: Any) -> LanguageModel:
    """Find the language model that a user means; nothing is loaded, sent or downloaded yet.

    Parameters
    ----------
    llm : str, Path, LanguageModel or callable
        A name of the catalogue (``"zephyr-7b-beta"``) or of a model in the local Hugging Face cache
        (``"Qwen/Qwen2-7B-Instruct"``), a GGUF file, a folder, a server with its model
        (``"http://localhost:8000/v1#qwen2"``), a backend, or a function from `Request` to text.
    **options
        Parameters of the backend: see `LlamaCppModel`, `TransformersModel`, `ServerModel` and `CallableModel`.

    Returns
    -------
    LanguageModel
        A backend; a GGUF file of a model is preferred to its original weights.

    Raises
    ------
    ModelNotFoundError
        If no such model is on this machine; says how to get it.
    TypeError
        If the backend does not have an option, or ``llm`` is none of the above.

    Examples
    --------
    >>> from skgensynth.llm import resolve
    >>> resolve("smollm2-135m", n_threads=2).name
    'smollm2-135m'
    >>> resolve("http://localhost:8000/v1#qwen2").is_local
    True
    """
    if isinstance(llm, (str, os.PathLike)):
        backend, where = _locate(os.fspath(llm))
        return backend(*where, **options)
    if hasattr(llm, "generate"):
        # Looked up without asking: a property may load the model.
        lacking = [name for name in _MEMBERS if inspect.getattr_static(llm, name, None) is None]
        if lacking:
            raise TypeError(
                f"{type(llm).__name__} generates, but is no backend: it lacks {', '.join(lacking)}. A model of "
                "transformers is given by its folder or name."
            )
        if options:
            raise TypeError(f"{', '.join(options)}: options of a backend are given when it is made.")
        return llm
    if callable(llm):
        return CallableModel(llm, **options)
    raise TypeError(
        f"llm={llm!r} is no language model; give a name, a file, a folder, an address, a backend or a function."
    )


def _locate(llm: str) -> tuple[Callable[..., LanguageModel], tuple[str, ...]]:
    """The backend of a model given as text, and its first arguments."""
    if llm.startswith(("http://", "https://")):
        base_url, _, model = llm.partition("#")
        return ServerModel, (base_url, model)
    if llm in PACKAGED_MODELS or llm.endswith(".gguf"):
        find_gguf(llm)
        return LlamaCppModel, (llm,)
    path = Path(llm).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.is_absolute() or llm.startswith((".", "~")):
        raise ModelNotFoundError(f"There is no folder at {llm!r}; give a folder, a .gguf file or a model's name.")
    entry = find_entry(llm)
    for repository in [llm] if entry is None else [entry.gguf_repository, entry.repository]:
        cached = None if repository is None else find_cached(repository)
        if cached is not None:
            return _in_folder(cached, repository)
    raise ModelNotFoundError(_how_to_get(llm, entry))


def _in_folder(folder: Path, repository: str | None = None) -> tuple[Callable[..., LanguageModel], tuple[str, ...]]:
    """The backend for a folder: of transformers, or with GGUF files."""
    if (folder / "config.json").is_file() and next(folder.glob("*.safetensors"), None) is not None:
        return TransformersModel, (repository or str(folder),)
    files = [file for file in sorted(folder.glob("*.gguf")) if "mmproj" not in file.name.lower()]
    # Of a model in several parts, llama.cpp is given the first.
    files = [file for file in files if "-of-" not in file.name or "-00001-of-" in file.name]
    preferred = [file for file in files if "q4_k_m" in file.name.lower()] or files
    if len(preferred) > 1:
        names = ", ".join(file.name for file in preferred)
        raise ModelNotFoundError(f"The folder {str(folder)!r} holds several models ({names}); give one of these files.")
    if preferred:
        return LlamaCppModel, (str(preferred[0]),)
    return TransformersModel, (repository or str(folder),)


def _how_to_get(llm: str, entry: CatalogEntry | None) -> str:
    """What to do about a model that is not here."""
    here = f"The model {llm!r} is not on this machine, and nothing is downloaded without being asked."
    if entry is None:
        return (
            f"{here} Fetch it with `hf download {llm}`, or give a folder, a .gguf file, a server's address, or a name "
            f"of the catalogue: {', '.join(CATALOG)}."
        )
    original = f"`hf download {entry.repository}` fetches its original weights (for transformers)"
    if entry.gguf_repository is None:
        return f"{here} {original}; a .gguf file or a server's address will do, too."
    return (
        f"{here} `hf download {entry.gguf_repository} --include '*[Qq]4_[Kk]_[Mm]*'` fetches a 4-bit GGUF file (for "
        f"llama.cpp), {original}."
    )
