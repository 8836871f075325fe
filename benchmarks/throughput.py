"""Training throughput of tlbench as a ratio to plain PyTorch: `python -m benchmarks.throughput` (`make bench`).

Without `--device` it measures the CPU and, where torch sees one, the CUDA device. Exit code 0 if everything was
measured, whether or not a target is met.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from benchmarks.arguments import positive
from benchmarks.bare_loop import BARE, bare_classification
from benchmarks.pairs import InTurn, Loop, Ratio, ratio, shown_rate
from benchmarks.pipeline import TRAIN_IMAGES, build, compose, in_memory, training_images
from benchmarks.sync_check import STEPS, sync_check
from benchmarks.worker_loop import WorkerLoop, available_cores
from tlbench.config import TrainConfig
from tlbench.config.compose import explain
from tlbench.data.target import Target
from tlbench.errors import UserError
from tlbench.system.environment import device_name, versions


@dataclass(frozen=True)
class Setting:
    """What is measured by default on a kind of device, and the targets."""

    batch: int
    precision: str
    steps: int
    bare_target: float
    workers_target: float | None


SETTINGS = {
    "cpu": Setting(128, "32-true", 24, 0.95, None),
    "cuda": Setting(512, "bf16-mixed", TRAIN_IMAGES // 512, 0.90, 5.0),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    options = _parse(arguments)
    cuda = torch.cuda.is_available()
    if not cuda and (options.sync_check or options.device == "cuda"):
        what = "--sync-check" if options.sync_check else "--device cuda"
        print(f"{what} needs a CUDA device, and torch sees none on this machine", file=sys.stderr)
        return 2
    try:
        if options.sync_check:
            return sync_check(_config(options, "cuda", epochs=1, steps=STEPS))
        devices = [options.device] if options.device else ["cpu", *(["cuda"] if cuda else [])]
        results = [_measure(options, device) for device in devices]
    except UserError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except (HydraException, OmegaConfBaseException) as error:
        print(f"ConfigError: {explain(error)}", file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(json.dumps({"versions": versions(), "results": results}, indent=2) + "\n")
    return 0


def _measure(options: argparse.Namespace, name: str) -> dict[str, Any]:
    setting = SETTINGS[name]
    steps = options.steps or setting.steps
    config = _config(options, name, epochs=options.pairs + 1, steps=steps)
    kind, images = training_images(config, steps)
    device = torch.device("cuda", 0) if name == "cuda" else torch.device("cpu")
    what = describe(config, device, steps, kind)
    print("; ".join(f"{key}: {value}" for key, value in what.items()), flush=True)

    targets: dict[str, float | None] = {BARE: setting.bare_target}
    loops: list[Loop] = [bare_classification(config, images, device)]
    if name == "cuda" if options.vs_workers is None else options.vs_workers:
        loops.append(WorkerLoop(config, images, device, options.workers))
        targets[loops[-1].name] = setting.workers_target
    ratios = measure_in_turn(config, in_memory(images), loops, targets)
    return {**what, "ratios": [each.as_json() for each in ratios]}


def measure_in_turn(
    config: TrainConfig, target: Target[Any], loops: Sequence[Loop], targets: Mapping[str, float | None]
) -> list[Ratio]:
    """Train with tlbench and let the baselines train in turn with it; prints each pair, and the ratios.

    Args:
        config: Its epochs are the pairs, and one more that warms up.
        target: Its training images are a whole number of batches.
        loops: The baselines.
        targets: Baseline → the least ratio wanted; None: a figure without one.
    """
    count, pairs, begun = len(target.splits["train"]), config.trainer.max_epochs - 1, time.perf_counter()

    def say(number: int, seconds: Mapping[str, float]) -> None:
        rates = ", ".join(f"{loop} {shown_rate(count / s)}" for loop, s in seconds.items())
        ratios = ", ".join(f"{seconds[against] / seconds['tlbench']:.3f}" for against in targets)
        pair = f"pair {number}/{pairs}" if number else "warm-up, not counted"
        print(f"{pair}: {rates} images/s; ratio {ratios} ({time.perf_counter() - begun:.0f} s)", flush=True)

    in_turn = InTurn(loops, say)
    with tempfile.TemporaryDirectory() as folder:
        build(config, target, Path(folder)).fit(in_turn)
    found = [ratio(in_turn.pairs, name, count, least) for name, least in targets.items()]
    for each in found:
        print(each.line(), flush=True)
    return found


def _config(options: argparse.Namespace, name: str, *, epochs: int, steps: int) -> TrainConfig:
    setting = SETTINGS[name]
    batch, precision = options.batch or setting.batch, options.precision or setting.precision
    return compose(name, batch, precision, epochs, steps, options.overrides)


def describe(config: TrainConfig, device: torch.device, steps: int, kind: str) -> dict[str, Any]:
    """What is measured, in words: on what, of what, by what."""
    return {
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "model": f"{config.model.name} at {config.data.image_size} px",
        "batch": config.data.batch_size,
        "precision": config.trainer.precision,
        "channels_last": config.trainer.channels_last,
        "optimizer": config.optimizer.name,
        "steps": steps,
        "images": kind,
    }


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--device", choices=list(SETTINGS), help="default: cpu, then cuda where there is one")
    parser.add_argument("--batch", type=positive, help="images a step (default: cpu 128, cuda 512)")
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], help="default: cpu 32-true, cuda bf16-mixed")
    parser.add_argument("--pairs", type=positive, default=7, help="measurements of each (default 7)")
    parser.add_argument("--steps", type=positive, help="of each measurement (default: cpu 24, cuda 87, an epoch)")
    workers = "also against PIL transforms and DataLoader workers (default: on cuda only)"
    parser.add_argument("--vs-workers", action=argparse.BooleanOptionalAction, help=workers)
    parser.add_argument("--workers", type=positive, default=available_cores(), help="(default: all cores)")
    parser.add_argument("--sync-check", action="store_true", help="prove that no training step waits for the device")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as for tlbench.train: optimizer=sgd …")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
