"""The polygons and key points of YOLO's label rows, in pixels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from tlbench.annotations.instances.shapes import Shapes
from tlbench.annotations.instances.target import list_boxes, open_boxes
from tlbench.system.voice import SILENT

W, H = 40, 20  # of what `draw_yolo` draws


@pytest.fixture
def shapes_of(tmp_path: Path, draw_yolo, boxes_config, voice):
    """`shapes_of({"a": rows}, kpt_shape=…)`: of all objects of train, whose boxes are the same without them."""

    def read(rows: dict[str, str], **keys) -> Shapes:
        root = draw_yolo(tmp_path / "d", {f"train/{name}": text for name, text in rows.items()})
        file = root / "data.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | keys))
        config = boxes_config("yolo", root=str(root))
        plain = list_boxes(config, SILENT).parts["train"]
        found = list_boxes(config, voice, shapes=True).parts["train"]
        assert plain.annotations.shapes is None
        assert torch.equal(plain.annotations.boxes, found.annotations.boxes)
        assert plain.mended == found.mended
        shapes = found.annotations.shapes
        assert shapes is not None
        assert len(shapes) == len(found.annotations.boxes)
        assert len(shapes.runs) == 0
        return shapes

    return read


def polygon(shapes: Shapes, i: int) -> list[list[float]]:
    """The points of object i, which has one polygon or none."""
    start, stop = shapes.starts[i : i + 2].tolist()
    return [
        point
        for p in range(start, stop)
        for point in shapes.points[shapes.polygons[p] : shapes.polygons[p + 1]].tolist()
    ]


def test_polygons_beside_boxes(shapes_of, say):
    shapes = shapes_of(
        {
            "a": "0 .25 .5 .5 .5 .375 1\n1 .5 .5 .2 .2\n0 .25 .5 .5 .5 .375 1\n0 .1 .1 .2 .1 .2 .1\n",
            "b": "",
            "c": "1 0 0 1.005 0 1 1 .5 .75 -.005 1\n",
        }
    )
    assert polygon(shapes, 0) == [[10, 10], [20, 10], [15, 20]]
    assert polygon(shapes, 1) == []
    wanted = [[0, 0], [1.005 * W, 0], [W, H], [20, 15], [-0.005 * W, H]]  # as rows have them, not clipped
    assert [x for point in polygon(shapes, 2) for x in point] == pytest.approx([x for point in wanted for x in point])
    assert shapes.outlined.tolist() == [True, False, True]  # repeated rows, and those without area, have gone
    assert shapes.starts.tolist() == [0, 1, 1, 2]
    assert shapes.key_points is None
    assert "3 label rows are polygons, and read as outlines, beside 1 boxes" in say


@pytest.mark.parametrize("numbers", [2, 3])
def test_key_points_with_and_without_visibility(shapes_of, numbers: int):
    points = [(0.5, 0.5, 2), (0, 0, 0), (0.625, 0.25, 1), (0, 0, 2)]
    behind = " ".join(str(value) for point in points for value in point[:numbers])
    hidden = "0 .5 .5 .5 .5" + (" .1 .1 0" if numbers == 3 else " -.005 .1") * 4
    shapes = shapes_of({"a": f"0 .5 .5 .5 .5 {behind}\n1 .5 .5 .2 .2\n", "b": hidden}, kpt_shape=[len(points), numbers])
    seen = 1 if numbers == 3 else 2
    assert shapes.key_points is not None
    assert shapes.key_points.tolist() == [
        [[20, 10, 2], [0, 0, 0], [25, 5, seen], [0, 0, 0]],
        [[0, 0, 0]] * 4,
        [[0, 0, 0]] * 4,
    ]
    assert not shapes.outlined.any()


def test_no_key_points_where_no_row_has_some(shapes_of):
    assert shapes_of({"a": "0 .5 .5 .5 .5\n"}, kpt_shape=[17, 3]).key_points is None


def test_key_points_of_which_nothing_tells_are_left_out(shapes_of, say):
    rows = "".join(f"0 .5 .5 .{4 + i % 5} .{4 + i % 4} .5 .5 2 .6 .6 1 .4 .{4 + i % 3} 2\n" for i in range(60))
    shapes = shapes_of({"a": rows})
    assert shapes.key_points is None
    assert not shapes.outlined.any()
    assert any("key points, which are left out" in line for line in say)


def test_oriented_boxes_are_polygons(shapes_of):
    rows = "".join(f"0 .{i}1 .2 .{i}3 .1 .{i}5 .5 .{i}3 .6\n" for i in range(1, 9))
    shapes = shapes_of({"a": rows})
    assert shapes.outlined.all()
    assert polygon(shapes, 0) == [pytest.approx(point) for point in ([4.4, 4], [5.2, 2], [6, 10], [5.2, 12])]


def test_fingerprints_do_not_know_of_shapes(tmp_path: Path, draw_yolo, boxes_config):
    row = "0 .25 .5 .5 .5 .375 1\n"
    root = draw_yolo(tmp_path / "d", {f"{split}/{split}": row for split in ("train", "val", "test")})
    config = boxes_config("yolo", root=str(root), image_size=64)
    plain, found = open_boxes(config, 0, SILENT), open_boxes(config, 0, SILENT, shapes=True)
    for split, samples in found.splits.items():
        assert samples.fingerprint() == plain.splits[split].fingerprint()
        assert plain.splits[split].annotations.shapes is None
        shapes = samples.annotations.shapes
        assert shapes is not None
        factor = samples.size[1] / W
        assert polygon(shapes, 0) == [
            [10 * factor, 10 * factor],
            [20 * factor, 10 * factor],
            [15 * factor, 20 * factor],
        ]
