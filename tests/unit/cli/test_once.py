"""A command line is read once, and what it gives is composed and checked once."""

from __future__ import annotations

import argparse
from collections import Counter

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from tests.commands import train
from tlbench.cli import composed, plan_sweep
from tlbench.cli.execute import Executed
from tlbench.config import parse
from tlbench.runs.dry_run import show
from tlbench.study import launch

RANDOM = ("trainer=cpu", "source=random", "logger.tensorboard=false")
EMBEDDED = ("trainer=cpu", "logger.tensorboard=false", "data=cifar10", "on_missing=embedded", "source=random")


@pytest.fixture
def done(monkeypatch) -> Counter[str]:
    """How often each step was taken; nothing is trained."""
    counted: Counter[str] = Counter()

    def count(owner, name, step):
        function = getattr(owner, name)

        def counting(*args, **kwargs):
            counted[step] += 1
            return function(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    def instead(owner, name, step, result):
        monkeypatch.setattr(owner, name, lambda *_, **__: result)
        count(owner, name, step)

    count(argparse.ArgumentParser, "parse_known_args", "read")
    count(ConfigLoaderImpl, "_load_configuration_impl", "composed")
    count(parse, "chosen_task", "checked")
    instead(composed, "execute", "executed", Executed(None, was_complete=False))
    instead(show, "show_run_plan", "planned", None)
    instead(plan_sweep, "show_sweep_plan", "planned", None)
    instead(launch, "run_jobs", "launched", [0, 0])
    instead(launch, "_conclude", "concluded", None)
    return counted


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (RANDOM, {"composed": 1, "checked": 1, "executed": 1}),
        ((*RANDOM, "plan=true"), {"composed": 1, "checked": 1, "planned": 1}),
        # stand-ins choose other options
        (EMBEDDED, {"composed": 2, "checked": 2, "executed": 1}),
        # what the runs have in common, and each of them; nothing is checked of what only they make whole
        (("-m", *RANDOM, "seed=0,1"), {"composed": 3, "checked": 2, "launched": 1, "concluded": 1}),
        # a key that is swept and no factor becomes one, which names the runs' folders
        (("-m", *RANDOM, "optimizer.lr=0.1,0.2"), {"composed": 5, "checked": 3, "launched": 1, "concluded": 1}),
        # the trials of the two runs' arm
        (
            ("-m", *RANDOM, "seed=0,1", "tune=optimizer.lr", "plan=true"),
            {"composed": 4, "checked": 3, "planned": 1},
        ),
        (("--cfg", "job"), {"composed": 1}),
        (("optimizer.lr=-1",), {"composed": 1, "checked": 1}),
    ],
    ids=" ".join,
)
def test_each_step_is_taken_once(done, arguments, expected):
    outcome = train(*arguments)
    assert outcome.code == (2 if "optimizer.lr=-1" in arguments else 0), outcome.err
    assert done == {"read": 1, **expected}


def test_variables_that_hydra_sets_for_a_job_are_those_of_its_run(monkeypatch):
    given = []
    monkeypatch.setattr(composed, "execute", lambda config, _folder: given.append(config) or Executed(None, False))
    monkeypatch.setenv("OF_A_JOB", "outer")
    assert train(*RANDOM, "+hydra.job.env_set.OF_A_JOB=inner", "study=s_${oc.env:OF_A_JOB}").code == 0
    assert [config.study for config in given] == ["s_inner"]
