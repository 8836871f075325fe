from __future__ import annotations

import json

import pytest
import torch

from tlbench.annotations.instances.carve import carve_boxes
from tlbench.data.listing import Listed
from tlbench.errors import DataError


@pytest.fixture
def part(listing):
    """`part("train", 10)`: images with one object each."""

    def make(name: str, count: int, start: int = 0):
        return listing({f"images/{name}/f_{i}.jpg": [(i % 2, 0, 0, 10 + i, 20)] for i in range(start, start + count)})

    return make


@pytest.fixture
def carved(boxes_config, voice):
    def carve(parts, seed: int = 0, frames: bool = False, **changes):
        splits, rule = carve_boxes(Listed(parts, frames=frames), boxes_config("yolo", **changes), seed, voice)
        assert json.loads(json.dumps(rule)) == rule
        assert rule["counts"] == {split: len(listing) for split, listing in splits.items()}
        return splits, rule

    return carve


def test_train_alone(part, carved):
    splits, rule = carved({"train": part("train", 100)}, val_fraction=0.1, test_fraction=0.25)
    assert rule["counts"] == {"train": 65, "val": 10, "test": 25}
    assert len({name for listing in splits.values() for name in listing.names}) == 100
    assert rule["train"] == "the rest of all images"
    assert rule["val"] == rule["test"] == "carved out of all images, at random by image, not stratified"
    assert (rule["val_fraction"], rule["test_fraction"]) == (0.1, 0.25)
    other, _ = carved({"train": part("train", 100)}, val_fraction=0.3, test_fraction=0.25)
    assert other["test"].names == splits["test"].names
    third, _ = carved({"train": part("train", 100)}, seed=1, val_fraction=0.1, test_fraction=0.25)
    assert third["test"].names != splits["test"].names


def test_official_val_becomes_test(part, carved):
    splits, rule = carved({"train": part("train", 50), "val": part("val", 5)}, val_fraction=0.1)
    assert splits["test"].names == part("val", 5).names
    assert rule["counts"] == {"train": 45, "val": 5, "test": 5}
    assert rule["train"] == "the rest of the folder's train"
    assert rule["val"] == "carved out of the folder's train, at random by image, not stratified"
    assert rule["test"] == "the folder's val"
    assert (rule["val_fraction"], rule["test_fraction"]) == (0.1, None)


def test_official_test_is_kept(part, carved):
    parts = {"train": part("train", 50), "val": part("val", 5), "test": part("test", 7)}
    splits, rule = carved(parts)
    assert [splits[split].names for split in parts] == [listing.names for listing in parts.values()]
    assert (rule["train"], rule["val"], rule["test"]) == ("the folder's train", "the folder's val", "the folder's test")
    del parts["val"]
    splits, rule = carved(parts, val_fraction=0.2)
    assert rule["counts"] == {"train": 40, "val": 10, "test": 7}


def test_fractions_of_train_are_nested(part, carved):
    whole, _ = carved({"train": part("train", 50), "val": part("val", 5)})
    half, rule = carved({"train": part("train", 50), "val": part("val", 5)}, fraction=0.5)
    less, _ = carved({"train": part("train", 50), "val": part("val", 5)}, fraction=0.2)
    assert (len(whole["train"]), len(half["train"]), len(less["train"])) == (45, 22, 9)
    assert set(less["train"].names) < set(half["train"].names) < set(whole["train"].names)
    assert half["val"].names == whole["val"].names
    assert rule["fraction"] == 0.5


def test_blocked_puts_all_parts_together(part, carved):
    parts = {"train": part("train", 60), "val": part("val", 40, start=60)}
    splits, rule = carved(parts, split="blocked", val_fraction=0.2, test_fraction=0.2)
    assert sum(rule["counts"].values()) == 100
    assert abs(rule["counts"]["test"] - 20) <= 5
    assert rule["test"] == "carved out of all images, by blocks of consecutive frames"
    assert len(rule["borders"]) == 2
    assert rule["images_with_label_rows_of"] == {"val of train": 0, "test of train": 0, "test of val": 0}
    numbers = [int(name.split("_")[1].split(".")[0]) for name in splits["train"].names]
    assert sorted(numbers) == list(range(min(numbers), max(numbers) + 1))
    assert splits["train"].annotations.boxes[:, 2].tolist() == [10 + n for n in numbers]
    first, last = rule["blocks"]["train"][0]
    assert {first, last} <= set(splits["train"].names)


