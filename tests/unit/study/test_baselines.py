from __future__ import annotations

from collections.abc import Callable

from tlbench.records.record import Record
from tlbench.study.summary import Failure, summarise_study

Make = Callable[..., Record]


def compared(records: list[Record], *factors: str) -> list[tuple[str, str]]:
    summary = summarise_study(records, factors, metrics=["test/oa"])
    return [(d.arm, d.baseline) for d in summary.differences if d.with_baseline]


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
    # An arm without its own random one is not compared, as the two would differ in more than the source.
    assert compared(four[:3], *factors) == [("tin200-5", "random-5")]
    said = "{}: no other arm differs from it in source alone, so it is not compared."
    assert said.format("tin200-30") in summarise_study(four[:3], factors).notes
    assert compared([*four, shots("tin200", 90)], *factors) == compared(four, *factors)
    assert said.format("tin200-90") in summarise_study([*four, shots("tin200", 90)], factors).notes


def test_without_a_random_arm_it_is_the_last_that_differs_in_the_first_factor_alone(record: Make) -> None:
    def of(strategy: str, n: int) -> Record:
        return record(
            f"{strategy}-{n}",
            config__strategy={"name": strategy},
            config__data__shots=n,
            config__source={"name": "tin200", "path": None},
        )

    grid = [of(strategy, n) for strategy in ("head", "frozen", "full") for n in (5, 30)]
    factors = ("strategy", "data.shots")
    assert compared(grid, *factors) == [
        ("head-5", "full-5"),
        ("head-30", "full-30"),
        ("frozen-5", "full-5"),
        ("frozen-30", "full-30"),
    ]
    # Where all have the first factor in common, the next in which they differ is compared.
    assert compared(grid[4:], *factors) == [("full-5", "full-30")]


def test_two_keys_of_the_source_are_one_difference(record: Make) -> None:
    arms = [("random", None), ("timm", "a"), ("timm", "b")]
    records = [record(f"{name}-{tag}", config__source={"name": name, "tag": tag}) for name, tag in arms]
    assert compared(records, "source.name", "source.tag") == [("timm-a", "random-None"), ("timm-b", "random-None")]
    assert compared(records) == []


def test_a_killed_arm_leaves_no_comparison_of_two_factors(record: Make) -> None:
    """Of `random-0.01` there is no record: `tin200-0.01` must not be compared with `random-0.001`."""

    def of(source: str, lr: float) -> Record:
        return record(f"{source}-{lr}", config__optimizer__lr=lr)

    factors = ("source", "optimizer.lr")
    left = [of("tin200", 0.01), of("tin200", 0.001), of("random", 0.001)]
    summary = summarise_study(
        left, factors, [Failure("random-0.01", 0, "killed", "exit code 137")], metrics=["test/oa"]
    )
    assert [(d.arm, d.baseline) for d in summary.differences] == [("tin200-0.001", "random-0.001")]
    assert "random-0.01: no complete run." in summary.notes
    assert "tin200-0.01: no other arm differs from it in source alone, so it is not compared." in summary.notes
