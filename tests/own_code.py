"""Runs of a network of one's own, as they are left by whoever made them and as they reach somebody else."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.composed import config
from tests.records import record
from tlbench.config import TrainConfig
from tlbench.config.hash import config_hash
from tlbench.networks.build import build_network
from tlbench.records.folder import BEST_CHECKPOINT
from tlbench.records.record import CodeRecord, DataRecord, Record, write_record
from tlbench.records.vouch import vouchers_for
from tlbench.system.voice import PRINTING, Voice
from tlbench.trust.loading import noting
from tlbench.trust.names import code_names

CLASSES = ("cat", "dog", "a, b")

NETS = """
from torch import nn

import sent_helper


class Small(nn.Module):
    def __init__(self, num_classes, width=4, **others):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.fc(sent_helper.pooled(self.conv(images)))
"""
HELPER = "def pooled(x):\n    return x.mean(dim=(2, 3))\n"
TRACE = "from pathlib import Path\nPath({trace!r}).touch()\n"
MODULES = ("sent_nets", "sent_helper", "sent_pkg", "sent_pkg.nets", "sent_space", "sent_space.nets", "sent_optional")
OWN = (
    "model.library=module",
    "model.name=small",
    "model.groups={body: [conv], head: [fc]}",
    "data.image_size=16",
    "trainer=cpu",
)


def write_nets(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sent_nets.py").write_text(NETS)
    (folder / "sent_helper.py").write_text(HELPER)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of its own: nothing of these was imported."""
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)


def own_config(*overrides: str) -> TrainConfig:
    given = ("model.import_path=sent_nets:Small", *overrides)
    return config(*OWN, *given)


def draw_own_run(folder: Path, *overrides: str, **changed: Any) -> Record:
    """A complete run of `sent_nets:Small`, with what a run keeps of its code; the network is not trained."""
    drawn = own_config(*overrides)
    names = code_names(drawn)
    with noting(names) as files:
        network = build_network(drawn.model, len(CLASSES), drawn.seeds.init, drawn.data.input_size)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"network.{key}": value for key, value in network.module.state_dict().items()}
    torch.save({"state_dict": weights}, folder / BEST_CHECKPOINT)
    return write_own_record(folder, drawn, CodeRecord(files=files), **changed)


def write_own_record(
    folder: Path,
    drawn: TrainConfig,
    code: CodeRecord | None,
    voice: Voice = PRINTING,
    **changed: Any,
) -> Record:
    data = DataRecord(name="digits", class_names=list(CLASSES), split_rule={}, fingerprints={})
    made = record(config=drawn.model_dump(mode="json"), data=data, code=code, **changed)
    made.volatile.vouchers = vouchers_for(drawn, code, voice)
    write_record(folder, made)
    return made


def draw_sent_run(folder: Path, import_path: str, arguments: dict[str, Any] | None = None, **changed: Any) -> None:
    """A complete run as somebody sent it, whose record names code; nothing of it is ever built here."""
    drawn = own_config()
    values = drawn.model_dump(mode="json")
    values["model"] |= {"import_path": import_path, "arguments": arguments or {}}
    data = DataRecord(name="digits", class_names=list(CLASSES), split_rule={}, fingerprints={})
    made = record(**{"config": values, "data": data, **changed})
    write_record(folder, made)
    (folder / BEST_CHECKPOINT).touch()


def code_of(*modules: str) -> CodeRecord:
    """As if these modules of the working folder had run as they are now."""
    return CodeRecord(files={m: hashlib.sha256(Path(f"{m}.py").read_bytes()).hexdigest() for m in modules})


def edited(folder: Path, edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Change a record by hand, as whoever sends a folder can, its hash as well."""
    path = folder / "record.json"
    content: dict[str, Any] = json.loads(path.read_text())
    edit(content)
    content["config_hash"] = config_hash(content["config"])
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return content
