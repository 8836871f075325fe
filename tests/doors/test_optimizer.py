"""`optimizer=module`."""

from __future__ import annotations

import pytest

from tests.doors.conftest import same_weights
from tests.slow import thinned

ADAMW = ("optimizer=module", "optimizer.import_path=torch.optim:AdamW", "optimizer.arguments.fused=true")


@pytest.mark.promise("an optimizer")
def test_adamw_by_import_path_gives_the_run_of_adamw(plain, fit):
    own = fit("own", *ADAMW, "optimizer.arguments.betas=[0.9,0.999]", "optimizer.warmup_epochs=0")
    assert own.record.config["optimizer"]["name"] == "module"
    assert same_weights(own, plain)
    assert own.record.metrics == plain.record.metrics


@pytest.mark.promise("an optimizer")
def test_one_of_the_users_own_steps_with_each_groups_rate(fit):
    one = fit("one", "optimizer=module", "optimizer.import_path=mine.optimizers:SignSGD", "optimizer.warmup_epochs=0")
    two = fit(
        "two",
        "optimizer=module",
        "optimizer.import_path=mine.optimizers:SignSGD",
        "optimizer.arguments.scale=2",
        "optimizer.lr=5e-4",
        "optimizer.warmup_epochs=0",
    )
    assert same_weights(one, two)  # steps of lr · scale
    assert one.record.code.files.keys() == {"mine", "mine.optimizers"}


@pytest.mark.parametrize(
    ("path", "says"),
    thinned(
        [
            ("in_one_group", "it has the parameter groups [None], and was given ["),
            ("no_optimizer", "it gives an object of type list, no torch.optim.Optimizer; let it return one"),
            ("without_lr", "let it take lr by name"),
        ],
        2,
    ),
)
def test_what_is_no_optimizer_is_refused(path, says, refused):
    line = refused("optimizer=module", f"optimizer.import_path=mine.optimizers:{path}")
    assert line.startswith(f"ConfigError: optimizer.import_path='mine.optimizers:{path}': ")
    assert says in line


@pytest.mark.parametrize(
    ("given", "says"),
    thinned(
        [
            (("optimizer=module",), "optimizer.import_path"),
            (
                (*ADAMW, "optimizer.arguments.lr=1"),
                "optimizer.arguments.lr=1: each parameter group gets it by optimizer.lr; ",
            ),
            ((*ADAMW, "optimizer.arguments.weight_decay=1"), "optimizer.arguments.weight_decay=1: each "),
            ((*ADAMW, "optimizer.arguments.rate=1"), "rate"),
            ((*ADAMW, "optimizer.momentum=0.9"), "optimizer.momentum"),
            (
                ("optimizer=adamw", "optimizer.import_path=torch.optim:AdamW"),
                "optimizer.name='adamw' with an import path",
            ),
            (("optimizer=module", "optimizer.import_path=torch.optim:LBFGS"), "LBFGS"),
        ],
        3,
    ),
)
def test_what_cannot_be_asked_of_one_is_refused(given, says, refused):
    line = refused(*given)
    assert says in line
