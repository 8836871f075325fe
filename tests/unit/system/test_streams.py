from __future__ import annotations

import errno
import io
import os
import subprocess
import sys

import pytest

from tests.commands import call, train
from tests.slow import mostly_slow
from tlbench.console import say
from tlbench.errors import Failure
from tlbench.system import streams
from tlbench.system.streams import (
    EscapingStream,
    ReaderGone,
    Stream,
    lost_result,
    prepare_streams,
    results_are_kept,
    write_data,
)

GONE = [errno.EPIPE, errno.EBADF]
REFUSED = [errno.ENOSPC, errno.EIO]


class Refusing(io.StringIO):
    """Takes some writes, then none."""

    def __init__(self, number: int, after: int = 0) -> None:
        super().__init__()
        self.number, self.left = number, after

    def write(self, text: str) -> int:
        if self.left == 0:
            raise OSError(self.number, os.strerror(self.number))
        self.left -= 1
        return super().write(text)


@pytest.fixture
def terminal(monkeypatch):
    """Puts a stream into the place of standard output; gives what is written to standard error."""

    def put(stream):
        err = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", err)
        prepare_streams()
        return err

    return put


@pytest.mark.parametrize("number", [*GONE, *REFUSED])
def test_a_run_goes_on_and_says_so_once(terminal, number):
    err = terminal(stream := Refusing(number, after=1))
    results_are_kept()
    for text in ("one", "two", "three"):
        say(text)
        print(text)
    assert stream.getvalue() == "one\n"
    (line,) = err.getvalue().splitlines()
    why = "nobody reads" if number in GONE else f"cannot be written ({os.strerror(number)})"
    assert line.startswith("warning: ")
    assert why in line
    assert lost_result() is None


def test_it_is_said_where_output_was_lost_before_it_began(terminal):
    err = terminal(Refusing(errno.EPIPE))
    say("a banner")
    assert err.getvalue() == ""
    results_are_kept()
    assert err.getvalue().count("nobody reads standard output") == 1


@pytest.mark.parametrize("number", REFUSED)
def test_a_result_that_is_lost_is_an_error_of_standard_output(terminal, number):
    terminal(Refusing(number))
    say("the result")
    assert lost_result() == f"standard output cannot be written ({os.strerror(number)})"
    with pytest.raises(Failure, match="standard output cannot be written"):
        write_data("a row\n")


def test_a_reader_who_has_gone_has_seen_what_they_wanted(terminal):
    err = terminal(Refusing(errno.EPIPE))
    say("the result")
    assert (lost_result(), err.getvalue()) == (None, "")
    with pytest.raises(ReaderGone):
        write_data("a row\n")


def test_a_stream_that_somebody_closed_is_a_reader_who_has_gone(terminal):
    stream = io.StringIO()
    terminal(stream)
    stream.close()
    say("text")
    assert lost_result() is None


def test_standard_error_may_be_lost_as_well(terminal, monkeypatch):
    terminal(Refusing(errno.ENOSPC))
    monkeypatch.setattr(sys, "stderr", EscapingStream(Stream(Refusing(errno.ENOSPC))))
    results_are_kept()
    say("text")
    print("text", file=sys.stderr)
    assert [stream.inner.failure.errno for stream in (sys.stdout, sys.stderr)] == [errno.ENOSPC] * 2
    assert lost_result() is None  # results are in files


def test_all_but_line_breaks_is_escaped_whoever_prints(terminal):
    out = io.StringIO()
    err = terminal(out)
    print("a\n\tb\x1b[2J\r\u202e", end="")
    sys.stderr.writelines(["\x07\n", "\rbar 10%\r"])
    assert out.getvalue() == "a\n\tb\\x1b[2J\\r\\u202e"
    assert err.getvalue() == "\\x07\n\rbar 10%\\r"


def test_an_encoding_that_lacks_a_letter_is_no_error(terminal):
    raw = io.BytesIO()
    terminal(io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    say("mean ± deviation")
    assert raw.getvalue() == b"mean ? deviation\n"


def test_preparing_twice_escapes_once(terminal):
    out = io.StringIO()
    terminal(out)
    prepare_streams()
    print("\x1b")
    assert out.getvalue() == "\\x1b\n"


COMMANDS = {
    "--help": (["tlbench.train", "--help"], "tlbench trains one model"),
    "--cfg job": (["tlbench.train", "--cfg", "job"], "augmentation:"),
    "predict --help": (["tlbench.predict", "--help"], "tlbench.predict classifies"),
}


def start(arguments, **streams_):
    command = [sys.executable, "-m", *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **streams_)


@pytest.mark.promise("a lost result")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")  # noqa: PTH110
@pytest.mark.parametrize("name", mostly_slow(COMMANDS, "predict --help", "--cfg job"))
def test_a_result_onto_a_full_disk_is_exit_code_1_and_one_line(name):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = start(COMMANDS[name][0], stdout=full)
        _, err = done.communicate()
    assert done.returncode == 1
    assert err == "standard output cannot be written (No space left on device): what was asked for is lost\n"


@pytest.mark.parametrize("name", mostly_slow(COMMANDS, "predict --help", "--cfg job"))
def test_a_result_that_nobody_reads_is_a_quiet_end(name):
    read, write = os.pipe()
    os.close(read)
    done = start(COMMANDS[name][0], stdout=write)
    os.close(write)
    assert (done.communicate()[1], done.returncode) == ("", 0)


CLOSED = """
import os, sys
for number in (0, 1, 2):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""

PREPARED = """
import os
from tlbench.system.streams import prepare_streams
prepare_streams()
file = os.open("file", os.O_WRONLY | os.O_CREAT)
print("text")
os.write(1, b"of a C library")
os.write(file, f"{file > 2} {os.read(0, 1)}".encode())
"""


@pytest.mark.promise("the number of a closed stream")
def test_no_file_gets_the_number_of_a_closed_stream(tmp_path):
    subprocess.run([sys.executable, "-c", CLOSED, PREPARED], cwd=tmp_path, check=True, env={**os.environ})
    assert (tmp_path / "file").read_text() == "True b''"


def test_arguments_are_echoed_without_their_escape_codes():
    for arguments in (["study='\x1b]0;x\x07'"], ["data='\u202e'"]):
        outcome = train(*arguments)
        assert outcome.code == 2
        assert not {"\x1b", "\x07", "\u202e"} & set(outcome.one_line())
    outcome = train("--bogus\x1b[2J")
    assert outcome.code == 2
    assert "--bogus\\x1b[2J: no such option" in outcome.err
    assert "\\x1b[2J" in call("predict", "run=\x1b[2J", "input=x").one_line()


def test_the_null_device_is_not_kept_open(monkeypatch):
    assert streams._open_on_null() == set()
