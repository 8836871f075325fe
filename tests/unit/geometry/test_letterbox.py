from __future__ import annotations

import pytest
import torch

from tests.drawn_boxes import SIZES, box_images
from tlbench.annotations.instances.augment import evaluation_boxes
from tlbench.data.decode import GREY
from tlbench.geometry.letterbox import centred, frames, margins
from tlbench.networks.libraries.ultralytics import ultralytics_module


def test_margins_are_rounded_as_in_letterbox():
    inside = torch.stack([torch.arange(1, 33), torch.full((32,), 32)], dim=1)
    found = margins(inside, 32)
    assert found[:, 0].tolist() == [round((32 - height) / 2 - 0.1) for height in range(1, 33)]
    assert found[:, 1].tolist() == [0] * 32


def test_centred_equals_ultralytics_letterbox():
    images = box_images()
    letterbox = ultralytics_module("data.augment").LetterBox(64, scaleup=False)
    moved = centred(images.images, torch.arange(5), images.annotations.inside)
    for image, found, (height, width) in zip(images.images, moved, images.annotations.inside.tolist(), strict=True):
        expected = letterbox(image=image[:, :height, :width].permute(1, 2, 0).numpy())
        assert torch.equal(found, torch.from_numpy(expected).permute(2, 0, 1) / 255)


def test_frames_of_a_hand_computed_image():
    assert frames(torch.tensor([[18, 32]]), torch.tensor([[1080, 1920]]), 32).tolist() == [
        pytest.approx([32 / 1920, 18 / 1080, 0, 7])
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
    assert targets.sizes.tolist() == [list(SIZES[i]) for i in index.tolist()]


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
