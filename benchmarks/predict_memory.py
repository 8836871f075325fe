"""Whether `python -m tlbench.predict` holds memory flat: `python -m benchmarks.predict_memory`.

A run is trained on a few drawn images; then the command classifies 1,000 and 10,000 drawn JPEG files in a process of
its own each. Printed are images/s, loading included, and the peak of the process's memory. `--maps` writes a class map
of each of 100 and 1,000 files instead, and `--side 2000` makes these large.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = 4
COUNTS = (1_000, 10_000)
COUNTS_OF_MAPS = (100, 1_000)
TARGET = 1.1
"""Peak of the larger count ÷ peak of the smaller."""


def draw(folder: Path, count: int, side: int) -> None:
    """Draw JPEG files of soft patches of colour, `side` pixels high and up to half as much again wide."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        patches = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        patches.resize((side + i % (side // 2), side), Image.Resampling.BILINEAR).save(folder / f"{i}.jpg", quality=90)


def train(scratch: Path, image_size: int, *, maps: bool) -> Path:
    """A run of one epoch; returns its folder."""
    for number in range(0 if maps else CLASSES):
        draw(scratch / "classes" / f"class{number}", 20, 96)
    of_classes = ("data=image_folder", f"data.root={scratch / 'classes'}")
    command = [
        *(("task=semantic_segmentation", "data=documents", "data.pages=40") if maps else of_classes),
        *("source=random", "trainer=cpu", "trainer.max_epochs=1", "optimizer.warmup_epochs=0", "data.batch_size=16"),
        *(f"data.image_size={image_size}", "logger.tensorboard=false", f"hydra.run.dir={scratch / 'run'}"),
    ]
    environment = {**os.environ, "TLBENCH_CACHE": str(scratch / "cache")}
    subprocess.run(
        [sys.executable, "-m", "tlbench.train", *command], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    return scratch / "run"


def predict(run: Path, images: Path, device: str, *, maps: bool) -> tuple[float, float]:
    """Seconds that the command takes, and the peak of its memory in MiB."""
    output = images.with_suffix(".csv")
    command = ["-m", "tlbench.predict", f"run={run}", f"input={images}", f"output={output}", f"device={device}"]
    command += [f"maps={images}_maps"] if maps else []
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status != 0:
        raise SystemExit(f"the command failed: {os.waitstatus_to_exitcode(status)}")
    with output.open() as file:
        assert sum(1 for _ in file) == 1 + sum(1 for _ in images.iterdir())
    return seconds, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 where the memory grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict_memory", description=__doc__)
    parser.add_argument("--side", type=int, default=128, help="of the drawn images, pixels (default 128)")
    parser.add_argument("--image-size", type=int, default=64, help="at the network's input (default 64)")
    parser.add_argument("--maps", action="store_true", help="of segmentation, with an index PNG a file")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    peaks, counts = [], COUNTS_OF_MAPS if options.maps else COUNTS
    with tempfile.TemporaryDirectory() as scratch:
        run = train(Path(scratch), options.image_size, maps=options.maps)
        for count in counts:
            images = Path(scratch) / f"images{count}"
            draw(images, count, options.side)
            seconds, peak = predict(run, images, options.device, maps=options.maps)
            peaks.append(peak)
            print(f"{count:6} images: {count / seconds:5.0f} images/s, peak memory {peak:5.0f} MiB", flush=True)
    ratio = peaks[1] / peaks[0]
    print(f"peak of {counts[1]} ÷ peak of {counts[0]}: {ratio:.2f} (at most {TARGET})")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
