"""Runs of several processes with the tiny network, and what each process saw.

The first process is the test's own where nothing else is needed: it has imported everything already.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.commands import TINY

ROOT = Path(__file__).parents[1]
LOG, ACT = "TEST_LOG", "TEST_ACT"

DDP = (
    *TINY,
    "trainer=ddp",
    "trainer.accelerator=cpu",
    "source=random",
    "data.shots=3",
    "logger.tensorboard=false",
    "strategy=gradual_unfreezing",
    "strategy.stages=[[head],[layer4],['layer[1-3]',stem]]",
    "trainer.max_epochs=3",
    "optimizer.lr=0.01",
    "augmentation.brightness=0.3",
)
"""Three epochs of three steps, a stage each."""

SITECUSTOMIZE = """
import sys
from importlib.machinery import PathFinder

class Patched:
    def find_spec(self, name, path, target=None):
        if name != "tlbench.runs.run":
            return None
        spec = PathFinder.find_spec(name, path, target)
        execute = spec.loader.exec_module
        def patched(module):
            execute(module)
            from tests.several import install
            install(setattr)
        spec.loader.exec_module = patched
        return spec

sys.meta_path.insert(0, Patched())
"""
"""Patches a started process when it has imported what is patched, not before."""


def install(set_attribute: Callable[[Any, str, Any], None]) -> None:
    """The tiny network; every step and stage is noted in `$TEST_LOG/<rank>`; `$TEST_ACT` may strike."""
    from tests.tiny_network import tiny_network
    from tlbench.adaptation.freezing import group_hash
    from tlbench.callbacks.freezing_audit import FreezingAudit
    from tlbench.networks import build as catalog
    from tlbench.processes.rank import process_rank
    from tlbench.tasks.classification.task import ClassificationTask

    rank = process_rank()
    training_step, end_stage = ClassificationTask.training_step, FreezingAudit._end_stage

    def note(**what: Any) -> None:
        with (Path(os.environ[LOG]) / str(rank)).open("a") as file:
            file.write(json.dumps(what) + "\n")

    def watched_step(self: Any, batch: Any, batch_idx: int) -> Any:
        note(step=self.global_step, index=batch[2].tolist(), pid=os.getpid())
        act = os.environ.get(ACT, "").split(":")
        if act[:2] == [str(rank), str(self.global_step)]:
            _act(act[2])
        return training_step(self, batch, batch_idx)

    def watched_stage(self: Any, network: Any) -> None:
        note(stage=self._stage, hashes={g: group_hash(network, g) for g in network.groups}, frozen=list(self.hashes))
        end_stage(self, network)

    set_attribute(ClassificationTask, "training_step", watched_step)
    set_attribute(FreezingAudit, "_end_stage", watched_stage)
    set_attribute(catalog, "NETWORKS", {"resnet18": tiny_network})


def _act(what: str) -> None:
    if what == "raise":
        raise ZeroDivisionError("drawn for a test")
    os.kill(os.getpid(), getattr(signal, what))


@dataclass
class Seen:
    """What the processes noted, by rank.

    Attributes:
        steps: Rank → optimizer step → indices of its samples.
        stages: Rank → stage → layer group → hash at the stage's end.
        frozen: Stage → the layer groups that were frozen in it.
        pids: Of all processes.
    """

    steps: dict[int, dict[int, list[int]]] = field(default_factory=lambda: defaultdict(dict))
    stages: dict[int, dict[int, dict[str, str]]] = field(default_factory=lambda: defaultdict(dict))
    frozen: dict[int, list[str]] = field(default_factory=dict)
    pids: set[int] = field(default_factory=set)


class Several:
    """Prepares processes to be watched.

    Args:
        monkeypatch: Undoes it.
        folder: A new folder.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.monkeypatch, self.folder = monkeypatch, folder
        patches = folder / "patches"
        patches.mkdir()
        (patches / "sitecustomize.py").write_text(SITECUSTOMIZE)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(patches), str(ROOT)]))
        for name in ("TORCH_CPP_LOG_LEVEL", "GLOO_SOCKET_IFNAME"):
            monkeypatch.delenv(name, raising=False)  # set by an earlier run in this process
        self.watch("log")

    def watch(self, name: str, act: str = "") -> Path:
        """Let the processes of the next run note what they see in a new folder, and one of them act."""
        log = self.folder / name
        log.mkdir()
        self.monkeypatch.setenv(LOG, str(log))
        self.monkeypatch.setenv(ACT, act)
        return log

    def seen(self) -> Seen:
        """What the processes of the last run noted."""
        seen = Seen()
        for file in Path(os.environ[LOG]).iterdir():
            rank = int(file.name)
            for line in map(json.loads, file.read_text().splitlines()):
                if "step" in line:
                    assert line["step"] not in seen.steps[rank]
                    seen.steps[rank][line["step"]] = line["index"]
                    seen.pids.add(line["pid"])
                else:
                    seen.stages[rank][line["stage"]] = line["hashes"]
                    seen.frozen[line["stage"]] = line["frozen"]
        return seen


def alive(pids: set[int]) -> set[int]:
    """Those of the processes that do not end (one that has, may be left for init to collect), but for this one."""
    return {pid for pid in pids - {os.getpid()} if not _ends(pid)}


def _ends(pid: int) -> bool:
    try:
        if sys.platform != "linux":
            os.kill(pid, 0)
            return False
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 20)[0])
    finally:
        os.close(descriptor)


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
