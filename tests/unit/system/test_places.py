from __future__ import annotations

import os

import pytest

from tests.composed import config
from tests.drawn_run import draw_run
from tlbench.errors import ConfigError, OutputError
from tlbench.records import folder as run_folder
from tlbench.records.folder import begin, check_still_there, earlier_record, run_files
from tlbench.records.lock_file import LOCK_FILE
from tlbench.system.places import check_not_read, check_output

VALUES = config().model_dump(mode="json")


@pytest.mark.parametrize("name", ["record.json", "test_precision_recall.png", "best.ckpt", "console.log"])
@pytest.mark.parametrize("kind", ["a folder", "a link to a folder", "a loop of links", "a FIFO"])
def test_what_is_in_the_way_of_a_runs_files_is_told_before_it_trains(tmp_path, name, kind):
    place = tmp_path / "run" / name
    place.parent.mkdir()
    if kind == "a folder":
        place.mkdir()
    elif kind == "a FIFO":
        os.mkfifo(place)
    else:
        place.symlink_to(tmp_path if kind == "a link to a folder" else place)
    with pytest.raises(OutputError) as error:
        earlier_record(place.parent, VALUES)
    what = {"a loop of links": "a link that leads back to itself", "a FIFO": "a device, a FIFO or a socket"}
    assert str(error.value) == (
        f"{place}: {what.get(kind, 'a folder')} is in the way of a file; move it away, or choose another folder with "
        "hydra.run.dir=… (a study: hydra.sweep.dir=…)"
    )


def test_links_to_files_and_to_nothing_are_in_nobodys_way(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "curves.csv").symlink_to(tmp_path / "file")
    (tmp_path / "best.ckpt").symlink_to(tmp_path / "nothing")
    assert earlier_record(tmp_path, VALUES) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [("n" * 300, "longer than the disk allows"), ("loop/run", "a link leads back to itself")],
)
def test_a_run_folder_that_cannot_be_is_named_itself(tmp_path, name, why):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OutputError) as error:
        earlier_record(tmp_path / name, VALUES)
    assert str(error.value).startswith(f"cannot write to {tmp_path / name}: ")
    assert why in str(error.value)


def test_a_run_folder_of_bytes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"hydra\.run\.dir: '.*/r\\udcff' holds bytes that are no UTF-8 text"):
        earlier_record(tmp_path / os.fsdecode(b"r\xff"), VALUES)


def test_every_name_that_a_run_leaves_is_looked_at():
    names = {value for key, value in vars(run_folder).items() if key.endswith(("_FILE", "_CHECKPOINT", "FILE_NAME"))}
    names -= {LOCK_FILE}  # who takes it looks
    assert names <= {*run_folder._WRITTEN, "previous.ckpt", "console.log"}
    assert len(names) > 6


def test_a_folder_that_was_removed_or_emptied_is_said(tmp_path):
    begin(tmp_path / "run", VALUES)
    check_still_there(tmp_path / "run")
    (tmp_path / "run" / "config.yaml").unlink()
    with pytest.raises(OutputError, match="its content was removed while the run was going on"):
        check_still_there(tmp_path / "run")
    (tmp_path / "run").rmdir()
    with pytest.raises(OutputError, match="run: the folder was removed while the run was going on"):
        check_still_there(tmp_path / "run")


def test_outputs_that_are_no_files(tmp_path):
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    for given, what in ((tmp_path, "a folder"), (loop, "leads back to itself"), ("/dev/null", "a device")):
        with pytest.raises(ConfigError, match=rf"^output='{given}': .*{what}.*; name a file, such as '.*x\.csv'$"):
            check_output("output", str(given), "x.csv")
    assert check_output("output", str(tmp_path / "new" / "p.csv"), "x.csv") == tmp_path / "new" / "p.csv"


def test_what_is_read_is_not_written_over(tmp_path):
    draw_run(tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run" / "best.ckpt")
    files = run_files(tmp_path / "run")
    assert [file.name for file in files] == ["best.ckpt", "record.json"]
    with pytest.raises(ConfigError, match="the command reads this file; name another"):
        check_not_read(tmp_path / "link", "output", files)
    check_not_read(tmp_path / "other", "output", files)


@pytest.mark.parametrize("content", [b"a: [", b"- 1\n", b"3\n", b"\xff\xfe", b"[" * 5000, b""])
def test_a_configuration_that_tlbench_did_not_write(tmp_path, content):
    (tmp_path / "last.ckpt").write_bytes(b"weights")
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yaml: not a configuration that tlbench wrote"):
        earlier_record(tmp_path, VALUES)
