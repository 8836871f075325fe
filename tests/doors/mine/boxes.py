from pathlib import Path

import numpy as np
from PIL import Image


class Yolo:
    """Images of a split with their boxes."""

    classes = ("stamp", "photo")

    def __init__(self, root: str, split: str, pixels: bool = False) -> None:
        self.files, self.pixels = sorted(Path(root, "images", split).iterdir()), pixels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int):
        path = self.files[i]
        image = Image.open(path)
        rows = path.parents[2] / "labels" / path.parent.name / f"{path.stem}.txt"
        numbers = [line.split() for line in rows.read_text().splitlines()] if rows.exists() else []
        boxes = []
        for _, x, y, w, h in numbers:
            x, y, w, h = float(x), float(y), float(w), float(h)
            corners = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
            boxes.append(corners * np.tile(image.size, 2))
        labels = [int(row[0]) for row in numbers]
        return image.convert("RGB") if self.pixels else path, {"boxes": boxes, "labels": labels}
