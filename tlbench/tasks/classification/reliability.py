"""The reliability diagram: how often the network is right, against how sure it is."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from tlbench.pictures.figures import new_figure, plain
from tlbench.tasks.classification.metrics import BINS

_ACCURACY, _GAP, _COUNT = "#0072B2", "#D55E00", "#7F7F7F"


def confidence_bins(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Samples by confidence (the largest probability), in the bins of `ece`: ((m − 1)/15, m/15].

    Args:
        probabilities: (N, C), rows that sum to 1.
        targets: (N,) int64 in [0, C).

    Returns:
        (3, 15) float64: number of samples, their mean confidence and their accuracy; the latter two NaN in empty bins.
    """
    confidence, predicted = probabilities.float().max(dim=1)
    upper_edges = torch.arange(1, BINS + 1) / BINS
    place = torch.bucketize(confidence, upper_edges).clamp(max=BINS - 1)  # a sum rounded up to just above 1
    sums = torch.zeros(3, BINS, dtype=torch.float64)
    values = torch.stack([torch.ones_like(confidence), confidence, (predicted == targets).float()]).double()
    sums.index_add_(1, place, values)
    return torch.stack([sums[0], sums[1] / sums[0], sums[2] / sums[0]])


def expected_calibration_error(bins: Tensor) -> float:
    """Σ_bins (n / N) |accuracy − confidence| of what `confidence_bins` gives, in 0–1.

    NaN without any sample, and where a probability was NaN.
    """
    count, confidence, accuracy = bins
    gaps = (count * (accuracy - confidence).abs())[count > 0]
    return float(gaps.sum() / count.sum())


def reliability_figure(probabilities: Tensor, targets: Tensor, title: str = "") -> Figure:
    """Accuracy against confidence in 15 bins, the gap between the two, and below how many samples each bin holds.

    A bar reaches up to its bin's accuracy; the hatched part leads from there to the bin's mean confidence (after Guo et
    al. 2017, figure 1): up where the network is too sure, down over the bar where it is not sure enough.

    Args:
        probabilities: (N, C), on the CPU.
        targets: (N,) int64 in [0, C), on the CPU.
        title: What the samples are, above a line with ECE, OA and mean confidence.

    Returns:
        A figure that neither needs a display nor must be closed.
    """
    bins = confidence_bins(probabilities, targets)
    count, confidence, accuracy = bins.numpy()
    figure = new_figure(4.6, 5.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    centres, width = (np.arange(BINS) + 0.5) / BINS, 1 / BINS
    filled = count > 0
    upper.bar(
        centres[filled], accuracy[filled], width, color=_ACCURACY, edgecolor="white", linewidth=0.6, label="accuracy"
    )
    upper.bar(
        centres[filled],
        (confidence - accuracy)[filled],
        width,
        bottom=accuracy[filled],
        color=(0, 0, 0, 0),
        edgecolor=_GAP,
        hatch="////",
        linewidth=0.8,
        label="gap to the mean confidence",
    )
    upper.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=1, label="calibrated")
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    upper.legend(loc="upper left", edgecolor="none", framealpha=0.9, fontsize=8)
    total = max(count.sum(), 1)
    lower.bar(centres, count / total, width, color=_COUNT, edgecolor="white", linewidth=0.6)
    lower.set(xlabel=f"confidence ({int(count.sum())} samples)", ylabel="share of samples")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    upper.set_title("\n".join(filter(None, [plain(title), _numbers(bins)])), fontsize=10)
    return figure


def _numbers(bins: Tensor) -> str:
    count, confidence, accuracy = bins
    oa, sure = (float((count * values)[count > 0].sum() / count.sum()) for values in (accuracy, confidence))
    return f"ECE {expected_calibration_error(bins):.3f}, OA {oa:.3f}, mean confidence {sure:.3f}"
