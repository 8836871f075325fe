"""Tiny photos with red and blue rectangles at known places: whether boxes and classes are right can be seen."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from tlbench.annotations.instances.instances import Instances
from tlbench.data.inventory import all_files
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target

WIDTH, HEIGHT = 64, 48
NAMES = ("red", "blue")
_COLOURS = ((220, 20, 20), (20, 20, 220))


@dataclass(frozen=True)
class Object:
    """A rectangle: class 0 is red, 1 is blue; pixels, right and lower edges outside."""

    of: int
    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def centred(self) -> list[float]:
        """`cx cy w h` as fractions."""
        w, h = self.x2 - self.x1, self.y2 - self.y1
        return [(self.x1 + w / 2) / WIDTH, (self.y1 + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT]

    @property
    def corners(self) -> list[float]:
        """Four points clockwise, as fractions."""
        x1, x2, y1, y2 = self.x1 / WIDTH, self.x2 / WIDTH, self.y1 / HEIGHT, self.y2 / HEIGHT
        return [x1, y1, x2, y1, x2, y2, x1, y2]


def objects(number: int) -> tuple[Object, Object]:
    """A red and a blue rectangle, beside one another, of the image of a number."""
    draw = random.Random(number)
    found = []
    for of, left in enumerate((0, WIDTH // 2)):
        x1, y1 = left + draw.randint(0, 8), draw.randint(0, 20)
        found.append(Object(of, x1, y1, x1 + draw.randint(10, 22), y1 + draw.randint(10, 26)))
    return found[0], found[1]


def draw(path: Path, number: int) -> tuple[Object, Object]:
    """Write the image of a number: grey noise with its rectangles."""
    noise = np.random.default_rng(number).integers(90, 150, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    pen = ImageDraw.Draw(image)
    for found in objects(number):
        pen.rectangle([found.x1, found.y1, found.x2 - 1, found.y2 - 1], fill=_COLOURS[found.of])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=95, subsampling=0)
    return objects(number)


def check(target: Target[Instances], truth: Mapping[str, tuple[Object, ...]]) -> None:
    """That a target, opened at `WIDTH` pixels, has the images of the truth, each once, and its boxes to half a pixel;
    that they have the colours of their classes; and that its inventory tells of every file.

    Args:
        target: As opened.
        truth: Image → its objects; by the names below the root.
    """
    assert target.class_names == NAMES
    assert sorted(name for split in target.splits.values() for name in split.names or ()) == sorted(truth)
    for split in target.splits.values():
        assert isinstance(split, MemorySamples)
        for i, name in enumerate(split.names or ()):
            rows, _ = split.annotations.objects(torch.tensor([i]))
            boxes, labels = split.annotations.boxes[rows], split.labels[rows].tolist()
            wanted = truth[name]
            assert labels == [found.of for found in wanted]
            corners = torch.tensor([[found.x1, found.y1, found.x2, found.y2] for found in wanted], dtype=torch.float32)
            assert torch.allclose(boxes, corners.view(-1, 4), atol=0.5)
            for of, (x1, y1, x2, y2) in zip(labels, boxes.round().int().tolist(), strict=True):
                below = split.images[i, :, y1:y2, x1:x2].float()
                channel, other = (0, 2) if of == 0 else (2, 0)
                assert float(((below[channel] > 150) & (below[other] < 90)).float().mean()) > 0.9
    inventory = target.inventory
    assert inventory is not None
    told = [name for kind in (inventory.read, inventory.left_out) for names in kind.values() for name in names]
    assert sorted(told) == sorted(all_files(inventory.root))
    assert len(inventory.read["images"]) == len(truth)
