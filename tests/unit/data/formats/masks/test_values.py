from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlbench.data.formats.masks.palettes import fitting, named_palette
from tlbench.errors import DataError

BINARY = np.array([[0, 0, 1], [0, 1, 1]], np.uint8)


def save(root: Path, pixels: np.ndarray, name: str = "train/a", **options) -> Path:
    path = root / f"masks/{name}.png"
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize(("high", "names"), [(1, None), (255, None), (255, ["crack"]), (1, ["crack"])])
def test_one_foreground_class_needs_no_names(tmp_path: Path, draw_masks, read, say, unpacked, high, names) -> None:
    draw_masks(tmp_path / "d", {"train/a": BINARY * high, "train/b": BINARY * 0}, names)
    listed = read()
    name = names[0] if names else "foreground"
    assert listed.parts["train"].class_names == ("background", name)
    assert unpacked(listed) == [BINARY.tolist(), (BINARY * 0).tolist()]
    assert list(say) == [f"d: in masks 0 is background, {high} is {name}"]


def test_two_names_are_those_of_black_and_white(tmp_path: Path, draw_masks, read, unpacked) -> None:
    draw_masks(tmp_path / "d", {"train/a": BINARY * 255}, ["ground", "crack"])
    listed = read(ignore_index=None)
    assert listed.parts["train"].class_names == ("ground", "crack")
    assert unpacked(listed) == [BINARY.tolist()]


@pytest.mark.parametrize("mask", [BINARY * 255, BINARY * 0 + 255])
def test_two_names_and_255_that_may_be_none_of_them_are_no_guess(tmp_path: Path, draw_masks, read, mask) -> None:
    """As 255 is also what is ignored: a folder that lacks the second class would be read as full of it."""
    draw_masks(tmp_path / "d", {"train/a": mask}, ["ground", "crack"])
    with pytest.raises(DataError) as caught:
        read()
    assert str(caught.value).endswith(
        "and two classes are named; if 255 is 'crack', say so by data.ignore_index=null; if it is no class "
        "(data.ignore_index=255), 'crack' is in no mask: add some that show it"
    )


def test_black_and_white_of_other_kinds(tmp_path: Path, draw_masks, read, say, unpacked) -> None:
    root = draw_masks(tmp_path / "d", dict.fromkeys(("train/bit", "train/rgb", "train/rgba"), BINARY))
    save(root, BINARY.astype(bool), "train/bit")
    save(root, np.repeat(BINARY[..., None], 3, 2), "train/rgb")
    Image.fromarray(np.repeat(BINARY[..., None], 3, 2)).convert("RGBA").save(root / "masks/train/rgba.png")
    assert unpacked(read()) == [BINARY.tolist()] * 3
    assert say[0] == "d: 2 masks have three equal channels, and are read as numbers"


def test_void_classes_and_the_ignore_index_are_no_classes(tmp_path: Path, draw_masks, read, say, unpacked) -> None:
    draw_masks(tmp_path / "d", {"train/a": [[0, 1, 2], [3, 255, 0]]}, ["sky", "Void", "road", "car"])
    listed = read()
    assert listed.parts["train"].class_names == ("sky", "road", "car")
    assert unpacked(listed) == [[[0, 255, 1], [2, 255, 0]]]
    assert list(say) == [
        "d: 255 in 1 of 1 masks is no class, and ignored (data.ignore_index)",
        "d: pixels of 'Void' are ignored, as the name says (data.ignored_classes)",
    ]
    kept = read(ignored_classes=[])
    assert kept.parts["train"].class_names == ("sky", "Void", "road", "car")
    other = read(ignored_classes=["sky"])
    assert unpacked(other) == [[[255, 0, 1], [2, 255, 255]]]


def test_an_ignored_class_must_be_one(tmp_path: Path, draw_masks, refusal) -> None:
    draw_masks(tmp_path / "d", {"train/a": BINARY}, ["sky", "road"])
    assert refusal(ignored_classes=["Sky"]) == (
        "data.ignored_classes: no class 'Sky' (did you mean 'sky'?); the masks have sky, road"
    )


