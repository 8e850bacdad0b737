from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgensynth.llm.rows.readers import csv_lines, json_objects


def objects(text):
    """Members of each object, values as (text, quoted), and its problem."""
    return [
        ({name: (cell.texts[0], cell.quoted) for name, cell in found.members}, found.problem)
        for found in json_objects(text)
    ]


def cells(text):
    return [[cell.texts for cell in line] for line, _ in csv_lines(text, 100)]


@pytest.mark.parametrize(
    "text",
    [
        '[{"age":75,"sex":"M"}]',
        'Sure! Here\'s one:\n```json\n[\n  {"age": 75, "sex": "M"},\n]\n```\nThat\'s all {really}.',
        '{"rows": [{"age": 75, "sex": "M"}]}',
        "{'age': 75, 'sex': 'M'}",
        '{age: 75, sex: "M",}',
        '{"age":75,,"sex":"M"}',
        '\ufeff{"age"\n:\t75 ,"sex" : \'M\' }',
    ],
)
def test_one_object_is_found_whatever_is_around_it(text):
    assert objects(text) == [({"age": ("75", False), "sex": ("M", True)}, "")]


def test_json_lines_are_read():
    assert [found[0]["a"][0] for found in objects('{"a":1}\n{"a":2} {"a":3}')] == ["1", "2", "3"]


def test_nothing_by_any_of_its_names_is_null():
    members = objects("{'a': None, 'b': NaN, 'c': null, 'd': 'None'}")[0][0]

    assert members == {"a": ("null", False), "b": ("null", False), "c": ("null", False), "d": ("None", True)}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"a\"b\\c\n\u0041"', 'a"b\\c\nA'),
        (r"'it\'s \"so\"'", 'it\'s "so"'),
        (r"""'say "so"\n'""", 'say "so"\n'),
        (r'"\ud83d\ude00"', "😀"),
        (r'"a\qb"', "aqb"),
        ('"a}, {b"', "a}, {b"),
    ],
)
def test_strings_are_read_with_their_escapes(written, meant):
    assert objects('{"a": ' + written + "}") == [({"a": (meant, True)}, "")]


@given(st.dictionaries(st.text(), st.text(), min_size=1), st.booleans())
def test_json_strings_are_read_as_json_reads_them(members, ascii_only):
    found = objects(json.dumps([members], ensure_ascii=ascii_only))

    assert found == [({name: (text, True) for name, text in members.items()}, "")]


def test_a_broken_object_does_not_hide_the_next():
    found = objects('[{"a": 1, "b": "x}, {"a": 2, "b": "y"}, {"a": [3]}, {"a": 4}]')

    assert ({"a": ("4", False)}, "") in found
    assert found[0][1] == "the row is not well formed"


@pytest.mark.parametrize("end", ['{"a": 2', '{"a": 2, ', '{"a": 2, "b', '{"a": 2, "b":'])
def test_a_cut_off_object_says_so(end):
    *first, last = objects('{"a": 1, "b": 1}' + end)

    assert first == [({"a": ("1", False), "b": ("1", False)}, "")]
    assert last == ({"a": ("2", False)}, "the row is cut off")


def test_lines_are_taken_apart_at_commas_outside_quotes():
    assert cells('a, b ,,"c,d" \r\n\n```\n,') == [[("a",), ("b",), ("",), ("c,d",)], [("",), ("",)]]


@pytest.mark.parametrize(
    ("line", "readings"),
    [
        ('"say ""so"""', ('say "so"',)),
        (r'"say \"so\""', ('say "so"', 'say \\"so\\"')),
        (r'"C:\temp"', ("C:\temp", "C:\\temp")),
        ("'a, b'", ("a, b", "'a, b'")),
        ("'it''s'", ("it's", "'it''s'")),
        ('"a" b', ('"a" b',)),
        ('"a', ('"a',)),
    ],
)
def test_quoted_cells_give_each_reading(line, readings):
    assert cells(line) == [[readings]]


@pytest.mark.parametrize("unit", ["{[", '{"', '{"a":', "{'\"", '{"a":"\\', '"x,', '",', '"\\",', ",", "\\", "{ ", " "])
@pytest.mark.timeout(100)  # Work that grows with the square of the length would take hours.
def test_a_megabyte_of_anything_is_read_to_its_end(unit):
    text = unit * (1_000_000 // len(unit))
    for _ in json_objects(text):
        pass
    for _ in csv_lines(text, 200):
        pass
