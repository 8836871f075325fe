"""The command `python -m tlbench.evaluate run=FOLDER [data=…] [key=value …]`.

Exit codes: 0 done, 1 the metrics are not the recorded ones or the network's outputs are not finite, 2 the user's input
is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.cli.tool import Tool, options_and_consent
from tlbench.tasks.registry import spec_of
from tlbench.tasks.spec import ToolOptions
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent import check_root
from tlbench.tools.consent_options import consent_of
from tlbench.tools.data_overrides import is_data_override, names_place, with_data
from tlbench.tools.evaluate_options import FOOTER, USAGE, EvaluateOptions
from tlbench.tools.options import of_all_tasks


def _act(kind: type[EvaluateOptions], arguments: Sequence[str]) -> None:
    of_data = [a for a in arguments if is_data_override(a)]
    options, again = options_and_consent(kind, [a for a in arguments if a not in of_data])
    run = open_run(options.run, consent_of(options.trust, again))
    options.check_task(run.config.task.name)
    config = with_data(run.config, of_data)
    own = spec_of(run.config).options.get("evaluate", ToolOptions)
    if options.of(own).reads_own_data or not names_place(of_data):
        check_root(f"run={options.run!r}", run.trusted, run.config.data.root)
    from tlbench.tools.evaluate import evaluate  # heavy

    evaluate(options, run, config)


_TOOL = Tool(
    lambda: of_all_tasks(EvaluateOptions),
    USAGE,
    _act,
    interrupted="the same command begins anew, and goes on with corruptions where it was",
    before="evaluated",
    footer=FOOTER,
)
main, entry = _TOOL.main, _TOOL.entry
