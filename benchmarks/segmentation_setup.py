"""What `benchmarks.segmentation` measures on: images, the bare loop over them, whether it trains alike, and FLOPs."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.bare_loop import BARE, BareLoop, PlainTraining, new_network
from benchmarks.pipeline import build, in_memory
from tlbench.adaptation.freezing import Freezing
from tlbench.adaptation.stages import plan_stages
from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.config import TrainConfig
from tlbench.data.open import open_target
from tlbench.data.samples import MemorySamples
from tlbench.networks.build import build_network
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.seeds import permutation, reseed
from tlbench.tasks.registry import spec_of
from tlbench.tasks.wings import wing_of

CLASSES = 11
"""Of noise: as many as CamVid has."""

VALIDATED = 2
"""Validation is part of every epoch, but not of its training time."""

SAME_EPOCHS = 2

PLAIN = ("augmentation=maps_none", "optimizer.schedule=constant", "optimizer.warmup_epochs=0")
"""What leaves nothing of tlbench's training that a bare loop has not."""

YOLO = "yolo26n-sem"


def training_maps(config: TrainConfig, steps: int) -> tuple[str, MemorySamples[ClassMaps]]:
    """What the images are, and so many batches of them: of `data.root` if it is given, else noise."""
    wanted = steps * config.data.batch_size
    if config.data.root is not None:
        images = open_target(config.data, config.seeds.split).splits["train"]
        assert isinstance(images, MemorySamples)
        return config.data.name, images.take(torch.arange(wanted) % len(images))
    pixels = torch.randint(0, 256, (wanted, 3, *config.data.input_size), dtype=torch.uint8)
    return "noise (no --root)", wing_of(config).batches(config).noise(pixels, CLASSES)


def bare_segmentation(config: TrainConfig, images: MemorySamples[ClassMaps], device: torch.device) -> BareLoop:
    """The run's network, trained by torch's own cross-entropy on normalised images and their maps."""
    loss = partial(F.cross_entropy, ignore_index=VOID)
    training = PlainTraining(config, new_network(config, len(images.class_names)), device, loss)
    return BareLoop(training, *_inputs(config, images, device), config.data.batch_size)


def bare_yolo(config: TrainConfig, images: MemorySamples[ClassMaps], device: torch.device) -> BareLoop:
    """The network of ultralytics for semantic segmentation with its own loss, from random weights, in the same loop."""
    nn_tasks, losses = ultralytics_module("nn.tasks"), ultralytics_module("utils.loss")
    file = Path(nn_tasks.__file__).parents[1] / "cfg" / "models" / "26" / "yolo26-sem.yaml"  # no other of its name
    described = {**yaml.safe_load(file.read_text()), "scale": YOLO[6], "yaml_file": f"{YOLO}.yaml"}
    network: nn.Module = nn_tasks.SemanticSegmentationModel(described, nc=len(images.class_names), verbose=False)
    network.args = SimpleNamespace(data="")  # type: ignore[assignment]
    own = losses.SemanticSegmentationLoss(network)

    def loss(outputs: Any, maps: Tensor) -> Tensor:
        total: Tensor = own(outputs, {"semantic_mask": maps})[0]
        return total

    training = PlainTraining(config, network, device, loss)
    return BareLoop(training, *_inputs(config, images, device), config.data.batch_size, f"{YOLO} in a {BARE}")


def _inputs(config: TrainConfig, images: MemorySamples[ClassMaps], device: torch.device) -> tuple[Tensor, Tensor]:
    """(N, 3, H, W) float32 normalised and (N, H, W) int64: training batches as they are without augmentation."""
    nothing = {"flip": 0.0, "scale": [1.0, 1.0], "rare": 0.0, "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "own": None}
    none = config.augmentation.model_copy(update=nothing)
    assert none.is_none
    batches = wing_of(config).batches(config.model_copy(update={"augmentation": none}))
    on_device, inputs, maps = images.to(device), [], []
    for index in torch.split(torch.arange(len(images), device=device), config.data.batch_size):
        batch, targets, _ = batches.training(on_device, index, 0)
        inputs.append(batch)
        maps.append(targets.maps.long())
    return torch.cat(inputs), torch.cat(maps)


@dataclass(frozen=True)
class Ends:
    """How tlbench and the bare loop end after the same batches.

    Args:
        steps: That both trained.
        tensors: Of the network, buffers included.
        differ: Those that are not equal bit for bit, with their largest difference.
        moved: How many training has changed.
    """

    steps: int
    tensors: int
    differ: dict[str, float]
    moved: int


def same_ends(config: TrainConfig, images: MemorySamples[ClassMaps]) -> Ends:
    """Train with tlbench and with the bare loop, on the CPU.

    Args:
        config: With `PLAIN`, of `SAME_EPOCHS` epochs.
        images: Training images, a whole number of batches.
    """
    loop = bare_segmentation(config, images, torch.device("cpu"))
    network = loop.training.network
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        pipeline = build(config, in_memory(images, VALIDATED), Path(folder))
        pipeline.fit(Callback())
    step = 0
    for epoch in range(config.trainer.max_epochs):
        for batch in loop.in_order(permutation(len(images), config.seeds.order, epoch)):
            reseed(config.seeds.augment, step)  # dropout draws as in tlbench
            loop.training.train([batch])
            step += 1
    tlbench, bare = pipeline.task.network.state_dict(), network.state_dict()
    differ = {
        name: float((tlbench[name].double() - tensor.double()).abs().max())
        for name, tensor in bare.items()
        if not torch.equal(tlbench[name], tensor)
    }
    moved = sum(not torch.equal(start[name], tensor) for name, tensor in bare.items())
    return Ends(step, len(bare), differ, moved)


def step_flops(config: TrainConfig, classes: int) -> int:
    """Of a training step, forward and backward, on two images; nothing is computed."""
    outputs = spec_of(config).outputs(classes)
    network = build_network(config.model, outputs, config.seeds.init, config.data.input_size)
    stages = plan_stages(config.strategy, list(network.groups), network.head, config.trainer.max_epochs)
    Freezing(network).set_trainable(stages[0].trainable)
    module = network.module.to("meta")
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _backward}) as counter:
        module(torch.empty(2, 3, *config.data.input_size, device="meta")).sum().backward()
    return int(counter.get_total_flops())


def _backward(of_outputs: Sequence[int], inputs: Sequence[int], weights: Sequence[int], *options: Any, **_: Any) -> int:
    """A convolution's as often as its forward pass's as there are gradients, of inputs, of weights or of both.

    torch's own count takes a convolution by groups for one without.
    """
    transposed, wanted = bool(options[4]), [bool(each) for each in options[7]]
    places = (inputs if transposed else of_outputs)[2:]
    return 2 * inputs[0] * math.prod(places) * math.prod(weights) * sum(wanted[:2])
