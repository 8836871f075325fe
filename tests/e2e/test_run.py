from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sklearn.metrics
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tests.commands import TINY
from tests.final_state import FINAL
from tests.fits import OVERRIDES, SOURCES
from tests.weights_files import state_dict_of
from tlbench.config.compose import compose_config
from tlbench.config.hash import config_hash, flatten
from tlbench.data.open import open_target
from tlbench.geometry.augment import prepare
from tlbench.networks.libraries.torchvision import resnet18
from tlbench.records.record import Record

pytestmark = pytest.mark.usefixtures("drawn_figures")

SPLITS = ("train", "val", "test")


@pytest.fixture(params=SOURCES)
def run(fits, request):
    return fits[request.param]


@pytest.fixture
def record(run):
    return json.loads((run.folder / "record.json").read_text())


@pytest.fixture
def predictions(run):
    with np.load(run.folder / "predictions_test.npz") as file:
        return dict(file)


@pytest.fixture
def events(run):
    accumulator = EventAccumulator(str(run.folder), size_guidance={"scalars": 0, "images": 0})
    return accumulator.Reload()


@pytest.mark.promise("the record is complete")
def test_the_record_is_complete(run, record):
    assert run.outcome.code == 0, run.outcome.err
    assert record.keys() == Record.model_fields.keys()
    parsed = Record.model_validate(record)
    source = parsed.weights["source"]
    config = compose_config([*OVERRIDES, f"source={source}"]).model_dump(mode="json")
    assert (parsed.status, parsed.error, parsed.stand_ins) == ("complete", None, [])
    (warning,) = parsed.warnings
    assert warning.startswith("BatchNorm trains on batches of 8 images, ")
    assert (parsed.config, parsed.config_hash) == (config, config_hash(config))
    assert (parsed.study, parsed.arm, parsed.seed) == ("digits_resnet18", source, 0)
    assert parsed.model.parameters == sum(parsed.model.group_parameters.values()) == 11_181_642
    assert [(row["epoch"], row["step"]) for row in parsed.curves] == [(1, 2), (2, 4)]
    assert {"train/loss", "train/oa", "val/loss", "val/oa", "lr/stem", "lr/head"} <= parsed.curves[-1].keys()
    (stage,) = parsed.stages
    assert (stage.first_epoch, stage.trainable) == (1, ["stem", "layer1", "layer2", "layer3", "layer4", "head"])
    assert stage.parameters == parsed.model.parameters
    assert parsed.best.stage == stage.name
    assert parsed.best.epoch == max(parsed.curves, key=lambda row: row["val/oa"])["epoch"]
    assert parsed.best.value == max(row["val/oa"] for row in parsed.curves)
    assert parsed.volatile.train_images_per_s > 0
    assert {"python", "torch", "lightning"} <= parsed.versions.keys()


@pytest.mark.promise("the record is complete")
def test_metrics_are_flat_and_finite(record):
    metrics = record["metrics"]
    assert {"test/loss", "test/oa", "test/aa", "test/kappa", "test/f1", "test/ece"} <= metrics.keys()
    assert {f"test/{name}/{digit}" for name in ("precision", "recall", "f1") for digit in range(10)} <= metrics.keys()
    assert all(name.startswith("test/") for name in metrics)
    undefined = {name for name, value in metrics.items() if value is None}
    assert all(name.count("/") == 2 for name in undefined)  # precision of a class that was never predicted
    assert all(math.isfinite(value) for value in metrics.values() if value is not None)


def test_fingerprints_are_those_of_the_three_splits(record):
    target = open_target(compose_config(TINY).data, split_seed=0)
    assert record["data"]["fingerprints"] == {split: target.splits[split].fingerprint() for split in SPLITS}
    assert len(set(record["data"]["fingerprints"].values())) == 3


