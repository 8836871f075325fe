from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from tests.drawn_detections import Drawn, by_pycocotools, detections_of, draw, targets_of
from tlbench.annotations.instances.average_precision import average_precision
from tlbench.annotations.instances.detections import Detections
from tlbench.annotations.instances.matching import IOU_THRESHOLDS
from tlbench.errors import DataError
from tlbench.tasks.detection.metrics import DetectionMetrics

NAMES = ["ant", "bee", "cat", "dog", "elk"]
BOX, FAR = [10.0, 10.0, 110.0, 60.0], [300.0, 300.0, 400.0, 400.0]
NEAR = [10.0, 10.0, 90.0, 60.0]  # IoU 0.8 with BOX


def fed(drawn: Drawn, names: list[str] = NAMES, batch: int = 7) -> DetectionMetrics:
    metrics = DetectionMetrics(names)
    for start in range(0, len(drawn.objects), batch):
        part = drawn[start : start + batch]
        metrics.update(part.detections, part.targets)
    return metrics


def numbers(metrics: DetectionMetrics) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.compute().items()}


def two_images() -> DetectionMetrics:
    """Ant: two objects, found with IoU 0.8 at 0.9, a miss at 0.6, found with IoU 1 at 0.4; bee: one, not found."""
    metrics = DetectionMetrics(["ant", "bee", "cat"])
    objects = [(torch.tensor([BOX, FAR]), torch.tensor([0, 1])), (torch.tensor([BOX]), torch.tensor([0]))]
    detections = [detections_of((NEAR, 0.9, 0), (FAR, 0.6, 0)), detections_of((BOX, 0.4, 0), (FAR, 0.2, 2))]
    metrics.update(detections, targets_of(objects))
    return metrics


def test_two_images_by_hand() -> None:
    metrics = two_images()
    metrics.confidence = 0.5
    values = numbers(metrics)
    both = (51 + 50 * 2 / 3) / 101  # right, wrong, right of two objects
    last = 51 / 101 / 3  # wrong, wrong, right
    assert values["ap50/ant"] == pytest.approx(both, abs=1e-12)
    assert values["ap95/ant"] == pytest.approx(last, abs=1e-12)
    assert values["ap50_95/ant"] == pytest.approx((7 * both + 3 * last) / 10, abs=1e-12)  # IoU 0.8 reaches 0.80
    assert values["ap50/bee"] == values["ap95/bee"] == values["ap50_95/bee"] == 0
    assert values["map50"] == pytest.approx(both / 2, abs=1e-12)
    assert values["map95"] == pytest.approx(last / 2, abs=1e-12)
    assert [values[f"{name}/ant"] for name in ("precision", "recall", "f1")] == [0.5, 0.5, 0.5]
    assert [values[f"{name}/bee"] for name in ("precision", "recall", "f1")] == [0, 0, 0]
    assert [values[name] for name in ("precision", "recall", "f1")] == [0.25, 0.25, 0.25]
    assert values["iou"] == pytest.approx(0.8, abs=1e-6)
    assert values["confidence"] == 0.5
    assert all(math.isnan(value) for name, value in values.items() if name.endswith("/cat"))


def test_without_a_given_confidence_it_is_the_best_one_of_the_data() -> None:
    metrics = two_images()
    # ant's F1: 2/3 at 0.9, 2/4 at 0.6, 4/5 at 0.4; the next lower score is the cat's
    values = numbers(metrics)
    assert values["confidence"] == pytest.approx(0.3)
    assert values["f1/ant"] == pytest.approx(0.8)
    assert values["iou"] == pytest.approx(0.9, abs=1e-6)
    metrics.confidence = 0.95  # what was computed is not kept
    assert numbers(metrics)["recall/ant"] == 0
    metrics.confidence = None
    assert numbers(metrics) == pytest.approx(values, nan_ok=True)


def test_names_and_types() -> None:
    values = two_images().compute()
    per_class = ("ap50", "ap95", "ap50_95", "precision", "recall", "f1")
    means = {"map50", "map95", "map50_95", "precision", "recall", "f1", "iou", "confidence"}
    assert set(values) == means | {f"{metric}/{name}" for metric in per_class for name in ("ant", "bee", "cat")}
    assert all(value.dtype == torch.float64 and value.ndim == 0 for value in values.values())


