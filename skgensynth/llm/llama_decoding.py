"""Many replies decoded together with llama.cpp: each with its own seed, settings and constraint."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from skgensynth.llm.drafts import Draft
from skgensynth.llm.llama_runtime import Context

__all__ = ["decode_drafts"]


def decode_drafts(context: Context, drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Write replies, as many at a time as the context holds, and yield each when it is finished."""
    weights = context.weights
    waiting = deque(drafts)
    active: dict[int, Draft] = {}
    while waiting or active:
        for sequence in range(context.n_parallel):
            while waiting and sequence not in active:
                draft = waiting.popleft()
                draft.advance(weights, context.start(sequence, draft.prompt))
                if draft.finish_reason is None:
                    active[sequence] = draft
                else:
                    context.finish(sequence)
                    yield draft
        if active:
            _close_gaps(context, active)
            _step(context, active)
        for sequence in [s for s, draft in active.items() if draft.finish_reason is not None]:
            context.finish(sequence)
            yield active.pop(sequence)


def _close_gaps(context: Context, active: dict[int, Draft]) -> None:
    """Let the drafts have the first sequences: llama.cpp decodes only neighbours together."""
    for sequence in range(len(active)):
        if sequence not in active:
            last = max(active)
            context.move(last, sequence)
            active[sequence] = active.pop(last)


def _step(context: Context, active: dict[int, Draft]) -> None:
    """Decode the next pending token of each draft; draw where a draft has none left."""
    entries, drafts = [], [active[sequence] for sequence in range(len(active))]
    for sequence, draft in enumerate(drafts):
        entries.append((draft.pending.pop(0), draft.n_decoded, sequence, not draft.pending))
        draft.n_decoded += 1
    logits = iter(context.step(entries))
    lost = []
    for sequence, draft in enumerate(drafts):
        if not draft.pending:
            decoded = draft.n_decoded
            draft.advance(context.weights, next(logits))
            if draft.n_decoded < decoded and not context.go_back(sequence, draft.n_decoded):
                lost.append((sequence, draft))
    for sequence, draft in lost:  # now that no logits are wanted any more
        context.start(sequence, draft.prompt)
        draft.repeat()
