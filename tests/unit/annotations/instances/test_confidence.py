from __future__ import annotations

import math

import numpy as np
import pytest

from tlbench.annotations.instances.confidence import NOTHING_FOUND, best_confidence, matched_iou, rates
from tlbench.annotations.instances.matches import Matches


def matches_of(rows: list[tuple[float, int, float]], objects: list[int]) -> Matches:
    """From (score, class, IoU at 0.5 or 0)."""
    scores, labels, ious = (np.array([row[i] for row in rows], dtype=np.float32) for i in range(3))
    hits = (ious > 0).astype(np.int32)
    return Matches.sort(scores, labels.astype(np.int32), hits, ious, np.array(objects))


def brute_force(matches: Matches) -> tuple[float, float]:
    """The best mean F1 over all scores, and the highest score that has it."""
    present = [c for c, count in enumerate(matches.objects) if count]
    best = (-1.0, 0.0)
    for t in sorted(set(matches.scores.tolist())):
        f1 = []
        for c in present:
            where = matches.of_class(c)
            above = matches.scores[where] >= np.float32(t)
            tp = int((matches.hits[where] & 1)[above].sum())
            f1.append(2 * tp / (int(above.sum()) + int(matches.objects[c])))
        best = max(best, (round(float(np.mean(f1)), 12), t))
    return best


def test_rates_by_hand() -> None:
    # class 0: 3 objects, right at 0.9 and 0.6, wrong at 0.8; class 1: an object, undetected; class 2: no object
    matches = matches_of([(0.9, 0, 0.8), (0.8, 0, 0), (0.6, 0, 0.7), (0.9, 2, 0)], [3, 1, 0])
    at = rates(matches, np.array([0.0, 0.7, 0.85, 0.95]))
    assert at.precision[0].tolist() == pytest.approx([2 / 3, 1 / 2, 1, 0])
    assert at.recall[0].tolist() == pytest.approx([2 / 3, 1 / 3, 1 / 3, 0])
    assert at.f1[0].tolist() == pytest.approx([4 / 6, 2 / 5, 2 / 4, 0])
    assert at.precision[1].tolist() == at.recall[1].tolist() == at.f1[1].tolist() == [0] * 4
    assert np.isnan([at.precision[2], at.recall[2], at.f1[2]]).all()


def test_a_score_at_the_confidence_counts() -> None:
    matches = matches_of([(0.5, 0, 0.8)], [1])
    assert rates(matches, np.array([0.5, np.nextafter(0.5, 1)])).recall.tolist() == [[1.0, 0.0]]


def test_best_confidence_lies_halfway_to_the_next_lower_score() -> None:
    # F1 at 0.75: 2/3, at 0.5: 4/4 with both, at 0.25: 4/5 with a wrong one
    matches = matches_of([(0.75, 0, 0.9), (0.5, 0, 0.9), (0.25, 0, 0)], [2])
    assert best_confidence(matches) == 0.375


def test_of_equal_f1_the_highest_score_is_chosen() -> None:
    # 1 TP of 1 detection: 2/(1+3) = 1/2; then 2 FP and a TP: 4/(4+3) > 1/2; then FPs down to 2 TP of 5: 4/8 = 1/2
    tie = [(0.9, 0, 0.9), (0.8, 0, 0), (0.7, 0, 0), (0.6, 0, 0), (0.5, 0, 0.9)]
    assert best_confidence(matches_of(tie, [3])) == pytest.approx(0.85)


def test_below_the_lowest_score_comes_zero() -> None:
    assert best_confidence(matches_of([(0.5, 0, 0.9)], [1])) == 0.25
    assert best_confidence(matches_of([(1.0, 0, 0.9)], [1])) == 0.5


def test_it_is_the_best_mean_over_classes_that_have_objects() -> None:
    # class 0 would choose 0.8, class 1 0.3; class 2 without objects has no say, but its score bounds the interval
    rows = [(0.8, 0, 0.9), (0.6, 0, 0), (0.6, 1, 0.9), (0.3, 1, 0.9), (0.3, 1, 0.9), (0.25, 2, 0)]
    matches = matches_of(rows, [1, 3, 0])
    # at 0.8: (1 + 0)/2, at 0.6: (2/3 + 2/4)/2, at 0.3: (2/3 + 1)/2
    assert best_confidence(matches) == pytest.approx((0.3 + 0.25) / 2)


def test_without_anything_found_it_is_one_half() -> None:
    assert NOTHING_FOUND == 0.5
    assert best_confidence(matches_of([], [3])) == 0.5
    assert best_confidence(matches_of([(0.9, 0, 0)], [3])) == 0.5
    assert best_confidence(matches_of([(0.9, 0, 0)], [0])) == 0.5


@pytest.mark.parametrize("seed", range(8))
def test_all_scores_are_tried(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = 200
    scores = np.round(generator.random(n), 2 if seed % 2 else 6).clip(0.01)
    right = generator.random(n) < scores
    rows = list(zip(scores.tolist(), generator.integers(0, 4, n).tolist(), right.tolist(), strict=True))
    matches = matches_of([(s, c, 0.7 if r and c != 3 else 0) for s, c, r in rows], [40, 60, 50, 0])
    best, score = brute_force(matches)
    chosen = best_confidence(matches)
    assert 0 < chosen < score
    at = rates(matches, np.array([chosen]))
    assert matches.mean(at.f1)[0] == pytest.approx(best, abs=1e-9)
    assert not ((matches.scores > chosen) & (matches.scores < score)).any()
    backwards = matches_of([(s, c, 0.7 if r and c != 3 else 0) for s, c, r in rows[::-1]], [40, 60, 50, 0])
    assert best_confidence(backwards) == chosen


def test_matched_iou_is_the_mean_of_true_positives_above() -> None:
    matches = matches_of([(0.9, 0, 0.75), (0.8, 1, 0.5), (0.7, 0, 0), (0.3, 0, 1.0)], [2, 2])
    assert matched_iou(matches, 0.5) == 0.625
    assert matched_iou(matches, 0.1) == 0.75
    assert math.isnan(matched_iou(matches, 0.95))
