"""`docs/reliability.md`: prose that people keep, and a table between two marks that is written anew."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.laboratory import Verdict
from benchmarks.marked_table import cell, with_table

PAGE = Path("docs/reliability.md")
_PROGRAM = "python -m benchmarks.attacks --write"


def written(page: str, attacks: Sequence[Attack], verdicts: Sequence[Verdict]) -> str:
    """The page with a new table; all else stays as it is.

    Args:
        page: The page before; without the marks, the table is added at its end.
        attacks: All attacks.
        verdicts: One of each, in the same order.
    """
    return with_table(page, _PROGRAM, _lines(attacks, verdicts))


def _lines(attacks: Sequence[Attack], verdicts: Sequence[Verdict]) -> list[str]:
    tried, survived, skipped = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    reasons: list[str] = []
    fallen: list[str] = []
    for attack, verdict in zip(attacks, verdicts, strict=True):
        row = attack.group, attack.kind
        if verdict.skipped is not None:
            skipped[row] += 1
            reasons.append(f"- {cell(attack.full_name)}: {cell(verdict.skipped)}")
            continue
        tried[row] += 1
        survived[row] += not verdict.wrong
        if verdict.wrong:
            fallen.append(f"- {cell(attack.full_name)}: {cell('; '.join(verdict.wrong))}")
    lines = [
        f"{survived.total()} of {tried.total()} attacks survived"
        + (f", {skipped.total()} could not be tried." if skipped else "."),
        f"Measured on {platform.system()} {platform.machine()} with {os.cpu_count()} CPU cores.",
        "",
        "| group | what is tried | tried | survived | skipped |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    last = ""
    for row in dict.fromkeys((attack.group, attack.kind) for attack in attacks):
        group = row[0] if row[0] != last else ""
        last = row[0]
        lines.append(f"| {group} | {cell(row[1])} | {tried[row]} | {survived[row]} | {skipped[row] or ''} |")
    lines.append(f"| all | | {tried.total()} | {survived.total()} | {skipped.total() or ''} |")
    lines += ["", "Not survived:", "", *(fallen or ["- none"])]
    return lines + (["", "Skipped:", "", *reasons] if reasons else [])
