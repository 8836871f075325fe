from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from tests.composed import model
from tlbench.config import Normalisation
from tlbench.embedded.documents.label_spaces import SOURCE_CLASSES
from tlbench.errors import WeightsError
from tlbench.sources.catalog import catalog, find_entry, recommendation_mismatch
from tlbench.sources.places import PACKAGE_FOLDER
from tlbench.system.hashing import file_sha256


@pytest.mark.promise("imagenet and tin200")
def test_the_embedded_file_card_and_classes_are_those_of_the_entry() -> None:
    entry = find_entry("tin200", model())
    assert file_sha256(PACKAGE_FOLDER / entry.file) == entry.sha256
    assert entry.sha256 in (PACKAGE_FOLDER / "resnet18-tin200.md").read_text(encoding="utf-8")
    classes = (PACKAGE_FOLDER / "tin200-classes.txt").read_text(encoding="utf-8").split()
    assert len(set(classes)) == entry.classes == 200


@pytest.mark.promise("documents")
def test_the_embedded_detector_and_its_card_are_those_of_the_entry() -> None:
    entry = find_entry("documents", model("yolo11n"))
    assert file_sha256(PACKAGE_FOLDER / entry.file) == entry.sha256
    assert entry.sha256 in (PACKAGE_FOLDER / "yolo11n-documents.md").read_text(encoding="utf-8")
    assert entry.classes == len(SOURCE_CLASSES) == 8


@pytest.mark.promise("imagenet and tin200")
def test_imagenet_is_torchvisions() -> None:
    from torchvision.models import ResNet18_Weights

    weights = ResNet18_Weights.IMAGENET1K_V1
    preset = weights.transforms()
    entry = find_entry("imagenet", model())
    assert entry.url == weights.url
    assert entry.url.endswith(f"/{entry.file}")
    assert entry.file == f"resnet18-{entry.sha256}.pth"  # torch.hub's convention
    assert (entry.normalisation.mean, entry.normalisation.std) == (preset.mean, preset.std)
    assert entry.input_size == preset.crop_size[0]
    assert entry.score == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert entry.classes == len(weights.meta["categories"])


@pytest.mark.parametrize(
    ("source", "changed", "message"),
    [
        ("tin200", {"name": "vit", "library": "module"}, r"only for resnet18; use one of these, or source=random"),
        ("imagenet", {"name": "resnet50", "library": "timm"},
         r"only for resnet18, tf_.* and torchvision's other classifiers; .*, or source=timm or source=random"),
    ],
)  # fmt: skip
def test_an_unknown_pair_names_what_there_is(source: str, changed: dict[str, str], message: str) -> None:
    with pytest.raises(WeightsError, match=f"source={source}: no weights for model.name={changed['name']}, {message}"):
        find_entry(source, model(**changed))


def test_another_normalisation_than_recommended_is_told() -> None:
    for entry in catalog().values():
        whose, recommended = f"source={entry.source}", entry.normalisation
        assert recommendation_mismatch(whose, recommended, recommended) is None
        other = Normalisation(mean=[0.4, 0.5, 0.5], std=recommended.std)
        warning = recommendation_mismatch(whose, recommended, other)
        assert warning is not None
        for part in (whose, "[0.4, 0.5, 0.5]", str(recommended.mean)):
            assert part in warning


def test_the_packages_of_the_catalog_are_those_of_the_extras(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "pyproject.toml").read_text(encoding="utf-8")
    packages = [entry.package for entry in catalog().values() if entry.package is not None]
    assert packages
    for package in packages:
        assert f'\n{package.extra} = ["{package.distribution}>=' in text


def test_every_source_of_published_files_has_an_entry(request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "conf" / "source"
    named = {OmegaConf.load(path).name for path in folder.glob("*.yaml")}
    assert named - {"random", "checkpoint", "timm"} == {source for source, _ in catalog()}
