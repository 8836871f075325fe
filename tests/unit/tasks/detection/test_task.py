from __future__ import annotations

import functools
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from tests.drawn_detections import detections_of
from tests.placements import placed
from tlbench.annotations.instances.detections import Detections
from tlbench.annotations.instances.targets import BoxTargets, CrowdTargets
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.networks.build import build_network
from tlbench.networks.network import Network
from tlbench.tasks.detection.task import CONFIDENCE, DetectionTask

NAMES = ("cat", "dog")


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(configured().model, len(NAMES), 0, (64, 64))


@functools.cache
def configured(*overrides: str) -> TrainConfig:
    return compose_config(["task=detection", "source=random", "data.image_size=64", *overrides])


@pytest.fixture
def task(network: Network) -> DetectionTask:
    return DetectionTask(network, configured(), NAMES)


TARGETS = BoxTargets(
    boxes=torch.tensor([[4.0, 8, 24, 28], [10.0, 10, 20, 30], [0.0, 0, 64, 64]]),
    labels=torch.tensor([1, 0, 1]),
    image=torch.tensor([0, 0, 2]),
    placement=placed([(96, 112), (16, 32), (64, 64)], [0.5, 2, 1], [(4, 8), (0, 16), (0, 0)]),
)
"""Three images: halved and moved by 4, 8; doubled and moved by 0, 16; as it is. The second has no objects."""


def outputs_of(*images: list[tuple[tuple[float, float, float, float], tuple[float, float]]]) -> tuple[Tensor, None]:
    """An evaluation output: of each image the cells' `cx cy w h` in pixels of the input, and both classes' scores."""
    cells = max(map(len, images))
    y = torch.zeros(len(images), 4 + len(NAMES), cells)
    for i, image in enumerate(images):
        for cell, (box, scores) in enumerate(image):
            y[i, :, cell] = torch.tensor([*box, *scores])
    return y, None


def test_detections_are_in_pixels_of_the_image_and_clipped_to_it(task):
    outputs = outputs_of(
        [((14, 18, 20, 20), (0.25, 0.5)), ((54, 48, 20, 40), (0.75, 0.0))],
        [((40, 32, 60, 20), (0.0, 0.125))],
        [],
    )
    first, second, third = task.find(outputs, TARGETS)
    # 44–64 and 28–68 of the input: from 40·2 and 20·2 to 60·2 and 60·2 of an image of 112 × 96
    assert first.boxes.tolist() == [[80, 40, 112, 96], [0, 0, 40, 40], [0, 0, 40, 40]]
    assert (first.scores.tolist(), first.labels.tolist()) == ([0.75, 0.5, 0.25], [0, 1, 0])
    assert second.boxes.tolist() == [[5, 3, 32, 13]]
    assert (second.labels.tolist(), second.labels.dtype) == ([1], torch.int64)
    assert third.boxes.shape == (0, 4)
    assert len(third) == 0


def test_what_is_kept_follows_the_configuration(network):
    same = ((20.0, 20.0, 20.0, 20.0), (0.5, 0.0))
    shifted = ((22.0, 20.0, 20.0, 20.0), (0.25, 0.0))  # IoU 18/22 with the first
    apart = ((50.0, 50.0, 10.0, 10.0), (0.125, 0.0))
    outputs = outputs_of([same, shifted, apart], [], [])
    kept = {
        (): [0.5, 0.125],
        ("task.nms_iou=0.85",): [0.5, 0.25, 0.125],
        ("task.min_confidence=0.2",): [0.5],
        ("task.max_detections=1",): [0.5],
    }
    for overrides, scores in kept.items():
        found = DetectionTask(network, configured(*overrides), NAMES).find(outputs, TARGETS)
        assert found[0].scores.tolist() == scores


def test_gradients_are_summed_over_the_images_of_all_processes(network, task):
    assert task.gradient_scale(TARGETS) == 3
    two = DetectionTask(network, configured("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"), NAMES)
    assert two.gradient_scale(TARGETS) == 6


def found_in(*counts: int) -> list[Detections]:
    """Detections that are told apart by their numbers."""
    return [
        detections_of(*[([i, k, i + 5, k + 5], 1 - k / 10, k % 2) for k in range(count)])
        for i, count in enumerate(counts)
    ]


