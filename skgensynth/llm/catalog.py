"""Models by a short name: those of the paper on SynLLM, and the one that comes with a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CATALOG", "CatalogEntry", "find_entry"]


@dataclass(frozen=True)
class CatalogEntry:
    """What is known about a model before it is on this machine.

    Attributes
    ----------
    name : str
        The short name.
    repository : str
        Where its publisher keeps it at Hugging Face.
    n_parameters : float
        Parameters in billions.
    kind : {"base", "instruct", "chat"}
        Continues a text, follows instructions, or holds a conversation.
    licence : str
        The licence's short name; read it before use.
    gguf_repository : str or None
        Where a GGUF file of it is kept; None where none is known.
    """

    name: str
    repository: str
    n_parameters: float
    kind: Literal["base", "instruct", "chat"]
    licence: str
    gguf_repository: str | None = None


_ENTRIES = (
    CatalogEntry("smollm2-135m", "HuggingFaceTB/SmolLM2-135M-Instruct", 0.135, "instruct", "Apache-2.0"),
    CatalogEntry("yi-6b-chat", "01-ai/Yi-6B-Chat", 6.06, "chat", "Apache-2.0"),
    CatalogEntry(
        "nous-hermes-2-yi-34b",
        "NousResearch/Nous-Hermes-2-Yi-34B",
        34.4,
        "chat",
        "Apache-2.0",
        "NousResearch/Nous-Hermes-2-Yi-34B-GGUF",
    ),
    CatalogEntry("zephyr-7b-beta", "HuggingFaceH4/zephyr-7b-beta", 7.24, "chat", "MIT", "TheBloke/zephyr-7B-beta-GGUF"),
    CatalogEntry(
        "nous-hermes-2-mistral-7b-dpo",
        "NousResearch/Nous-Hermes-2-Mistral-7B-DPO",
        7.24,
        "chat",
        "Apache-2.0",
        "NousResearch/Nous-Hermes-2-Mistral-7B-DPO-GGUF",
    ),
    CatalogEntry(
        "mistral-7b-instruct-v0.2",
        "mistralai/Mistral-7B-Instruct-v0.2",
        7.24,
        "instruct",
        "Apache-2.0",
        "TheBloke/Mistral-7B-Instruct-v0.2-GGUF",
    ),
    CatalogEntry(
        "qwen2-7b-instruct",
        "Qwen/Qwen2-7B-Instruct",
        7.62,
        "instruct",
        "Apache-2.0",
        "Qwen/Qwen2-7B-Instruct-GGUF",
    ),
    CatalogEntry("openchat-3.5", "openchat/openchat_3.5", 7.24, "chat", "Apache-2.0", "TheBloke/openchat_3.5-GGUF"),
    CatalogEntry(
        "openchat-3.5-0106",
        "openchat/openchat-3.5-0106",
        7.24,
        "chat",
        "Apache-2.0",
        "TheBloke/openchat-3.5-0106-GGUF",
    ),
    CatalogEntry("gemma-7b-it", "google/gemma-7b-it", 8.54, "instruct", "Gemma"),
    CatalogEntry(
        "internlm2.5-7b-chat",
        "internlm/internlm2_5-7b-chat",
        7.74,
        "chat",
        "InternLM",
        "internlm/internlm2_5-7b-chat-gguf",
    ),
    CatalogEntry("vicuna-13b-v1.5", "lmsys/vicuna-13b-v1.5", 13.0, "chat", "Llama 2", "TheBloke/vicuna-13B-v1.5-GGUF"),
    CatalogEntry(
        "llama-2-7b-chat", "meta-llama/Llama-2-7b-chat-hf", 6.74, "chat", "Llama 2", "TheBloke/Llama-2-7B-Chat-GGUF"
    ),
    CatalogEntry("llama-2-13b", "meta-llama/Llama-2-13b-hf", 13.0, "base", "Llama 2", "TheBloke/Llama-2-13B-GGUF"),
    CatalogEntry(
        "llama-2-13b-chat",
        "meta-llama/Llama-2-13b-chat-hf",
        13.0,
        "chat",
        "Llama 2",
        "TheBloke/Llama-2-13B-chat-GGUF",
    ),
    CatalogEntry(
        "llama-3-8b", "meta-llama/Meta-Llama-3-8B", 8.03, "base", "Llama 3", "QuantFactory/Meta-Llama-3-8B-GGUF"
    ),
    CatalogEntry(
        "llama-3.1-8b-instruct",
        "meta-llama/Llama-3.1-8B-Instruct",
        8.03,
        "instruct",
        "Llama 3.1",
        "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF",
    ),
    CatalogEntry(
        "stablebeluga-7b",
        "stabilityai/StableBeluga-7B",
        6.74,
        "chat",
        "Stable Beluga (non-commercial)",
        "TheBloke/StableBeluga-7B-GGUF",
    ),
    CatalogEntry("gpt2", "openai-community/gpt2", 0.124, "base", "MIT"),
    CatalogEntry("gpt2-medium", "openai-community/gpt2-medium", 0.355, "base", "MIT"),
    CatalogEntry("gpt2-large", "openai-community/gpt2-large", 0.774, "base", "MIT"),
)

CATALOG: dict[str, CatalogEntry] = {entry.name: entry for entry in _ENTRIES}


def find_entry(name: str) -> CatalogEntry | None:
    """The entry of a short name or a repository, whatever its capitals; None where there is none."""
    wanted = name.lower()
    if wanted in CATALOG:
        return CATALOG[wanted]
    return next((entry for entry in _ENTRIES if entry.repository.lower() == wanted), None)
