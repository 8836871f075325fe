"""Training speed of semantic segmentation as ratios: `python -m benchmarks.segmentation [--root FOLDER]`.

FPN on ResNet-18 at 192×256, batch 8, 11 classes, unless overrides say otherwise; on CamVid below FOLDER, else on noise.
In parts: `bare`, against a bare loop, which must end with the same weights; `frozen`, what a frozen encoder saves;
`metrics`, what the metrics of training cost a step. Exit code 0 if everything was measured, whether or not a target is
met; 1 if the weights are not the same.
"""
# ruff: noqa: ARG002 (hooks have Lightning's signatures)

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.errors import HydraException
from lightning.pytorch import LightningModule, Trainer
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from benchmarks.adaptation import FULL, Measured, Variant, Watch, against_full, fit, in_rounds
from benchmarks.arguments import positive
from benchmarks.bare_loop import BARE, synchronize
from benchmarks.pairs import Loop
from benchmarks.pipeline import in_memory
from benchmarks.segmentation_setup import (
    PLAIN,
    SAME_EPOCHS,
    VALIDATED,
    bare_segmentation,
    bare_yolo,
    same_ends,
    step_flops,
    training_maps,
)
from benchmarks.throughput import describe, measure_in_turn
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config, explain
from tlbench.data.samples import MemorySamples
from tlbench.errors import UserError
from tlbench.system.environment import versions

PARTS = ("bare", "frozen", "metrics")
BARE_TARGET = 0.95
FROZEN_TARGETS = {"fpn": 1.3, "deeplabv3plus": 1.5}
METRIC_EPOCHS = 3
SAME_BATCHES = 3
ARGMAX_REPEATS = 10


class NotTheSame(Exception):
    """The bare loop does not train as tlbench does: there is nothing to compare."""


class MetricsWatch(Watch):
    """Seconds of each epoch, and how many of them went into the metrics of training batches."""

    def __init__(self) -> None:
        super().__init__()
        self.in_metrics: list[float] = []
        self.logits = torch.empty(0)
        self._now = 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at each update."""
        metrics: Any = pl_module.train_metrics
        metrics.update = self._watched(metrics.update)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        super().on_train_epoch_start(trainer, pl_module)
        self._now = 0.0

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        super().on_validation_start(trainer, pl_module)
        self.in_metrics.append(self._now)

    def _watched(self, update: Callable[[Tensor, Tensor], None]) -> Callable[[Tensor, Tensor], None]:
        def watched(logits: Tensor, maps: Tensor) -> None:
            self.logits = logits
            self._now += seconds_of(lambda: update(logits, maps), logits.device)

        return watched


def seconds_of(what: Callable[[], object], device: torch.device) -> float:
    """How long it takes, the device's work included."""
    synchronize(device)
    began = time.perf_counter()
    what()
    synchronize(device)
    return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    options = _parse(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("--device cuda needs a CUDA device, and torch sees none on this machine", file=sys.stderr)
        return 2
    try:
        result = _measure(options)
    except UserError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except (HydraException, OmegaConfBaseException) as error:
        print(f"ConfigError: {explain(error)}", file=sys.stderr)
        return 2
    except NotTheSame as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps({"versions": versions(), **result}, indent=2) + "\n")
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    config = _config(options)
    kind, images = training_maps(config, options.steps)
    device = torch.device("cuda", 0) if options.device == "cuda" else torch.device("cpu")
    height, width = config.data.input_size
    what = describe(config, device, options.steps, kind)
    what |= {"model": f"{config.model.decoder} on {config.model.name} at {height}×{width} px"}
    what |= {"classes": len(images.class_names)}
    print("; ".join(f"{key}: {value}" for key, value in what.items()), flush=True)
    result: dict[str, Any] = dict(what)
    if "bare" in options.what:
        result |= _against_bare(options, images, device)
    if "frozen" in options.what:
        result["frozen"] = {decoder: _frozen(options, decoder, images) for decoder in FROZEN_TARGETS}
    if "metrics" in options.what:
        result["metrics"] = _metrics(options, images)
    return result


def _against_bare(
    options: argparse.Namespace, images: MemorySamples[ClassMaps], device: torch.device
) -> dict[str, Any]:
    epochs = f"trainer.max_epochs={SAME_EPOCHS}"
    few = images.take(torch.arange(min(options.steps, SAME_BATCHES) * options.batch))
    ends = same_ends(_config(options, *PLAIN, epochs, "trainer=cpu", "trainer.precision=32-true"), few)
    where = f"after {ends.steps} steps on the CPU without augmentation and schedule"
    if ends.differ or not ends.moved:
        some = ", ".join(f"{name} (by up to {most:.1e})" for name, most in list(ends.differ.items())[:3])
        wrong = f"{len(ends.differ)} of {ends.tensors} tensors differ: {some}" if ends.differ else "nothing was trained"
        raise NotTheSame(f"tlbench and the bare loop, {where}: {wrong}; their speeds cannot be compared")
    print(f"{where} all {ends.tensors} tensors of tlbench and of the bare loop are equal bit for bit", flush=True)
    config = _config(options, f"trainer.max_epochs={options.pairs + 1}")
    loops: list[Loop] = [bare_segmentation(config, images, device)]
    targets: dict[str, float | None] = {BARE: BARE_TARGET}
    if options.vs_ultralytics:
        loops.append(bare_yolo(config, images, device))
        targets[loops[-1].name] = None
    ratios = measure_in_turn(config, in_memory(images, VALIDATED), loops, targets)
    same = {"steps": ends.steps, "tensors": ends.tensors}
    return {"same weights": same, "ratios": [each.as_json() for each in ratios]}


