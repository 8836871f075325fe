from pathlib import Path

import numpy as np
import torch
from PIL import Image


class Folder:
    """images/<split>/* with masks/<split>/*, read by hand; `form` is that of masks, and of images with it."""

    def __init__(self, root: str, split: str, form: str) -> None:
        self.files, self.form = sorted(Path(root, "images", split).iterdir()), form
        self.classes = Path(root, "classes.txt").read_text().splitlines()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int):
        image = self.files[i]
        mask = image.parents[2] / "masks" / image.parent.name / image.name
        if self.form == "paths":
            return str(image), mask
        opened = Image.open(mask)
        given = {
            "pil": lambda: opened,
            "palettes": lambda: indexed(opened),
            "arrays": lambda: np.asarray(opened).astype(np.int64),
            "tensors": lambda: torch.from_numpy(np.array(opened))[None],
        }[self.form]()
        return np.asarray(Image.open(image).convert("RGB")), given


def indexed(mask: Image.Image) -> Image.Image:
    """The same numbers in an image of mode P that was made in memory."""
    found = Image.fromarray(np.asarray(mask))
    found.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    assert found.mode == "P"
    return found


def streets(root: str, form: str = "arrays"):
    """Its three splits."""
    return {split: Folder(root, split, form) for split in ("train", "val", "test")}


def squares(low=0, high=1, count=20, shift=0):
    """Squares in masks of these two numbers, without names."""
    draws = np.random.default_rng(0)
    found = []
    for _ in range(count):
        image = draws.integers(0, 60, (20, 30, 3), dtype=np.uint8)
        mask = np.full((20, 30), low, np.uint16)
        mask[4:12, 5:15] = high
        mask[:shift] = 255
        found.append((image, mask))
    return found
