"""How `SynLLMSynthesizer` learns, asks and keeps: everything behind its public methods."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from skgensynth.conditions import Conditions
from skgensynth.constraints import ConstraintSet
from skgensynth.constraints.view import TableView
from skgensynth.decimals import number_decimals
from skgensynth.exceptions import PromptWarning, TrainingRowsUnavailableError
from skgensynth.laws import Laws
from skgensynth.llm import LanguageModel
from skgensynth.llm.rows import RowFormat
from skgensynth.prompted.asking import warn_of_shortening
from skgensynth.prompted.base import PromptedSynthesizer
from skgensynth.prompted.repeats import Variety, warn_of_repeats
from skgensynth.prompted.wording import name_descriptions
from skgensynth.sampling import Candidates
from skgensynth.synllm.examples import choose_examples
from skgensynth.synllm.generation import PromptAsker
from skgensynth.synllm.profiles import Profiles
from skgensynth.synllm.prompts import PromptWriter, check_prompt, parts_of
from skgensynth.synllm.rules import MINED, Rules, collect_rules
from skgensynth.synllm.statistics import TableStatistics
from skgensynth.synllm.strata import StratifiedAsker, class_shares, of_class

__all__ = ["DescribingSynthesizer"]

MORE_VARIETY = "show more examples (n_examples, in a prompt that has some), or take a larger model"


class DescribingSynthesizer(PromptedSynthesizer):
    """Learns, asks and keeps what `SynLLMSynthesizer` offers; its parameters are there."""

    _private: ClassVar[tuple[str, ...]] = (
        *PromptedSynthesizer._private,
        *("_n_given", "_broken_shares", "_class_shares", "_variety"),
    )

    _n_given: int
    _broken_shares: list[float]
    _class_shares: np.ndarray | None
    _variety: Variety | None
    statistics_: TableStatistics
    rules_: ConstraintSet
    rule_violations_: dict[str, float]

    # Learning ---------------------------------------------------------------------------------------------------------

    def _fit_model(self, values: np.ndarray, rng: np.random.Generator) -> None:
        self._describe(values, rng)

    def _describe(self, values: np.ndarray | None, rng: np.random.Generator) -> None:
        """Take from the training rows, if there are any, what the prompt shows."""
        described = name_descriptions(self.feature_descriptions, self.schema_)
        parts = check_prompt(self.prompt, has_rows=values is not None, has_descriptions=bool(described))
        self._meter = None
        self._language_model()
        seed = int(rng.integers(2**31))
        table = None if values is None else self._training_table(values)
        rules = ([MINED] if "rules" in parts and values is not None else []) if self.rules is None else self.rules
        collected = collect_rules(rules, self.schema_, values, table, seed)
        self.rules_ = ConstraintSet([*collected.given, *collected.found])
        self._n_given = len(collected.given)
        self._decimals = None if values is None else number_decimals(values, self.schema_)
        self.statistics_ = TableStatistics()
        if "statistics" in parts and values is not None and table is not None:
            self.statistics_ = TableStatistics.compute(values, self.schema_, table, seed)
        self._class_shares = self._variety = None
        self._broken_shares = []
        if values is not None:
            broken = self.rules_.violations_of(TableView.of_encoded(values, self.schema_))
            self._broken_shares = broken.mean(axis=0).tolist()
            self._variety = Variety.of(self.schema_.snap(values))
            if self.schema_.target is not None and self.schema_.target.kind == "categorical":
                counts = np.array(self.schema_.target.counts, dtype=np.float64)
                self._class_shares = counts / counts.sum()
        examples = None
        if "examples" in parts and values is not None:
            examples = choose_examples(values, self.schema_, self.n_examples, rng)
        self._keep_examples(examples, values)
        self._asked = None
        # Here and not at the first draw: a prompt that does not fit is to fail early.
        self.prompt_ = self._asker(Conditions()).prompt

    def _training_table(self, values: np.ndarray) -> tuple[Any, Any]:
        """X and y from encoded training rows; y is None without a target."""
        table = self.schema_.decode(values, np.random.default_rng(0))
        return (table, None) if self.schema_.target is None else table

    # Asking -----------------------------------------------------------------------------------------------------------

    @property
    def _shows_rows(self) -> bool:
        return "examples" in parts_of(self.prompt)

    def _asker_settings(self) -> tuple[Any, ...]:
        return (
            *(self.prompt, self.context, self.output, self.temperature, self.top_p, self.repair),
            *(self.rows_per_request, self.stratify, self.feature_descriptions, self.n_examples),
        )

    def _new_asker(self, conditions: Conditions) -> PromptAsker | StratifiedAsker:
        schema, model = self.schema_, self._language_model()
        if self.stratify and self._class_shares is not None:
            shares = class_shares(schema, conditions, self._class_shares)
            if len(shares) > 1:

                def of_one(code: int) -> PromptAsker:
                    return self._prompt_asker(of_class(conditions, schema, code), model)

                # Each turn has a model that shares prompts read the end of one again: only a budget is worth that.
                in_turns = not getattr(model, "shares_prompts", False) or self._may_run_out
                return StratifiedAsker(schema, shares, of_one, self._batch_size, in_turns=in_turns)
        asker = self._prompt_asker(conditions, model)
        warn_of_shortening(model, asker.left_out)
        return asker

    def _prompt_asker(self, conditions: Conditions, model: LanguageModel) -> PromptAsker:
        """What asks for rows under conditions with one prompt."""
        if self._examples is None and self._shows_rows:
            raise TrainingRowsUnavailableError(
                f"prompt={self.prompt[:60]!r} shows real rows, which pickles, saved models and fits with other prompts "
                "leave out: fit again, set keep_examples=True before saving, or use a prompt without examples, such as "
                "'clin_rule'"
            )
        form = RowFormat(self.schema_, conditions, output=self.output, decimals=self._decimals)
        n_columns = len(self.schema_.modelled)
        writer = PromptWriter(
            self.prompt,
            form,
            conditions,
            context=self.context or "",
            descriptions=name_descriptions(self.feature_descriptions, self.schema_),
            statistics=self.statistics_,
            rules=Rules(self.rules_[: self._n_given], self.rules_[self._n_given :]),
            examples=np.empty((0, n_columns)) if self._examples is None else self._examples,
            n_examples=self.n_examples,
        )
        return PromptAsker.fitted(
            model,
            form,
            writer,
            temperature=self.temperature,
            top_p=self.top_p,
            repair=self.repair,
            rows_per_request=self.rows_per_request,
            shown=self._examples if self._refuses_examples(conditions) else None,
            profiles=self._profiles(conditions),
        )

    def _profiles(self, conditions: Conditions) -> Profiles | None:
        """What sketches the rows, if the prompt tells anything that they could be sketched from."""
        if not self.stratify or self.stratify == "classes" or "statistics" not in parts_of(self.prompt):
            return None
        if not self.statistics_.columns or self._decimals is None:
            return None
        profiles = Profiles(
            self.schema_, self.statistics_, conditions, self.rules_, self._broken_shares, self._decimals
        )
        return profiles if profiles.places else None

    def _sample_model(self, n: int, conditions: Conditions, rng: np.random.Generator) -> Candidates:
        return self._asker(conditions).ask(n, rng)

    def _laws(self) -> Laws:
        return Laws(self.rules_[: self._n_given], self.schema_)

    def _draw_values(self, n_samples: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
        asker = self._asker(conditions)
        if isinstance(asker, StratifiedAsker):
            asker.begin(n_samples, self._row_check(conditions), self._max_candidates_per_row, rng)
        values = super()._draw_values(n_samples, conditions, rng)
        if isinstance(asker, StratifiedAsker) and asker.given_up:
            warnings.warn(
                f"the model makes hardly any valid rows of class {', '.join(asker.given_up)}, so that there are fewer "
                "of them than their share; sampling_summary_.reasons tells what is wrong with them",
                PromptWarning,
                stacklevel=4,
            )
        fewer_rows = "set rows_per_request=1, " if asker.rows_per_request > 1 else ""
        advice = f"raise temperature, {fewer_rows}{MORE_VARIETY}"
        warn_of_repeats(values, self.schema_, conditions, self._variety, advice)
        broken = self.rules_.violations_of(TableView.of_encoded(values, self.schema_))
        shares = broken.mean(axis=0).tolist()
        self.rule_violations_ = {str(rule): share for rule, share in zip(self.rules_, shares, strict=True)}
        return values

    # Keeping ----------------------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> dict[str, Any]:
        return {
            **self._prompted_state(),
            "rules": self.rules_.to_dict(),
            "n_given": self._n_given,
            "broken_shares": self._broken_shares,
            "class_shares": None if self._class_shares is None else self._class_shares.tolist(),
            "variety": self._variety,
            "statistics": self.statistics_.to_dict(),
        }

    def _load_model(self, folder: Path, state: dict[str, Any]) -> None:
        self.rules_ = ConstraintSet.from_dict(state["rules"])
        self._n_given = state["n_given"]
        self._broken_shares = state["broken_shares"]
        shares, variety = state["class_shares"], state["variety"]
        self._class_shares = None if shares is None else np.array(shares)
        self._variety = None if variety is None else Variety(*variety)
        self.statistics_ = TableStatistics.from_dict(state["statistics"])
        self._restore_prompted(state)
