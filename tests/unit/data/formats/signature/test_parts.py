from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.listed_boxes import list_splits
from tlbench.data.formats.signature import copy as signature_copy
from tlbench.data.formats.signature.copy import ensure_signature
from tlbench.data.open import ensure_reachable
from tlbench.errors import DataError
from tlbench.system.download import Unreachable


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set has 12 training images and 4 of val."""
    monkeypatch.setattr(signature_copy, "COUNTS", {"train": 12, "val": 4})
    monkeypatch.setattr("tlbench.data.formats.signature.parts.COUNTS", {"train": 12, "val": 4})


@pytest.fixture
def draw(small, draw_yolo):
    """Frames 0, 2 … 30, every fourth in val; label rows change every second frame."""

    def drawn(root: Path, rows=lambda n: f"0 0.5 0.5 0.5 0.{n // 4 + 1}") -> Path:
        frames = {f"{'val' if n % 8 == 6 else 'train'}/Frame_{n}": rows(n) for n in range(0, 32, 2)}
        return draw_yolo(root, frames, names=["signature"])

    return drawn


@pytest.fixture
def archive(tmp_path: Path, draw):
    """`archive("signature/")`: `data/signature.zip` with the files below that folder."""

    def make(prefix: str = "", extra: dict[str, str] = {}) -> Path:  # noqa: B006
        source = draw(tmp_path / "source")
        (tmp_path / "data").mkdir()
        path = tmp_path / "data" / "signature.zip"
        with zipfile.ZipFile(path, "w") as opened:
            for file in sorted(p for p in source.rglob("*") if p.is_file()):
                opened.write(file, prefix + file.relative_to(source).as_posix())
            for name, text in extra.items():
                opened.writestr(name, text)
        return path

    return make


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> None:
        raise Unreachable("Connection refused")

    monkeypatch.setattr(signature_copy, "check_reachable", refuse)


@pytest.fixture
def download_from(monkeypatch: pytest.MonkeyPatch):
    return lambda url: monkeypatch.setattr(signature_copy, "URL", url)


def test_official_val_is_test_and_val_is_a_block_of_train(tmp_path: Path, draw, boxes_config, voice, say, warn):
    draw(tmp_path / "d")
    target = list_splits(boxes_config("signature", root="d", val_fraction=0.2), voice)
    assert target.splits["train"].class_names == ("signature",)
    assert target.splits["test"].names == tuple(f"images/val/Frame_{n}.png" for n in (6, 14, 22, 30))
    assert target.split_rule["test"] == "official val"
    assert target.split_rule["val"] == "carved out of official train, by blocks of consecutive frames"
    assert target.split_rule["counts"] == {"train": 9, "val": 3, "test": 4}
    train = [int(Path(name).stem[6:]) for name in target.splits["train"].names]
    val = [int(Path(name).stem[6:]) for name in target.splits["val"].names]
    assert max(val) < min(train) or min(val) > max(train)
    assert not say
    assert not warn


def test_blocked_divides_all_images(tmp_path: Path, draw, boxes_config, voice):
    draw(tmp_path / "d")
    data = boxes_config("signature", root="d", split="blocked", val_fraction=0.25, test_fraction=0.25)
    target = list_splits(data, voice)
    assert target.split_rule["counts"] == {"train": 8, "val": 4, "test": 4}
    numbers = {s: sorted(int(Path(name).stem[6:]) for name in part.names) for s, part in target.splits.items()}
    assert sorted(n for found in numbers.values() for n in found) == list(range(0, 32, 2))
    for found in numbers.values():
        assert found == list(range(found[0], found[-1] + 2, 2))
        assert found[0] % 4 == 0  # frames 4k and 4k + 2 have one label row


def test_other_counts_are_warned_of(tmp_path: Path, draw, boxes_config, voice, warn):
    draw(tmp_path / "d")
    (tmp_path / "d/images/train/Frame_0.png").unlink()
    (tmp_path / "d/labels/train/Frame_0.txt").unlink()
    list_splits(boxes_config("signature", root="d", val_fraction=0.2), voice)
    assert list(warn) == ["d: holds 11 train, 4 val images; the official Signature has 12 train, 4 val"]


def test_counts_of_the_official_data_set():
    assert signature_copy.COUNTS == {"train": 143, "val": 35}


@pytest.mark.parametrize("root", ["mine", "mine/signature", None])
def test_copies_that_are_found(tmp_path: Path, draw, root: str | None, refused):
    draw(tmp_path / ("data/signature" if root is None else "mine/signature"))
    assert ensure_signature(root) == Path("data/signature" if root is None else "mine/signature")


def test_roots_that_are_no_copy(tmp_path: Path, draw):
    with pytest.raises(DataError) as caught:
        ensure_signature("absent")
    assert str(caught.value) == (
        "data.root='absent': no such folder; name a folder with images/{train,val} and labels/{train,val}, or null for "
        "./data/signature"
    )
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"data\.root='file': not a folder; name a folder with images"):
        ensure_signature("file")
    (draw(tmp_path / "d") / "labels" / "val").rename(tmp_path / "d" / "other")
    with pytest.raises(DataError, match=r"data\.root='d': no labels/val in it; .* with data=yolo") as caught:
        ensure_signature("d")
    assert not caught.value.unreachable


def test_unreachable_says_what_was_tried_and_where_to_put_a_copy(tmp_path: Path, refused):
    with pytest.raises(DataError) as caught:
        ensure_signature(None)
    assert caught.value.unreachable
    assert str(caught.value) == (
        "data=signature: no copy in data/signature or data/signature.zip, and https://github.com/ultralytics/assets/"
        "releases/download/v0.0.0/signature.zip cannot be reached (Connection refused); unpack a copy to data/signature"
        "/images/{train,val} and data/signature/labels/{train,val}, or put signature.zip at data/signature.zip, or "
        "name the folder that holds images and labels as data.root"
    )
    assert not (tmp_path / "data").exists()


def test_without_network_it_fails_soon(tmp_path: Path):
    with pytest.raises(DataError, match=r"cannot be reached \(.*no network in tests") as caught:
        ensure_signature(None)
    assert caught.value.unreachable


@pytest.mark.parametrize("prefix", ["", "signature/"])
def test_archive_is_unpacked(tmp_path: Path, archive, boxes_config, refused, prefix: str):
    archive(prefix, {"__MACOSX/._images": "", "README": ""})
    ensure_reachable(boxes_config("signature"))
    assert ensure_signature(None) == Path("data/signature")
    assert len(list((tmp_path / "data/signature/images/train").iterdir())) == 12
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["signature", "signature.zip"]


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/outside.txt", "a/../../outside.txt", "..\\outside.txt", "C:/x.txt"]
)
def test_archive_that_leads_out_of_its_folder(tmp_path: Path, archive, name: str):
    archive("", {name: "x"})
    with pytest.raises(DataError, match=r"data/signature\.zip: holds .* leads out of its folder; it is not unpacked"):
        ensure_signature(None)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["signature.zip"]


def test_archive_with_other_files(tmp_path: Path, archive):
    archive("", {"images/train/more.png": ""})
    with pytest.raises(DataError) as caught:
        ensure_signature(None)
    assert str(caught.value) == (
        "data/signature.zip: 13 files in images/train, the Signature data set has 12; put the archive of "
        f"{signature_copy.URL} at data/signature.zip, or a copy at data/signature, or name one as data.root"
    )
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["signature.zip"]


def test_archive_that_is_too_large(tmp_path: Path, archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signature_copy, "_LARGEST", 1000)
    archive()
    with pytest.raises(DataError, match=r"more than 0 MB unpacked, so not the Signature data set; put"):
        ensure_signature(None)


def test_archive_that_is_broken(tmp_path: Path, archive):
    path = archive()
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"data/signature\.zip: not a whole zip archive \(.*\); put the") as caught:
        ensure_signature(None)
    assert not caught.value.unreachable


def test_half_a_copy(tmp_path: Path, draw, refused):
    (draw(tmp_path / "data/signature") / "labels" / "val").rename(tmp_path / "other")
    with pytest.raises(DataError) as caught:
        ensure_signature(None)
    assert str(caught.value) == (
        "data/signature: not a whole copy of Signature (no labels/val); remove it, and it is downloaded again"
    )


def test_download(tmp_path: Path, archive, serve, download_from):
    content = archive("signature/").read_bytes()
    (tmp_path / "data/signature.zip").unlink()

    def answer(request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)

    with serve(answer) as url:
        download_from(f"{url}/signature.zip")
        assert ensure_signature(None) == Path("data/signature")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["signature"]
    assert ensure_signature(None) == Path("data/signature")


@pytest.mark.parametrize("kept", [0, 1000])
def test_download_that_breaks_off(tmp_path: Path, archive, serve, download_from, kept: int):
    content = archive("signature/").read_bytes()
    (tmp_path / "data/signature.zip").unlink()

    def answer(request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content[:kept])

    with serve(answer) as url:
        download_from(f"{url}/signature.zip")
        with pytest.raises(DataError, match="cannot be reached") as caught:
            ensure_signature(None)
    assert caught.value.unreachable
    assert list((tmp_path / "data").iterdir()) == []


def test_another_run_was_faster(tmp_path: Path, archive, draw, monkeypatch: pytest.MonkeyPatch):
    archive()
    check = signature_copy._check_counts

    def publish_first(path: Path, folder: Path) -> None:
        check(path, folder)
        draw(tmp_path / "data/signature")

    monkeypatch.setattr(signature_copy, "_check_counts", publish_first)
    assert ensure_signature(None) == Path("data/signature")


@pytest.mark.parametrize(
    ("name", "root", "message"),
    [
        (
            "yolo",
            None,
            "data.root=null: data=yolo needs a folder with images/ and labels/, or its data.yaml; give data.root=…",
        ),
        (
            "yolo",
            "absent",
            "data.root='absent': no such folder; wanted is a folder with images/ and labels/, or its data.yaml",
        ),
        (
            "yolo",
            "a.txt",
            "data.root='a.txt': not a folder; wanted is a folder with images/ and labels/, or its data.yaml",
        ),
        (
            "coco",
            "a.yaml",
            "data.root='a.yaml': not a folder; wanted is a folder with annotations/instances_train*.json, or with "
            "train/_annotations.coco.json, or the JSON file",
        ),
    ],
)
def test_roots_of_own_data(tmp_path: Path, boxes_config, name: str, root: str | None, message: str):
    for file in ("a.txt", "a.yaml"):
        (tmp_path / file).touch()
    with pytest.raises(DataError) as caught:
        ensure_reachable(boxes_config(name, root=root))
    assert str(caught.value) == message
    ensure_reachable(boxes_config("yolo", root="a.yaml"))
    ensure_reachable(boxes_config("documents"))


def test_looking_for_data_imports_nothing_heavy(tmp_path: Path, draw):
    draw(tmp_path / "d")
    code = (
        "import sys; from tlbench.data.formats.signature.copy import ensure_signature; ensure_signature('d'); "
        "import tlbench.annotations.instances.reach; sys.exit(any(name in sys.modules for name in ('torch', 'PIL')))"
    )
    repository = Path(__file__).parents[5]
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(repository)}, check=False).returncode == 0
    )
