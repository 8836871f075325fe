from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlbench.errors import OutputError
from tlbench.system.own_files import open_for_appending, refuse_link, refuse_links_out


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "precious"
    path.parent.mkdir()
    path.write_text("precious")
    (tmp_path / "run").mkdir()
    return path


def test_lines_are_added_to_a_file_of_ones_own() -> None:
    for text in (b"a\n", b"b\n"):
        with open_for_appending(Path("console.log")) as file:
            file.write(text)
    assert Path("console.log").read_bytes() == b"a\nb\n"


def _link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def _dangling(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("new"))


def _loop(path: Path, victim: Path) -> None:
    path.symlink_to(path)


def _hard(path: Path, victim: Path) -> None:
    os.link(victim, path)


def _fifo(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, victim: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_link, "a link to"),
        (_dangling, "a link to"),
        (_loop, "a link to"),
        (_hard, "hard link"),
        (_fifo, "not a regular file"),
        (_folder, "not a regular file"),
    ],
)
def test_nothing_is_written_into_what_is_not(make, why, victim, tmp_path) -> None:
    path = tmp_path / "run" / "console.log"
    make(path, victim)
    with pytest.raises(OutputError, match=why) as caught:
        open_for_appending(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert victim.read_text() == "precious"
    assert os.listdir(victim.parent) == ["precious"]  # noqa: PTH208


@pytest.mark.parametrize("name", ["record.json", "wandb", "wandb/run-1", "previous_1/console.log", "a/b/c"])
@pytest.mark.parametrize("target", ["/etc", "home", "home/precious", "home/not_there", "../../../.."])
def test_links_that_lead_out_of_a_folder(name, target, victim, tmp_path) -> None:
    link = tmp_path / "run" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target if target.startswith((".", "/")) else tmp_path / target)
    with pytest.raises(OutputError) as caught:
        refuse_links_out(tmp_path / "run")
    assert str(caught.value).startswith(f"{link}: a link that leads out of the folder, to ")
    assert "hydra.run.dir" in str(caught.value)


def test_links_within_it_and_the_folder_itself_may_be(victim, tmp_path) -> None:
    """W&B makes such links; a folder for results is often a link to a larger disk."""
    (tmp_path / "run" / "wandb" / "run-1").mkdir(parents=True)
    (tmp_path / "run" / "wandb" / "latest-run").symlink_to("run-1")
    (tmp_path / "run" / "wandb" / "up").symlink_to("..", target_is_directory=True)
    (tmp_path / "run" / "wandb" / "run-1" / "core.log").symlink_to(victim)  # W&B's own, never written again
    (tmp_path / "run" / "loop").symlink_to("loop")
    (tmp_path / "outputs").symlink_to(tmp_path / "run")
    for folder in ("run", "outputs", "not_there"):
        refuse_links_out(tmp_path / folder)
    (tmp_path / "run" / "wandb" / "out").symlink_to(tmp_path)
    for folder in ("run", "outputs"):
        with pytest.raises(OutputError, match="/wandb/out: a link that leads out"):
            refuse_links_out(tmp_path / folder)


def test_one_file_or_folder(victim, tmp_path) -> None:
    refuse_link(tmp_path / "not_there")
    refuse_link(victim)
    (tmp_path / "run" / "evaluation").symlink_to(victim.parent)
    with pytest.raises(OutputError, match=f"a link to {victim.parent}"):
        refuse_link(tmp_path / "run" / "evaluation")
