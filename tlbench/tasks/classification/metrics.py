"""Classification metrics from one confusion matrix and one set of confidence bins.

The reference implementation is scikit-learn; the expected calibration error is that of Guo et al. 2017, "On
Calibration of Modern Neural Networks" (ICML).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tlbench.metrics.class_names import metric_class_names

BINS = 15
"""Confidence bins of equal width over (0, 1], as in Guo et al. 2017."""

_FIXED_POINT = 2**32


class ClassificationMetrics(Metric):
    """OA, AA, kappa, ECE, and precision, recall and F1 per class and (F1) on average.

    With TP, FP, FN per class c, N samples, C classes:

    - `oa` = Σ TP / N;
    - `aa`: mean of recall over the classes that occur in the targets (scikit-learn's `balanced_accuracy_score`);
    - `kappa` = (p_o − p_e) / (1 − p_e), p_o = OA, p_e = Σ_c (n_true_c / N)(n_pred_c / N); NaN where p_e = 1, that is
      where one class is all that occurs in targets and predictions;
    - `precision/<class>` = TP / (TP + FP), `recall/<class>` = TP / (TP + FN), `f1/<class>` = 2 TP / (2 TP + FP + FN);
      0 where the denominator is 0 (scikit-learn's `zero_division=0`);
    - `f1`: mean of `f1/<class>` over all C classes, those that never occur (F1 0) included;
    - `ece` = Σ_bins |Σ correct − Σ confidence| / N over bins ((m − 1)/15, m/15], confidence being the largest softmax
      probability.

    Without any sample all are NaN; likewise where the probabilities of any sample are not numbers, as its logits hold
    NaN or +inf (or nothing but −inf): `argmax` would make such a sample the first class. A `/` in a class name becomes
    `_`.

    Args:
        num_classes: C, ≥ 1.
        class_names: C names, in the order of the labels.

    Raises:
        DataError: Two classes would share a metric's name.
    """

    full_state_update = False
    is_differentiable = False

    confusion_counts: Tensor
    bins: Tensor

    def __init__(self, num_classes: int, class_names: Sequence[str]) -> None:
        super().__init__()
        if len(class_names) != num_classes:
            raise ValueError(f"{len(class_names)} class names for {num_classes} classes")
        self.num_classes = num_classes
        self.class_names = metric_class_names(class_names)
        # Whole numbers only, the confidences in fixed point of 2⁻³²: their sums are exact and therefore the same in
        # every order, whether over batches, a GPU's threads or processes. The last bin takes NaN confidences, whose
        # samples the confusion matrix leaves out.
        self.add_state("confusion_counts", torch.zeros(num_classes, num_classes, dtype=torch.int64), "sum")
        self.add_state("bins", torch.zeros(3, BINS + 1, dtype=torch.int64), "sum")

    @property
    def confusion(self) -> Tensor:
        """(C, C) int64 counts since the last reset, rows true and columns predicted classes; of this process only."""
        return self.confusion_counts

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Add a batch, without host–device synchronisation (`bincount` would wait for the GPU).

        Args:
            logits: (B, C), any float type.
            target: (B,) int64 in [0, C).
        """
        predicted = logits.argmax(dim=1)
        confidence = logits.float().softmax(dim=1).amax(dim=1)
        cell, defined = target * self.num_classes + predicted, ~confidence.isnan()
        counts = self.confusion_counts.flatten().index_add(0, cell, defined.long())
        self.confusion_counts = counts.view_as(self.confusion_counts)

        upper_edges = torch.arange(1, BINS + 1, device=confidence.device) / BINS
        fixed = (confidence.nan_to_num() * _FIXED_POINT).long()
        values = torch.stack([torch.ones_like(target), fixed, (predicted == target).long()])
        self.bins = self.bins.index_add(1, torch.bucketize(confidence, upper_edges), values)

    def compute(self) -> dict[str, Tensor]:
        """All metrics by name, without the split's prefix: float64 scalars on the CPU, fetched in one go."""
        confusion, bins = self.confusion_counts.cpu().double(), self.bins.cpu().double()
        n, hits = confusion.sum(), confusion.diag()
        n_true, n_pred = confusion.sum(dim=1), confusion.sum(dim=0)
        count, confidence, correct = bins
        # added to what would otherwise be a number without any sample, or where one has no prediction
        defined = torch.where((n > 0) & (count[BINS] == 0), 0.0, torch.nan)

        precision, recall = _ratio(hits, n_pred) + defined, _ratio(hits, n_true) + defined
        f1 = _ratio(2 * hits, n_true + n_pred) + defined
        oa, chance = hits.sum() / n + defined, (n_true / n * (n_pred / n)).sum()
        ece = (correct - confidence / _FIXED_POINT)[:BINS].abs().sum() / n
        values = {
            "oa": oa,
            "aa": recall[n_true > 0].mean(),
            "kappa": (oa - chance) / (1 - chance),
            "f1": f1.mean(),
            "ece": ece + defined,
        }
        for metric, per_class in (("precision", precision), ("recall", recall), ("f1", f1)):
            values |= {f"{metric}/{name}": value for name, value in zip(self.class_names, per_class, strict=True)}
        return values


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Elementwise quotient, 0 where the denominator is 0 (and with it the numerator)."""
    return numerator / denominator.clamp(min=1)
