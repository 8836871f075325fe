from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.composed import box_augmentation
from tests.drawn_boxes import box_images
from tests.no_synchronisation import NoSynchronisation
from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.annotations.instances.instances import Instances
from tlbench.data.samples import MemorySamples
from tlbench.data.worker_loader import Decoded
from tlbench.geometry.fits import GREY
from tlbench.geometry.hsv import draw_gains
from tlbench.geometry.mosaic import Draws, draw, lay_out
from tlbench.geometry.resample import one_by_one, together
from tlbench.networks.libraries.ultralytics import ultralytics_module

NONE: dict[str, float] = {}
GEOMETRY = {"flip": 0.5, "mosaic": 0.7, "scale": 0.5, "translate": 0.1}
ALL = {**GEOMETRY, "hsv_h": 0.015, "hsv_s": 0.7, "hsv_v": 0.4}
SIDE = 64


def config(values: dict[str, Any], **changes: float) -> InstanceAugmentation:
    return box_augmentation(**{**values, **changes})


class _Given:
    """In place of the module `random`: gives out what was drawn; a translation is drawn as a fraction of the side."""

    def __init__(self, uniforms: list[float], integers: list[int], numbers: list[float], side: int) -> None:
        self.uniforms, self.integers, self.numbers = iter(uniforms), iter(integers), iter(numbers)
        self.side = side

    def uniform(self, low: float, high: float) -> float:
        value = next(self.uniforms)
        return value / self.side if (low, high) == (0.4, 0.6) else value

    def randint(self, low: int, high: int) -> int:
        return next(self.integers)

    def random(self) -> float:
        return next(self.numbers)


