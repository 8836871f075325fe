"""The layer groups of the networks; known before torch is imported, so that strategies are checked at once."""

from __future__ import annotations

from collections.abc import Mapping

HEAD = "head"

RESNET18: Mapping[str, tuple[str, ...]] = {
    "stem": ("conv1", "bn1"),
    "layer1": ("layer1",),
    "layer2": ("layer2",),
    "layer3": ("layer3",),
    "layer4": ("layer4",),
    HEAD: ("fc",),
}

YOLO11: Mapping[str, tuple[str, ...]] = {
    "backbone_stem": ("model.0",),
    "backbone_p2": ("model.1", "model.2"),
    "backbone_p3": ("model.3", "model.4"),
    "backbone_p4": ("model.5", "model.6"),
    "backbone_p5": ("model.7", "model.8", "model.9", "model.10"),
    "neck_top_down": ("model.11", "model.12", "model.13", "model.14", "model.15", "model.16"),
    "neck_bottom_up": ("model.17", "model.18", "model.19", "model.20", "model.21", "model.22"),
    HEAD: ("model.23",),
}
"""Of all sizes; p2 … p5 are the strides 4 … 32, and a stage begins with the convolution that halves the image."""

YOLO11_CLASSES = tuple(f"model.23.cv3.{level}.2" for level in range(3))
"""What of YOLO11's head is new for the target's labels: the last class convolution of each stride, 8, 16 and 32."""

YOLO11_CLASS_LAYERS = tuple(f"model.23.cv3.{level}.{layer}" for level in range(3) for layer in ("0.1", "1.0", "1.1"))
"""What of YOLO11's class branches is as wide as ultralytics makes them for a number of classes."""

YOLO11_OTHER_HEADS = ("model.23.cv4", "model.23.proto")
"""What heads for masks, key points and oriented boxes have beside that for boxes."""

YOLO11_MODELS = ("yolo11n", "yolo11s", "yolo11m", "yolo11l", "yolo11x")

LAYER_GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "resnet18": RESNET18,
    **dict.fromkeys(YOLO11_MODELS, YOLO11),
}
"""Network → layer group → prefixes of module names, from input to head."""

LIBRARIES: Mapping[str, tuple[str, ...]] = {"torchvision": ("resnet18",), "ultralytics": YOLO11_MODELS}
"""Library → the networks of it whose layer groups are known here."""
