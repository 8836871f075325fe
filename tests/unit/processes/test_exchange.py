from __future__ import annotations

import pytest
from torch import nn

from tlbench.processes.exchange import broadcast_buffers, gather_objects, is_distributed
from tlbench.processes.rank import STORE_PORT, process_rank

LAUNCHED = ("TORCHELASTIC_RUN_ID", STORE_PORT)


@pytest.fixture(autouse=True)
def launched_by_nobody(monkeypatch):
    for name in (*LAUNCHED, "RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("launcher", LAUNCHED)
@pytest.mark.parametrize("rank", [0, 1, 3])
def test_a_launched_process_knows_its_number(monkeypatch, launcher, rank):
    monkeypatch.setenv(launcher, "1")
    monkeypatch.setenv("RANK", str(rank))
    assert process_rank() == rank


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_variables_that_a_cluster_sets_for_other_ends_do_not_silence_a_run(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert process_rank() == 0


def test_one_process_has_nobody_to_ask():
    assert not is_distributed()
    own = object()
    assert gather_objects(own) == [own]
    norm = nn.BatchNorm1d(2)
    norm.running_mean.fill_(3.0)
    broadcast_buffers(norm)
    assert norm.running_mean.tolist() == [3.0, 3.0]
