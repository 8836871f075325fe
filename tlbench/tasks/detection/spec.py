"""Detection, as it is known before anything heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig
from tlbench.annotations.instances.options import ADDED, DATA
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.options import EvaluateBoxes, ExportBoxes, PredictBoxes
from tlbench.tasks.spec import MetricSpec, StandIns, TaskSpec

if TYPE_CHECKING:
    from tlbench.config import TrainConfig


def _problems(c: TrainConfig) -> list[str]:
    data, problems = c.data, []
    assert isinstance(data, InstanceDataConfig)
    drawn = data.name == "documents"
    if not drawn and data.label_space is not None and data.pages is not None:
        return [f"data.name={data.name!r}: an option has keys of its own; choose it as data={data.name}"]
    for key, value, example in (("label_space", data.label_space, "target"), ("pages", data.pages, 300)):
        if drawn != (value is not None):
            what = f"documents are drawn; give one, such as {example}" if drawn else "only documents have it; use null"
            problems.append(f"data.{key}={'null' if value is None else value}: {what}")
    if drawn and data.cache == "none":
        problems.append("data.cache=none: documents are drawn, there are no files to decode; use memory")
    if data.split == "blocked" and data.name in ("documents", "coco"):
        problems.append(f"data.split=blocked: {data.name} has no frames of videos; use official")
    if (data.split == "blocked" or drawn) and data.test_fraction is None:
        problems.append("data.test_fraction=null: test is carved out here; give a fraction in (0, 1)")
    if data.test_fraction is not None and data.test_fraction + data.val_fraction >= 1:
        problems.append(
            f"data.val_fraction={data.val_fraction:g} and data.test_fraction={data.test_fraction:g}: nothing is left "
            "to train on; their sum must be below 1"
        )
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
    wing="tlbench.tasks.detection.wing:DetectionWing",
    networks="yolo11n, yolo11s, yolo11m, yolo11l or yolo11x",
    augmentations=("yolo", "letterbox"),
    added=ADDED,
    options={"evaluate": EvaluateBoxes, "predict": PredictBoxes, "export": ExportBoxes},
    known_as=("detect", "object_detection"),
)
