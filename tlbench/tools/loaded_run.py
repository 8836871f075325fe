"""A run's network with its best weights, computing as the run's own test did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from tlbench.console import shown, warn
from tlbench.errors import ConfigError, WeightsError
from tlbench.metrics.finite_outputs import FiniteOutputs, NonFiniteOutputs, suspect
from tlbench.networks.build import build_network
from tlbench.networks.network import Network
from tlbench.networks.outputs import in_float32
from tlbench.runs.checkpoints import read_checkpoint
from tlbench.tasks.registry import spec_of
from tlbench.tools.complete_run import CompleteRun, verify

PREFIX = "network."
"""Of the network's tensors in a checkpoint."""

RETRAIN = (
    "check the images and their normalisation; if those are sound, the run has diverged: train again with a lower "
    "optimizer.lr or trainer.precision=32-true"
)
"""What may help where outputs are not finite."""

_NAMED = 5
"""Positions of images in a message."""

_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """A run's network, ready to compute: what all tasks have.

    Attributes:
        run: The run.
        network: Its network, in eval mode on the device, nothing in it requiring gradients.
        device: Where it computes.
        checked: Counts the images for which its outputs are not finite.
        layers: The same network with its layer groups.
    """

    run: CompleteRun
    network: nn.Module
    device: torch.device
    checked: FiniteOutputs
    layers: Network

    def outputs(self, inputs: Tensor) -> Any:
        """What the network gives in the run's precision, in float32 and without gradients; it is counted in `checked`.

        Args:
            inputs: (B, 3, H, W) float32, normalised, on the device.
        """
        dtype = _AUTOCAST.get(self.run.config.trainer.precision)
        enabled = dtype is not None and not (dtype == torch.float16 and self.device.type == "cpu")
        with torch.inference_mode():
            with torch.autocast(self.device.type, dtype=dtype, enabled=enabled):
                outputs = in_float32(self.network(inputs))
            self.checked.update(outputs, len(inputs))
        return outputs

    def problem(self, what: str) -> str | None:
        """One line where outputs since the last call were not finite; None else.

        Args:
            what: Whose they were, such as "test".
        """
        problem = self.checked.problem(what)
        return None if problem is None else f"{shown(self.run.folder)}: {problem}{suspect(self.network)}; {RETRAIN}"


AnyLoadedRun = TypeVar("AnyLoadedRun", bound=LoadedRun)
Prediction = TypeVar("Prediction")


def load_run(kind: type[AnyLoadedRun], run: CompleteRun, device: str = "auto") -> AnyLoadedRun:
    """Build a run's network and load its best checkpoint.

    Args:
        kind: What computes.
        run: The run.
        device: `auto` (CUDA, Apple MPS or CPU), or a device as torch names it.

    Raises:
        ConfigError: The device is not there, the network cannot be built, or a file of its code is not the one that
            the user vouched for.
        WeightsError: The checkpoint is of another network.
        OutputError: It is damaged.
    """
    chosen = choose_device(device)
    layers = load_network(run)
    module = layers.module.to(chosen)
    if run.config.trainer.channels_last:
        module = module.to(memory_format=torch.channels_last)
    return kind(run, module.eval().requires_grad_(False), chosen, FiniteOutputs().to(chosen), layers)


def load_network(run: CompleteRun) -> Network:
    """A run's network with the weights of its best checkpoint, on the CPU.

    Raises:
        ConfigError, WeightsError, OutputError: As `load_run`.
    """
    c = run.config
    with run.trusted.importing():
        network = build_network(c.model, spec_of(c).outputs(len(run.class_names)), c.seeds.init, c.data.input_size)
    if not verify(run, run.checkpoint.name):
        warn(
            f"{shown(run.checkpoint)}: nothing says that it is this run's checkpoint; its record has no hash of it, as "
            "an earlier version wrote it"
        )
    tensors = read_checkpoint(run.checkpoint)["state_dict"]
    weights = {key.removeprefix(PREFIX): value for key, value in tensors.items() if key.startswith(PREFIX)}
    try:
        network.module.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{run.checkpoint}: not the weights of the network that the run's configuration builds ({reason[:300]}); "
            "if the network's code has changed, bring back the earlier one"
        ) from None
    return network


def all_defined(predictions: Iterable[Prediction | None], files: Sequence[str | None] = ()) -> list[Prediction]:
    """The predictions of all images, each of which must have one.

    Args:
        predictions: In the order of the images; None where the network's outputs are not finite.
        files: The images' names, where they have some; it may grow while the predictions are made.

    Raises:
        NonFiniteOutputs: Some are None; its `positions` are those of the images.
    """
    found = list(predictions)
    positions = [i for i, prediction in enumerate(found) if prediction is None]
    if positions:
        named = ", ".join(map(str, positions[:_NAMED])) + (", …" if len(positions) > _NAMED else "")
        names = [name for i in positions[:_NAMED] if i < len(files) and (name := files[i]) is not None]
        which = f": {', '.join(names)}" if names else ""
        raise NonFiniteOutputs(
            f"the network's outputs for {len(positions)} of {len(found)} images hold NaN or infinity (positions "
            f"{named}, counted from 0{which}); leave them out, or {RETRAIN}",
            positions,
        )
    return [prediction for prediction in found if prediction is not None]


def check_outputs(run: CompleteRun, network: Network) -> None:
    """Refuse weights with which a network gives NaN or +inf, on noise; before anything is written of them.

    Raises:
        NonFiniteOutputs: It does.
    """
    module = deepcopy(network.module).eval()  # a copy, as YOLO's head keeps the cells of its last input
    checked = FiniteOutputs()
    noise = torch.randn(2, 3, *run.config.data.input_size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        checked.update(module(noise), len(noise))
    problem = checked.problem("on noise")
    if problem is not None:
        raise NonFiniteOutputs(
            f"{shown(run.folder)}: {problem}{suspect(module)}; nothing was written: the run has diverged, train again "
            "with a lower optimizer.lr or trainer.precision=32-true"
        )


def choose_device(name: str) -> torch.device:
    """A device by torch's name, or the best there is for `auto`.

    Raises:
        ConfigError: It is not there.
    """
    if name == "auto":
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(found)
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    counts = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if (device.index or 0) >= counts.get(device.type, 0):
        there = ", ".join(kind for kind, count in counts.items() if count)
        raise ConfigError(f"device={name!r}: not on this machine; use auto, or one of {there}")
    return device
