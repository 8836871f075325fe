from __future__ import annotations

import pytest

from tlbench.pictures.palette import CLASS_COLOURS, class_colour, contrast, rgb


@pytest.mark.promise("one drawer")
def test_a_class_has_one_colour_and_those_of_more_than_eight_recur():
    assert class_colour(0) == "#0072B2"
    assert len({class_colour(label) for label in range(8)}) == 8
    assert class_colour(8) == class_colour(0)


def test_no_class_is_lost_on_white_or_on_black():
    for colour in CLASS_COLOURS:
        red, green, blue = rgb(colour)
        assert 40 < 0.299 * red + 0.587 * green + 0.114 * blue < 180


def test_contrast_is_white_on_dark_and_black_on_light():
    assert contrast("#332288") == "#FFFFFF"
    assert contrast("#F0E442") == "#000000"
