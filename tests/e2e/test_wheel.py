"""The built wheel holds all that the command needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.promise("a built wheel"), pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
IN_IT = (
    "tlbench/py.typed",
    "tlbench/conf/train.yaml",
    "tlbench/conf/experiment/quickstart.yaml",
    "hydra_plugins/tlbench_launcher/launcher.py",
    "tlbench/sources/catalog.yaml",
    "tlbench/sources/weights/resnet18-tin200.safetensors",
    "tlbench/sources/weights/resnet18-tin200.md",
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The wheel, built from the tree as it is and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    project = folder / "project"
    kept = ("tlbench", "hydra_plugins", "conf", "pyproject.toml", "README.md", "LICENSE")
    project.mkdir()
    for name in kept:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, project / name)
    environment = {**os.environ, "PATH": f"{ROOT / '.uv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    installer = ["--installer", "uv"] if shutil.which("uv", path=environment["PATH"]) else []
    build = [sys.executable, "-m", "build", "--wheel", *installer, "--outdir", str(folder), str(project)]
    built = subprocess.run(build, capture_output=True, text=True, check=False, env=environment)
    unreachable = ("Failed to fetch", "dns error", "NewConnectionError", "No module named build")
    if built.returncode != 0 and any(reason in built.stdout + built.stderr for reason in unreachable):
        pytest.skip(f"the build backend cannot be fetched: {built.stderr.strip().splitlines()[-1:]}")
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command with nothing but the wheel's content before the installed packages (a checkout's is hidden)."""
    script = f"import sys; sys.path[:] = [{str(folder)!r}] + [p for p in sys.path if p not in ('', {str(ROOT)!r})]\n"
    script += "import tlbench\nassert tlbench.__file__.startswith(sys.path[0]), tlbench.__file__\n"
    script += "from tlbench.train import entry\nentry()\n"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)


def test_the_wheel_is_complete(unpacked):
    assert [name for name in IN_IT if not (unpacked / name).is_file()] == []
    assert not list(unpacked.glob("tests*"))


def test_the_command_runs_from_an_empty_folder(unpacked, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(unpacked))
    shown = subprocess.run(
        [sys.executable, "-m", "tlbench.train", "+experiment=quickstart", "--cfg", "job"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "study: quickstart" in shown.stdout
    wrong = run(unpacked, "data=mnist")
    assert wrong.returncode == 2
    assert "cifar10, coco, digits" in wrong.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_weights_are_found_in_it(unpacked):
    script = (
        "from tlbench.config.compose import compose_config\n"
        "from tlbench.config.conf_folder import config_dir\n"
        "from tlbench.sources.resolve import find_weights\n"
        "c = compose_config([]); print(config_dir(), find_weights(c.source, c.model).path)"
    )
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert [Path(p).is_relative_to(unpacked) for p in done.stdout.split()] == [True, True]
