"""Time from the command to the end of the first training step, and the memory: `python -m benchmarks.first_step ROOT`.

ROOT is a folder of images ({train,test}/<class>/*). Each measurement is a process of its own: without a cache of
decoded images, then with the one that the first left. What the operating system keeps of the files stays.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BEGAN = "TLBENCH_BENCHMARK_BEGAN"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_step", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each (default 3)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        _first_step(options.root, options.image_size)
        return 0
    figures: dict[str, list[tuple[float, float]]] = {"without a cache": [], "with the cache": []}
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory() as cache:
            for kind, found in figures.items():
                found.append(_child(options, cache))
                print(f"{kind}: {found[-1][0]:.1f} s, {found[-1][1]:.0f} MiB", flush=True)
    for kind, found in figures.items():
        seconds, memory = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{kind}: first step after {seconds:.1f} s, peak memory {memory:.0f} MiB (medians of {len(found)})")
    return 0


def _child(options: argparse.Namespace, cache: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.first_step", str(options.root), "--child"]
    command += ["--image-size", str(options.image_size)]
    environment = {**os.environ, "TLBENCH_CACHE": cache, BEGAN: str(time.time())}
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    seconds, memory = output.splitlines()[-1].split()
    return float(seconds), float(memory)


def _first_step(root: Path, image_size: int) -> None:
    from lightning.pytorch import Callback

    from benchmarks.pipeline import build
    from tlbench.annotations.labels.config import LabelDataConfig
    from tlbench.config.compose import compose_config
    from tlbench.data.open import open_target

    class Stop(Callback):
        """Prints seconds and MiB after the first step, and ends."""

        def on_train_batch_end(self, *_: Any, **__: Any) -> None:
            seconds = time.time() - float(os.environ[BEGAN])
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
            print(f"{seconds} {memory}", flush=True)
            os._exit(0)

    overrides = ["data=image_folder", f"data.root={root}", f"data.image_size={image_size}", "source=random"]
    config = compose_config([*overrides, "data.batch_size=128", "trainer=cpu"])
    assert isinstance(config.data, LabelDataConfig)
    with tempfile.TemporaryDirectory() as folder:
        build(config, open_target(config.data, config.seeds.split), Path(folder)).fit(Stop())


if __name__ == "__main__":
    sys.exit(main())
