from __future__ import annotations

import io
import sys

import pytest
from rich.progress import Progress, TextColumn
from rich.table import Table

from tlbench import console
from tlbench.system.streams import prepare_streams

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e\u200b.png"
HARM = {"\x1b", "\x07", "\r", "\x9b", "\u202e", "\u200b"}


@pytest.fixture
def out(monkeypatch):
    """Gives what is printed from its call on: between fixture and test, pytest puts streams of its own there."""

    def begin():
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        prepare_streams()
        return stream

    return begin


def in_a_table(name):
    table = Table(title=name)
    table.add_column(name)
    table.add_row(f"[bold]{name}")
    console.console.print(table)


def in_a_bar(name):
    with Progress(TextColumn("{task.description}", markup=False), console=console.stderr) as progress:
        progress.add_task(name)


WAYS = {
    "say": console.say,
    "say_lines": console.say_lines,
    "warn": console.warn,
    "banner": console.banner,
    "complain": console.complain,
    "table": in_a_table,
    "bar": in_a_bar,
    "print": print,
    "rich's own print": lambda name: console.console.print(name),
}


@pytest.mark.promise("terminal codes")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_is_printed_reaches_the_terminal_as_a_code(out, way):
    printed = out()
    WAYS[way](HOSTILE)
    assert not HARM & set(printed.getvalue())
    assert "owned" in printed.getvalue()


@pytest.mark.parametrize("way", ["say", "warn", "complain"])
def test_a_line_stays_one_whatever_the_name(out, way):
    printed = out()
    WAYS[way](f"{HOSTILE}\nwarning: forged")
    assert printed.getvalue().count("\n") == 1
    assert r"\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e\u200b.png\nwarning: forged" in printed.getvalue()


def test_our_own_lines_and_markup_stay(out):
    printed = out()
    console.say_lines("one\ntwo")
    console.say("[bold]three[/bold] :smile:")
    assert printed.getvalue() == "one\ntwo\n[bold]three[/bold] :smile:\n"


def test_colours_stay_on_a_terminal(out):
    printed = out()
    coloured = console._EscapingConsole(force_terminal=True, color_system="standard", highlight=False)
    coloured.print("\x1b[2J", style="red")
    assert printed.getvalue() == "\x1b[31m\\x1b[2J\x1b[0m\n"
