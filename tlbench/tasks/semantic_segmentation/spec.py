"""Semantic segmentation, as it is known before anything heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.annotations.maps.config import MapAugmentation, MapDataConfig
from tlbench.annotations.maps.options import ADDED, DATA
from tlbench.annotations.maps.options import problems as map_problems
from tlbench.config.added import Added
from tlbench.tasks.semantic_segmentation.config import SemanticSegmentationConfig
from tlbench.tasks.semantic_segmentation.options import ExportMaps, PredictMaps
from tlbench.tasks.spec import MetricSpec, StandIns, TaskSpec

if TYPE_CHECKING:
    from tlbench.config import TrainConfig


def _problems(c: TrainConfig) -> list[str]:
    assert isinstance(c.data, MapDataConfig)
    assert isinstance(c.task, SemanticSegmentationConfig)
    problems = []
    if c.loss.import_path is not None and c.task.class_weights is not None:
        problems.append(
            f"task.class_weights with loss.import_path={c.loss.import_path!r}: they are of the task's own loss; use "
            "null, and let yours weigh the classes by loss.arguments"
        )
    if c.task.class_weights is not None and not c.task.loss.cross_entropy:
        problems.append("task.class_weights: they weigh task.loss.cross_entropy, which is 0; give it a weight, or null")
    if c.regulariser.bss > 0:
        problems.append("regulariser.bss: needs one vector of features an image; use regulariser=l2_sp or none")
    return [*problems, *map_problems(c.data, c.task.tile)]


SPEC = TaskSpec(
    name="semantic_segmentation",
    config=SemanticSegmentationConfig,
    augmentation=MapAugmentation,
    data=DATA,
    metrics=(
        MetricSpec("miou", percent=True, known_as=("iou", "mean_iou", "jaccard")),
        MetricSpec("oa", percent=True, known_as=("acc", "accuracy", "pixel_accuracy", "aacc")),
        MetricSpec("aa", percent=True, known_as=("balanced_accuracy", "mean_recall", "macc", "recall")),
        MetricSpec("kappa", known_as=("cohen_kappa",)),
        MetricSpec("f1", percent=True, known_as=("dice", "f1_score", "macro_f1", "mdice")),
        MetricSpec("boundary_iou", percent=True, monitors=False, known_as=("biou",)),
        MetricSpec("loss", better="min", in_studies=False),
    ),
    libraries=("smp", "torchvision", "module"),
    sources=("random", "imagenet", "tin200", "timm", "checkpoint"),
    stand_ins=StandIns(data="documents", source="tin200"),
    problems=_problems,
    what="a class a pixel",
    folder="masks",
    per_image="tlbench.tasks.semantic_segmentation.per_image:read",
    wing="tlbench.tasks.semantic_segmentation.wing:SemanticSegmentationWing",
    networks="smp (encoder by model.name, model.decoder), one of torchvision's for segmentation, or module",
    augmentations=("maps", "maps_none"),
    dense=True,
    added=(*ADDED, Added("task.tile", None)),
    options={"predict": PredictMaps, "export": ExportMaps},
    known_as=("segmentation", "semantic", "semseg", "segment"),
)
