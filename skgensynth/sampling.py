"""The one loop that gathers exactly ``n`` valid rows from a generator of candidates, and the seeds it runs on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skgensynth.exceptions import LanguageModelError, SamplingError

__all__ = ["CUT_OFF", "REPLY_CUT_OFF", "Candidates", "SamplingSummary", "gather", "make_generator"]


@dataclass(frozen=True)
class Candidates:
    """Candidates of a generator that knows why others came to nothing.

    Attributes
    ----------
    values : ndarray of shape (n_candidates, n_columns)
        Encoded rows.
    reasons : mapping of str to int
        What was made, but is no row, by reason; each counts under one.
    examples : sequence of str
        Some of what is no row.
    stopped : LanguageModelError or None
        Why no more can be made; raised, with the rows so far, unless these are enough.
    origins : ndarray of shape (n_candidates,), int, or None
        Places of the requests that the rows came from; None where there were none.
    """

    values: np.ndarray
    reasons: Mapping[str, int] = field(default_factory=dict)
    examples: Sequence[str] = ()
    stopped: LanguageModelError | None = None
    origins: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values) + sum(self.reasons.values())


RandomState = int | np.random.RandomState | np.random.Generator | None
Generate = Callable[[int, np.random.Generator], np.ndarray | Candidates]
Check = Callable[[np.ndarray], tuple[np.ndarray, Mapping[str, np.ndarray]]]

# Independent streams under one integer seed: what is learned and what is drawn must not share random numbers.
_STREAMS = {"fit": 0, "sample": 1, "resample": 2}
_NOT_PRODUCED = "no row produced"
# What becomes of a reply that ends too early: of the row that was being written, and of those that were to follow.
CUT_OFF = "the row is cut off"
REPLY_CUT_OFF = "the reply was cut off before all of its rows"
_N_EXAMPLES = 5
# A verdict on the yield needs this many expected acceptances at the lowest yield that is still tolerated.
_EXPECTED_BEFORE_VERDICT = 10
# Asking for slightly more than the yield so far predicts saves a last, tiny batch.
_SURPLUS = 1.05


@dataclass(frozen=True)
class SamplingSummary:
    """What it took to gather the rows.

    Attributes
    ----------
    n_candidates : int
        Candidates asked of the generator.
    n_accepted : int
        Candidates that passed the check; may exceed the number of rows returned, as the last batch is cut.
    reasons : Counter
        Rejected candidates by reason; one candidate may count under several reasons.
    """

    n_candidates: int
    n_accepted: int
    reasons: Counter

    @property
    def yield_rate(self) -> float:
        """Share of candidates accepted, in [0, 1]."""
        return self.n_accepted / self.n_candidates if self.n_candidates else 1.0


def make_generator(random_state: RandomState, stream: str = "sample") -> np.random.Generator:
    """Turn what scikit-learn's users pass as ``random_state`` into a generator of its own.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        An int gives the same generator at every call; a ``RandomState`` is advanced; a ``Generator`` is returned as
        it is; None draws fresh entropy from the operating system.
    stream : {"fit", "sample", "resample"}, default="sample"
        Which independent stream of an integer seed to use.

    Returns
    -------
    numpy.random.Generator
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(0, 2**32, size=4, dtype=np.uint32))
    return np.random.default_rng(np.random.SeedSequence(int(random_state), spawn_key=(_STREAMS[stream],)))


