"""The command `python -m tlbench.export run=FOLDER [output=FILE.onnx|FILE.pt|FILE.safetensors]`.

Exit codes: 0 written, 1 it cannot be exported or its check failed, 2 the user's input is at fault, 130 / 143
interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.cli.tool import Tool, options_and_consent
from tlbench.console import say_lines, shown
from tlbench.system.interrupts import interruptible
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent_options import consent_of
from tlbench.tools.export_options import FOOTER, USAGE, ExportOptions


def _act(kind: type[ExportOptions], arguments: Sequence[str]) -> None:
    options, again = options_and_consent(kind, arguments)
    path, form = options.file(), options.kind()
    run = open_run(options.run, consent_of(options.trust, again))
    with interruptible():
        from tlbench.tools.export import export  # heavy

        said = export(run, path, form, half=options.half)
    say_lines("\n".join([*said, f"exported: {shown(path)}"]))


_TOOL = Tool(lambda: ExportOptions, USAGE, _act, interrupted="no file was written", before="exported", footer=FOOTER)
main, entry = _TOOL.main, _TOOL.entry
