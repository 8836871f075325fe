from pathlib import Path

import numpy as np
from mine import boxes
from PIL import Image
from torch.utils.data import Dataset


class Folder(Dataset):
    """Images of a folder per class, as paths or as pixels."""

    def __init__(self, root: str, pixels: bool = False) -> None:
        self.classes = sorted(path.name for path in Path(root).iterdir())
        self.files = sorted(Path(root).glob("*/*"))
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int):
        path = self.files[i]
        image = np.asarray(Image.open(path).convert("RGB")) if self.pixels else path
        return image, self.classes.index(path.parent.name)


def splits(root: str, **options):
    """Of a folder per split."""
    return {split.name: Folder(str(split), **options) for split in Path(root).iterdir()}


def photos_with_boxes(root: str, pixels: bool = False):
    """A YOLO folder, read by hand."""
    return {split: boxes.Yolo(root, split, pixels) for split in ("train", "val")}
