from __future__ import annotations

import pytest
import torch

from tests.drawn_boxes import SIZES, box_images
from tlbench.annotations.instances.augment import evaluation_boxes
from tlbench.geometry.fits import GREY
from tlbench.geometry.letterbox import letterbox, letterboxed, margins
from tlbench.networks.libraries.ultralytics import ultralytics_module


def test_margins_are_rounded_as_in_letterbox():
    extent = torch.stack([torch.full((32,), 32), torch.arange(1, 33)], dim=1)
    found = margins(extent, (32, 32))
    assert found[:, 0].tolist() == [0] * 32
    assert found[:, 1].tolist() == [round((32 - height) / 2 - 0.1) for height in range(1, 33)]


def test_images_are_centred_as_in_ultralytics():
    images = box_images()
    reference = ultralytics_module("data.augment").LetterBox(64, scaleup=False)
    moved, _ = letterboxed(images.images, torch.arange(5), images.annotations.inside, images.annotations.sizes)
    for image, found, (height, width) in zip(images.images, moved, images.annotations.inside.tolist(), strict=True):
        expected = reference(image=image[:, :height, :width].permute(1, 2, 0).numpy())
        assert torch.equal(found, torch.from_numpy(expected).permute(2, 0, 1) / 255)


def test_a_hand_computed_image():
    placement = letterbox(torch.tensor([[18, 32]]), torch.tensor([[1080, 1920]]), (32, 32))
    points, owner = torch.tensor([[0.0, 0], [32, 18], [8, 4.5]]), torch.zeros(3, dtype=torch.int64)
    assert placement.points(points, owner).tolist() == [[0, 7], [32, 25], [8, 11.5]]
    assert placement.back(torch.tensor([[0.0, 7], [32, 25], [8, 11.5]]), owner).tolist() == [
        pytest.approx(corner, abs=1e-3) for corner in ([0, 0], [1920, 1080], [480, 270])
    ]


def test_evaluation_shows_the_image_and_its_boxes_in_the_middle():
    images = box_images()
    index = torch.tensor([3, 0, 1, 2])
    batch, targets = evaluation_boxes(images, index)
    assert batch.dtype == torch.float32
    assert batch.shape == (4, 3, 64, 64)
    top = (64 - int(images.annotations.inside[0, 0])) // 2
    assert torch.equal((batch[1] * 255).round().to(torch.uint8), images.images[0].roll(top, 1))
    assert (batch[1, :, :top] * 255).round().unique().tolist() == [GREY]
    assert targets.image.tolist() == [0, 1, 1, 1, 3, 3, 3, 3, 3]
    assert torch.equal(targets.boxes[1:4], images.annotations.boxes[:3] + torch.tensor([0, top, 0, top]))
    assert torch.equal(targets.labels[1:4], images.labels[:3])
    assert targets.placement.original[:, 0].flip(1).tolist() == [list(SIZES[i]) for i in index.tolist()]


def test_boxes_go_back_to_the_original_image():
    images = box_images(sizes=((36, 64), (128, 96), (1080, 1920), (427, 640)), objects=(3, 2, 4, 2))
    _, targets = evaluation_boxes(images, torch.arange(4))
    instances = images.annotations
    factor = (instances.sizes / instances.inside).flip(1).repeat(1, 2)[targets.image]
    assert torch.allclose(targets.in_image(targets.boxes, targets.image), instances.boxes * factor, atol=1e-3, rtol=0)


def test_an_image_without_objects():
    images = box_images(sizes=((36, 64),), objects=(0,))
    _, targets = evaluation_boxes(images, torch.zeros(2, dtype=torch.int64))
    assert targets.boxes.shape == (0, 4)
    assert len(targets) == 2