@pytest.mark.promise("crowds", "AP equals pycocotools")
@pytest.mark.parametrize(
    "drawn",
    [
        draw(60, [0, 1, 2], seed=1, detected=[0, 1, 2, 3]),  # dog: detected, without objects; elk: neither
        draw(40, [0, 1, 2, 3, 4], seed=2, decimals=1),  # ties everywhere
        draw(12, [0, 1], seed=3, detections_per_image=260, mean_objects=25),  # over 100 of a class
        draw(30, [2], seed=4, decimals=6),
        draw(9, [0, 1, 2, 3], seed=5, detected=[4]),  # few right
        draw(60, [0, 1, 2], seed=21, crowds=[0, 1, 2, 3]),  # dog: crowds alone
        draw(40, [0, 1], seed=22, crowds=[0, 1], decimals=1),
        draw(12, [0, 1], seed=23, crowds=[0, 1], detections_per_image=260, mean_objects=25),
        draw(12, [0], seed=24, crowds=[0], detections_per_image=150),
        *(draw(15, [0, 1, 2, 3], seed=seed, crowds=[0, 1, 2, 3], mean_objects=2) for seed in range(30, 36)),
    ],
    ids=[
        *("absent-classes", "ties", "many", "one-class", "wrong-class"),
        *("crowds", "crowds-ties", "crowds-many", "crowds-one-class", *(f"crowds-{seed}" for seed in range(30, 36))),
    ],
)
def test_ap_equals_that_of_pycocotools(drawn: Drawn) -> None:
    metrics, reference = fed(drawn), by_pycocotools(drawn, len(NAMES))
    ap = average_precision(metrics._matches())
    assert ap.shape == reference.ap.shape == (5, 10)
    assert 0 < np.nanmax(reference.ap) < 1
    np.testing.assert_allclose(ap, reference.ap, rtol=0, atol=1e-12)
    values = numbers(metrics)
    assert [values["map50_95"], values["map50"]] == pytest.approx(reference.summary[:2], abs=1e-12)
    ap75 = average_precision(metrics._matches())[:, np.argmin(abs(IOU_THRESHOLDS - 0.75))]
    assert np.nanmean(ap75) == pytest.approx(reference.summary[2], abs=1e-12)
    for i, name in enumerate(NAMES):
        own = [values[f"{metric}/{name}"] for metric in ("ap50", "ap95", "ap50_95")]
        assert own == pytest.approx([*reference.ap[i, [0, -1]], reference.ap[i].mean()], abs=1e-12, nan_ok=True)
    metrics.confidence = 0.15
    values, present = numbers(metrics), []
    for i, name in enumerate(NAMES):
        tp, fp, objects = reference.counts(i, 0.15)
        if objects:
            rates = [tp / max(tp + fp, 1), tp / objects, 2 * tp / (tp + fp + objects)]
            assert [values[f"{m}/{name}"] for m in ("precision", "recall", "f1")] == pytest.approx(rates, abs=1e-12)
            present.append(rates)
    assert [values[m] for m in ("precision", "recall", "f1")] == pytest.approx(np.mean(present, axis=0), abs=1e-12)


def test_what_is_found_in_a_crowd_counts_neither_way() -> None:
    crowd, inside, half = [100.0, 100.0, 300.0, 300.0], [120.0, 120.0, 140.0, 150.0], [80.0, 120.0, 120.0, 150.0]
    objects = [(torch.tensor([BOX]), torch.tensor([0]))]
    found = detections_of((inside, 0.9, 0), (inside, 0.8, 0), (half, 0.7, 0), (inside, 0.65, 1), (BOX, 0.6, 0))
    values = {}
    for name, crowds in (("with", [(torch.tensor([crowd]), torch.tensor([0]))]), ("without", None)):
        metrics = DetectionMetrics(["ant", "bee"])
        metrics.update([found], targets_of(objects, crowds=crowds))
        values[name] = numbers(metrics)
    assert values["without"]["ap50/ant"] == pytest.approx(1 / 4)
    assert values["with"]["ap50/ant"] == 1  # half of the third is in the crowd
    assert values["with"]["ap95/ant"] == pytest.approx(1 / 2)  # which is not enough at 0.95
    assert values["with"]["precision/ant"] == 1
    assert values["with"]["confidence"] == pytest.approx(0.3)  # nothing that counts is below 0.6
    assert math.isnan(values["with"]["ap50/bee"])


def test_neither_batches_nor_the_input_s_frame_matter() -> None:
    drawn = draw(30, [0, 1, 2], seed=6, crowds=[0, 1])
    whole = numbers(fed(drawn, batch=30))
    assert numbers(fed(drawn, batch=1)) == pytest.approx(whole, abs=0, nan_ok=True)
    framed = DetectionMetrics(NAMES)
    framed.update(drawn.detections, targets_of(drawn.objects, 0.5, 16, 32, drawn.crowds))
    assert numbers(framed) == pytest.approx(whole, abs=1e-3, nan_ok=True)


