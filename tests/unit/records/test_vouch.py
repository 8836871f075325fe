"""The launcher vouches for the runs that it planned: simulated machines are folders for settings of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.composed import config
from tests.own_code import draw_own_run, edited, forget, own_config, write_nets, write_own_record
from tests.voices import hearing
from tlbench.errors import ConfigError, OutputError
from tlbench.records.vouch import vouch_for_planned
from tlbench.tools.complete_run import open_run
from tlbench.trust.key import find_or_make_key

RUN = Path("run")
ARGUMENTS = "model.arguments={width: 3}"


@pytest.fixture(autouse=True)
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was made on a machine with another home, seen from the launcher's."""
    write_nets(tmp_path)
    forget(monkeypatch)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "node"))
    draw_own_run(RUN, ARGUMENTS)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "launcher"))
    forget(monkeypatch)


def vouchers() -> dict[str, str]:
    found: dict[str, str] = json.loads((RUN / "record.json").read_text())["volatile"]["vouchers"]
    return found


def vouch(*overrides: str) -> list[str]:
    said: list[str] = []
    vouch_for_planned(own_config(*overrides), RUN, hearing(said))
    return said


@pytest.mark.promise("the launcher vouches")
def test_what_was_planned_is_vouched_for_whoever_ran_it() -> None:
    with pytest.raises(ConfigError):
        open_run(RUN)
    before = json.loads((RUN / "record.json").read_text())
    assert vouch(ARGUMENTS) == []
    after = json.loads((RUN / "record.json").read_text())
    assert len(vouchers()) == 2
    assert vouchers().items() > before["volatile"]["vouchers"].items()
    assert {**after, "volatile": None} == {**before, "volatile": None}
    assert open_run(RUN).trusted.known is not None
    unchanged = (RUN / "record.json").read_bytes()
    assert vouch(ARGUMENTS) == []
    assert (RUN / "record.json").read_bytes() == unchanged


def test_the_machine_that_ran_it_knows_it_too(tmp_path, monkeypatch) -> None:
    vouch(ARGUMENTS)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "node"))
    assert open_run(RUN).trusted.known is not None


def _arguments(record: dict[str, Any]) -> None:
    record["config"]["model"]["arguments"]["width"] = 4


def _path(record: dict[str, Any]) -> None:
    record["config"]["model"]["import_path"] = "os:system"


def _no_path(record: dict[str, Any]) -> None:
    record["config"]["model"].update(import_path=None, library="torchvision")


def _root(record: dict[str, Any]) -> None:
    record["config"]["data"]["root"] = "/"


def _file(record: dict[str, Any]) -> None:
    record["code"]["files"]["sent_helper"] = "0" * 64


def _unknown_file(record: dict[str, Any]) -> None:
    record["code"]["files"]["sent_optional"] = "0" * 64


def _no_files(record: dict[str, Any]) -> None:
    record["code"] = None


@pytest.mark.promise("the launcher vouches for no more")
@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_arguments, "names model.arguments={'width': 4}, and planned was {'width': 3}"),
        (_path, "names model.import_path='os:system', and planned was 'sent_nets:Small'"),
        (_no_path, "names model.import_path=None"),
        (_root, "names data.root='/', and planned was None"),
        (_file, "the module sent_helper that ran is not "),
        (_unknown_file, "the module sent_optional that ran is not to be found here"),
        (_no_files, "does not say which files ran"),
    ],
)
def test_what_was_not_planned_is_not(edit: Callable[[dict[str, Any]], None], why: str) -> None:
    edited(RUN, edit)
    before = (RUN / "record.json").read_bytes()
    said = vouch(ARGUMENTS)
    assert (RUN / "record.json").read_bytes() == before
    assert len(said) == 1
    assert why in said[0]
    assert "trust=true" in said[0]


def test_a_file_that_changed_here_while_it_ran_is_not_vouched_for(tmp_path) -> None:
    (tmp_path / "sent_helper.py").write_text("x = 1\n")
    assert f"is not {tmp_path / 'sent_helper.py'}" in vouch(ARGUMENTS)[0]
    assert len(vouchers()) == 1


def test_a_run_that_names_nothing_needs_no_key_and_gets_none(tmp_path) -> None:
    write_own_record(RUN, config(), None)
    before = (RUN / "record.json").read_bytes()
    said: list[str] = []
    vouch_for_planned(config(), RUN, hearing(said))
    assert (said, (RUN / "record.json").read_bytes()) == ([], before)
    assert not (tmp_path / "launcher").exists()


def test_a_run_that_is_not_complete_is_left_alone() -> None:
    edited(RUN, lambda record: record.update(status="interrupted"))
    assert vouch(ARGUMENTS) == []
    assert len(vouchers()) == 1


def test_a_launcher_without_a_key_says_so_and_goes_on(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    said = vouch(ARGUMENTS)
    assert len(said) == 1
    assert "Not a directory" in said[0]
    assert len(vouchers()) == 1


def test_nothing_is_written_through_a_link(tmp_path) -> None:
    (tmp_path / "precious").write_text("precious")
    (RUN / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match=r"no lock that tlbench wrote \(not a regular file but a link"):
        vouch(ARGUMENTS)
    assert (tmp_path / "precious").read_text() == "precious"
    assert len(vouchers()) == 1
    find_or_make_key()
