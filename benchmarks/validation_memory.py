"""Whether validating a detector holds memory flat: `python -m benchmarks.validation_memory`.

Two runs of one epoch, each a process of its own, train on the same few drawn images; the first validates 1,000 images
and the second 10,000, whose files are decoded by workers. Random weights find as many objects as they may. Printed is
the peak of each process's memory, that of its workers apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.predict_memory import COUNTS, draw

SIDE = 128
TRAIN = 16


def lay_out(root: Path, validated: int) -> None:
    """A YOLO folder of drawn images with one object each; test is as small as train."""
    for split, count in (("train", TRAIN), ("val", validated), ("test", TRAIN)):
        draw(root / "images" / split, count, SIDE)
        labels = root / "labels" / split
        labels.mkdir(parents=True)
        for i in range(count):
            (labels / f"{i}.txt").write_text("0 0.5 0.5 0.4 0.6\n")
    splits = "".join(f"{split}: images/{split}\n" for split in ("train", "val", "test"))
    (root / "data.yaml").write_text(f"{splits}names: [patch]\n")


def validate(scratch: Path, validated: int, device: str) -> tuple[float, float]:
    """Peak of the process's memory in MiB, and seconds of its one epoch with validation."""
    root, run = scratch / str(validated), scratch / f"run_{validated}"
    lay_out(root, validated)
    command = [
        *("task=detection", "data=yolo", f"data.root={root}", f"data.image_size={SIDE}", "data.cache=none"),
        *(f"data.batch_size={TRAIN}", "task.min_confidence=1e-6", "source=random", f"trainer={device}"),
        *("trainer.max_epochs=1", "optimizer.warmup_epochs=0", "test=false", "logger.tensorboard=false"),
        f"hydra.run.dir={run}",
    ]
    environment = {**os.environ, "TLBENCH_CACHE": str(scratch / "cache")}
    with (scratch / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tlbench.train", *command], stdout=log, stderr=log, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"the run failed: {(scratch / 'log.txt').read_text()}")
    record = json.loads((run / "record.json").read_text())
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10), record["volatile"]["fit_s"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation_memory", description=__doc__)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    options = parser.parse_args(arguments)
    peaks = []
    with tempfile.TemporaryDirectory(prefix="tlbench-validation-") as scratch:
        for validated in COUNTS:
            peak, seconds = validate(Path(scratch), validated, options.device)
            peaks.append(peak)
            print(f"{validated} images validated: peak memory {peak:.0f} MiB, {seconds:.0f} s", flush=True)
    more = (peaks[1] - peaks[0]) / (COUNTS[1] - COUNTS[0]) * 2**10
    print(f"{more:.1f} KiB more for each image more; {peaks[1] / peaks[0]:.2f} times in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
