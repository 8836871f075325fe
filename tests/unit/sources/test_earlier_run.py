from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.records import record
from tlbench.config import StandIn
from tlbench.errors import WeightsError
from tlbench.records.record import DataRecord, write_record
from tlbench.sources.chain import RunLink
from tlbench.sources.earlier_run import find_checkpoint

DATA = DataRecord(name="digits", class_names=["0", "1", "2"], split_rule={}, fingerprints={"train": "12", "test": "34"})
FILE = {"kind": "weights", "source": "tin200", "title": "T", "file": "w", "sha256": "ab", "licence": "L"}


def run_folder(folder: Path, **changed: Any) -> Path:
    """A run's folder as tlbench leaves it."""
    folder.mkdir(parents=True)
    metrics = {"test/oa": 0.75, "test/kappa": 0.5}
    fields = {"data": DATA, "metrics": metrics, "weights": {"source": "tin200", "file": "w", "chain": [FILE]}}
    write_record(folder, record("study=first", "seed=3", **{**fields, **changed}))
    (folder / "best.ckpt").write_bytes(b"not really weights")
    return folder


@pytest.mark.promise("source=checkpoint")
def test_a_complete_run_stands_for_its_best_checkpoint_and_its_chain(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    for given in (folder, folder / "best.ckpt"):
        found = find_checkpoint(str(given), "resnet18")
        assert (found.path, found.found, found.source) == (folder / "best.ckpt", "source.path", "checkpoint")
        assert (found.title, found.licence) == ("first/tin200/seed_3", None)
        assert found.normalisation is not None
        assert found.normalisation.mean == [0.485, 0.456, 0.406]
        assert [link.model_dump() for link in found.earlier] == [FILE]
        assert found.run == RunLink(
            study="first",
            arm="tin200",
            seed=3,
            data="digits",
            classes=3,
            fingerprints={"train": "12", "test": "34"},
            model="resnet18",
            config_hash=json.loads((folder / "record.json").read_text())["config_hash"],
            file="best.ckpt",
            sha256="",
            metrics={"test/oa": 0.75},
            stand_ins=[],
        )


def test_a_run_that_read_no_test_split_has_no_metrics_in_the_chain(tmp_path: Path) -> None:
    found = find_checkpoint(str(run_folder(tmp_path / "run", metrics={})), "resnet18")
    assert found.run is not None
    assert found.run.metrics == {}


def test_a_record_that_was_edited_is_no_source(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    text = json.loads((folder / "record.json").read_text())
    text["config"]["optimizer"]["lr"] = 0.5
    (folder / "record.json").write_text(json.dumps(text))
    with pytest.raises(WeightsError, match="its configuration is not the one that the run had"):
        find_checkpoint(str(folder), "resnet18")


def test_the_checkpoints_hash_is_what_the_record_says(tmp_path: Path) -> None:
    assert find_checkpoint(str(run_folder(tmp_path / "none")), "resnet18").sha256 is None
    found = find_checkpoint(str(run_folder(tmp_path / "some", files={"best.ckpt": "ab"})), "resnet18")
    assert found.sha256 == "ab"


def test_stand_ins_of_the_run_are_named_without_their_reasons(tmp_path: Path) -> None:
    stand_in = StandIn(kind="data", wanted="cifar10", used="digits", reason="/home/me: not found")
    found = find_checkpoint(str(run_folder(tmp_path / "run", stand_ins=[stand_in])), "resnet18")
    assert found.run is not None
    assert found.run.stand_ins == ["digits for cifar10"]
    assert "/home" not in found.run.model_dump_json()


@pytest.mark.parametrize(
    ("weights", "chain"),
    [
        (None, []),
        ({"source": "random", "file": None}, []),
        ({"source": "tin200", "file": "w", "sha256": "ab", "licence": "L", "loaded": 120}, [{**FILE, "title": None}]),
    ],
)
def test_records_from_before_chains_were_kept(weights: Any, chain: Any, tmp_path: Path) -> None:
    found = find_checkpoint(str(run_folder(tmp_path / "run", weights=weights)), "resnet18")
    assert [link.model_dump() for link in found.earlier] == chain


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_run_that_is_not_complete_is_no_source(status: str, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", status=status)
    with pytest.raises(WeightsError, match=rf"run there is not complete \(status {status}\); complete it") as caught:
        find_checkpoint(str(folder), "resnet18")
    assert repr(str(folder)) in str(caught.value)
    assert not caught.value.unreachable
    found = find_checkpoint(str(folder / "best.ckpt"), "resnet18")  # named itself, it is taken as it is
    assert (found.run, found.earlier, found.normalisation) == (None, (), None)


@pytest.mark.parametrize("absent", ["record.json", "best.ckpt"])
def test_a_folder_without_record_or_checkpoint_is_no_complete_run(absent: str, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / absent).unlink()
    with pytest.raises(WeightsError, match=f"the folder holds no {absent}, so it is not that of a complete run"):
        find_checkpoint(str(folder), "resnet18")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"format": 2}',
        '{"format": 1}',
        json.dumps({"weights": {"file": "w", "chain": [{"kind": "new"}]}}),
        json.dumps({"weights": {"file": "w"}}),
    ],
)
def test_a_broken_record_is_named_in_one_line(text: str, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    file = folder / "record.json"
    if text.startswith('{"weights'):
        text = json.dumps({**json.loads(file.read_text()), **json.loads(text)})
    file.write_text(text)
    with pytest.raises(WeightsError, match=r"its record\.json: no (JSON|run record of tlbench): ") as caught:
        find_checkpoint(str(folder), "resnet18")
    assert "\n" not in str(caught.value)


def test_a_file_of_weights_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    for name in ("last.ckpt", "w.safetensors"):
        (folder / name).write_bytes(b"")
        found = find_checkpoint(str(folder / name), "resnet18")
        assert (found.path, found.run, found.title) == (folder / name, None, None)


def test_nothing_there_is_the_users_fault(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"source\.path='.*gone': no such file or folder; give ") as caught:
        find_checkpoint(str(tmp_path / "gone"), "resnet18")
    assert not caught.value.unreachable
