from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from tlbench.data.detection.listing import BoxListing


class Heard(list[str]):
    """Collects the lines that a user would see."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def say() -> Heard:
    return Heard()


@pytest.fixture
def warn() -> Heard:
    return Heard()


@pytest.fixture
def draw_image() -> Callable[..., None]:
    """`draw_image(path, (height, width))`: a grey image."""

    def draw(path: Path, size: tuple[int, int] = (20, 40), **options: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size[::-1], (90, 90, 90)).save(path, **options)

    return draw


@pytest.fixture
def draw_yolo(draw_image) -> Callable[..., Path]:
    """`draw_yolo(root, {"train/a": "0 .5 .5 .2 .2"})`: images/train/a.png of 20 × 40 pixels, labels/train/a.txt.

    None as rows: no label file. Names go into data.yaml; None: no such file.
    """

    def draw(root: Path, rows: Mapping[str, str | None], names: list[str] | None = ["cat", "dog"]) -> Path:  # noqa: B006
        for name, text in rows.items():
            draw_image(root / "images" / f"{name}.png")
            label = root / "labels" / f"{name}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                label.write_text(text)
        if names is not None:
            splits = {name.split("/")[0]: f"images/{name.split('/')[0]}" for name in rows}
            (root / "data.yaml").write_text(yaml.safe_dump({"path": ".", **splits, "names": names}))
        return root

    return draw


@pytest.fixture
def listing() -> Callable[..., BoxListing]:
    """`listing({"a_1.jpg": [(0, 1, 2, 3, 4)]})`: images of 100 × 100 pixels; an object is class, x1, y1, x2, y2."""

    def make(objects: Mapping[str, list[tuple[int, ...]]], classes: int = 2) -> BoxListing:
        rows = [row for found in objects.values() for row in found]
        counts = torch.tensor([0, *(len(found) for found in objects.values())])
        return BoxListing(
            root=Path(),
            names=tuple(objects),
            sizes=torch.full((len(objects), 2), 100),
            boxes=torch.tensor([row[1:] for row in rows], dtype=torch.float32).view(-1, 4),
            labels=torch.tensor([row[0] for row in rows], dtype=torch.int64),
            starts=counts.cumsum(0),
            class_names=tuple(f"class_{i}" for i in range(classes)),
        )

    return make
