from __future__ import annotations

import pytest

from tlbench.adaptation.parameter_groups import learning_rate_scales, parameter_groups
from tlbench.models.catalog import build_network

GROUPS = ["stem", "layer1", "layer2", "layer3", "layer4", "head"]


def test_scales_fall_from_the_head_down():
    assert learning_rate_scales(GROUPS, 0.5) == {
        "head": 1.0, "layer4": 0.5, "layer3": 0.25, "layer2": 0.125, "layer1": 0.0625, "stem": 0.03125
    }  # fmt: skip
    assert set(learning_rate_scales(GROUPS, 1.0).values()) == {1.0}


def test_every_parameter_is_in_one_group_and_only_matrices_decay():
    network = build_network("resnet18", 10, seed=0)
    groups = parameter_groups(network, lr=0.1, weight_decay=0.01, scales=learning_rate_scales(GROUPS, 0.5))
    assert [g["name"] for g in groups] == [f"{group}/{kind}" for group in GROUPS for kind in ("decay", "no_decay")]
    held = [id(p) for g in groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in network.module.parameters())
    for g in groups:
        decays = g["name"].endswith("/decay")
        assert g["weight_decay"] == (0.01 if decays else 0.0)
        assert all((p.ndim >= 2) == decays for p in g["params"])
    rates = {g["name"].split("/")[0]: g["lr"] for g in groups}
    assert rates["head"] == pytest.approx(0.1)
    assert rates["stem"] == pytest.approx(0.1 / 32)
