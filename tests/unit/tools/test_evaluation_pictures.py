from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tlbench.pictures.files import write_figures
from tlbench.records.corruptions import CorruptionResult
from tlbench.records.evaluation import (
    CalibrationRecord,
    EvaluatedData,
    EvaluatedRun,
    EvaluationRecord,
    EvaluationVolatile,
)
from tlbench.robustness.suite import Transform, run_suite
from tlbench.tasks.classification.figures import evaluation_figures
from tlbench.tasks.classification.on_data import scores
from tlbench.tools.evaluation_pictures import show_in_tensorboard

pytestmark = pytest.mark.usefixtures("drawn_figures")

LOGITS = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.arange(30) % 3


def suite() -> CorruptionResult:
    def logits_of(transform: Transform | None) -> tuple[torch.Tensor, torch.Tensor]:
        return LOGITS * (1 if transform is None else -1), TARGETS

    return run_suite(
        lambda transform: scores(*logits_of(transform), 1.0), ["fog", "snow"], [1, 4], progress=lambda _: None
    )


def evaluation(*, corrupted: bool = False, calibrated: bool = False) -> EvaluationRecord:
    after = {"ece_before": 0.5, "ece_after": 0.2, "nll_before": 2.0, "nll_after": 1.0}
    return EvaluationRecord(
        run=EvaluatedRun(
            study="digits", arm="tin200", seed=0, config_hash="", checkpoint_sha256="0" * 64, stand_ins=[]
        ),
        data=EvaluatedData(name="digits", root=None, split="test", count=30, fingerprints=[""], own=True),
        metrics={},
        calibration=CalibrationRecord(temperature=2.5, fitted_on=10, **after) if calibrated else None,
        corruptions=suite() if corrupted else None,
        versions={},
        volatile=EvaluationVolatile(finished="", device="", host="", seconds=0.0),
    )


def test_a_plain_evaluation_has_its_reliability_diagram(tmp_path: Path) -> None:
    figures = evaluation_figures(evaluation(), LOGITS, TARGETS)
    assert write_figures(tmp_path, "evaluation", figures) == {"reliability": "evaluation_reliability.png"}
    assert (tmp_path / "evaluation_reliability.png").read_bytes().startswith(b"\x89PNG")


def test_a_calibrated_one_has_two_and_the_temperature_divides_the_logits() -> None:
    figures = evaluation_figures(evaluation(calibrated=True), LOGITS, TARGETS)
    assert list(figures) == ["reliability_before", "reliability_after"]
    before, after = (figure.axes[0].get_title() for figure in figures.values())
    assert "temperature" not in before
    assert "temperature 2.5" in after
    assert f"mean confidence {float((LOGITS / 2.5).softmax(1).amax(1).mean()):.3f}" in after


def test_tensorboard_shows_the_suite_in_a_folder_of_its_own(tmp_path: Path) -> None:
    record = evaluation(corrupted=True)
    figures = evaluation_figures(record, LOGITS, TARGETS)
    assert list(figures) == ["reliability", "corruptions"]
    for _ in range(2):  # the second takes the first's place
        show_in_tensorboard(tmp_path, "evaluation_common", record, figures)
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation_common"]
    events = EventAccumulator(str(tmp_path / "evaluation_common"))
    events.Reload()
    assert set(events.Tags()["images"]) == {"test/reliability", "test/corruptions"}
    result = suite()
    mean = events.Scalars("test/mean_corrupted_oa")
    assert [point.value for point in mean] == pytest.approx([result.mean_corrupted_oa])
    curve = events.Scalars("corruptions/fog")
    assert [point.step for point in curve] == [0, 1, 4]
    assert [point.value for point in curve] == pytest.approx([result.clean_oa, *result.oa["fog"]])
