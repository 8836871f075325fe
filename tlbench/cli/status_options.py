"""The options of `python -m tlbench.status`."""

from __future__ import annotations

from pydantic import Field

from tlbench.tools.options import Options

USAGE = """\
tlbench.status says what a study has done, what runs, what failed, and about how long it takes still.

  tlbench status study=outputs/quickstart
  tlbench status study=outputs/quickstart --watch

--watch keeps a line for the study and one for each run at work, with epoch and time left, until nothing runs or waits;
where standard output is no terminal, it says all again when a run begins or ends. Ctrl-C ends it, and no run."""


class StatusOptions(Options):
    """Of what."""

    study: str = Field(description="folder of a study, such as outputs/quickstart")
    watch: bool = Field(False, description="true, or --watch: go on until nothing runs or waits")
