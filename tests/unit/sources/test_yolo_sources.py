from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.composed import config, model, source_of
from tests.slow import mostly_slow
from tests.ultralytics_files import published_network, write_published
from tlbench.adaptation.regularisers import SourcePenalty
from tlbench.config import Normalisation, SourceConfig
from tlbench.errors import WeightsError
from tlbench.networks.build import build_network
from tlbench.networks.layer_groups import YOLO11_CLASS_LAYERS, YOLO11_CLASSES, YOLO11_MODELS
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.networks.network import Network
from tlbench.sources import resolve
from tlbench.sources.catalog import find_entry
from tlbench.sources.load import apply_source
from tlbench.sources.places import hub_folder
from tlbench.sources.report import LoadReport
from tlbench.sources.resolve import find_weights
from tlbench.sources.yolo_parts import _size_of
from tlbench.system.hashing import file_sha256

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
    network = build_network(chosen, classes, seed, (64, 64))
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
    assert report.line().startswith(
        "coco: 493 tensors of yolo11n (DetectionModel) of 80 classes loaded, 6 re-initialised (head: model.23.cv3.0.2."
    )


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


@pytest.mark.promise("yolo11n of any classes")
@pytest.mark.parametrize(("classes", "width"), mostly_slow([(1, 64), (90, 90)], (90, 90)))
def test_of_a_class_branch_of_another_width_all_else_is_taken(tmp_path: Path, classes: int, width: int) -> None:
    theirs = published_network(classes=classes, seed=7)
    network, report = applied("checkpoint", write_published(tmp_path / "best.pt", theirs))
    given, random, loaded = theirs.state_dict(), state(applied("random")[0]), state(network)
    inner = [name for name in loaded if name.startswith(YOLO11_CLASS_LAYERS)]
    assert given["model.23.cv3.0.0.1.conv.weight"].shape[0] == width
    assert len(inner) == 54
    assert sorted(report.reinitialised) == sorted([*inner, *NEW])
    assert set(report.ignored) == {*inner, *NEW}
    assert report.loaded == 499 - 54 - 6
    for name, tensor in loaded.items():
        wanted = random[name] if name in report.reinitialised else given[name].to(tensor.dtype)
        assert torch.equal(tensor, wanted), name
    classes_said = "1 class" if classes == 1 else f"{classes} classes"
    assert f"439 tensors of yolo11n (DetectionModel) of {classes_said} loaded, 60 re-initialised" in report.line()
    (warning,) = report.warnings
    assert f"best.pt: its class branches are {width} channels wide, here they are 80 for any number" in warning


@pytest.mark.promise("YOLO files of other tasks")
@pytest.mark.parametrize(
    ("kind", "name", "own"),
    mostly_slow(
        [
            ("SegmentationModel", "yolo11n-seg", 62),
            ("PoseModel", "yolo11n-pose", 42),
            ("OBBModel", "yolo11n-obb", 42),
        ],
        "SegmentationModel",
    ),
)
def test_networks_of_other_tasks_give_all_but_their_own_heads(tmp_path: Path, kind: str, name: str, own: int) -> None:
    theirs = getattr(ultralytics_module("nn.tasks"), kind)(f"{name}.yaml", nc=80, verbose=False)
    path = write_published(tmp_path / f"{name}.pt", theirs)
    given = theirs.state_dict()
    network, report = applied("checkpoint", path)
    heads = [key for key in given if key.startswith(("model.23.cv4.", "model.23.proto."))]
    assert len(heads) == own
    assert set(report.ignored) == {*heads, *NEW}
    assert (report.loaded, report.reinitialised, report.warnings) == (493, NEW, [])
    assert all(
        torch.equal(state(network)[key], given[key].to(t.dtype)) for key, t in state(network).items() if key not in NEW
    )


def test_l2_sp_pulls_what_stayed_random_nowhere_but_to_zero(tmp_path: Path) -> None:
    network, report = applied("checkpoint", write_published(tmp_path / "best.pt", published_network(classes=2)))
    penalty = SourcePenalty(replace(network, new=tuple(report.reinitialised)), alpha=1.0, beta=0.0)
    parameters = dict(network.module.named_parameters())
    with torch.no_grad():
        parameters["model.23.cv3.0.1.1.conv.weight"].add_(1)
        assert float(penalty.penalty()) == 0
        parameters["model.23.cv3.0.0.0.conv.weight"].add_(1)  # of the first layers, which were taken
        assert float(penalty.penalty()) == pytest.approx(parameters["model.23.cv3.0.0.0.conv.weight"].numel() / 2)


