from __future__ import annotations

import subprocess
import sys

import pytest

from tlbench import __version__
from tlbench.cli import command
from tlbench.cli.command import TOOLS, main


def test_help_names_every_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(said.count(f"  tlbench {tool} ") == 2 for tool in TOOLS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tlbench {__version__}\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_gets_the_rest_and_gives_its_exit_code(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(f"tlbench.cli.{tool}.main", lambda rest: given.append(rest) or 130)
    monkeypatch.setattr(sys, "argv", ["tlbench"])
    assert main([tool, "-m", "a=b"]) == 130
    assert given == [["-m", "a=b"]]


def test_an_unknown_tool_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "seed=0"]) == 2
    assert capsys.readouterr().err == (
        "ConfigError: 'trian': no such tool (did you mean 'train'?); there are train, evaluate, predict, export, "
        "compare, report, status\n"
    )


def test_python_m_tlbench_says_what_a_tool_says() -> None:
    said = [
        subprocess.run([sys.executable, "-m", *words, "--help"], capture_output=True, text=True, check=True).stdout
        for words in (("tlbench", "export"), ("tlbench.export",))
    ]
    assert said[0] == said[1] != ""
    assert command.help_text() not in said[0]
