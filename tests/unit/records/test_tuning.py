"""How a run finds out how its values were chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.composed import config
from tlbench.errors import ConfigError
from tlbench.records.tuning import RESULT_FILE, TuningRecord, ranges_of, read_tuning, tuning_of, write_tuning

RUN, TUNING = Path("study/tin200/seed_0"), Path("study/tin200/tuning")
TUNE = "tune=[optimizer.lr]"


def choice(**changes) -> TuningRecord:
    c = config(TUNE, "tuning.trials=1")
    fields = {
        "keys": c.tune,
        "ranges": ranges_of(c),
        "budget": 1,
        "seed": c.tuning.seed,
        "max_epochs": c.trainer.max_epochs,
        "monitor": "val/oa",
        "config_hash": "0",
        "trials": [{"values": {"optimizer.lr": 0.02}, "value": 0.5, "status": "complete"}],
        "chosen": {"optimizer.lr": 0.02},
        "warnings": [],
    }
    return TuningRecord.model_validate({**fields, **changes})


def test_what_is_written_is_read_and_belongs_to_the_run_with_the_chosen_value():
    write_tuning(TUNING, choice())
    assert read_tuning(TUNING) == choice()
    assert tuning_of(config(TUNE, "tuning.trials=1", "optimizer.lr=0.02"), RUN) == choice()
    assert tuning_of(config(), RUN) is None


@pytest.mark.parametrize(
    "overrides",
    [
        ("tuning.trials=1",),
        ("tuning.trials=2", "optimizer.lr=0.02"),
        ("tuning.trials=1", "optimizer.lr=0.02", "tuning.seed=1"),
        ("tuning.trials=1", "optimizer.lr=0.02", "tuning.max_epochs=3"),
        ("tuning.trials=1", "optimizer.lr=0.02", "tuning.ranges.optimizer.lr=[0.01,0.1]"),
    ],
)
def test_a_run_with_a_value_that_this_search_did_not_choose_is_refused(overrides):
    write_tuning(TUNING, choice())
    with pytest.raises(ConfigError, match=r"tune=\[optimizer.lr\]: values are chosen for the arms of a study.*add -m"):
        tuning_of(config(TUNE, *overrides), RUN)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_what_is_no_choice_counts_for_none(content):
    if content is not None:
        TUNING.mkdir(parents=True)
        (TUNING / RESULT_FILE).write_bytes(content)
    assert read_tuning(TUNING) is None
