"""The detection loss against the formulas worked out by hand, and against ultralytics' own network and loss."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from tests.placements import placed
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.networks.build import build_network
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.loss import DetectionLoss
from tlbench.tasks.detection.task import DetectionTask

STRIDE, CELLS, SIDE = 8, 4, 32
"""A head of one map of 4 × 4 cells, whose centres are at 4, 12, 20 and 28 pixels."""

CELL = 5
"""That of the centre (12, 12)."""

FAR = -40.0
"""The logit of a bin that has no probability."""


@functools.cache
def settings(**gains: float) -> DetectionConfig:
    config = compose_config(["task=detection", *(f"task.{name}={gain}" for name, gain in gains.items())]).task
    assert isinstance(config, DetectionConfig)
    return config


class _OneMap(nn.Module):
    """What the loss asks of a network: its head's properties and a parameter's device."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        head = nn.Linear(1, 1)
        head.stride, head.nc, head.reg_max = torch.tensor([float(STRIDE)]), classes, 16
        self.model = nn.ModuleList([head])


def parts_of(outputs: dict[str, Tensor | list[Tensor]], targets: BoxTargets, **gains: float) -> Tensor:
    classes = outputs["scores"].shape[1]
    return DetectionLoss(_OneMap(classes), settings(**gains))(outputs, targets, (SIDE, SIDE))


def targets_of(*images: Sequence[tuple[Sequence[float], int]]) -> BoxTargets:
    """The objects of each image, (box, label)."""
    objects = [(box, label, i) for i, image in enumerate(images) for box, label in image]
    return BoxTargets(
        boxes=torch.tensor([box for box, _, _ in objects]).view(-1, 4),
        labels=torch.tensor([label for _, label, _ in objects], dtype=torch.int64),
        image=torch.tensor([i for _, _, i in objects], dtype=torch.int64),
        placement=placed([(SIDE, SIDE)] * len(images)),
    )


def outputs_of(scores: Tensor, sides: Sequence[tuple[float, float]], cell: int = CELL) -> dict[str, Tensor]:
    """Logits of classes (B, C, 16), and in one cell of each image the probabilities of bins 0 and 1 of each side."""
    boxes = torch.full((len(scores), 4, 16, CELLS**2), FAR)
    boxes[:, :, 3] = 0.0  # all other cells: a distance of 3 on each side
    boxes[:, :, :, cell] = FAR
    for side, (zero, one) in enumerate(sides):
        boxes[:, side, 0, cell], boxes[:, side, 1, cell] = math.log(zero), math.log(one)
    feats = [torch.zeros(len(scores), 1, CELLS, CELLS)]
    return {"boxes": boxes.flatten(1, 2).requires_grad_(), "scores": scores.requires_grad_(), "feats": feats}


SIDES = ((0.75, 0.25), (0.5, 0.5), (0.5, 0.5), (0.25, 0.75))
"""Distances 0.25, 0.5, 0.5 and 0.75 cells from (12, 12): the box 10, 8, 16, 18."""

OBJECT = (9.0, 10.0, 17.0, 19.0)
"""The only cell whose centre is inside is that of (12, 12)."""


def complete_iou() -> float:
    """Of 10, 8, 16, 18 and 9, 10, 17, 19."""
    iou = 48 / (60 + 72 - 48)
    distance = 1.5**2 / (8**2 + 11**2)  # of the centres (13, 13) and (13, 14.5), to the diagonal of 9, 8, 17, 19
    v = 4 / math.pi**2 * (math.atan(8 / 9) - math.atan(6 / 10)) ** 2
    return iou - distance - v * v / (1 - iou + v)


def one_object() -> dict[str, Tensor]:
    """Probabilities 0.25 in the object's cell and 0.1 in the 15 others."""
    scores = torch.full((1, 1, CELLS**2), math.log(1 / 9))
    scores[0, 0, CELL] = math.log(1 / 3)
    return outputs_of(scores, SIDES)


@pytest.mark.promise("the detection loss")
def test_one_object_in_one_cell_by_hand():
    ciou = complete_iou()  # which is the class's target too: the cell is the object's best, and its only one
    cross_entropy = -(ciou * math.log(0.25) + (1 - ciou) * math.log(0.75)) - 15 * math.log(0.9)
    # the object's sides are 0.375, 0.25, 0.625 and 0.875 cells from the centre
    focal = -(0.625 * math.log(0.75) + 0.375 * math.log(0.25)) + 2 * math.log(2)
    focal += -(0.125 * math.log(0.25) + 0.875 * math.log(0.75))
    got = parts_of(one_object(), targets_of([(OBJECT, 0)]))
    wanted = [7.5 * ciou * (1 - ciou), 0.5 * cross_entropy, 1.5 * ciou * focal / 4]
    assert got.tolist() == pytest.approx(wanted, rel=1e-5)


