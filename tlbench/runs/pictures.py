"""What every run shows in its folder, whatever its task: its curves, its first training batch, examples of its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlbench.data.samples import Samples
from tlbench.data.target_module import TargetModule
from tlbench.pictures.curves import Rows, curves_figure
from tlbench.pictures.figures import picture
from tlbench.records.folder import BATCH_PICTURE, CURVES_PICTURE
from tlbench.records.record import BestRecord
from tlbench.records.thumbnails import EXAMPLES, fixed_order, write_thumbnails
from tlbench.system.atomic import write_atomic
from tlbench.tasks.spec import TaskSpec

_LOOKED_AT = 1000
"""Images among which examples are chosen."""


def show_training(folder: Path, rows: Rows, best: BestRecord, spec: TaskSpec, title: str) -> dict[str, str]:
    """Draw a run's curves.

    Args:
        folder: The run's.
        rows: An epoch each.
        best: The best one.
        spec: Says which metrics are shown in percent.
        title: What the run is.

    Returns:
        `curves`, and `training_batch`, which training has drawn → file name.

    Raises:
        OutputError: The disk refuses.
    """
    metric = best.monitor.partition("/")[2]
    percent = any(each.percent for each in spec.metrics if each.name == metric)
    figure = curves_figure(rows, best.monitor, best.epoch, percent=percent, title=title)
    write_atomic(folder / CURVES_PICTURE, picture(figure))
    drawn = {"training_batch": BATCH_PICTURE} if (folder / BATCH_PICTURE).exists() else {}
    return {"curves": CURVES_PICTURE, **drawn}


def keep_examples(folder: Path, module: TargetModule) -> dict[str, str]:
    """Keep some training images in small, as they were read, with their annotations drawn on them or named.

    They are the same in every run of the same training split: of each class one, as far as there is room, then others.

    Returns:
        `thumbnails_train` → file name.

    Raises:
        OutputError: The disk refuses.
    """
    split = module.target.splits["train"]
    chosen = _examples(split)
    tiles = dict(zip(chosen, module.batches.examples(split, torch.tensor(chosen)), strict=True))
    legend = module.batches.examples_show
    labels = {i: tile.title for i, tile in tiles.items()}
    file = write_thumbnails(folder, "train", tiles, split.names, labels=labels, drawn=bool(legend), legend=legend)
    return {"thumbnails_train": file}


def _examples(split: Samples[Any]) -> list[int]:
    order = fixed_order(split.names, len(split))[:_LOOKED_AT]
    present = split.annotations.take(torch.tensor(order)).present().numpy()  # one read, however many images
    chosen, seen = list[int](), np.zeros(present.shape[1], dtype=bool)
    for i, classes in zip(order, present, strict=True):
        if (classes & ~seen).any():
            chosen.append(i)
            seen |= classes
    return list(dict.fromkeys([*chosen, *order]))[:EXAMPLES]
