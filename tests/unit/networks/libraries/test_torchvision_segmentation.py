from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision.models
from torch.nn import functional
from torchvision.models import segmentation

from tests.composed import model
from tlbench.networks.build import build_network
from tlbench.networks.layer_groups import TORCHVISION_SEGMENTERS
from tlbench.networks.libraries.torchvision import derived_groups

MOBILE = ("deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")


def built(name: str, classes: int = 3, **changes: Any) -> Any:
    return build_network(model("torchvision", name=name, **changes), classes, 0, (64, 64))


def test_every_network_of_torchvision_for_maps_may_be_named() -> None:
    assert list(TORCHVISION_SEGMENTERS) == torchvision.models.list_models(module=segmentation)


@pytest.mark.parametrize("name", [*MOBILE, "fcn_resnet50"])
def test_it_is_torchvisions_network_and_only_its_head_depends_on_the_classes(name: str) -> None:
    network = built(name)
    original = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=3).eval()
    original.load_state_dict(network.module.state_dict())
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(network.module.eval()(images), original(images)["out"])
    own, wider = network.module.state_dict(), built(name, classes=5).module.state_dict()
    assert {n for n in own if own[n].shape != wider[n].shape} == {n for n in own if network.is_new(n)}


def test_a_side_that_no_stride_divides_is_padded_by_its_border() -> None:
    module = built("lraspp_mobilenet_v3_large").module.eval()
    images = torch.randn(1, 3, 60, 50)
    with torch.no_grad():
        repeated = module(functional.pad(images, (0, 14, 0, 4), mode="replicate"))
        assert torch.equal(module(images), repeated[..., :60, :50])


@pytest.mark.parametrize("name", MOBILE)
def test_a_mobilenets_groups_are_those_of_the_classifier(name: str) -> None:
    with torch.device("meta"):
        classifier = torchvision.models.mobilenet_v3_large()
    of_classifier = derived_groups(classifier, (224, 224))
    own = built(name).groups
    for group in [group for group in own if group not in ("decoder", "head")]:
        inside = tuple(n.replace("features", "backbone") for n in of_classifier[group] if n.startswith("features"))
        assert own[group] == inside


def test_groups_given_take_the_place_of_those_known() -> None:
    given = {"all": ["backbone"], "decoder": ["classifier.cbr", "classifier.scale"],
             "head": ["classifier.low_classifier", "classifier.high_classifier"]}  # fmt: skip
    assert list(built("lraspp_mobilenet_v3_large", groups=given).groups) == list(given)
