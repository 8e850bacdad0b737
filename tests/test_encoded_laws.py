"""Compiled laws say of encoded rows what constraints say of tables."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints import Constraint, Implication, Item, Order, parse_constraint
from skgensynth.constraints.view import TableView
from skgensynth.encoded_laws import EncodedLaws
from skgensynth.exceptions import ConstraintError
from skgensynth.schema import TableSchema

KINDS = {"grade": "categorical"}


def table(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(-3, 9, n),
            "ratio": rng.normal(size=n),
            "price": rng.normal(size=n).round(1),
            "small": rng.normal(size=n).round(1).astype(np.float32),
            "count": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "grade": rng.integers(1, 5, n),
            "sex": rng.choice(["F", "M"], n),
            "flag": rng.random(n) < 0.5,
            "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 9, n), unit="D"),
            "big": 2**60 + rng.integers(0, 9, n),
        }
    )
    for name in ("ratio", "price", "count", "sex", "since"):
        X.loc[rng.random(n) < 0.2, name] = pd.NA if name == "count" else None
    return X


@pytest.fixture(scope="module")
def schema():
    return TableSchema.infer(table(), column_kinds=KINDS)


def check(schema, laws, values):
    laws = [law if isinstance(law, Constraint) else parse_constraint(law, schema) for law in laws]
    encoded = EncodedLaws(laws, schema)
    expected = np.column_stack([law.violated(TableView.of_encoded(values, schema)) for law in laws])
    assert np.array_equal(encoded.broken(values, np.arange(len(laws))), expected)
    some = np.random.default_rng(0).permutation(len(laws))[: len(laws) // 2 + 1]
    assert np.array_equal(encoded.broken(values, some), expected[:, some])
    assert encoded.broken(values[:0], some).shape == (0, len(some))
    return encoded, expected


ITEMS = [
    *(f"age {sign} {value}" for sign in ("<", "<=", ">", ">=") for value in ("3", "3.5")),
    *(f"price {sign} 0.3" for sign in ("<", "<=", ">", ">=")),
    "ratio is between -0.5 and 0.5",
    "ratio is missing",
    "ratio is not missing",
    "age is 3",
    "age is 3 or 4",
    "age is not 3",
    "count >= 2",
    "count is missing",
    "small <= 0.1",
    "grade is 2 or 3",
    "grade > 2",
    "sex is F",
    "sex is not F",
    "sex is missing",
    "sex is not missing",
    "flag is True",
    "since < 2024-01-05",
    "since is missing",
    f"big > {2**60 + 4}",
]


def test_every_item_on_either_side_of_an_implication(schema):
    laws = [f"if {one} then {other}" for one, other in itertools.permutations(ITEMS, 2)]
    values = schema.encode(table())
    encoded, expected = check(schema, laws, values)
    assert expected.any()
    assert not expected.all()
    # Or the comparison would be one of a thing with itself.
    n_compiled = encoded._compiled.sum()
    assert 0.5 * len(laws) < n_compiled < len(laws)


def test_domains_longer_implications_and_orders(schema):
    laws = [
        *ITEMS,
        "if age < 3 and sex is F and grade is 1 then price > 0 or count is 1",
        "if sex is M then flag is True or flag is False or ratio is missing",
        "age <= count",
        "price < ratio",
        "small <= price",
        Order("age", "big", strict=True),
        Order("since", "since"),
        "age + count = grade",
        "grade determines sex: 1 gives F, 2 gives M",
        "price is a whole number",
    ]
    _, expected = check(schema, laws, schema.encode(table(seed=1)))
    assert (expected.any(axis=0)).sum() > 0.8 * len(laws)


def test_numbers_next_to_a_bound_are_told_from_it():
    values = np.array([0.1, np.nextafter(0.1, 1), np.nextafter(0.1, 0), 1.0, 0.30000000000000004, np.nan])
    X = pd.DataFrame({"x": values, "y": values[::-1]})
    schema = TableSchema.infer(X, column_kinds={"x": "continuous", "y": "continuous"})
    laws = [f"x {sign} 0.1" for sign in ("<", "<=", ">", ">=")] + ["x is 0.3", "x is not 0.1", "x <= y", "x < y"]
    check(schema, laws, schema.encode(X))


def test_a_kind_of_the_users_own_is_checked_as_it_stands(schema):
    class Never(Implication):
        kind = "never"

        def violated(self, view):
            return np.ones(view.n_rows, dtype=bool)

    law = Never((Item("age", "<", ("3",)),), (Item("sex", "is", ("F",)),))
    _, expected = check(schema, [law, "age < 100"], schema.encode(table()))
    assert expected[:, 0].all()
    assert not expected[:, 1].any()


@pytest.mark.parametrize(
    "law", [Implication((Item("sex", "<", ("3",)),), (Item("age", ">", ("0",)),)), Order("sex", "age")]
)
def test_what_cannot_be_checked_is_told_where_it_is_checked(schema, law):
    encoded = EncodedLaws([law], schema)
    with pytest.raises(ConstraintError, match="sex"):
        encoded.broken(schema.encode(table()), np.arange(1))


def test_columns_without_values_break_nothing():
    X = pd.DataFrame({"x": [1.5, 2.5, 3.5], "empty": [None, None, None]})
    schema = TableSchema.infer(X)
    check(
        schema,
        ["if x < 2 then empty is missing", Implication((Item("x", ">", ("0",)),), (Item("empty", "is", ("a",)),))],
        schema.encode(X),
    )
