from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter
from rich.console import Console
from scipy import stats

from tests.unit.study.curves import STEPS, curve
from tlbench.records.record import Record
from tlbench.study.render import render
from tlbench.study.summary import StudySummary, summarise_study
from tlbench.study.time_sentences import time_lines
from tlbench.study.time_to_score import TimeToScore, times_to_score

Make = Callable[..., Record]

QUICK = [[0.5, 0.9, 0.9, 0.9], [0.3, 0.5, 0.9, 0.9], [0.9, 0.4, 0.9, 0.9]]
SLOW = [[0.1, 0.3, 0.5, 0.6], [0.1, 0.4, 0.4, 0.4], [0.1, 0.2, 0.5, 0.5]]  # best 0.6, 0.4, 0.5: 0.5 on average


def runs(record: Make, arm: str, curves: Sequence[Sequence[float | None]], **changes: Any) -> list[Record]:
    return [record(arm, seed, **curve(values, **changes)) for seed, values in enumerate(curves)]


def found(a: list[Record], b: list[Record]) -> TimeToScore:
    (time,) = times_to_score({"tin200": "random"}, {"tin200": a, "random": b}, 0.95)
    return time


@pytest.mark.promise("time to a score")
def test_the_score_is_the_worse_arms_mean_best_and_seeds_that_never_have_it_count_with_all_they_trained(
    record: Make,
) -> None:
    time = found(runs(record, "tin200", QUICK), runs(record, "random", SLOW))
    assert (time.monitor, time.score, time.of, time.seeds) == ("val/oa", pytest.approx(0.5), "random", (0, 1, 2))
    assert time.never == {"tin200": (), "random": (1,)}
    d = [1 - 3, 2 - 4, 1 - 3]  # the epochs of the first value of at least 0.5; seed 1 of random has 4 and no such value
    assert (time.epochs.arm, time.epochs.baseline, time.epochs.difference) == (
        pytest.approx(4 / 3),
        pytest.approx(10 / 3),
        pytest.approx(sum(d) / 3),
    )
    half = stats.t.ppf(0.975, 2) / 6**0.5 / 3**0.5  # equal differences of whole epochs
    assert (time.epochs.low, time.epochs.high) == (pytest.approx(-2 - half), pytest.approx(-2 + half))
    assert (time.steps.difference, time.steps.low) == (pytest.approx(-2 * STEPS), pytest.approx((-2 - half) * STEPS))
    assert time.seconds is not None  # 10 s for 4 epochs
    assert (time.seconds.difference, time.seconds.high) == (pytest.approx(-5), pytest.approx((-2 + half) * 2.5))
    assert time.equal_epochs


def test_the_baseline_may_be_the_faster_one(record: Make) -> None:
    time = found(runs(record, "tin200", SLOW), runs(record, "random", QUICK))
    assert (time.of, time.never, time.epochs.difference) == ("tin200", {"tin200": (1,), "random": ()}, 2.0)


def test_of_a_loss_lower_is_better(record: Make) -> None:
    quick, slow = [[1.0, 0.2, 0.1]], [[2.0, 1.0, 0.5]]
    time = found(runs(record, "tin200", quick, monitor="val/loss"), runs(record, "random", slow, monitor="val/loss"))
    assert (time.score, time.of) == (0.5, "random")
    assert (time.epochs.arm, time.epochs.baseline, time.epochs.low) == (2.0, 3.0, None)


def test_epochs_without_a_value_keep_their_numbers(record: Make) -> None:
    time = found(runs(record, "tin200", [[None, 0.9, None, 0.9]]), runs(record, "random", [[0.1, None, None, 0.5]]))
    assert (time.epochs.arm, time.epochs.baseline, time.steps.baseline) == (2.0, 4.0, 4.0 * STEPS)


