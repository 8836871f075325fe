from __future__ import annotations

import io
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image

from tlbench.pictures.figures import confusion_figure, curves_figure, image_figure, picture

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


@pytest.mark.parametrize("size", [(1, 1), (29, 58), (113, 1127), (1001, 647)])
def test_an_image_is_a_figure_pixel_by_pixel(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    figure = image_figure(pixels)
    np.testing.assert_array_equal(draw(figure)[..., :3], pixels)
    with Image.open(io.BytesIO(picture(figure))) as written:
        np.testing.assert_array_equal(np.asarray(written.convert("RGB")), pixels)


def test_curves_are_mean_and_range_over_the_epochs_all_seeds_reached() -> None:
    tin200 = {0: [(1, 0.5), (2, 0.75)], 1: [(1, 0.7), (2, 0.25), (3, 0.9)]}
    figure = curves_figure({"tin200": tin200, "random": {0: [(1, 0.1), (2, 0.2)]}}, "val/oa", "digits")
    axes = figure.axes[0]
    mean, random = (line for line in axes.lines if not line.get_label().startswith("_"))
    assert [mean.get_label(), random.get_label()] == ["tin200 (2 seeds)", "random (1 seed)"]
    np.testing.assert_allclose(mean.get_xydata(), [(1, 0.6), (2, 0.5)])
    thin = [line for line in axes.lines if line.get_label().startswith("_")]
    assert [line.get_xydata().tolist() for line in thin] == [[list(p) for p in points] for points in tin200.values()]
    (band,) = (c for c in axes.collections if isinstance(c, PolyCollection))
    corners = band.get_paths()[0].vertices
    assert {(1.0, 0.5), (1.0, 0.7), (2.0, 0.25), (2.0, 0.75)} == {(x, y) for x, y in corners.tolist()}
    assert mean.get_color() != random.get_color()
    assert (axes.get_ylabel(), axes.get_title()) == ("val/oa", "digits")
    draw(figure)


def test_tensorboard_takes_the_figures_and_leaves_none_open() -> None:
    from matplotlib import pyplot
    from torch.utils.tensorboard._utils import figure_to_image

    image = figure_to_image(confusion_figure(np.eye(3, dtype=np.int64), ["a", "b", "c"]))
    assert image.shape[0] == 3
    assert image.std() > 0
    assert pyplot.get_fignums() == []


@pytest.mark.promise("matplotlibrc")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["text", "fifo"])
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
