"""A run's network with its best weights, computing logits as the run's own test did."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tlbench.data.augment import prepare
from tlbench.errors import ConfigError, WeightsError
from tlbench.inference.complete_run import CompleteRun
from tlbench.models.catalog import build_network
from tlbench.models.network import Network
from tlbench.results.checkpoints import read_checkpoint

PREFIX = "network."
"""Of the network's tensors in a checkpoint."""

_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


@dataclass(frozen=True, eq=False)
class Inference:
    """Computes logits.

    Attributes:
        run: The run.
        network: Its network, in eval mode on the device, nothing in it requiring gradients.
        device: Where it computes.
    """

    run: CompleteRun
    network: nn.Module
    device: torch.device

    def logits(self, images: Tensor) -> Tensor:
        """The network's outputs, in the run's precision and memory format.

        Args:
            images: (B, 3, H, W) uint8, RGB, of the run's stored size, on any device.

        Returns:
            (B, C) float32, on the device.
        """
        c = self.run.config
        with torch.inference_mode(), self._precision():
            inputs = prepare(
                images.to(self.device, non_blocking=True),
                c.data.image_size,
                c.data.normalisation,
                channels_last=c.trainer.channels_last,
            )
            outputs: Tensor = self.network(inputs)
        return outputs.float()

    def _precision(self) -> AbstractContextManager[Any]:
        dtype = _AUTOCAST.get(self.run.config.trainer.precision)
        if dtype is None or (dtype == torch.float16 and self.device.type == "cpu"):
            return nullcontext()
        return torch.autocast(self.device.type, dtype=dtype)


def load_inference(run: CompleteRun, device: str = "auto") -> Inference:
    """Build a run's network and load its best checkpoint.

    Args:
        run: The run.
        device: `auto` (CUDA, Apple MPS or CPU), or a device as torch names it.

    Raises:
        ConfigError: The device is not there, or the network cannot be built.
        WeightsError: The checkpoint is of another network.
        OutputError: It is damaged.
    """
    chosen = choose_device(device)
    network = load_network(run)
    module = network.module.to(chosen)
    if run.config.trainer.channels_last:
        module = module.to(memory_format=torch.channels_last)
    return Inference(run, module.eval().requires_grad_(False), chosen)


def load_network(run: CompleteRun) -> Network:
    """A run's network with the weights of its best checkpoint, on the CPU.

    Raises:
        ConfigError, WeightsError, OutputError: As `load_inference`.
    """
    c = run.config
    network = build_network(c.model, len(run.class_names), c.seeds.init, c.data.image_size)
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