def test_zero_may_be_no_class(tmp_path: Path, draw_masks, read, refusal, unpacked) -> None:
    draw_masks(tmp_path / "d", {"train/a": [[0, 1, 2]]}, ["wall", "sky"])
    assert refusal() == (
        "d/masks/train/a.png: value 2 is of no class (1 pixel, in 1 of 1 masks); there are 0 to 1, and 255 for none "
        "(data.ignore_index); if 0 is no class and 1 the first, use data.reduce_zero_label=true; if 2 is none, "
        "data.ignore_index=2"
    )
    listed = read(reduce_zero_label=True)
    assert listed.parts["train"].class_names == ("wall", "sky")
    assert unpacked(listed) == [[[255, 0, 1]]]
    assert unpacked(read(ignore_index=2)) == [[[0, 1, 255]]]


def test_unknown_numbers_are_named_with_their_files(tmp_path: Path, draw_masks, refusal) -> None:
    draw_masks(tmp_path / "d", {"train/a": [[0, 1, 1]], "train/b": [[0, 9, 9]], "val/c": [[9, 12, 0]]}, ["sky", "road"])
    assert refusal() == (
        "d/masks/train/b.png: value 9 is of no class (3 pixels, in 2 of 3 masks; likewise 12); there are 0 to 1, and "
        "255 for none (data.ignore_index); data.palette=voc has all"
    )
    assert "there are 0 to 1; " in refusal(ignore_index=None)


def test_without_names_classes_are_numbered(tmp_path: Path, draw_masks, read, refusal, say, unpacked) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": [[0, 1, 3, 255]], "val/b": [[4, 1, 0, 0]]})
    listed = read()
    assert listed.parts["val"].class_names == ("0", "1", "2", "3", "4")
    assert unpacked(listed) == [[[0, 1, 3, 255]]]
    assert list(say) == [
        "d: no class names in it; classes are called by their numbers in masks",
        "d: 255 in 1 of 2 masks is no class, and ignored (data.ignore_index)",
    ]
    assert read(reduce_zero_label=True).parts["val"].class_names == ("1", "2", "3", "4")
    save(root, np.array([[0, 85, 170, 255]], np.uint8))
    assert refusal() == (
        "d: no class names, and masks hold 0, 1, 4, 85, 170, 255, and 255 is ignored; say what these are: in a "
        "classes.txt with a name a line, from that of 0 on, or in a data.yaml with names: {number: name}"
    )


def test_soft_edges_are_refused(tmp_path: Path, draw_masks, refusal) -> None:
    soft = np.zeros((20, 20), np.uint8)
    soft[:, 10:] = 255
    soft[3:9, 9] = (40, 90, 130, 160, 200, 230)
    root = draw_masks(tmp_path / "d", {"train/a": soft})
    assert refusal() == (
        "d/masks/train/a.png: 6 values from 40 to 230 in 1.5% of its pixels, between two that most have: soft edges of "
        "a mask that was resized or drawn anti-aliased; save masks without them (resize by nearest, or divide at a "
        "threshold), or name the classes in a classes.txt if all these are some"
    )
    (root / "classes.txt").write_text("ground\ncrack\n")
    assert refusal().endswith(
        "so many between two others are of soft edges: save masks without them, or resize them by nearest"
    )


def test_jpeg_masks_are_refused(tmp_path: Path, draw_masks, refusal) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": np.kron(BINARY * 255, np.ones((11, 13), np.uint8))})
    Image.open(root / "masks/train/a.png").save(root / "masks/train/a.jpg")
    (root / "masks/train/a.png").unlink()
    assert refusal().startswith("d/masks/train/a.jpg: a JPEG, which does not keep the numbers of classes: it holds ")


def test_a_palette_of_its_own_is_not_read_as_colours(tmp_path: Path, draw_masks, read, warn, unpacked) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": BINARY, "train/b": BINARY}, ["sky", "road"])
    for name, colours in (("a", [0, 0, 0, 128, 0, 0]), ("b", [128, 0, 0, 0, 0, 0])):
        image = Image.fromarray(BINARY)
        image.putpalette(colours)
        image.save(root / f"masks/train/{name}.png")
    assert unpacked(read()) == [BINARY.tolist()] * 2
    assert list(warn) == [
        "d: the palettes of masks differ: 0 is colour (0, 0, 0) in masks/train/a.png and colour (128, 0, 0) in "
        "masks/train/b.png; masks are read by their numbers, so if a program has sorted the palettes, they are wrong"
    ]


