from __future__ import annotations

import io
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tests.slow import thinned
from tlbench.annotations.instances.curves import DetectionCurves
from tlbench.pictures.curves import curves_figure
from tlbench.pictures.figures import confusion_figure, image_figure, picture, plain, short_name
from tlbench.tasks.classification.reliability import reliability_figure
from tlbench.tasks.detection.figures import f1_confidence_figure, precision_recall_figure
from tlbench.tasks.semantic_segmentation.figures import class_iou_figure

pytestmark = pytest.mark.usefixtures("drawn_figures")


def draw(figure: Figure) -> np.ndarray:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def test_confusion_shows_counts_and_the_shares_of_each_true_class() -> None:
    confusion = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])  # the third class never occurs
    axes = confusion_figure(confusion, ["cat", "dog", "cow"]).axes[0]
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert len(counts) == 9
    assert counts[(1, 0)] == "2"  # x is the predicted class, y the true one
    assert counts[(0, 1)] == "1"
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0.8, 0.2, 0], [0.25, 0.75, 0], [0, 0, 0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "cow"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


@pytest.mark.parametrize(("classes", "texts"), [(1, 1), (20, 400), (21, 0), (100, 0)])
def test_confusion_has_counts_up_to_20_classes_and_names_that_do_not_overlap(classes: int, texts: int) -> None:
    figure = confusion_figure(np.eye(classes, dtype=np.int64) * 12345, [f"class number {i}" for i in range(classes)])
    draw(figure)
    axes = figure.axes[0]
    assert len(axes.texts) == texts
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(boxes))
    if texts:
        cell = axes.get_window_extent().width / classes
        assert max(text.get_window_extent().width for text in axes.texts) <= cell


def test_counts_of_pixels_are_rounded_so_that_they_have_room() -> None:
    confusion = np.array([[2_982_977, 36_371], [9_999, 999_600]])
    axes = confusion_figure(confusion, ["background", "ink"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["2.98M", "36.4k", "9999", "1000k"]
    exact = confusion_figure(confusion[:, 1:] @ np.ones((1, 2), np.int64) // 11, ["a", "b"]).axes[0]
    assert [text.get_text() for text in exact.texts] == ["3306", "3306", "90872", "90872"]


@pytest.mark.parametrize("size", [(1, 1), (29, 58), (113, 1127), (1001, 647)])
def test_an_image_is_a_figure_pixel_by_pixel(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    figure = image_figure(pixels)
    np.testing.assert_array_equal(draw(figure)[..., :3], pixels)
    with Image.open(io.BytesIO(picture(figure))) as written:
        np.testing.assert_array_equal(np.asarray(written.convert("RGB")), pixels)


WILD = (
    "猫",
    "قطة",
    "🐈",
    "$x_1$",
    "a$b",
    "_low",
    "<b>&amp;",
    "100 %",
    "\\frac",
    "two\nlines",
    "a name of far more letters " * 5,
)


@pytest.mark.promise("names in any script in pictures")
@pytest.mark.filterwarnings("error")
def test_names_in_any_script_are_drawn_without_empty_boxes_and_make_no_formulas() -> None:
    count = len(WILD)
    grid, rows = np.linspace(0, 1, 101), np.zeros((8, 101))
    curves = DetectionCurves(WILD[:8], grid, rows, rows[0], grid, *[rows, rows[0]] * 3)
    confusion = np.eye(count, dtype=np.int64)
    for figure in (
        confusion_figure(confusion, WILD, WILD[3]),
        class_iou_figure(confusion, WILD, WILD[0]),
        precision_recall_figure(curves, WILD[2]),
        f1_confidence_figure(curves, 0.5, np.zeros(8), WILD[3]),
        reliability_figure(torch.eye(3), torch.arange(3), WILD[3]),
        curves_figure([{"epoch": 1, "val/oa": 0.5}], "val/oa", 1, title=" ".join(WILD)),
    ):
        draw(figure)
    shown = [plain(name) for name in WILD]
    assert len(set(shown)) == count
    assert shown[3] == r"\$x_1\$"
    assert shown[9] == r"two\nlines"
    legend = precision_recall_figure(curves).axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][5] == " _low: 0.000"


def test_of_a_long_name_beginning_and_end_are_shown() -> None:
    assert short_name("golden_retriever_dog_number_1", 16) == "golden_r…umber_1"
    assert short_name("golden_retriever_dog_number_2", 16) == "golden_r…umber_2"
    assert short_name("a" * 16, 16) == "a" * 16


def test_tensorboard_takes_the_figures_and_leaves_none_open() -> None:
    from matplotlib import pyplot
    from torch.utils.tensorboard._utils import figure_to_image

    image = figure_to_image(confusion_figure(np.eye(3, dtype=np.int64), ["a", "b", "c"]))
    assert image.shape[0] == 3
    assert image.std() > 0
    assert pyplot.get_fignums() == []


@pytest.mark.promise("matplotlibrc")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", thinned(["text", "fifo"], 2))
def test_a_matplotlibrc_of_the_working_folder_counts_for_nothing(tmp_path, kind):
    if kind == "fifo":
        os.mkfifo(tmp_path / "matplotlibrc")
    else:
        (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: module://evil\n")
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    program = (
        "import sys; sys.path[:] = [p for p in sys.path if p]\n"
        "from tlbench.cli.entry import prepare_process; prepare_process()\n"
        "import tlbench.pictures.figures, matplotlib, matplotlib.pyplot\n"
        "sys.exit(matplotlib.rcParams['text.usetex'] or matplotlib.get_backend() != 'agg')"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment).returncode == 0
