"""Where a user's own data may lie, whatever is known of them."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tlbench.annotations.instances.reach import own_root as boxes_root
from tlbench.annotations.maps.reach import own_root as maps_root
from tlbench.errors import DataError

WANTED = {
    "masks": "a folder with images/ and masks/",
    "yolo": "a folder with images/ and labels/, or its data.yaml",
    "coco": "a folder with annotations/instances_train*.json, or with train/_annotations.coco.json, or the JSON file",
}
FILES = {"masks": None, "yolo": "data.YML", "coco": "instances.json"}


@pytest.fixture(params=["boxes yolo", "boxes coco", "maps yolo", "maps coco", "maps masks"])
def reach(request, boxes_config, maps_config, tmp_path, monkeypatch) -> tuple[str, Callable[[str | None], Path]]:
    """The data's name, and what finds them at a root."""
    kind, name = request.param.split()
    monkeypatch.chdir(tmp_path)
    if kind == "boxes":
        return name, lambda root: boxes_root(boxes_config(name, root=root))
    return name, lambda root: maps_root(maps_config(name, root=root))


def test_a_folder_or_the_file_that_describes_it(reach) -> None:
    name, root_of = reach
    Path("d").mkdir()
    assert root_of("d") == Path("d")
    if FILES[name] is not None:
        Path(FILES[name]).touch()
        assert root_of(FILES[name]) == Path(FILES[name])


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("make", "what"),
    [
        (None, "no such folder"),
        (lambda path: path.symlink_to("nowhere"), "no such folder"),
        (Path.touch, "not a folder"),
        (os.mkfifo, "neither a folder nor a regular file"),
        (make_socket, "neither a folder nor a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "neither a folder nor a regular file"),
    ],
    ids=["nothing", "broken link", "file", "FIFO", "socket", "device"],
)
def test_what_is_something_else_is_named(reach, make, what) -> None:
    name, root_of = reach
    if make is not None:
        make(Path("mine.txt"))
    with pytest.raises(DataError, match=re.escape(f"data.root='mine.txt': {what}; wanted is {WANTED[name]}") + "$"):
        root_of("mine.txt")


def test_no_root_at_all(reach) -> None:
    name, root_of = reach
    with pytest.raises(DataError) as caught:
        root_of(None)
    assert str(caught.value) == f"data.root=null: data={name} needs {WANTED[name]}; give data.root=…"
