import numpy as np
import pandas as pd
import pytest

from skgensynth import MallmGanSynthesizer
from skgensynth.conditions import Allowed, Conditions
from skgensynth.exceptions import ContextOverflowError
from skgensynth.llm import CallableModel, LarkGrammar
from skgensynth.llm.callables import most_tokens
from skgensynth.llm.rows import RowFormat
from skgensynth.mallm.generator import Decoding, RowGenerator, columns_text
from skgensynth.mallm.graph import CausalGraph
from skgensynth.mallm.process import DataGenerationProcess
from skgensynth.prompted.asking import MARGIN
from skgensynth.schema import TableSchema

TABLE = pd.DataFrame({"age": np.arange(18, 78), "group": [f"g{i % 12}" for i in range(60)]})
SCHEMA = TableSchema.infer(TABLE, column_kinds={"age": "continuous", "group": "categorical"})
VALUES = SCHEMA.encode(TABLE)
GRAPH = CausalGraph(("age", "group"), (("age", "group"),))
RNG = np.random.default_rng


def generator(
    model, conditions=None, *, n_examples=2, refuses_shown=True, repair=False, stratify=True, schema=SCHEMA,
    **descriptions,
):  # fmt: skip
    conditions = Conditions.parse(conditions, schema)
    form = RowFormat(schema, conditions, output="csv")
    process = DataGenerationProcess("A ward.", columns_text(RowFormat(schema), descriptions), GRAPH, "Be exact.")
    return RowGenerator.fitted(
        model,
        form,
        process,
        conditions,
        descriptions=descriptions,
        decoding=Decoding(n_examples, 0.5, 1.0, repair, stratify),
        refuses_shown=refuses_shown,
    )


class Recorder(CallableModel):
    def __init__(self, answer="20,g3\n", **settings):
        self.requests = []
        super().__init__(lambda request: self.requests.append(request) or answer, **settings)

    __hash__ = object.__hash__
    __setattr__ = object.__setattr__


def said(request):
    return request.messages[-1].content


@pytest.mark.parametrize(
    ("n_examples", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (3, [3, 2]), (4, [4, 1]), (5, [5])]
)  # fmt: skip
def test_each_row_is_shown_once_and_as_many_are_asked_for(n_examples, sizes):
    model = Recorder()
    generator(model, n_examples=n_examples).make(VALUES[:5], np.random.default_rng(0))
    shown = [said(request).split("Some of its rows:\n")[1].splitlines()[1:] for request in model.requests]
    assert [row for rows in shown for row in rows] == ["18,g0", "19,g1", "20,g2", "21,g3", "22,g4"]
    assert [len(rows) for rows in shown] == sizes
    for request, n in zip(model.requests, sizes, strict=True):
        assert f"Write {n} new row{'s' * (n > 1)} " in said(request)


def test_the_prompt_holds_the_process_and_its_beginning_is_the_same_for_all_examples():
    found = generator(Recorder(), age="in years")
    first, second = (found.messages(VALUES[i : i + 2])[1].content for i in (0, 2))
    assert first.startswith(found.process.to_text())
    for part in ("A ward.", "- age: whole number from 18 to 77", "What they mean:\n- age: in years", "group <- age"):
        assert part in first
    assert first.split("18,g0")[0] == second.split("20,g2")[0]


def test_a_row_that_was_shown_is_not_new_unless_the_table_is_such():
    made = generator(Recorder("18,g0\n40,g1\n")).make(VALUES[:2], np.random.default_rng(0))
    assert SCHEMA.decode(made.values, np.random.default_rng(0)).to_dict("records") == [{"age": 40, "group": "g1"}]
    assert made.reasons == {"exact copy of a training row": 1}
    kept = generator(Recorder("18,g0\n40,g1\n"), refuses_shown=False).make(VALUES[:2], np.random.default_rng(0))
    assert len(kept.values) == 2


def test_conditions_are_in_columns_task_and_check():
    model = Recorder("20,g3\n60,g5\n70,g3\n")
    found = generator(model, {"age": (65, None), "group": "g3"})
    made = found.make(VALUES[:2], np.random.default_rng(0))
    assert "In every new row, age is from 65 to 77 and group is g3." in said(model.requests[0])
    assert "- age: whole number from 65 to 77" in said(model.requests[0])
    assert made.values[:, 0].tolist() == [70]


