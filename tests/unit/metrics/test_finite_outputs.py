from __future__ import annotations

import pytest
import torch

from tests.composed import config
from tests.tiny_network import tiny_network
from tlbench.metrics.finite_outputs import FiniteOutputs, NonFiniteOutputs, check_training, suspect

BAD = torch.tensor([[0.0, torch.nan], [1.0, 2.0]])


def test_images_are_counted_until_they_are_asked_for() -> None:
    counted = FiniteOutputs()
    counted.update((torch.zeros(3, 2),), 3)
    counted.update({"logits": BAD}, 2)
    assert counted.compute().tolist() == [1, 5]
    wanted = "validation: the network's outputs for 1 of 5 images hold NaN or infinity"
    assert counted.problem("validation") == wanted
    assert counted.problem("validation") is None  # forgotten
    counted.update(torch.zeros(2, 2), 2)
    assert counted.problem("validation") is None


def test_processes_count_together() -> None:
    one, other = FiniteOutputs(), FiniteOutputs()
    one.update(torch.zeros(3, 2), 3)
    other.update(BAD, 2)
    one.merge_state(other)
    assert one.problem("test") == "test: the network's outputs for 1 of 5 images hold NaN or infinity"


def test_counting_waits_for_no_device() -> None:
    counted = FiniteOutputs().to("meta")
    counted.update(torch.zeros(3, 2, device="meta"), 3)  # reading a value there would raise
    assert counted.bad.device.type == "meta"


@pytest.mark.parametrize(
    ("overrides", "hints"),
    [
        ((), "try a lower optimizer.lr (now 0.5), a longer optimizer.warmup_epochs, and check the source's weights"),
        (
            ("trainer.precision=bf16-mixed", "callbacks.ema_decay=0.99"),
            "trainer.precision=32-true (now bf16-mixed), callbacks.ema_decay=null (now 0.99: the average",
        ),
    ],
)
def test_the_error_is_one_line_with_what_may_help(overrides: tuple[str, ...], hints: str) -> None:
    counted = FiniteOutputs()
    counted.update(BAD, 2)
    with pytest.raises(NonFiniteOutputs) as caught:
        check_training(counted, "test", tiny_network(2).module, config("optimizer.lr=0.5", *overrides))
    message = str(caught.value)
    assert message.startswith("test: the network's outputs for 1 of 2 images hold NaN or infinity; try a lower")
    assert hints in message
    assert "\n" not in message


def test_the_tensor_that_explains_it_is_named() -> None:
    module = tiny_network(2).module
    assert suspect(module) == ""
    module.bn1.running_var[2] = -1.0
    assert suspect(module) == " (its tensor bn1.running_var, variances, has 1 negative values of 4)"
    module.conv1.weight.data[0, 0, 0, :3] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    assert suspect(module) == f" (its tensor conv1.weight has 3 non-finite values of {4 * 3 * 49})"
