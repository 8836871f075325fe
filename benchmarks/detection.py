"""Detection against ultralytics' own trainer, on Signature: `python -m benchmarks.detection --root FOLDER`.

Both begin with the same weights and train on the same images by the same recipe; ultralytics' own validator evaluates
the averaged weights of the last epoch of both, on the official val. Every run is a process of its own. Exit code 0 if
everything was measured, whether or not a target is met.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from benchmarks.arguments import positive
from benchmarks.child import ChildFailed
from benchmarks.detection_report import SIDES, Quotient, parity, quotient, speed, training_rate
from benchmarks.detection_runs import check_start, compare_trajectories, evaluate, run_side
from benchmarks.detection_setup import AMP, Setting, forget_caches, initial_weights, lay_out, recipe
from tlbench.config.compose import explain
from tlbench.errors import UserError
from tlbench.system.environment import device_name, versions

PARTS = ("trajectory", "parity", "speed", "frozen", "first_step")

STRATEGIES = {
    "full": ["strategy=full"],
    "backbone frozen": [
        "strategy=gradual_unfreezing",
        "strategy.stages=[[head,'neck_*']]",
        "strategy.every_n_epochs=1",
    ],
    "backbone and neck frozen": ["strategy=feature_extractor"],
}
FROZEN_TARGETS = {"backbone frozen": 1.25, "backbone and neck frozen": 1.5}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory(prefix="tlbench-detection-") as scratch:
        work = options.work or Path(scratch)
        try:
            result = _measure(options, _setting(options, work.resolve()))
        except UserError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 2
        except (HydraException, OmegaConfBaseException) as error:
            print(f"ConfigError: {explain(error)}", file=sys.stderr)
            return 2
        except ChildFailed as error:
            print(error, file=sys.stderr)
            return 1
    if options.output:
        options.output.write_text(json.dumps({"versions": versions(), **result}, indent=2) + "\n")
    return 0


def _measure(options: argparse.Namespace, setting: Setting) -> dict[str, Any]:
    device = torch.device("cuda", 0) if setting.device == "cuda" else torch.device("cpu")
    counts = lay_out(setting)
    if options.whole_batches:
        setting = _in_whole_batches(setting, counts["train"])
        counts = lay_out(setting)
    what: dict[str, Any] = {
        "device": device_name(device),
        "threads": setting.threads,
        "side": setting.side,
        "batch": setting.batch,
        "epochs": setting.epochs,
        "source": setting.source,
        "precision": setting.precision,
        "train": counts["train"],
        "val": counts["val"],
        "official val": counts["test"],
        "antialias": setting.antialias,
    }
    print("; ".join(f"{key}: {value}" for key, value in what.items()), flush=True)
    result: dict[str, Any] = {**what, "recipe": recipe(setting, 0), "overrides": setting.overrides(0)}
    result["start"] = check_start(setting)
    if "trajectory" in options.what:
        whole = _in_whole_batches(setting, counts["train"])  # an incomplete batch is none that tlbench would take
        lay_out(whole)
        result["trajectory"] = compare_trajectories(whole)
        lay_out(setting)
    if options.what & {"parity", "speed"}:
        result |= _compare(options, setting)
    if "first_step" in options.what:
        result["first_step"] = _first_steps(options, setting)
    if "frozen" in options.what:
        result["frozen"] = _frozen(options, setting)
    return result


def _in_whole_batches(setting: Setting, train: int) -> Setting:
    """The same with as many of its `train` images as fill whole batches."""
    whole = max(train // setting.batch, 1) * setting.batch
    return replace(setting, fraction=setting.fraction * whole / train)


def _compare(options: argparse.Namespace, setting: Setting) -> dict[str, Any]:
    pairs: list[dict[str, dict[str, Any]]] = []
    begun = time.perf_counter()
    for seed in range(options.seeds):
        order = SIDES if seed % 2 == 0 else SIDES[::-1]
        initial_weights(setting, seed)  # before any clock starts
        pair = {side: run_side(setting, side, seed, "runs") for side in order}
        if pair["tlbench"]["initial"] != pair["ultralytics"]["initial"]:
            raise ChildFailed(f"seed {seed}: the two sides began with other weights")
        if "parity" in options.what:
            evaluate(setting, seed, pair)
        pairs.append(pair)
        print(f"pair {seed + 1}/{options.seeds} ({time.perf_counter() - begun:.0f} s): {_line(pair)}", flush=True)
    counts = {s: {key: pairs[0][s][key] for key in ("steps", "optimizer_steps")} for s in SIDES}
    shown = ", ".join(f"{s} {c['steps']} batches and {c['optimizer_steps']} optimizer steps" for s, c in counts.items())
    print(f"{shown} a run (tlbench drops the last batch of an epoch where it is not full; see --whole-batches)")
    found: dict[str, Any] = {"pairs": pairs, "counts": counts}
    if "parity" in options.what:
        lines, found["parity"] = parity(pairs)
        print("last epoch's averaged weights, by ultralytics' validator on the official val, mean ± std over seeds")
        print("\n".join(lines), flush=True)
    if "speed" in options.what:
        found["speed"] = _show(speed(pairs, setting.device == "cuda"))
    return found


def _line(pair: dict[str, dict[str, Any]]) -> str:
    texts = []
    for side, run in pair.items():
        text = f"{side} {training_rate(run):.1f} images/s, {run['whole_s']:.0f} s in all"
        if "map50" in run:
            text += f", mAP50 {run['map50']:.4f}, mAP50:95 {run['map50_95']:.4f}"
        texts.append(text)
    return "; ".join(texts)


def _first_steps(options: argparse.Namespace, setting: Setting) -> list[dict[str, Any]]:
    """Of new processes, first without what either keeps of earlier runs, then with it."""
    measured: dict[str, list[dict[str, float]]] = {"without caches": [], "with caches": []}
    for number in range(options.repeat):
        forget_caches(setting)
        for kind, found in measured.items():
            order = SIDES if number % 2 == 0 else SIDES[::-1]
            name = f"first_step_{number}_{kind.split()[0]}"
            runs = {side: run_side(setting, side, 0, name, stop_after_first_step=True) for side in order}
            found.append({side: run["first_step_s"] for side, run in runs.items()})
            print(f"first step {kind}: " + ", ".join(f"{s} {found[-1][s]:.1f} s" for s in SIDES), flush=True)
    return _show(
        [
            quotient(f"time to the first step {kind}, ultralytics ÷ tlbench", 1.0, found, *SIDES[::-1], seconds=True)
            for kind, found in measured.items()
        ]
    )


def _frozen(options: argparse.Namespace, setting: Setting) -> list[dict[str, Any]]:
    rounds: list[dict[str, float]] = []
    for number in range(options.repeat):
        rates = {}
        for name, strategy in STRATEGIES.items():
            overrides = setting.overrides(number, options.frozen_epochs, strategy)
            print(f"  strategy: {name}", flush=True)
            run = run_side(setting, "tlbench", number, name.replace(" ", "_"), overrides=overrides)
            rates[name] = training_rate(run)
        rounds.append(rates)
        shown = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
        print(f"round {number + 1}/{options.repeat}: {shown} images/s", flush=True)
    return _show([quotient(f"{name} ÷ full", goal, rounds, name, "full") for name, goal in FROZEN_TARGETS.items()])


def _show(found: list[Quotient]) -> list[dict[str, Any]]:
    for each in found:
        print(each.line(), flush=True)
    return [each.as_json() for each in found]


def _setting(options: argparse.Namespace, work: Path) -> Setting:
    device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    work.mkdir(parents=True, exist_ok=True)
    return Setting(
        root=options.root.resolve(),
        source=options.source,
        side=options.side,
        batch=options.batch,
        epochs=options.epochs,
        device=device,
        threads=options.threads,
        precision=options.precision or ("bf16-mixed" if device == "cuda" else "32-true"),
        fraction=options.fraction,
        more=tuple(options.overrides),
        ultralytics=dict(options.ultralytics),
        work=work,
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="Signature's folder; it is only read")
    parser.add_argument("--what", type=_parts, default=set(PARTS), help=f"of {','.join(PARTS)} (default: all)")
    parser.add_argument("--seeds", type=positive, default=3, help="pairs of runs, one a seed (default 3)")
    parser.add_argument("--epochs", type=positive, default=10, help="of a run (default 10)")
    parser.add_argument("--side", type=positive, default=320, help="pixels (default 320)")
    parser.add_argument("--batch", type=positive, default=16, help="images a training step (default 16)")
    parser.add_argument("--source", default="documents", help="random, documents, coco or a file (default documents)")
    parser.add_argument("--fraction", type=float, default=1.0, help="of the training images (default 1)")
    whole = "train on a whole number of batches of images, so that both sides have as many steps"
    parser.add_argument("--whole-batches", action="store_true", help=whole)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--precision", choices=list(AMP), help="default: cpu 32-true, cuda bf16-mixed")
    parser.add_argument("--threads", type=positive, default=torch.get_num_threads(), help="of torch (default: cores)")
    parser.add_argument("--repeat", type=positive, default=3, help="first steps, and rounds of frozen (default 3)")
    parser.add_argument("--frozen-epochs", type=positive, default=3, help="the first is not counted (default 3)")
    own = "an option of ultralytics that replaces the recipe's, such as cache=ram; may be repeated"
    parser.add_argument("--ultralytics", type=_option, action="append", default=[], metavar="KEY=VALUE", help=own)
    parser.add_argument("--work", type=_empty, help="an empty folder to keep everything in (default: a temporary one)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all figures there, as JSON")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="as for tlbench.train, such as data.antialias=true"
    )
    return parser.parse_args(arguments)


def _parts(text: str) -> set[str]:
    parts = set(text.split(","))
    if not parts <= set(PARTS):
        raise argparse.ArgumentTypeError(f"{text}: a list of {','.join(PARTS)}")
    return parts


def _empty(text: str) -> Path:
    folder = Path(text)
    if folder.exists() and any(folder.iterdir()):
        raise argparse.ArgumentTypeError(f"{text}: not empty")
    return folder


def _option(text: str) -> tuple[str, Any]:
    import yaml

    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: key=value")
    return key, yaml.safe_load(value)


if __name__ == "__main__":
    sys.exit(main())
