from __future__ import annotations

import subprocess
import sys

import pytest
import timm
import torch
import torch.nn.functional as F
from timm.layers.norm_act import BatchNormAct2d, GroupNormAct, convert_sync_batchnorm
from timm.layers.split_batchnorm import SplitBatchNorm2d
from torch import Tensor, nn

from tlbench.networks.norms import batch_norm_layers, group_count, is_batch_norm, to_group_norm


def images(channels: int, side: int = 6) -> Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(0))


def drawn_affine(layer: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, generator=generator)
    return layer


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (7, 7), (30, 30), (32, 32), (37, 1), (48, 24), (64, 32), (66, 22), (100, 25)]
)
def test_groups_are_the_largest_divisor_up_to_32(channels: int, groups: int) -> None:
    assert group_count(channels) == groups
    module = nn.Sequential(nn.BatchNorm2d(channels))
    to_group_norm(module)
    assert (module[0].num_groups, module[0].num_channels) == (groups, channels)


def test_no_channels_have_no_groups() -> None:
    with pytest.raises(ValueError, match="layer of 0 channels"):
        to_group_norm(nn.Sequential(nn.LazyBatchNorm2d()))


@pytest.mark.promise("GroupNorm")
@pytest.mark.parametrize("kind", [nn.BatchNorm2d, nn.SyncBatchNorm])
def test_a_layer_becomes_group_norm_with_its_affine_weights(kind: type[nn.Module]) -> None:
    module = nn.ModuleDict({"block": nn.Sequential(nn.Conv2d(3, 48, 1), drawn_affine(kind(48, eps=1e-3)))})
    weight, bias = (p.detach().clone() for p in module["block"][1].parameters())
    module["block"][1].bias.requires_grad_(False)
    dropped = to_group_norm(module)
    assert dropped == ["block.1.running_mean", "block.1.running_var", "block.1.num_batches_tracked"]
    assert list(module.state_dict()) == ["block.0.weight", "block.0.bias", "block.1.weight", "block.1.bias"]
    norm = module["block"][1]
    assert type(norm) is nn.GroupNorm
    assert torch.equal(norm(images(48)), F.group_norm(images(48), 24, weight, bias, 1e-3))
    assert (norm.weight.requires_grad, norm.bias.requires_grad) == (True, False)


def test_the_output_is_normalised_within_an_image_alone() -> None:
    module = nn.Sequential(nn.BatchNorm2d(64))
    to_group_norm(module)
    both = module(images(64))
    assert torch.allclose(both[:1], module(images(64)[:1]), atol=1e-6)
    groups = both.detach().reshape(2, 32, -1)
    assert torch.allclose(groups.mean(-1), torch.zeros(2, 32), atol=1e-6)
    assert torch.allclose(groups.var(-1, unbiased=False), torch.ones(2, 32), atol=1e-4)


def test_layers_without_affine_weights_or_statistics_stay_without() -> None:
    module = nn.Sequential(nn.BatchNorm2d(4, affine=False), nn.BatchNorm2d(4, track_running_stats=False))
    assert to_group_norm(module) == ["0.running_mean", "0.running_var", "0.num_batches_tracked"]
    assert module[0].affine is False
    assert list(module.state_dict()) == ["1.weight", "1.bias"]
    assert torch.equal(module[0](images(4)), F.group_norm(images(4), 4))


def test_mode_and_dtype_are_kept() -> None:
    module = nn.Sequential(nn.BatchNorm2d(4), nn.BatchNorm2d(4)).double()
    module[0].eval()
    to_group_norm(module)
    assert [layer.training for layer in module] == [False, True]
    assert module(images(4).double()).dtype is torch.float64


def test_a_layer_used_twice_stays_one_layer() -> None:
    shared = nn.BatchNorm2d(4)
    module = nn.Sequential(nn.ModuleDict({"a": shared, "b": shared}), shared)
    dropped = to_group_norm(module)
    assert module[0]["a"] is module[0]["b"] is module[1]
    assert isinstance(module[1], nn.GroupNorm)
    assert dropped[::3] == ["0.a.running_mean", "0.b.running_mean", "1.running_mean"]
    assert len(list(module.parameters())) == 2


@pytest.mark.promise("GroupNorm")
def test_a_built_in_activation_is_kept() -> None:
    fused = BatchNormAct2d(30, act_layer=nn.SiLU, drop_layer=nn.Dropout2d, eps=1e-4)
    drop, act = fused.drop, fused.act
    module = nn.Sequential(drawn_affine(fused)).eval()
    weight, bias = fused.weight.detach().clone(), fused.bias.detach().clone()
    assert to_group_norm(module) == ["0.running_mean", "0.running_var", "0.num_batches_tracked"]
    assert type(module[0]) is GroupNormAct
    assert module[0].drop is drop
    assert module[0].act is act
    with torch.no_grad():
        assert torch.equal(module(images(30)), F.silu(F.group_norm(images(30), 30, weight, bias, 1e-4)))
    assert not drop.training


def test_a_built_in_activation_of_a_synchronised_layer_is_kept() -> None:
    fused = BatchNormAct2d(8, act_layer=nn.SiLU)
    module = convert_sync_batchnorm(nn.Sequential(fused))
    to_group_norm(module)
    with torch.no_grad():
        assert torch.equal(module(images(8)), F.silu(F.group_norm(images(8), 8, torch.ones(8), torch.zeros(8))))


def test_a_whole_network_of_timm_is_converted_and_trains() -> None:
    model = timm.create_model("tf_efficientnet_lite0", num_classes=10)
    parameters = list(model.named_parameters())
    norms = len(batch_norm_layers(model))
    assert norms == 49
    dropped = to_group_norm(model)
    assert len(dropped) == 3 * norms
    assert batch_norm_layers(model) == []
    assert sum(isinstance(layer, GroupNormAct) for layer in model.modules()) == norms
    assert [(name, id(p)) for name, p in model.named_parameters()] == [(name, id(p)) for name, p in parameters]
    out = model.train()(images(3, side=64))
    assert out.shape == (2, 10)
    out.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_what_cannot_be_replaced_is_refused_and_left_alone() -> None:
    with pytest.raises(ValueError, match="the module itself is a BatchNorm2d"):
        to_group_norm(nn.BatchNorm2d(4))
    module = nn.Sequential(nn.BatchNorm2d(4), SplitBatchNorm2d(4))
    with pytest.raises(ValueError, match=r"^1 is a SplitBatchNorm2d with parts of its own \(aux_bn\)"):
        to_group_norm(module)
    assert is_batch_norm(module[0])


def test_batch_norm_layers_are_listed_by_name() -> None:
    module = nn.Sequential(
        nn.BatchNorm1d(4), nn.Sequential(BatchNormAct2d(4), nn.GroupNorm(1, 4), nn.InstanceNorm2d(4))
    )
    assert batch_norm_layers(module) == [("0", module[0]), ("1.0", module[1][0])]
    assert batch_norm_layers(module[0]) == [("", module[0])]


def test_timm_is_not_imported_for_plain_layers() -> None:
    code = (
        "import sys; from torch import nn; from tlbench.networks.norms import to_group_norm; "
        "to_group_norm(nn.Sequential(nn.BatchNorm2d(4))); sys.exit('timm' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
