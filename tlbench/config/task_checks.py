"""Whether data, augmentation, model and source of a configuration are those of its task."""

from __future__ import annotations

from tlbench.config import (
    ClassificationConfig,
    DetectionAugmentation,
    DetectionConfig,
    DetectionDataConfig,
    ImageAugmentation,
    ImageDataConfig,
    TrainConfig,
)

DETECTION_SOURCES = ("random", "coco", "documents", "checkpoint")
CLASSIFICATION_SOURCES = ("random", "imagenet", "tin200", "timm", "checkpoint")


def task_problems(c: TrainConfig) -> list[str]:
    """What does not fit the task, one line each."""
    return _detection_problems(c) if isinstance(c.task, DetectionConfig) else _classification_problems(c)


def of_another_task(c: TrainConfig) -> list[str]:
    """What is of another task altogether, one line each."""
    detects = isinstance(c.task, DetectionConfig)
    data = "signature, documents, yolo or coco" if detects else "cifar10, digits, image_folder or image_csv"
    augmentation = "yolo or letterbox" if detects else "none, crop, crop_flip, resized_crop or rand_augment"
    model = (
        "yolo11n, yolo11s, yolo11m, yolo11l or yolo11x"
        if detects
        else "resnet18 or another classifier of torchvision, efficientnet_lite0, timm or module"
    )
    sources = DETECTION_SOURCES if detects else CLASSIFICATION_SOURCES
    other = "classification" if detects else "detection"
    wrong_data = isinstance(c.data, DetectionDataConfig) != detects
    given = [
        ("data", c.data.name, isinstance(c.data, DetectionDataConfig), data),
        ("augmentation", c.augmentation.name, isinstance(c.augmentation, DetectionAugmentation), augmentation),
        ("model", c.model.name, c.model.library == "ultralytics", model),
        ("source", c.source.name, detects == (c.source.name in sources), f"{', '.join(sources[:-1])} or {sources[-1]}"),
    ]
    return [
        f"{key}={name}: not for task={c.task.name}; use {allowed}, or task={other}"
        for key, name, of_detection, allowed in given
        if of_detection != detects and not (key == "augmentation" and wrong_data)  # data bring their augmentation
    ]


def _classification_problems(c: TrainConfig) -> list[str]:
    assert isinstance(c.task, ClassificationConfig)
    assert isinstance(c.data, ImageDataConfig)
    assert isinstance(c.augmentation, ImageAugmentation)
    problems = []
    if c.data.stored_size is not None and c.data.name in ("cifar10", "digits"):
        problems.append(f"data.stored_size={c.data.stored_size}: {c.data.name} keeps its images as they are; use null")
    if c.data.shots is not None and c.data.fraction < 1:
        problems.append(
            f"data.shots={c.data.shots} and data.fraction={c.data.fraction}: both choose the training images; give "
            "data.shots=null or data.fraction=1.0"
        )
    return problems


def _detection_problems(c: TrainConfig) -> list[str]:
    assert isinstance(c.data, DetectionDataConfig)
    assert isinstance(c.augmentation, DetectionAugmentation)
    data, problems = c.data, []
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
