"""Image files that are no images, or far more than they look, in training data and given to `predict`."""

from __future__ import annotations

import io
import shutil
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.attacks.attack import Attack, Attacks, Expect, Oracle, Place, Result
from benchmarks.attacks.commands import IMAGES, tool, train
from benchmarks.attacks.images import chunk, png
from benchmarks.attacks.oracles import complete, either, refused, right
from benchmarks.attacks.things import UNREADABLE, Make

_LITTLE_MB = 800


def attacks() -> Attacks:
    """Each file beside good ones."""
    for name, make in UNREADABLE.items():
        yield from _everywhere("no regular file as an image", name, make, also_right=name == "a folder")
    for name, (suffix, content) in _FILES.items():
        yield from _everywhere("images that are not what they say", name, _writing(content), suffix)
    for name, (suffix, content) in _BOMBS.items():
        yield from _everywhere("images that take all memory", name, _writing(content), suffix)
    for name, (suffix, content) in _LARGE_BUT_GOOD.items():
        step = Expect(train(base=IMAGES, memory_mb=_LITTLE_MB), either(complete(), refused("bad")))
        draw = partial(_beside, _writing(content), suffix)
        yield Attack("images that are large and good", f"{name}, train", draw, (step,))
    for name, loop in _LOOPS.items():
        step = Expect(train(base=IMAGES, seconds=40), either(refused("images"), right("images")))
        yield Attack("loops of folders", f"{name}, train", partial(_folder, loop, False), (step,))
        predict = tool("predict", "run=run", "input=images", "output=new.csv", seconds=40)
        yield Attack(
            "loops of folders",
            f"{name}, predict",
            partial(_folder, loop, True),
            (Expect(predict, either(refused("images"), _sixteen_rows)),),
        )
    for name, make in UNREADABLE.items():
        predict = tool("predict", "run=run", "input=bad.png", "output=new.csv", seconds=30, memory_mb=_LITTLE_MB)
        step = Expect(predict, refused("bad.png|input", before=1))
        yield Attack("no regular file as predict's input", name, partial(_alone, make), (step,))


def _everywhere(kind: str, name: str, make: Make, suffix: str = "png", also_right: bool = False) -> Attacks:
    oracle = refused("bad")
    wanted: Oracle = either(oracle, right("images")) if also_right else oracle
    command = train(base=IMAGES, memory_mb=_LITTLE_MB, seconds=40)
    yield Attack(kind, f"{name}, train", partial(_beside, make, suffix), (Expect(command, wanted),))
    predict = tool("predict", "run=run", "input=pictures", "output=new.csv", memory_mb=_LITTLE_MB, seconds=40)
    step = Expect(predict, _others_predicted(named=not also_right))
    yield Attack(kind, f"{name}, predict", partial(_among_pictures, make, suffix), (step,))


def _beside(make: Make, suffix: str, place: Place) -> None:
    place.copy("images")
    shutil.rmtree("run")
    make(Path(f"images/cat/bad.{suffix}"))


def _folder(make: Callable[[], object], keep_run: bool, place: Place) -> None:
    place.copy("images")
    if not keep_run:
        shutil.rmtree("run")
    make()


def _among_pictures(make: Make, suffix: str, place: Place) -> None:
    place.copy("images")
    make(Path(f"pictures/bad.{suffix}"))


def _alone(make: Make, place: Place) -> None:
    place.copy("images")
    make(Path("bad.png"))


def _writing(content: Callable[[], bytes]) -> Make:
    return lambda path: path.write_bytes(content())


def _others_predicted(*, named: bool) -> Oracle:
    """`predict` leaves the bad file out, names it, and gives the others what it gave them without it."""

    def judge(result: Result) -> list[str]:
        code, table = result.outcome.code, result.place.folder / "new.csv"
        if code not in (0, 1):
            return [f"exit code {code}, wanted 0 or 1"]
        if not table.is_file():
            return ["new.csv was not written"]
        wanted = (result.place.reference("images") / "wanted.csv").read_text().splitlines()
        found = [line for line in table.read_text().splitlines() if "bad." not in line]
        wrong = [] if found == wanted else ["the other images' rows differ from those without the bad file"]
        return wrong + (["the bad file was not named"] if named and "bad." not in result.outcome.err else [])

    return judge


def _sixteen_rows(result: Result) -> list[str]:
    if result.outcome.code != 0:
        return [f"exit code {result.outcome.code}, wanted 0"]
    rows = (result.place.folder / "new.csv").read_text().splitlines()
    return [] if len(rows) == 17 else [f"{len(rows) - 1} rows, wanted 16: one an image"]


