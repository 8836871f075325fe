"""`callbacks.own`."""

from __future__ import annotations

import signal

import pytest

from tests.commands import TINY_RANDOM, train
from tests.doors.conftest import Ran, same_weights
from tests.resuming import stop_at
from tests.slow import thinned
from tlbench.tasks.classification.task import ClassificationTask

COUNT = "callbacks.own.count={import_path: 'mine.callbacks:CountSteps'}"
OTHER = "callbacks.own.other={import_path: 'mine.callbacks:Named', arguments: {file: other.txt}}"


@pytest.mark.promise("a callback")
def test_its_hooks_are_called_and_it_changes_nothing_else(plain, fit):
    run = fit("run", f"+{COUNT}", f"+{OTHER}")
    assert (run.folder / "counted.txt").read_text() == (run.folder / "other.txt").read_text() == "4 steps\n"
    assert same_weights(run, plain)
    assert run.record.config_hash != plain.record.config_hash


@pytest.mark.promise("a callback")
def test_its_state_outlasts_an_interrupt(fit, tmp_path, tiny_network):
    def stop():
        signal.raise_signal(signal.SIGTERM)

    with stop_at(ClassificationTask, "training_step", 3, stop):
        assert train(*TINY_RANDOM, f"+{COUNT}", f"hydra.run.dir={tmp_path / 'run'}").code == 143
    assert not (tmp_path / "run" / "counted.txt").exists()
    run = fit("run", f"+{COUNT}")
    assert run.record.volatile.resumes == 1
    assert (run.folder / "counted.txt").read_text() == "4 steps\n"


@pytest.mark.parametrize(
    ("given", "says"),
    thinned(
        [
            (
                ("+callbacks.own.a={import_path: 'mine.losses:Focal'}",),
                "callbacks.own.a.import_path='mine.losses:Focal': it gives an object of type Focal, no "
                "lightning.pytorch.Callback; let it return one",
            ),
            (
                (f"+{COUNT}", f"+{COUNT.replace('count=', 'again=')}"),
                "callbacks.own: two keep their states under 'CountSteps'; give each a state_key of its own",
            ),
            (("+callbacks.own.a={import_path: 'mine.callbacks:CountSteps', arguments: {x: 1}}",), "'x'"),
            (
                ("+callbacks.own.a={import_path: 'mine.callbacks:KeepsAPath'}",),
                "callbacks.own.a: its state_dict() cannot be kept in a checkpoint (",
            ),
            (("+callbacks.own.a=3",), "callbacks.own.a"),
        ],
        2,
    ),
)
def test_what_is_no_callback_is_refused(given, says, refused):
    assert says in refused(*given)


def test_one_that_fails_fails_the_run(tiny_network):
    outcome = train(*TINY_RANDOM, "+callbacks.own.a={import_path: 'mine.callbacks:Failing'}")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith("the run failed: RuntimeError: of a callback (traceback in ")


def test_one_of_lightnings_own(fit):
    run = fit("run", "+callbacks.own.rate={import_path: 'lightning.pytorch.callbacks:Timer'}")
    assert run.record.code.files == {}
    assert run.record.code.distributions.keys() == {"lightning"}
    assert isinstance(run, Ran)
