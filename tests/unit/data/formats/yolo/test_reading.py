"""What label rows mean, decided over a set: each reading against boxes that are known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from tlbench.data.formats.yolo.labels import KeyPoints, LabelRows
from tlbench.data.formats.yolo.reading import check_plausible, decide
from tlbench.errors import DataError
from tlbench.system.voice import SILENT

Box = tuple[float, float, float, float]
ROOT = Path("data")


def boxes(count: int = 40, seed: int = 0) -> list[Box]:
    """`x1 y1 x2 y2` anywhere in the image, as fractions."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        w, h = draw.uniform(0.05, 0.3), draw.uniform(0.05, 0.3)
        x, y = draw.uniform(0, 1 - w), draw.uniform(0, 1 - h)
        found.append((x, y, x + w, y + h))
    return found


def centred(box: Box) -> list[float]:
    x1, y1, x2, y2 = box
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


def row(values: Sequence[float], of: int = 0) -> str:
    return " ".join([str(of), *(f"{value:.6f}" for value in values)])


def posed(box: Box, count: int, numbers: int, draw: random.Random, seen: Sequence[int] = (0, 1, 2)) -> str:
    """A box with key points within it; those that are not labelled are 0 0 0."""
    x1, y1, x2, y2 = box
    values = centred(box)
    for _ in range(count):
        visible = draw.choice(seen)
        if numbers == 3 and visible == 0:
            values += [0, 0, 0]
        else:
            values += [draw.uniform(x1, x2), draw.uniform(y1, y2), *([visible] if numbers == 3 else [])]
    return row(values)


def ring(box: Box, corners: int, turn: float = 0.3) -> str:
    """A polygon whose bounding box is the box: points around its middle, four of them on its sides."""
    x1, y1, x2, y2 = box
    angles = [turn + 2 * math.pi * k / corners for k in range(corners)]
    xs, ys = [math.cos(a) for a in angles], [math.sin(a) for a in angles]
    values: list[float] = []
    for x, y in zip(xs, ys, strict=True):
        values += [
            x1 + (x - min(xs)) / (max(xs) - min(xs)) * (x2 - x1),
            y1 + (y - min(ys)) / (max(ys) - min(ys)) * (y2 - y1),
        ]
    return row(values)


def quad(box: Box, oriented: bool) -> str:
    """An oriented box, or four corners of no particular shape, with this bounding box."""
    x1, y1, x2, y2 = box
    a, b = (x2 - x1) * 0.25, (y2 - y1) * 0.4
    corners = [(x1 + a, y1), (x2, y1 + b), (x2 - a, y2), (x1, y2 - b)]
    if not oriented:
        corners[2] = (x2 - 2.2 * a, y2)
    return row([number for corner in corners for number in corner])


@pytest.fixture
def read(voice) -> Callable[..., torch.Tensor]:
    """Corners of rows, one file each."""

    def read_rows(rows: Sequence[str], points: KeyPoints | None = None) -> torch.Tensor:
        found = LabelRows()
        for image, text in enumerate(rows):
            found.read(image, text.encode(), ("a", "b"), points if points and points.count else None)
        assert not found.bad
        decided = decide(ROOT, found, points, voice)
        assert not decided.bad.any()
        return decided.corners

    return read_rows


def same(found: torch.Tensor, wanted: Sequence[Box]) -> bool:
    return torch.allclose(found, torch.tensor(wanted, dtype=torch.float64), atol=2e-6)


SHAPES = [(1, 2), (2, 2), (3, 2), (4, 2), (8, 2), (17, 2), (1, 3), (2, 3), (3, 3), (4, 3), (5, 3), (17, 3), (21, 3)]


@pytest.mark.promise("key points by kpt_shape")
@pytest.mark.parametrize(("count", "numbers"), SHAPES)
def test_key_points_that_kpt_shape_tells_of(read, say, count: int, numbers: int):
    draw, wanted = random.Random(1), boxes()
    rows = [posed(box, count, numbers, draw) for box in wanted]
    assert same(read(rows, KeyPoints(count, numbers)), wanted)
    assert not say


@pytest.mark.promise("key points by their shapes")
@pytest.mark.parametrize(("count", "numbers"), [shape for shape in SHAPES if shape != (1, 2)])
@pytest.mark.parametrize("seen", [(0, 1, 2), (2,), (1,)])
def test_key_points_of_which_nothing_tells(read, say, count: int, numbers: int, seen: tuple[int, ...]):
    """Their shapes do: as polygons they would cross themselves, or leave the image."""
    draw, wanted = random.Random(2), boxes()
    assert same(read([posed(box, count, numbers, draw, seen) for box in wanted]), wanted)
    assert f"40 label rows of {5 + count * numbers} numbers are read as class cx cy w h and" in say[0]


@pytest.mark.parametrize("corners", [3, 4, 5, 6, 7, 8, 10, 25, 60])
def test_polygons_of_equally_many_points(read, say, corners: int):
    wanted = boxes()
    assert same(read([ring(box, corners, turn=0.1 * i) for i, box in enumerate(wanted)]), wanted)
    assert list(say) == ["40 label rows are polygons, and read as bounding boxes"]


