"""The lock of a folder, with fabricated lock files and with processes that race for one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.locks import fabricate, touch
from tlbench.errors import FolderInUse, OutputError
from tlbench.processes.identity import ProcessIdentity
from tlbench.records import lock as module
from tlbench.records import stale_lock
from tlbench.records.folder import begin, set_aside, tidy_if_free
from tlbench.records.lock import COUNTS_FOR_S, holder, locked
from tlbench.records.lock_file import LOCK_FILE, LockOwner, read_lock
from tlbench.system.atomic import write_atomic

INIT = ProcessIdentity.own().model_copy(update={"pid": 1, "started": None})
linux = pytest.mark.skipif(INIT.boot is None, reason="needs /proc")


def is_free(folder: Path) -> bool:
    """Whether it can be taken; then it is released again and nothing is left."""
    before = holder(folder)
    try:
        with locked(folder):
            assert json.loads((folder / LOCK_FILE).read_text())["pid"] == os.getpid()
    except FolderInUse:
        assert before is not None
        return False
    assert before is None
    assert not any(folder.iterdir())
    return True


def test_a_lock_says_who_and_is_gone_at_the_end(tmp_path):
    folder = tmp_path / "run"
    with locked(folder):
        assert [path.name for path in folder.iterdir()] == [LOCK_FILE]
        owner = LockOwner.model_validate_json((folder / LOCK_FILE).read_bytes())
        assert (owner.pid, owner.lives()) == (os.getpid(), True)
        with pytest.raises(FolderInUse) as caught, locked(folder):
            pytest.fail("two at once")
        assert f"(process {os.getpid()} on {owner.host}, since 2" in str(caught.value)
        assert f"stop it (kill {os.getpid()}), or choose another folder with hydra.run.dir=" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not any(folder.iterdir())


def test_it_is_released_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="odd"), locked(tmp_path):
        raise ValueError("odd")
    assert is_free(tmp_path)


@pytest.mark.promise("dead processes")
@linux
@pytest.mark.parametrize(
    ("changed", "age"),
    [
        ({"pid": 2**22 - 1}, 0),
        ({"started": 1}, 0),  # a process of this id there is, but it is another
        ({"boot": "11111111-2222-3333-4444-555555555555"}, 0),
        ({"boot": "11111111-2222-3333-4444-555555555555", "host": "elsewhere"}, COUNTS_FOR_S + 5),
        ({"host": "elsewhere", "machine": "other", "boot": "other"}, COUNTS_FOR_S + 5),
        ({"namespace": "pid:[1]"}, COUNTS_FOR_S + 5),
        ({"host": "elsewhere", "boot": None, "namespace": None, "started": None}, COUNTS_FOR_S + 5),
        ({"host": "elsewhere", "boot": "other"}, -COUNTS_FOR_S - 60),  # a clock that was wrong, or is
    ],
)
def test_a_lock_whose_process_is_gone_counts_for_nothing(tmp_path, changed, age):
    fabricate(tmp_path, age, **changed)
    assert is_free(tmp_path)


@pytest.mark.promise("living processes")
@linux
@pytest.mark.parametrize(
    ("changed", "age"),
    [
        ({}, COUNTS_FOR_S + 1000),  # suspended, say: it lives
        ({"host": "renamed"}, COUNTS_FOR_S + 1000),
        ({"host": "elsewhere", "machine": "other", "boot": "other"}, COUNTS_FOR_S - 30),
        ({"machine": "other", "boot": "other"}, 0),  # another machine of the same name
        ({"namespace": "pid:[1]"}, 0),
        ({"namespace": "pid:[1]", "pid": 2**22 - 1}, 0),
        ({"namespace": None}, 0),
    ],
)
def test_a_lock_whose_process_lives_or_may_live_counts(tmp_path, changed, age):
    path = fabricate(tmp_path, age, **changed)
    before = path.read_bytes()
    assert not is_free(tmp_path)
    assert path.read_bytes() == before


@linux
def test_a_process_that_has_ended_and_was_not_asked_how_is_gone(tmp_path):
    process = subprocess.Popen(["sleep", "60"])
    started = int(Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    fabricate(tmp_path, pid=process.pid, started=started)
    assert holder(tmp_path) is not None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    assert is_free(tmp_path)
    process.wait()


@pytest.mark.promise("a damaged lock")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"pid": 1}', b'{"pid": -5}'])
def test_a_damaged_lock_counts_by_its_age(tmp_path, content):
    path = tmp_path / LOCK_FILE
    path.write_bytes(content)
    with (
        pytest.raises(FolderInUse, match=f"is damaged and counts until it is {COUNTS_FOR_S:.0f} s old"),
        locked(tmp_path),
    ):
        pytest.fail("taken")
    assert path.read_bytes() == content
    touch(path, COUNTS_FOR_S + 5)
    assert is_free(tmp_path)


@pytest.mark.parametrize("pid", [0, -1, 2**31, 2**70, "12", 1.5, None])
def test_no_process_is_asked_for_by_a_number_that_is_none(tmp_path, pid):
    fabricate(tmp_path, COUNTS_FOR_S + 5, pid=pid)
    assert is_free(tmp_path)


def test_what_a_lock_says_is_shown_on_one_line_without_escape_codes(tmp_path):
    fabricate(tmp_path, command="a\x1b[31m\nb\r" + "x" * 3000)
    told = holder(tmp_path)
    assert told is not None
    assert told.isprintable()
    assert len(told) < 300


@pytest.mark.promise("a link in the lock's place")
@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "fifo", "huge"])
def test_what_is_no_lock_is_named_and_not_touched(tmp_path, kind):
    path, target = tmp_path / "run" / LOCK_FILE, tmp_path / "precious"
    path.parent.mkdir()
    if kind == "folder":
        (path / "inside").mkdir(parents=True)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(1 << 30)
    else:
        if kind == "link":
            target.write_text("precious")
            touch(target, COUNTS_FOR_S + 5)
        path.symlink_to(target)
    assert holder(path.parent) is None
    with (
        pytest.raises(OutputError, match=r"run/\.lock: no lock that tlbench wrote \(.*move it away"),
        locked(path.parent),
    ):
        pytest.fail("taken")
    assert path.is_symlink() == ("link" in kind)
    assert [p.name for p in path.parent.iterdir()] == [LOCK_FILE]
    assert not target.exists() or target.read_text() == "precious"


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_disk_without_hard_links(tmp_path, monkeypatch, refusal):
    def link(*_: object, **__: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", link)
    assert is_free(tmp_path)
    with locked(tmp_path), pytest.raises(FolderInUse), locked(tmp_path):
        pytest.fail("two at once")
    fabricate(tmp_path, COUNTS_FOR_S + 5, host="elsewhere", machine="other", boot="other")
    assert is_free(tmp_path)
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError), locked(tmp_path):
        pytest.fail("written through a link")
    assert not (tmp_path / "nowhere").exists()


def test_a_disk_that_refuses_is_said(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"), locked(tmp_path):
        pytest.fail("taken")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("place", "name"), [(module, "take_away"), (stale_lock, "_move_away")])
def test_a_lock_that_was_renewed_since_it_was_judged_stays_or_is_put_back(tmp_path, monkeypatch, place, name):
    """As by a machine that wakes up just then."""
    path = fabricate(tmp_path, COUNTS_FOR_S + 5, host="elsewhere", machine="other", boot="other")
    take_away = getattr(place, name)

    def renewed(*arguments: object) -> None:
        touch(path, 0)
        take_away(*arguments)

    monkeypatch.setattr(place, name, renewed)
    with pytest.raises(FolderInUse), locked(tmp_path):
        pytest.fail("taken from a living process")
    assert json.loads(path.read_text())["token"] == "theirs"
    assert [p.name for p in tmp_path.iterdir()] == [LOCK_FILE]


def test_who_was_taken_for_dead_writes_nothing_any_more(tmp_path):
    write_atomic(tmp_path / "record.json", b"of both")
    with locked(tmp_path):
        write_atomic(tmp_path / "record.json", b"mine")
        theirs = fabricate(tmp_path).read_bytes()
        for name in ("record.json", "below/last.ckpt"):
            with pytest.raises(FolderInUse, match="another process took this one for dead"):
                write_atomic(tmp_path / name, b"late")
    assert (tmp_path / "record.json").read_bytes() == b"mine"
    assert (tmp_path / LOCK_FILE).read_bytes() == theirs  # released is only one's own
    assert not (tmp_path / "below" / "last.ckpt").exists()
    write_atomic(tmp_path / "record.json", b"elsewhere in this process, no lock is held")


def test_a_lock_that_is_gone_lets_nothing_be_written(tmp_path):
    with locked(tmp_path):
        (tmp_path / LOCK_FILE).unlink()
        with pytest.raises(FolderInUse, match="gone while this process was at work"):
            write_atomic(tmp_path / "record.json", b"late")
    assert not any(tmp_path.iterdir())


def test_a_held_lock_is_renewed_and_never_that_of_another(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RENEWED_EVERY_S", 0.01)
    path = tmp_path / LOCK_FILE
    with locked(tmp_path):
        touch(path, 1000)
        until = time.monotonic() + 10
        while time.time() - path.stat().st_mtime > 500:
            assert time.monotonic() < until
            time.sleep(0.01)
        path.rename(tmp_path / "mine")
        fabricate(tmp_path, 1000)
        touch(tmp_path / "mine", 1000)
        while time.time() - (tmp_path / "mine").stat().st_mtime > 500:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert time.time() - path.stat().st_mtime > 500


RACER = """
import sys, time
from pathlib import Path
from tlbench.errors import FolderInUse
from tlbench.records.lock import locked
folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
begin = float(sys.stdin.readline())
won = 0
for number in range(rounds):
    while time.monotonic() < begin + number * 0.01:
        pass
    try:
        with locked(folder / str(number)):
            (folder / str(number) / "inside").mkdir()  # fails where another is inside
            time.sleep(0.005)
            (folder / str(number) / "inside").rmdir()
            won += 1
    except FolderInUse:
        pass
