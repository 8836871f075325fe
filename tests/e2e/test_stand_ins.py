"""`+experiment=cifar_transfer` on a machine without network, data and weights."""

from __future__ import annotations

import json
import queue
import threading

import pytest

from tests.commands import train

CIFAR_TRANSFER = (
    "+experiment=cifar_transfer",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "data.val_fraction=0.49",
    "data.batch_size=8",
    "logger.mistakes=0",
)
"""With the digits as stand-ins: two steps."""

HERE = "outputs/cifar_transfer-standin/tin200/seed_0"


@pytest.mark.promise("stand-ins")
def test_a_single_run_goes_on_under_another_name(tmp_path):
    outcome = train(*CIFAR_TRANSFER)
    assert outcome.code == 0, outcome.err
    assert "STAND-INS: these are not the results of what was asked for." in outcome.out
    assert "STAND-IN: digits for cifar10, tin200 for imagenet" in " ".join(outcome.out.split())
    assert [str(p.parent.relative_to(tmp_path)) for p in tmp_path.rglob("record.json")] == [HERE]
    record = json.loads((tmp_path / HERE / "record.json").read_text())
    assert (record["study"], record["arm"], record["status"]) == ("cifar_transfer-standin", "tin200", "complete")
    assert (record["data"]["name"], record["weights"]["source"]) == ("digits", "tin200")
    data, source = record["stand_ins"]
    assert (data["wanted"], data["used"], source["wanted"], source["used"]) == (
        "cifar10",
        "digits",
        "imagenet",
        "tin200",
    )
    assert "cannot be reached" in data["reason"]
    assert "cannot be fetched" in source["reason"]
    again = train(*CIFAR_TRANSFER)
    assert again.code == 0
    assert "complete since" in again.out


@pytest.mark.parametrize("options", [["on_missing=error"], ["on_missing=error", "data=digits"]])
def test_or_ends_with_what_was_tried_and_what_to_do(tmp_path, options):
    outcome = train(*CIFAR_TRANSFER, *options, *(["data.val_fraction=0.1"] if "data=digits" in options else []))
    assert outcome.code == 2
    line = outcome.one_line()
    assert "tried" in line or "no copy in" in line
    assert "put " in line
    assert not (tmp_path / "outputs").exists()


def test_a_network_that_swallows_packets_is_given_up_in_time(tmp_path, monkeypatch):
    """Waits a twentieth of each deadline; the deadlines themselves leave time for the start-up within 10 s."""
    deadlines, forever = [], threading.Event()

    class Impatient(queue.SimpleQueue):
        def get(self, block=True, timeout=None):
            deadlines.append(timeout)
            return super().get(block, timeout / 20)

    monkeypatch.setattr("tlbench.system.download.queue.SimpleQueue", Impatient)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: forever.wait())
    started = []
    monkeypatch.setattr("tlbench.cli.composed.ComposedRun.start", lambda run: started.append(run.config))
    assert train("+experiment=cifar_transfer").code == 0
    forever.set()
    assert len(deadlines) == 2
    assert sum(deadlines) <= 7.5
    assert [(c.study, c.data.name, c.source.name) for c in started] == [("cifar_transfer-standin", "digits", "tin200")]
