"""The processes that `benchmarks.detection` starts."""

from __future__ import annotations

from typing import Any

from benchmarks.child import ChildFailed, run_child
from benchmarks.detection_report import SIDES, start_problems
from benchmarks.detection_setup import Setting, initial_weights, recipe, validation


def check_start(setting: Setting) -> dict[str, Any]:
    """Refuse to compare what does not begin alike; also leaves the caches of both sides warm."""
    job = {
        "threads": setting.threads,
        "recipe": recipe(setting, 0),
        "initial": str(initial_weights(setting, 0)),
        "overrides": setting.overrides(0),
    }
    start = run_child("benchmarks.same_start", job, setting.work / "start", setting.environment())
    print(
        f"before the first step, on one batch of {start['images']} images with {start['objects']} objects: loss "
        + ", ".join(f"{side} {start[side]['loss']:.6g}" for side in SIDES)
        + "; norm of the gradient "
        + ", ".join(f"{side} {start[side]['gradient']:.6g}" for side in SIDES),
        flush=True,
    )
    problems = start_problems(start)
    if problems:
        raise ChildFailed("the two sides do not begin alike: " + "; ".join(problems))
    return start


def run_side(setting: Setting, side: str, seed: int, name: str, **more: Any) -> dict[str, Any]:
    """One run of one side, in a process of its own.

    Args:
        setting: The comparison.
        side: `ultralytics` or `tlbench`.
        seed: Of the run.
        name: Of the folder that its files go to.
        more: What of its job is otherwise.
    """
    folder = setting.work / name / f"{side}_{seed}"
    job: dict[str, Any] = {
        "threads": setting.threads,
        "final": str(folder / "final.pt"),
        "stop_after_first_step": False,
    }
    if side == "ultralytics":
        own = {"do": "train", "recipe": recipe(setting, seed), "initial": str(initial_weights(setting, seed))}
        module = "benchmarks.ultralytics_run"
    else:
        own = {"overrides": setting.overrides(seed), "folder": str(folder / "run")}
        module = "benchmarks.tlbench_run"

    def say(event: dict[str, Any]) -> None:
        rate = event["images"] / event["seconds"]
        print(f"  {side}, seed {seed}, epoch {event['number']}: {rate:.1f} images/s", flush=True)

    return run_child(module, {**job, **own, **more}, folder, setting.environment(), say)


def evaluate(setting: Setting, seed: int, pair: dict[str, dict[str, Any]]) -> None:
    """Add the metrics of the last epoch's averaged weights to a pair of runs."""
    job = {
        "do": "evaluate",
        "threads": setting.threads,
        "initial": str(initial_weights(setting, seed)),
        "options": validation(setting),
        "weights": [str(setting.work / "runs" / f"{side}_{seed}" / "final.pt") for side in SIDES],
    }
    folder = setting.work / "evaluations" / str(seed)
    found = run_child("benchmarks.ultralytics_run", job, folder, setting.environment())
    for side, metrics in zip(SIDES, found["metrics"], strict=True):
        pair[side] |= metrics


def compare_trajectories(setting: Setting) -> dict[str, Any]:
    """Train both sides on the same augmented batches; see `benchmarks.same_trajectory`."""
    folder = setting.work / "trajectory"
    job = {
        "threads": setting.threads,
        "recipe": recipe(setting, 0),
        "initial": str(initial_weights(setting, 0)),
        "overrides": setting.overrides(0),
        "folder": str(folder / "run"),
    }
    found = run_child("benchmarks.same_trajectory", job, folder, setting.environment())
    print(f"the same {found['steps']} batches ({found['optimizer_steps']} optimizer steps) through both trainers:")
    for what, text in (("weights", "averaged weights"), ("statistics", "BatchNorm statistics")):
        way = found[what]
        print(
            f"  {text}: went {way['went']:.4g}, and end {way['apart']:.1e} of that apart; "
            f"ultralytics' own, from weights changed by a rounding: {way['rounding']:.1e}",
            flush=True,
        )
    return found
