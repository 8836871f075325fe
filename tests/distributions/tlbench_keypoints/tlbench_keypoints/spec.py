"""Key points, as they are known before anything heavy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.config.data_option import DataOption
from tlbench.tasks.spec import MetricSpec, StandIns, TaskSpec
from tlbench_keypoints.config import PointAugmentation, PointDataConfig, PointsConfig
from tlbench_keypoints.options import EvaluatePoints, ExportPoints, PredictPoints

if TYPE_CHECKING:
    from tlbench.config import TrainConfig


def _problems(c: TrainConfig) -> list[str]:
    data, problems = c.data, []
    assert isinstance(data, PointDataConfig)
    drawn = data.name == "figures"
    if drawn != (data.images is not None):
        what = "figures are drawn; give a number, such as 600" if drawn else "only figures are drawn; use null"
        problems.append(f"data.images={'null' if data.images is None else data.images}: {what}")
    if drawn and data.cache == "none":
        problems.append("data.cache=none: figures are drawn, there are no files to decode; use memory")
    if data.test_fraction is None and drawn:
        problems.append("data.test_fraction=null: test is carved out here; give a fraction in (0, 1)")
    if data.test_fraction is not None and data.test_fraction + data.val_fraction >= 1:
        problems.append(
            f"data.val_fraction={data.val_fraction:g} and data.test_fraction={data.test_fraction:g}: nothing is left "
            "to train on; their sum must be below 1"
        )
    return problems


SPEC = TaskSpec(
    name="keypoints",
    config=PointsConfig,
    augmentation=PointAugmentation,
    data={
        "figures": DataOption(
            PointDataConfig,
            open="tlbench_keypoints.target:open_figures",
            without_root="are drawn; images of your own are read by data=points_csv",
            deep=False,
        ),
        "points_csv": DataOption(
            PointDataConfig,
            open="tlbench_keypoints.target:open_points",
            open_all="tlbench_keypoints.target:open_all_points",
            reach="tlbench_keypoints.reach:own_root",
            own=True,
        ),
    },
    metrics=(
        MetricSpec("pck", percent=True, known_as=("acc", "accuracy", "pck_005")),
        MetricSpec("nme", better="min", known_as=("error", "mean_error")),
        MetricSpec("loss", better="min", in_studies=False),
    ),
    libraries=("torchvision", "timm", "module"),
    sources=("random", "imagenet", "tin200", "timm", "checkpoint"),
    stand_ins=StandIns(data="figures", source="tin200"),
    problems=_problems,
    what="key points",
    folder="points_csv",
    wing="tlbench_keypoints.wing:KeyPointsWing",
    networks="resnet18 or another classifier of torchvision, efficientnet_lite0, timm or module",
    augmentations=("points", "points_plain"),
    options={"evaluate": EvaluatePoints, "predict": PredictPoints, "export": ExportPoints},
    known_as=("keypoint", "key_points", "pose", "landmarks"),
    conf="tlbench_keypoints.conf",
)