def test_rows_outside_the_table_are_rejected_or_put_right():
    answer = "99,g3\n40,G5\n41,g99\n50,g1\n"
    rejected, repaired = (
        generator(Recorder(answer), n_examples=4, repair=repair).make(VALUES[:4], np.random.default_rng(0))
        for repair in (False, True)
    )
    ages, levels = SCHEMA.modelled[0], list(SCHEMA.modelled[1].levels)
    assert (ages.minimum, ages.maximum) == (18, 77)
    assert [(row[0], levels[int(row[1])]) for row in rejected.values] == [(50, "g1")]
    assert sum(rejected.reasons.values()) == 3
    assert [(row[0], levels[int(row[1])]) for row in repaired.values] == [(77, "g3"), (40, "g5"), (50, "g1")]
    assert sum(repaired.reasons.values()) == 1


def test_prompts_are_shortened_until_they_and_their_rows_fit():
    free = generator(Recorder(), n_examples=3)
    assert free.left_out == ()
    texts = [message.content for message in free.messages(VALUES[-3:])]
    size = sum(most_tokens(Recorder(), text) for text in texts) + MARGIN + 3 * free.asker.tokens_per_row
    # The longest rows there are may take a little more.
    assert generator(Recorder(context_length=size + 10), n_examples=3).left_out == ()
    shorter = generator(Recorder(context_length=size - 6), n_examples=3)
    assert shorter.left_out == ("at most 5 levels of a column",)
    assert "and 7 more" in shorter.process.columns
    least = generator(Recorder(context_length=size - 40), n_examples=3)
    assert least.left_out[0] == f"it shows {least.n_examples} of 3 example rows"
    assert least.n_examples < 3
    with pytest.raises(ContextOverflowError, match="Leave out columns"):
        generator(Recorder(context_length=100), n_examples=3)


# Classes -------------------------------------------------------------------------------------------------------------

CLASSES = TableSchema.infer(TABLE[["age"]], TABLE["group"], column_kinds={"age": "continuous"})
NUMBERS = TableSchema.infer(TABLE[["group"]], TABLE["age"].astype(float))


class Constrained(Recorder):
    supports = frozenset({LarkGrammar})


def grammars(schema=CLASSES, model=Constrained, conditions=None, n_examples=2, **settings):
    """The constraints of requests about the first four rows."""
    model = model()
    made = generator(model, conditions, n_examples=n_examples, schema=schema, **settings)
    made.make(schema.encode(TABLE.drop(columns=schema.target.name), TABLE[schema.target.name])[:4], RNG(0))
    return [request.constraint for request in model.requests], made


def test_a_new_row_has_the_class_of_the_example_in_its_place():
    found, made = grammars()

    for grammar, labels in zip(found, (["g0", "g1"], ["g2", "g3"]), strict=True):
        codes = [CLASSES.target.levels.index(label) for label in labels]
        rows = [{1: Allowed(np.arange(12) == code, (), False)} for code in codes]
        assert grammar == made.asker.form.grammar(2, narrowed=rows)
        assert grammar != made.asker.form.grammar(2)


@pytest.mark.parametrize(
    ("n_examples", "line"),
    [(1, "In the new row, group is g0."), (2, "In the new rows, in this order, group is g0, g1.")],
)
def test_the_class_is_told_since_it_is_written_last(n_examples, line):
    model = Constrained()
    made = generator(model, n_examples=n_examples, schema=CLASSES)

    made.make(CLASSES.encode(TABLE[["age"]], TABLE["group"])[:2], RNG(0))

    assert said(model.requests[0]).endswith(line)


@pytest.mark.parametrize(
    "settings",
    [{"stratify": False}, {"schema": NUMBERS}, {"model": Recorder}, {"conditions": {"group": {"g1", "g2"}}}],
)
def test_classes_are_left_to_the_model_where_they_have_to_be(settings):
    found, made = grammars(**settings)

    assert set(found) == {made.asker.form.grammar(2)}


def test_the_embedded_model_keeps_the_shares_of_classes():
    pytest.importorskip("llama_cpp")
    y = pd.Series(np.where(np.arange(60) % 3, "well", "ill"), name="outcome")
    settings = {"optimize": False, "init": "none", "output": "csv", "column_kinds": {"age": "continuous"}}

    _, drawn = MallmGanSynthesizer(**settings, random_state=0).fit(TABLE[["age"]], y).sample(60)

    assert drawn.value_counts().to_dict() == {"well": 40, "ill": 20}
