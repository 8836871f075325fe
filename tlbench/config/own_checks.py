"""What is wrong with what a configuration names of the user's own, and with further flags of the Trainer."""

from __future__ import annotations

import difflib

from tlbench.config import TrainConfig
from tlbench.config.code import IMPORT_PATH
from tlbench.config.trainer_flags import ALLOWED, REFUSED
from tlbench.errors import did_you_mean
from tlbench.tasks.registry import data_option, spec_named


def own_problems(config: TrainConfig) -> list[str]:
    """One line for each: key, value, what is allowed."""
    return [*_of_data(config), *_of_loss(config), *_of_metrics(config), *_of_trainer(config)]


def _of_data(config: TrainConfig) -> list[str]:
    c, by_code = config.data, data_option(config.data).by_code
    if by_code and (c.import_path is None or not IMPORT_PATH.fullmatch(c.import_path)):
        given = "null" if c.import_path is None else repr(c.import_path)
        return [
            f"data.import_path={given}: name what gives the data as package.module:Name, such as my_data:photos for "
            "photos in my_data.py of the working folder"
        ]
    if not by_code and c.import_path is not None:
        return [f"data.import_path={c.import_path!r}: data={c.name} are not given by code; use data=module or the like"]
    return []


def _of_loss(config: TrainConfig) -> list[str]:
    c = config.loss
    if c.import_path is None:
        problems = []
        if c.name != "task":
            problems.append(f"loss.name={c.name!r}: names one of your own; give loss.import_path=…, or loss=task")
        if c.arguments:
            problems.append(f"loss.arguments={c.arguments!r}: the task's own takes none; use {{}}, or loss=module")
        return problems
    if not IMPORT_PATH.fullmatch(c.import_path):
        return [f"loss.import_path={c.import_path!r}: write package.module:Name, such as torch.nn:CrossEntropyLoss"]
    if c.name == "task":
        return [f"loss.import_path={c.import_path!r} with loss.name=task: choose it as loss=module, and give it a name"]
    return []


def _of_metrics(config: TrainConfig) -> list[str]:
    own = {metric.name for metric in spec_named(config.task.name).metrics}
    return [
        f"metrics.{name}: the task has a metric of this name; give yours another, such as own_{name}"
        for name in config.metrics
        if name in own
    ]


def _of_trainer(config: TrainConfig) -> list[str]:
    problems = []
    for flag, value in config.trainer.extra.items():
        if flag in REFUSED:
            problems.append(f"trainer.extra.{flag}={value!r}: not to be given, as {REFUSED[flag]}")
        elif flag not in ALLOWED:
            close = difflib.get_close_matches(flag, ALLOWED, n=1)
            problems.append(
                f"trainer.extra.{flag}={value!r}: Lightning's Trainer has no such flag{did_you_mean(close)}; there are "
                f"{', '.join(sorted(ALLOWED))}"
            )
    return problems
