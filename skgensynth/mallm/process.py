"""The data generation process: what MALLM-GAN optimises, as text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from skgensynth.mallm.graph import CausalGraph

__all__ = ["INSTRUCTION", "DataGenerationProcess"]

# Where every search starts (ours).
INSTRUCTION = (
    "Make rows that could be further rows of this table: likely values are frequent, and each value suits those of the "
    "columns that it depends on."
)
HEADING = "How its columns depend on each other, each on those behind its arrow:"
TASK = "The task:"


@dataclass(frozen=True)
class DataGenerationProcess:
    r"""How the rows of a table come about, in words: the θ of MALLM-GAN.

    The context and the columns are given by the table and its user; the causal graph and the instruction are what a
    search changes.

    Attributes
    ----------
    context : str
        What the table is about; may be empty.
    columns : str
        What each column may be, and what it means.
    graph : CausalGraph
        Which columns depend on which. Without edges it is not told.
    instruction : str
        What to look after when rows are made.

    Examples
    --------
    >>> from skgensynth.mallm.graph import CausalGraph
    >>> from skgensynth.mallm.process import DataGenerationProcess
    >>> graph = CausalGraph(("smoke", "lung"), (("smoke", "lung"),))
    >>> columns = "The columns of the table:\n- smoke: one of no, yes\n- lung: one of no, yes"
    >>> print(DataGenerationProcess("Visits to a clinic.", columns, graph, "Make likely rows.").to_text())
    Visits to a clinic.
    <BLANKLINE>
    The columns of the table:
    - smoke: one of no, yes
    - lung: one of no, yes
    <BLANKLINE>
    How its columns depend on each other, each on those behind its arrow:
    without parents: smoke
    lung <- smoke
    <BLANKLINE>
    The task:
    Make likely rows.
    """

    context: str
    columns: str
    graph: CausalGraph
    instruction: str

    def to_text(self) -> str:
        """Write the process as it stands in a prompt.

        Returns
        -------
        str
            Context, columns, dependencies and task, with an empty line between them; what is empty is left out.
        """
        parts = [self.context, self.columns, self.searched_text()]
        return "\n\n".join(part for part in parts if part)

    def searched_text(self) -> str:
        """Write what a search changes: dependencies, unless there are none, and task."""
        parts = [f"{HEADING}\n{self.graph.to_text()}"] * bool(self.graph.edges)
        return "\n\n".join([*parts, f"{TASK}\n{self.instruction}"])

    def with_(self, graph: CausalGraph, instruction: str) -> DataGenerationProcess:
        """The process of the same table with another graph and instruction."""
        return replace(self, graph=graph, instruction=instruction)

    def to_dict(self) -> dict[str, Any]:
        """Describe the process in values that JSON has.

        Returns
        -------
        dict
            The attributes; the graph as its own ``to_dict`` has it.
        """
        return {
            "context": self.context,
            "columns": self.columns,
            "graph": self.graph.to_dict(),
            "instruction": self.instruction,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> DataGenerationProcess:
        """Make the process that :meth:`to_dict` described.

        Parameters
        ----------
        state : dict
            What ``to_dict`` returned.

        Returns
        -------
        DataGenerationProcess
            An equal process.
        """
        return cls(**{**state, "graph": CausalGraph.from_dict(state["graph"])})
