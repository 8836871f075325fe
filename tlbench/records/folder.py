"""A run's folder: what lies in it from before, and what the same command may do with it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tlbench.config.files import load_config_file
from tlbench.config.hash import difference
from tlbench.config.upgrade import upgraded
from tlbench.errors import ConfigError, OutputError, UserError
from tlbench.records.curves import CURVES_FILE
from tlbench.records.lock import locked, remove_left_locks
from tlbench.records.lock_file import LOCK_FILE
from tlbench.records.progress import PROGRESS_FILE, remove_progress
from tlbench.records.record import FILE_NAME, Record, read_record
from tlbench.system.atomic import leftovers, output_errors, remove_leftovers, write_atomic
from tlbench.system.places import check_run_folder
from tlbench.trust.changed import changed_file

CONFIG_FILE = "config.yaml"
LAST_CHECKPOINT = "last.ckpt"
PREVIOUS_CHECKPOINT = "previous.ckpt"
"""The `last.ckpt` before: what a run goes on from when the last is damaged."""
BEST_CHECKPOINT = "best.ckpt"
LOGGERS_FILE = "loggers.json"
"""The run's ids in W&B and MLflow."""
CONSOLE_FILE = "console.log"
"""What a run prints, where a study runs several at a time."""
PREDICTIONS_FILE = "predictions_test.npz"
"""What the best checkpoint gave for each sample of the test split."""
PER_IMAGE_FILE = "per_image_test.npz"
"""What each image of the test split adds to the metrics: small, to be kept with the record."""
GROUPS_FILE = "groups_test.npz"
"""The group of each image of the test split, where `data.group` names what belongs together, or some look alike."""
BY_OPTION, BY_LOOKS = "data.group", "near-duplicates found by the audit"
"""Where these groups come from, as the file and a study's lines say."""
CURVES_PICTURE, BATCH_PICTURE = "curves.png", "training_batch.png"
"""A run's curves, and its first training batch as the network sees it."""
_WRITTEN = (
    CONFIG_FILE,
    LAST_CHECKPOINT,
    BEST_CHECKPOINT,
    CURVES_FILE,
    LOGGERS_FILE,
    PREDICTIONS_FILE,
    PER_IMAGE_FILE,
    GROUPS_FILE,
    CURVES_PICTURE,
    BATCH_PICTURE,
    "test_*.png",
    "thumbnails_*.npz",
    PROGRESS_FILE,
    FILE_NAME,
)
"""What a run writes, as patterns."""
_UNTIL_COMPLETE = (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT, PROGRESS_FILE)


def earlier_record(folder: Path, config: dict[str, Any], free: Sequence[str] = ()) -> Record | None:
    """The record that an earlier run of the same configuration left in this folder, whatever its status.

    A run that stopped before its first checkpoint left nothing to lose: its folder is free for any configuration.

    Args:
        folder: The run's folder.
        config: Its configuration.
        free: Keys whose values are still to be chosen, and so may differ.

    Raises:
        ConfigError: If the folder holds a run of another configuration, naming every key that differs; or a complete
            run of code that has changed since, unless it is to be repeated.
        OutputError: If something else lies where the run will write a file.
    """
    check_run_folder(folder, (*_WRITTEN, PREVIOUS_CHECKPOINT, CONSOLE_FILE))
    record = read_record(folder)
    if (record is None or record.status != "complete") and not _has_checkpoint(folder):
        return None
    earlier = record.config if record is not None else config_of_folder(folder)
    if earlier is None:
        raise ConfigError(
            f"{folder}: holds a checkpoint but neither {FILE_NAME} nor {CONFIG_FILE}, so what it was trained with "
            "is not known; move the folder away and run again"
        )
    differing = [text for text in difference(earlier, config) if text.partition(":")[0] not in free]
    if differing:
        raise ConfigError(
            f"{folder} holds a run of another configuration ({', '.join(differing)}); choose another study=… or "
            "hydra.run.dir=…, or move that folder away"
        )
    if record is not None and record.status == "complete" and not config.get("rerun"):
        _check_code(folder, record)
    return record


def _check_code(folder: Path, record: Record) -> None:
    changed = None if record.code is None else changed_file(record.code.files)
    if changed is not None:
        raise ConfigError(
            f"{folder}: the complete run there is of other code: {changed} is not the file that ran; repeat it with "
            "rerun=true, choose another study=…, or bring that file back"
        )