def grey_png(depth: int, rows: list[list[int]]) -> bytes:
    """A grey PNG of few bits, of which Pillow spreads the values."""
    raw = b""
    for row in rows:
        bits = "".join(f"{value:0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        raw += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("depth", [2, 4])
def test_numbers_of_few_bits_are_what_the_file_holds(tmp_path: Path, draw_masks, read, unpacked, depth: int) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": [[0, 1, 3], [2, 2, 1]]})
    (root / "masks/train/a.png").write_bytes(grey_png(depth, [[0, 1, 3], [2, 2, 1]]))
    assert unpacked(read()) == [[[0, 1, 3], [2, 2, 1]]]


def test_numbers_of_16_bits(tmp_path: Path, draw_masks, read, unpacked) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": [[0, 1000, 7]]})
    (root / "data.yaml").write_text("names: {0: sky, 1000: road, 7: car}\n")
    listed = read()
    assert listed.parts["train"].class_names == ("sky", "car", "road")
    assert unpacked(listed) == [[[0, 2, 1]]]


VOC = np.array([[[0, 0, 0], [128, 0, 0], [224, 224, 192]]], np.uint8)


def test_colours_need_a_palette(tmp_path: Path, draw_masks, read, refusal, unpacked) -> None:
    draw_masks(tmp_path / "d", {"train/a": VOC})
    assert refusal() == (
        "d/masks/train/a.png: a mask in colours, and no palette says which classes they are; 1 mask holds 3 colours "
        "((0, 0, 0), (128, 0, 0), (224, 224, 192)): data.palette=voc has all of them; give data.palette=…, which may "
        "be a file with a line red green blue name for each class"
    )
    listed = read(palette="voc")
    assert listed.parts["train"].class_names[:2] == ("background", "aeroplane")
    assert len(listed.parts["train"].class_names) == 21
    assert unpacked(listed) == [[[0, 1, 255]]]
    assert refusal(palette="cityscapes") == (
        "d/masks/train/a.png: colour (128, 0, 0) is not in the palette cityscapes (1 pixel, in 1 of 1 masks; likewise "
        "(224, 224, 192)); data.palette=voc has all"
    )


PALETTES = {
    "palette.txt": "# of CamVid\n128 0 0\tcrack\n0 0 0 ground\n224 224 192 crack\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\ncrack:128,0,0::\nground:0,0,0::\nvoid:224,224,192::\n",
    "class_dict.csv": "name,r,g,b\ncrack,128, 0,0\nground,0,0,0\nvoid,224,224,192\n",
}


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_of_the_users_own(tmp_path: Path, draw_masks, read, say, unpacked, name: str) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": VOC})
    (root / name).write_text(PALETTES[name])
    own = name == "palette.txt"
    listed = read(palette="d/palette.txt") if own else read()
    assert listed.parts["train"].class_names == ("crack", "ground")
    assert unpacked(listed) == [[[1, 0, 0 if own else 255]]]
    assert own or f"d/{name}: says which colours are which classes" in say


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "d/p.txt: no colours in it; wanted is a class a line"),
        ("1 2 sky\n", "d/p.txt:1: '1 2 sky' is no colour and name; wanted is"),
        ("1 2 300 sky\n", "d/p.txt:1: 1 2 300 is no colour; wanted are numbers from 0 to 255"),
        ("1 2 3 sky\n1 2 3 road\n", "d/p.txt: (1, 2, 3) is the colour of 'sky' and of 'road'; correct one"),
    ],
)
def test_palettes_that_are_none(tmp_path: Path, draw_masks, refusal, text: str, says: str) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": VOC})
    (root / "p.txt").write_text(text)
    assert refusal(palette="d/p.txt").startswith(says)
    assert refusal(palette="cityscape") == (
        "data.palette='cityscape': no such file, and none of the tables voc, camvid, cityscapes, ade20k"
    )


