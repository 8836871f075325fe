"""tlbench's own tasks in the contract suite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.contract.subject import Numbers, Subject

# ---- classification: folders of bright and of dark images


def _draw_folders(root: Path) -> None:
    draws = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4), ("test", 5)):
        for label, low in (("dark", 0), ("light", 90)):
            for i in range(count):
                path = root / split / label / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                coarse = draws.integers(low, low + 160, (5, 6, 3), dtype=np.uint8)
                Image.fromarray(coarse).resize((40 + i, 48 - i), Image.Resampling.BICUBIC).save(path)


CLASSIFICATION = Subject(
    task="classification",
    draw=_draw_folders,
    quick=("data=image_folder", "data.root={data}", "data.image_size=32", "data.batch_size=4", "optimizer.lr=0.01"),
    still="augmentation=none",
    sources={"tin200": ()},
    test="test",
    image="train/light/3.png",
    kept=lambda arrays: list(arrays["probabilities"]),
    line=lambda line: (line["path"], np.array(list(line["probabilities"].values()))),
    loaded=lambda prediction: prediction.probabilities,
)

# ---- detection: objects that fill most of their images, so that a network that was hardly trained finds some


def _draw_boxes(root: Path) -> None:
    draws = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4), ("test", 5)):
        for i in range(count):
            image, label = (root / folder / split / f"{i}" for folder in ("images", "labels"))
            image.parent.mkdir(parents=True, exist_ok=True)
            label.parent.mkdir(parents=True, exist_ok=True)
            coarse = draws.integers(0, 256, (5, 7, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((90 + 13 * i, 120 - 11 * i)).save(f"{image}.png")
            width, height = draws.uniform(0.75, 1, 2)
            label.with_suffix(".txt").write_text(f"{i % 2} 0.5 0.5 {width:.3f} {height:.3f}\n")
    splits = "".join(f"{split}: images/{split}\n" for split in ("train", "val", "test"))
    (root / "data.yaml").write_text(f"{splits}names: [stamp, page]\n")


def _boxes_kept(arrays: Mapping[str, NDArray[Any]]) -> list[Numbers]:
    columns = [arrays["boxes"], arrays["scores"][:, None], arrays["labels"][:, None]]
    return [each.ravel() for each in np.split(np.concatenate(columns, axis=1), np.cumsum(arrays["count"])[:-1])]


def _boxes_line(line: Mapping[str, Any]) -> tuple[str, Numbers]:
    return line["file"], np.array([[*d["box"], d["confidence"], d["label"]] for d in line["detections"]]).ravel()


DETECTION = Subject(
    task="detection",
    draw=_draw_boxes,
    quick=(
        *("data=yolo", "data.root={data}", "data.image_size=64", "data.batch_size=4"),
        *("optimizer.nominal_batch=8", "task.min_confidence=1e-4"),
    ),
    still="augmentation=letterbox",
    sources={"documents": ()},
    test="images/test",
    image="images/train/3.png",
    kept=_boxes_kept,
    line=_boxes_line,
    loaded=lambda found: np.array([[*d.box, d.confidence, d.label] for d in found]).ravel(),
    predict=("confidence=0",),
    load={"confidence": 0},
    apart=1e-3,  # pixels
)

# ---- semantic segmentation: images of coarse patches, whose maps say which are dark, middling and light


def _draw_maps(root: Path) -> None:
    draws = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4), ("test", 5)):
        for i in range(count):
            image, mask = (root / folder / split / f"{i}.png" for folder in ("images", "masks"))
            coarse = draws.integers(0, 256, (5, 7), dtype=np.uint8)
            size = (90 + 13 * i, 120 - 11 * i)
            for path, pixels, method in (
                (image, np.repeat(coarse[..., None], 3, 2), Image.Resampling.BICUBIC),
                (mask, coarse // 86, Image.Resampling.NEAREST),
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).resize(size, method).save(path)
    (root / "classes.txt").write_text("dark\nmiddling\nlight\n")


def _shares_kept(arrays: Mapping[str, NDArray[Any]]) -> list[Numbers]:
    """What share of each test image was found to be of each class: all its pixels are of one in its map."""
    parts = (np.split(arrays[key], np.cumsum(arrays["count"])[:-1]) for key in ("cells", "pixels"))
    return [np.bincount(cells % 3, pixels, 3) / pixels.sum() for cells, pixels in zip(*parts, strict=True)]


SEMANTIC_SEGMENTATION = Subject(
    task="semantic_segmentation",
    draw=_draw_maps,
    quick=("data=masks", "data.root={data}", "data.image_size=64", "data.batch_size=4", "optimizer.lr=0.01"),
    still="augmentation=maps_none",
    sources={"tin200": ()},
    test="images/test",
    image="images/train/3.png",
    kept=_shares_kept,
    line=lambda line: (line["file"], np.array(list(line["shares"].values()))),
    loaded=lambda found: np.array(list(found.shares.values())),
    wide=("task.tile=0.25",),
    apart=1e-6,  # what a table rounds away
)

OWN = (CLASSIFICATION, DETECTION, SEMANTIC_SEGMENTATION)
