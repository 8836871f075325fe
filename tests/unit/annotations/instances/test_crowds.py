"""Crowds go where their images go; a set without any is what it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.drawn_boxes import box_images
from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.carve import choose_classes, counted
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.images import BoxImages, in_resized
from tlbench.annotations.instances.listing import BoxListing, joined
from tlbench.tasks.detection.splits import _renumbered

AUGMENTATION = InstanceAugmentation(
    name="drawn", flip=0, mosaic=0, close_mosaic=0, scale=0, translate=0, hsv_h=0, hsv_s=0, hsv_v=0
)


@pytest.fixture
def crowds() -> Crowds:
    """Of five images: none, two, none, one, one."""
    corner = torch.arange(4.0)[:, None]
    boxes = torch.cat([corner, corner + 1, corner + 10, corner + 12], dim=1)
    return Crowds(boxes, torch.tensor([0, 2, 1, 2]), torch.tensor([0, 0, 2, 2, 3, 4]))


@pytest.fixture
def images(crowds: Crowds) -> BoxImages:
    return replace(box_images(), crowds=crowds)


def test_they_are_taken_joined_and_renumbered_with_their_images(crowds: Crowds, listing) -> None:
    five = replace(listing({f"{i}.jpg": [(0, 0, 0, 5, 5)] for i in range(5)}, classes=3), crowds=crowds)
    other = listing({"z.jpg": []}, classes=3)
    whole = joined([other, five.take(torch.tensor([4, 0, 1]))])
    assert isinstance(whole, BoxListing)
    assert whole.names == ("z.jpg", "4.jpg", "0.jpg", "1.jpg")
    assert whole.crowds is not None
    assert whole.crowds.starts.tolist() == [0, 0, 1, 1, 3]
    assert whole.crowds.boxes[:, 0].tolist() == [3, 0, 1]
    assert whole.crowds.labels.tolist() == [2, 0, 2]
    chosen = choose_classes(whole, ["class_2", "class_1"])
    assert chosen.crowds is not None
    assert (chosen.crowds.labels.tolist(), chosen.crowds.starts.tolist()) == ([0, 0], [0, 0, 1, 1, 2])
    assert counted({"val": whole, "test": other})["crowds"] == {"val": 3}
    assert joined([other, other]).crowds is None


def test_they_change_the_fingerprint_and_none_is_what_it_was(images: BoxImages) -> None:
    plain = replace(images, crowds=None)
    assert plain.fingerprint() == "6e2e81b73d09feee927c9abe012f2c7d3fd5ffc5237aee6e47c62965ac0a7784"
    assert images.crowds is not None
    nobody = replace(images, crowds=images.crowds.take(torch.zeros(0, dtype=torch.int64)))
    assert nobody.fingerprint() == plain.fingerprint()
    moved = replace(images, crowds=replace(images.crowds, boxes=images.crowds.boxes + 1))
    assert len({plain.fingerprint(), images.fingerprint(), moved.fingerprint()}) == 3


def test_evaluation_has_them_in_the_input_and_training_has_none(images: BoxImages) -> None:
    index = torch.tensor([4, 1, 0])
    _, targets = evaluation_boxes(images, index)
    assert images.crowds is not None
    assert targets.crowds is not None
    assert targets.crowds.image.tolist() == [0, 1, 1]
    assert targets.crowds.labels.tolist() == [2, 0, 2]
    own = targets.in_image(targets.crowds.boxes, targets.crowds.image)
    factor = (images.sizes.double() / images.inside).flip(1).repeat(1, 2)[index][targets.crowds.image]
    torch.testing.assert_close(own.double(), images.crowds.boxes[[3, 0, 1]] * factor, rtol=0, atol=1e-4)
    moved = targets.to("cpu").crowds
    assert moved is not None
    assert torch.equal(moved.boxes, targets.crowds.boxes)
    _, trained = training_boxes(images, index, AUGMENTATION, 0, 0, mosaic=False)
    assert trained.crowds is None
    _, nothing = evaluation_boxes(images, index[2:])
    assert nothing.crowds is not None
    assert len(nothing.crowds.labels) == 0


def test_they_are_resized_with_the_image(crowds: Crowds, listing) -> None:
    five = replace(listing({f"{i}.jpg": [(0, 10, 20, 50, 100)] for i in range(5)}, classes=3), crowds=crowds)
    _, boxes, resized = in_resized(five, 50)
    assert boxes[0].tolist() == [5, 10, 25, 50]
    assert resized is not None
    assert torch.equal(resized.boxes, crowds.boxes / 2)


def test_another_order_of_classes_renumbers_them(images: BoxImages) -> None:
    assert images.crowds is not None
    other = _renumbered(images, ("c", "b", "a"))
    assert other.crowds is not None
    assert other.crowds.labels.tolist() == [2, 0, 1, 0]
    assert torch.equal(other.crowds.boxes, images.crowds.boxes)
