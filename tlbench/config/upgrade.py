"""Configurations of older versions: what a key that they lack meant then, and where a key has moved since.

Records live long, and every version adds keys. A key that a stored configuration lacks gets the value with which this
version does what that one did. Whoever adds a key to the schema adds it here; a test fails where one was forgotten.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tlbench.config.added import Added
from tlbench.tasks.registry import built_in, specs, why_unknown

TO_FORMAT_1 = (
    Added("checkpoint", None),
    Added("plan", False),
    Added("test", True),
    Added("tune", None),
    Added("tuning.trials", 10),
    Added("tuning.seed", 0),
    Added("tuning.max_epochs", None),
    Added("tuning.ranges.optimizer.lr", [1.0e-5, 0.1]),
    Added("tuning.ranges.optimizer.weight_decay", [1.0e-6, 0.5]),
    Added("task.name", next(spec.name for spec in built_in().values() if spec.was_the_only_one)),
    Added("data.classes", None),
    Added("data.cache", "memory"),
    Added("data.memory_budget_mb", 2048),
    Added("data.workers", 0),
    Added("data.max_unreadable", 0),
    Added("data.min_images_per_class", 10),
    Added("data.limits.max_classes", 100_000),  # there were no limits; those of today refuse, and change nothing else
    Added("data.limits.max_image_megapixels", 128.0),
    Added("data.limits.max_label_mb", 16.0),
    Added("data.limits.max_annotations_gb", 8.0),
    Added("model.library", "torchvision"),
    Added("model.import_path", None),
    Added("model.arguments", {}),
    Added("model.groups", None),
    Added("model.norm", "batch"),
    Added("source.tag", None),
    Added("strategy.lr_scales", None),
    Added("regulariser.name", "none"),
    Added("regulariser.l2_sp", 0.0),
    Added("regulariser.l2_sp_head", 0.0),
    Added("regulariser.bss", 0.0),
    Added("regulariser.bss_k", 1),
    Added("optimizer.final_lr", None),
    Added("optimizer.warmup_momentum", None),
    Added("optimizer.nominal_batch", None),
    Added("optimizer.clip_norm", None),
    Added("trainer.devices", 1),
    Added("trainer.compile", False),
    Added("trainer.sync_batchnorm", False),
    Added("callbacks.monitor", None),
    Added("callbacks.checkpoint.every_n_epochs", 1),
    Added("callbacks.checkpoint.every_n_minutes", None),
    Added("callbacks.freeze_batch_norm", None),
    Added("callbacks.ema_decay", None),
    Added("callbacks.ema_tau", None),
    Added("logger.wandb", None),
    Added("logger.mlflow", None),
)
"""Keys of all tasks that came while the record's format was 1; those of one task stand in its spec."""

TO_FORMAT_2: tuple[Added, ...] = (
    Added("model.decoder", None),
    Added("source.entry", None),
    Added("source.prefix", None),
    Added("data.decode", "fast"),
    Added("data.pixel_range", None),
    Added("data.import_path", None),
    Added("data.arguments", {}),
    Added("augmentation.own", None),
    Added("loss.name", "task"),
    Added("loss.import_path", None),
    Added("loss.arguments", {}),
    Added("metrics", {}),
    Added("optimizer.import_path", None),
    Added("optimizer.arguments", {}),
    Added("trainer.extra", {}),
    Added("callbacks.own", {}),
    Added("logger.own", {}),
    Added("statistics.margin", None),
    Added("data.draw", "position"),
    Added("data.group", None),
    Added("data.folds", None),
    Added("data.repeat", 1),
    Added("trainer.max_time_s", None),
    Added("vary", None),
)
"""Keys that came since the record's format is 2. At these values they are left out of the configuration's hash, which
so stays what it was before they came: checkpoints, searches and loggers' ids of before go on to count.
"""


def upgraded(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration as this version has it; of any age, and unchanged where nothing is missing.

    Args:
        config: As a record holds it, nested.
    """
    new: dict[str, Any] = copy.deepcopy(dict(config))
    _move(new)
    for added in TO_FORMAT_1:
        _add(new, added)
    spec = specs().get(str(_value(new, "task.name")))
    for added in (*(spec.added if spec else ()), *TO_FORMAT_2):
        _add(new, added)
    return new


def absent_task(config: Mapping[str, Any]) -> str | None:
    """Why the task of a stored configuration cannot be used here; None where it can."""
    name = _value(config, "task.name")
    return f"of task {name!r}: {why_unknown(name)}" if isinstance(name, str) and name not in specs() else None


def unchanged(flat: Mapping[str, Any]) -> set[str]:
    """The dotted keys of a flat configuration that came with format 2 and still have their value of before."""
    return {added.key for added in TO_FORMAT_2 if added.key in flat and flat[added.key] == added.value}


def _move(config: dict[str, Any]) -> None:
    """Bring keys to where they are today."""
    data, trainer = config.get("data"), config.get("trainer")
    if isinstance(data, dict) and isinstance(data.get("augmentation"), dict) and "augmentation" not in config:
        augmentation = data.pop("augmentation")
        varied = "crop_flip" if augmentation.get("flip") else "crop" if any(augmentation.values()) else "none"
        config["augmentation"] = {"name": varied, **augmentation}
    if isinstance(trainer, dict) and trainer.get("max_steps", 0) is None:
        del trainer["max_steps"]
    tuning = config.get("tuning")
    ranges = tuning.get("ranges") if isinstance(tuning, dict) else None
    if isinstance(ranges, dict):
        for key in [key for key in ranges if key.startswith("optimizer.")]:
            inside = ranges.setdefault("optimizer", {})
            inside[key.removeprefix("optimizer.")] = ranges.pop(key)


def _add(config: dict[str, Any], added: Added) -> None:
    """Give a key the value of before, where it belongs and is not there."""
    if not all(_value(config, key) in values for key, values in added.only.items()):
        return
    *groups, last = added.key.split(".")
    node: Any = config
    for name in groups:
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            return  # a group that is null or one value, which has no keys
    node.setdefault(last, copy.deepcopy(added.value))


def _value(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node
