"""Whether images that a run is evaluated on may be among those that it was trained on."""

from __future__ import annotations

import os

from tlbench.config import TrainConfig
from tlbench.console import warn
from tlbench.records.evaluation import EvaluatedData
from tlbench.tools.complete_run import CompleteRun


def seen_in_training(run: CompleteRun, config: TrainConfig, data: EvaluatedData) -> list[str]:
    """A warning, said already, where the run may have been trained on some of the images; else none.

    It goes by where they lie: copies of the training images in other places are not found.

    Args:
        run: The run.
        config: Its configuration, with the data that it is evaluated on.
        data: Those of them that it is evaluated on.
    """
    own, parts = run.config.data, config.data
    if data.split == "train" or own.name != parts.name or _place(own.root) != _place(parts.root):
        return []
    if data.split == "all":
        warning = "all: the images that the run was trained on are among them"
    elif data.own or config == run.config:
        return []
    else:
        fractions = ("val_fraction", "test_fraction", "fraction", "shots")
        keys = (*fractions, "classes", "split", "pages", "draw", "group", "folds")
        changed = [key for key in keys if getattr(own, key, None) != getattr(parts, key, None)]
        how = f" (not by its {', '.join(f'data.{key}' for key in changed)})" if changed else ""
        warning = f"{data.split}: another split of the run's own data{how}; it may have been trained on some of them"
    warn(warning)
    return [warning]


def _place(root: str | None) -> str | None:
    return None if root is None else os.path.realpath(os.path.expanduser(root))  # noqa: PTH111 (an unknown user)