def test_predictions_are_image_by_image_in_the_order_of_the_samples(task):
    """Two batches, as two processes of a test leave them: samples 4, 0 and 3, 1, 2."""
    two_images = BoxTargets(
        boxes=torch.tensor([[0.0, 0, 8, 8], [1.0, 1, 9, 9]]),
        labels=torch.tensor([0, 1]),
        image=torch.tensor([1, 1]),
        placement=placed([(64, 64)] * 2),
    )
    first, second = found_in(2, 0), found_in(1, 3, 0)
    task.test_predictions = [
        {"index": torch.tensor([4, 0]), **task.predict_batch(first, two_images)},
        {"index": torch.tensor([3, 1, 2]), **task.predict_batch(second, TARGETS)},
    ]
    got = task.predictions()
    assert got["index"].tolist() == [0, 1, 2, 3, 4]
    assert got["count"].tolist() == [0, 3, 0, 1, 2]
    assert got["scores"].tolist() == pytest.approx([1, 0.9, 0.8, 1, 1, 0.9])
    assert got["labels"].tolist() == [0, 1, 0, 0, 0, 1]
    assert torch.equal(got["boxes"], torch.cat([second[1].boxes, second[0].boxes, first[0].boxes]))
    assert got["target_count"].tolist() == [2, 0, 1, 2, 0]
    assert got["target_labels"].tolist() == [0, 1, 1, 1, 0]
    # of sample 3, whose image is halved and moved by 4, 8: back in its own pixels
    wanted = [[0, 0, 8, 8], [1, 1, 9, 9], [0, 0, 64, 64], [0, 0, 40, 40], [12, 4, 32, 44]]
    assert got["target_boxes"].tolist() == wanted
    assert not any(key.startswith("crowd") for key in got)


def test_crowds_are_stored_beside_predictions_in_pixels_of_the_image(task):
    def crowds(*images: int) -> CrowdTargets:
        boxes = torch.tensor([[4.0 + i, 8, 14 + i, 18] for i in range(len(images))]).view(-1, 4)
        return CrowdTargets(boxes, torch.arange(len(images)), torch.tensor(images, dtype=torch.int64))

    task.test_predictions = [
        {
            "index": torch.tensor([1, 3, 2]),
            **task.predict_batch(found_in(1, 0, 0), replace(TARGETS, crowds=crowds(0, 2, 2))),
        },
        {"index": torch.tensor([0, 4, 5]), **task.predict_batch(found_in(0, 0, 1), replace(TARGETS, crowds=crowds()))},
    ]
    got = task.predictions()
    assert got["crowd_count"].tolist() == [0, 1, 2, 0, 0, 0]
    assert got["crowd_labels"].tolist() == [0, 1, 2]
    expected = TARGETS.in_image(crowds(0, 2, 2).boxes, torch.tensor([0, 2, 2]))
    assert torch.equal(got["crowd_boxes"], expected)


def test_predictions_where_nothing_was_found_and_nothing_is_there(task):
    empty = BoxTargets(
        boxes=torch.zeros(0, 4),
        labels=torch.zeros(0, dtype=torch.int64),
        image=torch.zeros(0, dtype=torch.int64),
        placement=placed([(64, 64)] * 2),
    )
    nothing = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    task.test_predictions = [{"index": torch.tensor([1, 0]), **task.predict_batch([nothing] * 2, empty)}]
    got = task.predictions()
    assert (got["count"].tolist(), got["target_count"].tolist()) == ([0, 0], [0, 0])
    assert got["boxes"].shape == got["target_boxes"].shape == (0, 4)


@pytest.mark.promise("confidence from validation")
def test_the_confidence_chosen_on_validation_is_the_tests(task, monkeypatch):
    """On the test data themselves F1 is best from below 0.25 on; at validation's 0.5 a detection of two counts."""
    monkeypatch.setattr(
        DetectionTask, "trainer", SimpleNamespace(callback_metrics={f"val/{CONFIDENCE}": torch.tensor(0.5)})
    )
    chosen = task.chosen()
    assert chosen == {"confidence": 0.5}
    boxes = [[0.0, 0, 40, 40], [12.0, 4, 32, 44]]
    found = [detections_of((boxes[0], 0.75, 1), (boxes[1], 0.25, 0)), *found_in(0, 0)]
    found[2] = detections_of(([0.0, 0, 64, 64], 0.625, 1))
    task.test_metrics.update(found, TARGETS)
    assert task.test_metrics.compute()["confidence"] == 0.125  # half way to 0
    task.take_chosen(chosen)
    task.test_metrics._computed = None
    values = task.test_metrics.compute()
    assert values["confidence"] == 0.5
    assert [values[f"recall/{name}"].item() for name in NAMES] == [0.0, 1.0]


def test_epochs_show_means_alone_and_training_is_not_decoded(task):
    values = {"map50": torch.tensor(0.5), "ap50/cat": torch.tensor(0.25), "confidence": torch.tensor(0.1)}
    assert list(task.epoch_metrics(values)) == ["map50", "confidence"]
    assert task.train_metrics is None
