"""Which GPUs there are, by simulated environments, and who gets which."""

from __future__ import annotations

import pytest

from tlbench.config.compose import compose_config
from tlbench.study.gpus import GpuPool, gpus_of, visible_gpus

H100 = "GPU {}: NVIDIA H100 80GB HBM3 (UUID: GPU-{}aaaaaaa-1111-2222-3333-444444444444)"
TWO = "\n".join(H100.format(n, n) for n in range(2))
UUIDS = [f"GPU-{n}aaaaaaa-1111-2222-3333-444444444444" for n in range(2)]
DIVIDED = f"""{H100.format(0, 0)}
  MIG 3g.40gb     Device  0: (UUID: MIG-aaaaaaaa-0000-0000-0000-000000000001)
  MIG 3g.40gb     Device  1: (UUID: MIG-aaaaaaaa-0000-0000-0000-000000000002)
{H100.format(1, 1)}"""


@pytest.fixture
def machine(tmp_path):
    """A driver's tool that gives an answer."""

    def answering(text: str | None, code: int = 0) -> dict[str, str]:
        if text is not None:
            tool = tmp_path / "nvidia-smi"
            tool.write_text(f"#!/bin/sh\n[ \"$1\" = -L ] || exit 9\ncat <<'END'\n{text}\nEND\nexit {code}\n")
            tool.chmod(0o755)
        return {"PATH": f"{tmp_path}:/usr/bin:/bin" if text is not None else str(tmp_path)}

    return answering


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TWO, UUIDS),
        (DIVIDED, [f"MIG-aaaaaaaa-0000-0000-0000-00000000000{n}" for n in (1, 2)] + UUIDS[1:]),
        ("No devices found.", []),
        ("", []),
        (None, []),
    ],
)
def test_the_drivers_tool_is_asked(machine, text, found):
    assert visible_gpus(machine(text)) == found


def test_a_tool_that_fails_or_is_none_finds_nothing(machine, tmp_path):
    assert visible_gpus(machine("NVIDIA-SMI has failed because it couldn't communicate", code=9)) == []
    environment = machine(TWO)
    (tmp_path / "nvidia-smi").write_bytes(b"\x7fELF nothing that runs")
    assert visible_gpus(environment) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("0,1", ["0", "1"]),
        (" 1 , 0 ", ["1", "0"]),
        ("2,0", ["2", "0"]),
        ("GPU-0aa,MIG-x", ["GPU-0aa", "MIG-x"]),
        ("1,-1,0", ["1"]),  # as CUDA reads it
        ("-1", []),
        ("", []),
        ("NoDevFiles", []),
        ("1,1", []),
        ("1,two", ["1"]),
    ],
)
def test_what_the_user_made_visible_is_all_there_is(machine, given, found):
    assert visible_gpus({**machine(None), "CUDA_VISIBLE_DEVICES": given}) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("1,0", ["1", "0"]),
        ("0,2,1", ["0"]),  # there is no third: CUDA stops there, and a run that got it would train on the CPU
        ("GPU-1aaa", ["GPU-1aaa"]),
        ("GPU-1aaa,GPU-2aaa", ["GPU-1aaa"]),
    ],
)
def test_where_the_tool_answers_what_is_not_there_does_not_count(machine, given, found):
    assert visible_gpus({**machine(TWO), "CUDA_VISIBLE_DEVICES": given}) == found


def test_the_least_used_come_first_and_are_given_back():
    pool = GpuPool(["a", "b", "c"])
    taken = [pool.take(1) for _ in range(4)]
    assert taken == [["a"], ["b"], ["c"], ["a"]]
    assert [pool.is_shared(gpus) for gpus in taken] == [True, False, False, True]
    pool.give_back(taken[1])
    assert pool.take(2) == ["b", "c"]
    assert pool.take(4) == []  # more than there are: its own message says so
    assert pool.take(0) == []


def test_a_run_on_the_cpu_takes_none_and_one_of_several_processes_as_many():
    assert gpus_of(compose_config(["trainer=cpu"])) == 0
    assert gpus_of(compose_config(["trainer=auto"])) == gpus_of(compose_config(["trainer=gpu"])) == 1
    assert gpus_of(compose_config(["trainer=ddp", "trainer.devices=4"])) == 4