def gather(
    generate: Generate,
    n_samples: int,
    *,
    rng: np.random.Generator,
    check: Check | None = None,
    batch_size: int = 4096,
    max_candidates_per_row: int = 100,
    progress: bool = False,
    desc: str = "sampling",
) -> tuple[np.ndarray, SamplingSummary]:
    """Gather exactly ``n_samples`` rows that pass a check, or raise an error that carries the rows already made.

    Candidates come in batches, each with a seed of its own spawned from ``rng``, so that the rows do not depend on
    who computes a batch. The work is bounded by the yield: as soon as fewer than one candidate in
    ``max_candidates_per_row`` has been accepted (judged after ``10 * max_candidates_per_row`` candidates, so that
    bad luck is not taken for a bad generator), the loop gives up.

    Parameters
    ----------
    generate : callable ``(n, rng) -> ndarray of shape (about n, n_columns) or Candidates``
        Makes candidates. Fewer than ``n`` are allowed; the missing ones count as rejected.
    n_samples : int
        Rows to gather.
    rng : numpy.random.Generator
        Source of the batches' seeds.
    check : callable ``(candidates) -> (ok, reasons)``, default=None
        ``ok`` is a boolean array with one entry per candidate; ``reasons`` maps a readable reason to the boolean
        array of the candidates it rejects. None accepts everything.
    batch_size : int, default=4096
        Most candidates asked for at once.
    max_candidates_per_row : int, default=100
        The lowest yield tolerated, as candidates per accepted row.
    progress : bool, default=False
        Show a bar with rows per second on standard error.
    desc : str, default="sampling"
        Label of the bar.

    Returns
    -------
    values : ndarray of shape (n_samples, n_columns)
    summary : SamplingSummary

    Raises
    ------
    SamplingError
        If the yield falls below the bound.
    LanguageModelError
        If the generator was stopped before there were enough rows; ``partial`` holds those accepted until then.
    """
    accepted: list[np.ndarray] = []
    reasons: Counter = Counter()
    examples: list[Any] = []
    n_candidates = n_accepted = 0
    with _progress_bar(n_samples, desc, progress) as bar:
        while n_accepted < n_samples:
            if _hopeless(n_candidates, n_accepted, max_candidates_per_row):
                raise _error(n_samples, n_candidates, accepted, reasons, examples)
            size = _next_size(n_samples - n_accepted, n_candidates, n_accepted, batch_size)
            made = generate(size, rng.spawn(1)[0])
            made = made if isinstance(made, Candidates) else Candidates(made)
            # Of what a stopped generator did not come to, nothing can be said.
            size = len(made) if made.stopped else max(size, len(made))
            ok = _judge(made, size, check, reasons, examples)
            bar.update(min(int(ok.sum()), n_samples - n_accepted))
            n_candidates += size
            n_accepted += int(ok.sum())
            accepted.append(made.values[ok])
            if made.stopped is not None and n_accepted < n_samples:
                made.stopped.partial = np.concatenate(accepted)
                raise made.stopped
    values = np.concatenate(accepted)[:n_samples]
    return values, SamplingSummary(n_candidates, n_accepted, reasons)


def _judge(made: Candidates, size: int, check: Check | None, reasons: Counter, examples: list[Any]) -> np.ndarray:
    """Mask of the good candidates; adds to the reasons and to the examples of rejected rows."""
    candidates = made.values
    reasons.update(made.reasons)
    examples.extend(made.examples[: _N_EXAMPLES - len(examples)])
    if len(made) < size:
        reasons[_NOT_PRODUCED] += size - len(made)
    if check is None:
        return np.ones(len(candidates), dtype=bool)
    ok, rejected = check(candidates)
    for reason, mask in rejected.items():
        if count := int(np.count_nonzero(mask)):
            reasons[reason] += count
    examples.extend(candidates[~ok][: _N_EXAMPLES - len(examples)])
    return ok


def _next_size(remaining: int, n_candidates: int, n_accepted: int, batch_size: int) -> int:
    """Candidates to ask for next, from the yield so far (an optimist's start: every candidate is good)."""
    yield_rate = (n_accepted + 1) / (n_candidates + 1)
    surplus = _SURPLUS if n_candidates > n_accepted else 1.0
    return min(batch_size, math.ceil(surplus * remaining / yield_rate))


def _hopeless(n_candidates: int, n_accepted: int, max_candidates_per_row: int) -> bool:
    """Whether enough candidates were seen to say that the yield is below the bound."""
    enough = n_candidates >= _EXPECTED_BEFORE_VERDICT * max_candidates_per_row
    return enough and n_accepted * max_candidates_per_row < n_candidates


def _error(
    n_samples: int, n_candidates: int, accepted: list[np.ndarray], reasons: Counter, examples: list[Any]
) -> SamplingError:
    """Give the error for a yield below the bound, with everything that a user needs to find the cause."""
    partial = np.concatenate(accepted)
    listed = "; ".join(f"{reason}: {count}" for reason, count in reasons.most_common(5))
    return SamplingError(
        f"Only {len(partial)} of {n_samples} rows could be made from {n_candidates} candidates. Rejected: {listed}. "
        f"{_advice(reasons)}; the rows already made are in this error's 'partial', some rejected ones in 'examples'.",
        partial=partial,
        n_requested=n_samples,
        reasons=reasons,
        examples=examples,
    )


def _advice(reasons: Counter) -> str:
    """What to do about the reason why most candidates were rejected."""
    if 2 * (reasons[CUT_OFF] + reasons[REPLY_CUT_OFF]) > reasons.total():
        return (
            "Most were lost because replies were cut off. Have the model answer with rows alone, without reasoning "
            "first; see whether its server limits replies or has a short context, ask for fewer rows in a request, and "
            "have them written as CSV; or take a model that knows its tokenizer"
        )
    return (
        "Loosen what rejects most of them (conditions, copies, rules), or train the model longer or take a better one"
    )


def _progress_bar(total: int, desc: str, progress: bool):
    """Give a tqdm bar that counts rows, silent unless asked for."""
    from tqdm import tqdm

    return tqdm(total=total, desc=desc, unit=" rows", unit_scale=True, disable=not progress)
