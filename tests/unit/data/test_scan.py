from __future__ import annotations

import io
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from rich.console import Console

from tests.voices import hearing
from tlbench.config import ImageLimit
from tlbench.data import scan as scan_module
from tlbench.data.decode import Decoding
from tlbench.data.file_digests import digest_of, file_digests
from tlbench.data.formats.folders.class_folders import list_classes
from tlbench.data.image_opening import STANDARD
from tlbench.data.listing import Listing
from tlbench.data.scan import PIXELS, UNREADABLE, Scan, scan
from tlbench.system.voice import Voice


@pytest.fixture
def listing(tmp_path: Path, draw_tree) -> Listing:
    draw_tree(tmp_path / "images", {"a": 3, "b": 4})
    return list_classes(tmp_path / "images")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


def scanned(listing: Listing, side: int = 8, said: list[str] | None = None) -> Scan:
    lines = [] if said is None else said
    return scan(
        listing, (side, side), "crop", Voice(lines.append, lambda text: lines.append(f"warning: {text}")), Decoding()
    )


def drawn(listing: Listing) -> torch.Tensor:
    pixels = [np.asarray(Image.open(listing.root / name)) for name in listing.names]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)


@pytest.fixture
def undecodable(monkeypatch: pytest.MonkeyPatch):
    """From now on, decoding is an error: what is needed must come from the cache."""

    def broken(*_: object) -> None:
        raise AssertionError("decoded again")

    return lambda: monkeypatch.setattr(scan_module, "_decoded", broken)


@pytest.mark.promise("decoded once")
def test_the_second_time_nothing_is_decoded(listing, kept, undecodable):
    said: list[str] = []
    first = scanned(listing, said=said)
    assert torch.equal(first.pixels, drawn(listing))
    assert said == [f"decoded 7 images once, kept in {kept.parent} (0 MB)"]
    undecodable()
    second = scanned(listing, said=said)
    assert torch.equal(second.pixels, first.pixels)
    assert np.array_equal(second.digests, first.digests)
    assert len(said) == 1


@pytest.mark.promise("files that change are decoded again")
@pytest.mark.parametrize("change", ["content", "name", "side"])
def test_what_changes_is_decoded_again(listing, kept, change: str):
    before = scanned(listing)
    name, side = listing.names[0], 8
    if change == "content":
        Image.new("RGB", (8, 8)).save(listing.root / name)
    elif change == "name":
        (listing.root / name).rename(listing.root / "a" / "renamed.png")
        listing = list_classes(listing.root)
    else:
        side = 4
    after = scanned(listing, side)
    assert len(list(kept.glob("*/" + PIXELS))) == 2
    assert after.pixels.shape[-1] == side
    if change == "content":
        assert not after.pixels[0].any()
        assert torch.equal(after.pixels[1:], before.pixels[1:])


def test_the_key_is_the_content_wherever_it_lies_and_whenever_it_was_written(listing, kept, tmp_path, undecodable):
    (listing.root / listing.names[3]).write_bytes(b"no image")
    first = scanned(listing)
    shutil.copytree(listing.root, tmp_path / "copy")
    shutil.move(tmp_path / "copy" / "b", tmp_path / "copy" / "c")
    undecodable()
    for path in listing.root.rglob("*.png"):
        path.touch()
    for again in (listing, list_classes(tmp_path / "copy")):
        second = scanned(again)
        assert torch.equal(second.pixels, first.pixels)
        assert np.array_equal(second.digests, first.digests)
        assert second.unreadable == first.unreadable


def test_files_exchanged_by_rename_are_decoded_as_they_are(listing, kept):
    before = scanned(listing)
    first, second = (listing.root / name for name in listing.names[:2])
    for path in (first, second):
        os.truncate(path, 400)  # of one size and one time, and still whole, as what follows the pixels is not needed
        os.utime(path, (1e9, 1e9))
    before = scanned(listing)
    first.rename(first.with_name("t"))
    second.rename(first)
    first.with_name("t").rename(second)
    after = scanned(listing)
    order = torch.tensor([1, 0, 2, 3, 4, 5, 6])
    assert torch.equal(after.pixels, before.pixels[order])
    assert np.array_equal(after.digests, before.digests[order.numpy()])


@pytest.mark.promise("digests of what was decoded")
def test_the_key_follows_the_bytes_that_were_decoded(listing, kept, monkeypatch: pytest.MonkeyPatch, undecodable):
    """A file changes between its digest and its decoding."""
    stale, taken = file_digests(listing, STANDARD), []
    Image.new("RGB", (8, 8), (7, 7, 7)).save(listing.root / listing.names[0])
    with monkeypatch.context() as patch:
        patch.setattr(scan_module, "file_digests", lambda *_: taken.append(1) or stale)
        found = scanned(listing)
    assert taken
    assert (found.pixels[0] == 7).all()
    assert found.digests[0].tobytes() == digest_of((listing.root / listing.names[0]).read_bytes()).tobytes()
    undecodable()
    again = scanned(listing)  # under its true key
    assert torch.equal(again.pixels, found.pixels)


