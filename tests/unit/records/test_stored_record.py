from __future__ import annotations

import json
import os

import pytest

from tests.records import record
from tests.slow import thinned
from tlbench.config.hash import config_hash
from tlbench.errors import ConfigError
from tlbench.records.record import read_record, write_record
from tlbench.records.stored_record import UnreadableRecordError, read_stored


@pytest.fixture
def written(tmp_path):
    write_record(tmp_path, record())
    return tmp_path / "record.json"


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_what_was_written_is_read(written):
    stored = read_stored(written)
    assert stored == json.loads(written.read_text())
    assert stored["format"] == 2


BYTES = {
    "empty": (b"", "no JSON"),
    "no text": (b"\x00\xff\xfe garbage", "no JSON"),
    "half": (None, "no JSON"),
    "a list": (b"[]", "it holds a list"),
    "nested": (b"[" * 100_000, "nested too deeply"),
    "nested mappings": (b'{"a":' * 100_000, "nested too deeply"),
    "a number without end": (b'{"format": ' + b"9" * 5000 + b"}", "no JSON"),
    "NaN": (b'{"format": 2, "x": NaN}', "NaN is no number there"),
    "Infinity": (b'{"format": 2, "x": -Infinity}', "-Infinity is no number there"),
    "beyond floats": (b'{"format": 2, "x": 1e999}', "1e999 is no number there"),
    "no format": (b"{}", "it names no format"),
    "a format that is no number": (b'{"format": "2"}', "it names no format"),
    "true as a format": (b'{"format": true}', "it names no format"),
    "an older format than the first": (b'{"format": 0}', "it names no format"),
    "a newer one": (b'{"format": 99}', "of format 99, written by a newer tlbench"),
    "no configuration": (b'{"format": 2}', "it has no configuration"),
    "a configuration of lists": (
        b'{"format": 2, "config": {"data": [], "model": 3}, "config_hash": ""}',
        "its configuration is none of tlbench's",
    ),
}


@pytest.mark.promise("no record")
@pytest.mark.parametrize("kind", thinned(list(BYTES), 3))
def test_what_is_no_record_is_told_in_one_line(written, kind):
    content, reason = BYTES[kind]
    written.write_bytes(written.read_bytes()[:500] if content is None else content)
    with pytest.raises(UnreadableRecordError, match=reason):
        read_stored(written)
    with pytest.raises(ConfigError, match=r"record\.json: .*; bring back the file as tlbench wrote it") as caught:
        read_record(written.parent)
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "loop"])
def test_what_is_no_file_is_told_in_one_line(written, kind):
    written.unlink()
    {
        "fifo": lambda: os.mkfifo(written),
        "device": lambda: written.symlink_to("/dev/zero"),
        "folder": written.mkdir,
        "loop": lambda: written.symlink_to(written.name),
    }[kind]()
    with pytest.raises(ConfigError, match=r"record\.json: ([Nn]ot a|Is a|Too many)"):
        read_record(written.parent)


@pytest.mark.promise("edited configurations")
def test_a_configuration_that_was_edited_is_found(written):
    edit(written, lambda r: r["config"]["optimizer"].update(lr=0.5))
    with pytest.raises(ConfigError, match="its configuration is not the one that the run had: its hash is"):
        read_record(written.parent)


@pytest.mark.parametrize("group", ["source", "augmentation", "seeds", "logger"])
def test_a_group_that_is_none_is_told_though_the_hash_was_made_anew(written, group):
    def change(content):
        content["config"][group] = "x"
        content["config_hash"] = config_hash(content["config"])

    edit(written, change)
    with pytest.raises(ConfigError, match=r"in its configuration is no group of keys|is none of tlbench's"):
        read_record(written.parent)


def test_what_decides_no_result_may_be_edited(written):
    edit(written, lambda r: r["config"].update(study="renamed"))
    assert read_record(written.parent).config["study"] == "renamed"


def test_an_unknown_key_of_a_record_is_named(written):
    edit(written, lambda r: r.update(x=1))
    with pytest.raises(ConfigError, match="no run record of format 2: x: Extra inputs"):
        read_record(written.parent)