def test_the_gradients_of_that_case_by_hand():
    outputs = one_object()
    parts_of(outputs, targets_of([(OBJECT, 0)])).sum().backward()
    wanted = torch.full((CELLS**2,), 0.5 * 0.1)
    wanted[CELL] = 0.5 * (0.25 - complete_iou())
    torch.testing.assert_close(outputs["scores"].grad[0, 0], wanted, rtol=1e-5, atol=1e-6)
    touched = outputs["boxes"].grad[0].abs().amax(dim=0) > 1e-6
    assert touched.nonzero().flatten().tolist() == [CELL]


def test_each_gain_scales_its_part_alone():
    plain = parts_of(one_object(), targets_of([(OBJECT, 0)]), box=1.0, cls=1.0, dfl=1.0)
    scaled = parts_of(one_object(), targets_of([(OBJECT, 0)]), box=2.0, cls=3.0, dfl=5.0)
    assert scaled.tolist() == pytest.approx((plain * torch.tensor([2.0, 3.0, 5.0])).tolist(), rel=1e-6)


def test_images_without_objects_teach_that_there_is_nothing():
    outputs = outputs_of(torch.full((2, 1, CELLS**2), math.log(1 / 9)), SIDES)
    got = parts_of(outputs, targets_of([], []))
    assert got.tolist() == pytest.approx([0.0, 0.5 * -math.log(0.9) * 2 * CELLS**2, 0.0], rel=1e-5)
    got.sum().backward()
    assert outputs["boxes"].grad.abs().max() == 0


def test_the_images_of_a_batch_are_summed_where_their_objects_scores_are_below_one():
    """The sum is divided by the target scores of all cells, at least 1; here they are 0.56 at most."""
    scores = one_object()["scores"].detach().repeat(2, 1, 1)
    one = parts_of(one_object(), targets_of([(OBJECT, 0)]))
    empty = parts_of(outputs_of(scores[:1].clone(), SIDES), targets_of([]))
    both = parts_of(outputs_of(scores, SIDES), targets_of([(OBJECT, 0)], []))
    assert both.tolist() == pytest.approx((one + empty).tolist(), rel=1e-5)


def assigned(outputs: dict[str, Tensor], targets: BoxTargets) -> list[tuple[int, int]]:
    """(cell, class) pairs that the loss draws upwards: the gradient of their logit is below what 0 would give."""
    parts_of(outputs, targets, box=1e-9, cls=1.0, dfl=1e-9).sum().backward()
    scores = outputs["scores"]
    total = (scores.detach().sigmoid() - scores.grad[0] * _targets_sum(scores)).squeeze(0)
    return [(cell, label) for label, cell in (total > 1e-4).nonzero().tolist()]


def _targets_sum(scores: Tensor) -> float:
    """By what the loss divides: at least 1; from a cell without target, whose gradient is its probability over it."""
    return float((scores.detach().sigmoid()[0, -1, -1] / scores.grad[0, -1, -1]).item())


def test_a_cell_in_two_objects_is_that_of_the_one_its_box_overlaps_more():
    scores = torch.full((1, 3, CELLS**2), -2.0)
    near, far = ((9.0, 8.0, 17.0, 18.0), 1), ((8.0, 5.0, 19.0, 19.0), 0)
    assert assigned(outputs_of(scores.clone(), SIDES), targets_of([far, near])) == [(CELL, 1)]
    assert assigned(outputs_of(scores.clone(), SIDES), targets_of([near, far])) == [(CELL, 1)]


def test_an_object_has_ten_cells_at_most_the_best_ones():
    """All 16 centres are inside; the boxes of six of them are those of cells that are sure of another class."""
    scores = torch.full((1, 3, CELLS**2), -2.0)
    left_out = [0, 3, 6, 9, 12, 14]
    scores[0, 0, left_out] = -6.0
    outputs = outputs_of(scores, [(0.5, 0.5)] * 4)
    boxes = torch.full((1, 4, 16, CELLS**2), FAR)
    for cell in range(CELLS**2):
        x, y = cell % CELLS, cell // CELLS
        for side, distance in enumerate((x, y, CELLS - 1 - x, CELLS - 1 - y)):
            boxes[0, side, distance, cell] = boxes[0, side, distance + 1, cell] = 0.0  # half a cell more: to the edge
    outputs["boxes"] = boxes.flatten(1, 2).requires_grad_()
    found = assigned(outputs, targets_of([((0.0, 0.0, 32.0, 32.0), 0)]))
    assert found == [(cell, 0) for cell in range(CELLS**2) if cell not in left_out]


# ---- the whole network


CLASSES = 80
"""As published, so that ultralytics' own construction gives the same architecture."""


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    return compose_config(["task=detection", "source=random", "data.image_size=64", "task.box=5", "task.cls=0.7"])


@pytest.fixture(scope="module")
def pair(config: TrainConfig) -> tuple[DetectionTask, nn.Module]:
    """The task, and ultralytics' network with the same weights."""
    task = DetectionTask(build_network(config.model, CLASSES, 0, (64, 64)), config, [str(i) for i in range(CLASSES)])
    network = ultralytics_module("nn.tasks").DetectionModel("yolo11n.yaml", nc=CLASSES, verbose=False)
    network.load_state_dict(task.network.state_dict())
    network.args = SimpleNamespace(box=5.0, cls=0.7, dfl=1.5)
    return task, network


