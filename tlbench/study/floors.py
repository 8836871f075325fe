"""What is reached without any learning: by calling all the same class, as the audits of the runs' data say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tlbench.records.record import Record


@dataclass(frozen=True)
class Floor:
    """The training set's most frequent class as the answer to everything.

    Attributes:
        name: The class; several where the runs' training sets differ in it.
        metrics: Of the test, `test/…` → the mean over the runs' data.
    """

    name: str
    metrics: dict[str, float]


def floor_of(records: Iterable[Record]) -> Floor | None:
    """That of a study's complete runs; None where no audit of them says it of the test split."""
    found = [
        audit["majority"]
        for record in records
        if record.status == "complete" and record.data and (audit := record.data.audit) and "majority" in audit
    ]
    tests = [majority["splits"]["test"] for majority in found if "test" in majority["splits"]]
    if not tests:
        return None
    metrics = {f"test/{name}": sum(test[name] for test in tests) / len(tests) for name in tests[0]}
    return Floor(" or ".join(dict.fromkeys(majority["class"] for majority in found)), metrics)
