"""Whether committed studies could be repeated: does this version read the very images and labels that they saw?

Opens the data of each record below `docs/results` with the record's configuration, as a run of it would, and compares
each split's fingerprint with the record's. Nothing that an earlier version kept in the cache is used. Nothing is
trained: two minutes for all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.marked_table import cell, with_table
from tlbench.config import TrainConfig
from tlbench.config.parse import parse
from tlbench.errors import UserError
from tlbench.records.record import FILE_NAME, DataRecord, read_record
from tlbench.runs.open_data import open_data
from tlbench.system.cache_folder import CACHE_FOLDER
from tlbench.system.voice import SILENT, Voice

RESULTS = Path("docs/results")
PAGE = Path("docs/entrance.md")
PROGRAM = "python -m benchmarks.fingerprints --write"

_EMBEDDED = ("digits", "documents")
"""Data that come with tlbench and what it needs."""

_NOT_KEPT = {
    "signature_official_interpolated": "copies of Signature's images that OpenCV had shrunk, which were not kept",
}
"""Study → its data, where no data set is to be had that is read as they were."""

_CHANGED: Mapping[str, str] = {}
"""Study → the change of tlbench, in words, after which its data are read otherwise than they were. Of none so far."""

_EQUAL = "equal"

Fingerprints = Mapping[str, str]
"""Split → SHA-256."""


@dataclass(frozen=True)
class Seen:
    """What a record says that its run saw."""

    study: str
    config: TrainConfig
    data: DataRecord


@dataclass(frozen=True)
class Row:
    """A study in the table.

    Attributes:
        study: Its folder.
        data: What its data are called.
        records: How many records there are.
        result: What was found.
        unexplained: Whether fingerprints differ, and nothing is known that changed them.
    """

    study: str
    data: str
    records: int
    result: str
    unexplained: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and write the page if asked to; 1 if fingerprints differ for no known reason, 2 for bad input."""
    given = _parse(arguments)
    try:
        with _fresh_cache():
            rows = compare(read_studies(given.results), dict(given.root), _opened)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    lines = table(rows)
    print(*lines, sep="\n")
    if given.write:
        PAGE.write_text(with_table(PAGE.read_text() if PAGE.exists() else "", PROGRAM, lines))
        print(f"written: {PAGE}")
    return int(any(row.unexplained for row in rows))


def read_studies(results: Path) -> list[Seen]:
    """What the runs below a folder saw, by study; runs that say nothing of their data are left out.

    Raises:
        ConfigError: A record cannot be read.
    """
    found = []
    for path in sorted(results.rglob(FILE_NAME)):
        record = read_record(path.parent)
        if record is not None and record.data is not None:
            found.append(Seen(path.relative_to(results).parts[0], parse(record.config), record.data))
    return found


def compare(seen: Iterable[Seen], roots: Mapping[str, str], opened: Callable[[TrainConfig], Fingerprints]) -> list[Row]:
    """A row a study.

    Args:
        seen: In the order of their studies.
        roots: Name of a data set → `data.root` to read it from.
        opened: Opens a configuration's data; it is called once for runs that saw the same.

    Raises:
        UserError: Data that `roots` names cannot be read.
    """
    known: dict[str, Fingerprints] = {}

    def fingerprints(config: TrainConfig) -> Fingerprints:
        data = config.data.model_copy(update={"root": roots.get(config.data.name)})
        key = json.dumps([data.model_dump(mode="json"), config.seeds.split])
        if key not in known:
            known[key] = opened(config.model_copy(update={"data": data}))
        return known[key]

    rows = []
    for study, group in groupby(seen, key=lambda one: one.study):
        runs = list(group)
        name = runs[0].config.data.name
        if study in _NOT_KEPT:
            rows.append(Row(study, name, len(runs), f"cannot be had: {_NOT_KEPT[study]}"))
        elif name not in roots and name not in _EMBEDDED:
            rows.append(Row(study, name, len(runs), "cannot be had where this was written: no copy"))
        else:
            pairs = [(run.data.fingerprints, fingerprints(run.config)) for run in runs]
            rows.append(_judged(study, name, pairs))
    return rows


def table(rows: Sequence[Row]) -> list[str]:
    """The rows in Markdown, and a line that counts them."""
    equal = sum(row.records for row in rows if row.result == _EQUAL)
    return [
        f"{equal} of {sum(row.records for row in rows)} records: every split's fingerprint is equal.",
        "",
        "| study | data | records | fingerprints |",
        "| --- | --- | ---: | --- |",
        *(f"| [{row.study}](results/{row.study}/) | {row.data} | {row.records} | {cell(row.result)} |" for row in rows),
    ]


def _judged(study: str, name: str, pairs: Sequence[tuple[Fingerprints, Fingerprints]]) -> Row:
    """Of each run what its record has, and what was read now."""
    differing = sorted({split for then, now in pairs for split in then if now.get(split) != then[split]})
    if not differing:
        return Row(study, name, len(pairs), _EQUAL)
    what = f"differ in {', '.join(differing)}"
    reason = _CHANGED.get(study)
    if reason is None:
        return Row(study, name, len(pairs), f"{what}: other data than the run's, or a defect", unexplained=True)
    return Row(study, name, len(pairs), f"{what}: {reason}")


@contextlib.contextmanager
def _fresh_cache() -> Iterator[None]:
    """An empty folder in the place of the user's cache."""
    before = os.environ.get(CACHE_FOLDER)
    with tempfile.TemporaryDirectory(prefix="fingerprints-") as folder:
        os.environ[CACHE_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[CACHE_FOLDER]
            if before is not None:
                os.environ[CACHE_FOLDER] = before


def _opened(config: TrainConfig) -> Fingerprints:
    module = open_data(config, Voice(SILENT.say, lambda text: print(text, file=sys.stderr)))
    return {split: images.fingerprint() for split, images in module.target.splits.items()}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fingerprints", description=__doc__)
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        type=_root,
        metavar="DATA=FOLDER",
        help="where a data set lies, as cifar10=FOLDER; others than the embedded ones are not looked for",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"the records ({RESULTS})")
    parser.add_argument("--write", action="store_true", help=f"write the table of {PAGE}")
    return parser.parse_args(arguments)


def _root(text: str) -> tuple[str, str]:
    name, _, folder = text.partition("=")
    if not name or not folder:
        raise argparse.ArgumentTypeError(f"{text!r}: write DATA=FOLDER")
    return name, folder


if __name__ == "__main__":
    sys.exit(main())