def test_named_palettes() -> None:
    voc, camvid, cityscapes, ade20k = map(named_palette, ("voc", "camvid", "cityscapes", "ade20k"))
    assert (len({*voc.numbers.values()} - {None}), voc.numbers[20], voc.numbers[255]) == (21, "tvmonitor", None)
    assert (len({*camvid.numbers.values()} - {None}), camvid.numbers[11]) == (11, None)
    assert (len({*cityscapes.numbers.values()} - {None}), cityscapes.numbers[18]) == (19, "bicycle")
    assert cityscapes.ids is not None
    assert (len(cityscapes.ids), cityscapes.ids[26], cityscapes.ids[9]) == (34, "car", None)
    assert (ade20k.numbers[0], ade20k.numbers[1], ade20k.numbers[150], len(ade20k.numbers)) == (
        None,
        "wall",
        "flag",
        151,
    )
    assert ade20k.unclear == {0x8C8C8C: ("road", "skyscraper")}
    assert [table.unclear for table in (voc, camvid, cityscapes)] == [{}, {}, {}]
    assert cityscapes.colours[0x999999] == "pole"  # of which groups are no class
    assert fitting([0x804080]) == ["camvid", "cityscapes"]


def test_cityscapes_numbers_are_told_by_the_highest(tmp_path: Path, draw_masks, read, say, unpacked) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": [[0, 18, 255]]})
    assert unpacked(read(palette="cityscapes")) == [[[0, 18, 255]]]
    assert list(say) == ["d: masks hold cityscapes' trainIds, as their highest number is 18"]
    save(root, np.array([[7, 26, 0]], np.uint8))
    assert unpacked(read(palette="cityscapes")) == [[[0, 13, 255]]]


def test_masks_that_cannot_be_used_count_as_unreadable(tmp_path: Path, draw_masks, read, refusal) -> None:
    root = draw_masks(tmp_path / "d", {f"train/{n}": BINARY for n in range(6)})
    save(root, BINARY.T, "train/0")
    (root / "masks/train/1.png").write_bytes((root / "masks/train/1.png").read_bytes()[:40])
    Image.new("RGBA", (3, 2), (1, 1, 1, 9)).save(root / "masks/train/2.png")
    (root / "images/train/3.png").write_bytes(b"no image")
    said = refusal()
    assert "d/masks/train/0.png: 3 × 2 pixels, but its image images/train/0.png has 2 × 3 (height × width)" in said
    assert "d/masks/train/2.png: 6 of its pixels are transparent" in said
    assert said.endswith("replace or remove 4 files, or leave out up to so many with data.max_unreadable (now 0)")
    listed = read(max_unreadable=4)
    assert listed.parts["train"].names == ("images/train/4.png", "images/train/5.png")
    assert len(listed.unreadable) == 4
    section = listed.inventory.section()
    assert section["read"] == {"images": 2, "masks": 2}
    assert sum(left["count"] for left in section["left_out"].values()) == 8


def test_an_image_that_exif_turns(tmp_path: Path, draw_masks, read, refusal, warn, unpacked) -> None:
    square = np.pad(BINARY, ((0, 1), (0, 0)))
    root = draw_masks(tmp_path / "d", {"train/a": BINARY, "train/b": square, "train/c": BINARY})
    exif = Image.Exif()
    for name, size, orientation in (("a", (3, 2), 6), ("b", (3, 3), 6), ("c", (3, 2), 3)):
        exif[0x0112] = orientation
        (root / f"images/train/{name}.png").unlink()
        Image.new("RGB", size, (9, 9, 9)).save(root / f"images/train/{name}.jpg", exif=exif)
    assert refusal().startswith(
        "d/masks/train/a.png: 2 × 3 pixels, but its image images/train/a.jpg has 3 × 2 once it is turned as its EXIF "
        "says; save the image upright, or turn the mask as well"
    )
    save(root, BINARY.T)
    assert unpacked(read())[0] == BINARY.T.tolist()
    assert warn[-1].startswith("d: 2 images are turned by EXIF to the same size (images/train/b.jpg, images/train/c.jp")


def test_masks_without_any_class_are_warned_of(tmp_path: Path, draw_masks, read, refusal, warn) -> None:
    draw_masks(tmp_path / "d", {"train/a": BINARY, "train/b": np.full((2, 3), 255)})
    read()
    assert list(warn) == ["d: 1 of 2 masks hold no class at all, as all is ignored (masks/train/b.png)"]


def test_one_class_is_too_few(tmp_path: Path, draw_masks, refusal) -> None:
    draw_masks(tmp_path / "d", {"train/a": [[0, 1, 0]]}, ["void", "road"])
    assert refusal() == (
        "d: only the class 'road', beside what is ignored; wanted are two or more: what is of no other class may be "
        "one, such as background"
    )
