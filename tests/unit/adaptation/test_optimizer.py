from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.composed import config
from tlbench.adaptation.optimizer import build_optimizer, momentum_at


def test_momentum_rises_over_the_warm_up_as_in_ultralytics():
    recipe = config("optimizer=yolo_sgd").optimizer
    found = [momentum_at(recipe, step, 27) for step in range(40)]
    assert found == pytest.approx([np.interp(step, [0, 27], [0.8, 0.937]) for step in range(40)], rel=1e-12)
    assert found[27] == 0.937
    assert momentum_at(recipe, 0, 0) == 0.937
    assert momentum_at(config("optimizer=sgd").optimizer, 0, 27) == 0.9


@pytest.mark.parametrize("name", ["yolo", "yolo_sgd", "sgd", "adamw"])
def test_kernels_that_leave_scaled_gradients_to_the_trainer(name):
    """Lightning refuses to clip in 16-mixed where the optimizer undoes the scaling itself."""
    recipe = config(f"optimizer={name}").optimizer
    for fused in (True, False):
        groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.1, "weight_decay": 0.0}]
        optimizer = build_optimizer(recipe, groups, fused=fused)
        assert getattr(optimizer, "_step_supports_amp_scaling", False) == fused
