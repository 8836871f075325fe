"""Detection as whole commands: YOLO11n on few small pages, and what its training saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.commands import Outcome, train
from tlbench.networks.layer_groups import YOLO11_CLASSES
from tlbench.tasks.detection.task import DetectionTask

SMALL = (
    "task=detection",
    "source=random",
    "trainer=cpu",
    "data.image_size=64",
    "data.batch_size=4",
    "trainer.max_epochs=2",
    "augmentation.close_mosaic=0.5",  # of two epochs the second is without mosaic
    "optimizer.nominal_batch=8",  # gradients of two batches a step
    "optimizer.warmup_epochs=1",
    "task.min_confidence=1e-4",  # so that weights that know nothing find something
    "logger.mistakes=0",
)
"""Two epochs of whatever data."""

PAGES = (*SMALL, "data.pages=24", "data.val_fraction=0.2", "data.test_fraction=0.25")
"""Of documents: 13 pages to train on, which are three batches, 5 to validate and 6 to test."""

STEPS = 3
"""Batches an epoch."""

BACKBONE = [f"backbone_{name}" for name in ("stem", "p2", "p3", "p4", "p5")]
NECK = ["neck_top_down", "neck_bottom_up"]
"""YOLO11n's layer groups below the head."""

QUIET = ("logger.tensorboard=false",)


@dataclass
class Fit:
    """A finished run, and of each training step images, objects' boxes, their images, samples and new weights."""

    folder: Path
    outcome: Outcome
    batches: list[tuple[Tensor, ...]] = field(default_factory=list)
    new: list[dict[str, Tensor]] = field(default_factory=list)
    backbone: list[Tensor] = field(default_factory=list)


class Watch:
    """Looks over the shoulder of each training step of the runs in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[tuple[Tensor, ...], dict[str, Tensor], Tensor]] = []
        original = DetectionTask.training_step

        def watched(task: Any, batch: Any, batch_idx: int) -> Tensor:
            images, targets, index = batch
            state = task.network.state_dict()
            new = {name: t.clone() for name, t in state.items() if name.startswith(YOLO11_CLASSES)}
            seen = tuple(t.clone() for t in (images, targets.boxes, targets.labels, targets.image, index))
            self.steps.append((seen, new, state["model.0.conv.weight"].clone()))
            return original(task, batch, batch_idx)

        monkeypatch.setattr(DetectionTask, "training_step", watched)

    def fit(self, folder: Path, *overrides: str) -> Fit:
        """Run the command."""
        self.steps.clear()
        outcome = train(*overrides, f"hydra.run.dir={folder}")
        return Fit(folder, outcome, *(list(column) for column in zip(*self.steps, strict=True)))


def draw_yolo(root: Path, images: int = 24, mess: bool = True) -> Path:
    """A YOLO folder of frames with one or two bright boxes on a dark ground, every sixth without any.

    Args:
        root: Gets images/train and labels/train, images/val and labels/val (a third of the images), data.yaml.
        images: How many.
        mess: Whether the first label files are as one finds them, in different ways.
    """
    generator = torch.Generator().manual_seed(1)
    for i in range(images):
        split, name = "val" if i % 3 == 2 else "train", f"frame_{i:03}"
        pixels = torch.randint(0, 60, (60, 96, 3), generator=generator, dtype=torch.uint8)
        rows = []
        for _ in range(0 if i % 6 == 5 else 1 + i % 2):
            x, y, w, h = (torch.rand(4, generator=generator) * torch.tensor([0.6, 0.6, 0.2, 0.2])).tolist()
            w, h = w + 0.2, h + 0.2
            pixels[int(60 * y) : int(60 * (y + h)), int(96 * x) : int(96 * (x + w))] = 220
            rows.append(f"{i % 2} {x + w / 2:.6f} {y + h / 2:.6f} {w:.6f} {h:.6f}")
        image, label = root / "images" / split / f"{name}.png", root / "labels" / split / f"{name}.txt"
        image.parent.mkdir(parents=True, exist_ok=True)
        label.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.numpy()).save(image)
        if rows:  # an image without objects has no label file
            label.write_text("\n".join(rows) + "\n")
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [stamp, photo]\n")
    if mess:
        labels = root / "labels" / "train"
        first = (labels / "frame_000.txt").read_text()
        (labels / "frame_000.txt").write_text(first + first)  # twice the same row
        (labels / "frame_001.txt").write_bytes(b"\r\n1 0.5 0.5 0.4 0.4\r\n\r\n1   0.2\t0.2 0.1 0.1  \r\n")
        (labels / "frame_003.txt").write_text("1 0.95 0.5 0.2 0.4\n")  # partly outside
        (labels / "frame_004.txt").write_text("0 0.5 0.5 0.3 0.3\n0 0.4 0.4 0 0.2\n")  # no area
        (labels / "frame_006.txt").write_text("")  # no objects
        (labels / "of_no_image.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    return root
