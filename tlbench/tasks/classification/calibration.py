"""Temperature scaling: one number that divides all logits, fitted on validation, so that confidences fit accuracies.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (ICML, arXiv:1706.04599). It changes no prediction, so OA
stays as it is; only confidences, and with them ECE and loss, change.
"""

from __future__ import annotations

import math

import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.nn import functional as F

from tlbench.errors import DataError, WeightsError
from tlbench.networks.outputs import not_finite

LOWEST, HIGHEST = 0.01, 100.0
"""The temperatures searched; a fit that would go beyond them stops there, see `temperature_warning`."""


def nll(logits: Tensor, targets: Tensor, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of softmax(logits / temperature), in nats, computed in float64.

    Args:
        logits: (N, C), N ≥ 1, any float type.
        targets: (N,) int64 in [0, C).
        temperature: > 0.
    """
    return float(F.cross_entropy(logits.double() / temperature, targets))


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """The temperature in [0.01, 100] of the lowest negative log-likelihood.

    The likelihood is convex in β = 1/T, so its derivative in β, mean(E_p[z] − z_target) with p = softmax(β z), has at
    most one sign change, and bracketing finds it whatever the logits. (Guo et al. use L-BFGS, which reaches the same
    minimum where it converges, and runs away where all are right or all are wrong.)

    Args:
        logits: (N, C), any float type, unscaled, of samples that the network was not trained on.
        targets: (N,) int64 in [0, C).

    Returns:
        T: above 1 where the network was over-confident. 0.01 where every sample is classified right (no confidence
        is then too high), 100 where uniform probabilities would be the best; 1 where no temperature changes anything.

    Raises:
        DataError: There is no sample.
        WeightsError: A logit is NaN or +inf, or that of a true class is −inf.
    """
    if len(targets) == 0:
        raise DataError("a temperature cannot be fitted: validation holds no images; leave calibrate out")
    if bool(not_finite(logits, len(logits)).any()):
        raise WeightsError(
            "a temperature cannot be fitted: the network's outputs on validation are not finite; its weights have "
            "diverged, train again with a lower optimizer.lr or leave calibrate out"
        )
    z = logits.double()
    z = z - z.amax(dim=1, keepdim=True)
    of_target = z.gather(1, targets[:, None]).squeeze(1)
    if not bool(torch.isfinite(of_target).all()):
        raise WeightsError(
            "a temperature cannot be fitted: on validation the network gives the true class of some images the logit "
            "-inf, which no temperature makes likelier; leave calibrate out"
        )

    def slope(log_beta: float) -> float:
        p = torch.softmax(z * math.exp(log_beta), dim=1)
        return float((torch.where(p > 0, p * z, 0.0).sum(dim=1) - of_target).mean())

    low, high = -math.log(HIGHEST), -math.log(LOWEST)
    if slope(low) == slope(high) == 0:
        return 1.0
    if slope(low) >= 0:
        return HIGHEST
    if slope(high) <= 0:
        return LOWEST
    return math.exp(-brentq(slope, low, high, xtol=1e-12))


def temperature_warning(temperature: float) -> str | None:
    """One line where the fit ended at the edge of what is searched, else None."""
    if temperature == LOWEST:
        return (
            f"temperature {LOWEST:g} is the lowest allowed: nearly all of validation is classified right, so that no "
            "confidence is too high for it (or all logits are close to 0); do not read calibrated confidences as "
            "probabilities"
        )
    if temperature == HIGHEST:
        return (
            f"temperature {HIGHEST:g} is the highest allowed: on validation the network is no better than uniform "
            "probabilities"
        )
    return None
