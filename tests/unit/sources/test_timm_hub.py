from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.composed import source_of
from tlbench.config import SourceConfig
from tlbench.errors import ConfigError, WeightsError
from tlbench.sources import timm_hub
from tlbench.sources.places import hub_folder
from tlbench.sources.timm_hub import find_timm_weights
from tlbench.sources.timm_published import published, sha256_in_name
from tlbench.system.download import Unreachable

RESNET = "resnet18.a1_in1k.safetensors"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))


def timm_source(path: Path | None = None, tag: str | None = None) -> SourceConfig:
    return source_of("timm", path, tag=tag)


def put(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"not really weights")
    return file


def put_into_hf_cache(repository: str, name: str) -> Path:
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    put(folder / "refs" / "main").write_text("0" * 40)
    return put(folder / "snapshots" / ("0" * 40) / name)


def test_what_timm_says_of_its_weights() -> None:
    resnet = published("resnet18", None)
    assert (resnet.title, resnet.repository, resnet.heads) == ("resnet18.a1_in1k", "timm/resnet18.a1_in1k", ("fc",))
    assert resnet.licence == "apache-2.0"
    assert resnet.files == [RESNET, "resnet18_a1_0-d63eafa0.pth"]
    distilled = published("deit_tiny_distilled_patch16_224", None)
    assert distilled.heads == ("head", "head_dist")
    vit = published("vit_tiny_patch16_224", "augreg_in21k")
    assert (vit.title, vit.url) == ("vit_tiny_patch16_224.augreg_in21k", None)  # .npz: not for torch
    assert vit.normalisation is not None
    assert vit.normalisation.mean == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "digits"),
    [("resnet18_a1_0-d63eafa0.pth", "d63eafa0"), ("IN22K-vit.g.16-600e.pth.tar", ""), ("model.safetensors", "")],
)
def test_a_hash_in_a_name_is_known(name: str, digits: str) -> None:
    assert sha256_in_name(name) == digits


def test_an_unknown_tag_names_the_others() -> None:
    with pytest.raises(
        ConfigError, match=r"source\.tag='nope': .* no such weights of resnet18; use a1_in1k, .* or null"
    ):
        published("resnet18", "nope")
    with pytest.raises(ConfigError, match=r"model\.name='resnet18x': timm [\d.]+ has no such network"):
        published("resnet18x", None)


def test_a_network_without_weights_has_no_stand_in() -> None:
    with pytest.raises(
        WeightsError, match=r"publishes no weights of model\.name=efficientnet_b8; use source=random"
    ) as caught:
        published("efficientnet_b8", None)
    assert not caught.value.unreachable


@pytest.mark.promise("source=timm")
def test_places_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path / "mine"))
    for place, make in [
        ("Hugging Face cache", lambda: put_into_hf_cache("timm/resnet18.a1_in1k", "pytorch_model.bin")),
        ("Hugging Face cache", lambda: put_into_hf_cache("timm/resnet18.a1_in1k", "model.safetensors")),
        ("torch hub cache", lambda: put(hub_folder() / RESNET)),
        ("TLBENCH_WEIGHTS", lambda: put(tmp_path / "mine" / RESNET)),
        ("source.path", lambda: put(tmp_path / "given" / RESNET)),
    ]:
        file = make()
        found = find_timm_weights(timm_source(tmp_path / "given" if place == "source.path" else None), "resnet18")
        assert (found.found, found.path) == (place, file)
        assert (found.title, found.names, found.licence) == ("resnet18.a1_in1k", "timm", "apache-2.0")


def test_weights_of_another_tag_are_not_taken() -> None:
    put(hub_folder() / RESNET)
    with pytest.raises(WeightsError, match=r"the weights resnet18\.tv_in1k are not here") as caught:
        find_timm_weights(timm_source(tag="tv_in1k"), "resnet18")
    assert caught.value.unreachable


def test_a_hash_in_the_name_is_checked() -> None:
    file = put(hub_folder() / "resnet18_a1_0-d63eafa0.pth")
    with pytest.raises(WeightsError, match="sha256 expected d63eafa0, found") as caught:
        find_timm_weights(timm_source(), "resnet18")
    assert str(file) in str(caught.value)
    assert not caught.value.unreachable
    found = find_timm_weights(timm_source(file), "resnet18")
    assert found.found == "source.path"


def test_a_folder_without_the_file_is_the_users_fault(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"the folder holds no resnet18\.a1_in1k\.safetensors or ") as caught:
        find_timm_weights(timm_source(tmp_path), "resnet18")
    assert not caught.value.unreachable


@pytest.mark.promise("source=timm")
def test_without_a_network_all_that_was_tried_is_named(tmp_path: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(WeightsError) as caught:
        find_timm_weights(timm_source(), "resnet18")
    assert time.perf_counter() - start < 10
    assert caught.value.unreachable
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "TLBENCH_WEIGHTS (not set)",
        f"torch hub cache ({hub_folder()}: no {RESNET} or resnet18_a1_0-d63eafa0.pth)",
        f"Hugging Face cache ({tmp_path / 'hf'}: no timm/resnet18.a1_in1k)",
        "https://huggingface.co/timm/resnet18.a1_in1k (",
        "resnet18_a1_0-d63eafa0.pth ([Errno",
        f"put them as {RESNET} into {hub_folder()}",
    ):
        assert part in message


def test_both_servers_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other they could cost twice `CHECK_SECONDS`; with the data's own question, more than 10 s."""
    both = threading.Barrier(2, timeout=20)

    def silent(url: str, seconds: float) -> None:
        both.wait()
        raise Unreachable(f"no answer within {seconds:g} s")

    monkeypatch.setattr(timm_hub, "check_reachable", silent)
    with pytest.raises(WeightsError, match=r"no answer within 3\.5 s\), https.*no answer within 3\.5 s\); put"):
        find_timm_weights(timm_source(), "resnet18")


def test_the_other_address_is_used_where_hugging_face_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(repository: str, revision: str | None, names: tuple[str, ...]) -> Path:
        assert (repository, revision, names) == ("timm/x", "v1", ("model.safetensors", "pytorch_model.bin"))
        raise Unreachable("no permission")

    def fetched(url: str, destination: Path, sha256: str) -> None:
        assert (url, sha256) == ("https://example.org/x-0123abcd.pth", "0123abcd")
        put(destination)

    weights = replace(
        published("resnet18", None), repository="timm/x", revision="v1", url="https://example.org/x-0123abcd.pth"
    )
    monkeypatch.setattr(timm_hub, "published", lambda model, tag: weights)
    monkeypatch.setattr(timm_hub, "check_reachable", lambda url, seconds: None)
    monkeypatch.setattr(timm_hub, "download_from_hub", refused)
    monkeypatch.setattr(timm_hub, "fetch", fetched)
    with pytest.raises(WeightsError, match="sha256 expected 0123abcd"):  # it arrived, and is what `put` wrote
        find_timm_weights(timm_source(), "resnet18")
    assert (hub_folder() / "x-0123abcd.pth").is_file()
