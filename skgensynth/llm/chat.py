"""Messages as prompts: chat templates, plain text for models without one, and texts that cannot pose as markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from skgensynth.exceptions import LanguageModelError
from skgensynth.llm.base import Message

__all__ = ["disarm", "merge_system", "plain_prompt", "render"]

Template: TypeAlias = Callable[[list[dict[str, str]]], str]

# What the common chat templates put between turns; a model's own special tokens are added to these.
_MARKERS = re.compile(r"<\|[^|<>\s]{1,40}\|>|</?s>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>")
_INVISIBLE = "\u200b"  # a space of no width


def disarm(text: str, special: Collection[str] = ()) -> str:
    """The text with a space of no width inside everything that a chat template or a tokenizer takes for a marker.

    A cell that holds ``"<|im_end|>"`` thereby stays data and does not end its message.
    """

    def split(found: str) -> str:
        return found[0] + _INVISIBLE + found[1:]

    text = _MARKERS.sub(lambda match: split(match[0]), text)
    for marker in special:
        if len(marker) > 1 and marker in text:
            text = text.replace(marker, split(marker))
    return text


def render(messages: Sequence[Message], template: Template | None, special: Collection[str]) -> str:
    """The prompt for a conversation: the model's chat template if it has one, else the messages one after another."""
    messages = [Message(message.role, disarm(message.content, special)) for message in messages]
    if template is None:
        return plain_prompt(messages)
    forms = [messages, merge_system(messages)] if messages[0].role == "system" else [messages]
    for form in forms:
        try:
            return template(_as_dicts(form))
        except MemoryError:
            raise
        # A template is a program that comes with the model, and may raise anything for a role that it does not know.
        except Exception as error:
            reason = error
    raise LanguageModelError(
        f"The model's chat template cannot render a conversation of {', '.join(m.role for m in messages)} ({reason}). "
        "Many templates want the user and the assistant to take turns, the user first."
    ) from reason


def plain_prompt(messages: Sequence[Message]) -> str:
    """The contents of the messages, a blank line between them and a line's end after the last."""
    return "\n\n".join(message.content for message in messages) + "\n"


def merge_system(messages: Sequence[Message]) -> list[Message]:
    """The conversation with a leading system message at the head of the user's, for templates without that role."""
    if messages[0].role != "system":
        return list(messages)
    if len(messages) == 1 or messages[1].role != "user":
        return [Message("user", messages[0].content), *messages[1:]]
    return [Message("user", f"{messages[0].content}\n\n{messages[1].content}"), *messages[2:]]


def _as_dicts(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
