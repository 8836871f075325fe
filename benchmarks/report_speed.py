"""What a report of many runs costs: `python -m benchmarks.report_speed`.

A study of drawn records is written, 1,000 of them with 1,000 test images each unless told otherwise: two arms whose
right answers are drawn, everything else as in a committed run of the task. Then `python -m tlbench.report` reads it in
a process of its own. Printed are its wall time, which start-up is part of, and the peak of its memory. Target for
classification: 10 s, 500 MB; the other tasks' metrics are drawn again over images, and are timed for what they are.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.config.hash import config_hash
from tlbench.metrics.per_image import PerImage
from tlbench.records.arrays import write_arrays
from tlbench.records.folder import PER_IMAGE_FILE
from tlbench.records.record import Record, read_record, write_record
from tlbench.study.summary import SUMMARY_FILE, summarise_study
from tlbench.system.names import json_bytes
from tlbench.tasks.registry import spec_of_stored

RESULTS = Path(__file__).parent.parent / "docs" / "results"
TARGET_S, TARGET_MB = 10, 500

Arrays = Mapping[str, NDArray[Any]]


def labels(rng: np.random.Generator, images: int, classes: int, skill: float) -> Arrays:
    """What a classification run keeps of its test images."""
    target = np.arange(images) % classes
    found = np.where(rng.random(images) < skill, target, rng.integers(0, classes, images))
    confidence = rng.uniform(0.5, 1, images).astype(np.float32)
    return {"target": target.astype(np.uint8), "found": found.astype(np.uint8), "confidence": confidence}


def boxes(rng: np.random.Generator, images: int, classes: int, skill: float) -> Arrays:
    """What a detection run keeps: three objects an image, each found or not, and as many false detections."""
    of_image = np.full(images, 3)
    objects = rng.integers(0, classes, 3 * images)
    right = rng.random(3 * images) < skill
    hits = np.where(right, 2 ** rng.integers(1, 11, 3 * images) - 1, 0)
    scores = np.where(right, rng.uniform(0.3, 1, 3 * images), rng.uniform(0, 0.6, 3 * images))
    return {
        "count": of_image,
        "scores": scores.astype(np.float32),
        "labels": objects.astype(np.int32),
        "hits": hits.astype(np.uint16),
        "crowded": np.full(3 * images, 10, np.uint8),
        "ious": np.where(right, 0.8, 0).astype(np.float32),
        "target_count": of_image,
        "target_labels": objects.astype(np.int32),
        "confidence": np.array(0.4),
    }


def maps(rng: np.random.Generator, images: int, classes: int, skill: float) -> Arrays:
    """What a segmentation run keeps: pixels by true and found class, all pairs in each image."""
    share = np.full((classes, classes), (1 - skill) / classes) + np.eye(classes) * skill
    pixels = rng.multinomial(10_000, (share / share.sum()).ravel(), images)
    cells = np.tile(np.arange(classes**2), images)
    return {"count": np.full(images, classes**2), "cells": cells, "pixels": pixels.ravel()}


TASKS: Mapping[str, tuple[str, Callable[[np.random.Generator, int, int, float], Arrays]]] = {
    "classification": ("quickstart", labels),
    "detection": ("quickstart_detection", boxes),
    "semantic_segmentation": ("quickstart_segmentation", maps),
}
"""Task → a committed study of it, and what a run keeps."""


def draw(task: str, folder: Path, records: int, images: int) -> None:
    """Write a study of two arms with `records` runs in all."""
    study, kept = TASKS[task]
    first = [read_record(path.parent) for path in sorted((RESULTS / study).glob("*/seed_0/record.json"))]
    drawn: list[Record] = []
    for number, template in enumerate(each for each in first if each is not None):
        spec = spec_of_stored(template.task, template.config)
        assert spec.per_image is not None
        assert template.data is not None
        module, _, function = spec.per_image.partition(":")
        read = getattr(importlib.import_module(module), function)
        for seed in range(records // len(first)):
            rng = np.random.default_rng([number, seed])
            arrays = kept(rng, images, len(template.data.class_names), 0.9 - 0.03 * number + rng.normal(0, 0.01))
            place = folder / template.arm / f"seed_{seed}"
            place.mkdir(parents=True)
            per_image: PerImage = read(arrays, len(template.data.class_names))
            content = copy.deepcopy(template.model_dump(mode="json"))
            content["seed"] = content["config"]["seed"] = seed
            content["config"]["seeds"] |= {"init": seed, "order": seed, "augment": seed}
            content["config_hash"] = config_hash(content["config"])
            content["metrics"] |= {f"test/{name}": value for name, value in per_image.metrics().items()}
            content["sidecars"] = {"per_image_test": PER_IMAGE_FILE}
            write_arrays(place / PER_IMAGE_FILE, arrays)
            write_record(place, Record.model_validate(content))
            written = read_record(place)
            assert written is not None
            drawn.append(written)
    summary = summarise_study(drawn, drawn[0].factors)
    (folder / SUMMARY_FILE).write_bytes(json_bytes(summary.to_dict()))


def report(study: Path) -> tuple[float, float]:
    """Seconds that the command takes, and the peak of its memory in MB."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "tlbench.report", f"study={study}"])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status != 0:
        raise SystemExit(f"the command failed: {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 where classification misses its target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report_speed", description=__doc__)
    parser.add_argument("--task", choices=TASKS, default="classification")
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--images", type=int, default=1000, help="test images of each")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        study = Path(scratch) / "study"
        # of its own, too: what a process held before it began another counts in the other's peak
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            other.submit(draw, options.task, study, options.records, options.images).result()
        seconds, peak = report(study)
        size = (study / "report.html").stat().st_size
    print(
        f"{options.task}: {options.records} records of {options.images} test images: {seconds:.1f} s, {peak:.0f} MB "
        f"at most; the page has {size / 1e6:.2f} MB"
    )
    missed = options.task == "classification" and (seconds > TARGET_S or peak > TARGET_MB)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
