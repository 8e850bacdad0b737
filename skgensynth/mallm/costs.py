"""What a search and a draw will cost, worked out before anything is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skgensynth.exceptions import ContextOverflowError
from skgensynth.llm import LanguageModel, Message, Usage
from skgensynth.mallm.generator import RowGenerator
from skgensynth.mallm.loop import ASKED_AGAIN
from skgensynth.mallm.optimizer import ProcessOptimizer, ScoredProcess
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.mallm.replies import USUAL_INSTRUCTION

__all__ = ["CostEstimate", "estimate_draw", "estimate_search"]

MESSAGE_TOKENS = 5  # of a chat template, around each message
N_MEASURED = 20  # requests whose lengths stand for those of all


@dataclass(frozen=True)
class CostEstimate:
    """What a synthesizer is expected to ask and to be answered.

    Attributes
    ----------
    fit : Usage
        Requests and tokens of `fit`.
    request : Usage
        One request for rows.
    n_examples : int
        Rows that a request asks for.
    """

    fit: Usage
    request: Usage
    n_examples: int

    def sample(self, n_rows: int) -> Usage:
        """Requests and tokens of a draw, where all rows are good.

        Parameters
        ----------
        n_rows : int
            Rows of the draw.

        Returns
        -------
        Usage
        """
        return _times(self.request, math.ceil(n_rows / self.n_examples))


def estimate_draw(generator: RowGenerator, values: np.ndarray) -> CostEstimate:
    """Estimate what rows cost without a search.

    Parameters
    ----------
    generator : RowGenerator
        Makes the rows.
    values : ndarray of shape (n_rows, n_modelled)
        Encoded training rows.

    Returns
    -------
    CostEstimate
        Replies are taken to be as long as the rows that are shown, and to take nothing back.
    """
    n = generator.n_examples
    starts = np.linspace(0, max(len(values) - n, 0), N_MEASURED).astype(np.intp)
    model, form = generator.asker.model, generator.asker.form
    read, written = [], []
    for start in np.unique(starts):
        chunk = values[start : start + n]
        read.append(_prompt_tokens(model, generator.messages(chunk)))
        written.append(model.count_tokens(form.write(chunk)))
    return CostEstimate(Usage(), Usage(1, round(float(np.mean(read))), round(float(np.mean(written)))), n)


def estimate_search(
    draw: CostEstimate,
    optimizer: ProcessOptimizer,
    start: DataGenerationProcess,
    batch_sizes: list[int],
    n_folds: int,
    n_pairs: int,
) -> CostEstimate:
    """Estimate what a search costs.

    Parameters
    ----------
    draw : CostEstimate
        What rows cost.
    optimizer : ProcessOptimizer
        Proposes processes.
    start : DataGenerationProcess
        The process that the search begins with.
    batch_sizes : list of int
        Training rows of each iteration.
    n_folds : int
        Folds of the training rows; no request shows rows of two.
    n_pairs : int
        Processes that the optimizer sees.

    Returns
    -------
    CostEstimate
        Half of the rows that may be asked for again are; and proposed processes are as long as the first one, with an
        instruction of 200 characters.
    """

    def n_requests(size: int) -> int:
        parts = np.diff(np.linspace(0, size, n_folds + 1).astype(np.intp))
        return sum(math.ceil(part / draw.n_examples) for part in parts)

    again = [max(1, int(ASKED_AGAIN * size)) for size in batch_sizes]
    n_asked = sum(map(n_requests, batch_sizes)) + round(sum(math.ceil(n / draw.n_examples) for n in again) / 2)
    # The last request of a fold shows fewer rows than the others, and is answered by as many.
    written = (sum(batch_sizes) + sum(again) / 2) / draw.n_examples * draw.request.n_completion_tokens
    model = optimizer.model
    instruction = "x " * (USUAL_INSTRUCTION // 2)
    proposed = start.with_(start.graph, instruction)
    usage = Usage(n_asked, n_asked * draw.request.n_prompt_tokens, round(written))
    reply = model.count_tokens(proposed.searched_text())
    max_tokens = optimizer.max_tokens(start.graph.nodes)
    for number in range(1, len(batch_sizes)):
        pairs = [ScoredProcess(proposed, 0.5)] * (min(number, n_pairs) - 1) + [ScoredProcess(start, 0.5)]
        try:
            prompt = optimizer.messages(start, pairs, max_tokens)
        except ContextOverflowError:  # then the optimizer is not asked
            continue
        usage += Usage(1, _prompt_tokens(model, prompt), reply)
    return CostEstimate(usage, draw.request, draw.n_examples)


def _prompt_tokens(model: LanguageModel, messages: tuple[Message, ...]) -> int:
    return sum(model.count_tokens(message.content) + MESSAGE_TOKENS for message in messages)


def _times(usage: Usage, n: int) -> Usage:
    return Usage(n * usage.n_requests, n * usage.n_prompt_tokens, n * usage.n_completion_tokens)
