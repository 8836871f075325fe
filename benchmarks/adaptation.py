"""What freezing saves, as ratios to training everything: `python -m benchmarks.adaptation` (part of `make bench`).

Images/s of epochs with a frozen backbone and of epochs on cached features, and the bytes that autograd keeps for the
backward pass. Exit code 0 if everything was measured, whether or not a target is met.
"""
# ruff: noqa: ARG002 (hooks have Lightning's signatures)

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from benchmarks.bare_loop import synchronize
from benchmarks.pairs import shown_rate
from benchmarks.pipeline import build, compose, in_memory, training_images
from tlbench.annotations.labels.labels import Labels
from tlbench.callbacks.feature_cache import FeatureCache
from tlbench.config import TrainConfig
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.errors import UserError
from tlbench.system.environment import device_name, versions

BATCH, STEPS = 128, 24


@dataclass(frozen=True)
class Variant:
    """What is trained, how many epochs (the first is not counted), and the least ratio to `full` in images/s."""

    name: str
    overrides: tuple[str, ...]
    epochs: int
    target: float | None


FULL = Variant("full", ("strategy=full",), 2, None)
FROZEN = Variant("frozen backbone", ("strategy=feature_extractor",), 2, 2.5)
CACHED = Variant("cached features", ("strategy=feature_extractor", "augmentation=none"), 6, 20.0)
BYTES_TARGET = 0.5


class Watch(Callback):
    """Seconds of each epoch, from before all other callbacks until validation, and the first step's saved bytes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.saved_bytes = 0
        self._began = 0.0
        self._storages: dict[int, int] = {}
        self._hooks: saved_tensors_hooks | None = None

    @property
    def epoch_s(self) -> float:
        """The median of the epochs but the first."""
        return statistics.median(self.seconds[1:])

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        synchronize(pl_module.device)
        self._began = time.perf_counter()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Count what the first step saves."""
        if trainer.global_step == 0:
            self._hooks = saved_tensors_hooks(self._count, lambda tensor: tensor)
            self._hooks.__enter__()

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Stop counting."""
        if self._hooks is not None:
            self._hooks.__exit__()
            self._hooks = None
            self.saved_bytes = sum(self._storages.values())  # all are alive now: this is the peak

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        synchronize(pl_module.device)
        self.seconds.append(time.perf_counter() - self._began)

    def _count(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        self._storages[storage.data_ptr()] = storage.nbytes()
        return tensor


@dataclass(frozen=True)
class Measured:
    """One fit: seconds of an epoch (median, without the first), of the caching pass, and saved bytes."""

    epoch_s: float
    cache_s: float | None
    saved_bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    options = _parse(arguments)
    try:
        result = _measure(options)
    except UserError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(json.dumps({"versions": versions(), **result}, indent=2) + "\n")
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    device = torch.device("cuda", 0) if options.device == "cuda" else torch.device("cpu")
    config = compose(options.device, options.batch, "32-true", 1, options.steps, options.overrides)
    kind, images = training_images(config, options.steps)
    print(
        f"device: {device_name(device)}; threads: {torch.get_num_threads()}; batch: {options.batch}; "
        f"steps: {options.steps}; images: {kind}",
        flush=True,
    )
    rounds = in_rounds(options.rounds, len(images), (FULL, FROZEN, CACHED), lambda v: _fit(options, v, images))
    result: dict[str, Any] = {"images": len(images), "speed": against_full(rounds, (FROZEN, CACHED))}
    cache = statistics.median(r[CACHED.name].cache_s or 0.0 for r in rounds)
    full = statistics.median(r[FULL.name].epoch_s for r in rounds)
    print(f"caching pass, once: {cache:.2f} s, {cache / full:.2f} of an epoch of full")
    saved = {v.name: rounds[0][v.name].saved_bytes for v in (FULL, FROZEN, CACHED)}
    share = saved[FROZEN.name] / saved[FULL.name]
    met = "met" if share <= BYTES_TARGET else "MISSED"
    listed = ", ".join(f"{name} {count / 2**20:.2f} MiB" for name, count in saved.items())
    print(f"saved for the backward pass, peak: {listed}; frozen ÷ full {share:.4f}; target ≤ {BYTES_TARGET:g}: {met}")
    return {**result, "cache_s": cache, "full_epoch_s": full, "saved_bytes": saved}


def in_rounds(
    count: int, images: int, variants: Sequence[Variant], measure: Callable[[Variant], Measured]
) -> list[dict[str, Measured]]:
    """Measure all variants so many times in turn, on so many images an epoch; prints each round."""
    rounds: list[dict[str, Measured]] = []
    for number in range(1, count + 1):
        rounds.append({variant.name: measure(variant) for variant in variants})
        rates = ", ".join(f"{name} {shown_rate(images / m.epoch_s)}" for name, m in rounds[-1].items())
        print(f"round {number}/{count}: {rates} images/s", flush=True)
    return rounds


def against_full(rounds: Sequence[Mapping[str, Measured]], variants: Sequence[Variant]) -> dict[str, Any]:
    """Variant → its images/s divided by those of `full`, round by round; prints their medians."""
    found = {}
    for variant in variants:
        ratios = [r[FULL.name].epoch_s / r[variant.name].epoch_s for r in rounds]
        median = statistics.median(ratios)
        met = "met" if median >= (variant.target or 0) else "MISSED"
        spread = f"{min(ratios):.2f}–{max(ratios):.2f} over {len(ratios)} rounds"
        print(f"{variant.name} ÷ full: median {median:.2f} ({spread}); target ≥ {variant.target:g}: {met}", flush=True)
        found[variant.name] = {"ratios": ratios, "median": median, "target": variant.target}
    return found


def fit(config: TrainConfig, target: Target[Any], watch: Watch) -> FeatureCache | None:
    """Train under the eyes of a watch; returns the cache of features where there is one."""
    with tempfile.TemporaryDirectory() as folder:
        pipeline = build(config, target, Path(folder))
        pipeline.fit(watch)
    return pipeline.features


def _fit(options: argparse.Namespace, variant: Variant, images: MemorySamples[Labels]) -> Measured:
    overrides = [*options.overrides, *variant.overrides]
    config = compose(options.device, options.batch, "32-true", variant.epochs, options.steps, overrides)
    watch = Watch()
    features = fit(config, in_memory(images), watch)
    return Measured(watch.epoch_s, features.seconds if features else None, watch.saved_bytes)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adaptation", description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, default=BATCH, help=f"images a step (default {BATCH})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of an epoch (default {STEPS})")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as for tlbench.train: optimizer=sgd …")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
