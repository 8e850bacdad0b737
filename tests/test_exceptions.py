import pickle

import pytest

from skgensynth import exceptions


def test_sampling_error_carries_its_rows_through_a_pickle():
    error = exceptions.SamplingError(
        "no rows", partial=[[1]], n_requested=5, reasons={"copy": 3}, examples=[[2], [3]]
    )  # fmt: skip
    reborn = pickle.loads(pickle.dumps(error))
    assert str(reborn) == "no rows"
    assert (reborn.partial, reborn.n_requested, reborn.reasons["copy"], reborn.reasons["other"]) == ([[1]], 5, 3, 0)
    assert reborn.examples == [[2], [3]]


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("SchemaError", ValueError),
        ("SchemaMismatchError", exceptions.SchemaError),
        ("CausalGraphError", ValueError),
        ("ConditionError", ValueError),
        ("ConstraintError", ValueError),
        ("ConstraintWarning", exceptions.SkgensynthWarning),
        ("SamplingError", RuntimeError),
        ("ModelNotFoundError", OSError),
        ("LanguageModelError", RuntimeError),
        ("BudgetExceededError", exceptions.LanguageModelError),
        ("ContextOverflowError", ValueError),
        ("GrammarError", ValueError),
        ("PromptError", ValueError),
        ("PromptWarning", UserWarning),
        ("RemoteRowsError", ValueError),
        ("TrainingRowsUnavailableError", ValueError),
        ("IdentifierWarning", exceptions.SkgensynthWarning),
        ("InterruptedTrainingWarning", UserWarning),
    ],
)
def test_each_is_also_one_of_pythons_own(name, builtin):
    found = getattr(exceptions, name)
    assert issubclass(found, builtin)
    assert issubclass(found, exceptions.SkgensynthWarning if "Warning" in name else exceptions.SkgensynthError)
