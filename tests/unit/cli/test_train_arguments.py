"""What the command line of `tlbench.train` says before anything is composed into a run."""

from __future__ import annotations

import pytest

from tests.commands import train


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--epochs", "3"],
            "--epochs: no such option; settings are given as key=value, without dashes, such as "
            "trainer.max_epochs=3; --help all lists them",
        ),
        (
            ["--img-size=64"],
            "--img-size=64: no such option; settings are given as key=value, without dashes, such as "
            "data.image_size=64; --help all lists them",
        ),
        (
            ["--lr", "--wd"],
            "--lr: no such option; settings are given as key=value, without dashes, such as optimizer.lr=…; "
            "--help all lists them",
        ),
    ],
)
def test_a_setting_with_dashes_is_answered_with_its_key(arguments, line):
    outcome = train(*arguments)
    assert outcome.code == 2
    assert outcome.one_line() == f"ConfigError: {line}"


@pytest.mark.parametrize("launcher", ["hydra/launcher=joblib", "hydra/launcher=basic"])
def test_another_launcher_begins_no_study(launcher, tmp_path):
    outcome = train("-m", launcher, "seed=0,1", "hydra.sweep.dir=study")
    assert outcome.code == 2
    assert outcome.one_line().startswith(f"ConfigError: {launcher}: only tlbench's own launcher")
    assert not (tmp_path / "study").exists()
