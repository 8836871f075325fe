"""Launchers and sweepers other than those that serve, however they are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.errors import HydraException

from tlbench.config.compose import Composer, Primary, explain
from tlbench.config.conf_folder import config_dir
from tlbench.config.launchers import LAUNCHER
from tlbench.errors import ConfigError

BETTER = {
    "launcher": "only tlbench's own launcher sees which runs fail, and compares the others; drop it, and give "
    "hydra.launcher.n_jobs=2 for so many runs at a time; on several machines start the same command on each, with one "
    "folder: they share the runs",
    "sweeper": "only the basic sweeper serves, as others would optimise a run's exit code; drop it, and list the "
    "values, such as optimizer.lr=1e-4,1e-3, or let tune=optimizer.lr choose them on validation",
}


def refused(*overrides, searched=(), primary=None, study=True):
    with pytest.raises((ConfigError, HydraException)) as caught:
        Composer(searched, primary).compose(overrides, study=study)
    error = caught.value
    return str(error) if isinstance(error, ConfigError) else explain(error)


@pytest.mark.parametrize(
    "chosen",
    [
        "hydra/launcher=joblib",  # not installed here
        "hydra/launcher=submitit_slurm",
        "hydra/launcher=basic",
        "hydra.launcher._target_=hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
        "hydra/sweeper=optuna",
        "hydra/sweeper=nevergrad",
        "hydra.sweeper._target_=hydra_plugins.hydra_ax_sweeper.ax_sweeper.AxSweeper",
    ],
)
def test_what_would_spoil_a_study_is_refused(chosen):
    part = "launcher" if "launcher" in chosen.partition("=")[0] else "sweeper"
    assert refused(chosen, "seed=0,1") == f"{chosen}: {BETTER[part]}"


def test_a_single_run_is_not_sent_to_a_cluster_in_silence():
    assert refused("hydra/launcher=submitit_slurm", study=False).startswith("hydra/launcher=submitit_slurm: only")


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_an_experiment_cannot_choose_one_either(tmp_path):
    write(tmp_path, "experiment/mine.yaml", "# @package _global_\nhydra: {launcher: {_target_: mine.Launcher}}\n")
    text = refused("+experiment=mine", searched=[str(tmp_path)])
    assert text == f"hydra.launcher._target_=mine.Launcher: {BETTER['launcher']}"
    again = "# @package _global_\ndefaults:\n  - override /hydra/launcher: basic\n"  # tlbench's own choice wins
    write(tmp_path, "experiment/again.yaml", again)
    config = Composer([str(tmp_path)]).compose(["+experiment=again"], study=True)
    assert config.hydra.launcher._target_ == LAUNCHER


def test_nor_can_a_plugin_of_the_users_own_nor_another_primary_configuration(tmp_path):
    write(tmp_path, "hydra/launcher/mine.yaml", "_target_: mine.Launcher\n")
    assert refused("hydra/launcher=mine", searched=[str(tmp_path)]).startswith("hydra/launcher=mine: only")
    write(tmp_path, "mine.yaml", "defaults:\n  - train\n  - override hydra/launcher: basic\n  - _self_\n")
    text = refused(primary=Primary("mine"), searched=[str(tmp_path)])
    assert text == f"hydra/launcher=basic: {BETTER['launcher']}"


def test_tlbenchs_own_under_another_name_serves(tmp_path):
    own = "_target_: hydra_plugins.tlbench_launcher.launcher.TlbenchLauncher\nn_jobs: 3\n"
    write(tmp_path, "hydra/launcher/three.yaml", own)
    config = Composer([str(tmp_path)], Primary("train", config_dir())).compose(
        ["hydra/launcher=three", "seed=0,1"], study=True
    )
    assert config.hydra.launcher.n_jobs == 3
