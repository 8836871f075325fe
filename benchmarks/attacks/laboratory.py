"""Where attacks happen: a scratch folder with the reference runs, and processes that work through a list of attacks."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.attacks import images
from benchmarks.attacks.attack import Attack, Place, Skipped
from benchmarks.attacks.command import Command, import_tools, run
from benchmarks.attacks.commands import IMAGES, reading, train


@dataclass(frozen=True)
class Verdict:
    """How an attack ended.

    Attributes:
        attack: Its number in the list.
        wrong: Why it was not survived; none: it was.
        skipped: Why it was not tried; None: it was.
        seconds: How long it took.
    """

    attack: int
    wrong: tuple[str, ...] = ()
    skipped: str | None = None
    seconds: float = 0.0


class Laboratory:
    """A scratch folder and the environment of every command.

    Nothing of the user's is read or written: home, settings, caches and temporary files lie in the scratch folder, and
    whatever would go to the network is sent to a port where nobody listens.

    Args:
        scratch: An empty folder.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.references = scratch / "references"
        os.environ.update(_environment(scratch))
        for name in ("home", "config", "cache", "modules", "temporary", "references"):
            (scratch / name).mkdir()
        shutil.copy(Path(__file__).with_name("tinynet.py"), scratch / "modules")
        sys.path[:] = [str(scratch / "modules"), *(place for place in sys.path if place and place != str(Path.cwd()))]
        self._add_repository()
        import_tools()

    @staticmethod
    def _add_repository() -> None:
        """Tlbench itself may have been found in the working folder only."""
        sys.path.append(str(Path(__file__).resolve().parents[2]))

    def prepare(self) -> None:
        """Make the reference runs."""
        self._reference("digits", train())
        self._reference("other", train("seed=5", "optimizer.lr=0.02"))
        self._reference("stopped", train(before=_stop_in_last_epoch), code=143)
        self._reference("trained", train(before=_die_after_training), code=128 + signal.SIGKILL)
        self._reference("images", train(base=IMAGES))
        for name in ("digits", "images"):
            self._tools_of(name)

    def carry_out(self, attacks: Sequence[Attack], processes: int, keep: bool = False) -> Iterator[Verdict]:
        """Carry attacks out, some at a time.

        Yields:
            A verdict an attack, in the order in which they end.
        """
        context = multiprocessing.get_context("fork")
        job = partial(_carry_out, attacks, self.scratch, keep)
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_take, initargs=(job,)) as pool:
            jobs = [pool.submit(_number, number) for number in range(len(attacks))]
            for done in as_completed(jobs):
                yield done.result()

    def _reference(self, name: str, command: Command, code: int = 0) -> None:
        folder = self.references / name
        folder.mkdir()
        images.draw_folder(folder / "images")
        images.draw_pictures(folder / "pictures")
        outcome = run(command, folder, self.scratch / "streams")
        if outcome.code != code:
            raise SystemExit(f"the reference {name!r} ended with {outcome.code}:\n{outcome.out}\n{outcome.err}")

    def _tools_of(self, name: str) -> None:
        folder = self.references / name
        copy = self.scratch / "tried"
        shutil.copytree(folder, copy)
        for tool, command in reading().items():
            outcome = run(command, copy, self.scratch / "streams")
            if outcome.code != 0:
                raise SystemExit(f"{tool} of the reference {name!r} ended with {outcome.code}:\n{outcome.err}")
        (copy / "table.csv").rename(folder / "wanted.csv")
        (copy / "weights.safetensors").rename(folder / "wanted.safetensors")
        shutil.rmtree(copy)


_job: list[Callable[[int], Verdict]] = []
"""What a process carries out; it was forked with it, since functions within functions cannot be sent."""


def _take(job: Callable[[int], Verdict]) -> None:
    _job.append(job)


def _number(number: int) -> Verdict:
    return _job[0](number)


def _carry_out(attacks: Sequence[Attack], scratch: Path, keep: bool, number: int) -> Verdict:
    """In a process that carries out one attack after another."""
    began = time.monotonic()
    base = scratch / "attacks" / str(number)
    place = Place(base, scratch / "references")
    try:
        wrong = tuple(attacks[number].carry_out(place))
        return Verdict(number, wrong, seconds=time.monotonic() - began)
    except Skipped as error:
        return Verdict(number, skipped=str(error))
    except Exception:  # the benchmark's own mistake counts as not survived
        return Verdict(number, (f"the attack itself failed: {traceback.format_exc()}",))
    finally:
        place.close()
        os.chdir(scratch)
        if not keep:
            with contextlib.suppress(OSError):
                shutil.rmtree(base)


def _environment(scratch: Path) -> dict[str, str]:
    import matplotlib

    nowhere = "http://127.0.0.1:9"
    return {
        "HOME": str(scratch / "home"),
        "XDG_CONFIG_HOME": str(scratch / "config"),
        "XDG_CACHE_HOME": str(scratch / "home" / "cache"),
        "TLBENCH_CACHE": str(scratch / "cache"),
        "TMPDIR": str(scratch / "temporary"),
        "MPLCONFIGDIR": matplotlib.get_configdir(),  # its list of fonts takes ten seconds to make
        "PYTHONPATH": str(scratch / "modules"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"), nowhere),
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }


def _stop_in_last_epoch() -> None:
    """Have the run stopped by SIGTERM in the middle of its third epoch, once two checkpoints are written."""
    _strike("training_step", lambda task: task.global_step == 12, signal.SIGTERM)


def _die_after_training() -> None:
    """Have the run killed when all is trained and nothing tested."""
    _strike("test_step", lambda _: True, signal.SIGKILL)


def _strike(method: str, when: object, number: signal.Signals) -> None:
    from tlbench.tasks.classification.task import ClassificationTask

    original = getattr(ClassificationTask, method)

    def struck(self: object, *arguments: object) -> object:
        if callable(when) and when(self):
            os.kill(os.getpid(), number)
        return original(self, *arguments)

    setattr(ClassificationTask, method, struck)
