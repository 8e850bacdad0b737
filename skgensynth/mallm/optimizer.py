"""The optimizer of MALLM-GAN: a language model that sees what was tried and proposes another process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from skgensynth.exceptions import ContextOverflowError
from skgensynth.llm import JsonSchema, LanguageModel, LarkGrammar, Message, Request, SamplingSettings, generate_all
from skgensynth.llm.callables import most_tokens
from skgensynth.llm.rows.cells import csv_text
from skgensynth.mallm.graph import CausalGraph, Edge
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.mallm.repair import repair_edges
from skgensynth.mallm.replies import LONGEST_INSTRUCTION, RawProposal, proposal_grammar, proposal_schema, read_proposal
from skgensynth.prompted.asking import Draft, fit_into_context, with_room

__all__ = ["ProcessOptimizer", "Proposal", "ScoredProcess"]

SYSTEMS = {
    "accuracy": (
        "A language model makes rows of a table from a description, and a classifier tries to tell them from real "
        "rows. The score of a description is the share of rows that the classifier gets right: the lower, the better. "
        "You improve descriptions."
    ),
    "distance_to_chance": (
        "A language model makes rows of a table from a description, and a classifier tries to tell them from real "
        "rows. The score of a description is how far the share of rows that the classifier gets right is from one "
        "half: the lower, the better. You improve descriptions."
    ),
}
NO_SCORE = "none, too few of its rows were rows of the table"
MAX_EDGES = 40  # of a reply (ours)
MAX_FAULTS = 5  # named one by one in the notes on a reply
# Tokens are counted on texts that stand alone; a reply may split them otherwise.
SLACK = 1.25


class ScoredProcess(NamedTuple):
    """A process, and its score: the lower, the better; None where it made no rows to be judged by."""

    process: DataGenerationProcess
    score: float | None


class Proposal(NamedTuple):
    """What became of a reply: the process that comes next, and what was wrong with the reply."""

    process: DataGenerationProcess
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ProcessOptimizer:
    """Proposes data generation processes, from those that were tried and how good they were.

    MALLM-GAN (arXiv:2406.10521, 2024), after Yang et al., Large language models as optimizers, 2024.

    Attributes
    ----------
    model : LanguageModel
        Who answers.
    objective : {"accuracy", "distance_to_chance"}
        What the scores are.
    temperature, top_p : float
        How replies are drawn.
    required, forbidden : tuple of (str, str)
        Edges that must, and must not, be in a graph.
    max_parents : int or None
        Parents that a column has at most.
    given : tuple of (str, str)
        Edges of the user's own graph, which are never too many.
    """

    model: LanguageModel
    objective: str
    temperature: float
    top_p: float
    required: tuple[Edge, ...] = ()
    forbidden: tuple[Edge, ...] = ()
    max_parents: int | None = None
    given: tuple[Edge, ...] = ()

    def propose(self, current: DataGenerationProcess, pairs: Sequence[ScoredProcess], seed: int) -> Proposal:
        """Ask for a better process.

        Parameters
        ----------
        current : DataGenerationProcess
            The process that stays where the reply is no good.
        pairs : sequence of ScoredProcess
            What was tried, the best last.
        seed : int
            Of the reply.

        Returns
        -------
        Proposal
            With a graph that has been repaired where it had to be.

        Raises
        ------
        LanguageModelError
            If there is no reply.
        """
        nodes = current.graph.nodes
        max_tokens = self.max_tokens(nodes)
        try:
            messages = self.messages(current, pairs, max_tokens)
        except ContextOverflowError as error:
            return Proposal(current, (f"the optimizer was not asked: {error}",))
        n_edges = self._most_edges(nodes)
        constraint = proposal_schema(nodes, n_edges) if self._as_json else proposal_grammar(nodes, n_edges)
        limit = with_room(self.model, [message.content for message in messages], max_tokens)
        settings = SamplingSettings(limit, self.temperature, self.top_p)
        request = Request(messages, settings, seed, constraint, expected_tokens=max_tokens)
        [reply] = generate_all(self.model, [request])
        found = self._judge(read_proposal(reply.text, nodes), current)
        cut_off = ("the optimizer's reply was cut off",) * (reply.finish_reason == "length")
        return Proposal(found.process, (*cut_off, *found.notes))

    def messages(
        self, current: DataGenerationProcess, pairs: Sequence[ScoredProcess], max_tokens: int
    ) -> tuple[Message, ...]:
        """The prompt, with as many of the pairs as the context holds; the best ones stay.

        Raises
        ------
        ContextOverflowError
            If not even one fits.
        """

        def drafts() -> Iterator[tuple[tuple[Message, ...], Draft]]:
            for first in range(max(len(pairs), 1)):
                user = self._write(current, pairs[first:])
                messages = (Message("system", SYSTEMS[self.objective]), Message("user", user))
                yield messages, Draft(tuple(message.content for message in messages), 1, 1)

        return fit_into_context(self.model, drafts(), max_tokens)[0]

    def max_tokens(self, nodes: Sequence[str]) -> int:
        """Tokens that a reply may have, in the form that is asked for."""
        name = csv_text(max(nodes, key=lambda node: most_tokens(self.model, csv_text(node))))
        edge = f'{{"cause":{name},"effect":{name}}},' if self._as_json else f"{name} -> {name}"
        n_tokens = self._most_edges(nodes) * (most_tokens(self.model, edge) + 2) + LONGEST_INSTRUCTION // 3 + 20
        return int(SLACK * n_tokens)

    @property
    def _as_json(self) -> bool:
        """Whether the model keeps to a JSON schema, but not to a grammar."""
        return JsonSchema in self.model.supports and LarkGrammar not in self.model.supports

    def _most_edges(self, nodes: Sequence[str]) -> int:
        n = len(nodes)
        most = n * (n - 1) // 2
        if self.max_parents is not None:
            most = min(most, self.max_parents * n)
        return max(min(most, MAX_EDGES), len(self.given))

    def _write(self, current: DataGenerationProcess, pairs: Sequence[ScoredProcess]) -> str:
        """The user's message."""
        parts = [current.context, current.columns]
        parts.append(f"The {'descriptions' if len(pairs) > 1 else 'description'} tried so far, the best one last:")
        for pair in pairs:
            shown = RawProposal(list(pair.process.graph.edges), pair.process.instruction)
            score = NO_SCORE if pair.score is None else f"{100 * pair.score:.1f} %"
            parts.append(f"{shown.to_text(as_json=self._as_json)}\nscore: {score}")
        parts.append(self._task(current.graph))
        return "\n\n".join(part for part in parts if part)

    def _task(self, graph: CausalGraph) -> str:
        """What is asked for."""
        lines = [
            "Write a description that gets a lower score. First find out which columns cause which others in reality, "
            "and then tell how to make rows in which they do.",
            f"The columns are {', '.join(map(csv_text, graph.nodes))}. No column may cause itself, not even through "
            "others.",
        ]
        if self.max_parents is not None:
            lines.append(f"A column has at most {self.max_parents} causes.")
        for edges, word in ((self.required, "must"), (self.forbidden, "must not")):
            if edges:
                spelled = ", ".join(f"{csv_text(cause)} -> {csv_text(effect)}" for cause, effect in edges)
                lines.append(f"Among the edges {word} be {spelled}.")
        form = (
            'Reply as JSON: {"edges": [{"cause": ..., "effect": ...}, ...], "instruction": ...}.'
            if self._as_json
            else "Reply in the same form: edges, one to a line as cause -> effect, then the instruction on one line."
        )
        return "\n".join([*lines, f"{form} The instruction has at most {LONGEST_INSTRUCTION} characters."])

    def _judge(self, raw: RawProposal, current: DataGenerationProcess) -> Proposal:
        """Take from a reply what can be used."""
        if raw.edges is None and not raw.instruction:
            return Proposal(current, ("the optimizer's reply has neither edges nor an instruction",))
        notes = list(raw.notes)
        graph = current.graph
        if raw.edges is None:
            notes.append("the optimizer's reply has no edges: the graph stays")
        else:
            proposed, faults = repair_edges(
                list(dict.fromkeys(raw.edges)),  # small models say the same over and over
                graph.nodes,
                required=self.required,
                forbidden=self.forbidden,
                max_parents=self.max_parents,
                given=self.given,
            )
            notes += faults[:MAX_FAULTS]
            if len(faults) > MAX_FAULTS:
                notes.append(f"{len(faults) - MAX_FAULTS} more edges were left out or added")
            if raw.edges and not set(raw.edges) & set(proposed.edges):
                notes.append("none of the optimizer's edges can be used: the graph stays")
            else:
                graph = proposed
        if not raw.instruction:
            notes.append("the optimizer's reply has no instruction: the old one stays")
        process = current.with_(graph, raw.instruction or current.instruction)
        if process == current:
            notes.append("the optimizer's reply changes nothing")
        return Proposal(process, tuple(notes))
