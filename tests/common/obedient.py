"""A stand-in for a language model that knows nothing: it writes at random what its grammar allows."""

from __future__ import annotations

import numpy as np

from skgensynth.llm import LarkGrammar, Reply


class Obedient:
    """Draws byte by byte, each that may follow as likely as any other; keeps the requests that it is asked."""

    name, is_local, context_length = "obedient", True, None
    supports = frozenset({LarkGrammar})

    def __init__(self):
        self.requests = []

    def count_tokens(self, text):
        return len(text)

    def generate(self, requests):
        for index, request in enumerate(requests):
            self.requests.append(request)
            text = write(request.constraint.text, np.random.default_rng(request.seed))
            yield index, Reply(text, "stop", 1, len(text), constrained=True)

    def __deepcopy__(self, memo):
        return self


def write(grammar, rng):
    """A random text of a grammar, by llguidance with a token for each byte."""
    from llguidance import LLMatcher, LLTokenizer

    matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(grammar), log_level=0)
    out = bytearray()
    while not matcher.is_stopped():
        allowed = np.flatnonzero(np.frombuffer(matcher.compute_logit_bias(), dtype=np.uint8))
        token = int(rng.choice(allowed))
        if token > 255:  # the end
            break
        out.append(token)
        matcher.consume_token(token)
    return out.decode()
