import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgensynth.constraints.words import KEYWORDS, listed, name_text, split_words, value_text
from skgensynth.exceptions import ConstraintError


def test_a_sentence_is_taken_apart():
    words = split_words("if `heart rate` >= 1.5e+3 then seen < 2020-01-31T10:00:00+01:00")
    assert [(word.text, word.sort) for word in words] == [
        ("if", "name"),
        ("heart rate", "quoted"),
        (">=", "sign"),
        ("1.5e+3", "number"),
        ("then", "name"),
        ("seen", "name"),
        ("<", "sign"),
        ("2020-01-31T10:00:00+01:00", "number"),
    ]
    assert [word.keyword for word in words] == ["if", "", ">=", "", "then", "", "<", ""]


def test_signs_need_no_blanks_and_keywords_no_small_letters():
    assert [word.text for word in split_words("a<=b+c,d:e")] == ["a", "<=", "b", "+", "c", ",", "d", ":", "e"]
    assert split_words("IF")[0].keyword == "if"
    assert split_words("`if`")[0].keyword == ""


@pytest.mark.parametrize("name", ["age", "education-num", "Fo(Hz)", "a.b", "größe", "_x"])
def test_single_words_stand_bare(name):
    assert name_text(name) == value_text(name) == name


@pytest.mark.parametrize("name", ["heart rate", "a,b", "a:b", "<=50K", "", "`", *sorted(KEYWORDS), "IF"])
def test_others_stand_in_backquotes(name):
    quoted = "`" + name.replace("`", "``") + "`"
    assert name_text(name) == value_text(name) == quoted


def test_a_name_that_looks_like_a_number_is_quoted_but_a_value_is_not():
    assert name_text("3") == "`3`"
    assert value_text("3") == "3"
    assert value_text("-2.5e-07") == "-2.5e-07"


@given(st.text())
def test_written_words_are_read_as_they_were(text):
    for written in (name_text(text), value_text(text)):
        (word,) = split_words(written)
        assert word.text == text
        assert word.keyword == ""


@pytest.mark.parametrize(
    ("sentence", "message"),
    [("age & 3", "'&' cannot stand by itself at place 4"), ("age is `F", "a backquote is not closed at place 7")],
)
def test_other_characters_are_refused(sentence, message):
    with pytest.raises(ConstraintError, match=message):
        split_words(sentence)


def test_lists():
    assert listed(["a"], "or") == "a"
    assert listed(["a", "b", "c"], "or") == "a, b or c"
