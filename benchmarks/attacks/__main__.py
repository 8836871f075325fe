"""Carry the attacks out and write the table of `docs/reliability.md`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
# before anything heavy is imported: what has threads cannot be forked

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.groups import GROUPS, all_attacks
from benchmarks.attacks.laboratory import Laboratory, Verdict
from benchmarks.attacks.page import PAGE, written

_PROCESSES = 2


def main() -> int:
    """Carry out, print, and write the page if asked to; 1 if any attack was not survived."""
    arguments = _parse()
    attacks = [
        attack
        for attack in all_attacks()
        if (not arguments.group or attack.group == arguments.group)
        and all(text in attack.full_name for text in arguments.only)
    ]
    if arguments.list:
        print(*(attack.full_name for attack in attacks), f"{len(attacks)} attacks", sep="\n")
        return 0
    if not attacks:
        print("no such attack; --list shows all", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="attacks-") as scratch:
        if arguments.keep:
            arguments.keep.mkdir(parents=True)
        verdicts = _carry_out(attacks, (arguments.keep or Path(scratch)).resolve(), arguments)
    wrong = [verdict for verdict in verdicts if verdict.wrong]
    skipped = sum(verdict.skipped is not None for verdict in verdicts)
    tried = len(attacks) - skipped
    print(f"{tried} attacks tried, {tried - len(wrong)} survived, {skipped} skipped")
    if arguments.write:
        PAGE.write_text(written(PAGE.read_text() if PAGE.exists() else "", attacks, verdicts))
        print(f"written: {PAGE}")
    return int(bool(wrong))


def _carry_out(attacks: Sequence[Attack], scratch: Path, arguments: argparse.Namespace) -> list[Verdict]:
    began = time.monotonic()
    laboratory = Laboratory(scratch)
    laboratory.prepare()
    print(f"{len(attacks)} attacks; ready after {time.monotonic() - began:.0f} s", flush=True)
    verdicts: dict[int, Verdict] = {}
    for verdict in laboratory.carry_out(attacks, arguments.processes, keep=bool(arguments.keep)):
        verdicts[verdict.attack] = verdict
        name = f"{attacks[verdict.attack].full_name} ({verdict.seconds:.1f} s)"
        if verdict.wrong:
            print(f"NOT SURVIVED  {name}", *(f"    {text}" for text in verdict.wrong), sep="\n", flush=True)
        elif verdict.skipped is not None:
            print(f"skipped  {name}: {verdict.skipped}", flush=True)
        elif arguments.verbose:
            print(f"survived  {name}", flush=True)
    print(f"{time.monotonic() - began:.0f} s")
    return [verdicts[number] for number in range(len(attacks))]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("--group", choices=GROUPS, help="only this group")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="only attacks with this in the name"
    )
    parser.add_argument("--list", action="store_true", help="name the attacks and end")
    parser.add_argument("--write", action="store_true", help=f"write the table of {PAGE}")
    parser.add_argument("--processes", type=int, default=_PROCESSES, help=f"attacks at a time ({_PROCESSES})")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave all files in this folder, a new one")
    parser.add_argument("--verbose", action="store_true", help="name the survived ones, too")
    arguments = parser.parse_args()
    if arguments.write and (arguments.group or arguments.only):
        parser.error("--write: the page is of all attacks; leave out --group and --only")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