def _frozen(options: argparse.Namespace, decoder: str, images: MemorySamples[ClassMaps]) -> dict[str, Any]:
    frozen = Variant(
        f"{decoder}: frozen encoder", ("strategy=feature_extractor",), FULL.epochs, FROZEN_TARGETS[decoder]
    )

    def configured(variant: Variant) -> TrainConfig:
        own = (f"model.decoder={decoder}", *variant.overrides, f"trainer.max_epochs={variant.epochs}")
        return _config(options, *own)

    def measure(variant: Variant) -> Measured:
        watch = Watch()
        fit(configured(variant), in_memory(images, VALIDATED), watch)
        return Measured(watch.epoch_s, None, watch.saved_bytes)

    flops = {v.name: step_flops(configured(v), len(images.class_names)) for v in (FULL, frozen)}
    ceiling = flops[FULL.name] / flops[frozen.name]
    rounds = in_rounds(options.rounds, len(images), (FULL, frozen), measure)
    found = against_full(rounds, (frozen,))[frozen.name]
    print(f"{frozen.name}: FLOPs of a step allow {ceiling:.2f}", flush=True)
    rates = {v.name: statistics.median(len(images) / r[v.name].epoch_s for r in rounds) for v in (FULL, frozen)}
    saved = {name: measured.saved_bytes for name, measured in rounds[0].items()}
    return {**found, "ceiling": ceiling, "flops": flops, "images_per_s": rates, "saved_bytes": saved}


def _metrics(options: argparse.Namespace, images: MemorySamples[ClassMaps]) -> dict[str, float]:
    watch = MetricsWatch()
    fit(_config(options, f"trainer.max_epochs={METRIC_EPOCHS}"), in_memory(images, VALIDATED), watch)
    logits = watch.logits
    argmax = statistics.median(seconds_of(lambda: logits.argmax(1), logits.device) for _ in range(ARGMAX_REPEATS))
    steps = len(images) // options.batch
    step, cost = watch.epoch_s / steps, statistics.median(watch.in_metrics[1:]) / steps
    part = cost / step
    print(
        f"metrics of a training batch: {1e3 * cost:.2f} ms of a step of {1e3 * step:.0f} ms, {100 * part:.2f} %; "
        f"its argmax alone, repeated: {1e3 * argmax:.2f} ms",
        flush=True,
    )
    return {"step_s": step, "metrics_s": cost, "part": part, "argmax_s": argmax}


def _config(options: argparse.Namespace, *own: str) -> TrainConfig:
    """The run's configuration: the defaults, over them what the command line says, over that what a part asks for."""
    defaults = [
        "task=semantic_segmentation",
        "data=camvid",
        "data.cache=memory",
        "source=random",
        f"trainer={'gpu' if options.device == 'cuda' else 'cpu'}",
        f"trainer.precision={options.precision}",
        *(["data.image_size=[64,64]"] if options.quick else []),
        *([f"data.root={options.root}"] if options.root else []),
    ]
    return compose_config([*defaults, *options.overrides, f"data.batch_size={options.batch}", *own])


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.segmentation", description=__doc__)
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="CamVid's, only read (default: noise)")
    parser.add_argument("--what", type=_parts, default=set(PARTS), help=f"of {','.join(PARTS)} (default: all)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], help="default: cpu 32-true, cuda bf16-mixed")
    parser.add_argument("--batch", type=positive, help="images a step (default 8)")
    parser.add_argument("--steps", type=positive, help="of an epoch (default 16)")
    parser.add_argument("--pairs", type=positive, help="epochs of tlbench and of the bare loop (default 7)")
    parser.add_argument("--rounds", type=positive, help="of full and frozen (default 5)")
    yolo = "also ultralytics' yolo26n-sem in a bare loop: another architecture, for context"
    parser.add_argument("--vs-ultralytics", action="store_true", help=yolo)
    quick = "at 64×64 px, 2 images a step, 2 steps, 1 pair, 1 round: whether it runs; its figures mean nothing"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as for tlbench.train: optimizer=sgd …")
    options = parser.parse_args(arguments)
    for name, usual, quickly in (("batch", 8, 2), ("steps", 16, 2), ("pairs", 7, 1), ("rounds", 5, 1)):
        if getattr(options, name) is None:
            setattr(options, name, quickly if options.quick else usual)
    options.precision = options.precision or ("bf16-mixed" if options.device == "cuda" else "32-true")
    return options


def _parts(text: str) -> set[str]:
    parts = set(text.split(","))
    if not parts <= set(PARTS):
        raise argparse.ArgumentTypeError(f"{text}: a list of {','.join(PARTS)}")
    return parts


if __name__ == "__main__":
    sys.exit(main())
