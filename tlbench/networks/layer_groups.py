"""The layer groups of the networks; known before torch is imported, so that strategies are checked at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

HEAD = "head"

DECODER = "decoder"
"""What makes maps for the head from an encoder's features; no classifier has it, so that it trains with the head."""

RESNET18: Mapping[str, tuple[str, ...]] = {
    "stem": ("conv1", "bn1"),
    "layer1": ("layer1",),
    "layer2": ("layer2",),
    "layer3": ("layer3",),
    "layer4": ("layer4",),
    HEAD: ("fc",),
}

RESNETS = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
)
"""torchvision's networks with the parts of ResNet-18."""

RESNET18_WITH_DECODER: Mapping[str, tuple[str, ...]] = {
    **{group: tuple(f"encoder.{name}" for name in names) for group, names in RESNET18.items() if group != HEAD},
    DECODER: ("decoder",),
    HEAD: ("segmentation_head",),
}
"""Of segmentation_models_pytorch, whatever the decoder."""

SMP_ENCODERS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d")
"""Of segmentation_models_pytorch's own encoders those that are torchvision's ResNets, tensor by tensor."""

TIMM_ENCODER = "tu-"
"""What stands before the name of a network of timm as an encoder of segmentation_models_pytorch."""

_BACKBONE_OF_RESNET: Mapping[str, tuple[str, ...]] = {
    group: tuple(f"backbone.{name}" for name in names) for group, names in RESNET18.items() if group != HEAD
}
_BACKBONE_OF_MOBILENET: Mapping[str, tuple[str, ...]] = {
    group: tuple(f"backbone.{block}" for block in range(first, last + 1))
    for group, first, last in (
        *(("stem", 0, 0), ("stage1", 1, 1), ("stage2", 2, 3), ("stage3", 4, 6), ("stage4", 7, 12)),
        ("stage5", 13, 16),
    )
}
_DEEPLABV3: Mapping[str, tuple[str, ...]] = {
    DECODER: ("classifier.0", "classifier.1", "classifier.2", "classifier.3"),
    HEAD: ("classifier.4",),
}
TORCHVISION_SEGMENTERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "deeplabv3_mobilenet_v3_large": {**_BACKBONE_OF_MOBILENET, **_DEEPLABV3},
    "deeplabv3_resnet101": {**_BACKBONE_OF_RESNET, **_DEEPLABV3},
    "deeplabv3_resnet50": {**_BACKBONE_OF_RESNET, **_DEEPLABV3},
    "fcn_resnet101": {**_BACKBONE_OF_RESNET, **_DEEPLABV3},
    "fcn_resnet50": {**_BACKBONE_OF_RESNET, **_DEEPLABV3},
    "lraspp_mobilenet_v3_large": {
        **_BACKBONE_OF_MOBILENET,
        DECODER: ("classifier.cbr", "classifier.scale"),
        HEAD: ("classifier.low_classifier", "classifier.high_classifier"),
    },
}
"""torchvision's networks for semantic segmentation → layer group → prefixes of module names."""

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
    **dict.fromkeys(RESNETS, RESNET18),
    **dict.fromkeys(YOLO11_MODELS, YOLO11),
    **TORCHVISION_SEGMENTERS,
}
"""Network → layer group → prefixes of module names, from input to head."""

TORCHVISION_MODELS: tuple[str, ...] = tuple(
    """
    alexnet convnext_base convnext_large convnext_small convnext_tiny densenet121 densenet161 densenet169 densenet201
    efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6
    efficientnet_b7 efficientnet_v2_l efficientnet_v2_m efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5
    mnasnet0_75 mnasnet1_0 mnasnet1_3 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_16gf regnet_x_1_6gf
    regnet_x_32gf regnet_x_3_2gf regnet_x_400mf regnet_x_800mf regnet_x_8gf regnet_y_128gf regnet_y_16gf regnet_y_1_6gf
    regnet_y_32gf regnet_y_3_2gf regnet_y_400mf regnet_y_800mf regnet_y_8gf resnet101 resnet152 resnet18 resnet34
    resnet50 resnext101_32x8d resnext101_64x4d resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_0
    shufflenet_v2_x1_5 shufflenet_v2_x2_0 squeezenet1_0 squeezenet1_1 swin_b swin_s swin_t swin_v2_b swin_v2_s swin_v2_t
    vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn vit_b_16 vit_b_32 vit_h_14 vit_l_16 vit_l_32
    wide_resnet101_2 wide_resnet50_2
    """.split()  # noqa: SIM905
)
"""torchvision's classifiers, as `torchvision.models.list_models(module=torchvision.models)` names them."""

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "torchvision": (*TORCHVISION_MODELS, *TORCHVISION_SEGMENTERS),
    "ultralytics": YOLO11_MODELS,
}
"""Library → the networks of it that may be named."""


def known_groups(library: str, name: str) -> Mapping[str, tuple[str, ...]] | None:
    """The layer groups of a network; None where they are known once it is built.

    Args:
        library: Of the network, as `model.library`.
        name: Likewise, as `model.name`.
    """
    if library == "smp":
        return RESNET18_WITH_DECODER if name in SMP_ENCODERS else None
    return LAYER_GROUPS.get(name) if library in LIBRARIES else None


def new_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """Of a network's layer groups those that no classifier gives: the head, the last of them, and a decoder."""
    *others, head = groups
    return (*(group for group in others if group == DECODER), head)


def gives_maps(library: str, name: str) -> bool | None:
    """Whether a network gives logits for each place of an image; None where only building it tells."""
    return None if library == "module" else library == "smp" or name in TORCHVISION_SEGMENTERS


def as_classifier(library: str, name: str) -> tuple[str, str]:
    """Library and name of the classifier whose backbone a network has; of most networks their own."""
    if library == "smp":
        of_timm = name.startswith(TIMM_ENCODER)
        return ("timm", name.removeprefix(TIMM_ENCODER)) if of_timm else ("torchvision", name)
    return (library, name.partition("_")[2]) if gives_maps(library, name) else (library, name)