@pytest.mark.parametrize("oriented", [True, False])
def test_quadrangles_and_oriented_boxes(read, oriented: bool):
    wanted = boxes()
    assert same(read([quad(box, oriented) for box in wanted]), wanted)


@pytest.mark.parametrize("where", [(0.0, 0.4), (0.6, 1.0)])
def test_oriented_boxes_in_one_corner_of_the_image(read, where: tuple[float, float]):
    """Each would also do as a box with two key points; that all are parallelograms tells."""
    low, high = where
    wanted = [tuple(low + (high - low) * number for number in box) for box in boxes()]
    assert same(read([quad(box, oriented=True) for box in wanted]), wanted)  # type: ignore[arg-type]


def test_polygons_of_any_number_of_points_beside_boxes(read, say):
    wanted = boxes(60)
    rows = [ring(box, 3 + i % 9) if i % 3 else row(centred(box)) for i, box in enumerate(wanted)]
    assert same(read(rows), wanted)
    assert list(say) == ["40 label rows are polygons, and read as bounding boxes, beside 20 boxes"]


def test_a_single_triangle_beside_boxes_is_one(read):
    """In the upper left it could be a box with a key point, but rows of poses are all as long."""
    wanted = [*boxes(), (0.3, 0.3, 0.4, 0.4)]
    assert same(read([*(row(centred(box)) for box in wanted[:-1]), ring(wanted[-1], 3)]), wanted)


def test_some_polygons_that_cross_themselves_are_still_polygons(read):
    wanted = boxes(50)
    rows = [ring(box, 9) for box in wanted]
    for i in range(0, 50, 10):
        cells = rows[i].split()
        cells[3:7] = [*cells[5:7], *cells[3:5]]
        rows[i] = " ".join(cells)
    assert same(read(rows), wanted)


@pytest.mark.promise("rows that can be both")
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [posed(box, 1, 2, random.Random(3)) for box in boxes()],
            "data: the 40 label rows of 7 numbers can be boxes with key points (class cx cy w h x1 y1 …) or polygons "
            "of 3 points, and nothing tells which; add to data.yaml kpt_shape: [1, 2] for key points, or kpt_shape: "
            "[0, 0] for polygons",
        ),
        (
            [ring((x1 / 3, y1 / 3, x2 / 3, y2 / 3), 6) for x1, y1, x2, y2 in boxes()],
            "data: the 40 label rows of 13 numbers can be boxes with key points (class cx cy w h x1 y1 …) or polygons "
            "of 6 points, and nothing tells which; add to data.yaml kpt_shape: [4, 2] for key points, or kpt_shape: "
            "[0, 0] for polygons",
        ),
    ],
)
def test_what_can_be_both_is_refused_and_kpt_shape_decides(read, rows: list[str], message: str):
    with pytest.raises(DataError) as caught:
        read(rows)
    assert str(caught.value) == message
    points = KeyPoints((len(rows[0].split()) - 5) // 2, 2)
    first = [float(cell) for cell in rows[0].split()]
    as_box = [first[1] - first[3] / 2, first[2] - first[4] / 2, first[1] + first[3] / 2, first[2] + first[4] / 2]
    as_polygon = [min(first[1::2]), min(first[2::2]), max(first[1::2]), max(first[2::2])]
    assert read(rows, points)[0].tolist() == pytest.approx(as_box)
    assert read(rows, KeyPoints(0, 2))[0].tolist() == pytest.approx(as_polygon)


def test_boxes_alone_in_a_set_with_kpt_shape(read, say):
    wanted = boxes()
    assert same(read([row(centred(box)) for box in wanted], KeyPoints(17, 3)), wanted)
    assert list(say) == ["kpt_shape: [17, 3], but no label row has key points: boxes alone"]


def test_some_boxes_alone_beside_key_points(read, say):
    draw, wanted = random.Random(4), boxes()
    rows = [row(centred(box)) if i < 5 else posed(box, 2, 3, draw) for i, box in enumerate(wanted)]
    assert same(read(rows, KeyPoints(2, 3)), wanted)
    assert list(say) == ["kpt_shape: [2, 3], but 5 of 40 label rows have no key points: boxes alone"]


def test_numbers_of_tracks_are_left_out(read, say):
    """CVAT's Ultralytics YOLO Detection Track writes them behind the box; shapes that are on no track have none."""
    wanted = boxes()
    assert same(
        read([f"{row(centred(box))} {i}" if i % 2 else row(centred(box)) for i, box in enumerate(wanted)]), wanted
    )
    assert list(say) == ["20 label rows have a sixth number, a whole one as of a track; it is not read"]


def bad(rows: Sequence[str], points: KeyPoints | None = None) -> list[bool]:
    found = LabelRows()
    for image, text in enumerate(rows):
        found.read(image, text.encode(), ("a", "b"), points)
    return decide(ROOT, found, points, SILENT).bad.tolist()


@pytest.mark.parametrize(
    "numbers",
    [
        [0.5, 0.5, 0.1, 0.1, 0.87],  # a confidence
        [0.5, 0.5, 0.1, 0.1, 0.5, 0.5, 0.3],  # a key point's confidence
        [0.1, 0.1, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3, 0.9],  # an oriented box and a confidence
    ],
)
def test_rows_of_an_even_number_of_columns_that_are_no_key_points(numbers: list[float]):
    assert bad([row(numbers)] * 3) == [True] * 3


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (KeyPoints(2, 3), row([0.5, 0.5, 0.1, 0.1, 0.5, 0.5])),
        (KeyPoints(2, 3), row([0.5, 0.5, 0.1, 0.1, 0.5, 0.5, 2, 1.5, 0.5, 1])),  # a labelled point outside
        (KeyPoints(2, 2), row([0.5, 0.5, 1.2, 0.1, 0.5, 0.5, 0.5, 0.5])),
    ],
)
def test_rows_that_kpt_shape_does_not_fit(points: KeyPoints, text: str):
    assert bad([text], points) == [True]


