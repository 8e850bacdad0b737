import numpy as np
import pandas as pd
import pytest

from skgensynth.constraints import Item
from skgensynth.constraints.view import TableView
from skgensynth.exceptions import ConstraintError

TABLE = pd.DataFrame({"age": [10.0, 18.0, 30.0, np.nan], "sex": ["F", "M", None, "F"]})


@pytest.mark.parametrize(
    ("item", "text", "holds", "fails"),
    [
        (Item("age", "<", ("18",)), "age < 18", [1, 0, 0, 0], [0, 1, 1, 0]),
        (Item("age", "<=", ("18",)), "age <= 18", [1, 1, 0, 0], [0, 0, 1, 0]),
        (Item("age", ">", ("18",)), "age > 18", [0, 0, 1, 0], [1, 1, 0, 0]),
        (Item("age", ">=", ("18",)), "age >= 18", [0, 1, 1, 0], [1, 0, 0, 0]),
        (Item("age", "between", ("18", "30")), "age is between 18 and 30", [0, 1, 1, 0], [1, 0, 0, 0]),
        (Item("age", "is", ("10", "30.0")), "age is 10 or 30.0", [1, 0, 1, 0], [0, 1, 0, 0]),
        (Item("age", "missing"), "age is missing", [0, 0, 0, 1], [1, 1, 1, 0]),
        (Item("age", "not missing"), "age is not missing", [1, 1, 1, 0], [0, 0, 0, 1]),
        (Item("sex", "is", ("F",)), "sex is F", [1, 0, 0, 1], [0, 1, 0, 0]),
        (Item("sex", "is", ("X",)), "sex is X", [0, 0, 0, 0], [1, 1, 0, 1]),
        (Item("sex", "is not", ("F",)), "sex is not F", [0, 1, 0, 0], [1, 0, 0, 1]),
        (Item("sex", "is not", ("F", "X")), "sex is neither F nor X", [0, 1, 0, 0], [1, 0, 0, 1]),
    ],
)
def test_an_item_is_true_false_or_unknown(item, text, holds, fails):
    view = TableView(TABLE)
    assert str(item) == text
    assert item.holds(view).tolist() == [bool(value) for value in holds]
    assert item.fails(view).tolist() == [bool(value) for value in fails]
    known = [a or b for a, b in zip(holds, fails, strict=True)]
    assert item.known(view).tolist() == [bool(value) for value in known]


def test_an_answer_is_found_once():
    view = TableView(TABLE)
    item = Item("age", "<", ("18",))
    assert item.holds(view) is Item("age", "<", ["18"]).holds(view)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("age", "like", ("1",)), "'like' on column 'age' is not an operator"),
        (("age", "<", ("1", "2")), "'<' on column 'age' has 2 values; it takes 1"),
        (("age", "between", ("1",)), "'between' on column 'age' has 1 values; it takes 2"),
        (("age", "is", ()), "'is' on column 'age' has 0 values; it takes at least 1"),
        (("age", "missing", ("1",)), "'missing' on column 'age' has 1 values; it takes 0"),
        (("age", "<", ("old",)), "column 'age' cannot be compared with 'old'; give a number or time"),
    ],
)
def test_what_is_no_item_is_refused(arguments, message):
    with pytest.raises(ConstraintError, match=message):
        Item(*arguments)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (Item("size", "is", ("1",)), "there is no column 'size'; columns are age, sex"),
        (Item("sex", "is", ("X",)), "column 'sex' has no value 'X'; it has the values F, M"),
        (Item("sex", ">", ("1",)), "column 'sex' holds no numbers, so it has no order"),
        (Item("age", "is", ("old",)), "column 'age' holds numbers, and 'old' is none"),
        (Item("age", ">", ("5h",)), "column 'age' holds numbers, and '5h' is none"),
    ],
)
def test_items_that_do_not_suit_the_table_are_refused(item, message):
    with pytest.raises(ConstraintError, match=message):
        item.verify(TableView(TABLE))
