"""Crowds go where their images go; a set without any is what it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.drawn_boxes import box_images
from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.carve import counted
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.instances import Instances
from tlbench.data.listing import Listing, joined
from tlbench.data.samples import MemorySamples

AUGMENTATION = InstanceAugmentation(
    name="drawn", flip=0, mosaic=0, close_mosaic=0, scale=0, translate=0, hsv_h=0, hsv_s=0, hsv_v=0
)


@pytest.fixture
def crowds() -> Crowds:
    """Of five images: none, two, none, one, one."""
    corner = torch.arange(4.0)[:, None]
    boxes = torch.cat([corner, corner + 1, corner + 10, corner + 12], dim=1)
    return Crowds(boxes, torch.tensor([0, 2, 1, 2]), torch.tensor([0, 0, 2, 2, 3, 4]))


def with_crowds(some: MemorySamples[Instances], crowds: Crowds | None) -> MemorySamples[Instances]:
    return replace(some, annotations=replace(some.annotations, crowds=crowds))


@pytest.fixture
def images(crowds: Crowds) -> MemorySamples[Instances]:
    return with_crowds(box_images(), crowds)


@pytest.fixture
def five(listing, crowds: Crowds) -> Listing[Instances]:
    """A listing of as many images."""
    listed = listing({f"{i}.jpg": [(0, 10, 20, 50, 100)] for i in range(5)}, classes=3)
    return listed.under(replace(listed.annotations, crowds=crowds))


def test_they_are_taken_joined_and_renumbered_with_their_images(five: Listing[Instances], listing) -> None:
    other = listing({"z.jpg": []}, classes=3)
    whole = joined([other, five.take(torch.tensor([4, 0, 1]))])
    assert whole.names == ("z.jpg", "4.jpg", "0.jpg", "1.jpg")
    crowds = whole.annotations.crowds
    assert crowds is not None
    assert crowds.starts.tolist() == [0, 0, 1, 1, 3]
    assert crowds.boxes[:, 0].tolist() == [3, 0, 1]
    assert crowds.labels.tolist() == [2, 0, 2]
    chosen = whole.chosen(["class_2", "class_1"]).annotations.crowds
    assert chosen is not None
    assert (chosen.labels.tolist(), chosen.starts.tolist()) == ([0, 0], [0, 0, 1, 1, 2])
    assert counted({"val": whole, "test": other})["crowds"] == {"val": 3}
    assert joined([other, other]).annotations.crowds is None


@pytest.mark.promise("crowds in fingerprints")
def test_they_change_the_fingerprint_and_none_is_what_it_was(images: MemorySamples[Instances], crowds: Crowds) -> None:
    plain = with_crowds(images, None)
    assert plain.fingerprint() == "6e2e81b73d09feee927c9abe012f2c7d3fd5ffc5237aee6e47c62965ac0a7784"
    nobody = with_crowds(images, crowds.take(torch.zeros(0, dtype=torch.int64)))
    assert nobody.fingerprint() == plain.fingerprint()
    moved = with_crowds(images, replace(crowds, boxes=crowds.boxes + 1))
    assert len({plain.fingerprint(), images.fingerprint(), moved.fingerprint()}) == 3


def test_evaluation_has_them_in_the_input_and_training_has_none(
    images: MemorySamples[Instances], crowds: Crowds
) -> None:
    index, instances = torch.tensor([4, 1, 0]), images.annotations
    _, targets = evaluation_boxes(images, index)
    assert targets.crowds is not None
    assert targets.crowds.image.tolist() == [0, 1, 1]
    assert targets.crowds.labels.tolist() == [2, 0, 2]
    own = targets.in_image(targets.crowds.boxes, targets.crowds.image)
    factor = (instances.sizes.double() / instances.inside).flip(1).repeat(1, 2)[index][targets.crowds.image]
    torch.testing.assert_close(own.double(), crowds.boxes[[3, 0, 1]] * factor, rtol=0, atol=1e-4)
    moved = targets.to("cpu").crowds
    assert moved is not None
    assert torch.equal(moved.boxes, targets.crowds.boxes)
    _, trained = training_boxes(images, index, AUGMENTATION, 0, 0, mosaic=False)
    assert trained.crowds is None
    _, nothing = evaluation_boxes(images, index[2:])
    assert nothing.crowds is not None
    assert len(nothing.crowds.labels) == 0


def test_they_are_resized_with_the_image(five: Listing[Instances], crowds: Crowds) -> None:
    resized = five.annotations.resized((50, 50))
    assert resized.boxes[0].tolist() == [5, 10, 25, 50]
    assert resized.crowds is not None
    assert torch.equal(resized.crowds.boxes, crowds.boxes / 2)


def test_another_order_of_classes_renumbers_them(images: MemorySamples[Instances], crowds: Crowds) -> None:
    other = images.chosen(("c", "b", "a")).annotations.crowds
    assert other is not None
    assert other.labels.tolist() == [2, 0, 1, 0]
    assert torch.equal(other.boxes, crowds.boxes)
