"""Callbacks of the user's own, and what of the user's own code a record keeps."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping

import torch
from lightning.pytorch import Callback

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.records.record import CodeRecord
from tlbench.system.exceptions import in_a_few_words
from tlbench.tasks.outside import OutsideTask, outside_tasks
from tlbench.tasks.registry import built_in
from tlbench.trust.names import code_names, own_codes
from tlbench.trust.own import imported, own
from tlbench.trust.packages import distribution_of, package_files


def own_callbacks(config: TrainConfig) -> list[Callback]:
    """Those of `callbacks.own`, in their order.

    Raises:
        ConfigError: One cannot be built or is no callback; two keep their states under one key.
    """
    codes = own_codes(config.callbacks.own, "callbacks.own")
    found = [own(code, Callback, "lightning.pytorch.Callback") for code in codes.values()]
    twice = [key for key, count in Counter(callback.state_key for callback in found).items() if count > 1]
    if twice:
        raise ConfigError(
            f"callbacks.own: two keep their states under {twice[0]!r}; give each a state_key of its own, so that both "
            "can be resumed"
        )
    for name, callback in zip(codes, found, strict=True):
        _check_state(name, callback)
    return found


def _check_state(name: str, callback: Callback) -> None:
    """Refuse a state that no checkpoint could be read back with."""
    content = io.BytesIO()
    try:
        torch.save(callback.state_dict(), content)
        content.seek(0)
        torch.load(content, weights_only=True)
    except Exception as error:
        raise ConfigError(
            f"callbacks.own.{name}: its state_dict() cannot be kept in a checkpoint ({in_a_few_words(error)}), which "
            "holds tensors, numbers, texts, lists and mappings of these; let it give such"
        ) from error


def import_own_code(config: TrainConfig) -> None:
    """Import all code that a configuration names, before anything is built with it.

    Raises:
        ConfigError: Some cannot be imported.
    """
    for name in code_names(config):
        imported(name)


def code_record(config: TrainConfig, files: Mapping[str, str]) -> CodeRecord | None:
    """What ran beside tlbench; None: nothing of the user's own.

    Args:
        config: The run's configuration.
        files: Module → SHA-256 of those that its named code loaded, see `tlbench.trust.loading.noting`.
    """
    names, task = code_names(config), outside_tasks(built_in()).tasks.get(config.task.name)
    if not names and task is None:
        return None
    found = [distribution_of(name.module) for name in names]
    of_task = {} if task is None else package_files(task.path.partition(":")[0])
    return CodeRecord(
        files={**files, **of_task}, distributions=dict(sorted({*filter(None, (*found, _distribution(task)))}))
    )


def _distribution(task: OutsideTask | None) -> tuple[str, str] | None:
    if task is None:
        return None
    return distribution_of(task.path.partition(":")[0], task.distribution)
