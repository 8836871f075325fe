"""Where tlbench's own config groups lie."""

from __future__ import annotations

from pathlib import Path


def config_dir() -> Path:
    """`conf/` of a checkout, or `tlbench/conf` of an installed wheel."""
    here = Path(__file__).resolve().parents[1]
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"
