"""How many training images a source is worth."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from tlbench.study.label_worth import label_worths, sentences
from tlbench.study.summary import summarise_study

FACTORS = ("source", "data.shots")


@pytest.fixture
def study(record):
    """Records of `{("tin200", 100): [scores by seed]}`."""

    def make(scores):
        found = []
        for (source, shots), values in scores.items():
            for seed, value in enumerate(values):
                run = record(
                    f"{source}-{shots}",
                    seed,
                    metrics={"test/oa": value},
                    data__split_rule={"counts": {"train": 10 * shots, "val": 5, "test": 5}},
                )
                run.config["source"]["name"], run.config["data"]["shots"] = source, shots
                found.append(run.model_copy(update={"factors": list(FACTORS)}))
        return found

    return make


def worths(records, **options):
    arms = dict.fromkeys(run.arm for run in records)
    runs = {arm: [run for run in records if run.arm == arm] for arm in arms}
    values = {arm: {run.seed: run.metrics["test/oa"] for run in of} for arm, of in runs.items()}
    found = label_worths(runs, values, FACTORS, 0.95, **{"higher_is_better": True, **options})
    return {each.arm: each for each in found}


@pytest.mark.promise("what a source is worth in labels")
def test_between_two_points_the_number_is_taken_by_its_logarithm(study):
    records = study(
        {
            ("tin200", 10): [0.6, 0.65, 0.7],
            ("random", 10): [0.2, 0.2, 0.2],
            ("random", 100): [0.6, 0.6, 0.6],
            ("random", 1000): [0.8, 0.8, 0.8],
        }
    )
    found = worths(records)["tin200-10"]
    logs = [math.log(1000), math.log(1000 * 10**0.25), math.log(1000 * 10**0.5)]
    low, high = stats.t.interval(0.95, 2, sum(logs) / 3, stats.sem(logs))
    assert found.images == 100
    assert found.worth == pytest.approx(1000 * 10**0.25)
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert (found.fewest, found.most, found.never, found.already) == (100, 10_000, (), ())
    (line,) = sentences([found], "test/oa")
    assert line == (
        "tin200-10: its 100 training images are worth 1,778 [426, 7,431] from random weights by test/oa, 17.8 times, "
        "over 3 seeds"
    )


def test_a_score_that_random_weights_never_have_and_one_that_they_have_at_once(study):
    records = study(
        {
            ("tin200", 10): [0.1, 0.3],
            ("tin200", 100): [0.9, 0.5],
            ("random", 10): [0.2, 0.2],
            ("random", 100): [0.6, 0.6],
        }
    )
    few, many = (worths(records)[f"tin200-{shots}"] for shots in (10, 100))
    assert few.already == (0,)
    assert few.worth == pytest.approx(math.sqrt(100 * 100 * 10**0.25))
    assert (many.worth, many.low, many.never) == (None, None, (0,))
    (line,) = sentences([many], "test/oa")
    assert "more than 1,000 from random weights by test/oa, in 1 of 2 seeds at least" in line


def test_seeds_that_a_point_lacks_are_left_out(study):
    records = study({("tin200", 10): [0.5, 0.5, 0.4], ("random", 10): [0.2, 0.2], ("random", 100): [0.6, 0.6, 0.6]})
    assert worths(records)["tin200-10"].seeds == (0, 1)


def test_of_losses_the_lower_is_better(study):
    records = study({("tin200", 10): [0.5], ("random", 10): [0.9], ("random", 100): [0.1]})
    found = worths(records, higher_is_better=False)["tin200-10"]
    assert found.worth == pytest.approx(100 * 10**0.5)
    assert found.low is None


def test_a_study_of_other_factors_has_none(study):
    records = study({("tin200", 10): [0.5], ("random", 10): [0.2], ("random", 100): [0.6]})
    runs = {"tin200-10": records[:1], "random-10": records[1:2], "random-100": records[2:]}
    values = {arm: {0: of[0].metrics["test/oa"]} for arm, of in runs.items()}
    assert label_worths(runs, values, ["source"], 0.95, higher_is_better=True) == ()
    assert label_worths(runs, values, ["data.shots"], 0.95, higher_is_better=True) == ()


@pytest.mark.promise("what a source is worth in labels")
def test_a_study_of_sources_and_shots_says_it(study):
    records = study({("tin200", 10): [0.4, 0.5], ("random", 10): [0.2, 0.2], ("random", 100): [0.6, 0.6]})
    summary = summarise_study(records, FACTORS)
    assert [each.arm for each in summary.label_worths] == ["tin200-10"]
    assert summary.to_dict()["label_worths"][0]["images"] == 100
