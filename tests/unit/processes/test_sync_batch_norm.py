from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.composed import model
from tests.staged import source_network
from tlbench.networks.build import build_network
from tlbench.processes.sync_batch_norm import SyncedBatchNorm


def networks() -> dict[str, nn.Module]:
    fused = build_network(model("efficientnet_lite0"), 10, 0, (32, 32)).module  # BatchNorm with its activation built in
    return {"plain": source_network().module, "fused": fused}


@pytest.mark.parametrize("kind", ["plain", "fused"])
def test_the_network_computes_the_same_with_synchronised_layers_and_with_its_own_again(kind: str) -> None:
    module = networks()[kind].eval()
    kinds = [type(part) for part in module.modules()]
    parameters = list(module.parameters())
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = module(images)
        sync = SyncedBatchNorm()
        assert sync.apply(module) is module
        norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
        assert norms
        assert all(isinstance(part, nn.SyncBatchNorm) for part in norms)
        assert torch.equal(module(images), before)
        for part in norms:  # as a fit would, and as moving to a device does
            part._buffers["running_mean"] = part.running_mean + 1
        moved = module(images)
        sync.revert(module)
        assert torch.equal(module(images), moved)
    assert not torch.equal(moved, before)
    assert [type(part) for part in module.modules()] == kinds
    assert all(one is other for one, other in zip(module.parameters(), parameters, strict=True))


def test_a_network_may_be_fitted_twice() -> None:
    module, sync = networks()["plain"], SyncedBatchNorm()
    first = module.bn1
    for _ in range(2):
        sync.apply(module)
        assert isinstance(module.bn1, nn.SyncBatchNorm)
        sync.revert(module)
        assert module.bn1 is first
