"""The command `python -m tlbench.predict run=FOLDER input=IMAGES [output=FILE] [key=value …]`.

Exit codes: 0 some images were readable, 1 the network's outputs for some of them are not finite, or standard output was
closed before the end or cannot be written, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.cli.tool import Tool, options_and_consent
from tlbench.system.streams import ReaderGone
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent_options import consent_of
from tlbench.tools.options import of_all_tasks
from tlbench.tools.predict_options import FOOTER, USAGE, PredictOptions


def _act(kind: type[PredictOptions], arguments: Sequence[str]) -> int:
    options, again = options_and_consent(kind, arguments)
    options.file()
    options.kind()
    run = open_run(options.run, consent_of(options.trust, again))
    options.check_task(run.config.task.name)
    from tlbench.tools.predict import predict  # heavy

    try:
        predict(options, run)
    except ReaderGone:
        return 1
    return 0


_TOOL = Tool(
    lambda: of_all_tasks(PredictOptions),
    USAGE,
    _act,
    interrupted="the output file was not written",
    before="predicted",
    footer=FOOTER,
)
main, entry = _TOOL.main, _TOOL.entry
