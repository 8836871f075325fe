from __future__ import annotations

import pytest
import torch
from tlbench.tasks.detection.splits import open_box_split

from tests.drawn_boxes import box_images
from tlbench.config.compose import compose_config
from tlbench.data.target import Target
from tlbench.errors import DataError
from tlbench.tasks.detection import splits as box_splits

CONFIG = compose_config(["task=detection", "data.fraction=0.5"])
SPLITS = {split: box_images(seed=seed) for seed, split in enumerate(("train", "val", "test"))}


@pytest.fixture
def opened(monkeypatch):
    """The configurations that targets were opened with."""
    seen = []

    def open_target(data, *_):
        seen.append(data)
        return Target("drawn", SPLITS, {})

    monkeypatch.setattr(box_splits, "open_target", open_target)
    return seen


def test_one_split_or_all_of_them_whole(opened):
    assert open_box_split(CONFIG, "train", ("a", "b", "c")) == (SPLITS["train"],)
    assert opened[0].fraction == 0.5
    assert open_box_split(CONFIG, "all", ("a", "b", "c")) == tuple(SPLITS.values())
    assert opened[1].fraction == 1


@pytest.mark.parametrize("name", ["yolo", "coco", "signature"])
def test_all_of_files_is_what_there_is_in_the_parts_it_comes_in(opened, monkeypatch, name):
    monkeypatch.setattr(box_splits, "open_uncarved", lambda data, *_: {data.name: SPLITS["val"], "b": SPLITS["test"]})
    config = compose_config(["task=detection", f"data={name}", "data.root=d"])
    first, second = open_box_split(config, "all", ("b", "a", "c"))
    assert (first.names, second.names) == (SPLITS["val"].names, SPLITS["test"].names)
    assert first.class_names == second.class_names == ("b", "a", "c")
    assert not opened


def test_labels_are_numbered_as_the_runs(opened):
    (images,) = open_box_split(CONFIG, "test", ("c", "a", "b"))
    assert images.class_names == ("c", "a", "b")
    names = [images.class_names[label] for label in images.labels.tolist()]
    assert names == [SPLITS["test"].class_names[label] for label in SPLITS["test"].labels.tolist()]
    assert torch.equal(images.boxes, SPLITS["test"].boxes)


def test_classes_that_differ_are_named(opened):
    with pytest.raises(DataError, match=r"lack 'd' and have besides 'c'; .* data\.classes"):
        open_box_split(CONFIG, "test", ("a", "b", "d"))
