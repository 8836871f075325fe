"""The examples of `docs/extending.md`, as somebody would copy them."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import TINY_RANDOM, train
from tests.pages import ROOT, blocks
from tlbench.config.compose import compose_config
from tlbench.config.overrides import within_grammar
from tlbench.config.trainer_flags import ALLOWED
from tlbench.data.open import open_target

PAGE = "docs/extending.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (.*)$", TEXT, flags=re.MULTILINE)
DOORS = [section for section in SECTIONS if section not in ("A task", "What goes into the record")]


def commands(section: str) -> list[list[str]]:
    """What the section's commands are called with."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^```bash\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line.removeprefix("python -m tlbench.train ")) for line in "".join(found).splitlines()]


@pytest.mark.promise("extending page")
@pytest.mark.parametrize("section", DOORS)
def test_the_example_runs(section, tiny_network, monkeypatch):
    monkeypatch.delitem(sys.modules, "my_code", raising=False)
    Path("my_code.py").write_text("\n\n".join(block for _, block in blocks(PAGE, section)))
    Path("photos").mkdir()
    for i in range(40):
        noise = np.random.default_rng(i).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(noise).save(f"photos/{('cat', 'dog')[i % 2]}_{i}.png")
    assert commands(section)
    for command in commands(section):
        if any(argument.startswith("task=") for argument in command):  # training takes longer than one waits for here
            given = [within_grammar(argument) for argument in (*command, "trainer=cpu")]
            target = open_target(compose_config(given).data, 0)
            assert {split: len(samples) for split, samples in target.splits.items()} == {
                "train": 42,
                "val": 6,
                "test": 12,
            }
        else:
            small = [option for option in TINY_RANDOM if option.partition("=")[0] not in str(command)]
            larger = ["data.val_fraction=0.1", "data.shots=8"] if section == "Data" else []
            outcome = train(*small, *larger, *command)
            assert outcome.code == 0, outcome.err
    sys.modules.pop("my_code", None)


@pytest.mark.promise("extending page")
def test_each_door_has_its_section_and_each_flag_its_row():
    table = TEXT[: TEXT.index("\n## ")]
    links = re.findall(r"\(#([a-z-]+)\)", table)
    assert [link.replace("-", " ") for link in links] == [section.lower() for section in ["A task", *DOORS]]
    rows = re.findall(r"^\| (`[^|]*) \|", TEXT[TEXT.index("## Flags of") :], flags=re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(ALLOWED)
