from __future__ import annotations

from collections.abc import Callable

from tlbench.records.record import Record
from tlbench.study.summary import summarise_study

Make = Callable[..., Record]


def compared(records: list[Record], *factors: str) -> list[tuple[str, str]]:
    summary = summarise_study(records, factors, metrics=["test/oa"])
    return [(d.arm, d.baseline) for d in summary.differences]


def test_baseline_is_the_random_arm_that_differs_in_the_source_alone(record: Make) -> None:
    arms = ["random", "tin200", "imagenet"]
    assert compared([record(arm) for arm in arms], "source") == [("tin200", "random"), ("imagenet", "random")]
    assert compared([record(arm) for arm in arms[1:]], "source") == [("tin200", "imagenet")]

    def shots(source: str, n: int) -> Record:
        return record(f"{source}-{n}", config__data__shots=n)

    factors = ("source", "data.shots")
    four = [shots(source, n) for source in ("tin200", "random") for n in (5, 30)]
    assert compared(four, *factors) == [("tin200-5", "random-5"), ("tin200-30", "random-30")]
    assert compared(four[2:], *factors) == [("random-5", "random-30")]
    # One random arm serves all; with several, an arm without its own is not compared, and that is said.
    assert compared(four[:3], *factors) == [("tin200-5", "random-5"), ("tin200-30", "random-5")]
    assert compared([*four, shots("tin200", 90)], *factors) == compared(four, *factors)
    assert summarise_study([*four, shots("tin200", 90)], factors).notes[-1] == (
        "tin200-90: no other arm differs from it in the source alone, so it is not compared."
    )