# ---- files


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _frames(kind: str, count: int, size: int) -> bytes:
    first, *more = (Image.new("P", (size, size), i % 250) for i in range(count))
    return _encoded(first, kind, save_all=True, append_images=more)


_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n(CODE_RAN) (w) file closefile\nshowpage\n"
_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty": ("png", lambda: b""),
    "a text": ("png", lambda: b"not an image\n"),
    "SVG with a script": ("png", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
    "EPS as PNG": ("png", lambda: _EPS),
    "EPS as JPEG": ("jpg", lambda: _EPS),
    "WMF as BMP": ("bmp", lambda: b"\xd7\xcd\xc6\x9a" + bytes(18) + b"\x01\x00\x09\x00" + bytes(40)),
    "a PNG without pixels": ("png", lambda: png(20, 20)[:44]),
    "a PNG of wrong check sums": ("png", lambda: png(20, 20)[:-20] + b"\0" * 20),
    "a PNG of size 0": ("png", lambda: png(0, 0)),
    "a JPEG cut short": ("jpg", lambda: _encoded(Image.effect_noise((200, 200), 50), "jpeg")[:-4000]),
    "a TIFF that points to itself": ("tiff", lambda: b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8)),
    "a GIF cut short": ("gif", lambda: _encoded(Image.effect_noise((60, 60), 99), "gif")[:2000]),
    "a WebP of random bytes": ("webp", lambda: b"RIFF\x50\0\0\0WEBPVP8 " + bytes(range(64))),
}


def _text_bomb() -> bytes:
    """A PNG whose text is a gigabyte, compressed."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(64)) + packer.flush()
    return png(20, 20, extra=chunk(b"zTXt", b"Comment\0\0" + packed))


def _profile_bomb() -> bytes:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(64)) + packer.flush()
    return png(20, 20, extra=chunk(b"iCCP", b"profile\0\0" + packed))


def _jpeg_claiming(width: int, height: int) -> bytes:
    content = _encoded(Image.new("RGB", (16, 16)), "jpeg")
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def _bmp_claiming(width: int, height: int) -> bytes:
    content = bytearray(_encoded(Image.new("RGB", (16, 16)), "bmp"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


def _tiff_claiming(side: int) -> bytes:
    tags = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    tags += [(277, 3, 1, 1), (278, 4, 1, side), (279, 4, 1, side * side % 2**32)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


_BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PNG of 50,000 × 50,000": ("png", lambda: png(50_000, 50_000, 1, rows=2000)),
    "PNG of 13,000 × 13,000 of 16 bits": ("png", lambda: png(13_000, 13_000, 16, rows=2000)),
    "PNG of 2^31 - 1 × 2^31 - 1": ("png", lambda: png(2**31 - 1, 2**31 - 1, 1, rows=0)),
    "PNG of 1 × 2^31 - 1": ("png", lambda: png(1, 2**31 - 1, 8, rows=1000)),
    "JPEG of 65,500 × 65,500": ("jpg", lambda: _jpeg_claiming(65_500, 65_500)),
    "BMP of 2^30 × 2^30": ("bmp", lambda: _bmp_claiming(1 << 30, 1 << 30)),
    "TIFF of 2^31 × 2^31": ("tiff", lambda: _tiff_claiming(1 << 31)),
    "TIFF of 100,000 × 100,000": ("tiff", lambda: _tiff_claiming(100_000)),
}
"""Refused, whatever the file is worth."""

_LARGE_BUT_GOOD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PNG with a text of 1 GB": ("png", _text_bomb),
    "PNG with a profile of 1 GB": ("png", _profile_bomb),
    "TIFF of 2,000 pages": ("tiff", lambda: _frames("tiff", 2000, 20)),
    "GIF of 2,000 frames": ("gif", lambda: _frames("gif", 2000, 20)),
    "PNG of 4,000 × 4,000": ("png", lambda: png(4000, 4000)),
}
"""One small image to whoever reads no more than the first frame's pixels."""

_LOOPS: dict[str, Callable[[], object]] = {
    "cat/loop → .": lambda: Path("images/cat/loop").symlink_to("."),
    "cat/up → ..": lambda: Path("images/cat/up").symlink_to(".."),
    "loop → itself": lambda: Path("images/cat/loop").symlink_to("loop"),
    "cat/root → /proc/self/task": lambda: Path("images/cat/root").symlink_to("/proc/self/task"),
    "a class that is a link to the other's parent": lambda: Path("images/cat/more").symlink_to("../../images"),
}
