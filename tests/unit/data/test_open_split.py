"""The images to evaluate a run on, under its classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image

from tests.composed import config
from tests.drawn_boxes import box_images
from tlbench.annotations.instances import target as instance_target
from tlbench.annotations.labels.target import open_image_files
from tlbench.config.compose import compose_config
from tlbench.data import open as data_open
from tlbench.data.classes import check_classes
from tlbench.data.decode import WHOLE_FILES
from tlbench.data.open import open_split
from tlbench.data.target import Target
from tlbench.errors import DataError
from tlbench.system.voice import PRINTING
from tlbench.tools.data_overrides import with_data

FEW = ("cat", "dog")
DIGITS = [str(i) for i in range(10)]
DRAWN = compose_config(["task=detection", "data.fraction=0.5"])
SPLITS = {split: box_images(seed=seed) for seed, split in enumerate(("train", "val", "test"))}


@pytest.fixture
def folder(tmp_path):
    """Two cats and three dogs: too few to carve splits out of."""
    for name, count in (("cat", 2), ("dog", 3)):
        (tmp_path / "few" / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / "few" / name / f"{i}.png")
    return with_data(config(), ["data=image_folder", "data.root=few"])


@pytest.fixture
def opened(monkeypatch) -> list[Any]:
    """The configurations that targets with boxes were opened with."""
    seen = []

    def open_target(data, *_):
        seen.append(data)
        return Target("drawn", SPLITS, {})

    monkeypatch.setattr(data_open, "open_target", open_target)
    return seen


def test_all_takes_every_image_and_carves_nothing(folder):
    with pytest.raises(DataError, match="too few"):
        open_image_files(folder.data, 0, PRINTING)
    (images,) = open_split(folder, "all", FEW, WHOLE_FILES)
    assert images.labels.tolist() == [0, 0, 1, 1, 1]


def test_all_of_data_with_splits_of_their_own():
    parts = open_split(config(), "all", DIGITS, WHOLE_FILES)
    assert sum(len(images) for images in parts) == 1797
    (test,) = open_split(config(), "test", DIGITS, WHOLE_FILES)
    assert torch.equal(test.images, parts[2].images)


@pytest.mark.promise("split=all")
def test_all_holds_the_images_that_a_run_did_not_train_on_for_want_of_shots():
    (train, val, test) = open_split(config("data.shots=3"), "all", DIGITS, WHOLE_FILES)
    assert len(train) + len(val) + len(test) == 1797
    (few,) = open_split(config("data.shots=3"), "train", DIGITS, WHOLE_FILES)
    assert len(few) == 30


def test_one_split_or_all_of_them_whole(opened):
    assert open_split(DRAWN, "train", ("a", "b", "c"), WHOLE_FILES) == (SPLITS["train"],)
    assert opened[0].fraction == 0.5
    assert open_split(DRAWN, "all", ("a", "b", "c"), WHOLE_FILES) == tuple(SPLITS.values())
    assert opened[1].fraction == 1


@pytest.mark.parametrize("name", ["yolo", "coco", "signature"])
def test_all_of_files_is_what_there_is_in_the_parts_it_comes_in(opened, monkeypatch, name):
    monkeypatch.setattr(data_open, "ensure_reachable", lambda data: None)
    monkeypatch.setattr(instance_target, "open_all_boxes", lambda *_: (SPLITS["val"], SPLITS["test"]))
    some = compose_config(["task=detection", f"data={name}", "data.root=d"])
    first, second = open_split(some, "all", ("b", "a", "c"), WHOLE_FILES)
    assert (first.names, second.names) == (SPLITS["val"].names, SPLITS["test"].names)
    assert first.class_names == second.class_names == ("b", "a", "c")
    assert not opened


def test_labels_are_the_runs_whatever_the_order_of_the_names(folder, opened):
    (images,) = open_split(folder, "all", ("dog", "cat"), WHOLE_FILES)
    assert images.class_names == ("dog", "cat")
    assert images.labels.tolist() == [1, 1, 0, 0, 0]
    (drawn,) = open_split(DRAWN, "test", ("c", "a", "b"), WHOLE_FILES)
    assert drawn.class_names == ("c", "a", "b")
    names = [drawn.class_names[label] for label in drawn.labels.tolist()]
    assert names == [SPLITS["test"].class_names[label] for label in SPLITS["test"].labels.tolist()]
    assert torch.equal(drawn.annotations.boxes, SPLITS["test"].annotations.boxes)


def test_classes_that_differ_are_named(folder, opened):
    with pytest.raises(DataError, match=r"lack 'mouse' and have besides 'cat'; .* data\.classes"):
        open_split(folder, "all", ("dog", "mouse"), WHOLE_FILES)
    with pytest.raises(DataError, match=r"lack 'd' and have besides 'c'; .* data\.classes"):
        open_split(DRAWN, "test", ("a", "b", "d"), WHOLE_FILES)
    with pytest.raises(DataError, match="lack '5', '6', '7', '8', '9' and 15 more"):
        check_classes([str(i) for i in range(5)], [str(i) for i in range(25)])


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_all_refuses_a_class_of_which_nothing_can_be_read(folder, tmp_path, cache):
    for file in (tmp_path / "few" / "cat").iterdir():
        file.write_bytes(b"no image")
    data = folder.data.model_copy(update={"max_unreadable": 5, "cache": cache})
    with pytest.raises(DataError, match="class 'cat' has no readable image in train; add some or remove the class"):
        open_split(folder.model_copy(update={"data": data}), "all", FEW, WHOLE_FILES)
