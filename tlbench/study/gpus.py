"""Which GPU each of several runs at a time gets, so that they do not all land on the first."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from tlbench.config import TrainConfig

VISIBLE = "CUDA_VISIBLE_DEVICES"

_TOOL = "nvidia-smi"
_ANSWERS_WITHIN_S = 30.0
_IDENTIFIER = re.compile(r"UUID:\s*((?:GPU|MIG)-[^)\s]+)\)")
_NAME = re.compile(r"[0-9]+|(?:GPU|MIG)-.+")


def gpus_of(config: TrainConfig) -> int:
    """How many GPUs a run takes, where there are any."""
    return 0 if config.trainer.accelerator == "cpu" else config.trainer.devices


def visible_gpus(environment: Mapping[str, str]) -> list[str]:
    """The NVIDIA GPUs that a process of this environment sees, as `CUDA_VISIBLE_DEVICES` may name them.

    What that variable names already is taken from it, as far as the driver's tool, where there is one, knows of it;
    else the tool's identifiers, which mean the same in any order of devices. torch, which could tell as well, takes
    seconds to import and is not asked.

    Args:
        environment: Variables, as in `os.environ`.

    Returns:
        Nothing where there is no such GPU, or where that cannot be told.
    """
    listed = _listed(environment)
    given = environment.get(VISIBLE)
    if given is None:
        return _parts(listed or [])
    names = [name.strip() for name in given.split(",")]
    end = next((n for n, name in enumerate(names) if not _is_gpu(name, listed)), len(names))
    named = names[:end]  # as CUDA reads it: what is no device, such as -1, ends the list; one named twice empties it
    return named if len(set(named)) == len(named) else []


class GpuPool:
    """Hands out GPUs to runs, the least used ones first, and takes them back.

    Args:
        gpus: All there are, as `CUDA_VISIBLE_DEVICES` names them.
    """

    def __init__(self, gpus: Sequence[str]) -> None:
        self._runs = dict.fromkeys(gpus, 0)

    def take(self, count: int) -> list[str]:
        """GPUs for a run that takes `count` of them; none where it takes none, or more than there are."""
        if not 0 < count <= len(self._runs):
            return []
        least_used = sorted(self._runs, key=self._runs.__getitem__)[:count]
        for gpu in least_used:
            self._runs[gpu] += 1
        return [gpu for gpu in self._runs if gpu in least_used]  # in the order that they have, whoever ended first

    def give_back(self, gpus: Sequence[str]) -> None:
        """A run that had them has ended."""
        for gpu in gpus:
            self._runs[gpu] -= 1

    def is_shared(self, gpus: Sequence[str]) -> bool:
        """Whether another run uses one of them, too."""
        return any(self._runs[gpu] > 1 for gpu in gpus)

    def __len__(self) -> int:
        return len(self._runs)


def _listed(environment: Mapping[str, str]) -> list[str] | None:
    """Identifiers of all GPUs of the machine, each followed by those of its parts (MIG); None: nobody can tell."""
    tool = shutil.which(_TOOL, path=environment.get("PATH"))
    if tool is None:
        return None
    try:
        answer = subprocess.run(
            [tool, "-L"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return _IDENTIFIER.findall(answer.stdout) if answer.returncode == 0 else None


def _parts(listed: Sequence[str]) -> list[str]:
    """The parts in place of a GPU that is divided."""
    followed_by = zip(listed, [*listed[1:], ""], strict=False)
    return [name for name, after in followed_by if not (name.startswith("GPU-") and after.startswith("MIG-"))]


def _is_gpu(name: str, listed: Sequence[str] | None) -> bool:
    if not _NAME.fullmatch(name):
        return False
    if listed is None:
        return True
    if name.isdecimal():
        return int(name) < sum(gpu.startswith("GPU-") for gpu in listed)
    return any(gpu.startswith(name) for gpu in listed) or name.startswith("MIG-GPU-")  # an older form of a part's name
