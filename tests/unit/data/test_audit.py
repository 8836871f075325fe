"""An audit is made once for the same images, whatever is known of them, and kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.drawn_photos import photos, stacked
from tlbench.annotations.instances.audit import InstanceAudit
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.labels.audit import LabelAudit
from tlbench.annotations.labels.labels import Labels
from tlbench.data import audit as data_audit
from tlbench.data.audit import Audit, audit_target, groups_part
from tlbench.data.audit_texts import alike_in_test
from tlbench.data.perceptual_hash import pixel_digests
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target

PHOTOS = stacked(photos(14))
ONE_KIND = pytest.mark.parametrize("kind", ["labels"], indirect=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where audits are kept."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "audits"


@pytest.fixture
def audits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one for each audit that is computed."""
    calls: list[int] = []
    compute = data_audit.duplicates_part

    def counted(*arguments: Any) -> Any:
        calls.append(1)
        return compute(*arguments)

    monkeypatch.setattr(data_audit, "duplicates_part", counted)
    return calls


@pytest.fixture
def some(kind: str) -> Callable[..., MemorySamples[Any]]:
    """`some(6, 10)`: these photos, of two classes; with a box each that tells which photo it is."""

    def make(start: int, stop: int, names: tuple[str, ...] | None = None) -> MemorySamples[Any]:
        images, numbers = PHOTOS[start:stop], torch.arange(start, stop)
        names = names or tuple(f"{number}.png" for number in range(start, stop))
        if kind == "labels":
            return MemorySamples(images, Labels(numbers % 2, ("a", "b")), names)
        corner, sizes = torch.stack([numbers, numbers], dim=1).float(), torch.full((len(images), 2), 64)
        boxes, starts = torch.cat([corner, corner + 20], dim=1), torch.arange(len(images) + 1)
        known = Instances(boxes, numbers % 2, starts, ("a", "b"), sizes, sizes)
        return MemorySamples(images, known, names, pixel_digests(images), images)

    return make


@pytest.fixture
def audited(kind: str, some, data_config, boxes_config) -> Callable[..., Audit]:
    """`audited(test=…)`: the audit of these splits, of which two test images are in train; None: not looked at."""

    def make(unreadable: dict[str, str] | None = None, min_images: int = 0, **changed: Any) -> Audit:
        splits = {"train": some(0, 8), "val": some(12, 14), "test": some(6, 10), **changed}
        target = Target("drawn", splits, {}, unreadable or {})
        config, name, part = {
            "labels": (data_config, "digits", LabelAudit),
            "instances": (boxes_config, "yolo", InstanceAudit),
        }[kind]
        own = part(config(name, min_images_per_class=min_images))
        return audit_target(target, own, lambda s: splits[s].fingerprint(), test=splits["test"] is not None)

    return make


def test_the_same_images_are_audited_once(folder: Path, audits: list[int], audited):
    first = audited()
    assert audited() == first
    assert audits == [1]
    (file,) = folder.iterdir()
    assert json.loads(file.read_text()) == first.model_dump()
    assert first.section["duplicates"]["exact"]["train-test"]["examples"] == [
        ["6.png", "6.png"],
        ["7.png", "7.png"],
    ]


@pytest.mark.promise("near-duplicates within test")
def test_test_images_that_look_alike_are_groups_from_the_cache_too(audits: list[int], some, audited):
    test = some(6, 12)
    copies = torch.stack([PHOTOS[6], PHOTOS[7], PHOTOS[8], PHOTOS[6].flip(-1), PHOTOS[7], PHOTOS[6]])
    test = replace(test, images=copies)
    if test.digests is not None:
        test = replace(test, digests=pixel_digests(copies), thumbnails=copies)
    first, again = audited(test=test), audited(test=test)
    assert audits == [1]
    assert (first.test_groups, again.test_groups) == ([[0, 3, 5], [1, 4]],) * 2
    assert again.section["duplicates"]["test_groups"] == {
        "images": 5,
        "of": 6,
        "groups": 2,
        "largest": 3,
        "units": 3,
        "examples": [["6.png", "9.png", "11.png"], ["7.png", "10.png"]],
    }


