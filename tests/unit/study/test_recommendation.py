from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from scipy import stats

from tlbench.records.record import Record
from tlbench.study.findings import exploratory
from tlbench.study.more_seeds import StudyCommand
from tlbench.study.summary import StudySummary, summarise_study

Make = Callable[..., Record]


def study(record: Make, oa: dict[str, Sequence[float]], fit_s: dict[str, float] | None = None, **more) -> StudySummary:
    """Arms that differ in their strategy; the last is the baseline."""
    runs = [
        record(arm, seed, value, config__strategy={"name": arm}, volatile__fit_s=(fit_s or {}).get(arm, 10.0))
        for arm, values in oa.items()
        for seed, value in enumerate(values)
    ]
    return summarise_study(runs, ["strategy"], **more)


@pytest.mark.promise("recommendation")
def test_the_better_arm_is_chosen_with_gain_risk_and_cost(record: Make) -> None:
    summary = study(record, {"full": (0.94, 0.95, 0.96), "head": (0.9, 0.9, 0.9)}, {"full": 30.0, "head": 20.0})
    (found,) = summary.recommendations
    assert (found.arm, found.over, found.decided, found.cost) == ("full", "head", True, 1.5)
    assert (found.gain, found.low, found.high) == pytest.approx((0.05, 0.025159, 0.074841), abs=1e-6)
    assert found.harm == pytest.approx(stats.t.sf(0.05 / (0.01 / 3**0.5), 2), abs=1e-12)
    assert found.sentence == (
        "Choose full: expected gain over head +5.00 points test/oa [+2.52, +7.48], risk of harm 0.65 %, trains 1.5 "
        "times as long."
    )


def test_a_lower_loss_is_a_gain(record: Make) -> None:
    oa = {"full": (0.10, 0.11, 0.10), "head": (0.5, 0.5, 0.5)}
    runs = [
        record(arm, seed, metrics={"test/ece": value}, config__strategy={"name": arm})
        for arm, values in oa.items()
        for seed, value in enumerate(values)
    ]
    (found,) = summarise_study(runs, ["strategy"], primary="test/ece").recommendations
    assert (found.arm, found.decided, found.gain) == ("full", True, pytest.approx(0.39667, abs=1e-5))
    assert found.harm < 0.001


def test_where_all_others_are_worse_the_baseline_is_chosen(record: Make) -> None:
    (found,) = study(record, {"a": (0.80, 0.81, 0.82), "b": (0.70, 0.69, 0.71), "c": (0.9, 0.9, 0.9)}).recommendations
    assert (found.arm, found.over, found.decided, found.gain) == ("c", "a", True, pytest.approx(0.09))
    assert found.low < found.gain < found.high


def test_those_that_are_as_good_are_named(record: Make) -> None:
    oa = {"a": (0.94, 0.95, 0.96), "b": (0.96, 0.94, 0.95), "c": (0.5, 0.5, 0.5)}
    (found,) = study(record, oa, {"a": 10.0, "b": 4.0, "c": 10.0}).recommendations
    assert (found.arm, found.over, dict(found.alike)) == ("a", "c", {"b": 0.4})
    assert found.sentence.endswith("trains as long; not told apart from it: b (trains 0.4 times as long).")


def test_undecided_is_the_cheaper_and_what_it_takes(record: Make) -> None:
    oa = {"full": (0.52, 0.50, 0.51), "head": (0.5, 0.5, 0.5)}
    (found,) = study(record, oa, {"full": 30.0, "head": 10.0}).recommendations
    assert not found.decided
    assert found.sentence == (
        "Undecided between full and head: the cheaper one is head (full trains 3 times as long); expected gain of "
        "full +1.00 points, risk of harm 11 %; 38 seeds would tell them apart in 4 cases of 5, if that is true."
    )
    (alike,) = study(record, oa).recommendations
    assert "both train as long" in alike.sentence
    wide = {"full": (0.51, 0.49, 0.505, 0.5, 0.4985), "head": (0.5,) * 5}
    (equal,) = study(record, wide, margin=0.05).recommendations
    assert equal.sentence.startswith("full and head are equivalent within the margin: both train as long")


def test_without_an_interval_nothing_is_advised(record: Make) -> None:
    assert study(record, {"full": (0.9,), "head": (0.8,)}).recommendations == ()


@pytest.mark.promise("seeds to add")
def test_the_command_that_adds_seeds_is_the_studys_own(record: Make) -> None:
    typed = (
        "+experiment=quickstart",
        "source=a,b",
        "rerun=true",
        "seed=0,1,2",
        "study=my study",
        "hydra.mode=MULTIRUN",
    )
    command = StudyCommand(("--config-dir", "conf"), typed)
    oa = {"full": (0.52, 0.50, 0.51), "head": (0.5, 0.5, 0.5)}
    found = study(record, oa, {"full": 100.0, "head": 50.0}, command=command).more_seeds
    assert (found.arm, found.baseline, found.seeds) == ("full", "head", 38)
    assert found.command == (
        "python -m tlbench.train -m --config-dir conf +experiment=quickstart source=a,b 'study=my study' "
        "'seed=range(0,38)'"
    )
    assert found.sentence.startswith(
        "38 seeds would tell full from head in 4 cases of 5, if they differ as much as here, about 1.5 h of training "
        "in all arms: python -m"
    )
    assert study(record, {"full": (0.94, 0.95, 0.96), "head": (0.9,) * 3}, command=command).more_seeds is None
    assert study(record, oa).more_seeds is None


def test_few_seeds_are_listed_and_earlier_ones_stay() -> None:
    assert StudyCommand((), ("seed=7",)).with_seeds([0, 1, 7]) == "python -m tlbench.train -m seed=0,1,7"
    many = [0, *range(2, 14)]
    assert StudyCommand((), ()).with_seeds(many).endswith("seed=0,2,3,4,5,6,7,8,9,10,11,12,13")


@pytest.mark.promise("exploratory metrics")
def test_all_but_the_first_metric_are_exploratory(record: Make) -> None:
    summary = study(record, {"full": (0.94, 0.95, 0.96), "head": (0.9, 0.9, 0.9)})
    assert exploratory(summary) == (
        "Compared by test/oa; exploratory: test/aa, test/kappa, test/f1, test/ece, each with a Holm correction of its "
        "own."
    )
    assert [(d["metric"], d["exploratory"]) for d in summary.to_dict()["differences"]] == [
        ("test/oa", False),
        *((f"test/{name}", True) for name in ("aa", "kappa", "f1", "ece")),
    ]
    assert exploratory(study(record, {"full": (0.9,), "head": (0.8,)}, metrics=())) is None
