"""What was read is told of the opened target: counts by split and class, sizes and values of its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.drawn_boxes import box_images
from tlbench.annotations.instances.was_read import boxes_read
from tlbench.annotations.labels.labels import Labels
from tlbench.data.describe_read import was_read
from tlbench.data.facts import Fact, ImageFacts
from tlbench.data.inventory import take_inventory
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.data.was_read import ImagesRead, ObjectsRead, PixelsRead

LABELS = {"train": [0, 0, 2], "val": [1], "test": [2, 2]}


@pytest.fixture
def target() -> Target[Labels]:
    splits = {
        name: MemorySamples(
            torch.zeros(len(labels), 3, 8, 8, dtype=torch.uint8), Labels(torch.tensor(labels), ("a", "b", "c"))
        )
        for name, labels in LABELS.items()
    }
    rule = {"train": "the rest", "val": "carved out", "test": "the folder's", "counts": {}}
    return Target("image_folder", splits, rule)


@pytest.mark.promise("what was read is said")
def test_counts_of_each_class_in_each_split_and_where_the_splits_come_from(target: Target[Labels]) -> None:
    read = was_read("classification", target)
    assert {name: split.classes for name, split in read.splits.items()} == {
        "train": {"a": 2, "b": 0, "c": 1},
        "val": {"a": 0, "b": 1, "c": 0},
        "test": {"a": 0, "b": 0, "c": 2},
    }
    assert {name: split.origin for name, split in read.splits.items()} == {
        "train": "the rest",
        "val": "carved out",
        "test": "the folder's test",
    }
    assert read.files is None
    assert read.images is None


@pytest.mark.promise("what was read is said")
def test_sizes_grey_and_values_are_those_of_the_files_of_all_splits(target: Target[Labels]) -> None:
    facts = {
        "train": ImageFacts.of(
            [
                Fact(20, 10, "uint8", True, 3, 250),
                Fact(10, 15, "uint8", False, 0, 200),
                Fact(30, 30, "uint16", True, 12, 4000),
            ]
        ),
        "val": ImageFacts.of([Fact(40, 50, "uint16", True, 7, 4080)]),
        "test": ImageFacts.of([Fact(20, 20, "uint8", False, 9, 90)] * 2),
    }
    whole = replace(target, facts=facts, pixel_ranges={"uint16": (0, 4095)})
    read = was_read("classification", whole)
    assert read.images == ImagesRead(
        smallest=(10, 15),
        median=(20, 20),
        largest=(40, 50),
        grey=3,
        pixels={
            "8 bits": PixelsRead(images=4, lowest=0, highest=250),
            "16 bits": PixelsRead(images=2, lowest=7, highest=4080, scaled_by=(0, 4095)),
        },
    )


def test_the_files_are_those_of_the_inventory(target: Target[Labels]) -> None:
    inventory = take_inventory(Path("birds"), ["1.jpg", "2.jpg", "3.txt"], {"images": ["1.jpg"]}, {"2.jpg": "no label"})
    read = was_read("classification", replace(target, inventory=inventory))
    assert read.files is not None
    assert (read.files.root, read.files.read) == ("birds", {"images": 1})
    assert {reason: left.examples for reason, left in read.files.left_out.items()} == {
        "no label": ["2.jpg"],
        "not read (.txt)": ["3.txt"],
    }


def test_objects_are_told_in_pixels_of_the_image_and_of_the_network() -> None:
    images = box_images(64, sizes=((128, 128), (64, 32)), objects=(2, 0))
    boxes = torch.tensor([[0.0, 0, 8, 2], [10, 10, 19, 26]])  # sides 4 and 12 of 64 pixels, 8 and 24 of 128
    split = replace(images, annotations=replace(images.annotations, boxes=boxes, labels=torch.tensor([0, 2])))
    read = boxes_read("detection", Target("yolo", dict.fromkeys(("train", "val", "test"), split), {}))
    assert read.objects == ObjectsRead(
        count=6, an_image=1.0, median_side=8.0, median_side_in_network=4.0, images_without=3
    )
    assert read.splits["val"].classes == {"a": 1, "b": 0, "c": 1}