@pytest.mark.promise("the record is complete")
def test_the_predictions_give_the_recorded_metrics(record, predictions):
    probabilities = predictions["probabilities"].astype(np.float64)
    target, predicted = predictions["target"], probabilities.argmax(axis=1)
    oa = sklearn.metrics.accuracy_score(target, predicted)
    kappa = sklearn.metrics.cohen_kappa_score(target, predicted)
    assert record["metrics"]["test/oa"] == pytest.approx(oa, abs=1e-6)
    assert record["metrics"]["test/kappa"] == pytest.approx(kappa, abs=1e-6)
    loss = sklearn.metrics.log_loss(target, probabilities / probabilities.sum(axis=1, keepdims=True))
    assert record["metrics"]["test/loss"] == pytest.approx(loss, abs=1e-5)
    assert predictions["index"].tolist() == list(range(len(target)))


def test_the_best_checkpoint_in_a_fresh_network_gives_the_same_predictions(run, predictions):
    network = resnet18(10).module
    state = state_dict_of(run.folder / "best.ckpt")
    network.load_state_dict({name.removeprefix("network."): tensor for name, tensor in state.items()})
    config = compose_config(TINY)
    test = open_target(config.data, 0).splits["test"]
    with torch.no_grad():
        logits = network.eval()(prepare(test.images, config.data.input_size, config.data.normalisation))
    np.testing.assert_allclose(logits.softmax(dim=1).numpy(), predictions["probabilities"], atol=1e-6)
    assert test.labels.tolist() == predictions["target"].tolist()


def test_both_checkpoints_hold_nothing_but_tensors_and_plain_types(run):
    for name in ("best.ckpt", FINAL):
        checkpoint = torch.load(run.folder / name, weights_only=True)
        assert any(key.startswith("network.") for key in checkpoint["state_dict"])
    assert checkpoint["global_step"] == 4
    assert checkpoint["optimizer_states"]


@pytest.mark.promise("the whole backbone or an error")
def test_the_terminal_shows_load_report_epochs_metrics_and_the_record(run, record):
    report = {"tin200": "tin200: 120 tensors loaded, 2 re-initialised", "random": "random: 0 tensors loaded"}
    assert report[record["weights"]["source"]] in run.outcome.out
    warned = [line for line in run.outcome.out.splitlines() if "warning" in line.lower()]
    assert warned == [f"warning: {warning}" for warning in record["warnings"]]
    assert "epoch 2/2" in run.outcome.out
    assert f"{record['metrics']['test/oa']:.4f}" in run.outcome.out
    assert "record.json" in run.outcome.out
    assert run.outcome.err == ""


@pytest.mark.promise("TensorBoard")
def test_tensorboard_has_curves_pictures_and_hparams(record, events):
    tags = events.Tags()
    for name in ("train/loss", "train/oa", "val/loss", "val/oa", "lr/stem", "lr/head"):
        points = events.Scalars(name)
        assert len(points) == 2
        assert points[0].step < points[1].step
        assert [point.value for point in points] == pytest.approx([row[name] for row in record["curves"]])
    assert [point.value for point in events.Scalars("test/oa")] == pytest.approx([record["metrics"]["test/oa"]])
    assert len(events.Scalars("test/loss")) == 1
    assert set(tags["images"]) == {"test/confusion", "test/most_confident_mistakes", "test/reliability"}
    assert all(events.Images(tag)[0].width > 100 for tag in tags["images"])
    content = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    experiment = HParamsPluginData.FromString(content).experiment
    keys = [info.name for info in experiment.hparam_infos]
    assert keys[:2] == ["seed", "source.name"]
    # data.shots and the rate were given, task.label_smoothing comes before both in the configuration
    given = [keys.index(key) for key in ("data.shots", "optimizer.lr")]
    assert max(given) < keys.index("task.label_smoothing")
    assert sorted(keys) == sorted(flatten(record["config"]))
    results = [info.name.tag for info in experiment.metric_infos]
    assert results == [f"hparam/{k.replace('/', '_')}" for k in record["metrics"] if k.count("/") == 1]
    assert {"hparam/test_oa", "hparam/test_kappa", "hparam/test_loss"} <= set(results)
