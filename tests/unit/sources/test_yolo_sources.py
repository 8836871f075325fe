from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.composed import config, model, source_of
from tests.ultralytics_files import published_network, write_published
from tlbench.config import Normalisation, SourceConfig
from tlbench.errors import WeightsError
from tlbench.models.catalog import build_network
from tlbench.models.layer_groups import YOLO11_CLASSES, YOLO11_MODELS
from tlbench.models.network import Network
from tlbench.sources import resolve
from tlbench.sources.catalog import find_entry
from tlbench.sources.hashing import file_sha256
from tlbench.sources.load import apply_source
from tlbench.sources.places import hub_folder
from tlbench.sources.report import LoadReport
from tlbench.sources.resolve import find_weights

NEW = [f"{prefix}.{part}" for prefix in YOLO11_CLASSES for part in ("weight", "bias")]
PLAIN = Normalisation(mean=[0.0, 0.0, 0.0], std=[1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the format of the official yolo11n.pt."""
    return write_published(tmp_path_factory.mktemp("published") / "yolo11n.pt", published_network(seed=7))


def source(name: str, path: Path | None = None) -> SourceConfig:
    return source_of(name, path)


def applied(
    name: str, path: Path | None = None, classes: int = 1, seed: int = 0, norm: str = "batch"
) -> tuple[Network, LoadReport]:
    chosen = model("yolo11n", norm=norm)
    network = build_network(chosen, classes, seed, 64)
    data = config().data.model_copy(update={"normalisation": PLAIN})
    return network, apply_source(network, source(name, path), chosen, data)


def state(network: Network) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = network.module.state_dict()
    return tensors


def test_coco_gives_493_of_499_tensors_and_the_class_convolutions_stay_random(published: Path) -> None:
    network, report = applied("coco", published)
    given = published_network(seed=7).half().state_dict()
    random, _ = applied("random")
    for name, tensor in state(network).items():
        wanted = state(random)[name] if name in NEW else given[name].to(tensor.dtype)
        assert torch.equal(tensor, wanted), name
    assert (report.loaded, report.reinitialised, set(report.ignored), report.absent) == (493, NEW, set(NEW), [])
    assert (report.file, report.sha256) == ("yolo11n.pt", file_sha256(published))
    assert (report.warnings, len(report.chain), report.chain[0].short()) == ([], 1, "coco")
    assert report.line().startswith("coco: 493 tensors loaded, 6 re-initialised (head: model.23.cv3.0.2.weight, ")


@pytest.mark.parametrize("classes", [1, 80])
def test_all_sources_give_one_architecture_and_the_same_start_of_what_is_new(published: Path, classes: int) -> None:
    arms = [applied("random", None, classes)[0], applied("coco", published, classes)[0]]
    kinds = [{name: (tensor.shape, tensor.dtype) for name, tensor in state(arm).items()} for arm in arms]
    assert kinds[0] == kinds[1]
    assert [len(list(arm.module.parameters())) for arm in arms] == [len(list(arms[0].module.parameters()))] * 2
    for name, tensor in arms[0].new_tensors().items():
        assert torch.equal(tensor, arms[1].new_tensors()[name])
    assert not torch.equal(state(arms[0])["model.0.conv.weight"], state(arms[1])["model.0.conv.weight"])
    assert not torch.equal(
        state(arms[0])["model.23.cv3.0.1.1.conv.weight"], state(arms[1])["model.23.cv3.0.1.1.conv.weight"]
    )


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    path = write_published(tmp_path / "yolo11s.pt", published_network("s"))
    with pytest.raises(WeightsError, match=r"yolo11s\.pt: looks like another architecture than model=yolo11n: of 493 "):
        applied("coco", path)


def test_a_class_branch_of_another_width_is_refused(tmp_path: Path) -> None:
    path = write_published(tmp_path / "one.pt", published_network(classes=1))
    with pytest.raises(
        WeightsError, match=r"0 are missing and \d+ have another shape, 0 are extra; first: model\.23\.cv3"
    ):
        applied("checkpoint", path)


def test_group_norm_takes_all_but_the_statistics(published: Path) -> None:
    network, report = applied("coco", published, norm="group")
    assert (report.loaded, len(report.ignored), len(network.dropped)) == (493 - 3 * 81, 6 + 3 * 81, 3 * 81)


def test_a_checkpoint_may_be_ultralytics_or_a_run_of_tlbench(published: Path, tmp_path: Path) -> None:
    assert applied("checkpoint", published)[1].loaded == 493
    trained = {f"network.{name}": tensor + 1 for name, tensor in state(applied("random", classes=8, seed=3)[0]).items()}
    torch.save({"state_dict": trained}, tmp_path / "best.ckpt")
    network, report = applied("checkpoint", tmp_path / "best.ckpt")
    assert (report.loaded, report.prefix, report.reinitialised) == (493, "network", NEW)
    assert torch.equal(state(network)["model.22.cv1.conv.weight"], trained["network.model.22.cv1.conv.weight"])


def test_half_precision_is_loaded_into_single(tmp_path: Path) -> None:
    halves = {n: t.half() if t.is_floating_point() else t for n, t in state(applied("random", seed=5)[0]).items()}
    save_file(halves, tmp_path / "w.safetensors")
    network, report = applied("documents", tmp_path / "w.safetensors")
    assert report.loaded == 493
    assert {tensor.dtype for tensor in network.module.parameters()} == {torch.float32}
    assert torch.equal(state(network)["model.23.cv2.0.2.weight"], halves["model.23.cv2.0.2.weight"].float())


def test_the_official_file_is_looked_for_where_users_of_ultralytics_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings" / "Ultralytics" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"weights_dir": str(tmp_path / "theirs")}))
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path / "settings"))
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path / "mine"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "content").write_bytes(b"not really weights")
    entry = find_entry("coco", model("yolo11n")).model_copy(update={"sha256": file_sha256(tmp_path / "content")})
    monkeypatch.setattr(resolve, "find_entry", lambda *_: entry)
    found = []
    for folder in (hub_folder(), Path("weights"), tmp_path / "theirs", Path(), tmp_path / "mine"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "yolo11n.pt").write_bytes(b"not really weights")
        weights = find_weights(source("coco"), model("yolo11n"))
        assert weights is not None
        assert weights.path == folder / "yolo11n.pt"
        found.append(weights.found)
    theirs = "ultralytics' weights"
    assert found == ["torch hub cache", theirs, theirs, "working folder", "TLBENCH_WEIGHTS"]


def test_without_a_network_it_is_said_soon_what_was_tried() -> None:
    begun = time.perf_counter()
    with pytest.raises(WeightsError, match=r"source=coco: yolo11n\.pt is not here and cannot be fetched") as caught:
        find_weights(source("coco"), model("yolo11n"))
    assert time.perf_counter() - begun < 10
    assert caught.value.unreachable
    for part in (
        "TLBENCH_WEIGHTS (not set)",
        "working folder (",
        "ultralytics' weights (weights: no such file)",
        "https://github.com/ultralytics/assets/releases/download/",
        "put yolo11n.pt",
        "source.path=FILE",
    ):
        assert part in str(caught.value)


def test_a_file_of_that_name_with_another_hash_is_refused(published: Path, tmp_path: Path) -> None:
    (tmp_path / "yolo11n.pt").write_bytes(published.read_bytes())
    with pytest.raises(
        WeightsError, match=r"yolo11n\.pt: not the weights of source=coco for model=yolo11n: sha256 exp"
    ):
        find_weights(source("coco"), model("yolo11n"))


def test_every_size_has_official_weights() -> None:
    for name in YOLO11_MODELS:
        entry = find_entry("coco", model(name))
        assert (entry.file, len(entry.sha256), entry.heads) == (f"{name}.pt", 64, list(YOLO11_CLASSES))
        assert str(entry.url).endswith(f"/{name}.pt")
        assert "AGPL-3.0" in entry.licence
    assert len({find_entry("coco", model(name)).sha256 for name in YOLO11_MODELS}) == 5
    with pytest.raises(WeightsError, match=r"source=documents: no weights for model\.name=yolo11s, only for yolo11n"):
        find_entry("documents", model("yolo11s"))
