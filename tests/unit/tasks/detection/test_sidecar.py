from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tlbench.errors import DataError
from tlbench.records.sidecars import write_predictions
from tlbench.tasks.detection.sidecar import read_detections

PREDICTIONS = {
    "index": torch.tensor([0, 1, 2]),
    "count": torch.tensor([2, 0, 1]),
    "boxes": torch.arange(12, dtype=torch.float32).view(3, 4),
    "scores": torch.tensor([0.9, 0.4, 0.7]),
    "labels": torch.tensor([1, 0, 1]),
    "target_count": torch.tensor([0, 2, 0]),
    "target_boxes": torch.arange(8, dtype=torch.float32).view(2, 4) + 100,
    "target_labels": torch.tensor([0, 1]),
}
NAMES = ["train/é 1.jpg", "日本/2.png", "not valid \udcff.jpg"]


def test_what_was_written_comes_back_image_by_image(tmp_path: Path) -> None:
    path = tmp_path / write_predictions(tmp_path, PREDICTIONS, NAMES)
    first, second, third = read_detections(path)
    assert [image.name for image in (first, second, third)] == NAMES
    np.testing.assert_array_equal(first.boxes, [[0, 1, 2, 3], [4, 5, 6, 7]])
    np.testing.assert_array_equal(first.scores, np.float32([0.9, 0.4]))
    assert first.labels.tolist() == [1, 0]
    assert first.target_boxes.shape == (0, 4)
    assert second.boxes.shape == (0, 4)
    assert second.target_boxes.tolist() == [[100, 101, 102, 103], [104, 105, 106, 107]]
    assert second.target_labels.tolist() == [0, 1]
    assert third.boxes.tolist() == [[8, 9, 10, 11]]
    assert third.scores.dtype == np.float32
    assert third.labels.dtype == np.int64


def test_crowds_come_back_where_there_are_some(tmp_path: Path) -> None:
    crowds = {
        "crowd_count": torch.tensor([0, 1, 2]),
        "crowd_boxes": torch.arange(12, dtype=torch.float32).view(3, 4),
        "crowd_labels": torch.tensor([1, 0, 1]),
    }
    images = read_detections(tmp_path / write_predictions(tmp_path, PREDICTIONS | crowds, NAMES))
    assert [image.crowd_labels.tolist() for image in images] == [[], [1], [0, 1]]
    assert images[2].crowd_boxes.tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]
    without = read_detections(tmp_path / write_predictions(tmp_path, PREDICTIONS, NAMES))
    assert [image.crowd_boxes.shape for image in without] == [(0, 4)] * 3


def test_no_detection_and_no_object_at_all_come_back(tmp_path: Path) -> None:
    nothing: dict[str, Tensor] = {key: value[:0] for key, value in PREDICTIONS.items()}
    zeros = torch.zeros(3, dtype=torch.int64)
    nothing |= {"index": torch.arange(3), "count": zeros, "target_count": zeros}
    images = read_detections(tmp_path / write_predictions(tmp_path, nothing, NAMES))
    assert [(image.boxes.shape, image.target_boxes.shape) for image in images] == [((0, 4), (0, 4))] * 3


def test_names_are_plain_text_and_two_writes_are_equal(tmp_path: Path) -> None:
    path = tmp_path / write_predictions(tmp_path, PREDICTIONS, NAMES)
    content = path.read_bytes()
    with np.load(path, allow_pickle=False) as file:
        assert file["names"].dtype.kind == "U"
        assert set(file) == {*PREDICTIONS, "names"}
    write_predictions(tmp_path, PREDICTIONS, NAMES)
    assert path.read_bytes() == content


def test_a_file_without_names_calls_images_by_position(tmp_path: Path) -> None:
    path = tmp_path / write_predictions(tmp_path, PREDICTIONS)
    with np.load(path, allow_pickle=False) as file:
        assert set(file) == set(PREDICTIONS)
    assert [image.name for image in read_detections(path)] == ["0", "1", "2"]


def test_another_tasks_file_and_a_broken_one_are_told(tmp_path: Path) -> None:
    path = tmp_path / write_predictions(tmp_path, {"index": torch.arange(3), "target": torch.arange(3)})
    with pytest.raises(DataError, match=r"has no count, boxes, .*another task's"):
        read_detections(path)
    whole = (tmp_path / write_predictions(tmp_path, PREDICTIONS)).read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="cannot be read as stored predictions"):
            read_detections(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_detections(tmp_path / "absent.npz")


def packed(path: Path, content: bytes | int, header: dict[str, object] | None = None) -> Path:
    """An archive with one array, of so many megabytes of zeros where a number is given."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("count.npy", "w") as part,
    ):
        if header is not None:
            np.lib.format.write_array_header_1_0(part, header)
        for _ in range(content if isinstance(content, int) else 0):
            part.write(bytes(1 << 20))
    return path


@pytest.mark.timeout(20)
def test_what_would_grow_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(tmp_path / "a.npz", 80)
    claim = packed(tmp_path / "b.npz", b"", {"descr": "<f8", "fortran_order": False, "shape": (1 << 55,)})
    os.mkfifo(tmp_path / "c.npz")
    for path, reason in ((bomb, "83,886,080 bytes packed into"), (claim, ""), (tmp_path / "c.npz", "a FIFO")):
        with pytest.raises(DataError, match=rf"cannot be read as stored predictions \(.*{reason}"):
            read_detections(path)
