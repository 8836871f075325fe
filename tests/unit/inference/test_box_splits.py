from __future__ import annotations

import pytest
import torch

from tests.drawn_boxes import box_images
from tlbench.compose import compose_config
from tlbench.data.target import Target
from tlbench.errors import DataError
from tlbench.inference import box_splits
from tlbench.inference.box_splits import open_box_split

CONFIG = compose_config(["task=detection", "data.fraction=0.5"])
SPLITS = {split: box_images(seed=seed) for seed, split in enumerate(("train", "val", "test"))}


@pytest.fixture
def opened(monkeypatch):
    """The configurations that targets were opened with."""
    seen = []

    def open_boxes(data, *_):
        seen.append(data)
        return Target("drawn", SPLITS, {})

    monkeypatch.setattr(box_splits, "open_boxes", open_boxes)
    return seen


def test_one_split_or_all_of_them_whole(opened):
    assert open_box_split(CONFIG, "train", ("a", "b", "c")) == (SPLITS["train"],)
    assert opened[0].fraction == 0.5
    assert open_box_split(CONFIG, "all", ("a", "b", "c")) == tuple(SPLITS.values())
    assert opened[1].fraction == 1


def test_labels_are_numbered_as_the_runs(opened):
    (images,) = open_box_split(CONFIG, "test", ("c", "a", "b"))
    assert images.class_names == ("c", "a", "b")
    names = [images.class_names[label] for label in images.labels.tolist()]
    assert names == [SPLITS["test"].class_names[label] for label in SPLITS["test"].labels.tolist()]
    assert torch.equal(images.boxes, SPLITS["test"].boxes)


def test_classes_that_differ_are_named(opened):
    with pytest.raises(DataError, match=r"lack 'd' and have besides 'c'; .* data\.classes"):
        open_box_split(CONFIG, "test", ("a", "b", "d"))
