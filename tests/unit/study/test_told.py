"""What runs tell their launcher, through real pipes; the runs are small scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time

import pytest

from tlbench.processes.launched import LAUNCHED, launched_environment
from tlbench.study.told import Inbox, Notices, Warnings

SCRIPT = """
from tlbench.processes.launched import follow_launcher
follow_launcher()
from tlbench.runs.notices import notice, warn_of
import os
notice(f"read: 3 images by {os.getpid()}", topic="these data")
warn_of("few images")
notice("read: 3 images\\nof 2 classes", topic="other data")
warn_of("ü" * 40_000)  # more than a pipe holds at once
"""


def run(notices: Notices | None, own_terminal: bool, warnings: Warnings) -> str:
    """What a run prints that may have a launcher; its messages are taken as a launcher does."""
    inbox = Inbox()
    told = {} if notices is None else notices.environment(inbox, own_terminal)
    environment = os.environ if notices is None else {**launched_environment(os.environ), **told}
    printed = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe would have to be read as well
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=printed,
        pass_fds=(inbox.writing,),
    )
    inbox.close_writing()
    assert process.stdin is not None
    running, until = True, time.monotonic() + 60
    while running and time.monotonic() < until:
        running = process.poll() is None
        for message in inbox.messages():
            if message.kind == "notice":
                assert notices is not None
                notices.take(message, own_terminal)
            else:
                warnings.add("arm", 0, message.text)
    inbox.close()
    process.stdin.close()
    assert process.returncode == 0
    printed.seek(0)
    with printed:
        return re.sub(r"by \d+", "by …", printed.read().decode())


NOTICES = "read: 3 images by …\nread: 3 images\nof 2 classes\n"


@pytest.mark.promise("notices once")
@pytest.mark.parametrize("own_terminal", [True, False])
def test_a_study_shows_notices_once_and_keeps_warnings(own_terminal, capsys):
    notices, warnings = Notices(), Warnings()
    first = run(notices, own_terminal, warnings)
    second = run(notices, own_terminal, warnings)
    assert {text for text, _, _ in warnings.found} == {"few images", "ü" * 40_000}
    assert len(warnings.found) == 4
    shown = re.sub(r"by \d+", "by …", capsys.readouterr().out)
    if own_terminal:
        assert (first, second, shown) == (NOTICES, "", "")
    else:  # each into its own console.log
        assert first == second
        assert first.startswith("read: 3 images by …\nwarning: few images\nread: 3 images\nof 2 classes\nwarning: ü")
        assert shown == NOTICES
    warnings.show()
    assert capsys.readouterr().out == f"warning: few images\nwarning: {'ü' * 40_000}\n"


def test_without_a_launcher_all_is_shown(monkeypatch):
    monkeypatch.delenv(LAUNCHED, raising=False)
    assert run(None, True, Warnings()).count("warning: ") == 2
