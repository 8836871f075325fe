from __future__ import annotations

from pathlib import Path

import pytest

from tests.listed_boxes import list_splits
from tlbench.data.formats.signature import copy as signature_copy
from tlbench.data.formats.signature.copy import ensure_signature
from tlbench.data.open import ensure_reachable
from tlbench.errors import DataError


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set has 12 training images and 4 of val."""
    monkeypatch.setattr(signature_copy, "COUNTS", {"train": 12, "val": 4})
    monkeypatch.setattr("tlbench.data.formats.signature.parts.COUNTS", {"train": 12, "val": 4})


@pytest.fixture
def draw(small, draw_yolo):
    """Frames 0, 2 … 30, every fourth in val; label rows change every second frame."""

    def drawn(root: Path, rows=lambda n: f"0 0.5 0.5 0.5 0.{n // 4 + 1}") -> Path:
        frames = {f"{'val' if n % 8 == 6 else 'train'}/Frame_{n}": rows(n) for n in range(0, 32, 2)}
        return draw_yolo(root, frames, names=["signature"])

    return drawn


def test_official_val_is_test_and_val_is_a_block_of_train(tmp_path: Path, draw, boxes_config, voice, say, warn):
    draw(tmp_path / "d")
    target = list_splits(boxes_config("signature", root="d", val_fraction=0.2), voice)
    assert target.splits["train"].class_names == ("signature",)
    assert target.splits["test"].names == tuple(f"images/val/Frame_{n}.png" for n in (6, 14, 22, 30))
    assert target.split_rule["test"] == "official val"
    assert target.split_rule["val"] == "carved out of official train, by blocks of consecutive frames"
    assert target.split_rule["counts"] == {"train": 9, "val": 3, "test": 4}
    train = [int(Path(name).stem[6:]) for name in target.splits["train"].names]
    val = [int(Path(name).stem[6:]) for name in target.splits["val"].names]
    assert max(val) < min(train) or min(val) > max(train)
    assert not say
    assert not warn


@pytest.mark.promise("frames on both sides")
def test_blocked_divides_all_images(tmp_path: Path, draw, boxes_config, voice):
    draw(tmp_path / "d")
    data = boxes_config("signature", root="d", split="blocked", val_fraction=0.25, test_fraction=0.25)
    target = list_splits(data, voice)
    assert target.split_rule["counts"] == {"train": 8, "val": 4, "test": 4}
    numbers = {s: sorted(int(Path(name).stem[6:]) for name in part.names) for s, part in target.splits.items()}
    assert sorted(n for found in numbers.values() for n in found) == list(range(0, 32, 2))
    for found in numbers.values():
        assert found == list(range(found[0], found[-1] + 2, 2))
        assert found[0] % 4 == 0  # frames 4k and 4k + 2 have one label row


def test_other_counts_are_warned_of(tmp_path: Path, draw, boxes_config, voice, warn):
    draw(tmp_path / "d")
    (tmp_path / "d/images/train/Frame_0.png").unlink()
    (tmp_path / "d/labels/train/Frame_0.txt").unlink()
    list_splits(boxes_config("signature", root="d", val_fraction=0.2), voice)
    assert list(warn) == ["d: holds 11 train, 4 val images; the official Signature has 12 train, 4 val"]


def test_counts_of_the_official_data_set():
    assert signature_copy.COUNTS == {"train": 143, "val": 35}


@pytest.mark.parametrize("root", ["mine", "mine/signature", None])
def test_copies_that_are_found(tmp_path: Path, draw, root: str | None):
    draw(tmp_path / ("data/signature" if root is None else "mine/signature"))
    assert ensure_signature(root) == Path("data/signature" if root is None else "mine/signature")


def test_a_root_that_is_no_copy(tmp_path: Path, draw):
    (draw(tmp_path / "d") / "labels" / "val").rename(tmp_path / "d" / "other")
    with pytest.raises(DataError, match=r"data\.root='d': no labels/val in it; .* with data=yolo") as caught:
        ensure_signature("d")
    assert not caught.value.unreachable


def test_half_a_copy(tmp_path: Path, draw):
    (draw(tmp_path / "data/signature") / "labels" / "val").rename(tmp_path / "other")
    with pytest.raises(DataError) as caught:
        ensure_signature(None)
    assert str(caught.value) == (
        "data/signature: not a whole copy of Signature (no labels/val); remove it, and it is downloaded again"
    )


@pytest.mark.parametrize(
    ("name", "root", "message"),
    [
        (
            "yolo",
            None,
            "data.root=null: data=yolo needs a folder with images/ and labels/, or its data.yaml; give data.root=…",
        ),
        (
            "yolo",
            "absent",
            "data.root='absent': no such folder; wanted is a folder with images/ and labels/, or its data.yaml",
        ),
        (
            "yolo",
            "a.txt",
            "data.root='a.txt': not a folder; wanted is a folder with images/ and labels/, or its data.yaml",
        ),
        (
            "coco",
            "a.yaml",
            "data.root='a.yaml': not a folder; wanted is a folder with annotations/instances_train*.json, or with "
            "train/_annotations.coco.json, or the JSON file",
        ),
    ],
)
def test_roots_of_own_data(tmp_path: Path, boxes_config, name: str, root: str | None, message: str):
    for file in ("a.txt", "a.yaml"):
        (tmp_path / file).touch()
    with pytest.raises(DataError) as caught:
        ensure_reachable(boxes_config(name, root=root))
    assert str(caught.value) == message
    ensure_reachable(boxes_config("yolo", root="a.yaml"))
    ensure_reachable(boxes_config("documents"))
