"""The options of `python -m tlbench.status`."""

from __future__ import annotations

from pydantic import Field

from tlbench.tools.options import Options

USAGE = """\
tlbench.status says what a study has done, what runs, what failed, and about how long it takes still.

  tlbench status study=outputs/quickstart
  tlbench status study=outputs/quickstart --watch

--watch says it again whenever it changes, until nothing runs or waits; Ctrl-C ends it, and no run."""


class StatusOptions(Options):
    """Of what."""

    study: str = Field(description="folder of a study, such as outputs/quickstart")
    watch: bool = Field(False, description="true, or --watch: say it again whenever it changes")
