"""Detection, as it is known before anything heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig
from tlbench.annotations.instances.options import ADDED, DATA
from tlbench.annotations.instances.options import problems as box_problems
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.options import EvaluateBoxes, ExportBoxes, PredictBoxes
from tlbench.tasks.spec import MetricSpec, StandIns, TaskSpec

if TYPE_CHECKING:
    from tlbench.config import TrainConfig


def _problems(c: TrainConfig) -> list[str]:
    assert isinstance(c.data, InstanceDataConfig)
    problems = box_problems(c.data)
    if c.regulariser.bss > 0:
        problems.append("regulariser.bss: needs one vector of features an image; use regulariser=l2_sp or none")
    return problems


SPEC = TaskSpec(
    name="detection",
    config=DetectionConfig,
    augmentation=InstanceAugmentation,
    data=DATA,
    metrics=(
        MetricSpec("map50_95", percent=True, known_as=("map", "map_50_95", "map_75")),
        MetricSpec("map50", percent=True, known_as=("map_50",)),
        MetricSpec("map95", percent=True),
        MetricSpec("precision", percent=True, monitors=False),
        MetricSpec("recall", percent=True, monitors=False),
        MetricSpec("f1", percent=True, known_as=("f1_score", "f2", "macro_f1", "recall")),
        MetricSpec("iou", monitors=False),
        MetricSpec("loss", better="min", in_studies=False),
    ),
    libraries=("ultralytics",),
    sources=("random", "coco", "documents", "checkpoint"),
    stand_ins=StandIns(data="documents", source="documents"),
    problems=_problems,
    what="boxes",
    folder="yolo",
    per_image="tlbench.tasks.detection.per_image:read",
    wing="tlbench.tasks.detection.wing:DetectionWing",
    networks="yolo11n, yolo11s, yolo11m, yolo11l or yolo11x",
    augmentations=("yolo", "letterbox"),
    added=ADDED,
    options={"evaluate": EvaluateBoxes, "predict": PredictBoxes, "export": ExportBoxes},
    known_as=("detect", "object_detection"),
)
