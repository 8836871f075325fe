from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from tlbench.config import Normalisation
from tlbench.errors import WeightsError
from tlbench.sources.catalog import catalog, find_entry, recommendation_mismatch
from tlbench.sources.hashing import file_sha256
from tlbench.sources.resolve import PACKAGE_FOLDER


def test_the_embedded_file_card_and_classes_are_those_of_the_entry() -> None:
    entry = find_entry("tin200", "resnet18")
    assert file_sha256(PACKAGE_FOLDER / entry.file) == entry.sha256
    assert entry.sha256 in (PACKAGE_FOLDER / "resnet18-tin200.md").read_text(encoding="utf-8")
    classes = (PACKAGE_FOLDER / "tin200-classes.txt").read_text(encoding="utf-8").split()
    assert len(set(classes)) == entry.classes == 200


def test_imagenet_is_torchvisions() -> None:
    from torchvision.models import ResNet18_Weights

    weights = ResNet18_Weights.IMAGENET1K_V1
    preset = weights.transforms()
    entry = find_entry("imagenet", "resnet18")
    assert entry.url == weights.url
    assert entry.url.endswith(f"/{entry.file}")
    assert entry.file == f"resnet18-{entry.sha256}.pth"  # torch.hub's convention
    assert (entry.normalisation.mean, entry.normalisation.std) == (preset.mean, preset.std)
    assert entry.input_size == preset.crop_size[0]
    assert entry.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert entry.classes == len(weights.meta["categories"])


def test_an_unknown_pair_names_what_there_is() -> None:
    with pytest.raises(WeightsError, match="source=tin200: no weights for model=vit, only for resnet18"):
        find_entry("tin200", "vit")


def test_another_normalisation_than_recommended_is_told() -> None:
    for entry in catalog().values():
        assert recommendation_mismatch(entry, entry.normalisation) is None
        other = Normalisation(mean=[0.5, 0.5, 0.5], std=entry.normalisation.std)
        warning = recommendation_mismatch(entry, other)
        assert warning is not None
        assert "[0.5, 0.5, 0.5]" in warning
        assert str(entry.normalisation.mean) in warning


def test_every_group_option_but_random_and_checkpoint_has_an_entry(request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "conf" / "source"
    named = {OmegaConf.load(path).name for path in folder.glob("*.yaml")}
    assert named - {"random", "checkpoint"} == {source for source, _ in catalog()}
