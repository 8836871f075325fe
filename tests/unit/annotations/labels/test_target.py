from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tlbench.data.open import ensure_reachable, open_target
from tlbench.errors import DataError
from tlbench.system.voice import SILENT


@pytest.fixture
def opened(tmp_path: Path, data_config):
    """Opens the images under `tmp_path / "images"`."""

    def open_images(**changes):
        root = changes.pop("root", str(tmp_path / "images"))
        name = changes.pop("name", "image_folder")
        return open_target(data_config(name, root=root, image_size=8, **changes), 0, SILENT)

    return open_images


def names(target) -> dict[str, set[str]]:
    return {split: set(images.names) for split, images in target.splits.items()}


@pytest.mark.promise("splits carved out")
@pytest.mark.parametrize("given", [(), ("train",), ("train", "test"), ("train", "val"), ("train", "val", "test")])
def test_splits_that_are_missing_are_carved_out_of_train(tmp_path: Path, draw_tree, opened, given):
    for split in given or ("",):
        draw_tree(tmp_path / "images" / split, {"a": 20, "b": 10})
    target = opened()
    parts = names(target)
    assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == 30 * max(len(given), 1)
    carved = {"val": 3, "test": 6}
    for split, count in carved.items():
        if split in given:
            assert all(name.startswith(split) for name in parts[split])
        else:
            assert len(parts[split]) == count
            assert torch.bincount(target.splits[split].labels).tolist() == [count * 2 // 3, count // 3]
    rule = json.loads(json.dumps(target.split_rule))
    assert rule["counts"] == {split: len(parts[split]) for split in ("train", "val", "test")}
    assert (rule["test"] == "the folder's") is ("test" in given)
    assert (rule["test_fraction"] is None) is ("test" in given)


@pytest.mark.promise("splits carved out")
def test_a_csv_gives_what_the_folder_gives(tmp_path: Path, draw_tree, opened):
    draw_tree(tmp_path / "images", {"a": 20, "b": 10})
    folder = opened(draw="position")  # by identity paths differ: a/1.png, images/a/1.png
    rows = [f"images/{c}/{i}.png,{c}" for c, n in (("a", 20), ("b", 10)) for i in range(n)]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    listed = opened(name="image_csv", root=str(tmp_path / "list.csv"), draw="position")
    for split in ("train", "val", "test"):
        assert listed.splits[split].fingerprint() == folder.splits[split].fingerprint()


@pytest.mark.promise("unreadable files")
@pytest.mark.parametrize("cache", ["memory", "none"])
def test_unreadable_files_are_named_or_left_out(tmp_path: Path, draw_tree, opened, cache: str):
    draw_tree(tmp_path / "images", {"a": 20, "b": 10})
    for name in ("a/3.png", "b/7.png"):
        (tmp_path / "images" / name).write_bytes(b"broken")
    with pytest.raises(DataError) as caught:
        opened(max_unreadable=1, cache=cache)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "images/a/3.png: not an image",
        "images/b/7.png: not an image",
        "2 files",
        "data.max_unreadable (now 1)",
    ):
        assert part in message
    target = opened(max_unreadable=2, cache=cache)
    assert list(target.unreadable) == ["a/3.png", "b/7.png"]
    assert not {"a/3.png", "b/7.png"} & set.union(*names(target).values())
    assert target.split_rule["counts"]["train"] + target.split_rule["counts"]["val"] == 22


def test_a_class_of_which_nothing_can_be_read(tmp_path: Path, draw_tree, opened):
    draw_tree(tmp_path / "images", {"a": 20, "b": 2})
    for i in range(2):
        (tmp_path / "images" / "b" / f"{i}.png").write_bytes(b"")
    with pytest.raises(DataError, match="class 'b' has no readable image"):
        opened(max_unreadable=5)


