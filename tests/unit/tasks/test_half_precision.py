"""bfloat16 convolutions, as autocast has them on the CPU too: what follows the network computes in float32."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.placements import placed
from tests.staged import source_network, task_of
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.networks.build import build_network
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.networks.outputs import in_float32
from tlbench.sources.load import apply_source
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.decode import found_boxes
from tlbench.tasks.detection.loss import DetectionLoss
from tlbench.tasks.detection.task import DetectionTask

SIDE, CLASSES = 640, 2


def drawn(count: int, side: int) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def autocast() -> Any:
    return torch.autocast("cpu", dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def configured() -> TrainConfig:
    return compose_config(["task=detection", f"data.image_size={SIDE}", "trainer.precision=bf16-mixed"])


@pytest.fixture(scope="module")
def task(configured: TrainConfig) -> DetectionTask:
    """The detector that comes with tlbench."""
    network = build_network(configured.model, CLASSES, 0, (SIDE, SIDE))
    apply_source(network, configured.source, configured.model, configured.data)
    return DetectionTask(network, configured, ["stamp", "signature"]).eval()


@pytest.fixture(scope="module")
def given(task: DetectionTask) -> tuple[Tensor, dict[str, Any]]:
    """What the head decodes in a forward pass in bfloat16, and its maps."""
    images = drawn(1, SIDE)
    with torch.no_grad(), autocast():
        y, maps = task.network(images)
    assert maps["boxes"].dtype == maps["scores"].dtype == maps["feats"][0].dtype == torch.bfloat16
    return y, maps


def upcast(maps: dict[str, Any]) -> dict[str, Any]:
    return {key: [m.float() for m in maps[key]] if key == "feats" else maps[key].float() for key in maps}


@pytest.mark.promise("boxes in float32")
def test_boxes_are_decoded_in_float32(task, given):
    """The same maps, upcast and decoded by ultralytics outside of autocast; in bfloat16 they are pixels apart."""
    y, maps = given
    head = task.network.model[-1]
    decode = ultralytics_module("nn.modules.head").Detect._inference
    with torch.no_grad():
        head.shape = None
        wanted = decode(head, upcast(maps))
        head.shape = None
        with autocast():
            in_bfloat16 = decode(head, maps)
        head.shape = None
    assert y.dtype == torch.float32
    assert (y[:, :4] - wanted[:, :4]).abs().max() < 0.01
    assert (y[:, 4:] - wanted[:, 4:]).abs().max() < 1e-6
    assert (in_bfloat16[:, :4].float() - wanted[:, :4]).abs().max() > 1


@pytest.mark.parametrize("first", ["bfloat16", "float32"])
def test_cells_of_one_precision_are_not_kept_for_the_other(task, given, first):
    images = drawn(1, 64)
    head = task.network.model[-1]
    with torch.no_grad():
        head.shape = None
        wanted = task.network(images)[0]
        head.shape = None
        if first == "bfloat16":
            with autocast():
                task.network(images)
        else:
            task.network(images)
        assert head.anchors.dtype == head.strides.dtype == torch.float32
        assert torch.equal(task.network(images)[0], wanted)


def targets() -> BoxTargets:
    return BoxTargets(
        boxes=torch.tensor([[11.0, 23, 301, 333], [400.5, 37.25, 611.5, 97], [5.0, 500, 635, 639]]),
        labels=torch.tensor([0, 1, 1]),
        image=torch.tensor([0, 0, 0]),
        placement=placed([(640, 640)], side=640),
    )


@pytest.mark.promise("the loss of bf16")
def test_the_loss_of_bfloat16_maps_is_that_of_the_same_maps_upcast(task, given, configured):
    assert isinstance(configured.task, DetectionConfig)
    maps, side = given[1], (SIDE, SIDE)
    leaves = {key: maps[key].clone().requires_grad_() for key in ("boxes", "scores")}
    wanted = DetectionLoss(task.network, configured.task)(upcast(maps), targets(), side)
    with autocast():
        found = DetectionLoss(task.network, configured.task)({**maps, **leaves}, targets(), side)
        theirs = ultralytics_module("utils.loss").v8DetectionLoss(task.network)(maps, _as_ultralytics(targets()))[0]
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)
    assert not torch.allclose(theirs.float(), wanted, rtol=1e-4)
    found.sum().backward()
    assert all(torch.isfinite(leaf.grad).all() and leaf.grad.abs().max() > 0 for leaf in leaves.values())


def _as_ultralytics(targets: BoxTargets) -> dict[str, Tensor]:
    corners = targets.boxes / SIDE
    boxes = torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], dim=1)
    return {"batch_idx": targets.image.float(), "cls": targets.labels[:, None].float(), "bboxes": boxes}


def test_steps_of_a_detector_give_and_keep_float32(task):
    """Under autocast, as Lightning calls them."""
    images = drawn(1, 64)
    some = targets()
    some = BoxTargets(some.boxes / 10, some.labels, some.image, some.placement)
    task.size = (64, 64)
    try:
        with torch.no_grad(), autocast():
            outputs = in_float32(task.outputs(images))
            task.test_step((images, some, torch.tensor([0])), 0)
        with torch.no_grad():
            wanted = task.loss(outputs, some)
        assert torch.equal(task.test_loss.compute(), wanted)
        found = found_boxes(outputs, some.placement, CLASSES, task.settings)[0]
        kept = task.predictions()
        assert (kept["boxes"].dtype, kept["scores"].dtype) == (torch.float32, torch.float32)
        assert torch.equal(kept["boxes"], found.boxes)
        assert torch.equal(kept["scores"], found.scores)
    finally:
        task.size = (SIDE, SIDE)
        task.test_predictions.clear(), task.test_loss.reset(), task.test_metrics.reset()


@pytest.mark.promise("float32 probabilities")
def test_steps_of_a_classifier_compute_loss_and_probabilities_of_the_logits_in_float32():
    task = task_of("trainer.precision=bf16-mixed", "task.label_smoothing=0.1", network=source_network()).eval()
    images = drawn(6, 32)
    labels = torch.arange(6)
    with torch.no_grad():
        with autocast():
            logits = task.network(images)
            loss = task.training_step((images, labels, labels), 0)
            task.test_step((images, labels, labels), 0)
        assert logits.dtype == torch.bfloat16
        assert loss.dtype == torch.float32
        assert torch.equal(loss, task.training_loss(logits.float(), labels))
        assert torch.equal(task.test_loss.compute(), task.loss(logits.float(), labels))
    probabilities = task.predictions()["probabilities"]
    assert probabilities.dtype == torch.float32
    assert torch.equal(probabilities, torch.softmax(logits.float(), dim=1))
    assert (probabilities.double().sum(dim=1) - 1).abs().max() < 1e-6