def test_a_key_point_that_is_not_labelled_may_be_anywhere(read):
    assert same(read([row([0.5, 0.5, 0.2, 0.2, -1, -1, 0])], KeyPoints(1, 3)), [(0.4, 0.4, 0.6, 0.6)])
    assert same(read([row([0.5, 0.5, 0.2, 0.2, -1, -1])], KeyPoints(1, 2)), [(0.4, 0.4, 0.6, 0.6)])


def plausible(rows: Sequence[Sequence[float]], voice) -> None:
    found = LabelRows()
    for image, numbers in enumerate(rows):
        found.read(image, row(numbers).encode(), ("a", "b"), None)
    check_plausible(ROOT, found, decide(ROOT, found, None, SILENT), voice)


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("x1 y1 x2 y2", list),
        ("x1 y1 w h", lambda box: [box[0], box[1], box[2] - box[0], box[3] - box[1]]),
    ],
)
def test_numbers_in_another_order_are_refused(voice, order: str, numbers: Callable[[Box], list[float]]):
    with pytest.raises(DataError) as caught:
        plausible([numbers(box) for box in boxes()], voice)
    assert "of 40 boxes (" in str(caught.value)
    assert f"but none would as class {order}; convert the label rows to class cx cy w h" in str(caught.value)


def test_fractions_that_were_divided_twice_are_refused(voice):
    with pytest.raises(DataError, match=r"the boxes of all 40 label rows lie in the first 2% of their images"):
        plausible([[number / 640 for number in centred(box)] for box in boxes()], voice)


def test_boxes_that_reach_out_are_told_with_their_number(voice, warn):
    rows = [centred(box) for box in boxes()]
    for i in range(4):
        rows[i] = [0.95, 0.5, 0.3, 0.3]
    plausible(rows, voice)
    assert list(warn) == [
        "4 of 40 boxes (10%) reach out of their images as class cx cy w h, by more than 1 %; they are clipped, but if "
        "that is not what the numbers mean, the boxes are wrong"
    ]


def test_few_boxes_that_reach_out_are_as_usual(voice, warn):
    plausible([*(centred(box) for box in boxes(100)), [0.95, 0.5, 0.3, 0.3], [0.5, 0.95, 0.3, 0.3]], voice)
    assert not warn


def _pose_set() -> tuple[list[Box], list[str]]:
    draw = random.Random(5)
    found = boxes(200)
    return found, [posed(box, 4, 2, draw, (2,)) for box in found]


def test_one_row_of_another_length_makes_no_polygons_of_a_pose_set(read, say):
    found, rows = _pose_set()
    corners = read([*rows, row([0.5, 0.5, 0.2, 0.2, 0.5, 0.5, 0.45, 0.45, 0.55, 0.5])])
    assert same(corners, [*found, (0.4, 0.4, 0.6, 0.6)])
    assert "200 of 13 numbers are read as class cx cy w h and key points" in list(say)[-1]


def test_polygons_beside_key_points_are_refused():
    _, rows = _pose_set()
    with pytest.raises(DataError, match=r"200 of 13 numbers are boxes with key points .*, but 1 of 7 numbers are not"):
        bad([*rows, row([0.1, 0.1, 0.9, 0.1, 0.9, 0.9])])


def test_polygons_of_many_lengths_stay_polygons(read):
    found = boxes(60)
    assert same(read([ring(box, 4 + 4 * (i % 5)) for i, box in enumerate(found)]), found)


def tracked(sixths: Sequence[int], voice) -> None:
    found = LabelRows()
    text = "\n".join(row([*centred(box), n]) for box, n in zip(boxes(len(sixths)), sixths, strict=True))
    found.read(0, text.encode(), ("a", "b"), None)
    check_plausible(ROOT, found, decide(ROOT, found, None, SILENT), voice)


def test_sixth_numbers_that_may_be_angles(voice, warn):
    tracked([200, 3], voice)
    assert not warn
    tracked([90, 3], voice)
    assert "2 label rows have a sixth number, a whole one up to 90" in next(iter(warn))
    with pytest.raises(DataError, match="which occurs more than once in a file, so it is no track"):
        tracked([90, 3, 90], voice)
