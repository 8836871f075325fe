from __future__ import annotations

import logging
import subprocess
import sys
import warnings

import pytest

from tlbench.system.library_warnings import in_our_words

PACKAGES = "/venv/lib/python3.11/site-packages"
BOX = "pictures show a box for characters that their font lacks (DejaVu Sans)"


@pytest.mark.parametrize(
    ("message", "origin", "category", "shown"),
    [
        (
            "Glyph 29483 (\\N{CJK UNIFIED IDEOGRAPH-732B}) missing from font(s) DejaVu Sans.",
            "tlbench/figures.py",
            UserWarning,
            BOX,
        ),
        ("Glyph 9731 (\\N{SNOWMAN}) missing from current font.", f"{PACKAGES}/matplotlib/a.py", UserWarning, BOX),
        (
            "findfont: Font family ['Arial'] not found. Falling back to DejaVu Sans.",
            "matplotlib.font_manager",
            UserWarning,
            None,
        ),
        (
            "CUDA initialization: The NVIDIA driver on your system is too old\n(found version 11040).",
            f"{PACKAGES}/torch/cuda/__init__.py",
            UserWarning,
            "torch cannot use the GPU: The NVIDIA driver on your system is too old (found version 11040).",
        ),
        ("The given NumPy array is not writable, and", f"{PACKAGES}/torch/utils.py", UserWarning, None),
        ("Pydantic serializer warnings:\n  Expected", f"{PACKAGES}/pydantic/main.py", UserWarning, None),
        ("The dataloader, val, has few workers", f"{PACKAGES}/lightning/pytorch/x.py", UserWarning, None),
        ("x is deprecated", f"{PACKAGES}/timm/a.py", FutureWarning, None),
        ("overflow\n encountered", f"{PACKAGES}/numpy/core/a.py", RuntimeWarning, "numpy: overflow encountered"),
        ("Retrying after refusal", "urllib3.connectionpool", UserWarning, "urllib3: Retrying after refusal"),
        ("odd input", "/home/me/my_nets.py", UserWarning, "my_nets.py: odd input"),
        ("x" * 999, f"{PACKAGES}/scipy.py", UserWarning, f"scipy: {'x' * 200}…"),
    ],
)
def test_a_librarys_warning_is_one_line_without_paths_or_nothing(message, origin, category, shown):
    assert in_our_words(message, origin, category) == shown


def test_on_a_terminal_each_is_told_once():
    code = """
import logging, warnings
from tlbench.cli.entry import prepare_process
prepare_process()
import numpy as np
warnings.simplefilter("always")
for _ in range(2):
    warnings.warn_explicit("Glyph 1 (A) missing from font(s) DejaVu Sans.", UserWarning, "a.py", 3)
    warnings.warn_explicit("Glyph 2 (B) missing from font(s) DejaVu Sans.", UserWarning, "a.py", 4)
    np.float64(1) / np.float64(0)
    logging.getLogger("somebody.else").warning("%s is slow", "disk")
    logging.getLogger("somebody.else").info("unseen")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"warning: {BOX}",
        "warning: <string>: divide by zero encountered in scalar divide",
        "warning: somebody: disk is slow",
    ]


def test_the_process_of_the_tests_keeps_its_own():
    assert logging.lastResort is not None
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", UserWarning, stacklevel=1)
