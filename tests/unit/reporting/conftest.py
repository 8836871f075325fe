"""A study of two arms and three seeds, as its command leaves it, in the working folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.study_records import make_record
from tlbench.records.record import Record, write_record
from tlbench.study.summary import SUMMARY_FILE, StudySummary, summarise_study
from tlbench.system.names import json_bytes

CONFIG = {
    "config__model": {"name": "resnet18"},
    "config__trainer": {"max_epochs": 3},
    "config__optimizer": {"name": "adamw", "lr": 0.01},
    "config__strategy": {"name": "full"},
    "config__data__batch_size": 32,
}


def runs(
    names: Sequence[str] = ("ant", "bee"), arms: Sequence[str] = ("tin200", "random"), **changes: Any
) -> list[Record]:
    """Records whose seeds and arms differ in what they scored."""
    found = []
    for a, arm in enumerate(arms):
        for seed in range(3):
            oa = 0.9 - 0.2 * a + 0.01 * seed * (1 + a)
            metrics: dict[str, Any] = {f"test/{m}": oa for m in ("oa", "aa", "f1")} | {
                "test/kappa": 0.5,
                "test/ece": 0.1,
            }
            metrics |= {f"test/recall/{name}": oa - 0.1 * n for n, name in enumerate(names)}
            curves = [
                {"epoch": e, "step": 9 * e, "stage": 1, "val/oa": oa - 0.1 / e, "train/loss": 1 / e} for e in (1, 2, 3)
            ]
            found.append(
                make_record(
                    arm,
                    seed,
                    **{
                        **CONFIG,
                        "metrics": metrics,
                        "curves": curves,
                        "best": {"monitor": "val/oa", "value": oa - 0.1 / 3, "epoch": 3, "stage": "full"},
                        "data__class_names": list(names),
                        "data__split_rule": {"train": "official", "counts": {"train": 300, "val": 179, "test": 900}},
                        "versions": {"tlbench": "0.1.0", "torch": "2.6.0"},
                        **changes,
                    },
                )
            )
    return found


@pytest.fixture
def study() -> Callable[..., tuple[StudySummary, list[Record]]]:
    """Writes a study to `study`; returns its summary and records."""

    def write(**changes: Any) -> tuple[StudySummary, list[Record]]:
        records = runs(**changes)
        for record in records:
            folder = Path("study") / record.arm / f"seed_{record.seed}"
            folder.mkdir(parents=True)
            write_record(folder, record)
        summary = summarise_study(records, ["source"])
        Path("study", SUMMARY_FILE).write_bytes(json_bytes(summary.to_dict()))
        return summary, records

    return write
