"""The folder of a complete run that was never trained: random weights, and what its record must hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.composed import config
from tests.records import record
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.networks.build import build_network
from tlbench.records.folder import BEST_CHECKPOINT
from tlbench.records.record import DataRecord, read_record, write_record
from tlbench.system.hashing import file_sha256

NAMES = ("cat", "dog", "a, b")


def draw_run(folder: Path, *overrides: str, names: tuple[str, ...] = NAMES, **changed: Any) -> TrainConfig:
    """Write record and checkpoint; returns the configuration.

    Args:
        folder: The run's.
        overrides: As `tests.composed.config` takes them; those of detection as the command line does.
        names: The classes.
        changed: Fields of the record.
    """
    given = ("trainer=cpu", *overrides)
    drawn = compose_config(given) if "task=detection" in overrides else config(*given)
    network = build_network(drawn.model, len(names), drawn.seeds.init, drawn.data.input_size)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"network.{key}": value for key, value in network.module.state_dict().items()}
    torch.save({"state_dict": weights}, folder / BEST_CHECKPOINT)
    data = DataRecord(name=drawn.data.name, class_names=list(names), split_rule={}, fingerprints={}, pixel_ranges={})
    write_record(folder, record(**{"config": drawn.model_dump(mode="json"), "data": data, **changed}))
    name_checkpoint(folder)
    return drawn


def name_checkpoint(folder: Path) -> None:
    """Let the record name the checkpoint that lies there, as if the run had written it."""
    drawn = read_record(folder)
    assert drawn is not None
    files = {BEST_CHECKPOINT: file_sha256(folder / BEST_CHECKPOINT)}
    write_record(folder, drawn.model_copy(update={"files": files}))
