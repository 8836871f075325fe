"""Standard input, output and error that cannot hurt: closed, full, or with a reader who has gone.

A run's result is its record: it goes on where nobody listens any more. Where what is printed *is* the result, a reader
who has gone wanted no more, and any other refusal is an error that names standard output.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, TextIO, cast

from tlbench.errors import Failure
from tlbench.system.names import escaped

_GONE = {errno.EPIPE, errno.EBADF, errno.ECONNRESET, errno.ENOTCONN, errno.ESHUTDOWN}


class ReaderGone(Exception):
    """Whoever read standard output has closed it, as `head` does."""


class Stream:
    """A text stream whose writes never raise; once one has failed, everything goes nowhere.

    Args:
        stream: Where it goes.
        failure: Why it cannot take anything, where that is known from the start.

    Attributes:
        failure: Why the stream takes nothing any more.
    """

    def __init__(self, stream: TextIO, failure: OSError | None = None) -> None:
        self._stream = stream
        self.failure = failure

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":  # not there yet
            raise AttributeError(name)
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, as the stream's encoding can."""
        if self.failure is None:
            try:
                try:
                    self._stream.write(text)
                except UnicodeEncodeError as error:
                    self._stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
            except (OSError, ValueError) as error:  # ValueError: closed by somebody else
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        """Let it go out."""
        if self.failure is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._fail(error)

    @property
    def is_gone(self) -> bool:
        """Whether nobody reads any more, rather than that it cannot be written."""
        return self.failure is not None and self.failure.errno in _GONE

    def _fail(self, error: OSError | ValueError) -> None:
        self.failure = error if isinstance(error, OSError) else OSError(errno.EBADF, os.strerror(errno.EBADF))
        _discard(self._stream)
        _Output.tell()


class EscapingStream(Stream):
    """What `sys.stdout` and `sys.stderr` are: escapes all but line breaks, as anything printed may hold a name.

    tlbench's own consoles write to `inner`, as they escape text before they colour it.

    Args:
        inner: Takes the escaped text.
    """

    def __init__(self, inner: Stream) -> None:
        super().__init__(cast("TextIO", inner))
        self.inner = inner

    def write(self, text: str) -> int:
        """Write what is printable of it as it is."""
        start = "\r" if text.startswith("\r") else ""  # of another library's bar, which is drawn anew
        self.inner.write(start + escaped(text.removeprefix(start), keep="\n\t"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write them one by one."""
        for line in lines:
            self.write(line)


class _Output:
    """What is to be said of standard output, once."""

    kept = False
    said = False

    @classmethod
    def tell(cls) -> None:
        """Say that it is lost, where the command goes on without it."""
        failure = _failure_of(sys.stdout)
        if failure is None or not cls.kept or cls.said:
            return
        cls.said = True
        why = "nobody reads standard output" if _is_gone(sys.stdout) else _cannot_write(failure)
        sys.stderr.write(f"warning: {why}; nothing is shown from here on, all results are kept in files\n")
        sys.stderr.flush()


def prepare_streams() -> None:
    """Open what is closed of the three descriptors on the null device, and wrap both outputs.

    No file of ours may ever get one of their numbers: a C library that prints would write into it.
    """
    closed = _open_on_null()
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    _Output.kept = _Output.said = False
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        failure = None
        if stream is None:
            stream = open(number, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        if number in closed:
            failure = OSError(errno.EBADF, "closed")
        if isinstance(stream, EscapingStream):
            continue
        if name == "stdout" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ± or · shows '?' there
        setattr(sys, name, EscapingStream(Stream(stream, failure)))


def results_are_kept() -> None:
    """From here on what is printed is also in files: a run, or a study, goes on when nobody reads it any more."""
    _Output.kept = True
    _Output.tell()


def write_data(text: str) -> None:
    """Write what a program reads, such as a table: as it is, but on a terminal; goes out at once.

    Raises:
        ReaderGone: Nobody reads any more.
        Failure: Standard output cannot be written.
    """
    inner = _inner(sys.stdout)
    (sys.stdout if inner is None or inner.isatty() else inner).write(text)
    sys.stdout.flush()
    if inner is not None and inner.failure is not None:
        if inner.failure.errno == errno.EBADF:
            raise Failure("standard output is closed, where the result would go; give output=FILE")
        if inner.is_gone:
            raise ReaderGone
        raise Failure(_cannot_write(inner.failure))


def lost_result() -> str | None:
    """What to say at the end of a command whose result was printed, and could not be; None where all is well."""
    sys.stdout.flush()
    sys.stderr.flush()
    failure = _failure_of(sys.stdout)
    return None if failure is None or _Output.kept or _is_gone(sys.stdout) else _cannot_write(failure)


def _cannot_write(failure: OSError) -> str:
    return f"standard output cannot be written ({failure.strerror or failure})"


def _inner(stream: Any) -> Stream | None:
    stream = getattr(stream, "rich_proxied_file", stream)  # of a bar that moves there
    return stream.inner if isinstance(stream, EscapingStream) else None


def _failure_of(stream: Any) -> OSError | None:
    inner = _inner(stream)
    return None if inner is None else inner.failure


def _is_gone(stream: Any) -> bool:
    inner = _inner(stream)
    return inner is not None and inner.is_gone


def _open_on_null() -> set[int]:
    closed = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            _point_to_null(number, os.O_RDONLY if number == 0 else os.O_WRONLY)
    return closed


def _discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere, so that Python does not raise when it leaves; children as well."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # not of this process's descriptors
        return
    if number in (1, 2):
        _point_to_null(number, os.O_WRONLY)


def _point_to_null(number: int, mode: int) -> None:
    null = os.open(os.devnull, mode)
    if null != number:
        os.dup2(null, number)
        os.close(null)
    else:
        os.set_inheritable(number, True)
