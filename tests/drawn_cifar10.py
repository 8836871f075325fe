"""A folder-per-class copy of CIFAR-10, drawn: two classes of 32-pixel JPEGs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog")


def draw_cifar10(root: Path, train: int = 12, test: int = 4) -> None:
    """Draw `root/cifar10/{train,test}/{cat,dog}/<n>.jpg`; dogs are the brighter ones."""
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(CLASSES):
            folder = root / "cifar10" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 128, (32, 32, 3)) + 100 * label
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.jpg")
