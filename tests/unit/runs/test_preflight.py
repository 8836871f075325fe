"""What only torch and timm know is checked before data are read, and before the first run of a study."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from tests.composed import changed, config, unresolved
from tlbench.errors import ConfigError
from tlbench.runs import preflight as module
from tlbench.runs.preflight import preflight, preflight_all

NO_GPU = "trainer=gpu: torch sees no GPU on this machine; use trainer=auto or trainer=cpu"


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer=gpu"], NO_GPU),
        (
            ["trainer.precision=16-mixed"],
            "trainer.precision='16-mixed': needs a GPU; on a CPU use 32-true or bf16-mixed",
        ),
        (
            ["trainer=ddp", "trainer.sync_batchnorm=true"],
            "trainer.sync_batchnorm=true: works on GPUs only, and torch sees none; use false or model.norm=group",
        ),
        (["model=timm", "model.name=resnet19", "source=random"], "model.name='resnet19': timm "),
        (
            [
                "model=timm",
                "model.name=test_resnet",
                "source=random",
                "strategy=gradual_unfreezing",
                "trainer.max_epochs=3",
            ],
            "strategy.every_n_epochs=1: stage 4 (",
        ),
        (
            ["model=timm", "model.name=test_resnet", "source=random", "strategy.lr_scales={layer9: 0.1}"],
            "strategy.lr_scales: the pattern 'layer9' matches no layer group; there are stem, stage1, ",
        ),
    ],
)
def test_what_cannot_be_done_here_is_said(overrides, message):
    with pytest.raises(ConfigError) as caught:
        preflight(config(*overrides))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(["model.name=tu-resnet19"], "model.name='tu-resnet19': timm ", marks=pytest.mark.slow),
        (
            ["model.name=tu-test_vit"],
            "model.name='tu-test_vit': its feature maps are all at stride 16, and model.decod",
        ),
        pytest.param(
            ["model.name=tu-test_resnet", "strategy.lr_scales={layer9: 0.1}"],
            "strategy.lr_scales: the pattern 'layer9' matches no layer group; there are stem, stage1, ",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_encoder_without_the_feature_maps_is_said_before_a_study_begins(overrides, message):
    wanted = changed(unresolved("task=semantic_segmentation"), "source=random", *overrides)
    for check in (preflight, lambda one: preflight_all([one])):
        with pytest.raises(ConfigError) as caught:
            check(wanted)
        assert str(caught.value).startswith(message)


def test_an_extra_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(
        ConfigError, match=r"not installed; run pip install 'tlbench\[segmentation\]', or use another mo"
    ):
        preflight(changed(unresolved("task=semantic_segmentation")))


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("overrides", "too_much"),
    [
        ([], "trainer=gpu"),
        (["trainer=cpu"], "trainer.precision=16-mixed"),
        (["trainer.precision=bf16-mixed"], "trainer.precision=16-mixed"),
        (["trainer=ddp"], "trainer.sync_batchnorm=true"),
    ],
)
def test_what_can_be_done_is_let_through(overrides, too_much):
    preflight(config(*overrides))
    with pytest.raises(ConfigError, match="GPU"):
        preflight(config(*overrides, too_much))


def test_a_study_asks_another_process_only_where_there_is_something_to_ask(monkeypatch):
    asked = []
    monkeypatch.setattr(module.subprocess, "run", lambda *given, **_: asked.append(given))
    preflight_all([config(), config("trainer=cpu"), config("trainer.devices=2", "trainer.accelerator=cpu")])
    assert asked == []


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_a_study_is_told_of_the_first_run_at_fault():
    configs = [config("trainer=ddp"), config("trainer=gpu")]
    with pytest.raises(ConfigError) as caught:
        preflight_all(configs)
    assert str(caught.value) == NO_GPU


def test_a_check_that_breaks_down_refuses_nothing(monkeypatch):
    asked = []

    def broken(*_, **__):
        asked.append(subprocess.CompletedProcess([], -9, stdout="", stderr=""))
        return asked[-1]

    monkeypatch.setattr(module.subprocess, "run", broken)
    preflight_all([config("trainer=gpu")])
    assert len(asked) == 1


def test_the_batch_is_compared_with_the_data_before_the_weights_are_read(tmp_path):
    from tests.commands import train

    Path("broken.safetensors").write_bytes(b"no weights")
    outcome = train(
        "trainer=cpu", "source=checkpoint", "checkpoint=broken.safetensors", "data.shots=2", "hydra.run.dir=run"
    )
    assert outcome.code == 2
    assert "data.batch_size=32: larger than the 20 training images" in outcome.one_line()
