from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tlbench.config.compose import compose_config
from tlbench.config.upgrade import upgraded
from tlbench.records.record import Record
from tlbench.study.tuning_notes import tuning_notes


def tuned_with(seed: int) -> dict[str, Any]:
    """A search of one trial."""
    ranges, chosen = {"optimizer.lr": [1e-5, 0.1]}, {"optimizer.lr": 0.01}
    trials = [{"values": chosen, "value": 0.5, "status": "complete"}]
    searched = {"keys": ["optimizer.lr"], "ranges": ranges, "budget": 1, "seed": seed, "max_epochs": 1}
    return {**searched, "monitor": "val/oa", "config_hash": "", "trials": trials, "chosen": chosen, "warnings": []}


@pytest.mark.promise("the tuning's own seed")
def test_a_seed_that_tuned_and_is_reported_is_told(record: Callable[..., Record]) -> None:
    def notes(seed: int) -> list[str]:
        return tuning_notes({arm: [record(arm, n, tuning=tuned_with(seed)) for n in (0, 1)] for arm in ("a", "b")})

    assert len(notes(1000)) == 1
    assert notes(1)[1:] == [
        "Tuned with seed 1, which is one of the runs', too: the values suit it, and its runs look better than those of "
        "other seeds; tuning.seed=1000 in another study is none of theirs."
    ]


@pytest.mark.promise("the tuning's own seed")
def test_the_tunings_seed_is_outside_of_usual_studies_and_older_records_keep_theirs() -> None:
    config = compose_config(("tune=optimizer.lr",)).model_dump(mode="json")
    assert config["tuning"]["seed"] == 1000
    del config["tuning"]["seed"]
    assert upgraded(config)["tuning"]["seed"] == 0