def is_complete(folder: Path, config: dict[str, Any]) -> bool:
    """Whether a complete run of this configuration lies in the folder.

    Raises:
        ConfigError: As `earlier_record`.
    """
    record = earlier_record(folder, config)
    return record is not None and record.status == "complete"


def tidy(folder: Path) -> None:
    """Remove what only a run that is not complete needs: checkpoints to go on from, and files that a kill cut short.

    To be called, by the holder of the folder's lock, once the record says that the run is complete. What the disk does
    not let go, stays; it does no harm.
    """
    with contextlib.suppress(OSError, OutputError):
        for name in _UNTIL_COMPLETE:
            (folder / name).unlink(missing_ok=True)
        remove_all_leftovers(folder)


def tidy_if_free(folder: Path) -> None:
    """The same for the next command, where a kill came between; a folder that takes no lock stays as it is."""
    left = [*leftovers(folder), *folder.glob(f"{LOCK_FILE}*"), *(p for n in _WRITTEN for p in folder.glob(f".{n}.*"))]
    if left or any((folder / name).exists() for name in _UNTIL_COMPLETE):
        with contextlib.suppress(UserError), locked(folder):
            record = read_record(folder)  # now that nobody can begin to repeat the run
            if record is not None and record.status == "complete":
                tidy(folder)
            else:
                remove_all_leftovers(folder)


def remove_all_leftovers(folder: Path) -> None:
    """Remove what killed processes had half written in the folder; to be called by the holder of its lock.

    Raises:
        OutputError: The disk refuses.
    """
    for name in _WRITTEN:
        remove_leftovers(folder / name)  # as earlier versions called them
    with output_errors(folder):
        for leftover in leftovers(folder):
            leftover.unlink(missing_ok=True)
    remove_left_locks(folder)


def begin(folder: Path, config: dict[str, Any]) -> None:
    """Note in the folder which configuration runs there, before anything else is written; tidy after a killed run.

    Raises:
        OutputError: If the disk refuses.
    """
    remove_all_leftovers(folder)
    remove_progress(folder)
    write_atomic(folder / CONFIG_FILE, OmegaConf.to_yaml(OmegaConf.create(config)).encode())


def check_still_there(folder: Path) -> None:
    """Make sure that a run's folder is the one in which it began.

    Raises:
        OutputError: It was removed, or its content was.
    """
    if not (folder / CONFIG_FILE).exists():
        what = "its content" if folder.is_dir() else "the folder"
        raise OutputError(f"{folder}: {what} was removed while the run was going on; run the same command again")


def run_files(folder: Path) -> list[Path]:
    """What a run has written into its folder."""
    return sorted(path for name in (*_WRITTEN, PREVIOUS_CHECKPOINT, CONSOLE_FILE) for path in folder.glob(name))


def set_aside(folder: Path) -> Path | None:
    """Move everything in the folder into `previous_<n>` within it, so that `rerun=true` loses nothing.

    Returns:
        The new folder, or None if there was nothing to move.
    """
    with output_errors(folder):
        content = (
            [p for p in folder.iterdir() if not p.name.startswith(("previous_", CONSOLE_FILE, LOCK_FILE))]
            if folder.is_dir()
            else []
        )
        if not content:
            return None
        taken = [p.name.removeprefix("previous_") for p in folder.glob("previous_*")]
        number = 1 + max((int(name) for name in taken if name.isdigit()), default=0)
        target = folder / f"previous_{number}"
        target.mkdir()
        # The record moves last: were this interrupted, the folder would still say that a run is complete in it.
        for path in sorted(content, key=lambda p: p.name == FILE_NAME):
            path.rename(target / path.name)
        return target


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / name).exists() for name in (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT, BEST_CHECKPOINT))


def config_of_folder(folder: Path) -> dict[str, Any] | None:
    """The configuration that a run noted in its folder as it began, as this version has it; None where it did not.

    Raises:
        ConfigError: What lies there is none.
    """
    path = folder / CONFIG_FILE
    try:
        config = load_config_file(path)
    except FileNotFoundError:
        return None
    except Exception:  # damaged bytes surface as almost any error
        config = None
    if not isinstance(config, dict) or not config:
        raise ConfigError(_not_ours(path))
    try:
        content = upgraded({str(key): value for key, value in config.items()})
        difference(content, content)
    except (AttributeError, TypeError, RecursionError):  # lists for groups, groups for lists
        raise ConfigError(_not_ours(path)) from None
    return content


def _not_ours(path: Path) -> str:
    return f"{path}: not a configuration that tlbench wrote; move the run's folder away and run again"
