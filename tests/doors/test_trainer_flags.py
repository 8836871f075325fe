"""`trainer.extra`."""

from __future__ import annotations

import inspect

import pytest
import torch
from lightning.pytorch import Trainer

from tests.doors.conftest import same_weights
from tests.slow import mostly_slow
from tlbench.config.trainer_flags import ALLOWED, REFUSED


@pytest.mark.promise("flags of the Trainer")
def test_each_flag_of_lightnings_trainer_is_allowed_or_refused_for_a_reason():
    flags = inspect.signature(Trainer.__init__).parameters.keys() - {"self"}
    assert flags == ALLOWED.keys() | REFUSED.keys()
    assert ALLOWED.keys() & REFUSED.keys() == set()
    assert min(len(reason) for reason in REFUSED.values()) > 10


@pytest.mark.promise("flags of the Trainer")
def test_they_reach_the_trainer_and_the_hash(plain, fit, monkeypatch):
    seen = []
    original = Trainer.__init__

    def watched(self, *args, **options):
        original(self, *args, **options)
        seen.append((options, torch.are_deterministic_algorithms_enabled()))

    monkeypatch.setattr(Trainer, "__init__", watched)
    try:
        run = fit("run", "+trainer.extra.deterministic=true", "+trainer.extra.log_every_n_steps=1")
    finally:
        torch.use_deterministic_algorithms(False)
    ((options, deterministic),) = seen
    assert options["deterministic"] is True
    assert options["log_every_n_steps"] == 1
    assert deterministic
    assert same_weights(run, plain)
    assert run.record.config_hash != plain.record.config_hash


@pytest.mark.promise("flags of the Trainer")
@pytest.mark.parametrize("flag", mostly_slow(sorted(REFUSED), *sorted(REFUSED)[::6]))
def test_the_others_are_refused_by_name_with_the_reason(flag, refused):
    assert (
        refused(f"+trainer.extra.{flag}=1")
        == f"ConfigError: trainer.extra.{flag}=1: not to be given, as {REFUSED[flag]}"
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "+trainer.extra.deterministc=true",
            "no such flag (did you mean 'deterministic'?)",
        ),
        ("+trainer.extra.gradient_clip_algorithm=cube", '=\'cube\': input should be "norm", "value" or null'),
        ("+trainer.extra.profiler=fast", "trainer.extra.profiler='fast': input should be "),
        ("+trainer.extra.deterministic=maybe", "='maybe': input should be true, false, \"warn\" or null"),
        ("+trainer.extra.deterministic=1", "trainer.extra.deterministic=1: input should be "),
        ("+trainer.extra.log_every_n_steps=-1", "=-1: input should be a whole number ≥ 0"),
        ("trainer.extra=3", "trainer.extra"),
    ],
)
def test_unknown_flags_and_values_are_refused(given, says, refused):
    line = refused(given)
    assert says in line
