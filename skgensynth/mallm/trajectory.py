"""What a search for a data generation process tried, and how good it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from skgensynth.llm.rows.cells import csv_text
from skgensynth.mallm.graph import CausalGraph, Edge
from skgensynth.mallm.process import DataGenerationProcess

__all__ = ["Iteration", "explain_search", "iterations_of"]


@dataclass(frozen=True)
class Iteration:
    """One step of the search: a process, and the rows that were made by it.

    Attributes
    ----------
    epoch, batch : int
        Pass over the training rows, and batch of it, both from 0.
    graph : CausalGraph
        Which columns depend on which.
    instruction : str
        The task.
    score : float or None
        Accuracy of the discriminator of this step on held-out rows: 0.5 is chance, 1 means that all rows are told.
        None where too few rows were made.
    adjusted_score : float or None
        Accuracy of discriminators that learned from other rows of all iterations, on all rows that were made by the
        same process: these compare between iterations, and the lowest one decides. None where it was not `in_history`.
    yield_rate : float
        Share of the rows asked for that were rows of the table.
    n_rows : int
        Valid new rows.
    in_history : bool
        Whether the optimizer saw it, which needs a yield of ``min_yield``, and new rows for half of the batch.
    notes : tuple of str
        What happened to the optimizer's reply, and to rows.
    """

    epoch: int
    batch: int
    graph: CausalGraph
    instruction: str
    score: float | None
    adjusted_score: float | None
    yield_rate: float
    n_rows: int
    in_history: bool
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Describe the iteration in values that JSON has."""
        return {**asdict(self), "graph": self.graph.to_dict(), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Iteration:
        """Make the iteration that :meth:`to_dict` described."""
        return cls(**{**state, "graph": CausalGraph.from_dict(state["graph"]), "notes": tuple(state["notes"])})


def iterations_of(process: DataGenerationProcess, trajectory: Sequence[Iteration]) -> list[int]:
    """Numbers of the iterations in which rows were made by a process."""
    return [
        number
        for number, iteration in enumerate(trajectory)
        if (iteration.graph, iteration.instruction) == (process.graph, process.instruction)
    ]


def explain_search(trajectory: Sequence[Iteration], chosen: DataGenerationProcess, stop_reason: str) -> str:
    """Tell a search in words.

    Parameters
    ----------
    trajectory : sequence of Iteration
        What was tried, in order.
    chosen : DataGenerationProcess
        The process that rows are made by.
    stop_reason : str
        Why the search ended.

    Returns
    -------
    str
        An entry for each iteration, with what changed since the one before, and the chosen process.
    """
    parts = []
    for number, iteration in enumerate(trajectory):
        before = trajectory[number - 1] if number else None
        parts.append("\n".join(_told(number, iteration, before)))
    numbers = iterations_of(chosen, trajectory)
    where = f"of iteration {' and '.join(map(str, numbers))}" if numbers else "that the search started from"
    parts.append(f"The search ended: {stop_reason}. The chosen process is the one {where}:\n\n{chosen.to_text()}")
    return "\n\n".join(parts)


def _told(number: int, iteration: Iteration, before: Iteration | None) -> list[str]:
    """The lines about one iteration."""
    lines = [
        f"Iteration {number} (epoch {iteration.epoch}, batch {iteration.batch}): {_scores(iteration)}, "
        f"yield {100 * iteration.yield_rate:.0f} %, {iteration.n_rows} rows"
        + ("" if iteration.in_history else ", not shown to the optimizer")
    ]
    if before is None:
        edges = _spelled(iteration.graph.edges)
        lines.append(f"  graph: {edges or 'no edges'}")
    else:
        changes = before.graph.changes(iteration.graph)
        said = [f"{word} {_spelled(edges)}" for word, edges in zip(changes._fields, changes, strict=True) if edges]
        lines.append(f"  graph: {'; '.join(said) or 'unchanged'}")
    if before is None or before.instruction != iteration.instruction:
        lines.append(f"  instruction: {iteration.instruction}")
    return lines + [f"  note: {note}" for note in iteration.notes]


def _scores(iteration: Iteration) -> str:
    if iteration.score is None:
        return "no score"
    adjusted = "" if iteration.adjusted_score is None else f", adjusted {100 * iteration.adjusted_score:.1f} %"
    return f"score {100 * iteration.score:.1f} %{adjusted}"


def _spelled(edges: Sequence[Edge]) -> str:
    return ", ".join(f"{csv_text(cause)} -> {csv_text(effect)}" for cause, effect in edges)
