from __future__ import annotations

import pytest

from tests.composed import config
from tlbench.data.carve_options import carved_fractions, class_numbers
from tlbench.errors import DataError


def test_classes_are_numbered_in_the_wanted_order():
    assert class_numbers(("cat", "dog", "cow"), ["cow", "cat"]).tolist() == [1, -1, 0]


def test_classes_that_do_not_exist():
    with pytest.raises(DataError) as caught:
        class_numbers(("cat", "dog"), ["cat", "cow", "hen"])
    assert str(caught.value) == "data.classes: no class 'cow', 'hen'; the data have cat, dog"


@pytest.mark.parametrize("wanted", [["0"], ["0", "1"], ["stamp", "7"]])
def test_numbers_of_classes_that_have_names_are_told_with_them(wanted):
    """Also of boxes: what `data.classes=[0]` holds once it is read as text."""
    with pytest.raises(DataError) as caught:
        class_numbers(("stamp", "photo"), wanted)
    given = ", ".join(repr(name) for name in wanted if name.isdecimal())
    assert str(caught.value) == (
        f"data.classes: no class is named {given}, and classes are chosen by their names; counted from 0, the data "
        "have 0: stamp, 1: photo"
    )
    assert class_numbers(("0", "1", "10"), ["10", "1"]).tolist() == [-1, 1, 0]


def test_what_lacks_is_carved_and_test_comes_first():
    data = config().data.model_copy(update={"val_fraction": 0.1, "test_fraction": 0.2})
    assert list(carved_fractions(data, ["train"]).items()) == [("test", 0.2), ("val", 0.1)]
    assert carved_fractions(data, ["train", "test"]) == {"val": 0.1}
    assert carved_fractions(data, ["train", "val", "test"]) == {}


def test_a_fraction_that_lacks():
    data = config().data.model_copy(update={"test_fraction": None})
    with pytest.raises(DataError) as caught:
        carved_fractions(data, ["train", "val"])
    assert str(caught.value) == "data.test_fraction=null: there is no test split; give a fraction in (0, 1)"
    assert carved_fractions(data, ["train", "test"]) == {"val": data.val_fraction}
