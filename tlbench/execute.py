"""What the command does in a run's folder: show a complete run, repeat it, go on with it, or start it."""

from __future__ import annotations

import os
from pathlib import Path

from tlbench.config import TrainConfig
from tlbench.console import banner, say, shown, warn
from tlbench.errors import ConfigError, Failure, UserError
from tlbench.loggers.check import check_loggers
from tlbench.results.folder import earlier_record, set_aside, tidy
from tlbench.results.record import FILE_NAME, Record
from tlbench.results.show import show_record
from tlbench.results.tuning import tuning_of
from tlbench.stand_ins import banner_text


class RunFailed(Failure):
    """A run failed; its record holds the traceback."""


def execute(config: TrainConfig, folder: Path) -> Record:
    """Bring the run in `folder` to its end.

    Raises:
        UserError: The input is at fault.
        RunFailed: The run failed; its record says why.
        Interrupted: A signal asked to stop.
    """
    if config.plan:
        raise ConfigError(
            "plan=true: a dry run is made without hydra.mode and other launchers; drop them, or plan=true"
        )
    tuning_of(config, folder)
    earlier = earlier_record(folder, config.model_dump(mode="json"))
    if earlier is not None and earlier.status == "complete" and not config.rerun:
        tidy(folder)
        say(f"complete since {earlier.volatile.finished}, nothing to train (rerun=true repeats it)")
        show_record(earlier, folder)
        return earlier
    check_loggers(config.logger)
    if earlier is not None and earlier.status == "complete":
        aside = set_aside(folder)
        assert aside is not None
        say(f"rerun=true: the earlier run is kept in {shown(aside)}")
        earlier = None
    if config.stand_ins:
        banner(banner_text(config.stand_ins))
    if config.trainer.devices > 1:  # read when torch is imported; DDP warns in C++ when nothing is frozen any more
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from tlbench.run import run  # heavy (torch, Lightning), so only now that the configuration is known to be valid

    try:
        record = run(config, folder, resumes=earlier.volatile.resumes if earlier else 0, say=say, warn=warn)
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise RunFailed(f"the run failed: {reason} (traceback in {shown(folder / FILE_NAME)})") from error
    show_record(record, folder)
    return record
