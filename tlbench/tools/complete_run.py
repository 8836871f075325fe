"""The folder of a complete run, as the tools around runs take it; nothing heavy is imported here."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import TrainConfig
from tlbench.config.parse import parse
from tlbench.errors import ConfigError, WeightsError
from tlbench.records.folder import BEST_CHECKPOINT
from tlbench.records.record import FILE_NAME, Record, read_record
from tlbench.system.hashing import file_sha256
from tlbench.tools.consent import NONE, Consent, Trusted, check_consent

_NAMED = 4  # folders in a message


@dataclass(frozen=True)
class CompleteRun:
    """A complete run.

    Attributes:
        folder: Its folder.
        record: Its record.
        config: The configuration in it.
        class_names: C names, in the order of the labels.
        trusted: What may be imported and read of what its record names.
    """

    folder: Path
    record: Record
    config: TrainConfig
    class_names: tuple[str, ...]
    trusted: Trusted

    @property
    def checkpoint(self) -> Path:
        """The best on validation, which was tested."""
        return self.folder / BEST_CHECKPOINT


def open_run(folder: Path | str, consent: Consent = NONE) -> CompleteRun:
    """Read the record of a complete run.

    Args:
        folder: The run's.
        consent: Whether code that the record names may be imported, if the user has not vouched for the run.

    Raises:
        ConfigError: No such folder; no record of a complete run in it, or one of another version; no checkpoint; its
            record names code to which the user has not consented.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise ConfigError(f"run={str(folder)!r}: {_what_is_wrong(path)}")
    record = read_record(path)
    if record is None:
        raise ConfigError(f"run={str(folder)!r}: no {FILE_NAME} in this folder; {_runs_below(path)}")
    if record.status != "complete" or record.data is None:
        raise ConfigError(
            f"run={str(folder)!r}: the run there is not complete (status {record.status}); complete it by its own "
            "command, or give another run's folder"
        )
    if not (path / BEST_CHECKPOINT).is_file():
        raise ConfigError(
            f"run={str(folder)!r}: the run's {BEST_CHECKPOINT} is not there any more; put it back, or repeat the run "
            "with rerun=true"
        )
    try:
        config = parse(record.config)
    except ConfigError as error:
        made_by = record.versions.get("tlbench", "unknown")
        raise ConfigError(
            f"run={str(folder)!r}: its configuration is of another version of tlbench ({made_by}): {error}; use that "
            "version, or train again with this one"
        ) from None
    count, allowed = len(record.data.class_names), config.data.limits.max_classes
    if count > allowed:
        raise ConfigError(
            f"run={str(folder)!r}: its record names {count:,} classes, its data.limits.max_classes={allowed:,} allows "
            "fewer; it is not a record that tlbench wrote"
        )
    trusted = check_consent(f"run={str(folder)!r}", record, config, consent)
    return CompleteRun(path, record, config, tuple(record.data.class_names), trusted)


def verify(run: CompleteRun, name: str) -> bool:
    """Whether a file of a run is the one that its record names; False where an older version's record names none.

    Raises:
        WeightsError: It is another file.
    """
    path, wanted = run.folder / name, run.record.files.get(name)
    if wanted is None:
        return False
    found = file_sha256(path)
    if found != wanted:
        raise WeightsError(
            f"{path}: not the file that the run wrote: its record says sha256 {wanted[:12]}…, found {found[:12]}…; put "
            "the run's own back, or repeat the run with rerun=true"
        )
    return True


def _what_is_wrong(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return "a link that leads to no folder; give that of a complete run"
    if path.is_file():
        return f"a file; give the run's folder, such as {str(path.parent)!r}"
    parent = path.parent
    siblings = sorted(p.name for p in parent.iterdir() if p.is_dir()) if parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=_NAMED)
    if close:
        return f"no such folder; did you mean {' or '.join(repr(str(parent / name)) for name in close)}?"
    return "no such folder; give that of a complete run, outputs/<study>/<arm>/seed_<n>"


def _runs_below(path: Path) -> str:
    found = sorted(str(p.parent) for depth in ("*", "*/*") for p in path.glob(f"{depth}/{FILE_NAME}"))
    if not found:
        return "give the folder of a complete run, outputs/<study>/<arm>/seed_<n>"
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"below it there are {', '.join(found[:_NAMED])}{more}: give one of them"
