"""Classification, as it is known before anything heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.annotations.labels.config import LabelAugmentation, LabelDataConfig
from tlbench.annotations.labels.options import ADDED, DATA
from tlbench.annotations.labels.options import problems as label_problems
from tlbench.config.added import Added
from tlbench.tasks.classification.config import ClassificationConfig
from tlbench.tasks.classification.options import EvaluateLabels, ExportLabels, PredictLabels
from tlbench.tasks.spec import MetricSpec, StandIns, TaskSpec

if TYPE_CHECKING:
    from tlbench.config import TrainConfig


def _problems(c: TrainConfig) -> list[str]:
    data, problems = c.data, []
    assert isinstance(data, LabelDataConfig)
    assert isinstance(c.task, ClassificationConfig)
    if c.loss.import_path is not None and c.task.label_smoothing > 0:
        problems.append(
            f"task.label_smoothing={c.task.label_smoothing} with loss.import_path={c.loss.import_path!r}: it is of the "
            "task's own loss; use 0, and let yours smooth the labels, as torch.nn:CrossEntropyLoss does with "
            "loss.arguments.label_smoothing"
        )
    return [*problems, *label_problems(data)]


SPEC = TaskSpec(
    name="classification",
    config=ClassificationConfig,
    augmentation=LabelAugmentation,
    data=DATA,
    metrics=(
        MetricSpec("oa", percent=True, known_as=("acc", "acc1", "accuracy", "top1")),
        MetricSpec("aa", percent=True, known_as=("balanced_accuracy", "mean_recall", "recall")),
        MetricSpec("kappa", known_as=("cohen_kappa",)),
        MetricSpec("f1", percent=True, known_as=("f1_score", "f2", "macro_f1", "recall")),
        MetricSpec("ece", better="min"),
        MetricSpec("loss", better="min", in_studies=False),
    ),
    libraries=("torchvision", "timm", "module"),
    sources=("random", "imagenet", "tin200", "timm", "checkpoint"),
    stand_ins=StandIns(data="digits", source="tin200"),
    problems=_problems,
    what="one label an image",
    folder="image_folder",
    per_image="tlbench.tasks.classification.per_image:read",
    wing="tlbench.tasks.classification.wing:ClassificationWing",
    networks="resnet18 or another classifier of torchvision, efficientnet_lite0, timm or module",
    augmentations=("none", "crop", "crop_flip", "resized_crop", "rand_augment"),
    caches_features=True,
    added=(Added("task.label_smoothing", 0.0), *ADDED),
    options={"evaluate": EvaluateLabels, "predict": PredictLabels, "export": ExportLabels},
    known_as=("classify",),
    was_the_only_one=True,
)
