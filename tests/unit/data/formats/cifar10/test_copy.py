"""The archive of CIFAR-10 under another hash: what of it reaches the disk."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tlbench.data.formats.cifar10 import copy as cifar10_copy
from tlbench.data.formats.cifar10.copy import BATCH_FILES, BATCHES, ensure_copy
from tlbench.errors import DataError

GOOD = {f"{BATCHES}/{name}": b"content of " + name.encode() for name in BATCH_FILES}


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put members into the archive, and let its hash be the official one."""

    def pack(members: dict[str, bytes | tarfile.TarInfo]) -> Path:
        root = tmp_path / "mine"
        root.mkdir()
        archive = root / cifar10_copy.ARCHIVE
        with tarfile.open(archive, "w:gz", compresslevel=1) as file:
            for name, content in members.items():
                if isinstance(content, tarfile.TarInfo):
                    file.addfile(content)
                    continue
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
        monkeypatch.setattr(cifar10_copy, "ARCHIVE_MD5", cifar10_copy._md5(archive))
        return root

    return pack


def link(name: str, to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member


def test_nothing_but_the_wanted_files_is_unpacked(tmp_path, packed):
    root = packed({"../../escaped": b"x", "/tmp/tlbench-escaped": b"x", f"{BATCHES}/readme.html": b"x", **GOOD})
    before = set(tmp_path.rglob("*"))
    assert ensure_copy(str(root)).path == root
    assert {path.relative_to(root).as_posix() for path in root.rglob("*")} == {
        cifar10_copy.ARCHIVE,
        BATCHES,
        *GOOD,
    }
    assert all(root in path.parents for path in set(tmp_path.rglob("*")) - before)
    assert (root / BATCHES / "test_batch").read_bytes() == b"content of test_batch"
    assert not Path("/tmp/tlbench-escaped").exists()


def test_a_link_is_not_followed(tmp_path, packed):
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    name = f"{BATCHES}/test_batch"
    root = packed({**GOOD, name: link(name, str(target))})
    with pytest.raises(DataError, match=r"no cifar-10-batches-py/test_batch in it, so not CIFAR-10"):
        ensure_copy(str(root))
    assert target.read_bytes() == b"mine"


def test_more_than_the_data_could_be_is_not_unpacked(packed, monkeypatch):
    monkeypatch.setattr(cifar10_copy, "_LARGEST", 1 << 20)
    root = packed({"zeros": bytes(2 << 20), **GOOD})
    with pytest.raises(DataError, match="more than 1 MB unpacked, so not CIFAR-10; remove it"):
        ensure_copy(str(root))
    assert [path.name for path in root.iterdir()] == [cifar10_copy.ARCHIVE]


def test_an_archive_cut_short_is_told(packed, monkeypatch):
    root = packed(GOOD)
    archive = root / cifar10_copy.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:60])
    monkeypatch.setattr(cifar10_copy, "ARCHIVE_MD5", cifar10_copy._md5(archive))
    with pytest.raises(DataError, match="not a whole archive"):
        ensure_copy(str(root))
