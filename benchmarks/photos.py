"""Training on large photos, decoded by workers in each epoch, against torchvision: `python -m benchmarks.photos`.

200 photos of 12 megapixels are drawn. tlbench trains on them with `data.cache=none`; the baseline is torchvision's
ImageFolder with RandomResizedCrop, flip, ToTensor and Normalize in a DataLoader with as many workers, around a bare
training loop. Both are measured in turn, epoch by epoch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.bare_loop import PlainTraining, new_network
from benchmarks.pairs import InTurn, ratio
from benchmarks.pipeline import build
from benchmarks.worker_loop import available_cores
from tlbench.annotations.labels.config import LabelAugmentation, LabelDataConfig
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.data.open import open_target

CLASSES = 4
TARGET = 1.0


class ImageFolderLoop:
    """Plain training fed by torchvision's ImageFolder and a DataLoader."""

    def __init__(self, config: TrainConfig, root: Path, device: torch.device, workers: int) -> None:
        self.name = f"ImageFolder and {workers} workers"
        self.training = PlainTraining(config, new_network(config, CLASSES), device)
        assert isinstance(config.augmentation, LabelAugmentation)
        c, crop = config.data, config.augmentation.resized_crop
        assert crop is not None
        transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(c.image_size, tuple(crop.scale), tuple(crop.ratio)),
                transforms.RandomHorizontalFlip(config.augmentation.flip),
                transforms.ToTensor(),
                transforms.Normalize(c.normalisation.mean, c.normalisation.std),
            ]
        )
        self.loader = DataLoader(
            ImageFolder(str(root), transform),
            c.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=True,
            pin_memory=device.type == "cuda",
        )

    def epoch(self) -> float:
        """Seconds for one epoch, from asking the workers for the first batch."""
        return self.training.train(self._batches())

    def _batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        device = self.training.device
        for images, labels in self.loader:
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


def draw(root: Path, count: int, width: int, height: int) -> int:
    """Draw photos (JPEG, quality 90): soft patches of colour, edges and fine grain; returns their bytes."""
    rng = np.random.default_rng(0)
    for i in range(count):
        folder = root / "train" / f"class{i % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        patches = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        photo = np.asarray(patches.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
        photo += np.asarray(patches.resize((width, height), Image.Resampling.NEAREST)).astype(np.int16) // 4
        grain = rng.normal(0, 6, (height // 2, width // 2)).astype(np.int16)
        photo += grain.repeat(2, axis=0).repeat(2, axis=1)[..., None]
        Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.jpg", quality=90)
    return sum(file.stat().st_size for file in root.rglob("*.jpg"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photos", description=__doc__)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=3, help="measurements of each (default 3)")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--workers", type=int, default=available_cores(), help="(default: all cores)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "photos"
        size = draw(root, options.photos, options.width, options.height)
        # a small val and test of their own, so that all photos are trained on
        for split in ("val", "test"):
            draw_few(root, split)
        print(f"{options.photos} photos of {options.width}×{options.height} pixels, {size / 2**20:.0f} MiB", flush=True)
        _measure(options, root, Path(scratch))
    return 0


def draw_few(root: Path, split: str) -> None:
    """Two small images a class."""
    for i in range(2 * CLASSES):
        folder = root / split / f"class{i % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), (i * 20, 0, 0)).save(folder / f"{i}.png")


def _measure(options: argparse.Namespace, root: Path, scratch: Path) -> None:
    config = compose_config(
        [
            "data=image_folder",
            f"data.root={root}",
            "data.cache=none",
            f"data.workers={options.workers}",
            f"data.batch_size={options.batch}",
            f"data.image_size={options.image_size}",
            "augmentation=resized_crop",
            "source=random",
            f"trainer={'gpu' if options.device == 'cuda' else 'cpu'}",
            f"trainer.max_epochs={options.pairs + 1}",
        ]
    )
    device = torch.device(options.device)
    loop = ImageFolderLoop(config, root / "train", device, options.workers)
    images = options.photos // options.batch * options.batch

    def say(number: int, seconds: Mapping[str, float]) -> None:
        rates = ", ".join(f"{name} {images / s:.1f}" for name, s in seconds.items())
        print(f"{f'pair {number}' if number else 'warm-up, not counted'}: {rates} images/s", flush=True)

    in_turn = InTurn([loop], say)
    assert isinstance(config.data, LabelDataConfig)
    build(config, open_target(config.data, config.seeds.split), scratch / "run").fit(in_turn)
    print(ratio(in_turn.pairs, loop.name, images, TARGET).line())


if __name__ == "__main__":
    sys.exit(main())