def test_what_is_said_of_groups_of_test_images():
    names = [f"{i}.png" for i in range(1200)]
    two, many = [[3, 5]], [[0, 1], [2, 7, 11, 13]]
    assert alike_in_test(groups_part(two, names[:6])) == (
        "near-duplicates within test: 2 of 6 test images look like another of them (3.png ~ 5.png), in 1 group, the "
        "largest of 2: a study's intervals count 5 groups (each other image is one), not 6 images; if they are merely "
        "alike, say by data.group what belongs together"
    )
    assert alike_in_test(groups_part(many, names)) == (
        "near-duplicates within test: 6 of 1,200 test images look like another of them (2.png ~ 7.png ~ 11.png, …), in "
        "2 groups, the largest of 4: a study's intervals count 1,196 groups (each other image is one), not 1,200 "
        "images; if they are merely alike, say by data.group what belongs together"
    )
    assert alike_in_test(groups_part([], names)) is None
    assert alike_in_test(None) is None


def test_groups_are_looked_for_in_test_alone(some, audited):
    double = torch.stack([PHOTOS[0], PHOTOS[0], *PHOTOS[1:7]])
    train = replace(some(0, 8), images=double)
    if train.digests is not None:
        train = replace(train, digests=pixel_digests(double), thumbnails=double)
    assert audited(train=train).test_groups == []
    found = audited(train=train, test=None)
    assert (found.test_groups, found.section["duplicates"]["test_groups"]) == ([], None)


def test_whatever_it_depends_on_makes_another(audits: list[int], some, audited):
    train = some(0, 8)
    other_labels = replace(train, annotations=replace(train.annotations, labels=1 - train.labels))
    results = [
        audited(),
        audited(test=some(5, 9)),
        audited(test=None),
        audited(test=some(6, 10, ("a.png", "b.png", "c.png", "d.png"))),
        audited(train=other_labels),
        audited(min_images=5),
        audited({"x.png": "truncated"}),
    ]
    assert len(audits) == 7
    assert len({json.dumps(result.model_dump()) for result in results}) == 7
    assert results[3].section["duplicates"]["exact"]["train-test"]["examples"][0] == ["6.png", "a.png"]


@ONE_KIND
def test_what_an_earlier_version_kept_is_not_taken(
    folder: Path, audits: list[int], audited, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as before:
        before.setattr(data_audit, "VERSION", data_audit.VERSION - 1)
        audited()
    (old,) = folder.iterdir()
    old.write_text(old.read_text().replace('"warnings":[', '"warnings":["audit: of another version",'))
    kept = old.read_text()
    assert "audit: of another version" not in audited().warnings
    assert len(audits) == 2
    assert (old.read_text(), len(list(folder.iterdir()))) == (kept, 2)


@ONE_KIND
@pytest.mark.parametrize(
    "content", [b"", b'{"section": {', b'{"section": {}}', b'{"section": 1, "warnings": []}', b"\xff"]
)
def test_a_broken_file_is_replaced(folder: Path, audits: list[int], audited, content: bytes):
    first = audited()
    (file,) = folder.iterdir()
    file.write_bytes(content)
    assert audited() == first
    assert len(audits) == 2
    assert json.loads(file.read_text()) == first.model_dump()
    assert list(folder.iterdir()) == [file]


@ONE_KIND
def test_a_cache_that_cannot_be_written_costs_time_only(folder: Path, audits: list[int], audited):
    folder.parent.write_text("a file in the way")
    assert audited() == audited()
    assert len(audits) == 2


@ONE_KIND
def test_nothing_is_left_behind_by_an_interrupt(folder: Path, monkeypatch: pytest.MonkeyPatch, audited):
    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audited()
    assert list(folder.iterdir()) == []


@ONE_KIND
def test_images_without_names_are_called_by_their_positions(some, audited):
    train, val, test = (replace(some(*rows), names=None) for rows in ((0, 8), (12, 14), (6, 10)))
    found = audited(train=train, val=val, test=test)
    assert found.section["duplicates"]["exact"]["train-test"]["examples"] == [
        ["train[6]", "test[0]"],
        ["train[7]", "test[1]"],
    ]


def test_names_that_are_no_text_are_shown_escaped(some, audited):
    train = some(0, 2, ("line\nbreak.png", os.fsdecode(b"\xff.png")))
    found = audited({"\n": "truncated"}, train=train, test=some(0, 2, ("é.png", "b.png")))
    assert found.section["duplicates"]["exact"]["train-test"]["examples"] == [
        [r"line\nbreak.png", "é.png"],
        [r"\udcff.png", "b.png"],
    ]
    assert found.section["unreadable"]["files"] == {r"\n": "truncated"}
    assert all(line.isprintable() for line in found.warnings)


def test_without_a_test_its_split_is_not_looked_at(audited):
    assert audited(test=None).section["counts"].keys() == {"train", "val"}
    assert audited().section["counts"].keys() == {"train", "val", "test"}