def test_another_limit_another_decoding(listing, kept):
    said: list[str] = []
    tiny = scan(listing, (8, 8), "crop", hearing(said), Decoding(ImageLimit(1e-6, "key")))
    assert len(tiny.unreadable) == 7
    assert tiny.unreadable[0] == "8 × 8 pixels are more than key=1e-06 allows; raise it for such images"
    assert scanned(listing).unreadable == {}


def test_caches_of_an_earlier_format_lie_there_unread(listing, kept):
    first = scanned(listing)
    (folder,) = (path for path in kept.iterdir() if path.is_dir())
    np.save(folder / "digests.npy", np.zeros((7, 16), np.uint8))  # as before
    assert torch.equal(scanned(listing).pixels, first.pixels)


def test_unreadable_files_are_noted_and_the_note_is_kept(listing, kept, undecodable):
    (listing.root / listing.names[2]).write_bytes(b"no image")
    first = scanned(listing)
    assert first.unreadable == {2: "not an image, or of a kind that is not read"}
    assert not first.pixels[2].any()
    undecodable()
    assert scanned(listing).unreadable == first.unreadable


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_give_the_same(listing, kept, monkeypatch: pytest.MonkeyPatch, workers: int):
    monkeypatch.setattr(scan_module, "_IN_PROCESS", 0)
    monkeypatch.setattr(scan_module, "_CHUNK", 2)
    monkeypatch.setattr(scan_module, "default_workers", lambda: workers)
    (listing.root / listing.names[4]).write_bytes(b"no image")
    found = scanned(listing)
    wanted = [0, 1, 2, 3, 5, 6]
    readable = listing.take(torch.tensor(wanted))
    assert torch.equal(found.pixels[wanted], drawn(readable))
    assert list(found.unreadable) == [4]


@pytest.mark.promise("files that change are decoded again")
@pytest.mark.parametrize(
    "damage", ["truncated", "empty", "missing", "other shape", "other type", "list", "nonsense", "other pixels"]
)
def test_a_damaged_cache_is_replaced(listing, kept, damage: str):
    first = scanned(listing).pixels.clone()  # it is a memory map of the file that is damaged
    (pixels,) = kept.glob("*/" + PIXELS)
    if damage == "truncated":
        os.truncate(pixels, 100)
    elif damage == "missing":
        pixels.unlink()
    elif damage == "other pixels":
        content = pixels.read_bytes()
        pixels.write_bytes(content[:-9] + bytes(9))
    elif damage == "empty":
        os.truncate(pixels, 0)
    elif damage in ("list", "nonsense"):
        pixels.with_name(UNREADABLE).write_text("[1]" if damage == "list" else '{"99": "beyond the last"}')
    else:
        np.save(pixels, np.zeros((2, 3, 8, 8), np.uint8) if damage == "other shape" else np.zeros((7, 3, 8, 8)))
    assert torch.equal(scanned(listing).pixels, first)
    assert len(list(kept.glob("*/"))) == 1


@pytest.mark.promise("files that change are decoded again")
def test_a_cache_that_cannot_be_written_is_said_and_does_without(listing, kept):
    kept.parent.mkdir()
    kept.touch()  # a file where the folder should be
    said: list[str] = []
    assert torch.equal(scanned(listing, said=said).pixels, drawn(listing))
    assert len(said) == 1
    assert said[0].startswith(f"warning: decoded images are not kept: {kept}: ")
    assert "TLBENCH_CACHE" in said[0]


@pytest.mark.promise("decoded once")
def test_an_interrupted_decoding_leaves_nothing(listing, kept, monkeypatch: pytest.MonkeyPatch):
    decoded = scan_module._decoded

    def stopped(*arguments):
        yield next(iter(decoded(*arguments)))
        raise KeyboardInterrupt

    monkeypatch.setattr(scan_module, "_CHUNK", 2)
    monkeypatch.setattr(scan_module, "_decoded", stopped)
    with pytest.raises(KeyboardInterrupt):
        scanned(listing)
    assert [path.suffix for path in kept.iterdir()] == [".lock"]


@pytest.mark.promise("decoded once")
def test_who_comes_second_waits_for_the_first(listing, kept, undecodable):
    first = scanned(listing)
    (folder,) = (path for path in kept.iterdir() if path.is_dir())
    aside = folder.rename(kept / "aside")
    said: list[str] = []
    results: list[Scan] = []
    with FileLock(folder.with_suffix(".lock")):
        undecodable()
        waiting = threading.Thread(target=lambda: results.append(scanned(listing, said=said)))
        waiting.start()
        while not said:
            waiting.join(0.01)
        aside.rename(folder)
    waiting.join()
    assert said == ["waits for another run, which decodes the same images"]
    assert torch.equal(results[0].pixels, first.pixels)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_only_in_a_terminal(listing, kept, monkeypatch: pytest.MonkeyPatch, terminal: bool):
    monkeypatch.setattr(scan_module, "_SHOW_PROGRESS_ABOVE", 1)
    output = io.StringIO()
    monkeypatch.setattr(scan_module, "console", Console(file=output, force_terminal=terminal, width=80))
    scanned(listing)
    assert ("decoding images" in output.getvalue()) is terminal
