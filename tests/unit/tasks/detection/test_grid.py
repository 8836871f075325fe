from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tlbench.tasks.detection.grid import ShownImage, detections_figure

OBJECT, RIGHT, FALSE = "#009e73", "#0072b2", "#d55e00"


def shown(
    name: str = "a.jpg",
    boxes: list[list[float]] | None = None,
    found: list[list[float]] | None = None,
    size: tuple[int, int] = (90, 160),
    crowds: list[list[float]] | None = None,
) -> ShownImage:
    """Of the detections the first is right; the objects but the first are missed."""
    boxes, found = boxes or [], found or []
    return ShownImage(
        name=name,
        pixels=np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8),
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        labels=np.arange(len(boxes)) % 2,
        missed=np.arange(len(boxes)) > 0,
        found=np.array(found, dtype=np.float64).reshape(-1, 4),
        found_labels=np.arange(len(found)) % 2,
        scores=np.linspace(0.9, 0.5, len(found), dtype=np.float32),
        false=np.arange(len(found)) == 1,
        crowds=np.array(crowds or [], dtype=np.float64).reshape(-1, 4),
        ignored=np.arange(len(found)) > 1,
    )


def rectangles(axes: Axes) -> list[tuple[list[float], str, bool]]:
    """Corners, colour, and whether solid."""
    drawn = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [([*p.get_xy(), *p.get_corners()[2]], to_hex(p.get_edgecolor()), p.get_linestyle() == "-") for p in drawn]


def texts(axes: Axes) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_bbox_patch()) for text in axes.texts]
    return [(text, to_hex(patch.get_facecolor())) for text, patch in boxes if patch is not None]


def draw(figure: Figure) -> FigureCanvasAgg:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return canvas


def test_objects_are_solid_and_detections_dashed_in_the_colour_of_what_they_are() -> None:
    image = shown(boxes=[[10, 20, 50, 60], [80, 20, 120, 70]], found=[[11, 20, 50, 60], [100, 5, 150, 30]])
    [axes] = detections_figure([image], ["cat", "dog"], 0.5).axes
    np.testing.assert_array_equal(axes.images[0].get_array(), image.pixels)
    assert rectangles(axes) == [
        ([10, 20, 50, 60], OBJECT, True),
        ([80, 20, 120, 70], OBJECT, True),
        ([100, 5, 150, 30], FALSE, False),
        ([11, 20, 50, 60], RIGHT, False),
    ]
    assert sorted(texts(axes)) == [("cat 0.90", RIGHT), ("dog", OBJECT), ("dog 0.50", FALSE)]  # missed: the dog
    assert axes.get_title() == "a.jpg\n1 missed, 1 false"


def test_crowds_and_what_is_in_them_are_grey() -> None:
    found = [[11, 20, 50, 60], [100, 5, 150, 30], [105, 30, 120, 40]]
    image = shown(boxes=[[10, 20, 50, 60]], found=found, crowds=[[100, 20, 150, 80]])
    figure = detections_figure([image], ["cat", "dog"], 0.5)
    [axes] = figure.axes
    grey = to_hex("0.45")
    assert ([100, 20, 150, 80], grey, True) in rectangles(axes)
    assert ([105, 30, 120, 40], grey, False) in rectangles(axes)
    assert axes.get_title() == "a.jpg\n0 missed, 1 false"
    assert figure.legends[0].get_texts()[-1].get_text() == "crowd, and what is in it"
    assert len(detections_figure([shown()], ["cat"], 0.5).legends[0].get_texts()) == 3


def test_of_one_class_there_are_scores_alone() -> None:
    image = shown(boxes=[[10, 20, 50, 60]] * 2, found=[[11, 20, 50, 60]])
    [axes] = detections_figure([image], ["signature"], 0.5).axes
    assert texts(axes) == [("0.90", RIGHT)]


def test_of_many_detections_all_are_drawn_and_the_surest_labelled() -> None:
    image = shown(found=[[5 + i, 5, 60 + i, 60] for i in range(40)])
    [axes] = detections_figure([image], ["signature"], 0.001).axes
    assert len(rectangles(axes)) == 40
    scores = sorted(float(text) for text, _ in texts(axes))
    assert scores == pytest.approx(np.sort(image.scores)[-12:].astype(float), abs=0.006)


@pytest.mark.parametrize("count", [1, 2, 5, 16])
@pytest.mark.parametrize("size", [(90, 160), (160, 90), (64, 64), (20, 300)])
def test_images_come_in_order_one_beside_the_other(count: int, size: tuple[int, int]) -> None:
    figure = detections_figure([shown(f"{i}.jpg", size=size) for i in range(count)], ["cat"], 0.5)
    assert [axes.get_title().partition("\n")[0] for axes in figure.axes] == [f"{i}.jpg" for i in range(count)]
    draw(figure)
    places = [axes.get_window_extent() for axes in figure.axes]
    assert [(round(-p.y1), round(p.x0)) for p in places] == sorted((round(-p.y1), round(p.x0)) for p in places)
    whole = [axes.get_tightbbox() for axes in figure.axes]
    everything = [box for box in [*whole, *(legend.get_window_extent() for legend in figure.legends)] if box]
    assert all(not a.overlaps(b) for i, a in enumerate(everything) for b in everything[:i])
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in everything)


def test_labels_stay_in_the_image() -> None:
    corners = [[0, 0, 9, 9], [151, 0, 160, 9], [0, 81, 9, 90], [151, 81, 160, 90]]
    image = shown(boxes=corners, found=corners)
    figure = detections_figure([image], ["a_long_name_of_a_class", "another_long_name"], 0.5)
    draw(figure)
    [axes] = figure.axes
    place = axes.get_window_extent()
    for text in axes.texts:
        box = text.get_window_extent()
        assert box.x0 >= place.x0 - 2
        assert box.x1 <= place.x1 + 2
        assert box.y0 >= place.y0 - 2
        assert box.y1 <= place.y1 + 2


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("images/test/0001.jpg", "0001.jpg"),
        ("the_recording_of_a_long_session_in_may_00017.jpg", "…ong_session_in_may_00017.jpg"),
        ("a$b$.jpg", r"a\$b\$.jpg"),
        ("\udcff.jpg", r"\udcff.jpg"),
    ],
)
def test_a_name_is_the_end_of_its_path(name: str, title: str) -> None:
    figure = detections_figure([shown(name)], ["cat"], 0.5)
    shown_as = figure.axes[0].get_title().partition("\n")[0]
    assert shown_as.lstrip("…").endswith(title.lstrip("…"))
    assert len(shown_as) <= 32
    assert np.asarray(draw(figure).buffer_rgba())[..., :3].std() > 0
