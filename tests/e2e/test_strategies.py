"""Every strategy through the command, on the tiny network with a source whose BatchNorm is not the initial one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.commands import TINY, Outcome, train
from tests.final_state import FINAL
from tests.slow import mostly_slow
from tests.staged import same_bits, source_network
from tlbench.adaptation import regularisers
from tlbench.callbacks.ema import ramped_decay
from tlbench.config.compose import compose_config
from tlbench.data.open import open_target
from tlbench.geometry.augment import prepare
from tlbench.networks.norms import batch_norm_layers
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("final_state")

GROUPS = ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
STEPS = 2  # an epoch
LR = 0.01

State = dict[str, Tensor]


@dataclass
class Run:
    """A finished run, and the network's tensors at the end of each epoch's training and after each step."""

    folder: Path
    outcome: Outcome
    epochs: list[State] = field(default_factory=list)
    steps: list[State] = field(default_factory=list)

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder / "record.json").read_text())
        return record

    def checkpoint(self, name: str) -> dict[str, Any]:
        checkpoint: dict[str, Any] = torch.load(self.folder / name, weights_only=True)
        return checkpoint

    def weights(self, name: str, key: str = "state_dict") -> State:
        tensors = self.checkpoint(name)[key]
        return {n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")}

    def predictions(self) -> dict[str, np.ndarray]:
        with np.load(self.folder / "predictions_test.npz") as file:
            return dict(file)


@pytest.fixture
def source(tmp_path: Path) -> State:
    state = source_network().module.state_dict()
    torch.save(state, tmp_path / "source.pt")
    return state


@pytest.fixture
def run(tmp_path: Path, source: State, tiny_network: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*overrides: str, name: str = "run") -> Run:
        epochs, steps = [], []

        def copied(task: ClassificationTask) -> State:
            return {n: t.clone() for n, t in task.network.state_dict().items()}

        epoch_start, batch_end = ClassificationTask.on_validation_epoch_start, ClassificationTask.on_train_batch_end
        with monkeypatch.context() as patch:
            patch.setattr(
                ClassificationTask,
                "on_validation_epoch_start",
                lambda task: (epochs.append(copied(task)), epoch_start(task))[1],
            )
            patch.setattr(
                ClassificationTask,
                "on_train_batch_end",
                lambda task, *given: (steps.append(copied(task)), batch_end(task, *given))[1],
            )
            outcome = train(
                *TINY,
                "source=checkpoint",
                f"source.path={tmp_path / 'source.pt'}",
                "logger.tensorboard=false",
                f"optimizer.lr={LR}",
                "optimizer.schedule=constant",
                *overrides,
                f"hydra.run.dir={tmp_path / name}",
            )
        assert outcome.code == 0, outcome.out + outcome.err
        return Run(tmp_path / name, outcome, epochs, steps)

    return run


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets val/oa follow a script, an entry an epoch."""

    def follow(*script: float) -> None:
        log = ClassificationTask.log_dict

        def scripted_log(task: ClassificationTask, values: Any) -> None:
            if "val/oa" in values:
                values = {**values, "val/oa": torch.tensor(script[task.current_epoch])}
            log(task, values)

        monkeypatch.setattr(ClassificationTask, "log_dict", scripted_log)

    return follow


GRADUAL = ("strategy=gradual_unfreezing", "strategy.stages=[[head],[layer4],['layer[2-3]',layer1]]")

STRATEGIES: dict[str, tuple[tuple[str, ...], list[tuple[str, int, list[str]]]]] = {
    "full": (("strategy=full",), [("full", 1, GROUPS)]),
    "feature_extractor": (("strategy=feature_extractor",), [("head", 1, ["head"])]),
    "feature_extractor, cached": (("strategy=feature_extractor", "augmentation=none"), [("head", 1, ["head"])]),
    "head_then_full": (
        ("strategy=head_then_full", "strategy.head_epochs=2"),
        [("head", 1, ["head"]), ("full", 3, GROUPS)],
    ),
    "gradual_unfreezing": (
        (*GRADUAL, "strategy.every_n_epochs=1"),
        [("head", 1, ["head"]), ("layer4", 2, GROUPS[4:]), ("layer3+layer2+layer1", 3, GROUPS[1:])],
    ),
    "gradual_unfreezing at epochs": (
        (*GRADUAL, "strategy.every_n_epochs=null", "strategy.at_epochs=[1,2]"),
        [("head", 1, ["head"]), ("layer4", 2, GROUPS[4:]), ("layer3+layer2+layer1", 3, GROUPS[1:])],
    ),
}

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
POLICIES = {"null": (), "statistics": STATISTICS, "statistics_and_affine": (*STATISTICS, "weight", "bias")}


