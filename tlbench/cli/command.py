"""The command `tlbench TOOL …`, which is `python -m tlbench.TOOL …`."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Mapping, Sequence

from tlbench import __version__
from tlbench.console import complain, say_lines
from tlbench.errors import did_you_mean

TOOLS: Mapping[str, str] = {
    "train": "train one model, or with -m a study: arms and seeds, and their paired difference",
    "evaluate": "recompute a run's test metrics, on its own or on other data",
    "predict": "what a run's network says of images",
    "export": "a run's network as one file",
    "compare": "two arms, or runs of two studies, paired by seed",
    "report": "a study as one page to send on, and as tables",
    "status": "what a study has done, what runs, and how long it takes still",
}
"""Tool → what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a tool does.

    Args:
        arguments: As in `sys.argv[1:]`, the default.

    Returns:
        The tool's exit code; 2 where there is no such tool.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        say_lines(f"tlbench {__version__}")
        return 0
    if not given or given[0] in ("-h", "--help", "help"):
        say_lines(help_text())
        return 0
    tool, *rest = given
    if tool not in TOOLS:
        close = difflib.get_close_matches(tool, TOOLS, n=1)
        complain(f"ConfigError: {tool!r}: no such tool{did_you_mean(close)}; there are {', '.join(TOOLS)}")
        return 2
    sys.argv = [f"tlbench {tool}", *rest]
    code: int = importlib.import_module(f"tlbench.cli.{tool}").main(rest)
    return code


def help_text() -> str:
    """What `--help` prints."""
    tools = [f"  tlbench {tool:<10}{what}" for tool, what in TOOLS.items()]
    return "\n".join(
        [
            "tlbench: does reusing a pretrained model help on my data, with which recipe, and by how much?",
            "",
            *tools,
            "",
            "tlbench TOOL --help says more. python -m tlbench.TOOL and tlbench-TOOL do the same.",
        ]
    )


def entry() -> None:
    """Leave with `main`'s exit code (the console script)."""
    sys.exit(main())
