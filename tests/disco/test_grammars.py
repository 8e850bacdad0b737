from __future__ import annotations

import math

import pytest

from skgensynth.disco.grammars import LevelGrammar, NumberGrammar, from_units, to_units

END = 99
CHARACTERS = {character: number for number, character in enumerate("-.0123456789")}
MISSING = (50, 51)


def every_value(grammar):
    """Values of all sequences that a grammar lets a decoder write."""
    found, prefixes = [], [()]
    while prefixes:
        prefix = prefixes.pop()
        allowed = grammar.allowed(prefix)
        if not allowed:
            found.append(grammar.value(prefix))
            assert grammar.tokens(found[-1]) == prefix
        for token in allowed:
            if token == END:
                found.append(grammar.value(prefix))
                assert grammar.tokens(found[-1]) == prefix
            else:
                prefixes.append((*prefix, token))
    return found


@pytest.mark.parametrize(
    ("intervals", "decimals", "expected"),
    [
        ([(0, 12)], 0, range(13)),
        ([(95, 105), (7, 8), (1000, 1001)], 0, [7, 8, *range(95, 106), 1000, 1001]),
        ([(-12, 3)], 0, range(-12, 4)),
        ([(-12, -9)], 0, range(-12, -8)),
        ([(5, 5)], 0, [5]),
        ([(0, 0)], 0, [0]),
        ([(-0.2, 0.3)], 1, [x / 10 for x in range(-2, 4)]),
        ([(0.98, 1.02)], 2, [x / 100 for x in range(98, 103)]),
        ([(9.95, 10.05)], 2, [x / 100 for x in range(995, 1006)]),
        ([(-1.5, -0.5), (99.5, 100)], 1, [*(x / 10 for x in range(-15, -4)), *(x / 10 for x in range(995, 1001))]),
        ([(2000, 5000)], -3, [2000, 3000, 4000, 5000]),
        ([(1e-12, 4e-12)], 12, [x / 10**12 for x in range(1, 5)]),
    ],
)
@pytest.mark.parametrize("missing", [None, MISSING])
def test_number_grammar_writes_exactly_the_numbers_of_its_intervals(intervals, decimals, expected, missing):
    values = every_value(NumberGrammar(intervals, decimals, CHARACTERS, missing, END))

    assert sorted(v for v in values if not math.isnan(v)) == [float(v) for v in sorted(expected)]
    assert sum(math.isnan(v) for v in values) == (missing is not None)


def test_number_grammar_without_an_interval_writes_only_missing():
    grammar = NumberGrammar([], 0, CHARACTERS, MISSING, END)

    assert every_value(grammar) == pytest.approx([math.nan], nan_ok=True)
    assert grammar.tokens(3.0) is None


def test_number_grammar_returns_the_bound_that_rounding_moved():
    grammar = NumberGrammar([(0.12345, 0.98765)], 2, CHARACTERS, None, END)

    values = every_value(grammar)

    assert min(values) == 0.12345
    assert max(values) == 0.98765
    assert grammar.tokens(0.12345) == grammar.tokens(0.12)


def test_number_grammar_holds_no_number_outside():
    grammar = NumberGrammar([(1, 3), (7, 9)], 0, CHARACTERS, None, END)

    assert grammar.tokens(5.0) is None
    assert grammar.tokens(math.nan) is None


def test_level_grammar_writes_each_level_once():
    sequences = {0.0: (1,), 1.0: (1, 2), 2.0: (3, 4), 3.0: (), math.nan: (3, 5)}

    values = every_value(LevelGrammar(sequences, END))

    assert sorted(v for v in values if not math.isnan(v)) == [0.0, 1.0, 2.0, 3.0]
    assert sum(map(math.isnan, values)) == 1


def test_level_grammar_of_one_level_leaves_no_choice():
    grammar = LevelGrammar({4.0: (7, 8)}, END)

    assert grammar.allowed(()) == (7,)
    assert grammar.allowed((7,)) == (8,)
    assert grammar.allowed((7, 8)) == ()
    assert grammar.tokens(1.0) is None


@pytest.mark.parametrize(("value", "decimals", "units"), [(263358.03, 2, 26335803), (-0.1, 1, -1), (12000.0, -3, 12)])
def test_units_round_trip(value, decimals, units):
    assert to_units(value, decimals) == units
    assert from_units(units, decimals) == value
