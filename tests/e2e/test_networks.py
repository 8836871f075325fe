"""Networks of timm and of the user's own, through whole commands."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from tests.commands import TINY, TINY_RANDOM, train
from tests.slow import mostly_slow
from tlbench.runs.checkpoints import read_checkpoint

CNN = ("model=timm", "model.name=resnet10t")
VIT = ("model=timm", "model.name=test_vit")
DISTILLED = ("model=timm", "model.name=deit_tiny_distilled_patch16_224", "model.arguments={depth: 2, embed_dim: 48}")
KINDS = {"cnn": CNN, "vit": VIT}
GROUPS = ["stem", "stage1", "stage2", "stage3", "stage4", "head"]
CACHED = ("strategy=feature_extractor", "augmentation=none", "optimizer=sgd")  # Adam blows rounding up

NETS = """
from torch import nn


class Small(nn.Module):
    def __init__(self, num_classes, width):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, width, 5, stride=4), nn.BatchNorm2d(width)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.fc(self.drop(self.norm(self.conv(images)).relu().mean(dim=(2, 3))))


class Auxiliary(Small):
    def forward(self, images):
        logits = super().forward(images)
        return (logits, logits) if self.training else logits
"""
OWN = (
    "model=module",
    "model.name=small",
    "model.import_path=own_nets:Small",
    "model.arguments={width: 8}",
    "model.groups={stem: [conv], body: [norm], head: [fc]}",
)


@pytest.fixture(autouse=True)
def own_nets(tmp_path, monkeypatch):
    """`own_nets.py` in the working folder."""
    (tmp_path / "own_nets.py").write_text(NETS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_nets", raising=False)


def run(folder, *overrides):
    outcome = train(*TINY_RANDOM, *overrides, f"hydra.run.dir={folder}")
    assert outcome.code == 0, outcome.err
    return json.loads((folder / "record.json").read_text())


def head_of(folder, name):
    state = read_checkpoint(folder / "best.ckpt")["state_dict"]
    return {key: tensor for key, tensor in state.items() if key.startswith(f"network.{name}.")}


@pytest.mark.promise("strategies on timm")
@pytest.mark.parametrize("kind", mostly_slow(KINDS, "cnn"))
def test_gradual_unfreezing_goes_through_the_derived_groups(tmp_path, kind):
    stages = "strategy.stages=[[head],[stage4,'stage[23]'],['*1',stem]]"
    unfreezing = ("strategy=gradual_unfreezing", "trainer.max_epochs=3", stages, "strategy.lr_decay=0.5")
    record = run(tmp_path / "run", *KINDS[kind], *unfreezing)  # proves by hashes that frozen groups keep their bits
    assert [stage["name"] for stage in record["stages"]] == ["head", "stage4+stage3+stage2", "stage1+stem"]
    assert list(record["model"]["group_parameters"]) == GROUPS
    assert record["stages"][-1]["parameters"] == record["model"]["parameters"]
    assert record["model"]["name"] == KINDS[kind][1].partition("=")[2]


@pytest.mark.parametrize("kind", mostly_slow(KINDS, "cnn"))
def test_full_training_with_a_penalty_on_the_heads_input_and_channels_last(tmp_path, kind):
    record = run(tmp_path / "run", *KINDS[kind], "regulariser=bss", "trainer.channels_last=true")
    assert record["status"] == "complete"
    assert len(record["curves"]) == 2


@pytest.mark.promise("strategies on timm")
@pytest.mark.parametrize("kind", mostly_slow(KINDS, "vit"))
def test_a_head_trained_on_cached_features_equals_one_that_is_not(tmp_path, kind):
    name = {"cnn": "fc", "vit": "head"}[kind]
    run(tmp_path / "cached", *KINDS[kind], *CACHED)
    run(tmp_path / "plain", *KINDS[kind], *CACHED, "strategy.cache_features=false")
    cached, plain = head_of(tmp_path / "cached", name), head_of(tmp_path / "plain", name)
    assert len(cached) == 2
    for key, tensor in cached.items():
        torch.testing.assert_close(tensor, plain[key], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "option", mostly_slow(["model.norm=group", "callbacks.freeze_batch_norm=statistics_and_affine"], "model.norm=group")
)
def test_norms_of_a_network_with_built_in_activations(tmp_path, option):
    record = run(tmp_path / "run", "model=efficientnet_lite0", option, "trainer.max_epochs=1")
    assert list(record["model"]["group_parameters"]) == [*GROUPS[:-1], "stage5", "head"]


@pytest.mark.promise("a network of one's own")
def test_ones_own_module(tmp_path):
    record = run(tmp_path / "run", *OWN, "strategy=head_then_full", "strategy.head_epochs=1")
    assert record["model"] == {
        "name": "small",
        "parameters": 8 * 75 + 8 + 16 + 90,
        "group_parameters": {"stem": 8 * 75 + 8, "body": 16, "head": 90},
    }
    assert list(record["config"]["model"]["groups"]) == ["stem", "body", "head"]


@pytest.mark.promise("a network of one's own")
@pytest.mark.slow
def test_ones_own_module_in_a_config_folder_of_ones_own_and_a_process_of_its_own(tmp_path):
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "small.yaml").write_text(
        "name: small\nlibrary: module\nimport_path: own_nets:Small\narguments: {width: 4}\n"
        "groups:\n  stem: [conv]\n  body: [norm, drop]\n  head: [fc]\nnorm: batch\n"
    )
    code = "import sys; sys.path[0] = '/nowhere'; from tlbench.train import entry; entry()"  # as the console script
    command = [sys.executable, "-c", code, "--config-dir", "own", *TINY_RANDOM, "model=small", "trainer.max_epochs=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "outputs" / "digits_small" / "random" / "seed_0" / "record.json").read_text())
    assert record["model"]["group_parameters"] == {"stem": 304, "body": 8, "head": 50}


def test_dropout_before_the_head_is_not_cached_away_unnoticed(tmp_path):
    """It lies in no group of `OWN`, so that it drops also where all that comes before the head is frozen."""
    outcome = train(*TINY_RANDOM, *OWN, *CACHED, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 2
    assert "strategy.cache_features=true: in training 'small' gives its head other features" in outcome.one_line()
    frozen = "model.groups={stem: [conv], body: [norm, drop], head: [fc]}"
    assert run(tmp_path / "frozen", *OWN, *CACHED, frozen)["status"] == "complete"


@pytest.mark.promise("strategies on timm")
@pytest.mark.parametrize("model", [*KINDS.values(), OWN], ids=[*KINDS, "own"])
def test_a_dry_run(tmp_path, model):
    outcome = train(*TINY_RANDOM, *model, "strategy=head_then_full", "strategy.head_epochs=1", "plan=true")
    assert outcome.code == 0, outcome.err
    assert ", ".join(GROUPS if model != OWN else ["stem", "body", "head"]) in " ".join(outcome.out.split())
    assert not (tmp_path / "outputs").exists()


ERRORS = {
    "an unknown network": (("model=timm", "model.name=resnt18"), ["model.name='resnt18'", "did you mean resnet18"]),
    "no network": (("model=timm",), ["model.name=???", "give model.name=resnet50"]),
    "images that are too small": (
        ("model=timm", "model.name=inception_v3"),
        ["model.name='inception_v3': its forward pass fails on images of 32 pixels", "such as its own 299"],
    ),
    "a pattern of another network": (
        (*VIT, "strategy.lr_scales={layer4: 0.5}"),
        ["strategy.lr_scales: the pattern 'layer4' matches no layer group; there are stem, stage1, stage2"],
    ),
    "stages of another network": (
        (*VIT, "strategy=gradual_unfreezing", "strategy.stages=[[head],[layer4]]"),
        ["strategy.stages: stage 2 ['layer4']", "matches no layer group; there are stem, stage1"],
    ),
    "two heads and a penalty on the head's input": (
        (*DISTILLED, "regulariser=bss"),
        ["regulariser.bss=0.001: the head group 'head' is not one module but head, head_dist", "use regulariser=none"],
    ),
    "two heads and cached features": (
        (*DISTILLED, *CACHED),
        ["strategy.cache_features=true: the head group 'head' is not one module", "use strategy.cache_features=false"],
    ),
    "a module that is not there": (
        (*OWN, "model.import_path=other_nets:Small"),
        ["model.import_path='other_nets:Small': there is no module 'other_nets' in the working folder"],
    ),
    "a module with other arguments": ((*OWN, "model.arguments=null"), ["missing a required argument: 'width'"]),
    "a module with auxiliary outputs": (
        (*OWN, "model.import_path=own_nets:Auxiliary"),
        ["model.name='small': in training it gives a tuple, not one tensor (B, 10) of logits; let it return that"],
    ),
    "groups that leave something out": (
        (*OWN[:-1], "model.groups={stem: [conv], head: [fc]}"),
        [
            "model.groups: parameters or buffers in no layer group: norm.weight",
            "network's parts are conv, norm, fc",
        ],
    ),
}


@pytest.mark.parametrize(
    "case",
    mostly_slow(
        ERRORS,
        "an unknown network",
        "a pattern of another network",
        "two heads and cached features",
        "a module that is not there",
        "groups that leave something out",
    ),
)
def test_what_cannot_be_meant_is_one_line(tmp_path, case):
    arguments, fragments = ERRORS[case]
    outcome = train(*TINY_RANDOM, *arguments, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 2
    line = outcome.one_line()
    assert line.startswith("ConfigError: ")
    assert [fragment for fragment in fragments if fragment not in line] == []
    assert not list(tmp_path.rglob("*.ckpt"))


def test_two_heads_train_as_one_group(tmp_path):
    record = run(tmp_path / "run", *DISTILLED, "strategy=feature_extractor", "trainer.max_epochs=1")
    assert record["stages"][0]["parameters"] == record["model"]["group_parameters"]["head"] == 2 * (48 * 10 + 10)


@pytest.mark.slow
def test_torchvisions_weights_start_timms_network_of_the_same_name(tmp_path):
    """Their tensors have the same names and shapes."""
    outcome = train(*TINY, "model=timm", "model.name=resnet18", "trainer.max_epochs=1", f"hydra.run.dir={tmp_path}")
    assert outcome.code == 0, outcome.err
    assert "tin200: 120 tensors loaded, 2 re-initialised (head: fc.weight, fc.bias)" in outcome.out
