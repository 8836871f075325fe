from __future__ import annotations

import numpy as np
import pytest

from tlbench.pictures.curves import curves_figure

ROWS = [
    {"epoch": 1, "stage": 1, "train/loss": 2.0, "val/loss": 3.0, "train/oa": 0.25, "val/oa": 0.5},
    {"epoch": 2, "stage": 1, "train/loss": 1.0, "val/loss": None, "train/oa": 0.5},
    {"epoch": 3, "stage": 2, "train/loss": 0.5, "val/loss": 1.0, "train/oa": 0.75, "val/oa": 0.75},
]


def lines(axes) -> dict[str, list[list[float]]]:
    return {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in axes.lines}


def test_curves_are_the_loss_and_what_the_best_epoch_is_chosen_by() -> None:
    figure = curves_figure(ROWS, "val/oa", 3, percent=True, title="study arm, seed 0")
    loss, chosen = figure.axes
    assert (loss.get_ylabel(), chosen.get_ylabel(), loss.get_xlabel()) == ("loss", "oa", "epoch")
    assert figure.get_suptitle() == "study arm, seed 0"
    assert lines(loss)["train"] == [[1, 2], [2, 1], [3, 0.5]]
    assert lines(loss)["val"] == [[1, 3], [3, 1]]  # not 0 where an epoch has none
    assert lines(loss)["best epoch 3"][0][0] == 3
    assert lines(chosen)["train"] == [[1, 0.25], [2, 0.5], [3, 0.75]]
    assert lines(chosen)["val"] == [[1, 0.5], [3, 0.75]]
    assert "best epoch 3: 75.0 %" in lines(chosen)
    assert [text.get_text() for text in chosen.texts] == [" stage 2"]
    assert chosen.texts[0].get_position()[0] == 2.5  # between its last epoch and the next


@pytest.mark.parametrize(("percent", "shown"), [(False, "best epoch 1: 3"), (True, "best epoch 1: 300.0 %")])
def test_where_the_loss_chooses_there_is_one_panel(percent, shown) -> None:
    figure = curves_figure(ROWS, "val/loss", 1, percent=percent)
    (axes,) = figure.axes
    assert shown in lines(axes)
