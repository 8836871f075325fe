"""Precision, memory format, compilation and devices, as far as a CPU can show them."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from tests.commands import TINY_RANDOM, train
from tlbench.tasks.classification.task import ClassificationTask

STAGED = (
    *TINY_RANDOM,
    "strategy=gradual_unfreezing",
    "strategy.stages=[[head],[layer4],['layer[1-3]',stem]]",
    "trainer.max_epochs=3",
)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def record(folder):
    return json.loads((folder / "record.json").read_text())


@pytest.mark.promise("bf16 and channels_last")
@pytest.mark.usefixtures("tiny_network")
def test_bf16_and_channels_last(tmp_path, monkeypatch):
    outputs = ClassificationTask.outputs
    seen = []

    def watched(self, inputs):
        found = outputs(self, inputs)
        weight = self.network.conv1.weight
        formats = [t.is_contiguous(memory_format=torch.channels_last) for t in (inputs, weight)]
        seen.append((found.dtype, weight.dtype, *formats))
        return found

    monkeypatch.setattr(ClassificationTask, "outputs", watched)
    losses = []
    for name, more in {"plain": (), "fast": ("trainer.precision=bf16-mixed", "trainer.channels_last=true")}.items():
        seen.clear()
        ended = train(*STAGED, *more, f"hydra.run.dir={name}")
        assert ended.code == 0, ended.err
        reduced = name == "fast"
        expected = torch.bfloat16 if reduced else torch.float32
        assert set(seen) == {(expected, torch.float32, reduced, reduced)}
        losses.append(record(tmp_path / name)["metrics"]["test/loss"])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


@pytest.mark.promise("bf16 and channels_last")
@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("trainer=gpu",), "trainer=gpu: torch sees no GPU on this machine; use trainer=auto or trainer=cpu"),
        (("trainer.precision=16-mixed",), "trainer.precision='16-mixed': needs a GPU; on a CPU use 32-true or bf16"),
        (("trainer=auto", "trainer.precision=16-mixed"), "trainer.precision='16-mixed': needs a GPU"),
        (("trainer=ddp", "trainer.sync_batchnorm=true"), "trainer.sync_batchnorm=true: works on GPUs only"),
        (("trainer=ddp", "data.batch_size=9"), "data.batch_size=9: 2 devices (trainer.devices) share a batch"),
    ],
)
@pytest.mark.usefixtures("tiny_network")
def test_what_the_machine_has_not_is_one_line(tmp_path, overrides, message):
    refused = train(*TINY_RANDOM, *overrides, f"hydra.run.dir={tmp_path / 'run'}")
    assert refused.code == 2
    assert message in refused.one_line()
    assert refused.one_line().startswith("ConfigError: ")


@pytest.mark.usefixtures("tiny_network")
def test_nothing_is_compiled_where_features_are_cached(tmp_path, monkeypatch):
    def compiled(*_args, **_kwargs):
        raise AssertionError("the backbone is not run any more")

    monkeypatch.setattr(nn.Module, "compile", compiled)
    options = ("strategy=feature_extractor", "augmentation=none", "trainer.compile=true")
    ended = train(*TINY_RANDOM, *options, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code == 0, ended.err


@pytest.mark.promise("compiled in each stage")
@pytest.mark.slow
@pytest.mark.usefixtures("tiny_network")
def test_compiled_anew_in_each_stage(tmp_path, monkeypatch):
    """With dynamo and without a compiler behind it: the weights are those of the uncompiled run."""
    compile_, reset = nn.Module.compile, torch._dynamo.reset
    calls = []

    def watched(self, *args, **kwargs):
        calls.append([name for name, p in self.named_parameters() if p.requires_grad])
        compile_(self, *args, backend="eager", **kwargs)

    monkeypatch.setattr(nn.Module, "compile", watched)
    monkeypatch.setattr(torch._dynamo, "reset", lambda: (calls.append("reset"), reset()))
    for name in ("plain", "compiled"):
        ended = train(*STAGED, f"trainer.compile={str(name == 'compiled').lower()}", f"hydra.run.dir={name}")
        assert ended.code == 0, ended.err
    assert calls[::2] == ["reset"] * 3
    assert [len(trainable) for trainable in calls[1::2]] == [2, 5, 17]
    states = [
        torch.load(tmp_path / name / "best.ckpt", weights_only=True)["state_dict"] for name in ("plain", "compiled")
    ]
    assert states[0].keys() == states[1].keys()
    for key, tensor in states[0].items():
        torch.testing.assert_close(states[1][key], tensor, rtol=0, atol=1e-6)
