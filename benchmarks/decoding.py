"""What decoding JPEGs whole costs: `python -m benchmarks.decoding [--photos 60]` (a minute or two).

Photos of 12 megapixels are drawn and decoded one after another, by one core, to squares of 224 pixels: at a fraction of
their size (`data.decode=fast`) and whole (`data.decode=whole`), each photo both ways in turn. Printed are seconds per
1,000 photos both ways, and their ratio, which depends less on the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.arguments import positive
from benchmarks.photos import draw
from tlbench.data.decode import Decoding, decode_fitted

WAYS = {"fast": Decoding(fast=True), "whole": Decoding()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("--photos", type=positive, default=60)
    parser.add_argument("--width", type=positive, default=4000)
    parser.add_argument("--height", type=positive, default=3000)
    parser.add_argument("--side", type=positive, default=224)
    options = parser.parse_args(arguments)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    furthest = 0
    with tempfile.TemporaryDirectory() as scratch:
        size = draw(Path(scratch), options.photos, options.width, options.height)
        for path in Path(scratch).rglob("*.jpg"):
            content, squares = path.read_bytes(), []
            for way, how in WAYS.items():
                begun = time.perf_counter()
                squares.append(decode_fitted(content, (options.side, options.side), "crop", how=how).astype(int))
                seconds[way].append(time.perf_counter() - begun)
            furthest = max(furthest, int(np.abs(squares[0] - squares[1]).max()))
    print(f"{options.photos} photos of {options.width}×{options.height} pixels, {size / 2**20:.0f} MiB, one core")
    for way, each in seconds.items():
        print(f"data.decode={way}: {1000 * float(np.mean(each)):.0f} s per 1,000 photos")
    ratios = np.array(seconds["whole"]) / np.array(seconds["fast"])
    low, high = np.percentile(ratios, [5, 95])
    print(f"whole ÷ fast: {np.median(ratios):.2f} (of single photos 5 % to 95 %: {low:.2f} to {high:.2f})")
    print(f"a pixel differs by up to {furthest} of 255")
    return 0


if __name__ == "__main__":
    sys.exit(main())
