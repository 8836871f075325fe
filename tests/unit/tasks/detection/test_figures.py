from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tlbench.annotations.instances.curves import DetectionCurves, detection_curves
from tlbench.annotations.instances.matches import Matches
from tlbench.pictures.figures import picture
from tlbench.tasks.detection.figures import f1_confidence_figure, precision_recall_figure

pytestmark = pytest.mark.usefixtures("drawn_figures")


def curves(objects: Sequence[int], seed: int = 0, detections: int = 30) -> DetectionCurves:
    random = np.random.default_rng(seed)
    total = detections * len(objects)
    scores = random.permutation(np.linspace(0.05, 0.9, total)).astype(np.float32)
    hits = np.where(random.random(total) < scores, 1, 0).astype(np.int32)
    labels = np.arange(total, dtype=np.int32) % len(objects)
    names = ["cat", "a_very_long_name_of_a_class_of_buildings", "x$y$z", *(f"class {i}" for i in range(3, 100))]
    matches = Matches.sort(scores, labels, hits, hits.astype(np.float32), np.array(objects))
    return detection_curves(matches, names[: len(objects)])


def legend(axes: Axes) -> list[str]:
    found = axes.get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def labelled(axes: Axes, start: str) -> Line2D:
    [line] = [line for line in axes.lines if str(line.get_label()).startswith(start)]
    return line


def test_precision_recall_has_a_line_a_class_with_its_ap50_and_the_thick_mean() -> None:
    given = curves([40, 30, 0])
    [axes] = precision_recall_figure(given, "test").axes
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), given.recall_grid)
    for line, row in zip(axes.lines, given.precision_at_recall, strict=False):
        np.testing.assert_array_equal(line.get_ydata(), row)
    mean = labelled(axes, "mean")
    np.testing.assert_array_equal(mean.get_ydata(), given.mean_precision_at_recall)
    assert mean.get_linewidth() > max(line.get_linewidth() for line in axes.lines[:3])
    ap = given.precision_at_recall.mean(axis=1)
    assert legend(axes) == [
        f"cat: {ap[0]:.3f}",
        f"a_very_long_na…_of_buildings: {ap[1]:.3f}",
        r"x\$y\$z: no objects",
        f"mean: {ap[:2].mean():.3f}",
    ]
    assert axes.get_title() == "precision–recall at IoU 0.5, test"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")


def test_f1_has_the_chosen_confidence_and_the_means_precision_and_recall() -> None:
    given = curves([40, 30, 0])
    [axes] = f1_confidence_figure(given, 0.3125, np.array([0.5, 0.25, np.nan]), "test").axes
    for line, row in zip(axes.lines, given.f1, strict=False):
        np.testing.assert_array_equal(line.get_xdata(), given.confidence_grid)
        np.testing.assert_array_equal(line.get_ydata(), row)
    np.testing.assert_array_equal(labelled(axes, "mean: ").get_ydata(), given.mean_f1)
    np.testing.assert_array_equal(labelled(axes, "mean precision").get_ydata(), given.mean_precision)
    np.testing.assert_array_equal(labelled(axes, "mean recall").get_ydata(), given.mean_recall)
    chosen = labelled(axes, "confidence")
    assert list(chosen.get_xdata()) == [0.3125, 0.3125]
    assert chosen.get_label() == "confidence 0.312"
    assert {"cat: 0.500", r"x\$y\$z: no objects", "mean: 0.375"} <= set(legend(axes))


def test_one_class_has_no_mean_beside_it() -> None:
    given = curves([20])
    [axes] = precision_recall_figure(given).axes
    assert legend(axes) == [f"cat: {given.precision_at_recall.mean():.3f}"]
    [axes] = f1_confidence_figure(given, 0.5, np.array([0.75])).axes
    assert legend(axes) == ["cat: 0.750", "precision", "recall", "confidence 0.500"]


@pytest.mark.parametrize(("classes", "named"), [(8, 8), (9, 0)])
def test_more_than_eight_classes_are_grey_lines_without_names(classes: int, named: int) -> None:
    given = curves([10] * (classes - 1) + [0] if not named else [10] * classes)
    for figure in (precision_recall_figure(given), f1_confidence_figure(given, 0.5, np.full(classes, 0.5))):
        [axes] = figure.axes
        per_class = axes.lines[: named or classes - 1]  # none of the one without objects
        looks = {(line.get_color(), line.get_linestyle()) for line in per_class}
        assert len(looks) == (named or 1)
        assert labelled(axes, "mean: ").get_color() == "black"
        assert (f"each of {classes - 1} classes" in legend(axes)) == (named == 0)
        assert sum(text.startswith(("class ", "cat")) for text in legend(axes)) == max(named - 2, 0)


def test_without_objects_and_without_detections_there_is_a_figure_that_says_so() -> None:
    nothing = curves([0, 0])
    for figure in (precision_recall_figure(nothing), f1_confidence_figure(nothing, 0.5, np.full(2, np.nan))):
        assert [text.get_text() for text in figure.axes[0].texts] == ["no objects"]
        assert "mean: no objects" in legend(figure.axes[0])
        assert picture(figure)
    unseen = curves([3, 4], detections=0)
    figure = precision_recall_figure(unseen)
    assert not figure.axes[0].texts
    assert "mean: 0.000" in legend(figure.axes[0])


def test_the_file_is_the_same_each_time() -> None:
    given = curves([40, 30])
    assert picture(precision_recall_figure(given)) == picture(precision_recall_figure(given))