def test_broken_links_are_left_out_as_unreadable_and_counted(tmp_path: Path, draw_tree, opened):
    draw_tree(tmp_path / "images", {"a": 20, "b": 10})
    (tmp_path / "images/a/gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "images/b/notes.txt").touch()
    with pytest.raises(DataError, match=r"a/gone\.jpg: No such file .*data\.max_unreadable \(now 0\)"):
        opened()
    target = opened(max_unreadable=1)
    assert list(target.unreadable) == ["a/gone.jpg"]
    assert len(target.inventory.read["images"]) == 30
    assert target.inventory.left_out == {"other ending (.txt)": ("b/notes.txt",), "unreadable": ("a/gone.jpg",)}
    rows = [f"images/{path.parent.name}/{path.name},{path.parent.name}" for path in (tmp_path / "images").glob("*/*g")]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    listed = opened(name="image_csv", root=str(tmp_path / "list.csv"), max_unreadable=1)
    assert listed.inventory.left_out["unreadable"] == ("a/gone.jpg",)  # as the table lies in the working directory
    assert listed.inventory.read["tables"] == ("../list.csv",)


def test_numbers_and_truth_values_name_classes(tmp_path: Path, draw_tree, opened):
    draw_tree(tmp_path / "images", {"0": 5, "01": 5, "True": 5, "no": 5, "2.0": 5, "null": 5})
    assert opened(classes=[1, 0]).class_names == ("01", "0")
    assert opened(classes=["true", "false", "null"]).class_names == ("True", "no", "null")
    assert opened(classes=[2, "0"]).class_names == ("2.0", "0")
    with pytest.raises(DataError, match=r"data\.classes: no class is named '3', .* the data have 0: "):
        opened(classes=[0, 3])
    with pytest.raises(DataError, match=r"data\.classes: names '01' twice, in two forms"):
        opened(classes=[1, "01"])


def test_classes_are_chosen_and_numbered_as_asked(tmp_path: Path, draw_tree, opened):
    draw_tree(tmp_path / "images", {"a": 20, "b": 10, "c": 30})
    target = opened(classes=["c", "a"])
    assert target.class_names == ("c", "a")
    train = target.splits["train"]
    assert {(name[0], label) for name, label in zip(train.names, train.labels.tolist(), strict=True)} == {
        ("c", 0),
        ("a", 1),
    }
    with pytest.raises(DataError, match=r"data\.classes: no class 'dog'; the data have a, b, c"):
        opened(classes=["a", "dog"])


@pytest.mark.parametrize("name", ["image_folder", "image_csv"])
def test_a_root_that_is_missing(tmp_path: Path, data_config, name: str):
    with pytest.raises(DataError, match=r"data\.root=null: .* needs a"):
        ensure_reachable(data_config(name))
    with pytest.raises(DataError, match=r"data\.root='absent': no such f"):
        ensure_reachable(data_config(name, root="absent"))
    other = tmp_path / "other"
    other.touch() if name == "image_folder" else other.mkdir()
    with pytest.raises(DataError, match=r"data\.root='other': not a f"):
        ensure_reachable(data_config(name, root="other"))


def test_a_csv_with_absolute_paths(tmp_path: Path, draw_tree, opened):
    draw_tree(tmp_path / "images", {"a": 20, "b": 10})
    rows = [f"{tmp_path}/images/{c}/{i}.png,{c}" for c, n in (("a", 20), ("b", 10)) for i in range(n)]
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "all.csv").write_text("\n".join(["path,label", *rows]))
    listed = opened(name="image_csv", root=str(tmp_path / "lists" / "all.csv"))
    relative = [row.replace(str(tmp_path), "..") for row in rows]
    (tmp_path / "lists" / "relative.csv").write_text("\n".join(["path,label", *relative]))
    same = opened(name="image_csv", root=str(tmp_path / "lists" / "relative.csv"))
    assert torch.equal(listed.splits["test"].images, same.splits["test"].images)


@pytest.mark.promise("draws by identity")
def test_splits_do_not_depend_on_how_images_are_kept(tmp_path: Path, draw_tree, opened):
    draw_tree(tmp_path / "images", {"a": 20, "b": 10})
    options = ({}, {"cache": "none", "workers": 0}, {"stored_size": 48}, {"fit": "pad"})
    first, *others = [names(opened(**each)) for each in options]
    assert all(other == first for other in others)


@pytest.mark.parametrize("written", ["images/{}", "./images/{}", "images//{}", "{root}/images/{}", "../work/images/{}"])
@pytest.mark.parametrize("cache", ["memory", "none"])
def test_a_file_of_a_table_that_cannot_be_decoded_is_left_out_and_not_read(
    tmp_path: Path, draw_tree, opened, written: str, cache: str
):
    """However its path is written; with a file elsewhere, so that names are below the folder of all."""
    work = tmp_path / "work"
    draw_tree(work / "images", {"a": 20, "b": 20})
    (work / "images" / "a" / "3.png").write_bytes(b"no image")
    elsewhere = tmp_path / "other.png"
    elsewhere.write_bytes(b"none either")
    paths = [written.format(f"{c}/{i}.png", root=work) + f",{c}" for c in "ab" for i in range(20)]
    (work / "list.csv").write_text("\n".join(["path,label", *paths, f"{elsewhere},b"]))
    target = opened(name="image_csv", root=str(work / "list.csv"), max_unreadable=2, cache=cache, workers=0)
    assert len(target.inventory.read["images"]) == 39
    assert target.inventory.left_out["unreadable"] == ("work/images/a/3.png", "other.png")