def test_frames_of_the_official_test_that_leak_are_counted(listing, carved):
    train = listing({f"train/f_{n}.jpg": [(0, n // 10, 1, 9 + n // 10, 9)] for n in range(100) if n % 4})
    val = listing({f"val/f_{n}.jpg": [(0, n // 10, 1, 9 + n // 10, 9)] for n in range(0, 100, 4)})
    splits, rule = carved({"train": train, "val": val}, frames=True, val_fraction=0.2)
    shared = rule["images_with_label_rows_of"]
    assert shared["val of train"] == 0
    assert shared["test of train"] + shared["test of val"] == 25
    assert len(splits["test"]) == 25


def test_official_frames_keep_their_test_and_carve_val_as_a_block(part, carved):
    parts = {"train": part("train", 60), "val": part("val", 10, start=60)}
    splits, rule = carved(parts, frames=True, val_fraction=0.2)
    assert splits["test"].names == parts["val"].names
    numbers = sorted(int(name.split("_")[1].split(".")[0]) for name in splits["val"].names)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert rule["val"] == "carved out of the folder's train, by blocks of consecutive frames"


def test_rows_that_all_frames_share_are_warned_of(listing, carved, warn):
    frames = listing({f"f{i}.jpg": [(0, 1, 1, 9, 9)] for i in range(20)})
    _, rule = carved({"train": frames}, split="blocked")
    assert rule["images_with_label_rows_of"] == {"val of train": 2, "test of train": 4, "test of val": 4}
    assert list(warn) == [
        "data.split: identical label rows stand in neighbouring blocks of frames, as nearly all frames share them; the "
        "splits are not independent"
    ]


def test_chosen_classes_are_renumbered_and_all_images_stay(listing):
    whole = listing(
        {"a": [(2, 1, 1, 9, 9), (0, 2, 2, 9, 9)], "b": [(1, 3, 3, 9, 9)], "c": [(0, 4, 4, 9, 9)]}, classes=3
    )
    chosen = whole.chosen(["class_2", "class_0"])
    assert chosen.names == ("a", "b", "c")
    assert chosen.annotations.labels.tolist() == [0, 1, 1]
    assert chosen.annotations.starts.tolist() == [0, 2, 2, 3]
    assert chosen.annotations.boxes[:, 0].tolist() == [1, 2, 4]
    assert chosen.class_names == ("class_2", "class_0")
    with pytest.raises(DataError, match=r"data\.classes: no class 'cow', 'x'; the data have class_0, class_1, class_2"):
        whole.chosen(["class_0", "cow", "x"])


def test_background_is_counted_after_classes_are_chosen(part, carved):
    parts = {"train": part("train", 50), "val": part("val", 5), "test": part("test", 6)}
    _, rule = carved(parts, classes=["class_1"])
    assert rule["objects"] == {"train": 25, "val": 2, "test": 3}
    assert rule["background"] == {"train": 25, "val": 3, "test": 3}


def test_what_is_refused(part, listing, carved):
    with pytest.raises(
        DataError, match=r"data\.test_fraction=null: there is no test split; give a fraction in \(0, 1\)"
    ):
        carved({"train": part("train", 20)}, test_fraction=None)
    with pytest.raises(DataError, match=r"data\.fraction=0\.01: leaves none of 18 training images; use a larger"):
        carved({"train": part("train", 20), "val": part("val", 2)}, fraction=0.01)
    names = [f"f{i}.jpg" for i in range(20)]
    full = {"train": listing({name: [(0, 1, 1, 9, 9)] for name in names}), "test": part("test", 2)}
    kept = carved(full, val_fraction=0.1)[0]["train"].names
    some = listing({name: [(0, 1, 1, 9, 9)] if name in kept else [] for name in names})
    with pytest.raises(DataError, match=r"val has 2 images and no objects of class_0, class_1; change data\.val_frac"):
        carved({"train": some, "val": part("val", 2)}, val_fraction=0.1)


def test_take_of_no_images(part):
    assert len(part("train", 3).take(torch.tensor([], dtype=torch.int64))) == 0
