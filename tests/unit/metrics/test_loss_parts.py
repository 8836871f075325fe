from __future__ import annotations

import torch

from tlbench.metrics.loss_parts import loss_values


def test_a_loss_of_one_piece_keeps_its_bits():
    values = loss_values(torch.tensor(0.1), ())
    assert {name: value.item() for name, value in values.items()} == {"loss": torch.tensor(0.1).item()}


def test_parts_have_their_names_and_sum_to_the_loss():
    values = loss_values(torch.tensor([0.5, 2.0, 0.25]), ("box", "cls", "dfl"))
    assert {name: value.item() for name, value in values.items()} == {
        "loss": 2.75, "loss_box": 0.5, "loss_cls": 2.0, "loss_dfl": 0.25
    }  # fmt: skip
