import uuid

import numpy as np
import pandas as pd
import pytest

from skgensynth.exceptions import IdentifierWarning, SchemaError
from skgensynth.schema import TableSchema

N = 40
RNG = np.random.default_rng(0)


def kind_of(name, values):
    return TableSchema.infer(pd.DataFrame({name: values, "other": [0.5, 1.5] * (len(values) // 2)})).columns[0].kind


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", list(range(N))),
        ("x", list(range(N))[::-1]),
        ("x", pd.array(range(5, N + 5), dtype="Int64")),
        ("patient_id", [5, 900, 17, 3]),
        ("PatientID", [5, 900, 17, 3]),
        ("patientId", ["x", "y", "z", "w"]),
        ("id", [5, 900, 17, 3]),
        ("mrn", [5, 900, 17, 3]),
        ("hospital MRN", [5, 900, 17, 3]),
        ("record_number", [5, 900, 17, 3]),
        ("PatientNo", [5, 900, 17, 3]),
        ("x", [f"text number {number}" for number in range(N)]),
        ("x", [f"{number % 37}" for number in range(N)]),
    ],
)
def test_identifiers_are_recognised(name, values):
    with pytest.warns(IdentifierWarning, match=repr(name)):
        assert kind_of(name, values) == "identifier"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", [number + (number > 20) for number in range(N)]),
        ("x", np.arange(float(N))),
        ("x", [f"{number % 30}" for number in range(N)]),
        ("x", [f"{number}" for number in range(18)]),
        ("x", range(18)),
        ("patient_id", [5, 5, 17, 3]),
        ("acid", [5, 900, 17, 3]),
        ("solid", [5, 900, 17, 3]),
        ("mrna", [5, 900, 17, 3]),
        ("children_number", [5, 900, 17, 3]),
        ("record_number", [5, 5, 17, 3]),
        ("x", pd.Categorical([f"{number}" for number in range(N)])),
        ("x", pd.date_range("2020-01-01", periods=N)),
    ],
)
def test_other_columns_are_not(name, values):
    assert kind_of(name, values) != "identifier"


FORMS = {
    "consecutive": pd.Series(range(100, 100 + N)),
    "sparse numbers": pd.Series(RNG.choice(10**6, N, replace=False), name="id"),
    "small dtype": pd.Series(range(N), dtype="int8"),
    "unsigned": pd.Series(np.uint64(2**64 - 2000) + np.arange(N, dtype=np.uint64)),
    "nullable": pd.Series([*range(N - 1), None], dtype="Int64"),
    "objects": pd.Series(list(range(N)), dtype=object),
    "numbered": pd.Series([f"P{number}" for number in range(N)]),
    "padded": pd.Series([f"{number:03d}" for number in range(N)]),
    "uuid": pd.Series([str(uuid.UUID(bytes=RNG.bytes(16))) for _ in range(N)]),
    "letters": pd.Series([f"{a}{b}-1" for a in "abcdefgh" for b in "vwxyz"], dtype="string"),
    "text": pd.Series([f"some words {'x' * number}!" for number in range(N)], dtype=object),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_new_identifiers_are_distinct_and_of_the_same_dtype(form):
    series = FORMS[form]
    table = pd.DataFrame({"id": series, "other": [0.5, 1.5] * (N // 2)})
    with pytest.warns(IdentifierWarning):
        schema = TableSchema.infer(table)
    values = np.resize(schema.encode(table), (80, 1))
    made, again, other = (schema.decode(values, np.random.default_rng(seed))["id"] for seed in (1, 1, 2))
    assert made.dtype == series.dtype
    assert made.is_unique
    assert made.notna().all()
    assert not set(made) & set(series.dropna())
    pd.testing.assert_series_equal(made, again)
    assert len(other) == 80
    assert len(schema.decode(values[:0], np.random.default_rng(0))) == 0


def test_new_identifiers_look_like_the_old_ones():
    made = {}
    for form in ("numbered", "padded", "uuid", "letters"):
        table = pd.DataFrame({"id": FORMS[form], "other": [0.5, 1.5] * (N // 2)})
        with pytest.warns(IdentifierWarning):
            schema = TableSchema.infer(table)
        made[form] = schema.decode(schema.encode(table), np.random.default_rng(0))["id"].astype(str)
    assert made["numbered"].tolist() == [f"P{N + row}" for row in range(N)]
    assert made["padded"].tolist() == [f"{N + row:03d}" for row in range(N)]
    assert made["uuid"].str.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").all()
    assert made["letters"].str.fullmatch(r"[a-z]{2}-1\d+").all()  # longer, as two letters do not suffice


def test_longer_identifiers_are_not_cut_in_arrays():
    X = np.array([[f"P{number:02d}", "ab"[number % 2]] for number in range(100)])
    with pytest.warns(IdentifierWarning):
        schema = TableSchema.infer(X)
    made = schema.decode(schema.encode(X), np.random.default_rng(0))
    assert made[0, 0] == "P100"
    assert len(set(made[:, 0])) == 100


def test_full_dtype_is_an_error():
    table = pd.DataFrame({"id": np.arange(100, dtype="int8"), "other": [0.5, 1.5] * 50})
    with pytest.warns(IdentifierWarning):
        schema = TableSchema.infer(table)
    with pytest.raises(SchemaError, match="'id' of dtype int8 has no room for 100 new identifiers after 99"):
        schema.decode(schema.encode(table), np.random.default_rng(0))