class Reference:
    """ultralytics' own transforms of images in memory, with draws that are given."""

    def __init__(self, images: MemorySamples[Instances], monkeypatch: pytest.MonkeyPatch) -> None:
        self.images, self.cache = images, "ram"
        self.module = ultralytics_module("data.augment")
        self.instances = ultralytics_module("utils.instance").Instances
        self.monkeypatch = monkeypatch

    def __len__(self) -> int:
        return len(self.images)

    def get_image_and_label(self, i: int) -> dict[str, Any]:
        height, width = self.images.annotations.inside[i].tolist()
        rows, _ = self.images.annotations.objects(torch.tensor([i]))
        pixels = self.images.images[i, :, :height, :width].flip(0).permute(1, 2, 0)
        return {
            "img": np.ascontiguousarray(pixels.numpy()),
            "cls": self.images.labels[rows].numpy()[:, None],
            "instances": self.instances(
                self.images.annotations.boxes[rows].numpy().copy(), bbox_format="xyxy", normalized=False
            ),
            "im_file": "",
            "ori_shape": (height, width),
            "resized_shape": (height, width),
        }

    def sample(
        self, draws: Draws, i: int, gains: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Image (3, S, S) uint8, boxes and labels of the i-th of the samples that were drawn."""
        tiles, side = draws.tiles[i].tolist(), self.images.size[0]
        x, y = (draws.shift[i].double() / side).tolist()
        mixed = len(tiles) > 1 and tiles[1] >= 0
        uniforms = [0, *draws.centre[i].flip(0).tolist()] if mixed else []
        uniforms += [0, 0, 0, float(draws.scale[i]), 0, 0, x * side, y * side]
        self.monkeypatch.setattr(
            self.module, "random", _Given(uniforms, tiles[1:], [0.0 if draws.flip[i] else 1.0], side)
        )
        given = np.zeros(3) if gains is None else gains[i].double().numpy()
        self.monkeypatch.setattr(np.random, "uniform", lambda low, high, size: given)
        m = self.module
        steps = [m.Mosaic(self, side, 1.0)] if mixed else []
        steps += [m.RandomPerspective(0, 0.1, 0.5, size=(side, side))]
        steps += [m.RandomHSV(1.0, 1.0, 1.0)] if given.any() else []
        steps += [m.RandomFlip(0.5, "horizontal")]
        labels = m.Compose(steps)(self.get_image_and_label(tiles[0]))
        labels["instances"].convert_bbox("xyxy")
        pixels = torch.from_numpy(labels["img"][..., ::-1].copy()).permute(2, 0, 1)
        return pixels, torch.from_numpy(labels["instances"].bboxes), torch.from_numpy(labels["cls"])[:, 0]


@pytest.fixture
def images() -> MemorySamples[Instances]:
    return box_images()


def samples(count: int) -> torch.Tensor:
    return torch.arange(count) % 5


@pytest.mark.promise("boxes are augmented as in ultralytics")
@pytest.mark.parametrize("mosaic", [True, False])
def test_geometry_equals_ultralytics(images: MemorySamples[Instances], mosaic: bool, monkeypatch: pytest.MonkeyPatch):
    reference = Reference(images, monkeypatch)
    settings = config(GEOMETRY)
    found = 0
    for epoch in range(12):
        index = samples(5)
        draws = draw(settings, len(images), (SIDE, SIDE), index, 0, epoch, mosaic=mosaic)
        batch, targets = training_boxes(images, index, settings, 0, epoch, mosaic)
        for i in range(len(index)):
            pixels, boxes, labels = reference.sample(draws, i)
            assert (255 * batch[i] - pixels).abs().max() < 0.51  # it rounds to 8 bits
            mine = targets.image == i
            assert targets.labels[mine].tolist() == labels.tolist()
            assert torch.allclose(targets.boxes[mine], boxes.float(), atol=1e-3, rtol=0)
            found += len(boxes)
    assert found > 50


@pytest.mark.promise("boxes are augmented as in ultralytics")
@pytest.mark.parametrize("mosaic", [True, False])
def test_the_whole_equals_ultralytics(images: MemorySamples[Instances], mosaic: bool, monkeypatch: pytest.MonkeyPatch):
    reference = Reference(images, monkeypatch)
    settings = config(ALL)
    index = torch.arange(5).repeat(4)
    draws = draw(settings, len(images), (SIDE, SIDE), index, 3, 1, mosaic=mosaic)
    gains = draw_gains(settings, index, 3, 1)
    batch, _ = training_boxes(images, index, settings, 3, 1, mosaic)
    difference = torch.stack([255 * batch[i] - reference.sample(draws, i, gains)[0] for i in range(len(index))]).abs()
    assert difference.quantile(0.95) < 3
    assert difference.max() < 14  # where colours are rounded to 2° of hue; see `test_hsv`


@pytest.mark.promise("boxes are augmented as in ultralytics")
def test_a_sample_is_the_same_in_any_batch(images: MemorySamples[Instances]):
    settings = config(ALL)
    index = torch.tensor([4, 2, 0, 1, 3])
    whole, targets = training_boxes(images, index, settings, 0, 2, True)
    for order in ([3], [0, 4], [2, 1, 0]):
        batch, part = training_boxes(images, index[order], settings, 0, 2, True)
        assert torch.equal(batch, whole[order])
        for new, old in enumerate(order):
            assert torch.equal(part.boxes[part.image == new], targets.boxes[targets.image == old])
            assert torch.equal(part.labels[part.image == new], targets.labels[targets.image == old])
        assert torch.equal(part.placement.original, targets.placement.original[order])


def test_seed_and_epoch_change_the_batch(images: MemorySamples[Instances]):
    settings, index = config(ALL), torch.arange(5)
    batch, _ = training_boxes(images, index, settings, 0, 0, True)
    assert torch.equal(batch, training_boxes(images, index, settings, 0, 0, True)[0])
    for seed, epoch in ((1, 0), (0, 1)):
        assert not torch.equal(batch, training_boxes(images, index, settings, seed, epoch, True)[0])


@pytest.mark.parametrize("mosaic", [True, False])
def test_a_flip_mirrors_image_and_boxes(images: MemorySamples[Instances], mosaic: bool):
    index = torch.arange(5)
    one, straight = training_boxes(images, index, config(ALL, flip=0), 0, 0, mosaic)
    other, flipped = training_boxes(images, index, config(ALL, flip=1), 0, 0, mosaic)
    assert torch.equal(other, one.flip(3))
    assert torch.equal(
        flipped.boxes, torch.tensor([SIDE, 0, SIDE, 0]) + straight.boxes[:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1])
    )
    assert torch.equal(flipped.labels, straight.labels)
    assert torch.equal(flipped.image, straight.image)


def test_without_augmentation_a_batch_is_that_of_evaluation():
    images = box_images(sizes=((48, 96), (90, 90), (64, 32)), objects=(3, 2, 4))
    index = torch.tensor([2, 0, 1])
    expected, targets = evaluation_boxes(images, index)
    batch, found = training_boxes(images, index, config(NONE), 0, 0, True)
    assert torch.allclose(batch, expected, atol=1e-6)
    large = (targets.boxes[:, 2:] - targets.boxes[:, :2]).amin(1) > 2
    assert torch.allclose(found.boxes, targets.boxes[large], atol=1e-4)
    back = found.in_image(found.boxes, found.image)
    assert torch.allclose(back, targets.in_image(targets.boxes, targets.image)[large], atol=1e-4)


def test_boxes_lie_where_their_objects_are_seen():
    """A white rectangle on black: its box bounds what is bright in the batch."""
    images = box_images(sizes=((64, 64),), objects=(1,))
    images.images.zero_()
    images.images[0, :, 20:44, 10:50] = 255
    boxes = torch.tensor([[10.0, 20.0, 50.0, 44.0]])
    images = replace(images, annotations=replace(images.annotations, boxes=boxes))
    for epoch in range(5):
        batch, targets = training_boxes(images, torch.zeros(1, dtype=torch.int64), config(GEOMETRY), 0, epoch, False)
        rows, columns = (batch[0, 0] > 0.6).nonzero(as_tuple=True)
        bright = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        assert (targets.boxes[0] - bright).abs().max() < 1.3  # boxes count from pixels' borders, images from centres


def test_a_mosaic_of_a_single_image():
    images = box_images(sizes=((48, 96),), objects=(2,))
    batch, targets = training_boxes(images, torch.zeros(3, dtype=torch.int64), config(ALL, mosaic=1), 0, 0, True)
    assert batch.shape == (3, 3, SIDE, SIDE)
    assert batch.isfinite().all()
    assert torch.equal(batch[0], batch[1])
    assert len(targets.boxes) > 0


def test_a_set_without_objects():
    images = box_images(sizes=((48, 96), (30, 30)), objects=(0, 0))
    _, targets = training_boxes(images, torch.tensor([0, 1, 0]), config(ALL), 0, 0, True)
    assert targets.boxes.shape == (0, 4)
    assert targets.image.shape == (0,)
    assert len(targets) == 3


def test_what_no_tile_covers_is_grey():
    images = box_images(sizes=((16, 64),), objects=(0,))
    batch, _ = training_boxes(images, torch.zeros(1, dtype=torch.int64), config(NONE), 0, 0, True)
    assert (batch[0, :, :24] * 255 - GREY).abs().max() < 1e-4
    assert (batch[0, :, 41:] * 255 - GREY).abs().max() < 1e-4


def test_images_fetched_for_a_batch_give_the_same_as_the_set(images: MemorySamples[Instances]):
    """What workers decode: only the tiles that were drawn."""
    settings, index = config(ALL), torch.tensor([4, 2, 0, 1, 3])
    expected, targets = training_boxes(images, index, settings, 0, 2, True)
    draws = draw(settings, len(images), (SIDE, SIDE), index, 0, 2, mosaic=True)
    needed = draws.tiles.unique()[1:]  # without -1
    rows = torch.searchsorted(needed, draws.tiles).clamp(min=0)
    decoded = Decoded(images.images[needed], rows, index)
    batch, found = training_boxes(replace(images, images=images.images[:0]), index, settings, 0, 2, True, decoded)
    assert torch.equal(batch, expected)
    assert targets.crowds is found.crowds is None
    for name in ("boxes", "labels", "image"):
        assert torch.equal(getattr(targets, name), getattr(found, name)), name


def test_the_ways_of_the_cpu_and_of_an_accelerator_agree(images: MemorySamples[Instances]):
    index = torch.arange(5).repeat(4)
    draws = draw(config(GEOMETRY), len(images), (SIDE, SIDE), index, 0, 0, mosaic=True)
    rows = draws.tiles.clamp(min=0)
    placement = lay_out(draws, images.annotations.inside[rows], images.annotations.sizes[rows], (SIDE, SIDE))
    each = torch.stack([sample.clone() for sample in one_by_one(images.images, rows, placement)])
    with NoSynchronisation():
        all_at_once = together(images.images, rows, placement)
    assert torch.allclose(each, all_at_once, atol=1e-4)
