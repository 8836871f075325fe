"""The processes of one run: the first starts the others, tells them what to do, sees them fail, and ends them.

Lightning's own launcher starts the whole command again for each process and kills the first one, within seconds and
without a word, when another ends with an error. Here the others get the checked configuration, and what went wrong in
any of them is said once and is in the record.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError, UserError
from tlbench.processes.child import command_of
from tlbench.processes.rank import STORE_PORT, is_first_process, launched_by_torchrun, process_rank
from tlbench.processes.store import LOOPBACK, ORDER, open_store

_POLL_S = 0.05
_TELLS_WITHIN_S = 2.0
"""How long after a broken connection the process at its other end may take to say why, or to be gone."""
_NOTICES_WITHIN_S = 10.0
"""How long the first process may take to notice by itself that another failed; NCCL never does."""
_LEAVES_WITHIN_S = 60.0

_BROKEN_CONNECTION = re.compile(
    r"connection (was )?(closed|reset)|broken pipe|socket closed|remote process exited|\bNCCL\b|\bgloo\b", re.IGNORECASE
)


class ProcessLost(Exception):
    """Another process of the run failed or ended."""


class Team:
    """The processes of a run, seen from one of them. A run of one process is a team of one: nothing happens.

    Args:
        config: The run's configuration; `trainer.devices` says how many they are.
        folder: The run's folder.

    Raises:
        ConfigError: torchrun started another number of processes.
    """

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        self.size, self.rank = config.trainer.devices, process_rank()
        self._order = json.dumps({"config": config.model_dump(mode="json"), "folder": str(folder.absolute())})
        self._store: Store | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._left = threading.Event()
        self.on_loss: Callable[[str], None] = lambda _: None
        if launched_by_torchrun() and int(os.environ["WORLD_SIZE"]) != self.size:
            raise ConfigError(
                f"trainer.devices={self.size}: torchrun started {os.environ['WORLD_SIZE']} processes; use "
                f"trainer.devices={os.environ['WORLD_SIZE']}, or start the command without torchrun"
            )

    @property
    def starts_its_processes(self) -> bool:
        """Whether the first process starts the others; else torchrun does."""
        return self.size > 1 and not launched_by_torchrun()

    def assemble(self) -> None:
        """Start the others, or let those that wait begin, and wait until all are ready; the others say they are.

        Raises:
            ProcessLost: One failed before it was ready.
        """
        if self.size == 1 or self._store is not None:
            return
        if not is_first_process():
            self._store = open_store()
            self._store.set(f"ready/{self.rank}", "")
            return
        if launched_by_torchrun():
            self._store = open_store()
        else:
            self._store = TCPStore(LOOPBACK, 0, is_master=True, wait_for_workers=False)
            _bind_to_loopback()
            self._children = [self._start(rank, self._store.port) for rank in range(1, self.size)]
            threading.Thread(target=self._watch, daemon=True).start()
        self._store.set(ORDER, self._order)
        while not all(self._store.check([f"ready/{rank}"]) for rank in range(1, self.size)):
            loss = self._find_loss()
            if loss is not None:
                raise ProcessLost(loss)
            time.sleep(_POLL_S)

    def connect(self, backend: str, **options: Any) -> None:
        """Make the group in which torch's processes find one another."""
        if self._store is not None and not dist.is_initialized():
            store = PrefixStore("group", self._store)
            dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.size, **options)

    def cause(self, error: Exception) -> Exception:
        """Why an error came about, in the first process: a broken connection is the failure of another process."""
        broken = not isinstance(error, UserError) and _BROKEN_CONNECTION.search(str(error))
        if self._store is None or not broken:
            return error
        until = time.monotonic() + _TELLS_WITHIN_S
        while (loss := self._find_loss()) is None and time.monotonic() < until:
            time.sleep(_POLL_S)
        return error if loss is None else ProcessLost(loss)

    def leave(self, orderly: bool) -> None:
        """Part from the others; the first waits until those that it started have ended, or ends them.

        Args:
            orderly: Whether they come to their end by themselves.
        """
        self._left.set()
        if self._store is not None and dist.is_initialized() and (orderly or dist.get_backend() == "gloo"):
            dist.destroy_process_group()  # whoever waits for this process is told
        until = time.monotonic() + (_LEAVES_WITHIN_S if orderly else _TELLS_WITHIN_S)
        for child in self._children:
            try:
                child.wait(max(until - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            assert child.stdin is not None
            child.stdin.close()

    def _start(self, rank: int, port: int) -> subprocess.Popen[bytes]:
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": self.size, STORE_PORT: port}
        return subprocess.Popen(
            command_of("tlbench.runs.join"),
            env={**os.environ, **{key: str(value) for key, value in numbers.items()}},
            stdin=subprocess.PIPE,  # closes with this process, however it ends
            start_new_session=True,  # Ctrl-C reaches it through this process alone
        )

    def _find_loss(self) -> str | None:
        """What another process said before it failed, or how one ended."""
        store = self._store
        assert store is not None
        codes = [child.poll() for child in self._children]  # before the messages, which come before the end
        for rank in range(1, self.size):
            if store.check([f"error/{rank}"]):
                return f"process {rank} failed: {store.get(f'error/{rank}').decode()}"
        for rank, code in enumerate(codes, start=1):
            if code:
                return f"process {rank} " + (
                    f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
                )
        return None

    def _watch(self) -> None:
        """End this process where it waits for ever for one that failed."""
        while not self._left.wait(1.0):
            if any(child.poll() for child in self._children) and not self._left.wait(_NOTICES_WITHIN_S):
                self.on_loss(self._find_loss() or "another process ended")
                for child in self._children:
                    child.kill()
                os._exit(1)


def _bind_to_loopback() -> None:
    """All processes are on this machine: gloo needs no other interface, and no name of the machine that resolves."""
    names = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    if names:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", names[0])
