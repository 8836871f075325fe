from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.staged import fit, same_bits, source_network, state, task_of
from tests.voices import hearing
from tlbench.callbacks.feature_cache import FeatureCache
from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing
from tlbench.errors import ConfigError
from tlbench.networks.network import Network
from tlbench.system.voice import SILENT, Voice
from tlbench.tasks.classification.task import ClassificationTask

EXTRACTOR = ("strategy=feature_extractor", "augmentation=none", "trainer.max_epochs=3")


def cached(
    network: Network, folder: Any, *overrides: str, voice: Voice = SILENT
) -> tuple[ClassificationTask, FeatureCache]:
    task = task_of(*EXTRACTOR, *overrides, network=network)
    cache = FeatureCache(voice)
    fit(task, [GradualUnfreezing(task.stages), cache], folder)
    return task, cache


def counted(network: Network) -> list[int]:
    """The number of images of each call of the stem, as they come."""
    calls: list[int] = []
    network.module.conv1.register_forward_hook(lambda _module, inputs, _output: calls.append(len(inputs[0])))
    return calls


def test_the_backbone_sees_every_image_once_in_three_epochs(tmp_path):
    network = source_network()
    calls, lines = counted(network), []
    _, cache = cached(network, tmp_path, voice=hearing(lines))
    assert calls == [20, 90]
    assert lines == [f"features computed once: 20 of train, 90 of val, 4 each, in {cache.seconds:.1f} s"]


def test_the_head_trains_on_the_features_of_the_sources_backbone_in_the_loaders_order(tmp_path, monkeypatch):
    network = source_network()
    batches: list[tuple[Tensor, ...]] = []
    training_step = ClassificationTask.training_step
    monkeypatch.setattr(
        ClassificationTask, "training_step", lambda *a: (batches.append(a[1]), training_step(*a))[1]
    )  # fmt: skip
    task, _ = cached(network, tmp_path)
    data = task.trainer.datamodule
    (images,) = data.prepared("train")
    source = source_network().module.eval()
    source.fc = nn.Identity()
    with torch.no_grad():
        features = source(images)
    labels = data.target.splits["train"].labels
    assert len(batches) == 6
    for inputs, targets, index in batches:
        torch.testing.assert_close(inputs, features[index], rtol=0, atol=1e-6)
        assert torch.equal(targets, labels[index])
    assert len({tuple(index.tolist()) for _, _, index in batches}) == 6  # another order in each epoch


def test_only_the_head_moves_and_what_follows_the_fit_goes_through_the_whole_network(tmp_path):
    network = source_network()
    before = state(network)
    task, _ = cached(network, tmp_path)
    assert set(before) - set(same_bits(before, state(network))) == {"fc.weight", "fc.bias"}
    calls = counted(network)
    last = task.trainer.callback_metrics["val/loss"].item()
    (again,) = task.trainer.validate(task, datamodule=task.trainer.datamodule, verbose=False)
    assert calls == [90]
    assert again["val/loss"] == pytest.approx(last, abs=1e-6)
    calls.clear()
    task.trainer.test(task, datamodule=task.trainer.datamodule, verbose=False)
    assert sum(calls) == 90


def test_the_modes_are_as_before(tmp_path):
    modes = []

    class Look(FeatureCache):
        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            modes.append([module.training for module in pl_module.modules()])
            super().on_fit_start(trainer, pl_module)
            modes.append([module.training for module in pl_module.modules()])

    task = task_of(*EXTRACTOR)
    fit(task, [GradualUnfreezing(task.stages), Look(SILENT)], tmp_path)
    assert modes[0] == modes[1]
    assert {True, False} == set(modes[0])  # the head trains, what is frozen does not


class Wrapped(nn.Module):
    """The tiny network with another way from the features to the outputs."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.inner, self.way = source_network().module, way
        self.fc, self.inner.fc = self.inner.fc, nn.Identity()

    def forward(self, images: Tensor) -> Any:
        features = self.inner(images)
        return {
            "more than the head": lambda: 2 * self.fc(features),
            "the head called twice": lambda: self.fc(features) + self.fc(features),
            "the head called with a keyword": lambda: self.fc(input=features),
            "features of more than one dimension": lambda: self.fc(features[:, None])[:, 0],
            "not one tensor": lambda: (self.fc(features),),
            "nothing but the head": lambda: self.fc(features),
        }[self.way]()


@pytest.mark.parametrize(
    "way",
    [
        "more than the head",
        "the head called twice",
        "the head called with a keyword",
        "features of more than one dimension",
        "not one tensor",
    ],
)
def test_a_network_whose_outputs_are_more_than_its_heads_is_refused(tmp_path, way):
    network = Network(Wrapped(way), {"backbone": ("inner",), "head": ("fc",)}, "head")
    with pytest.raises(ConfigError, match=r"^strategy\.cache_features=true: .* use strategy\.cache_features=false$"):
        cached(network, tmp_path)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_wrapped_network_is_not_refused_for_that_nor_one_whose_head_draws(tmp_path, dropout):
    module = Wrapped("nothing but the head")
    module.fc = nn.Sequential(nn.Dropout(dropout), module.fc)
    task, _ = cached(Network(module, {"backbone": ("inner",), "head": ("fc",)}, "head"), tmp_path)
    assert task.trainer.current_epoch == 3
