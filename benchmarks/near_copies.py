"""What the audit finds of changed copies: `python -m benchmarks.near_copies FOLDER [--images 200] [--others FOLDER]`.

Images of a folder are mirrored, or cropped by a share of their height and width at nine places, written as JPEG files
(quality 85), and looked for in either direction: the original among the changed, the changed among the originals, each
pair by itself, so that a video's other frames do not count. Printed is the share that is found as the images are, and
with the audit's changes. With `--others` all images of the first folder are then looked for among those of the second;
printed are how many have a partner there, and each pair that looks alike after a change, to be judged by eye; and the
processor's seconds for the hashes and for the search.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from benchmarks.arguments import positive
from tlbench.data.changed_looks import CHANGES
from tlbench.data.near_duplicates import near_copies
from tlbench.data.perceptual_hash import Looks, looks_of

PLACES = tuple(product((0.0, 0.5, 1.0), repeat=2))
"""Where a crop lies between the top and the bottom, and between left and right."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.near_copies", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=positive, default=200, help="of the folder, drawn at random")
    parser.add_argument("--others", type=Path, help="a folder of other images")
    options = parser.parse_args(arguments)
    files = files_of(options.folder)
    images = [opened(file) for file in random.Random(0).sample(files, min(options.images, len(files)))]
    print(f"{len(images)} of {len(files):,} images of {options.folder}")
    looks = looks_of_each(images)
    print_share("mirrored", looks, images, [ImageOps.mirror])
    for cut in (0.025, 0.05, 0.075, 0.1):
        print_share(f"cropped by {cut:.1%}", looks, images, [crop(cut, *place) for place in PLACES])
    crops = [crop(0.05, *place) for place in PLACES]
    print_share("mirrored, cropped by 5.0%", looks, [ImageOps.mirror(image) for image in images], crops)
    if options.others is not None:
        compare(files, files_of(options.others))
    return 0


def files_of(folder: Path) -> list[Path]:
    """The images below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))


def opened(file: Path) -> Image.Image:
    """RGB."""
    return Image.open(file).convert("RGB")


def crop(cut: float, down: float, across: float) -> Callable[[Image.Image], Image.Image]:
    """Take this share of height and width away, at least one pixel, and give the image its size back."""

    def cropped(image: Image.Image) -> Image.Image:
        width, height = max(round(image.width * cut), 1), max(round(image.height * cut), 1)
        left, top = round(across * width), round(down * height)
        box = (left, top, left + image.width - width, top + image.height - height)
        return image.crop(box).resize(image.size, Image.Resampling.BILINEAR)

    return cropped


def looks_of_each(images: Sequence[Image.Image]) -> Looks:
    """What images of any sizes look like."""
    each = [looks_of(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]) for image in images]
    return Looks(np.concatenate([one.hashes for one in each]), np.concatenate([one.thumbnails for one in each]))


def print_share(
    what: str, looks: Looks, images: Sequence[Image.Image], ways: Sequence[Callable[[Image.Image], Image.Image]]
) -> None:
    """Of copies that were changed in these ways."""
    found = []
    for way in ways:
        copies = looks_of_each([as_jpeg(way(image)) for image in images])
        for i in range(len(images)):
            one, other = looks.take(np.array([i])), copies.take(np.array([i]))
            for first, second in ((one, other), (other, one)):
                copy = near_copies(first, second)
                found.append((copy.partners[0] >= 0, copy.partners[0] >= 0 and copy.changes[0] == 0))
    with_changes, as_they_are = 100 * np.array(found).mean(axis=0)
    print(f"{what}: as they are {as_they_are:.1f} %, with changes {with_changes:.1f} %", flush=True)


def as_jpeg(image: Image.Image) -> Image.Image:
    """As a file of quality 85 gives it back."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return Image.open(file).convert("RGB")


def compare(asked: Sequence[Path], known: Sequence[Path]) -> None:
    """Look for the first among the second."""
    first, second = looks_of_files(known), looks_of_files(asked)
    begun = time.process_time()
    copies = near_copies(first, second)
    print(f"search among {len(known):,} images: {time.process_time() - begun:.1f} s")
    having = copies.partners >= 0
    print(f"{having.sum():,} of {len(asked):,} have a partner, {(having & (copies.changes == 0)).sum():,} as they are")
    for i in np.flatnonzero(having & (copies.changes > 0)).tolist():
        change = CHANGES[copies.changes[i]]
        done = [word for word in ("mirrored", "cropped") if getattr(change, word)]
        print(f"  {asked[i]} ~ {known[copies.partners[i]]}: {' and '.join(done)}")


def looks_of_files(files: Sequence[Path]) -> Looks:
    """What images look like; says how long their hashes take, apart from decoding."""
    images = [opened(file) for file in files]
    begun = time.process_time()
    if len({image.size for image in images}) == 1:
        looks = looks_of(torch.from_numpy(np.stack([np.array(image).transpose(2, 0, 1) for image in images])))
    else:
        looks = looks_of_each(images)
    print(f"hashes of {len(files):,} images: {time.process_time() - begun:.1f} s")
    return looks


if __name__ == "__main__":
    sys.exit(main())
