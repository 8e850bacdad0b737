"""scikit-learn-compatible estimators that learn a table and generate new rows with language models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skgensynth._version import __version__

if TYPE_CHECKING:
    from skgensynth.augment import AugmentedClassifier, AugmentedRegressor
    from skgensynth.base import BaseSynthesizer
    from skgensynth.comparison.running import compare
    from skgensynth.disco.synthesizer import DiscoTabSynthesizer
    from skgensynth.mallm.synthesizer import MallmGanSynthesizer
    from skgensynth.metrics.scorers import (
        make_privacy_scorer,
        make_utility_scorer,
        score_fidelity,
        score_privacy,
        score_utility,
    )
    from skgensynth.report.evaluation import evaluate
    from skgensynth.synllm.synthesizer import SynLLMSynthesizer

__all__ = [
    "AugmentedClassifier",
    "AugmentedRegressor",
    "BaseSynthesizer",
    "DiscoTabSynthesizer",
    "MallmGanSynthesizer",
    "SynLLMSynthesizer",
    "__version__",
    "compare",
    "evaluate",
    "make_privacy_scorer",
    "make_utility_scorer",
    "score_fidelity",
    "score_privacy",
    "score_utility",
]

# Resolved on first use (PEP 562), so that importing the package costs nothing that its user does not need.
_HOMES = {
    "AugmentedClassifier": "skgensynth.augment",
    "AugmentedRegressor": "skgensynth.augment",
    "BaseSynthesizer": "skgensynth.base",
    "DiscoTabSynthesizer": "skgensynth.disco.synthesizer",
    "MallmGanSynthesizer": "skgensynth.mallm.synthesizer",
    "SynLLMSynthesizer": "skgensynth.synllm.synthesizer",
    "compare": "skgensynth.comparison.running",
    "evaluate": "skgensynth.report.evaluation",
    "make_privacy_scorer": "skgensynth.metrics.scorers",
    "make_utility_scorer": "skgensynth.metrics.scorers",
    "score_fidelity": "skgensynth.metrics.scorers",
    "score_privacy": "skgensynth.metrics.scorers",
    "score_utility": "skgensynth.metrics.scorers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
