"""Who a process is, in words that another one can check: whether it lives still, or whether that cannot be told."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ProcessIdentity(BaseModel):
    """A process of some machine.

    Attributes:
        host: The machine's name.
        machine: A hash that tells machines of one name apart; null where the system has no id.
        boot: The kernel's id of this start of the machine; null where there is none (not Linux).
        namespace: In which process ids count; containers have one of their own.
        pid: The process id in it.
        started: When it began, in the kernel's clock ticks since the start of the machine: no two processes of one
            id have it in common. Null where it cannot be told.
    """

    model_config = ConfigDict(frozen=True)

    host: str = Field(max_length=256)
    machine: str | None = Field(None, max_length=64)
    boot: str | None = Field(None, max_length=64)
    namespace: str | None = Field(None, max_length=64)
    pid: int = Field(ge=1, lt=2**31)
    started: int | None = Field(None, ge=0)

    @classmethod
    def own(cls) -> ProcessIdentity:
        """That of the calling process."""
        pid = os.getpid()
        machine = _read("/etc/machine-id")
        try:
            namespace = str(Path("/proc/self/ns/pid").readlink())
        except OSError:
            namespace = None
        return cls(
            host=platform.node(),
            machine=None if machine is None else hashlib.sha256(b"tlbench" + machine.encode()).hexdigest()[:16],
            boot=_read("/proc/sys/kernel/random/boot_id"),
            namespace=namespace,
            pid=pid,
            started=_stat(pid)[1],
        )

    def is_here(self) -> bool:
        """Whether its process id means something to the calling process: same start of the machine, same namespace."""
        here = ProcessIdentity.own()
        same_boot = self.boot == here.boot and (self.boot is not None or self._is_on_machine_of(here))
        return same_boot and self.namespace == here.namespace

    def lives(self) -> bool | None:
        """Whether the process has not ended; None where it cannot be told from here."""
        here = ProcessIdentity.own()
        if self._is_on_machine_of(here) and None not in (self.boot, here.boot) and self.boot != here.boot:
            return False
        if not self.is_here() or os.name != "posix":
            return None
        state, started = _stat(self.pid)
        if None not in (started, self.started):
            return started == self.started and state not in ("Z", "X")  # ended, though nobody has asked how
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # another user's, whose start a mount of /proc may hide
            pass
        return None

    def _is_on_machine_of(self, other: ProcessIdentity) -> bool:
        return (self.host, self.machine) == (other.host, other.machine)


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _stat(pid: int) -> tuple[str | None, int | None]:
    """State and start of a process, as Linux tells them."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[19])
    except (OSError, IndexError, ValueError):
        return None, None
