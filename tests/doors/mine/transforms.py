import random

import numpy as np
import torch
from torchvision.transforms import v2


def identity():
    return v2.Identity()


def flip_all():
    return v2.RandomHorizontalFlip(p=1.0)


def drawn(scale: float = 0.1):
    """Draws with all three generators."""
    return lambda image: image + scale * (torch.rand(()) + random.random() + np.random.random())


def by_centres():
    return v2.ConvertBoundingBoxFormat("CXCYWH")


def shrunk():
    return v2.Resize((8, 8))


def of_some_size():
    return lambda image: image[:, : random.randint(1, 8)]


def grey():
    return lambda image: image.mean(dim=0)


def failing():
    return lambda image: image["boxes"]


def no_mapping():
    return lambda sample: sample["image"]


def one_box_less():
    return lambda sample: {**sample, "boxes": sample["boxes"][1:]}


def not_callable():
    return "flip"


def some_boxes(least: float):
    return v2.SanitizeBoundingBoxes(min_size=least)


def nan():
    return lambda image: image * float("nan")


def far():
    return lambda image: image * 255


def integers():
    return lambda image: (image * 255).int()


def other_labels():
    return lambda sample: {**sample, "labels": sample["labels"] + 7}


def no_boxes():
    return lambda sample: {**sample, "boxes": "none"}


def nan_boxes():
    return lambda sample: {**sample, "boxes": sample["boxes"] * float("nan")}
