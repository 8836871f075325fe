"""`benchmarks.segmentation` measures what it says, and nothing where the bare loop does not train as tlbench does."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks.segmentation import FROZEN_TARGETS, main
from benchmarks.segmentation_setup import bare_segmentation, step_flops, training_maps
from tests.composed import changed, unresolved
from tests.slow import thinned
from tlbench.annotations.maps.class_maps import VOID
from tlbench.config import TrainConfig


def config(*overrides: str) -> TrainConfig:
    return changed(unresolved("task=semantic_segmentation", "data=camvid", "source=random"), *overrides)


@pytest.mark.parametrize(("decoder", "ceiling"), thinned([("fpn", 1.556), ("deeplabv3plus", 2.376)], 2))
def test_flops_of_a_step_are_three_of_a_forward_pass_where_it_trains_and_one_where_it_is_frozen(decoder, ceiling):
    found = {
        strategy: step_flops(config(f"strategy={strategy}", f"model.decoder={decoder}"), 11)
        for strategy in ("full", "feature_extractor")
    }
    assert found["full"] / found["feature_extractor"] == pytest.approx(ceiling, abs=2e-3)


def test_the_bare_loop_is_fed_with_normalised_images_and_their_maps():
    small = config("data.image_size=[32,64]", "data.batch_size=2")
    kind, images = training_maps(small, 2)
    loop = bare_segmentation(small, images, torch.device("cpu"))
    c = small.data.normalisation
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (c.mean, c.std))
    assert kind.startswith("noise")
    assert loop.images.shape == (4, 3, 32, 64)
    torch.testing.assert_close(loop.images, (images.images / 255 - mean) / std, atol=1e-4, rtol=0)
    assert [maps.tolist() for maps in loop.targets] == [images.annotations.unpacked(i).tolist() for i in range(4)]
    one = torch.full((1, 11, 1, 2), 0.0)
    one[0, 0, 0, 0] = 50.0
    assert loop.training.loss(one, torch.tensor([[[0, VOID]]])) == 0  # the ignored pixel counts nowhere


def test_what_is_no_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--what", "bare,speed"])
    assert "bare,frozen,metrics" in capsys.readouterr().err


@pytest.mark.slow
def test_all_is_measured(tmp_path, capsys):
    assert main(["--quick", "--vs-ultralytics", "--json", str(tmp_path / "all.json")]) == 0
    found = json.loads((tmp_path / "all.json").read_text())
    assert "all 151 tensors of tlbench and of the bare loop are equal bit for bit" in capsys.readouterr().out
    assert found["same weights"] == {"steps": 4, "tensors": 151}
    assert [each["against"] for each in found["ratios"]] == ["bare loop", "yolo26n-sem in a bare loop"]
    assert [each["target"] for each in found["ratios"]] == [0.95, None]
    assert {name: each["target"] for name, each in found["frozen"].items()} == FROZEN_TARGETS
    assert 0 < found["metrics"]["metrics_s"] < found["metrics"]["step_s"]


def test_a_loop_that_trains_otherwise_is_not_compared(capsys):
    assert main(["--quick", "--what", "bare", "callbacks.freeze_batch_norm=statistics"]) == 1
    said = capsys.readouterr()
    assert "tensors differ: " in said.err
    assert "÷" not in said.out
