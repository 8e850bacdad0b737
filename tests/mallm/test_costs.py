import numpy as np
import pandas as pd
import pytest

from skgensynth.conditions import Conditions
from skgensynth.llm import CallableModel, Usage
from skgensynth.llm.rows import RowFormat
from skgensynth.mallm.costs import MESSAGE_TOKENS, CostEstimate, estimate_draw, estimate_search
from skgensynth.mallm.generator import Decoding, RowGenerator, columns_text
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.optimizer import ProcessOptimizer, ScoredProcess
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame({"age": np.arange(10, 70), "sex": ["F", "M"] * 30})
SCHEMA = TableSchema.infer(TABLE, column_kinds={"age": "continuous"})
VALUES = SCHEMA.encode(TABLE)
FORM = RowFormat(SCHEMA)
START = DataGenerationProcess("", columns_text(FORM, {}), CausalGraph(("age", "sex")), "Go.")
MODEL = CallableModel(print)


def generator(n_examples):
    decoding = Decoding(n_examples, 0.5, 1.0, False, True)
    return RowGenerator.fitted(MODEL, FORM, START, Conditions(), descriptions={}, decoding=decoding, refuses_shown=True)


def tokens(messages):
    return sum(MODEL.count_tokens(message.content) + MESSAGE_TOKENS for message in messages)


@pytest.mark.parametrize("n_examples", [1, 4])
def test_a_request_is_as_long_as_its_prompt_and_the_rows_that_it_shows(n_examples):
    found = generator(n_examples)
    draw = estimate_draw(found, VALUES)
    assert draw.request.n_prompt_tokens == tokens(found.messages(VALUES[:n_examples]))  # all rows are equally long
    assert draw.request.n_completion_tokens == MODEL.count_tokens(FORM.write(VALUES[:n_examples]))
    assert draw.fit == Usage()
    n_requests = -(-10 // n_examples)
    assert draw.sample(10).n_requests == n_requests
    assert draw.sample(10).n_tokens == n_requests * draw.request.n_tokens


def test_a_search_costs_its_rows_a_tenth_more_and_the_optimizer():
    draw = CostEstimate(Usage(), Usage(1, 100, 10), 1)
    optimizer = ProcessOptimizer(MODEL, "accuracy", 1.0, 1.0)
    cost = estimate_search(draw, optimizer, START, [30, 30, 30], 5, 3)
    rows = 90 + 3 * 3
    assert cost.fit.n_requests == rows + 2
    asked = tokens(optimizer.messages(START, [ScoredProcess(START, 0.5)], 99))
    assert 2 * asked < cost.fit.n_prompt_tokens - 100 * rows < 2 * asked + 200
    assert cost.sample(5) == Usage(5, 500, 50)


def test_an_optimizer_whose_prompt_does_not_fit_is_not_asked():
    draw = CostEstimate(Usage(), Usage(1, 100, 10), 5)
    small = ProcessOptimizer(CallableModel(print, context_length=100), "accuracy", 1.0, 1.0)
    assert estimate_search(draw, small, START, [20, 20], 1, 3).fit == Usage(9, 900, 88)


def test_one_iteration_needs_no_optimizer():
    draw = CostEstimate(Usage(), Usage(1, 100, 10), 5)
    optimizer = ProcessOptimizer(MODEL, "accuracy", 1.0, 1.0)
    assert estimate_search(draw, optimizer, START, [20], 1, 3).fit == Usage(4, 400, 44)


def test_no_request_is_for_two_folds():
    draw = CostEstimate(Usage(), Usage(1, 100, 30), 3)
    optimizer = ProcessOptimizer(MODEL, "accuracy", 1.0, 1.0)
    # Five folds of ten rows take four requests each; ten more rows would take four, half of which are asked for.
    assert estimate_search(draw, optimizer, START, [50], 5, 3).fit == Usage(20 + 2, 2200, 10 * (50 + 5))