def fixed_by(policy: str) -> set[str]:
    layers = [name for name, _ in batch_norm_layers(source_network().module)]
    return {f"{layer}.{part}" for layer in layers for part in POLICIES[policy]}


def backbone(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


VARIANTS = ("feature_extractor, cached", "gradual_unfreezing at epochs")
CASES = [(strategy, policy) for strategy in STRATEGIES for policy in POLICIES]
QUICK = (  # each strategy, and each policy twice
    ("full", "statistics"),
    ("feature_extractor", "null"),
    ("feature_extractor, cached", "null"),
    ("head_then_full", "statistics_and_affine"),
    ("gradual_unfreezing", "null"),
    ("gradual_unfreezing", "statistics_and_affine"),
)
CASES = [(strategy, policy) for strategy, policy in CASES if strategy not in VARIANTS or policy == "null"]


@pytest.mark.promise("frozen means frozen")
@pytest.mark.parametrize(("strategy", "policy"), mostly_slow(CASES, *QUICK))
def test_exactly_what_is_frozen_keeps_the_sources_bits_in_every_epoch(run, source, strategy, policy):
    overrides, stages = STRATEGIES[strategy]
    done = run(*overrides, "trainer.max_epochs=3", f"callbacks.freeze_batch_norm={policy}")
    assert done.outcome.err == ""
    record, network = done.record, source_network()
    named = dict(network.module.named_parameters())
    sizes = {name: p.numel() for name, p in named.items() if name not in fixed_by(policy)}
    assert record["stages"] == [
        {
            "name": name,
            "trainable": groups,
            "first_epoch": first,
            "parameters": sum(size for parameter, size in sizes.items() if network.group_of(parameter) in groups),
        }
        for name, first, groups in stages
    ]
    trainable = [next(g for _, first, g in reversed(stages) if first <= epoch) for epoch in (1, 2, 3)]
    expected = [
        {name for name in backbone(source) if network.group_of(name) not in groups or name in fixed_by(policy)}
        for groups in trainable
    ]
    assert [set(same_bits(backbone(source), backbone(state))) for state in done.epochs] == expected
    assert set(same_bits(backbone(source), backbone(done.weights(FINAL)))) == expected[2]
    best = record["best"]["epoch"]
    assert set(same_bits(backbone(source), backbone(done.weights("best.ckpt")))) == expected[best - 1]
    assert record["best"]["stage"] == next(name for name, first, _ in reversed(stages) if first <= best)
    rates = [{group: row[f"lr/{group}"] for group in GROUPS} for row in record["curves"]]
    assert rates == [{group: LR if group in groups else 0.0 for group in GROUPS} for groups in trainable]


@pytest.mark.promise("a group's own warm-up")
def test_a_group_keeps_its_scale_and_warms_up_in_its_first_epoch(run):
    """Two and a half epochs are five steps: after two of them the next takes 3/6, after four 5/6 of the rate."""
    options = ("strategy.unfreeze_warmup_epochs=2.5", "strategy.lr_decay=0.5", "trainer.max_epochs=5")
    done = run("strategy=head_then_full", "strategy.head_epochs=2", *options)
    curves = done.record["curves"]
    assert [row["lr/head"] for row in curves] == [LR] * 5
    assert [row["lr/layer4"] for row in curves] == pytest.approx([0, 0, LR / 4, LR * 5 / 12, LR / 2])
    assert [row["lr/stem"] for row in curves] == pytest.approx([0, 0, LR / 64, LR * 5 / 192, LR / 32])


@pytest.mark.promise("all optimizer groups from step 0")
def test_the_optimizer_has_all_groups_from_the_first_step_and_keeps_its_moments(run):
    done = run("strategy=head_then_full", "strategy.head_epochs=1", "trainer.max_epochs=3")
    (optimizer,) = done.checkpoint(FINAL)["optimizer_states"]
    names = [group["name"] for group in optimizer["param_groups"]]
    assert names == [f"{group}/{kind}" for group in GROUPS for kind in ("decay", "no_decay")]
    steps = {g["name"]: {optimizer["state"][i]["step"].item() for i in g["params"]} for g in optimizer["param_groups"]}
    assert steps == {name: {3.0 * STEPS} if name.startswith("head") else {2.0 * STEPS} for name in names}


STALLS = (*GRADUAL, "strategy.every_n_epochs=null", "strategy.stall_patience=1", "trainer.max_epochs=9")


@pytest.mark.promise("stages of gradual_unfreezing")
def test_a_stall_ends_the_stage_and_in_the_last_stage_the_run(run, scripted):
    scripted(0.1, 0.1, 0.0, 0.0, 0.2, 0.3, 0.3, 0.9, 0.9)
    record = run(*STALLS).record
    assert [(stage["name"], stage["first_epoch"]) for stage in record["stages"]] == [
        ("head", 1), ("layer4", 3), ("layer3+layer2+layer1", 5)
    ]  # fmt: skip
    assert [row["epoch"] for row in record["curves"]] == [1, 2, 3, 4, 5, 6, 7]
    assert record["status"] == "complete"
    assert (record["best"]["epoch"], record["best"]["stage"]) == (6, "layer3+layer2+layer1")


@pytest.mark.promise("the best of all stages")
def test_the_best_checkpoint_over_all_stages_is_tested_and_names_its_stage(run, scripted, source):
    scripted(0.1, 0.1, 0.7, 0.7, 0.2, 0.2, 0.2, 0.2, 0.2)
    done = run(*STALLS)
    best = done.record["best"]
    assert best == {"monitor": "val/oa", "value": pytest.approx(0.7), "epoch": 3, "stage": "layer4", "chosen": {}}
    assert len(done.record["curves"]) == 6
    weights = done.weights("best.ckpt")
    assert set(same_bits(weights, done.epochs[2])) == set(weights)
    network = source_network(seed=2).module
    network.load_state_dict(weights)
    data = compose_config(TINY).data
    test = open_target(data, 0).splits["test"]
    with torch.no_grad():
        logits = network.eval()(prepare(test.images, data.input_size, data.normalisation))
    np.testing.assert_allclose(logits.softmax(dim=1).numpy(), done.predictions()["probabilities"], atol=1e-6)


@pytest.mark.promise("early stopping by stage")
def test_early_stopping_counts_from_each_stages_beginning(run, scripted):
    scripted(0.9, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.9)
    options = ("strategy.head_epochs=3", "callbacks.early_stopping.patience=2", "trainer.max_epochs=8")
    record = run("strategy=head_then_full", *options).record
    assert len(record["curves"]) == 7
    assert (record["best"]["epoch"], record["best"]["stage"]) == (1, "head")


def assert_close(one: Run, other: Run) -> None:
    for name in ("best.ckpt", FINAL):
        for key, tensor in one.weights(name).items():
            torch.testing.assert_close(other.weights(name)[key], tensor, rtol=0, atol=1e-5)
    for row, other_row in zip(one.record["curves"], other.record["curves"], strict=True):
        assert row == pytest.approx(other_row, rel=0, abs=1e-5)
    assert one.record["metrics"] == pytest.approx(other.record["metrics"], rel=0, abs=1e-5)
    assert one.record["best"] == {**other.record["best"], "value": pytest.approx(other.record["best"]["value"])}
    predictions, others = one.predictions(), other.predictions()
    assert predictions.keys() == others.keys()
    for key in predictions:
        np.testing.assert_allclose(predictions[key], others[key], rtol=0, atol=1e-5)


EXTRACTOR = ("strategy=feature_extractor", "augmentation=none", "trainer.max_epochs=3")


@pytest.mark.promise("cached features")
def test_the_head_trained_on_cached_features_equals_the_one_that_is_not(run):
    cached = run(*EXTRACTOR, name="cached")
    uncached = run(*EXTRACTOR, "strategy.cache_features=false", name="uncached")
    assert ["features computed once" in done.outcome.out for done in (cached, uncached)] == [True, False]
    assert cached.record["volatile"]["cache_s"] > 0
    assert uncached.record["volatile"]["cache_s"] is None
    assert_close(cached, uncached)
    moved = cached.weights(FINAL)["fc.weight"] - cached.steps[0]["fc.weight"]
    assert moved.abs().max() > 1e-2  # of 1e-5 that are allowed


def test_features_are_not_cached_where_augmentation_changes_the_images(run):
    assert "features computed once" not in run("strategy=feature_extractor").outcome.out


@pytest.mark.promise("cached features")
@pytest.mark.slow
def test_cached_features_of_resnet18_too(tmp_path):
    """With the embedded source and the real network, whose kernels round otherwise in other batch sizes."""
    done = []
    for name in ("true", "false"):
        folder = tmp_path / name
        options = ("source=tin200", "logger.tensorboard=false", f"strategy.cache_features={name}")
        outcome = train(*TINY, *EXTRACTOR, *options, f"hydra.run.dir={folder}")
        assert outcome.code == 0, outcome.err
        done.append(Run(folder, outcome))
    assert_close(*done)


@pytest.mark.promise("the moving average")
@pytest.mark.parametrize("strategy", mostly_slow(["full", "head_then_full"], "head_then_full"))
def test_the_saved_weights_are_the_moving_average(run, source, strategy):
    stages = ["strategy.head_epochs=2"] if strategy == "head_then_full" else []
    done = run(f"strategy={strategy}", *stages, "callbacks.ema_decay=0.3", "trainer.max_epochs=3")
    start = {**source, "fc.weight": None, "fc.bias": None}
    best = done.record["best"]["epoch"]
    for checkpoint, epoch in (("best.ckpt", best), (FINAL, 3)):
        saved = done.weights(checkpoint)
        for name in backbone(saved):
            average = start[name].double()
            for step, live in enumerate(done.steps[: epoch * STEPS]):
                decay = ramped_decay(0.3, step) if live[name].is_floating_point() else 0.0
                average = decay * average + (1 - decay) * live[name].double()
            torch.testing.assert_close(saved[name].double(), average, rtol=1e-5, atol=1e-6)
    assert set(same_bits(done.weights(FINAL, "current_model_state"), done.steps[-1])) == set(source)
    assert not torch.equal(done.weights(FINAL)["conv1.weight"], done.steps[-1]["conv1.weight"])
    if strategy == "head_then_full":
        assert set(same_bits(backbone(source), backbone(done.epochs[1]))) == set(backbone(source))


def test_l2_sp_holds_the_weights_near_the_source(run, source):
    distance = {}
    for name in ("none", "l2_sp"):
        strength = ["regulariser.l2_sp=10.0"] if name == "l2_sp" else []
        weights = run(f"regulariser={name}", *strength, "optimizer.weight_decay=0", name=name).weights(FINAL)
        convolutions = [key for key in weights if weights[key].ndim == 4]
        distance[name] = sum((weights[key] - source[key]).square().sum().item() for key in convolutions)
    assert 0 < distance["l2_sp"] < 0.5 * distance["none"]


def test_bss_is_part_of_the_loss_where_the_backbone_trains(run, monkeypatch):
    values, differences = [], []
    shrinkage, training_step = regularisers.batch_spectral_shrinkage, ClassificationTask.training_step

    def watched_shrinkage(features: Tensor, k: int) -> Tensor:
        values.append((tuple(features.shape), k, shrinkage(features, k).item()))
        return shrinkage(features, k)

    def watched_step(task: ClassificationTask, *given: Any) -> Tensor:
        loss = training_step(task, *given)
        differences.append((loss.detach() - task.train_losses[-1]).item())
        return loss

    monkeypatch.setattr(regularisers, "batch_spectral_shrinkage", watched_shrinkage)
    monkeypatch.setattr(ClassificationTask, "training_step", watched_step)
    options = ("regulariser=bss", "regulariser.bss=0.5", "regulariser.bss_k=2")
    run("strategy=head_then_full", "strategy.head_epochs=1", *options)
    assert [value[:2] for value in values] == [((8, 4), 2)] * STEPS  # of the second epoch
    assert differences == pytest.approx([0.0] * STEPS + [0.5 * value for _, _, value in values], abs=1e-6)
    assert min(value for _, _, value in values) > 1e-6


@pytest.mark.promise("GroupNorm")
def test_group_norm_takes_a_batch_norm_source_without_its_statistics(run, source):
    done = run("model.norm=group", "strategy=head_then_full", "strategy.head_epochs=1")
    kept = {name: tensor for name, tensor in backbone(source).items() if name.rpartition(".")[2] not in STATISTICS}
    assert backbone(done.epochs[0]).keys() == kept.keys()
    assert set(same_bits(kept, backbone(done.epochs[0]))) == set(kept)
    assert same_bits(kept, backbone(done.epochs[1])) == []
    assert done.record["weights"]["ignored"][-2:] == ["fc.weight", "fc.bias"]
    assert len(done.record["weights"]["ignored"]) == 5 * len(STATISTICS) + 2
    assert done.record["warnings"] == []


@pytest.mark.promise("compiled in each stage")
@pytest.mark.slow
@pytest.mark.parametrize("regulariser", ["none", "bss"])
def test_the_network_is_compiled_in_each_stage_and_learns_the_same(run, monkeypatch, regulariser):
    compiled = []
    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda module, *a, **k: (compiled.append(1), compile_module(module, *a, **k))[1]
    )
    options = (*GRADUAL, "strategy.every_n_epochs=1", "trainer.max_epochs=3", f"regulariser={regulariser}")
    done = run(*options, "trainer.compile=true", name="compiled")
    assert len(compiled) == 3
    plain = run(*options, name="plain")
    for row, other in zip(done.record["curves"], plain.record["curves"], strict=True):
        assert row == pytest.approx(other, abs=1e-4)
    frozen = [state["conv1.weight"] for state in done.epochs]
    assert all(torch.equal(weight, frozen[0]) for weight in frozen)
