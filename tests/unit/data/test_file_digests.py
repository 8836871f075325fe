from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlbench.config import ImageLimit
from tlbench.data import file_digests as module
from tlbench.data.file_digests import digest_of, file_digests, file_system_of
from tlbench.data.image_opening import STANDARD
from tlbench.data.listing import Listing

TIMES = (1_000_000_000, 1_000_000_000)


@pytest.fixture
def listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Listing:
    """Six files of one size and one mtime."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    for name in "abcdef":
        write(tmp_path / "images" / name, name.encode() * 9)
    return Listing(tmp_path / "images", tuple("abcdef"), None, ())  # type: ignore[arg-type]


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written, it counts as long ago, and on a disk that tells of each change."""
    monkeypatch.setattr(module, "_AT_REST_NS", -(10**15))
    monkeypatch.setattr(module, "file_system_of", lambda _: "ext4")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, from now on."""
    names: list[str] = []
    read = module.read_listed

    def noted(listing, position, limit):
        names.append(listing.names[position])
        return read(listing, position, limit)

    monkeypatch.setattr(module, "read_listed", noted)
    return names


def write(path: Path, content: bytes) -> None:
    """Until the clock of the file system has ticked since the last time."""
    path.parent.mkdir(exist_ok=True)
    before = path.stat().st_ctime_ns if path.exists() else None
    while True:
        path.write_bytes(content)
        os.utime(path, TIMES)
        if path.stat().st_ctime_ns != before:
            return


def right(listing: Listing) -> bool:
    """Whether each file has the digest of its bytes."""
    found = file_digests(listing, STANDARD).values
    wanted = [hashlib.blake2b((listing.root / name).read_bytes(), digest_size=16).digest() for name in listing.names]
    return [row.tobytes() for row in found] == wanted


def test_files_at_rest_are_read_once(listing, at_rest, reads):
    assert right(listing)
    assert sorted(reads) == list("abcdef")
    reads.clear()
    assert right(listing)
    assert reads == []


def exchange(root: Path) -> None:
    (root / "a").rename(root / "t")
    (root / "b").rename(root / "a")
    (root / "t").rename(root / "b")


def edit(root: Path) -> None:
    write(root / "a", b"z" * 9)


def replace(root: Path) -> None:
    write(root / "other", b"z" * 9)
    (root / "other").replace(root / "a")


def link(root: Path) -> None:
    write(root.parent / "elsewhere" / "a", b"z" * 9)
    (root / "a").unlink()
    (root / "a").hardlink_to(root.parent / "elsewhere" / "a")


def symlink(root: Path) -> None:
    write(root.parent / "elsewhere" / "a", b"z" * 9)
    (root / "a").unlink()
    (root / "a").symlink_to(root.parent / "elsewhere" / "a")


def folder(root: Path) -> None:
    """Another folder under the same name, by a link, as a mount does it."""
    root.rename(root.with_name("before"))
    for name in "abcdef":
        write(root.parent / "after" / name, name.upper().encode() * 9)
    root.symlink_to("after")


@pytest.mark.promise("no change goes unseen")
@pytest.mark.parametrize("change", [exchange, edit, replace, link, symlink, folder])
@pytest.mark.parametrize("long_ago", [True, False])
def test_no_change_that_keeps_size_and_mtime_goes_unseen(
    listing, monkeypatch, change: Callable[[Path], None], long_ago: bool
):
    if long_ago:
        monkeypatch.setattr(module, "_AT_REST_NS", -(10**15))
    assert right(listing)
    before = [(listing.root / name).stat() for name in listing.names]
    change(listing.root)
    after = [(listing.root / name).stat() for name in listing.names]
    assert [(s.st_size, s.st_mtime_ns) for s in before] == [(s.st_size, s.st_mtime_ns) for s in after]
    assert right(listing)
    assert right(listing)


def test_what_was_written_a_moment_ago_is_read_again(listing, reads):
    """Its ctime could be that of a second change, too."""
    for _ in range(2):
        assert right(listing)
    assert sorted(reads) == sorted("abcdef" * 2)


def test_a_touched_file_alone_is_read_again(listing, at_rest, reads):
    assert right(listing)
    reads.clear()
    while listing.root.joinpath("c").stat().st_ctime_ns == listing.root.joinpath("b").stat().st_ctime_ns:
        listing.root.joinpath("c").touch()
    os.utime(listing.root / "c")
    assert right(listing)
    assert reads == ["c"]


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "vfat", None])
def test_nothing_is_remembered_where_a_status_proves_nothing(listing, at_rest, reads, monkeypatch, kind):
    monkeypatch.setattr(module, "file_system_of", lambda _: kind)
    for _ in range(2):
        assert right(listing)
    assert sorted(reads) == sorted("abcdef" * 2)
    assert not list(Path(os.environ["TLBENCH_CACHE"]).rglob("*.npy"))


def test_the_file_system_is_that_of_the_deepest_mount(tmp_path, monkeypatch):
    mounts = (
        "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /mnt rw shared:1 - nfs4 host:/x rw\n"
        "3 2 8:2 / /mnt/own\\040disk rw - xfs /dev/b rw\n4 1 8:3 / /mnt/own\\040disk rw - btrfs /dev/c rw\n"
    )
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: mounts)
    monkeypatch.setattr(os.path, "realpath", str)
    found = [file_system_of(path) for path in ("/mntx/a", "/mnt/a", "/mnt/own disk/a", "/mnt/own diskette")]
    assert found == ["ext4", "nfs4", "btrfs", "nfs4"]


@pytest.mark.parametrize("damage", ["truncated", "text", "other shape", "other type"])
def test_a_damaged_index_is_no_index(listing, at_rest, damage):
    assert right(listing)
    (index,) = Path(os.environ["TLBENCH_CACHE"]).rglob("*.npy")
    if damage == "truncated":
        os.truncate(index, index.stat().st_size - 40)
    elif damage == "text":
        index.write_text("text")
    else:
        np.save(index, np.zeros((5, 7), np.uint64) if damage == "other shape" else np.zeros((6, 7)))
    assert right(listing)


def test_an_index_that_cannot_be_written_costs_time_only(listing, at_rest):
    Path(os.environ["TLBENCH_CACHE"]).touch()  # a file where the folder should be
    assert right(listing)


@pytest.mark.timeout(10)
def test_what_cannot_be_read_is_told_and_never_remembered(listing, at_rest):
    for name in "abc":
        (listing.root / name).unlink()
    os.mkfifo(listing.root / "a")
    (listing.root / "b").symlink_to("/dev/zero")
    for _ in range(2):
        found = file_digests(listing, STANDARD)
        assert found.unreadable == {
            0: "not a regular file but a FIFO",
            1: "not a regular file but a device",
            2: "No such file or directory",
        }
        assert not found.values[:3].any()
    for name in "abc":
        write(listing.root / "new", name.encode() * 9)
        (listing.root / "new").replace(listing.root / name)
    assert right(listing)


def test_a_file_larger_than_the_limit_is_told(listing):
    with (listing.root / "a").open("wb") as file:
        file.truncate(10 << 20)
    found = file_digests(listing, ImageLimit(1, "key"))
    assert found.unreadable == {0: "8 MB and more are more than key=1 allows; raise it for such images"}


def test_a_digest_is_blake2b_of_16_bytes():
    assert digest_of(b"").tobytes().hex() == "cae66941d9efbd404e4d88758ea67670"
