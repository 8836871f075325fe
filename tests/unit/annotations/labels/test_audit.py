from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from tlbench.annotations.labels.images import FileSet, ImageSet

from tests.drawn_photos import photos, stacked
from tlbench.annotations.labels import audit as audit_cache
from tlbench.annotations.labels.audit import audit_target, cached_audit
from tlbench.data.listing import Listing
from tlbench.data.target import Target

PHOTOS = stacked(photos(12, side=32))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where audits are kept."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "audits"


@pytest.fixture
def audits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one for each audit that is computed."""
    calls: list[int] = []
    compute = audit_cache.audit

    def counted(*arguments):
        calls.append(1)
        return compute(*arguments)

    monkeypatch.setattr(audit_cache, "audit", counted)
    return calls


def image_set(rows: slice, names: tuple[str, ...] | None = None, images: torch.Tensor = PHOTOS) -> ImageSet:
    chosen = images[rows]
    return ImageSet(chosen, torch.arange(len(chosen)) % 2, ("a", "b"), names)


def splits(**changed: ImageSet) -> dict[str, ImageSet]:
    return {"train": image_set(slice(8)), "test": image_set(slice(6, 10)), **changed}


def audited(images, wanted: int = 0, unreadable=None):
    return cached_audit(images, {s: i.fingerprint() for s, i in images.items()}, wanted, unreadable or {})


def test_the_same_images_are_audited_once(folder: Path, audits: list[int]):
    first = audited(splits())
    assert audited(splits()) == first
    assert audits == [1]
    (file,) = folder.iterdir()
    assert json.loads(file.read_text()) == first.model_dump()
    assert first.section["duplicates"]["exact"]["train-test"]["examples"] == [
        ["train[6]", "test[0]"],
        ["train[7]", "test[1]"],
    ]


def test_whatever_it_depends_on_makes_another(audits: list[int]):
    named = splits(test=image_set(slice(6, 10), ("a.png", "b.png", "c.png", "d.png")))
    variants = [
        splits(),
        splits(test=image_set(slice(5, 9))),
        {"train": splits()["train"]},
        named,
    ]
    results = [audited(images) for images in variants]
    results += [audited(splits(), wanted=5), audited(splits(), unreadable={"x.png": "truncated"})]
    assert len(audits) == 6
    assert len({json.dumps(result.model_dump()) for result in results}) == 6
    assert results[3].section["duplicates"]["exact"]["train-test"]["examples"][0] == ["train[6]", "a.png"]


@pytest.mark.parametrize(
    "content", [b"", b'{"section": {', b'{"section": {}}', b'{"section": 1, "warnings": []}', b"\xff"]
)
def test_a_broken_file_is_replaced(folder: Path, audits: list[int], content: bytes):
    first = audited(splits())
    (file,) = folder.iterdir()
    file.write_bytes(content)
    assert audited(splits()) == first
    assert len(audits) == 2
    assert json.loads(file.read_text()) == first.model_dump()
    assert list(folder.iterdir()) == [file]


def test_a_cache_that_cannot_be_written_costs_time_only(folder: Path, audits: list[int]):
    folder.parent.write_text("a file in the way")
    assert audited(splits()) == audited(splits())
    assert len(audits) == 2


def test_nothing_is_left_behind_by_an_interrupt(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audited(splits())
    assert list(folder.iterdir()) == []


def test_images_below_16_pixels_are_compared_exactly_only():
    tiny = PHOTOS[:, :, ::4, ::4]
    found = audited({"train": image_set(slice(8), images=tiny), "test": image_set(slice(7, 9), images=tiny)})
    assert found.section["duplicates"]["near"] is None
    assert found.section["duplicates"]["exact"]["train-test"]["images"] == 1


def test_files_are_compared_by_their_bytes_and_thumbnails(tmp_path: Path):
    def files(names: tuple[str, ...], rows: list[int], digests: list[int]) -> FileSet:
        listing = Listing(tmp_path, names, torch.zeros(len(names), dtype=torch.int64), ("a", "b"))
        return FileSet(listing, 224, "crop", PHOTOS[rows], np.array([[d] * 16 for d in digests], np.uint8))

    train = files(("a/0.jpg", "a/1.jpg"), [0, 1], [10, 11])
    test = files(("a/2.jpg", "a/3.jpg", "a/4.jpg"), [2, 1, 0], [11, 12, 13])
    duplicates = audited({"train": train, "test": test}).section["duplicates"]
    assert duplicates["exact"]["train-test"]["examples"] == [["a/1.jpg", "a/2.jpg"]]
    assert duplicates["near"]["train-test"]["examples"] == [["a/1.jpg", "a/3.jpg"], ["a/0.jpg", "a/4.jpg"]]


def test_names_that_are_no_text_are_shown_escaped():
    train = image_set(slice(2), ("line\nbreak.png", os.fsdecode(b"\xff.png")))
    test = image_set(slice(2), ("é.png", "b.png"))
    found = audited({"train": train, "test": test}, unreadable={"\n": "truncated"})
    assert found.section["duplicates"]["exact"]["train-test"]["examples"] == [
        [r"line\nbreak.png", "é.png"],
        [r"\udcff.png", "b.png"],
    ]
    assert found.section["unreadable"]["files"] == {r"\n": "truncated"}
    assert all(line.isprintable() for line in found.warnings)


@pytest.mark.parametrize(("shots", "small"), [(None, {"a": 4, "b": 4}), (4, {}), (20, {"a": 4, "b": 4})])
def test_few_images_are_no_surprise_where_they_were_asked_for(data_config, shots: int | None, small: dict[str, int]):
    target = Target("drawn", splits(val=image_set(slice(10, 12))), {})
    data = data_config("digits", shots=shots, min_images_per_class=10)
    found = audit_target(target, lambda split: target.splits[split].fingerprint(), data, test=True)
    assert found.section["small_classes"] == small
    assert found.section["counts"].keys() == {"train", "val", "test"}


def test_without_a_test_its_split_is_not_looked_at(data_config):
    def fingerprint(split: str) -> str:
        assert split != "test"
        return split

    target = Target("drawn", {**splits(val=image_set(slice(10, 12))), "test": None}, {})
    found = audit_target(target, fingerprint, data_config("digits"), test=False)
    assert found.section["counts"].keys() == {"train", "val"}
