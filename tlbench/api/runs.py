"""A run, or a study, as `python -m tlbench.train` makes it, from Python."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tlbench.api.settings import as_overrides, as_sweeps
from tlbench.api.study import Study, read_study
from tlbench.cli.command_line import CommandLine
from tlbench.cli.composed import ComposedStudy, compose
from tlbench.cli.entry import as_user_errors, prepare_process
from tlbench.errors import ConfigError
from tlbench.records.record import Record
from tlbench.system.atomic import ANOTHER_RUN_FOLDER
from tlbench.system.interrupts import Interrupted


def run_one(*overrides: str | Mapping[str, Any], **settings: Any) -> Record:
    """See `tlbench.run_one`."""
    with _as_a_command():
        line = CommandLine.read(as_overrides(overrides, settings))
        line.check()
        asked = compose(line)
        if isinstance(asked, ComposedStudy):
            raise ConfigError("run_one: these settings make a study; use tlbench.run_study")
        if asked.config.plan:
            raise ConfigError("plan=true: a plan is for the command line; leave it out")
        executed = asked.start()
    if executed is None:
        raise ConfigError("run_one: a configuration file makes a study of this (hydra.mode); use tlbench.run_study")
    return executed.record


def run_study(
    *overrides: str | Mapping[str, Any], sweep: Mapping[str, Iterable[Any]] | None = None, **settings: Any
) -> Study:
    """See `tlbench.run_study`."""
    with _as_a_command():
        line = CommandLine.read(["--multirun", *as_overrides(overrides, settings), *as_sweeps(sweep or {})])
        line.check()
        asked = compose(line)
        assert isinstance(asked, ComposedStudy)
        if line.wants_plan:
            raise ConfigError("plan=true: a plan is for the command line; leave it out")
        folder = Path(asked.composed.hydra.sweep.dir)
        asked.start()
        return read_study(folder)


@contextlib.contextmanager
def _as_a_command() -> Iterator[None]:
    """What a command has around it: streams that cannot hurt, library warnings tamed, errors in tlbench's own words.

    All of it is taken back at the end: the process is the user's.

    Raises:
        UserError, Failure: As those of a command, with the same line.
        KeyboardInterrupt: In place of `Interrupted`.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ConfigError(
            "tlbench runs in the main thread alone, where it can be interrupted; start it there, or in a process of "
            "its own"
        )
    streams, hook, environment = (sys.stdout, sys.stderr), threading.excepthook, dict(os.environ)
    with warnings.catch_warnings():
        prepare_process()
        try:
            with as_user_errors(ANOTHER_RUN_FOLDER):
                yield
        except Interrupted as error:
            raise KeyboardInterrupt(f"{error}: the same call goes on from the last checkpoint") from None
        finally:
            sys.stdout, sys.stderr = streams
            threading.excepthook = hook
            os.environ.clear()
            os.environ.update(environment)
