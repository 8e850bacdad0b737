"""Models around a model."""

from __future__ import annotations

from skgensynth.llm.base import LanguageModel

__all__ = ["Wrapper"]


class Wrapper:
    """What a model around another passes on; subclasses add ``generate``.

    Parameters
    ----------
    model : LanguageModel
        The other model.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def is_local(self) -> bool:
        """Whether the model's prompts stay on this machine."""
        return self.model.is_local

    @property
    def context_length(self) -> int | None:
        """The model's context."""
        return self.model.context_length

    @property
    def supports(self) -> frozenset[type]:
        """The model's constraints."""
        return self.model.supports

    @property
    def shares_prompts(self) -> bool:
        """Whether the model reads a prompt that requests share only once."""
        return bool(getattr(self.model, "shares_prompts", False))

    @property
    def estimates_tokens(self) -> bool:
        """Whether the model only estimates how many tokens a text has."""
        return bool(getattr(self.model, "estimates_tokens", False))

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, by the model."""
        return self.model.count_tokens(text)
