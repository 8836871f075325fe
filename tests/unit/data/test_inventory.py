"""What became of each file: read and left out together are all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.data.inventory import all_files, take_inventory

FILES = ("a/1.jpg", "a/.2.jpg", ".git/config", "a/notes.txt", "a/list.CSV", "README", "b/deep/er/3.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_all_files_are_those_of_every_folder_the_hidden_ones_too(root: Path) -> None:
    assert sorted(all_files(root)) == sorted(FILES)


def test_a_link_to_a_folder_is_followed_but_not_one_that_leads_up(root: Path) -> None:
    (root / "a/up").symlink_to(root)
    (root / "a/nowhere").symlink_to(root / "gone")
    (root / "linked").symlink_to(root / "b/deep")
    assert sorted(all_files(root)) == sorted([*FILES, "a/up", "a/nowhere", "linked/er/3.png"])


def test_each_file_is_read_or_left_out_for_one_reason(root: Path) -> None:
    found = take_inventory(
        root,
        all_files(root),
        {"images": ["a/1.jpg"], "tables": ["a/list.CSV"], "lists": []},
        {"b/deep/er/3.png": "no label"},
    )
    assert found.read == {"images": ("a/1.jpg",), "tables": ("a/list.CSV",)}
    assert {reason: sorted(names) for reason, names in found.left_out.items()} == {
        "hidden": [".git/config", "a/.2.jpg"],
        "not read (.txt)": ["a/notes.txt"],
        "not read (no ending)": ["README"],
        "no label": ["b/deep/er/3.png"],
    }
    together = [name for names in (*found.read.values(), *found.left_out.values()) for name in names]
    assert sorted(together) == sorted(FILES)


def test_the_record_has_counts_and_the_first_names(root: Path) -> None:
    section = take_inventory(root, [f".{i}" for i in range(5)] + ["1.jpg"], {"images": ["1.jpg"]}, {}).section()
    assert section == {"read": {"images": 1}, "left_out": {"hidden": {"count": 5, "examples": [".0", ".1", ".2"]}}}
