from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from tlbench.trust.key import Key, KeyUnusable, find_key, find_or_make_key, key_file


@pytest.fixture(autouse=True)
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings"


def put(content: bytes = b"k" * 32, mode: int = 0o600) -> Path:
    path = key_file()
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_it_is_made_once_for_this_user_alone(config_home: Path) -> None:
    assert find_key() is None
    assert not config_home.exists()
    made = find_or_make_key()
    path = config_home / "tlbench" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes() == made.secret
    assert len(set(made.secret)) > 8
    assert find_or_make_key() == find_key() == made
    assert os.listdir(path.parent) == ["key"]  # noqa: PTH208


def test_of_threads_that_make_it_at_once_all_get_the_same() -> None:
    start, found = threading.Barrier(8), []

    def make() -> None:
        start.wait()
        found.append(find_or_make_key())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({key.secret for key in found}) == 1


def test_its_name_tells_nothing_but_is_its_own() -> None:
    one, other = Key(b"a" * 32), Key(b"b" * 32)
    assert one.name == Key(b"a" * 32).name != other.name
    assert len(one.name) == 16
    assert one.digest(b"x") != other.digest(b"x")
    assert bytes.fromhex(one.digest(b"name of the key")) != b"a" * 32


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _readable(path: Path) -> None:
    path.chmod(0o640)


def _writable(path: Path) -> None:
    path.chmod(0o602)


def _short(path: Path) -> None:
    path.write_bytes(b"k" * 31)


def _long(path: Path) -> None:
    path.write_bytes(b"k" * 33)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.promise("the key is secret")
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_link, "a link"),
        (_dangling, "a link"),
        (_readable, "others may read or write it (mode 640)"),
        (_writable, "others may read or write it (mode 602)"),
        (_short, "not a key of 32 bytes"),
        (_long, "not a key of 32 bytes"),
        (_fifo, "not a regular file"),
        (_folder, "Is a directory"),
    ],
)
def test_what_somebody_else_can_have_read_or_put_there_is_never_used_nor_replaced(spoil, why) -> None:
    path = put()
    spoil(path)
    before = path.lstat().st_ino
    for use in (find_key, find_or_make_key):
        with pytest.raises(KeyUnusable) as caught:
            use()
        assert str(caught.value).startswith(f"{path}: ")
        assert why in str(caught.value)
        assert "remove it" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.lstat().st_ino == before


def test_a_key_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    put()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(KeyUnusable, match="belongs to another user"):
        find_key()


def test_a_home_that_cannot_be_written(config_home: Path) -> None:
    config_home.write_text("a file")
    with pytest.raises(KeyUnusable, match=r"key: cannot be .*Not a directory"):
        find_or_make_key()
    assert config_home.read_text() == "a file"


def test_a_relative_folder_for_settings_would_be_that_of_the_working_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "settings")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert key_file() == tmp_path / "home" / ".config" / "tlbench" / "key"
    monkeypatch.setenv("HOME", "home")
    assert key_file() is None
    assert find_key() is None
    with pytest.raises(KeyUnusable, match="no home"):
        find_or_make_key()
