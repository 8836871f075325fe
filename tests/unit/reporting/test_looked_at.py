"""On which test images arms disagree, and what was taken for what."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tlbench.metrics.per_image import Details
from tlbench.reporting.looked_at import confusions, disagreement
from tlbench.reporting.matrices import MOST_CLASSES, matrix

PAIR = SimpleNamespace(arm="a", baseline="b")


def details(each, confusion=None) -> Details:
    return Details(
        np.array(each, float),
        lambda i: f"found {i}",
        lambda i: f"true {i}",
        confusion if confusion is None else lambda: confusion,
    )


KNOWN = {
    ("a", 0): details([1, 1, 0, 1]),
    ("a", 1): details([1, 0, 0, 1]),
    ("b", 0): details([1, 0, 0, 0]),
    ("b", 1): details([1, 0, 1, 0]),
    ("b", 2): details([0, 0, 0, 1]),  # without a partner
}
PRINTS = dict.fromkeys(KNOWN, "x")


def test_images_are_put_in_order_by_the_mean_over_common_seeds() -> None:
    found = disagreement(KNOWN, PRINTS, PAIR)
    assert found is not None
    assert (found.seeds, found.images) == ((0, 1), 4)
    np.testing.assert_array_equal(found.ahead, [0, 0.5, -0.5, 1])
    assert found.order == ([3, 1], [2])


def test_runs_of_other_test_images_are_not_looked_at_together() -> None:
    assert disagreement(KNOWN, {**PRINTS, ("b", 1): "y"}, PAIR) is None
    assert disagreement({}, {}, PAIR) is None
    assert disagreement({("a", 0): KNOWN["a", 0], ("b", 2): KNOWN["b", 2]}, PRINTS, PAIR) is None


def test_rounding_is_no_disagreement_and_what_is_undefined_counts_for_nothing() -> None:
    known = {
        ("a", 0): details([0.1, np.nan, 1]),
        ("a", 1): details([0.7, 1, 1]),
        ("b", 0): details([0.7, 1, 0]),
        ("b", 1): details([0.1 + 1e-16, 0, np.nan]),
    }
    found = disagreement(known, dict.fromkeys(known, "x"), PAIR)
    assert found is not None
    np.testing.assert_array_equal(found.ahead, [0, 1, 1])


def test_files_of_other_numbers_of_images_are_not_looked_at_together() -> None:
    known = {
        ("a", 0): details([1, 0]),
        ("a", 1): details([1, 0, 1]),
        ("b", 0): details([1, 0]),
        ("b", 1): details([1, 0]),
    }
    assert disagreement(known, dict.fromkeys(known, "x"), PAIR) is None


def test_confusions_are_a_mean_over_the_seeds_that_kept_some() -> None:
    known = {
        ("a", 0): details([1], np.array([[4, 0], [2, 2]])),
        ("a", 1): details([1], np.array([[2, 2], [0, 4]])),
        ("a", 2): details([1]),
    }
    counts = confusions(known, "a", [0, 1, 2, 3])
    np.testing.assert_array_equal(counts, [[3, 1], [1, 3]])
    assert confusions(known, "b", [0]) is None
    shown = matrix("a", counts, ["ant", "bee"])
    assert shown.rows == ((("75", 75.0), ("25", 25.0)), (("25", 25.0), ("75", 75.0)))
    assert shown.most == (("ant", "bee", "25.0"), ("bee", "ant", "25.0"))


@pytest.mark.parametrize(("share", "text"), [(0, ""), (0.2, "0.2"), (9.96, "10"), (55.4, "55")])
def test_small_shares_are_told_to_a_tenth(share: float, text: str) -> None:
    counts = np.array([[100 - share, share], [0, 1]])
    assert matrix("a", counts, ["ant", "bee"]).rows[0][1][0] == text


def test_of_many_classes_the_largest_confusions_are_listed() -> None:
    count = MOST_CLASSES + 1
    counts = 97 * np.eye(count)
    counts[4, 7], counts[2, 0] = 3, 1
    names = [f"class {i}" for i in range(count)]
    shown = matrix("a", counts, names)
    assert (shown.names, shown.rows) == ((), ())
    assert shown.most == (("class 4", "class 7", "3.0"), ("class 2", "class 0", "1.0"))


def test_a_class_that_never_occurs_has_no_shares() -> None:
    assert matrix("a", np.array([[0.0, 0.0], [0.0, 2.0]]), ["ant", "bee"]).rows[0] == (("", 0.0), ("", 0.0))
