"""Key points in tlbench's contract suite (`tests/contract/` of its repository), which asks for it by an entry point."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from tests.contract.subject import Subject
from tlbench_keypoints.figures import POINTS, figure
from tlbench_keypoints.names import coordinates


def draw_photos(root: Path, parts: tuple[tuple[str, int], ...] = (("train", 8), ("val", 4), ("test", 5))) -> None:
    """Figures as files below a folder, in a folder for each part, and `points.csv`, which lists them."""
    number = 0
    with (root / "points.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "split", *coordinates(POINTS)])
        for part, count in parts:
            (root / part).mkdir()
            for i in range(count):
                pixels, points = figure(1000 + number)
                number += 1
                Image.fromarray(pixels).save(root / part / f"{i}.png")
                inside = ((points >= 0) & (points <= np.array(pixels.shape[1::-1]))).all(1)
                cells = [
                    f"{value:.2f}" if seen else "" for xy, seen in zip(points, inside, strict=True) for value in xy
                ]
                table.writerow([f"{part}/{i}.png", part, *cells])


SUBJECT = Subject(
    task="keypoints",
    draw=draw_photos,
    quick=(
        *("data=points_csv", "data.root={data}/points.csv", "data.image_size=64", "data.batch_size=4"),
        "optimizer.lr=0.01",
    ),
    still="augmentation=points_plain",
    sources={"tin200": ()},
    test="test",
    image="train/3.png",
    kept=lambda arrays: [each.ravel() for each in arrays["points"]],
    line=lambda line: (line["file"], np.array(list(line["points"].values())).ravel()),
    loaded=lambda found: np.array([[point.x, point.y] for point in found]).ravel(),
    apart=1e-3,  # pixels
)
