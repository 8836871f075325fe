"""What a strategy trains of a detector, and what keeps its bits."""

from __future__ import annotations

import json

import pytest
import torch

from tests.commands import train
from tests.detecting import BACKBONE, NECK, PAGES, QUIET
from tests.staged import same_bits
from tlbench.config.compose import compose_config
from tlbench.networks.build import build_network
from tlbench.tasks.detection.task import DetectionTask

STAGES = "strategy.stages=[[head],['neck_*'],['backbone_*']]"

STRATEGIES = {
    # nothing is varied, so classification would compute features once; the input of a detection head are three maps
    "feature_extractor": (("strategy=feature_extractor", "augmentation=letterbox"), [["head"], ["head"]]),
    "gradual_unfreezing": (
        ("strategy=gradual_unfreezing", STAGES, "trainer.max_epochs=3"),
        [["head"], [*NECK, "head"], [*BACKBONE, *NECK, "head"]],
    ),
}


@pytest.mark.promise("frozen detectors")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_exactly_what_is_frozen_keeps_its_bits(tmp_path, monkeypatch, strategy):
    """Parameters and BatchNorm statistics, at the end of each epoch's training; `FreezingAudit` checks them as well."""
    overrides, trainable = STRATEGIES[strategy]
    epochs: list[dict[str, torch.Tensor]] = []
    epoch_end = DetectionTask.on_validation_epoch_start
    monkeypatch.setattr(
        DetectionTask,
        "on_validation_epoch_start",
        lambda task: (epochs.append({n: t.clone() for n, t in task.network.state_dict().items()}), epoch_end(task)),
    )
    # no average: it would be what is validated, and moves slowly; every batch a step
    plain = (
        "callbacks.ema_decay=null",
        "callbacks.ema_tau=null",
        "optimizer.nominal_batch=4",
        "optimizer.warmup_epochs=0",
    )
    pages = [o for o in PAGES if not (o.startswith("augmentation.") and "augmentation=letterbox" in overrides)]
    outcome = train(*pages, *QUIET, *plain, *overrides, "hydra.run.dir=run")
    assert outcome.code == 0, outcome.out + outcome.err
    assert "features computed once" not in outcome.out
    stages = json.loads((tmp_path / "run" / "record.json").read_text())["stages"]
    assert [stage["trainable"] for stage in stages] == [groups for i, groups in enumerate(trainable) if i < len(stages)]
    config = compose_config(PAGES)
    network = build_network(config.model, 1, config.seeds.init, config.data.image_size)
    start = network.module.state_dict()
    fixed = {"model.23.dfl.conv.weight"}
    assert len(epochs) == len(trainable)
    for groups, weights in zip(trainable, epochs, strict=True):
        frozen = {name for name in start if network.group_of(name) not in groups} | fixed
        same = set(same_bits(start, weights))
        assert frozen <= same
        assert {network.group_of(name) for name in set(start) - same} == set(groups)