def test_state_dicts_in_half_precision_and_under_prefixes(tmp_path: Path) -> None:
    theirs = published_network(classes=2).half().state_dict()
    torch.save(theirs, tmp_path / "sd.pt")
    torch.save({"state_dict": {f"model.{name}": t for name, t in theirs.items()}}, tmp_path / "wrapped.pt")
    for name, prefix in (("sd", ""), ("wrapped", "model")):
        network, report = applied("checkpoint", tmp_path / f"{name}.pt")
        assert (report.loaded, report.prefix, len(report.reinitialised)) == (439, prefix, 60)
        assert torch.equal(state(network)["model.9.cv1.conv.weight"], theirs["model.9.cv1.conv.weight"].float())
    other = published_network(classes=2, seed=1).half().state_dict()
    torch.save({"net": theirs, "teacher": other}, tmp_path / "twice.pt")
    with pytest.raises(WeightsError, match=r"holds the backbone 2 times, .*source\.entry=net \| source\.entry=teacher"):
        applied("checkpoint", tmp_path / "twice.pt")


def test_the_averaged_weights_are_taken_of_a_checkpoint_in_training(tmp_path: Path) -> None:
    model_, average = (published_network(classes=2, seed=seed) for seed in (0, 1))
    path = write_published(tmp_path / "last.pt", model_, ema=average)
    network, report = applied("checkpoint", path)
    wanted = average.state_dict()["model.22.cv1.conv.weight"]
    assert torch.equal(state(network)["model.22.cv1.conv.weight"], wanted)
    assert (report.entry, report.loaded) == ("ema", 439)
    torch.save(model_, tmp_path / "bare.pt")
    network, report = applied("checkpoint", tmp_path / "bare.pt")
    assert (report.entry, report.holds) == ("", "yolo11n (DetectionModel) of 2 classes")
    assert torch.equal(state(network)["model.22.cv1.conv.weight"], model_.state_dict()["model.22.cv1.conv.weight"])


def test_weights_of_another_size_are_named(tmp_path: Path) -> None:
    theirs = published_network("s", classes=2)
    write_published(tmp_path / "best.pt", theirs)
    torch.save(theirs.state_dict(), tmp_path / "sd.pt")
    for name, held in (("best", r"yolo11s \(DetectionModel\) of 2 classes"), ("sd", "tensors of yolo11s")):
        with pytest.raises(
            WeightsError, match=rf"{name}\.pt: holds {held}, not weights of yolo11n; use model=yolo11s, or give"
        ):
            applied("checkpoint", tmp_path / f"{name}.pt")
    chosen = model("yolo11s")
    report = apply_source(
        build_network(chosen, 3, 0, (64, 64)), source("checkpoint", tmp_path / "best.pt"), chosen, config().data
    )
    assert (report.loaded, report.reinitialised) == (493, NEW)  # its branches are 128 wide up to 100 classes


@pytest.mark.parametrize("option", YOLO11_MODELS)
def test_the_size_shows_in_the_tensors(option: str) -> None:
    with torch.device("meta"):
        tasks, utils = ultralytics_module("nn.tasks"), ultralytics_module("utils")
        description = utils.YAML.load(utils.ROOT / "cfg/models/11/yolo11.yaml") | {"scale": option[-1]}
        layers, _ = tasks.parse_model(description, ch=3, verbose=False)
    assert _size_of({f"model.{name}": tensor for name, tensor in layers.state_dict().items()}) == option


FAMILIES = {
    "yolov8n": "DetectionModel",
    "yolo12n": "DetectionModel",
    "yolo26n": "DetectionModel",
    "yolov5n": "DetectionModel",
    "yolo11n-p6": "DetectionModel",
    "yolov8s-worldv2": "WorldModel",
    "rtdetr-l": "RTDETRDetectionModel",
}


@pytest.mark.parametrize("title", FAMILIES)
def test_other_families_are_named_from_the_files_description(tmp_path: Path, title: str) -> None:
    """What they are called stands in the file; their tensors, only few here, do not matter for it."""
    theirs = published_network(classes=2)
    theirs.__class__ = getattr(ultralytics_module("nn.tasks"), FAMILIES[title])
    theirs.model = theirs.model[:3]
    theirs.yaml["yaml_file"] = f"{title}.yaml"
    path = write_published(tmp_path / "best.pt", theirs)
    wanted = "looks like another" if title == "yolo11n-p6" else rf"holds {title} \({FAMILIES[title]}\) of 2 classes"
    with pytest.raises(WeightsError, match=rf"best\.pt: {wanted}.* architecture than model=yolo11n") as caught:
        applied("checkpoint", path)
    assert "code" not in str(caught.value)


def test_a_classification_network_has_not_enough(tmp_path: Path) -> None:
    theirs = ultralytics_module("nn.tasks").ClassificationModel("yolo11n-cls.yaml", nc=2, verbose=False)
    path = write_published(tmp_path / "best.pt", theirs)
    with pytest.raises(WeightsError, match=r"holds yolo11n-cls \(ClassificationModel\).*neither neck nor box branch"):
        applied("checkpoint", path)


def test_the_same_tensors_with_another_activation_are_refused(tmp_path: Path) -> None:
    theirs = published_network()
    theirs.yaml["activation"] = "nn.ReLU()"
    path = write_published(tmp_path / "best.pt", theirs)
    with pytest.raises(WeightsError, match=r"with nn\.ReLU\(\) where yolo11n has SiLU: the same tensors"):
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
