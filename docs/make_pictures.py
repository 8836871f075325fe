"""Draw docs/start.md's pictures from the records of a study: `python docs/make_pictures.py outputs/quickstart`.

Writes `docs/images/<study>_curves.png` (mean, range and single seeds of val/oa) and `docs/images/<study>_table.svg`
(the table as the terminal shows it).
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from tlbench.reporting.figures import figure_files
from tlbench.study.collect import check_comparable, collect_study
from tlbench.study.render import render
from tlbench.study.summary import summarise_study

IMAGES = Path(__file__).parent / "images"


def main(folder: Path) -> None:
    """Draw both pictures of the study in `folder`."""
    records = collect_study(folder)
    factors = records[0].factors
    check_comparable(records, factors)
    records.sort(key=lambda record: record.arm == "random")  # pretrained arms first, as in the study's own table
    name = records[0].study

    summary = summarise_study(records, factors)
    (IMAGES / f"{name}_curves.png").write_bytes(figure_files(summary, records)["curves_val_oa.png"])

    console = Console(record=True, width=86, force_terminal=True, file=io.StringIO())
    console.print(render(summary))
    console.save_svg(str(IMAGES / f"{name}_table.svg"), title=f"tlbench · {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
