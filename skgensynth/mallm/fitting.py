"""How `MallmGanSynthesizer` learns, asks and keeps: everything behind its public methods."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from skgensynth.checks import RowCheck
from skgensynth.conditions import Conditions
from skgensynth.copies import CopyFilter
from skgensynth.decimals import number_decimals
from skgensynth.exceptions import CausalGraphError, TrainingRowsUnavailableError
from skgensynth.llm import LanguageModel, Metered, Usage, resolve
from skgensynth.llm.reply_cache import description_of
from skgensynth.llm.rows import RowFormat
from skgensynth.mallm.causal import edges_by_name, learn_graph
from skgensynth.mallm.checkpoint import Checkpoint
from skgensynth.mallm.costs import CostEstimate, estimate_draw, estimate_search
from skgensynth.mallm.crossfitting import n_folds
from skgensynth.mallm.deadline import Deadline
from skgensynth.mallm.discriminators import RowFeatures, make_discriminator
from skgensynth.mallm.generator import Decoding, RowGenerator, columns_text
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.loop import FEWEST_ROWS, Outcome, Search, SearchSettings, batch_sizes
from skgensynth.mallm.optimizer import ProcessOptimizer
from skgensynth.mallm.process import INSTRUCTION, DataGenerationProcess
from skgensynth.mallm.repair import check_expert_edges, repair_edges
from skgensynth.mallm.trajectory import Iteration
from skgensynth.prompted.asking import warn_of_shortening
from skgensynth.prompted.base import PromptedSynthesizer
from skgensynth.prompted.wording import name_descriptions
from skgensynth.sampling import Candidates

__all__ = ["ProcessSynthesizer"]

# Epochs of the paper for up to so many rows; beyond the last, as many as there.
EPOCHS = {100: 5, 200: 4, 400: 3, 800: 2}
GRAPH_SECONDS = 30.0
NO_SEARCH = "there was none"


class ProcessSynthesizer(PromptedSynthesizer):
    """Learns, asks and keeps what `MallmGanSynthesizer` offers; its parameters are there."""

    _private: ClassVar[tuple[str, ...]] = (*PromptedSynthesizer._private, "_searched")

    _searched: Usage
    process_: DataGenerationProcess
    trajectory_: tuple[Iteration, ...]
    stop_reason_: str

    # Learning ---------------------------------------------------------------------------------------------------------

    @property
    def usage_(self) -> Usage:
        """Requests and tokens of `fit` and of the draws since."""
        return super().usage_ + self._searched

    def _fit_model(self, values: np.ndarray, rng: np.random.Generator) -> None:
        began = time.monotonic()
        examples = self._prepare(values)
        model = self._language_model()  # refuses a remote one
        seed = int(rng.integers(2**31))
        self.process_ = self._start(values)
        self.trajectory_, self.stop_reason_ = (), NO_SEARCH
        # Here and not at the first draw: what does not fit is to fail early.
        warn_of_shortening(model, self._asker(Conditions()).left_out, stacklevel=5)
        if self._searches(values):
            self.process_, self.trajectory_, self.stop_reason_ = self._search(values, seed, began)
            self._asked = None
        generator = self._asker(Conditions())
        self.prompt_ = "\n\n".join(part.content for part in generator.messages(examples[: generator.n_examples]))

    def _searches(self, values: np.ndarray) -> bool:
        """Whether there is a search: of a few rows there is no score."""
        return self.optimize and len(values) >= FEWEST_ROWS

    def _prepare(self, values: np.ndarray) -> np.ndarray:
        """Take from the training rows what all prompts need; the rows on the grids of their columns."""
        self._meter = self._asked = None
        self._searched = Usage()
        self._decimals = number_decimals(values, self.schema_)
        examples = self.schema_.snap(values)
        self._keep_examples(examples, values)
        return examples

    def _start(self, values: np.ndarray) -> DataGenerationProcess:
        """The process that a search begins with."""
        columns = columns_text(self._form(Conditions()), name_descriptions(self.feature_descriptions, self.schema_))
        instruction = " ".join((self.instruction or "").split()) or INSTRUCTION
        return DataGenerationProcess((self.context or "").strip(), columns, self._first_graph(values), instruction)

    def _first_graph(self, values: np.ndarray) -> CausalGraph:
        required, forbidden = self._expert_edges()
        nodes = [column.name for column in self.schema_.modelled]
        if isinstance(self.init, str) and self.init == "heuristic":
            seconds = GRAPH_SECONDS if self.max_seconds is None else min(GRAPH_SECONDS, self.max_seconds)
            return learn_graph(
                values,
                self.schema_,
                max_parents=self.max_parents,
                required=required,
                forbidden=forbidden,
                max_seconds=seconds,
            )
        if isinstance(self.init, str):
            return check_expert_edges(nodes, required, forbidden)
        given = CausalGraph(tuple(nodes), tuple(edges_by_name(self.init, self.schema_, "init")))
        graph, notes = repair_edges(given.edges, nodes, required=required, forbidden=forbidden)
        if not set(given.edges) <= set(graph.edges):
            raise CausalGraphError(f"init does not go with required_edges and forbidden_edges: {'; '.join(notes)}")
        return graph

    def _expert_edges(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        names = ("required_edges", "forbidden_edges")
        required, forbidden = (edges_by_name(getattr(self, name) or (), self.schema_, name) for name in names)
        return required, forbidden

    def _search(self, values: np.ndarray, seed: int, began: float) -> Outcome:
        """Look for a better process."""
        from tqdm import tqdm

        generator = Metered(resolve(self._row_llm()), self._budget())
        optimizer = Metered(resolve(self._optimizer_llm()), together_with=generator)
        models = [self._cached(generator), self._cached(optimizer)]
        if self.max_seconds is not None:
            models = [Deadline(model, self.max_seconds, began) for model in models]
        settings = self._search_settings(len(values), seed)
        checkpoint = None
        if self.checkpoint is not None:
            checkpoint = Checkpoint(self.checkpoint, self._described(settings, [generator, optimizer]), values)
        search = Search(
            self.schema_.snap(values),
            self.process_,
            lambda process: self._generator(models[0], process, Conditions()),
            self._optimizer(models[1]),
            make_discriminator(self.discriminator, RowFeatures(values, self.schema_), seed),
            RowCheck(self.schema_, Conditions(), self._copies_in_search(values)),
            settings,
            checkpoint,
        )
        with tqdm(desc=f"{type(self).__name__} search", unit=" iterations", disable=not self.verbose) as bar:

            def show(n_done: int, n: int) -> None:
                bar.total, bar.n = n, n_done
                bar.refresh()

            try:
                return search.run(show)
            finally:
                self._searched = generator.usage + optimizer.usage

    def _search_settings(self, n_rows: int, seed: int) -> SearchSettings:
        n_epochs = next((n for rows, n in EPOCHS.items() if n_rows <= rows), min(EPOCHS.values()))
        return SearchSettings(
            n_epochs if self.n_epochs is None else self.n_epochs,
            self.batch_size,
            self.validation_size,
            self.n_pairs,
            self.min_yield,
            self.objective,
            seed,
        )

    def _copies_in_search(self, values: np.ndarray) -> CopyFilter | None:
        return CopyFilter(values, self.schema_) if self.copies == "refuse" and self._examples_refused else None

    def _described(self, settings: SearchSettings, models: list[LanguageModel]) -> dict[str, Any]:
        """What decides about a search; functions as models are all alike."""
        names: tuple[str, ...] = (
            "init",
            "instruction",
            "max_parents",
            "n_examples",
            "stratify",
            "discriminator",
            "output",
            "repair",
            "copies",
        )
        names += ("temperature", "optimizer_temperature", "top_p")
        return {
            **{name: getattr(self, name) for name in names},
            "edges": self._expert_edges(),
            "table": [self.process_.context, self.process_.columns],
            "seed": None if self.random_state is None else settings.seed,
            "models": [description_of(model) for model in models],
            **{name: getattr(settings, name) for name in vars(settings) if name != "seed"},
        }

    def _estimate(self, values: np.ndarray) -> CostEstimate:
        """What `fit` would ask for on these rows; ``schema_`` is set."""
        examples = self._prepare(values)
        process = self._start(values)
        draw = estimate_draw(self._generator(resolve(self._row_llm()), process, Conditions()), examples)
        if not self._searches(values):
            return draw
        settings = self._search_settings(len(values), 0)
        sizes = batch_sizes(len(values), settings.batch_size)
        optimizer = self._optimizer(resolve(self._optimizer_llm()))
        folds = n_folds(len(values), settings.validation_size, len(sizes))
        return estimate_search(draw, optimizer, process, sizes * settings.n_epochs, folds, settings.n_pairs)

    # Asking -----------------------------------------------------------------------------------------------------------

    _shows_rows = True

    def _row_llm(self) -> Any:
        return self.llm if self.generator_llm is None else self.generator_llm

    def _optimizer_llm(self) -> Any:
        return self.llm if self.optimizer_llm is None else self.optimizer_llm

    def _asker_settings(self) -> tuple[Any, ...]:
        return (self.output, self.n_examples, self.temperature, self.top_p, self.repair, self.stratify)

    def _new_asker(self, conditions: Conditions) -> RowGenerator:
        if self._examples is None:
            raise TrainingRowsUnavailableError(
                "rows are made from training rows, which pickles and saved models leave out: fit again, or set "
                "keep_examples=True before saving"
            )
        return self._generator(self._language_model(), self.process_, conditions)

    def _generator(self, model: LanguageModel, process: DataGenerationProcess, conditions: Conditions) -> RowGenerator:
        """What makes rows by a process."""
        return RowGenerator.fitted(
            model,
            self._form(conditions),
            process,
            conditions,
            descriptions=name_descriptions(self.feature_descriptions, self.schema_),
            decoding=Decoding(self.n_examples, self.temperature, self.top_p, self.repair, self.stratify),
            refuses_shown=self._refuses_examples(conditions),
        )

    def _optimizer(self, model: LanguageModel) -> ProcessOptimizer:
        required, forbidden = map(tuple, self._expert_edges())
        given = () if isinstance(self.init, str) else edges_by_name(self.init, self.schema_, "init")
        return ProcessOptimizer(
            model,
            self.objective,
            self.optimizer_temperature,
            self.top_p,
            required,
            forbidden,
            self.max_parents,
            tuple(given),
        )

    def _form(self, conditions: Conditions) -> RowFormat:
        return RowFormat(self.schema_, conditions, output=self.output, decimals=self._decimals)

    def _sample_model(self, n: int, conditions: Conditions, rng: np.random.Generator) -> Candidates:
        generator = self._asker(conditions)
        assert self._examples is not None  # or there were no asker
        met = np.flatnonzero(conditions.mask(self._examples)) if conditions else np.arange(0)
        pool = met if len(met) else np.arange(len(self._examples))
        n_walks = -(-n // len(pool))
        walk = np.concatenate([rng.permutation(pool) for _ in range(n_walks)])[:n]
        return generator.make(self._examples[walk], rng)

    # Keeping ----------------------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> dict[str, Any]:
        return {
            **self._prompted_state(),
            "process": self.process_.to_dict(),
            "trajectory": [iteration.to_dict() for iteration in self.trajectory_],
            "stop_reason": self.stop_reason_,
        }

    def _load_model(self, folder: Path, state: dict[str, Any]) -> None:
        self._restore_prompted(state)
        self.process_ = DataGenerationProcess.from_dict(state["process"])
        self.trajectory_ = tuple(Iteration.from_dict(part) for part in state["trajectory"])
        self.stop_reason_ = state["stop_reason"]
        self._searched = Usage()