def test_seconds_are_not_made_up_and_features_computed_once_count_in_every_epoch(record: Make) -> None:
    random = runs(record, "random", SLOW)
    resumed = record("tin200", 0, **curve(QUICK[0]), volatile__resumes=1)
    assert found([resumed, *runs(record, "tin200", QUICK)[1:]], random).seconds is None
    cached = [record("tin200", seed, **curve(QUICK[seed]), volatile__cache_s=6.0) for seed in range(3)]
    seconds = found(cached, random).seconds
    assert seconds is not None
    assert seconds.arm == pytest.approx(((6 + 1) + (6 + 2) + (6 + 1)) / 3)  # 4 s for 4 epochs, behind 6 s


def test_where_each_epochs_end_was_clocked_seconds_are_those(record: Make) -> None:
    ends = [3.0, 13.0, 14.0, 15.0]
    clocked = [record("tin200", i, **curve(QUICK[i]), volatile__epoch_ends_s=ends) for i in range(3)]
    again = [record("random", i, **curve(SLOW[i]), volatile__epoch_ends_s=ends, volatile__resumes=1) for i in range(3)]
    time = found(clocked, again)
    assert time.seconds is not None
    assert (time.seconds.arm, time.seconds.baseline) == (pytest.approx((3 + 13 + 3) / 3), pytest.approx(43 / 3))
    assert not time.equal_epochs
    assert list(time_lines(time, percent=True))[1].endswith("s of training [−20.9, +4.9].")
    assert found(clocked, runs(record, "random", SLOW)).equal_epochs  # an older record among them


def test_what_cannot_be_held_against_each_other_has_no_time(record: Make) -> None:
    tin200, random = runs(record, "tin200", QUICK), runs(record, "random", SLOW)
    of_loss = runs(record, "random", SLOW, monitor="val/loss")
    without = [record("random", seed) for seed in range(3)]
    other_seeds = [record("random", 7, **curve(SLOW[0]))]
    for b in (of_loss, without, other_seeds, []):
        assert times_to_score({"tin200": "random"}, {"tin200": tin200, "random": b}, 0.95) == ()
    assert [t.seeds for t in times_to_score({"tin200": "random"}, {"tin200": tin200[1:], "random": random}, 0.95)] == [
        (1, 2)
    ]


def test_two_lines_say_it(record: Make) -> None:
    time = found(runs(record, "tin200", QUICK), runs(record, "random", SLOW))
    assert list(time_lines(time, percent=True)) == [
        "To val/oa 50.0 %, the mean best of random: tin200 takes 1.3 epochs, random at least 3.3 (1 of 3 seeds never "
        "reaches it in 4 epochs): −2.0 epochs, 95% interval [−3.0, −1.0].",
        "That is −18 steps [−27, −9] and −5.0 s of training [−7.5, −2.5], if all epochs take as long.",
    ]
    resumed = [record("random", 0, **curve(SLOW[0]), volatile__resumes=1)]
    one = found(runs(record, "tin200", QUICK[:1]), resumed)
    assert list(time_lines(one, percent=False)) == [
        "To val/oa 0.600, the mean best of random: tin200 takes 2.0 epochs, random 4.0: −2.0 epochs.",
        "That is −18 steps; the seconds are not known, as of runs that were resumed.",
    ]


def test_a_study_prints_and_keeps_it_and_reads_summaries_that_lack_it(record: Make) -> None:
    summary = summarise_study([*runs(record, "tin200", QUICK), *runs(record, "random", SLOW)], ["source"])
    plain = io.StringIO()
    Console(file=plain, width=300).print(render(summary))
    assert plain.getvalue().count("  To val/oa 50.0 %, the mean best of random") == 1
    kept = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert kept["times_to_score"][0]["epochs"]["difference"] == -2.0
    reading = TypeAdapter(StudySummary)
    assert reading.validate_python(kept).times_to_score == summary.times_to_score
    del kept["times_to_score"]
    assert reading.validate_python(kept).times_to_score == ()
