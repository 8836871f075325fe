from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from tlbench.pictures.figures import picture
from tlbench.robustness.figure import corruption_figure

pytestmark = pytest.mark.usefixtures("drawn_figures")

OA = {"fog": [0.8, 0.4], "snow": [0.6, None]}
ECE = {"fog": [0.1, 0.2], "snow": [0.3, 0.4]}


def texts(figure: Figure, panel: int) -> dict[tuple[float, float], str]:
    return {text.get_position(): text.get_text() for text in figure.axes[panel].texts}


def test_both_matrices_with_clean_and_means() -> None:
    figure = corruption_figure(OA, ECE, [1, 5], 0.9, 0.05, "digits")
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["fog", "snow", "mean"]
    assert [label.get_text() for label in left.get_xticklabels()] == ["clean", "1", "5", "mean"]
    assert (left.get_title(), right.get_title()) == ("OA", "ECE")
    shown = texts(figure, 0)
    assert [shown.get((column, 0)) for column in range(4)] == ["0.90", "0.80", "0.40", "0.60"]
    assert [shown.get((column, 1)) for column in range(4)] == ["0.90", "0.60", None, None]  # undefined: blank
    assert shown[(1, 2)] == "0.70"
    np.testing.assert_allclose(
        np.asarray(right.images[0].get_array()),
        [[0.05, 0.1, 0.2, 0.15], [0.05, 0.3, 0.4, 0.35], [0.05, 0.2, 0.3, 0.25]],
    )
    assert picture(figure).startswith(b"\x89PNG")


def test_all_undefined_is_drawn() -> None:
    figure = corruption_figure({"fog": [None]}, {"fog": [None]}, [3], None, None)
    assert picture(figure).startswith(b"\x89PNG")
