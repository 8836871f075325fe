from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from tests.composed import data_values
from tests.http_server import serving
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.data.listing import Listing
from tlbench.system.voice import Voice


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of the tests are reached directly, whatever the machine's environment says."""
    monkeypatch.setattr(urllib.request, "_opener", None)  # it holds the proxies of its first use
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def data_config() -> Callable[..., LabelDataConfig]:
    """`data_config("digits", shots=3)`: the shipped config with changes."""

    def make(name: str, **changes: Any) -> LabelDataConfig:
        return LabelDataConfig.model_validate({**data_values(name, "classification"), **changes})

    return make


@pytest.fixture
def boxes_config() -> Callable[..., InstanceDataConfig]:
    """`boxes_config("yolo", root="data")`: likewise, of data with boxes."""

    def make(name: str, **changes: Any) -> InstanceDataConfig:
        return InstanceDataConfig.model_validate({**data_values(name), **changes})

    return make


@pytest.fixture
def maps_config() -> Callable[..., MapDataConfig]:
    """`maps_config("masks", root="data")`: likewise, of data with class maps."""

    def make(name: str, **changes: Any) -> MapDataConfig:
        return MapDataConfig.model_validate({**data_values(name, "semantic_segmentation"), "native": None, **changes})

    return make


@pytest.fixture
def draw_masks() -> Callable[..., Path]:
    """`draw_masks(root, {"train/a": [[0, 1]]}, names=["sky", "road"])`: images/train/a.png and masks/train/a.png.

    A mask is an array: of (H, W) numbers, or of (H, W, 3) colours; images are grey, of the same size.
    """

    def draw(root: Path, masks: Mapping[str, Any], names: Sequence[str] | None = None) -> Path:
        for i, (name, given) in enumerate(masks.items()):
            pixels = np.array(given, np.uint16 if np.max(given) > 255 else np.uint8)
            size = (pixels.shape[1], pixels.shape[0])
            for folder, image in (("images", Image.new("RGB", size, (90, i, 7))), ("masks", Image.fromarray(pixels))):
                path = root / folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
        if names is not None:
            (root / "classes.txt").write_text("\n".join(names) + "\n")
        return root

    return draw


@pytest.fixture
def draw_tree() -> Callable[..., None]:
    """`draw_tree(root, {"cat": 3})`: PNG files of noise, `root/cat/0.png` …"""

    def draw(root: Path, counts: Mapping[str, int], size: tuple[int, int] = (8, 8)) -> None:
        rng = np.random.default_rng(len(counts))
        for name, count in counts.items():
            (root / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{i}.png")

    return draw


@pytest.fixture
def serve() -> Callable[..., Any]:
    """As `serving`."""
    return serving


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
def voice(say, warn) -> Voice:
    """Says into `say`, and warns into `warn`."""
    return Voice(say, warn)


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
def listing() -> Callable[..., Listing[Instances]]:
    """`listing({"a_1.jpg": [(0, 1, 2, 3, 4)]})`: images of 100 × 100 pixels; an object is class, x1, y1, x2, y2."""

    def make(objects: Mapping[str, list[tuple[int, ...]]], classes: int = 2) -> Listing[Instances]:
        rows = [row for found in objects.values() for row in found]
        counts = torch.tensor([0, *(len(found) for found in objects.values())])
        sizes = torch.full((len(objects), 2), 100)
        instances = Instances(
            boxes=torch.tensor([row[1:] for row in rows], dtype=torch.float32).view(-1, 4),
            labels=torch.tensor([row[0] for row in rows], dtype=torch.int64),
            starts=counts.cumsum(0),
            class_names=tuple(f"class_{i}" for i in range(classes)),
            sizes=sizes,
            inside=sizes,
        )
        return Listing(Path(), tuple(objects), instances)

    return make


@pytest.fixture
def noise_boxes(tmp_path: Path, draw_yolo) -> Path:
    """`tmp_path / "data"`: noise of 20 × 40 pixels, 0 to 2 objects an image; 13 of train, 3 of val and 4 of test."""
    rows = "0 .5 .5 .4 .5\n1 .3 .4 .5 .6".splitlines()
    counts = {"train": 13, "val": 3, "test": 4}
    names = {f"{split}/{i}": "\n".join(rows[: i % 3]) for split, count in counts.items() for i in range(count)}
    root: Path = draw_yolo(tmp_path / "data", names)
    noise = np.random.default_rng(0)
    for path in sorted(root.glob("images/*/*.png")):
        Image.fromarray(noise.integers(0, 256, (20, 40, 3), dtype=np.uint8)).save(path)
    return root
