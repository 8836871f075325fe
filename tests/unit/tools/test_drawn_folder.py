from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlbench.data.image_opening import EXTENSIONS
from tlbench.errors import ConfigError, OutputError
from tlbench.pictures.marks import Box
from tlbench.tools.drawn_folder import MARK, DrawnFolder
from tlbench.tools.files import find_images

FOUND = [Box(corners=(10, 20, 30, 38), colour="#0072B2", label="signature", value="0.90")]


@pytest.fixture
def photos(tmp_path):
    for name in ("a.png", "b/a.png", "b/c.gif"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), (90, 90, 90)).save(path)
    return tmp_path / "photos"


@pytest.mark.parametrize("given", ["photos", "photos/**/*.*", "photos/../photos/", "photos/../photos/**/*.*"])
@pytest.mark.usefixtures("photos")
def test_pictures_lie_as_their_files_do(given):
    names = find_images(given)
    folder = DrawnFolder("out/drawn", given, names)
    for name in names:
        folder.draw(name, FOUND)
    written = sorted(str(path.relative_to("out/drawn")) for path in Path("out/drawn").rglob("*") if path.is_file())
    assert written == [MARK, "a.png", "b/a.png", "b/c.gif.png"]


@pytest.mark.usefixtures("photos")
def test_one_file_lies_right_below_the_folder():
    assert DrawnFolder("drawn", "photos/b/a.png", ["photos/b/a.png"]).place("photos/b/a.png") == Path("drawn/a.png")


@pytest.mark.parametrize("suffix", EXTENSIONS)
def test_every_kind_of_file_has_a_picture_with_its_colours(suffix):
    Path("photos").mkdir()
    name = f"photos/a{suffix.upper()}"
    mode = "L" if suffix == ".pgm" else "RGB"
    Image.new(mode, (60, 40), 90 if mode == "L" else (90, 90, 90)).save(name)
    folder = DrawnFolder("drawn", name, [name])
    folder.draw(name, FOUND)
    with Image.open(folder.place(name)) as picture:
        red, _, blue = np.asarray(picture.convert("RGB"))[30, 10].astype(int)
    assert blue - red > 60  # where the palette has 178 and no compression had a hand in it


def test_the_picture_is_upright_and_boxes_are_in_its_pixels():
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 60), (90, 90, 90)).save("a.png", exif=exif)
    folder = DrawnFolder("drawn", "a.png", ["a.png"])
    folder.draw("a.png", FOUND)
    with Image.open("drawn/a.png") as picture:
        assert picture.size == (60, 40)
        assert picture.getexif().get(0x0112, 1) == 1
        assert picture.getpixel((10, 30)) == (0, 0x72, 0xB2)


def test_a_file_that_is_gone_is_named(photos, capsys):
    folder = DrawnFolder("drawn", "photos", ["photos/a.png", "photos/b/a.png"])
    (photos / "a.png").unlink()
    (photos / "b" / "a.png").write_bytes(b"broken")
    folder.draw("photos/a.png", FOUND)
    folder.draw("photos/b/a.png", FOUND)
    gone, broken = capsys.readouterr().err.splitlines()
    assert gone == "warning: photos/a.png: No such file or directory; not drawn"
    assert broken.startswith("warning: photos/b/a.png: ")
    assert not Path("drawn").exists()


@pytest.mark.parametrize(
    ("draw", "given", "fragment"),
    [
        ("photos", "photos", "it holds photos/a.png"),
        (".", "photos", "it holds photos/a.png"),
        ("photos/b", "photos/**/*.png", "it holds photos/b/a.png"),
        ("linked", "photos", "it holds photos/a.png"),
        ("photos/drawn", "photos", "lies in input='photos'"),
        ("photos/a.png", "photos", "a file"),
        ("mine", "photos", "files that this command did not draw"),
    ],
)
def test_no_file_of_the_users_is_in_danger(photos, draw, given, fragment):
    Path("linked").symlink_to(photos)
    Path("mine").mkdir()
    Path("mine/a.png").touch()
    with pytest.raises(ConfigError) as error:
        DrawnFolder(draw, given, find_images(given))
    assert f"draw={draw!r}: " in str(error.value)
    assert fragment in str(error.value)


@pytest.mark.usefixtures("photos")
def test_an_empty_folder_and_one_drawn_before_are_taken():
    Path("drawn").mkdir()
    DrawnFolder("drawn", "photos", ["photos/a.png"]).draw("photos/a.png", FOUND)
    DrawnFolder("drawn", "photos", ["photos/a.png"]).draw("photos/a.png", [])
    with Image.open("drawn/a.png") as picture:
        assert picture.getcolors() == [(60 * 40, (90, 90, 90))]


@pytest.mark.usefixtures("photos")
def test_a_folder_that_cannot_be_written():
    folder = DrawnFolder("/proc/tlbench", "photos", ["photos/a.png"])
    with pytest.raises(OutputError, match=r"/proc/tlbench.*draw="):
        folder.draw("photos/a.png", FOUND)
