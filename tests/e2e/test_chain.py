"""Runs that chain: pretrain on one data set, adapt to the next; the record of the last names them all."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.commands import TINY, train
from tests.conftest import isolate, use_tiny_network
from tests.tiny_network import tiny_network
from tests.weights_files import state_dict_of
from tlbench.networks.build import NETWORKS
from tlbench.networks.network import Network

PLAIN = (*TINY, "trainer.max_epochs=1", "logger.tensorboard=false")


def run(name: str, *overrides: str) -> Path:
    """A run in the folder of its study, below the working folder."""
    outcome = train(*PLAIN, f"study={name}", *overrides, f"hydra.run.dir={name}")
    assert outcome.code == 0, outcome.err
    return Path(name).resolve()


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return content


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three runs: from random with averaged weights, from that one, and from the second by its checkpoint's name."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, tmp_path_factory.mktemp("chain"))
        use_tiny_network(monkeypatch)
        first = run("first", "source=random", "callbacks.ema_decay=0.9")
        second = run("second", "source=checkpoint", f"source.path={first}", "seed=1", "data.shots=3")
        third = run("third", "source=checkpoint", f"source.path={second / 'best.ckpt'}")
    return {"first": first, "second": second, "third": third}


@pytest.mark.promise("chains of runs")
def test_the_record_of_the_third_run_names_the_others_oldest_first(runs: dict[str, Path]) -> None:
    assert record(runs["first"])["weights"]["chain"] == []
    one, two = record(runs["third"])["weights"]["chain"]
    assert record(runs["second"])["weights"]["chain"] == [one]
    for link, name, seed in ((one, "first", 0), (two, "second", 1)):
        earlier = record(runs[name])
        assert (link["kind"], link["study"], link["arm"], link["seed"]) == ("run", name, earlier["arm"], seed)
        assert (link["data"], link["classes"], link["model"]) == ("digits", 10, "resnet18")
        assert link["config_hash"] == earlier["config_hash"]
        assert link["fingerprints"] == earlier["data"]["fingerprints"]
        assert link["metrics"] == {"test/oa": earlier["metrics"]["test/oa"]}
        assert link["sha256"] == hashlib.sha256((runs[name] / "best.ckpt").read_bytes()).hexdigest()
    assert one["fingerprints"]["train"] != two["fingerprints"]["train"]
    weights = record(runs["third"])["weights"]
    assert (weights["title"], weights["prefix"], weights["file"]) == (
        "second/checkpoint/seed_1",
        "network",
        "best.ckpt",
    )


def test_the_chain_names_no_folder(runs: dict[str, Path]) -> None:
    assert str(runs["first"].parent) not in json.dumps(record(runs["third"])["weights"])


def test_the_backbone_goes_on_from_the_best_checkpoint(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run with averaged weights, best.ckpt holds the average."""
    use_tiny_network(monkeypatch)
    from tests.composed import config
    from tlbench.networks.build import build_network
    from tlbench.sources.load import apply_source

    given = config("source=checkpoint", f"source.path={runs['first']}")
    network = build_network(given.model, 10, 0, (32, 32))
    report = apply_source(network, given.source, given.model, given.data)
    best = state_dict_of(runs["first"] / "best.ckpt")
    loaded = network.module.state_dict()
    assert all(torch.equal(t, best[f"network.{n}"]) for n, t in loaded.items() if not n.startswith("fc"))
    assert "; chain: first/random/seed_0" in report.line()


def test_another_normalisation_than_the_runs_is_a_warning(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_tiny_network(monkeypatch)
    folder = run("other", "source=checkpoint", f"source.path={runs['first']}", "data.normalisation.mean=[0.5,0.5,0.5]")
    (warning,) = [text for text in record(folder)["warnings"] if "data.normalisation" in text]
    assert "is not what the run first/random/seed_0 was trained with (mean [0.485, 0.456, 0.406]" in warning


def test_a_run_of_another_architecture_is_refused(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def wider(num_classes: int) -> Network:
        network = tiny_network(num_classes)
        network.module.layer2 = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 5, padding=2), torch.nn.BatchNorm2d(4))
        return network

    monkeypatch.setitem(NETWORKS, "resnet18", wider)
    outcome = train(*PLAIN, "source=checkpoint", f"source.path={runs['second']}", "hydra.run.dir=wider")
    assert outcome.code == 2
    assert "looks like another architecture than model=resnet18" in outcome.one_line()
    assert "first: layer2.0.weight is (4, 4, 3, 3) float32 in the file" in outcome.one_line()


def test_a_run_that_is_not_complete_is_refused_before_anything_is_written(
    runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_tiny_network(monkeypatch)
    stopped = Path("stopped")
    stopped.mkdir()
    for name in ("best.ckpt", "record.json"):
        (stopped / name).write_bytes((runs["first"] / name).read_bytes())
    content = record(stopped)
    (stopped / "record.json").write_text(json.dumps({**content, "status": "interrupted"}))
    outcome = train(*PLAIN, "source=checkpoint", "source.path=stopped", "hydra.run.dir=run")
    assert outcome.code == 2
    assert "source.path='stopped': the run there is not complete (status interrupted)" in outcome.one_line()
    assert not Path("run").exists()


@pytest.mark.promise("sources and other runs' weights")
def test_a_checkpoint_that_is_not_the_runs_is_no_source_and_a_chain_without_hashes_says_so(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_tiny_network(monkeypatch)
    assert [link["verified"] for link in record(runs["third"])["weights"]["chain"]] == [True, True]
    assert record(runs["third"])["warnings"] == record(runs["first"])["warnings"]

    folder = shutil.copytree(runs["second"], tmp_path / "copy")
    shutil.copy(runs["first"] / "best.ckpt", folder / "best.ckpt")
    refused = train(*PLAIN, "source=checkpoint", f"source.path={folder}", "hydra.run.dir=refused")
    assert refused.code == 2
    assert "best.ckpt: not the checkpoint of the run second/checkpoint/seed_1: its record says " in refused.one_line()

    shutil.copy(runs["second"] / "best.ckpt", folder / "best.ckpt")
    without = record(folder)
    del without["files"]
    without["weights"]["chain"][0]["verified"] = False
    (folder / "record.json").write_text(json.dumps(without))
    fourth = record(run("fourth", "source=checkpoint", f"source.path={folder}"))
    assert [link["verified"] for link in fourth["weights"]["chain"]] == [False, False]
    said = [warning for warning in fourth["warnings"] if "nothing says" in warning]
    assert said == [
        "the run second/checkpoint/seed_1: nothing says that best.ckpt is its checkpoint; its record has no hash of it",
        "the run second/checkpoint/seed_1: in its chain, nothing says that the weights are those of "
        f"first/{record(runs['first'])['arm']}/seed_0",
    ]
