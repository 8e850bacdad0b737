"""Language models behind one door: files and servers that answer requests, with seeds, constraints and budgets."""

from skgensynth.llm.base import (
    Constraint,
    JsonSchema,
    LanguageModel,
    LarkGrammar,
    Message,
    Reply,
    Request,
    SamplingSettings,
    check_may_leave,
    generate_all,
)
from skgensynth.llm.callables import CallableModel
from skgensynth.llm.catalog import CATALOG, CatalogEntry
from skgensynth.llm.hf import TransformersModel
from skgensynth.llm.llama_cpp import LlamaCppModel
from skgensynth.llm.reply_cache import Cached
from skgensynth.llm.resolving import resolve
from skgensynth.llm.server import ServerModel
from skgensynth.llm.shared import release_models
from skgensynth.llm.usage import Budget, Metered, Usage

__all__ = [
    "CATALOG",
    "Budget",
    "Cached",
    "CallableModel",
    "CatalogEntry",
    "Constraint",
    "JsonSchema",
    "LanguageModel",
    "LarkGrammar",
    "LlamaCppModel",
    "Message",
    "Metered",
    "Reply",
    "Request",
    "SamplingSettings",
    "ServerModel",
    "TransformersModel",
    "Usage",
    "check_may_leave",
    "generate_all",
    "release_models",
    "resolve",
]
