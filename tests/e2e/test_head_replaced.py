"""A head that holds the source's weights ends the run before anything is trained."""

from __future__ import annotations

import pytest
import torch

from tests.commands import TINY, train
from tlbench.sources import load


@pytest.mark.usefixtures("tiny_network")
def test_a_source_that_overwrites_the_head_is_refused(tmp_path, monkeypatch):
    report = load.LoadReport(
        source="tin200",
        model="resnet18",
        file="weights",
        sha256="",
        licence=None,
        loaded=1,
        reinitialised=[],
        ignored=[],
        absent=[],
        warnings=[],
    )

    def overwrite(network, _resolved):
        with torch.no_grad():
            network.head_module().weight.add_(1)
        return report

    monkeypatch.setattr(load, "load_weights", overwrite)
    outcome = train(*TINY, "source=tin200", "logger.tensorboard=false", f"hydra.run.dir={tmp_path}")
    assert outcome.code == 2
    assert "WeightsError: source=tin200: the head (fc) was not replaced" in outcome.one_line()
    assert not (tmp_path / "best.ckpt").exists()
