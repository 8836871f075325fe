from __future__ import annotations

from typing import Any

import pytest

from tlbench.annotations.maps.audit import MapAudit
from tlbench.data.audit import audit_target
from tlbench.data.target import Target

PLAIN = {"a": [[0, 1, 1]], "b": [[0, 2, 255]], "c": [[1, 1, 0]]}
TEST = {"t": [[0, 1, 2]], "u": [[2, 1, 0]]}


@pytest.fixture
def audit(samples, maps_config, tmp_path, monkeypatch):
    """What is found in a target of these splits."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))

    def found(train: Any = PLAIN, val: Any = TEST, looks: Any = None, test: bool = False, **changes: Any):
        looks = {name: i for i, name in enumerate([*train, *val])} | (looks or {})
        splits = {"train": samples(train, looks=looks), "val": samples(val, looks=looks)}
        target = Target("masks", {**splits, "test": splits["val"]}, {})
        part = MapAudit(maps_config("masks", min_images_per_class=0, **changes))
        return audit_target(target, part, lambda split: f"{split} {train} {val} {looks}", test=test)

    return found


def test_pixels_and_images_are_counted(audit) -> None:
    found = audit()
    assert found.warnings == []
    assert found.section["counts"]["train"] == {
        "images": 3,
        "unlabelled": 0,
        "pixels": {"sky": 3, "road": 4, "car": 1},
        "images_with": {"sky": 3, "road": 2, "car": 1},
        "ignored": 1,
    }


def test_the_class_of_most_training_pixels_is_the_floor(audit) -> None:
    found = audit(val={"t": [[0, 1, 1]], "u": [[1, 0, 255]]}).section["majority"]
    assert found["class"] == "road"
    assert found["splits"]["val"] == {"oa": 3 / 5, "miou": pytest.approx(3 / 5 / 2)}
    absent = audit(val={"t": [[0, 2, 2]]}).section["majority"]["splits"]["val"]
    assert absent == {"oa": 0.0, "miou": 0.0}


def test_small_and_absent_classes(audit) -> None:
    found = audit(val={"t": [[1, 0, 1]]}).warnings
    assert found == [
        "audit: 1 of 3 classes without a pixel in a split (car: val): what is not in train cannot be learned, what is "
        "not in val or test is not measured; add images, or leave classes out with data.classes"
    ]


def test_few_training_images_are_warned_of(samples, maps_config) -> None:
    part = MapAudit(maps_config("masks", min_images_per_class=3))
    train = samples(PLAIN)
    assert part.small_classes(train) == {"road": 2, "car": 1}


def test_equal_masks_of_other_images_are_told(audit) -> None:
    found = audit(val={"t": [[0, 1, 1]], "u": [[2, 2, 2]], "v": [[2, 0, 1]]})
    assert found.section["map_leak"]["train-val"] == {"images": 1, "examples": [["a", "t"]]}
    assert found.warnings[0] == (
        "audit: equal masks across splits: 1 of 3 val images have the very mask of one in train (a = t): shots of one "
        "scene, or a mask that belongs to another image; remove or mend one of each pair"
    )


@pytest.mark.promise("near-duplicates within test")
def test_test_images_that_look_alike_are_groups(audit) -> None:
    found = audit(val={**TEST, "v": [[1, 1, 2]], "w": [[0, 0, 2]]}, looks={"v": 4, "w": 9}, test=True)
    assert found.test_groups == [[1, 2]]  # u looks as drawn by 4
    assert found.section["duplicates"]["test_groups"]["examples"] == [["u", "v"]]


def test_a_mask_of_one_value_says_nothing(audit) -> None:
    train = {**PLAIN, "d": [[2, 2, 2]], "e": [[255, 255, 255]]}
    found = audit(train, {"t": [[2, 2, 2]], "u": [[255, 255, 255]], "v": [[0, 2, 1]]})
    assert found.section["map_leak"]["train-val"]["images"] == 0


def test_maps_of_equal_pixels_but_other_sizes_differ(audit) -> None:
    found = audit(val={"t": [[0], [1], [1]], "u": [[0, 2, 1]]})
    assert found.section["map_leak"]["train-val"]["images"] == 0


def test_copies_and_their_masks(audit) -> None:
    found = audit(looks={"a": 0, "t": 0, "u": 2})
    exact = found.section["duplicates"]["exact"]["train-val"]
    assert (exact["images"], exact["other_map"]) == (2, 2)
    assert found.section["map_leak"]["train-val"]["images"] == 0  # they are told as copies
    assert found.warnings[1].startswith(
        "audit: equal images with different masks: 2 pairs (a = t, c = u): the mask of one is wrong"
    )


def test_mostly_ignored_pixels_are_warned_of(audit) -> None:
    found = audit(train={"a": [[0, 255, 255, 255]], "b": [[1, 2, 255, 255]]})
    assert found.warnings == [
        "audit: most pixels are ignored (62% of train): they are neither learned nor measured; see that this is meant"
    ]
