"""`loss=module`."""

from __future__ import annotations

import pytest

from tests.doors.conftest import same_weights, without_times
from tests.slow import thinned

CROSS_ENTROPY = ("loss=module", "loss.import_path=torch.nn:CrossEntropyLoss")


@pytest.mark.promise("a loss")
def test_cross_entropy_by_import_path_gives_the_run_of_the_tasks_own(plain, fit):
    own = fit("own", *CROSS_ENTROPY)
    assert without_times(own.curves) == without_times(plain.curves)
    assert same_weights(own, plain)
    assert own.record.metrics == plain.record.metrics
    assert own.record.config_hash != plain.record.config_hash
    assert own.record.code.files == {}
    assert own.record.code.distributions.keys() == {"torch"}


@pytest.mark.promise("a loss")
def test_one_of_the_users_own_is_trained_with_reported_and_evaluated(plain, fit):
    focal = fit("focal", "loss=module", "loss.import_path=mine.losses:Focal", "loss.arguments.gamma=0")
    assert same_weights(focal, plain)
    half = fit("half", "loss=module", "loss.import_path=mine.losses:half_cross_entropy", "optimizer.lr=1e-30")
    whole = fit("whole", "optimizer.lr=1e-30")
    assert half.record.metrics["test/loss"] == 0.5 * whole.record.metrics["test/loss"]
    assert [float(value) for value in half.column("val/loss")] == [0.5 * float(v) for v in whole.column("val/loss")]


@pytest.mark.parametrize(
    ("given", "says"),
    thinned(
        [
            (
                "mine.losses:of_each_image",
                "it gives a tensor (8,), no scalar; let it return the mean over a batch",
            ),
            ("mine.losses:Trainable", "it has parameters (scale), which no optimizer would train; "),
            ("mine.losses:not_callable", "it gives a int, which cannot be called; "),
            (
                "mine.losses:failing",
                "building it with no arguments fails: RuntimeError: two lines (losses.py, line ",
            ),
            ("mine.losses:failing_when_called", "computing it fails: TypeError: "),
            ("mine.losses:no_gradient", "no gradients lead from it to the outputs; "),
            ("mine.losses:Missing", "losses.py has no 'Missing'; "),
            ("mine.no_losses:Focal", "there is no module 'mine.no_losses' in the working folder "),
            ("mine.losses", "write package.module:Name, such as torch.nn:CrossEntropyLoss"),
        ],
        2,
    ),
)
def test_what_is_no_loss_is_refused(given, says, refused):
    line = refused("loss=module", f"loss.import_path={given}")
    assert f"loss.import_path='{given}': " in line
    assert says in line


def test_the_tasks_smoothing_is_not_for_it(refused):
    assert refused(*CROSS_ENTROPY, "task.label_smoothing=0.1").startswith(
        "ConfigError: task.label_smoothing=0.1 with loss.import_path='torch.nn:CrossEntropyLoss': it is of the "
    )