def synced(parts: list[DetectionMetrics], rank: int) -> DetectionMetrics:
    """The metric of one process while it holds what all have collected, as `gather_all_tensors` brings it."""
    for part in parts:
        part.distributed_available_fn = lambda: True
    sent: list[list[torch.Tensor]] = []
    for part in parts:
        copied, own = copy.deepcopy(part), []
        copied.sync(dist_sync_fn=lambda state, group, own=own: own.append(state) or [state])
        sent.append(own)
    calls = iter(range(len(sent[0])))

    def gather(state: torch.Tensor, group: object) -> list[torch.Tensor]:
        i = next(calls)
        assert len({(process[i].dtype, process[i].ndim) for process in sent}) == 1  # or an exchange would fail
        return [process[i] for process in sent]

    parts[rank].dist_sync_fn = gather
    return parts[rank]


def test_processes_together_are_one_with_the_images_in_order() -> None:
    drawn = draw(40, [0, 1, 2], seed=7)
    whole = fed(drawn)
    parts = [fed(drawn[:17]), DetectionMetrics(NAMES), fed(drawn[17:])]
    alone = numbers(copy.deepcopy(parts[2]))
    values = numbers(synced(copy.deepcopy(parts), 2))
    assert values == pytest.approx(numbers(whole), abs=0, nan_ok=True)
    assert values["map50"] != alone["map50"]
    with pytest.warns(UserWarning, match="before the"):
        empty = numbers(synced(copy.deepcopy(parts), 1))  # a process without images gets the same
    assert empty == pytest.approx(values, abs=0, nan_ok=True)


def test_the_order_of_processes_does_not_matter_without_ties() -> None:
    drawn = draw(40, [0, 1, 2], seed=8, decimals=7)
    assert len({float(s) for found in drawn.detections for s in found.scores if s > 0.001}) > 900
    parts = [fed(drawn[20:]), fed(drawn[:20])]
    assert numbers(synced(parts, 0)) == pytest.approx(numbers(fed(drawn)), abs=0, nan_ok=True)


def test_after_an_exchange_a_process_goes_on_with_its_own() -> None:
    drawn = draw(20, [0, 1], seed=9)
    metrics = synced([fed(drawn[:10]), fed(drawn[10:])], 0)
    metrics.compute()
    metrics.dist_sync_fn, metrics.distributed_available_fn = None, lambda: False
    metrics.update(drawn[10:].detections, drawn[10:].targets)
    assert numbers(metrics) == pytest.approx(numbers(fed(drawn)), abs=0, nan_ok=True)


def test_states_wait_on_the_cpu_and_are_exchanged_from_the_metric_s_device() -> None:
    metrics, drawn = DetectionMetrics(NAMES).to("meta"), draw(5, [0, 1], seed=13)
    metrics.update(drawn.detections, drawn.targets)
    assert {part.device.type for part in (*metrics.scores, *metrics.ious, *metrics.hits)} == {"cpu"}
    devices = []
    metrics.sync(
        dist_sync_fn=lambda state, group: devices.append(state.device.type) or [state],
        distributed_available=lambda: True,
    )
    assert devices == ["meta"] * 5  # NCCL takes nothing from the CPU
    metrics.unsync()
    assert {part.device.type for part in (*metrics.scores, *metrics.ious, *metrics.hits)} == {"cpu"}


def test_reset_forgets_everything_but_the_confidence() -> None:
    drawn = draw(10, [0, 1], seed=10)
    metrics = fed(drawn)
    metrics.confidence = 0.3
    before = numbers(metrics)
    metrics.reset()
    assert not metrics.scores
    assert not metrics.hits
    assert not metrics.ious
    assert int(metrics.objects.sum()) == 0
    metrics.update(drawn.detections, drawn.targets)
    assert numbers(metrics) == pytest.approx(before, abs=0, nan_ok=True)
    assert metrics.confidence == before["confidence"] == 0.3


@pytest.mark.promise("AP equals pycocotools")
def test_a_detection_takes_twelve_bytes_and_there_are_at_most_a_hundred_a_class_and_image() -> None:
    drawn = draw(20, [0], seed=11, detections_per_image=300, crowds=[0])
    metrics = fed(drawn, ["ant"])
    states = [*metrics.scores, *metrics.ious, *metrics.hits]
    kept = sum(min(len(found), 100) for found in drawn.detections)
    assert kept == 18 * 100
    assert sum(state.untyped_storage().nbytes() for state in states) == 12 * kept
    assert all(state.device.type == "cpu" for state in states)


def test_without_objects_all_is_nan_but_the_confidence() -> None:
    metrics = DetectionMetrics(["ant"])
    metrics.update([detections_of((BOX, 0.9, 0))], targets_of([(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))]))
    values = numbers(metrics)
    assert values.pop("confidence") == 0.5
    assert all(math.isnan(value) for value in values.values())
    assert np.isnan(metrics.curves().mean_f1).all()


