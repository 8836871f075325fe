"""What `tlbench.compare` is given: two sides, each an arm or a single run, wherever they lie."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.console import shown
from tlbench.errors import ConfigError
from tlbench.records.record import FILE_NAME, Record
from tlbench.study.collect import collect, seedless_differences


@dataclass(frozen=True)
class Side:
    """The runs of one side.

    Attributes:
        name: Tells the sides apart.
        given: As on the command line.
        folders: Of the runs, in the order of their seeds.
        records: Theirs, all with `name` as their arm; at least one is complete.
    """

    name: str
    given: str
    folders: tuple[Path, ...]
    records: tuple[Record, ...]

    @property
    def complete(self) -> list[Record]:
        """The complete runs' records."""
        return [record for record in self.records if record.status == "complete"]


def read_sides(first: str, second: str) -> tuple[Side, Side]:
    """Read both sides.

    Args:
        first: A run's folder (with `record.json`), an arm's (with `seed_<n>/record.json`), or a pattern (`*`, `?`,
            `[…]`) of such folders, whose runs then are one arm.
        second: Likewise.

    Raises:
        ConfigError: A side holds no complete run, a record that cannot be read, or several arms; or a run is on both.
    """
    a, b = _read(first), _read(second)
    both = sorted(set(map(Path.resolve, a.folders)) & set(map(Path.resolve, b.folders)))
    if both:
        raise ConfigError(f"{shown(both[0])}: is on both sides; compare different runs")
    names = _names(a, b)
    return _named(a, names[0]), _named(b, names[1])


def _read(given: str) -> Side:
    folders = _run_folders(given)
    side = Side("", given, *_by_seed(folders, collect(folders)))
    if not side.complete:
        states = ", ".join(sorted({record.status for record in side.records}))
        raise ConfigError(f"{given}: no complete run ({states}); finish it first, the same command goes on with it")
    _check_one_arm(side)
    return side


def _by_seed(folders: Sequence[Path], records: Sequence[Record]) -> tuple[tuple[Path, ...], tuple[Record, ...]]:
    order = sorted(range(len(records)), key=lambda i: records[i].seed)
    return tuple(folders[i] for i in order), tuple(records[i] for i in order)


def _run_folders(given: str) -> list[Path]:
    places = [Path(given)]
    if not places[0].exists() and glob.has_magic(given):
        found = sorted(glob.glob(given))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        places = [Path(place) for place in found if Path(place).is_dir()]
    if not places or not places[0].is_dir():
        what = "no such folder" if not places or not places[0].exists() else "not a folder"
        raise ConfigError(f"{given!r}: {what}; give the folder of a run or of an arm, or a quoted pattern of such")
    runs = [run for place in places for run in _runs_of(place)]
    if not runs:
        raise ConfigError(f"{given}: holds neither {FILE_NAME} nor seed_<n>/{FILE_NAME}{_hint(places[0])}")
    return list(dict.fromkeys(runs))


def _runs_of(place: Path) -> list[Path]:
    return [place] if (place / FILE_NAME).exists() else [file.parent for file in place.glob(f"seed_*/{FILE_NAME}")]


def _hint(place: Path) -> str:
    arms = sorted({file.parent.parent.name for file in place.glob(f"*/seed_*/{FILE_NAME}")})
    if arms:
        return f"; it is a study, name one of its arms: {', '.join(str(place / arm) for arm in arms)}"
    return "; give the folder of a run or of an arm"


def _check_one_arm(side: Side) -> None:
    """The runs of a side differ in their seeds alone, and none has another's seed."""
    pairs = list(zip(side.folders, side.records, strict=True))
    complete = [(folder, record) for folder, record in pairs if record.status == "complete"]
    first, a = complete[0]
    seen: dict[int, Path] = {}
    for folder, record in complete:
        if record.seed in seen:
            twins = f"{shown(seen[record.seed])} and {shown(folder)}"
            raise ConfigError(f"{side.given}: {twins} both have the seed {record.seed}; give each seed once")
        seen[record.seed] = folder
        differing = seedless_differences(a, record)
        if differing:
            raise ConfigError(
                f"{side.given}: is not one arm, {shown(first)} and {shown(folder)} differ in "
                f"{'; '.join(differing.values())}; give the runs of one arm on each side"
            )


def _names(a: Side, b: Side) -> tuple[str, str]:
    """The arms' names; with the studies' where they are equal, or else the folders."""
    (arm_a, study_a), (arm_b, study_b) = ((s.records[0].arm, s.records[0].study) for s in (a, b))
    if arm_a != arm_b:
        return arm_a, arm_b
    if study_a != study_b:
        return f"{study_a}/{arm_a}", f"{study_b}/{arm_b}"
    return re.sub(r"/+$", "", a.given), re.sub(r"/+$", "", b.given)


def _named(side: Side, name: str) -> Side:
    records = tuple(record.model_copy(update={"arm": name}) for record in side.records)
    return Side(name, side.given, side.folders, records)
