from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from tlbench.networks.outputs import in_float32, not_finite, tensors_of, without_autocast

Pair = namedtuple("Pair", "logits aux")


@dataclass(frozen=True)
class Given:
    logits: Tensor
    extra: Any = None


def nested(tensor: Tensor) -> list[Any]:
    """A tensor in every container that networks give."""
    sound = torch.zeros(len(tensor), 2)
    return [
        tensor,
        (sound, tensor),
        [sound, [tensor]],
        {"a": sound, "b": {"c": (tensor, None, "text", 3)}},
        OrderedDict(a=tensor),
        Pair(sound, tensor),
        Given(sound, extra=[tensor]),
    ]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", range(7))
def test_the_images_of_nan_and_inf_are_found_in_any_container(bad: float, dtype: torch.dtype, kind: int) -> None:
    tensor = torch.zeros(4, 3, 2, 2, dtype=dtype).to(memory_format=torch.channels_last)
    tensor[1, 2, 0, 1], tensor[3, 0, 1, 1] = bad, bad
    assert not_finite(nested(tensor)[kind], 4).tolist() == [False, True, False, True]


def test_masked_classes_and_what_is_no_floating_point_are_sound() -> None:
    masked = torch.tensor([[0.0, -torch.inf], [-torch.inf, -1e30]])
    others = (torch.tensor([2**62, 0]), torch.tensor([True, False]), torch.zeros(0, 3), None, "text")
    assert not_finite((masked, *others), 2).tolist() == [False, False]
    assert not_finite(others, 2).tolist() == [False, False]


def test_a_tensor_without_an_axis_of_images_speaks_for_all_of_them() -> None:
    for tensor in (torch.tensor(torch.nan), torch.tensor([0.0, torch.inf, 0.0, 0.0]), torch.full((1, 2), torch.nan)):
        assert not_finite([torch.zeros(2, 2), tensor], 2).tolist() == [True, True]
    assert not_finite(torch.tensor([0.0, torch.nan]), 2).tolist() == [False, True]
    assert not_finite(torch.tensor([1.0, complex(0, torch.nan)]), 2).tolist() == [False, True]


def test_finding_them_waits_for_no_device() -> None:
    on_meta = {"boxes": torch.zeros(3, 4, 7, device="meta"), "scale": torch.zeros((), device="meta")}
    assert not_finite(on_meta, 3).shape == (3,)  # a tensor on meta holds no values: reading one raises


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32_in_containers_of_the_same_kind(dtype: torch.dtype) -> None:
    half = torch.tensor([0.1, 3e4]).to(dtype)
    for given in nested(half):
        found = in_float32(given)
        assert type(found) is type(given)
        tensors = list(tensors_of(found))
        assert [t.dtype for t in tensors] == [torch.float32] * len(tensors)
        assert torch.equal(tensors[-1], half.float())
    assert in_float32({"index": torch.tensor([1]), "half": half})["index"].dtype == torch.int64


def test_outputs_in_float32_are_left_as_they_are() -> None:
    for given in nested(torch.ones(2, 3, requires_grad=True)):
        assert in_float32(given) is given
    double = torch.ones(2, dtype=torch.float64)
    assert in_float32(double) is double


def test_gradients_pass() -> None:
    logits = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    in_float32((logits,))[0].sum().backward()
    assert torch.equal(logits.grad, torch.ones_like(logits))


def test_inside_operators_compute_in_the_types_of_their_tensors() -> None:
    a = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
        with without_autocast("cpu"):
            assert (a @ a).dtype == torch.float32
        assert (a @ a).dtype == torch.bfloat16


def test_nothing_but_minus_infinity_and_what_float32_cannot_hold_are_not_finite():
    inf = float("inf")
    rows = torch.tensor([[0.0, -inf], [-inf, -inf], [1.0, 2.0]])
    assert not_finite(rows, 3).tolist() == [False, True, False]
    assert not_finite(torch.tensor([[1e300, 0.0], [1.0, 0.0]], dtype=torch.float64), 2).tolist() == [True, False]