def test_without_detections_all_is_zero_but_the_iou() -> None:
    metrics = DetectionMetrics(["ant"])
    metrics.update([detections_of()], targets_of([(torch.tensor([BOX]), torch.tensor([0]))]))
    values = numbers(metrics)
    assert math.isnan(values.pop("iou"))
    assert values.pop("confidence") == 0.5
    assert set(values.values()) == {0.0}


def test_without_any_image_all_is_nan_but_the_confidence() -> None:
    metrics = DetectionMetrics(["ant"])
    with pytest.warns(UserWarning, match="before the"):
        values = numbers(metrics)
    assert values.pop("confidence") == 0.5
    assert all(math.isnan(value) for value in values.values())


def test_curves_are_those_that_the_metrics_are_read_from() -> None:
    drawn = draw(40, [0, 1, 2], seed=12, detected=[0, 1, 2, 3])
    metrics = fed(drawn)
    curves = metrics.curves()
    assert curves.class_names == tuple(NAMES)
    assert curves.precision_at_recall.shape == (5, 101)
    assert curves.f1.shape == curves.precision.shape == curves.recall.shape == (5, 1000)
    values = numbers(metrics)
    assert curves.mean_precision_at_recall.mean() == pytest.approx(values["map50"], abs=1e-12)
    for i, name in enumerate(NAMES):
        assert curves.precision_at_recall[i].mean() == pytest.approx(values[f"ap50/{name}"], abs=1e-12, nan_ok=True)
    metrics.confidence = float(curves.confidence_grid[137])
    values = numbers(metrics)
    for metric, mean in (("precision", curves.mean_precision), ("recall", curves.mean_recall), ("f1", curves.mean_f1)):
        assert mean[137] == values[metric]
        for i, name in enumerate(NAMES):
            assert getattr(curves, metric)[i, 137] == pytest.approx(values[f"{metric}/{name}"], abs=0, nan_ok=True)
    metrics.confidence = None
    assert curves.mean_f1.max() <= numbers(metrics)["f1"]
    assert curves.confidence_grid[[0, -1]].tolist() == [0, 1]


@pytest.mark.promise("NaN in detection metrics")
@pytest.mark.parametrize(("box", "score"), [(BOX, math.nan), ([math.nan, *BOX[1:]], 0.5), ([*BOX[:3], math.inf], 0.5)])
def test_a_box_or_score_that_is_no_number_makes_every_metric_nan(box: list[float], score: float) -> None:
    """Left out, it would be an object that was not found, and mAP merely lower."""
    metrics = two_images()
    metrics.confidence = 0.5
    more = [(torch.tensor([BOX]), torch.tensor([0]))] * 2
    metrics.update([detections_of((BOX, 0.9, 0)), detections_of((box, score, 1))], targets_of(more))
    assert all(math.isnan(value) for value in numbers(metrics).values())
    metrics.reset()
    metrics.update([detections_of((BOX, 0.9, 0))], targets_of(more[:1]))
    assert numbers(metrics)["ap50/ant"] == 1


def test_what_is_undefined_in_one_process_is_so_in_all() -> None:
    undefined = DetectionMetrics(["ant", "bee", "cat"])
    undefined.update([Detections.undefined()], targets_of([(torch.tensor([BOX]), torch.tensor([0]))]))
    assert not Detections.undefined().is_defined
    for rank in range(2):
        values = numbers(synced([copy.deepcopy(two_images()), copy.deepcopy(undefined)], rank))
        assert all(math.isnan(value) for value in values.values())


def test_class_names_must_stay_distinct() -> None:
    with pytest.raises(DataError, match="'a_b'"):
        DetectionMetrics(["a/b", "a_b"])
    assert DetectionMetrics(["a/b"]).class_names == ["a_b"]


def test_the_last_class_that_fits_beside_its_hits_comes_back() -> None:
    names = [str(i) for i in range(1 << 17)]
    metrics = DetectionMetrics(names)
    last = len(names) - 1
    metrics.update([detections_of((BOX, 0.9, last))], targets_of([(torch.tensor([BOX]), torch.tensor([last]))]))
    matches = metrics._matches()
    assert (matches.hits.tolist(), matches.of_class(last)) == ([1023], slice(0, 1))
    with pytest.raises(DataError, match=r"131,073 classes; up to 131,072 are measured; leave some out"):
        DetectionMetrics([*names, "one more"])


def test_detections_and_targets_are_of_the_same_images() -> None:
    with pytest.raises(ValueError, match="2 images, targets of 1"):
        DetectionMetrics(["ant"]).update([detections_of()] * 2, targets_of([(torch.tensor([BOX]), torch.tensor([0]))]))