print(won)
"""


@pytest.mark.promise("one process a folder")
@linux
def test_processes_that_race_for_stale_locks_are_never_inside_together(tmp_path):
    rounds = 60
    for number in range(rounds):
        (tmp_path / str(number)).mkdir()
        fabricate(tmp_path / str(number), started=1)
    command = [sys.executable, "-c", RACER, str(tmp_path), str(rounds)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    begin = time.monotonic() + 0.1
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(f"{begin}\n")
        racer.stdin.flush()
    wins = [int(racer.communicate()[0]) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert rounds <= sum(wins) < 4 * rounds  # they did meet
    assert list(tmp_path.glob("*/*")) == []


@linux
def test_a_stale_lock_is_left_to_who_is_taking_it_away_and_a_newer_one_to_its_holder(tmp_path):
    path = fabricate(tmp_path, started=1)
    stale = read_lock(path)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        stale_lock.take_away(path, stale, "mine")
        assert read_lock(path) == stale
    newer = tmp_path / "newer"
    newer.write_bytes(path.read_bytes().replace(b"theirs", b"others"))
    newer.rename(path)
    stale_lock.take_away(path, stale, "mine")
    assert b"others" in path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == [LOCK_FILE]
    stale_lock.take_away(path, read_lock(path), "mine")
    assert not any(tmp_path.iterdir())


HOLDER = """
import signal, sys, time
from pathlib import Path
from tlbench.records.lock import locked
signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run where it is ignored
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_holder_that_is_ended_holds_nobody_off(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    assert (holder(tmp_path) or "").startswith(f"process {process.pid} on ")
    process.send_signal(number)
    assert process.wait() == -number
    assert (tmp_path / LOCK_FILE).exists() == (number == signal.SIGKILL)
    assert is_free(tmp_path)
    process.stdout.close()


def test_what_killed_processes_left_is_tidied_and_a_living_ones_lock_is_not(tmp_path):
    left = (".record.json.a_b1c2d3.tmp", ".lock.abcdefgh.tmp", ".predictions_test.npz.12345678.tmp")
    kept = (".evaluation.partial.json", ".hidden", "note.tmp", ".x.tmp")
    for name in (*left, *kept):
        (tmp_path / name).write_text("x")
    dead = tmp_path / f"{LOCK_FILE}.0{stale_lock.ASIDE}"
    fabricate(tmp_path, started=1).rename(dead)
    alive = tmp_path / f"{LOCK_FILE}.1{stale_lock.ASIDE}"
    fabricate(tmp_path).rename(alive)
    tidy_if_free(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*kept, alive.name}


def test_nothing_is_tidied_beside_a_living_process(tmp_path):
    fabricate(tmp_path)
    (tmp_path / ".record.json.a_b1c2d3.tmp").write_text("half")
    tidy_if_free(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {LOCK_FILE, ".record.json.a_b1c2d3.tmp"}


def test_beginning_and_setting_aside_leave_the_lock_where_it_is(tmp_path):
    with locked(tmp_path) as lock:
        (tmp_path / "record.json").write_text("{}")
        assert set_aside(tmp_path) == tmp_path / "previous_1"
        begin(tmp_path, {"seed": 0})
        lock.check()
    assert {path.name for path in tmp_path.iterdir()} == {"previous_1", "config.yaml"}
