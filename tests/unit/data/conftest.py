from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlbench.config import DataConfig
from tlbench.data.open import open_target
from tlbench.data.target import Target
from tlbench.system.voice import SILENT


@pytest.fixture(params=["labels", "instances"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of annotation, one after another."""
    return request.param


@pytest.fixture
def noise(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., DataConfig]:
    """`noise(cache="none")`: a config of noise in `tmp_path / "data"`, 13 images of train, 3 of val and 4 of test, of
    20 × 40 pixels, which become 32 × 32."""
    name, make = "yolo", request.getfixturevalue("data_config" if kind == "labels" else "boxes_config")
    if kind == "labels":
        name, draw_tree = "image_folder", request.getfixturevalue("draw_tree")
        for split, (cats, dogs) in {"train": (7, 6), "val": (2, 1), "test": (2, 2)}.items():
            draw_tree(tmp_path / "data" / split, {"cat": cats, "dog": dogs}, size=(20, 40))
    else:
        request.getfixturevalue("noise_boxes")
    values = {"root": str(tmp_path / "data"), "image_size": 32, "batch_size": 4, "workers": 0}
    return lambda **changes: make(name, **{**values, **changes})


@pytest.fixture
def opened(noise: Callable[..., DataConfig]) -> Callable[..., Target[Any]]:
    """`opened(cache="none")`: these, opened."""
    return lambda **changes: open_target(noise(**changes), 0, SILENT)
