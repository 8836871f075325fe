from __future__ import annotations

import errno
import os

import pytest

from tlbench.errors import OutputError
from tlbench.system.atomic import (
    atomic_file,
    describe_file_error,
    output_errors,
    publish_folder,
    remove_leftovers,
    scratch_folder,
    write_atomic,
)


def test_a_full_disk_leaves_the_earlier_file_whole_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_atomic(path, b"old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"the disk is full; free space .* hydra\.run\.dir") as caught:
        write_atomic(path, b"new")
    assert str(tmp_path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "outputs").write_text("a file")
    with pytest.raises(OutputError, match="file"):
        write_atomic(tmp_path / "outputs" / "run" / "record.json", b"x")


def test_errors_that_are_not_the_disks_pass_through(tmp_path):
    with pytest.raises(OSError, match="odd") as caught, output_errors(tmp_path):
        raise OSError(errno.EPIPE, "odd")
    assert not isinstance(caught.value, OutputError)


LINES = {
    errno.EIO: "the disk fails to read or write",
    errno.ESTALE: "the network disk has lost the file",
    errno.ENAMETOOLONG: "the name is longer than the disk allows",
    errno.ELOOP: "a link leads back to itself",
    errno.EISDIR: "a folder of that name is in the way",
    errno.ENODEV: "the device is not there",
    errno.EBUSY: "in use by something else",
    errno.EROFS: "the disk is read-only",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "exceed the allowed file size",
    errno.ENOTTY: os.strerror(errno.ENOTTY),  # not among those that have words of their own
}


@pytest.mark.promise("errors of files")
@pytest.mark.parametrize("number", LINES)
def test_each_error_of_a_file_is_one_true_line(tmp_path, number):
    error = OSError(number, os.strerror(number), str(tmp_path / "last.ckpt"))
    with pytest.raises(OutputError) as caught, output_errors(tmp_path):
        raise error
    line = str(caught.value)
    assert line.startswith(f"cannot write to {tmp_path}: ")
    assert f"{LINES[number]}" in line
    assert f" at {tmp_path / 'last.ckpt'}; free space" in line
    assert caught.value.unwritable is (number == errno.EROFS)
    assert describe_file_error(error).startswith(f"{tmp_path / 'last.ckpt'}: ")


def test_too_many_open_files_are_not_the_disks_fault(tmp_path):
    line = r"too many files are open at a time; allow more with ulimit -n$"
    with pytest.raises(OutputError, match=line), output_errors(tmp_path):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_a_file_that_was_removed_is_named_and_so_is_a_folder(tmp_path):
    for folder, line in (
        (tmp_path, f"{tmp_path / 'best.ckpt'}: not there any more; it was removed while it was needed"),
        (tmp_path / "run", f"{tmp_path / 'run'}: the folder was removed while it was needed"),
    ):
        with pytest.raises(OutputError) as caught, output_errors(folder):
            (folder / "best.ckpt").read_bytes()
        assert str(caught.value).startswith(line)


def test_a_folder_in_the_way_is_named_itself_not_the_temporary_file(tmp_path):
    (tmp_path / "record.json" / "x").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"in the way.* at .*/record\.json;"):
        write_atomic(tmp_path / "record.json", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_the_file_before_is_kept_under_another_name(tmp_path):
    path, before = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    for content in (b"1", b"2", b"3"):
        write_atomic(path, content, keep_as=before)
    assert (path.read_bytes(), before.read_bytes()) == (b"3", b"2")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_moves_nothing(tmp_path, monkeypatch):
    path, before = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    write_atomic(path, b"1", keep_as=before)
    write_atomic(path, b"2", keep_as=before)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OutputError):
        write_atomic(path, b"3", keep_as=before)
    assert (path.read_bytes(), before.read_bytes()) == (b"2", b"1")


def test_leftovers_of_this_file_alone_are_removed(tmp_path):
    for name in (".last.ckpt.abc", ".best.ckpt.abc", "last.ckpt", "previous.ckpt"):
        (tmp_path / name).write_bytes(b"x")
    remove_leftovers(tmp_path / "last.ckpt")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".best.ckpt.abc", "last.ckpt", "previous.ckpt"]


def test_what_is_there_already_stays(tmp_path, monkeypatch):
    path = tmp_path / "key"
    for link in (os.link, None):  # a file system without hard links, too
        if link is None:
            monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
        for content in (b"first", b"second"):
            with atomic_file(path, private=True, unless_there=True) as file:
                file.write(content)
        assert path.read_bytes() == b"first"
        assert path.stat().st_mode & 0o777 == 0o600
        assert [p.name for p in tmp_path.iterdir()] == ["key"]
        path.unlink()


def filled(folder, content=b"ours"):
    (folder / "file").write_bytes(content)
    return folder


def is_whole(place):
    return lambda: (place / "file").is_file()


@pytest.mark.parametrize("inner", ["", "inner"])
def test_a_folder_gets_its_place_as_a_whole_or_leaves_nothing(tmp_path, inner):
    place = tmp_path / "place"
    with pytest.raises(FileNotFoundError), scratch_folder(tmp_path, ".filling-") as scratch:
        filled(filled(scratch) / "absent")
    assert list(tmp_path.iterdir()) == []
    with scratch_folder(tmp_path, ".filling-") as scratch:
        (scratch / inner).mkdir(exist_ok=True)
        publish_folder(filled(scratch / inner), place, is_whole(place), replace=False)
    assert [p.name for p in tmp_path.iterdir()] == ["place"]
    assert (place / "file").read_bytes() == b"ours"


@pytest.mark.parametrize("when", ["before", "between"])
@pytest.mark.parametrize("replace", [True, False])
def test_the_folder_of_whoever_was_faster_counts(tmp_path, replace, when):
    place = tmp_path / "place"
    asked = []

    def look():
        found = is_whole(place)()
        if when == "between" and not asked:
            place.mkdir()
            filled(place, b"theirs")
        asked.append(found)
        return found

    if when == "before":
        place.mkdir()
        filled(place, b"theirs")
    with scratch_folder(tmp_path, ".filling-") as scratch:
        publish_folder(filled(scratch), place, look, replace=replace)
    theirs = when == "before" or not replace
    assert (place / "file").read_bytes() == (b"theirs" if theirs else b"ours")
    assert [p.name for p in tmp_path.iterdir()] == ["place"]


def test_a_broken_folder_is_replaced_where_it_may_be(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    (place / "half").touch()
    with scratch_folder(tmp_path, ".filling-") as scratch, pytest.raises(OSError, match="place"):
        publish_folder(filled(scratch), place, is_whole(place), replace=False)
    assert (place / "half").exists()
    with scratch_folder(tmp_path, ".filling-") as scratch:
        publish_folder(filled(scratch), place, is_whole(place), replace=True)
    assert [p.name for p in place.iterdir()] == ["file"]
