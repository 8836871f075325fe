from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.data.file_tree import read_tree
from tlbench.data.formats.folders.class_folders import list_classes
from tlbench.errors import ConfigError, DataError
from tlbench.system.folders import walk
from tlbench.tools.files import find_images


def found(folder: Path) -> list[str]:
    return sorted(below + entry.name for below, files in walk(folder) for entry in files)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_links_to_folders_elsewhere_are_followed(tmp_path):
    touch(tmp_path, "a/1.png", "elsewhere/deep/2.png", "a/.hidden/3.png")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path / "a") == ["1.png", "link/deep/2.png"]


@pytest.mark.promise("loops of links")
@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("name", "target"), [("loop", "."), ("up", ".."), ("deep/back", "../../a"), ("deep/top", "..")]
)
def test_a_loop_of_folders_is_named(tmp_path, name, target):
    touch(tmp_path, "c/a/1.png", "c/a/deep/2.png", "c/b/3.png")
    (tmp_path / "c" / "a" / name).symlink_to(target)
    classes, photos = "a folder with one folder of images a class", "an image, a folder of images or a pattern"
    for read, given, wanted in (
        (list_classes, tmp_path / "c", classes),
        (find_images, str(tmp_path / "c"), photos),
        (find_images, str(tmp_path / "c" / "**" / "*.png"), photos),
    ):
        link = tmp_path / "c/a" / name
        with pytest.raises(DataError) as caught:
            read(given)
        assert (
            str(caught.value) == f"{link}: a link that leads back to a folder it lies in; remove it; wanted is {wanted}"
        )


@pytest.mark.timeout(10)
def test_links_that_double_the_ways_at_each_level_end_soon(tmp_path):
    for level in range(35):  # 2 ** 35 ways to the last
        touch(tmp_path, f"{level}/x.png")
        for name in ("l", "r"):
            (tmp_path / str(level) / name).symlink_to(tmp_path / str(level + 1))
    touch(tmp_path, "35/x.png")
    with pytest.raises(DataError, match=r"links lead there in more than 16 ways; remove some"):
        read_tree(tmp_path / "0", "a folder")


def test_a_link_that_leads_to_itself_or_nowhere_is_no_folder(tmp_path):
    touch(tmp_path, "a/1.png")
    (tmp_path / "a" / "self.png").symlink_to("self.png")
    (tmp_path / "a" / "none").symlink_to("nowhere")
    assert found(tmp_path / "a") == ["1.png", "none", "self.png"]
    assert list_classes(tmp_path).names == ("a/1.png", "a/none", "a/self.png")  # what reads them says why it cannot


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_text("a: &a [1]\nb: &b [*a, *b]\n"), "an alias stands for what it lies in"),
        (lambda path: path.write_text("[" * 20_000), "nested too deeply"),
        (lambda path: path.write_text("a: 1\n" * 1_000_000), "more than 4,194,304 bytes in it"),
        (lambda path: __import__("os").mkfifo(path), "not a regular file but a FIFO"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file but a device"),
    ],
)
def test_a_folder_of_configurations_is_looked_at_before_hydra_reads_it(tmp_path, spoil, message):
    from tlbench.config.files import check_config_folder

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "good.yaml").write_text("name: &n mine\nother: *n\n")
    (tmp_path / "note.txt").write_text("[" * 20_000)
    (tmp_path / "unused.yaml").write_bytes(b"name: \xff")
    check_config_folder(tmp_path)
    spoil(tmp_path / "model" / "bad.yaml")
    with pytest.raises(ConfigError, match=message) as caught:
        check_config_folder(tmp_path)
    assert "\n" not in str(caught.value)
    assert "bad.yaml" in str(caught.value)