def drawn(objects: Sequence[int]) -> tuple[Tensor, BoxTargets]:
    generator = torch.Generator().manual_seed(3)
    count = sum(objects)
    corner = torch.rand(count, 2, generator=generator) * 40
    targets = BoxTargets(
        boxes=torch.cat([corner, corner + 4 + torch.rand(count, 2, generator=generator) * 20], dim=1),
        labels=torch.randint(0, CLASSES, (count,), generator=generator),
        image=torch.arange(len(objects)).repeat_interleave(torch.tensor(list(objects))),
        placement=placed([(64, 64)] * len(objects)),
    )
    return torch.rand(len(objects), 3, 64, 64, generator=generator), targets


def as_ultralytics(images: Tensor, targets: BoxTargets) -> dict[str, Tensor]:
    x1, y1, x2, y2 = (targets.boxes / 64).T
    boxes = torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=1)
    return {"img": images, "batch_idx": targets.image.float(), "cls": targets.labels[:, None].float(), "bboxes": boxes}


@pytest.mark.promise("the detection loss")
@pytest.mark.parametrize("objects", [(3, 0, 5, 1), (0, 0), (2,)])
def test_the_same_batch_gives_ultralytics_values_and_gradients(pair, objects):
    task, network = pair
    images, targets = drawn(objects)
    task.train(), network.train()
    task.zero_grad(), network.zero_grad()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    total, parts = network.loss(as_ultralytics(images, targets))
    total.sum().backward()
    network.load_state_dict(state)  # BatchNorm has moved on
    task.network.load_state_dict(state)
    step = task.training_step((images, targets, torch.arange(len(images))), 0)
    step.backward()
    task.network.load_state_dict(state)
    with torch.no_grad():
        ours = task.parts(task.network(images), targets, (64, 64))
    torch.testing.assert_close(ours, torch.stack(list(parts.values())))
    assert step.item() == pytest.approx(total.sum().item(), rel=1e-6)
    assert step.item() == pytest.approx(len(objects) * ours.sum().item(), rel=1e-6)
    assert ours[1] > 0.1
    theirs = {name: parameter.grad for name, parameter in network.named_parameters() if parameter.requires_grad}
    found = dict(task.network.named_parameters())
    assert found.keys() == theirs.keys()
    assert len(found) == 499 - 3 * 81 - 1  # without BatchNorm's statistics and the integral
    for name, gradient in theirs.items():
        if gradient is None:
            assert found[name].grad is None, name
        else:
            torch.testing.assert_close(found[name].grad, gradient, rtol=1e-5, atol=1e-6, msg=name)


def test_eval_outputs_give_ultralytics_validation_loss(pair):
    task, network = pair
    images, targets = drawn((2, 3, 0))
    task.eval(), network.eval()
    network.load_state_dict(task.network.state_dict())
    with torch.no_grad():
        _, parts = network.loss(as_ultralytics(images, targets), network(images))
        ours = task.loss(task.network(images), targets)
    assert task.loss_parts == ("box", "cls", "dfl")
    assert [f"{name}_loss" for name in task.loss_parts] == list(parts)
    assert ours.tolist() == pytest.approx([float(part) for part in parts.values()], rel=1e-6)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_ultralytics_parts_are_logged_beside_their_sum(pair, monkeypatch, split):
    """Of two batches: of training the mean of batches of one size, else that of images."""
    task, network = pair
    task.train_losses.clear()  # other tests train as well
    logged: dict[str, float] = {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.update({name: value.item()}))
    monkeypatch.setattr(task, "log_dict", lambda _: None)
    batches = [drawn((3, 0, 5, 1)), drawn((2, 1, 4, 0) if split == "train" else (2,))]
    task.train(split == "train"), network.train(split == "train")
    state = {name: tensor.clone() for name, tensor in task.network.state_dict().items()}
    network.load_state_dict(state)
    step = {"train": task.training_step, "val": task.validation_step, "test": task.test_step}[split]
    total = torch.zeros(3)
    with torch.no_grad():
        for images, targets in batches:
            step((images, targets, torch.arange(len(images))), 0)
            _, parts = network.loss(as_ultralytics(images, targets), network(images))
            total += len(images) * torch.stack([*parts.values()])
    end = {"train": "on_validation_epoch_start", "val": "on_validation_epoch_end", "test": "on_test_epoch_end"}[split]
    getattr(task, end)()
    task.network.load_state_dict(state)  # BatchNorm has moved on
    task.val_loss.reset(), task.test_loss.reset(), task.test_predictions.clear()
    box, cls, dfl = (total / sum(len(images) for images, _ in batches)).tolist()
    wanted = {"loss": box + cls + dfl, "loss_box": box, "loss_cls": cls, "loss_dfl": dfl}
    assert logged == pytest.approx({f"{split}/{name}": value for name, value in wanted.items()}, rel=1e-5)
    assert min(box, cls, dfl) > 0
