from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlbench.config import DataConfig
from tlbench.data.open import open_target
from tlbench.data.target import Target
from tlbench.system.voice import SILENT

ROWS = "0 .5 .5 .4 .5\n1 .3 .4 .5 .6".splitlines()


@pytest.fixture(params=["labels", "instances"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of annotation, one after another."""
    return request.param


@pytest.fixture
def noise(kind: str, tmp_path: Path, draw_tree, draw_yolo, data_config, boxes_config) -> Callable[..., DataConfig]:
    """`noise(cache="none")`: a config of noise in `tmp_path / "data"`, 13 images of train, 3 of val and 4 of test, of
    20 × 40 pixels, which become 32 × 32; with 0, 1 or 2 objects each."""
    root, counts = tmp_path / "data", {"train": (7, 6), "val": (2, 1), "test": (2, 2)}
    if kind == "labels":
        for split, (cats, dogs) in counts.items():
            draw_tree(root / split, {"cat": cats, "dog": dogs}, size=(20, 40))
    else:
        draw_yolo(
            root, {f"{split}/{i}": "\n".join(ROWS[: i % 3]) for split, n in counts.items() for i in range(sum(n))}
        )
        random = np.random.default_rng(0)
        for path in sorted(root.glob("images/*/*.png")):
            Image.fromarray(random.integers(0, 256, (20, 40, 3), dtype=np.uint8)).save(path)

    def make(**changes: Any) -> DataConfig:
        made, name = (data_config, "image_folder") if kind == "labels" else (boxes_config, "yolo")
        return made(name, **{"root": str(root), "image_size": 32, "batch_size": 4, "workers": 0, **changes})

    return make


@pytest.fixture
def opened(noise: Callable[..., DataConfig]) -> Callable[..., Target[Any]]:
    """`opened(cache="none")`: these, opened."""

    def make(**changes: Any) -> Target[Any]:
        return open_target(noise(**changes), 0, SILENT)

    return make
