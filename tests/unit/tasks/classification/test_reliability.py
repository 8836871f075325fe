from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from tlbench.pictures.figures import picture
from tlbench.tasks.classification.metrics import BINS, ClassificationMetrics
from tlbench.tasks.classification.reliability import confidence_bins, expected_calibration_error, reliability_figure

pytestmark = pytest.mark.usefixtures("drawn_figures")


def drawn(samples: int, classes: int, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(samples, classes, generator=generator)
    targets = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    return (scale * logits).softmax(dim=1), targets


def test_bins_by_hand() -> None:
    sure = torch.tensor([0.95, 0.95, 1.0, 0.6, 0.55])
    probabilities = torch.stack([sure, 1 - sure], dim=1)
    bins = confidence_bins(probabilities, torch.tensor([0, 1, 0, 1, 0]))
    count, confidence, accuracy = bins
    assert count.tolist() == [0] * 8 + [2] + [0] * 5 + [3]  # 0.55 and 0.6 in (8/15, 9/15], 0.95 and 1 in (14/15, 1]
    assert (float(confidence[8]), float(accuracy[8])) == pytest.approx((0.575, 0.5))
    assert (float(confidence[14]), float(accuracy[14])) == pytest.approx((2.9 / 3, 2 / 3))
    assert math.isnan(float(accuracy[0]))
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.075 + 3 * 0.3) / 5, abs=1e-7)


@pytest.mark.parametrize("scale", [0.5, 1.0, 5.0])
def test_its_ece_is_that_of_the_metrics(scale: float) -> None:
    probabilities, targets = drawn(3000, 6, scale)
    metrics = ClassificationMetrics(6, list("abcdef"))
    metrics.update(probabilities.log(), targets)
    ours = expected_calibration_error(confidence_bins(probabilities, targets))
    assert ours == pytest.approx(float(metrics.compute()["ece"]), abs=1e-6)


def test_the_diagram_shows_accuracy_gap_and_shares() -> None:
    probabilities, targets = drawn(3000, 6, 3.0)
    count, confidence, accuracy = confidence_bins(probabilities, targets).numpy()
    figure = reliability_figure(probabilities, targets, "test")
    upper, lower = figure.axes
    bars, gaps = upper.containers
    filled = count > 0
    np.testing.assert_allclose([bar.get_height() for bar in bars], accuracy[filled])
    np.testing.assert_allclose([gap.get_y() + gap.get_height() for gap in gaps], confidence[filled])
    np.testing.assert_allclose([bar.get_x() for bar in bars], (np.arange(BINS) / BINS)[filled], atol=1e-12)
    shares = [bar.get_height() for bar in lower.containers[0]]
    np.testing.assert_allclose(shares, count / 3000)
    ece = expected_calibration_error(confidence_bins(probabilities, targets))
    assert upper.get_title().splitlines()[0] == "test"
    assert f"ECE {ece:.3f}" in upper.get_title()
    assert "3000 samples" in lower.get_xlabel()


def test_the_picture_is_a_png() -> None:
    image = Image.open(io.BytesIO(picture(reliability_figure(*drawn(50, 3, 1.0)))))
    assert image.format == "PNG"
    assert np.asarray(image)[..., :3].std() > 0


def test_one_sample_and_one_bin_are_drawn() -> None:
    figure = reliability_figure(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert "ECE 1.000, OA 0.000, mean confidence 1.000" in figure.axes[0].get_title()
    picture(figure)


def test_a_probability_that_is_not_a_number_is_not_hidden() -> None:
    bins = confidence_bins(torch.tensor([[math.nan, math.nan], [0.9, 0.1]]), torch.tensor([0, 0]))
    assert math.isnan(expected_calibration_error(bins))
    picture(reliability_figure(torch.tensor([[math.nan, math.nan], [0.9, 0.1]]), torch.tensor([0, 0])))


def test_no_sample_has_no_error() -> None:
    assert math.isnan(expected_calibration_error(confidence_bins(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))))
