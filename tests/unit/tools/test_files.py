from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlbench.data.decode import decode_fitted
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import DataError
from tlbench.tools.files import decoded, find_images


def square(content):
    return decode_fitted(content, (8, 8), "crop")


@pytest.fixture
def photos(tmp_path):
    for name in ("2.png", "10.png", "sub/1.jpg", ".hidden/3.png", "sub/.4.png", "note.txt"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.usefixtures("photos")
def test_files_folders_and_patterns(tmp_path):
    assert find_images("photos/10.png") == ["photos/10.png"]
    assert find_images("photos/note.txt") == ["photos/note.txt"]
    assert find_images("photos") == ["photos/2.png", "photos/10.png", "photos/sub/1.jpg"]
    assert find_images(str(tmp_path / "photos" / "*.png")) == [str(tmp_path / f"photos/{n}.png") for n in (2, 10)]
    assert find_images("photos/**") == ["photos/2.png", "photos/10.png", "photos/note.txt", "photos/sub/1.jpg"]
    assert find_images("photos/**/*.jpg") == ["photos/sub/1.jpg"]
    (tmp_path / "a[1].png").touch()
    assert find_images("a[1].png") == ["a[1].png"]


@pytest.mark.usefixtures("photos")
def test_what_a_folder_has_beside_images_is_said(tmp_path, capsys):
    (tmp_path / "photos" / "sub" / "5.avif").write_bytes(b"\0\0\0\x20ftypavif")
    (tmp_path / "photos" / "other.txt").touch()
    assert len(find_images("photos")) == 3
    assert capsys.readouterr().err.splitlines() == [
        "warning: input='photos': left out of this folder: 2 × other ending (.txt), 1 × an AVIF file, which is not read"
    ]
    (tmp_path / "photos" / "sub" / "1.jpg").unlink()
    with pytest.raises(DataError, match=r"no images in this folder \(1 × an AVIF file, which is not read\); give"):
        find_images("photos/sub")


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("given", "fragments"),
    [
        ("photo", ["no such file or folder", "did you mean 'photos'"]),
        ("photos/3.png", ["did you mean 'photos/2.png'"]),
        ("elsewhere/3.png", ["no such file or folder", "pattern"]),
        ("photos/*.webp", ["matches no file"]),
        ("empty", ["no images"]),
    ],
)
def test_what_names_none(tmp_path, given, fragments):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as error:
        find_images(given)
    assert [fragment for fragment in [f"input={given!r}", *fragments] if fragment not in str(error.value)] == []


def test_files_come_in_order_and_the_unreadable_with_their_reason(tmp_path):
    names = []
    for i in range(100):
        names.append(f"{i}.png")
        Image.new("RGB", (8, 8), (i, 0, 0)).save(names[-1])
    (tmp_path / "50.png").write_bytes(b"nothing")
    (tmp_path / "99.png").unlink()
    found = list(decoded(names, square))
    assert [name for name, _ in found] == names
    assert [int(np.max(s)) for _, s in found if not isinstance(s, UnreadableError)] == [*range(50), *range(51, 99)]
    assert {name: str(s) for name, s in found if isinstance(s, UnreadableError)} == {
        "50.png": "not an image, or of a kind that is not read",
        "99.png": "No such file or directory",
    }


@pytest.mark.promise("predict reads few ahead")
def test_no_more_than_a_few_files_are_decoded_ahead(monkeypatch):
    asked = []
    monkeypatch.setattr("tlbench.tools.files.cores_each", lambda _: 2)
    monkeypatch.setattr("tlbench.tools.files.read", lambda name, _: name.encode())

    def names():
        for i in range(10_000):
            asked.append(i)
            yield str(i)

    files = decoded(names(), len)
    for _ in range(5):
        next(files)
    assert len(asked) <= 5 + 2 * 4
    files.close()


@pytest.mark.timeout(10)
@pytest.mark.parametrize("given", ["/dev/zero", "/dev/null", "fifo"])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path, given: str):
    os.mkfifo("fifo")
    with pytest.raises(DataError, match=rf"input='{given}': not a regular file; give an image"):
        find_images(given)


@pytest.mark.timeout(10)
def test_a_folder_of_fifos_and_devices_is_gone_through(tmp_path: Path):
    Path("photos").mkdir()
    os.mkfifo("photos/1.png")
    Path("photos/2.png").symlink_to("/dev/zero")
    Path("photos/3.png").symlink_to("3.png")
    found = {name: str(image) for name, image in decoded(find_images("photos"), square)}
    assert found == {
        "photos/1.png": "not a regular file but a FIFO",
        "photos/2.png": "not a regular file but a device",
        "photos/3.png": "Too many levels of symbolic links",
    }
